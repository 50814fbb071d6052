//! The log directories of a broker (`log.dirs`): whose they are, which partition lies where, which of them have failed.
//!
//! Usually there is one, and it is the storage itself. With several, each is mounted under a name of its own at the top of
//! the storage, has its own `meta.properties`, clean-stop marker and checkpoints, and fails alone: its partitions are
//! offline then, the others go on (KIP-112). The cluster's metadata lies in the first one, which therefore must work.
//!
//! A new partition goes to the directory with the fewest. Where a partition is, is where its directory is found at start;
//! one that is not found while a directory is missing is offline, because it may be there (`LogManager.getOrCreateLog`).

use crate::{
    broker::StartError,
    config::{BrokerConfig, LogDirConfig},
    data_dir::{self, CLEAN_SHUTDOWN, META_PROPERTIES, MetaProperties},
    metadata_log,
    random::Random,
};
use alloc::{format, string::String, vec::Vec};
use naru_log::{Storage, StorageError, StorageErrorKind};
use naru_trace::SortedMap;
use uuid::Uuid;

/// How the directory of a deleted partition ends.
const DELETED: &str = "-delete";

/// All log directories, in the order of the configuration.
#[derive(Debug)]
pub(crate) struct LogDirs {
    dirs: Vec<LogDir>,
}

/// One log directory.
#[derive(Debug)]
pub(crate) struct LogDir {
    /// Where it is, for people.
    pub(crate) path: String,
    /// Where it is in the storage: `""` for the storage itself.
    pub(crate) mount: String,
    /// Its `directory.id`.
    pub(crate) id: Uuid,
    /// The last process stopped in good order.
    pub(crate) clean: bool,
    /// Why it cannot be used, if so.
    pub(crate) failed: Option<String>,
    /// How many partitions lie in it.
    pub(crate) partitions: usize,
}

impl LogDir {
    /// Where a file of this directory is in the storage.
    pub(crate) fn join(&self, name: &str) -> String {
        join(&self.mount, name)
    }
}

impl LogDirs {
    /// Reads whose directories these are, and makes those ours that are nobody's. Returns the cluster's id as well.
    pub(crate) fn claim(
        config: &BrokerConfig,
        storage: &mut dyn Storage,
        random: &mut Random,
    ) -> Result<(Self, String), StartError> {
        let mut claim = Claim { config, metas: Vec::new() };
        for dir in &config.log_dirs {
            let meta = match &dir.failed {
                Some(reason) => Err(reason.clone()),
                None => claim.read_meta(dir, storage)?,
            };
            claim.metas.push(meta);
        }
        let cluster_id = claim.cluster_id(random)?;
        let mut dirs = LogDirs { dirs: Vec::new() };
        for (dir, meta) in config.log_dirs.iter().zip(&claim.metas) {
            let claimed = match meta {
                Ok(Some(meta)) => Ok(meta.directory_id),
                Ok(None) => claim.format(dir, &cluster_id, storage, random)?,
                Err(reason) => Err(reason.clone()),
            };
            dirs.dirs.push(LogDir {
                path: dir.path.clone(),
                mount: dir.mount.clone(),
                id: claimed.as_ref().copied().unwrap_or_default(),
                clean: false,
                failed: claimed.err(),
                partitions: 0,
            });
        }
        dirs.check(storage)?;
        Ok((dirs, cluster_id))
    }

    /// What must hold for all of them together.
    fn check(&self, storage: &dyn Storage) -> Result<(), StartError> {
        let Some(first) = self.dirs.first() else { return Err(StartError::new("there is no log directory")) };
        if let Some(reason) = &first.failed {
            return Err(StartError::new(format!(
                "the first log directory, {}, holds the cluster's metadata and cannot be used: {reason}",
                first.path
            )));
        }
        let metadata = format!("{}-0", metadata_log::TOPIC);
        for (index, dir) in self.online().skip(1) {
            let names = data_dir::directories(storage, &dir.mount).unwrap_or_default();
            if names.contains(&metadata) {
                return Err(StartError::new(format!(
                    "the cluster's metadata ({metadata}) lies in {}, which is not the first log directory; name it first",
                    dir.path
                )));
            }
            let same = |other: &&LogDir| other.id == dir.id && !dir.id.is_nil();
            if let Some(other) = self.dirs[..index].iter().find(same) {
                return Err(StartError::new(format!(
                    "the log directories {} and {} have the same directory.id: one is a copy of the other",
                    other.path, dir.path
                )));
            }
        }
        Ok(())
    }

    /// Whether the last process stopped in good order, for each directory. The markers go: this process has not stopped yet.
    pub(crate) fn take_clean_markers(&mut self, storage: &mut dyn Storage) -> Result<(), StartError> {
        self.for_each_online(|dir| {
            let marker = dir.join(CLEAN_SHUTDOWN);
            dir.clean = data_dir::read_text(storage, &marker)?.is_some();
            if dir.clean { storage.remove_file(&marker) } else { Ok(()) }
        })
    }

    /// Removes what the last process began to remove.
    pub(crate) fn remove_deleted(&mut self, storage: &mut dyn Storage) -> Result<(), StartError> {
        self.for_each_online(|dir| {
            for name in data_dir::directories(storage, &dir.mount)? {
                if name.ends_with(DELETED) && name.contains('.') {
                    storage.remove_dir_all(&dir.join(&name))?;
                }
            }
            Ok(())
        })
    }

    /// Does something with each directory that works. One that fails does not work any more; a lone one that fails is the
    /// end of the start.
    pub(crate) fn for_each_online(
        &mut self,
        mut work: impl FnMut(&mut LogDir) -> Result<(), StorageError>,
    ) -> Result<(), StartError> {
        let is_lone = self.dirs.len() == 1;
        for dir in self.dirs.iter_mut().filter(|dir| dir.failed.is_none()) {
            match work(dir) {
                Ok(()) => {}
                Err(error) if is_lone => return Err(cannot_use(error)),
                Err(error) => dir.failed = Some(format!("{error}")),
            }
        }
        Ok(())
    }

    /// Where each partition is, by the name of its directory (`orders-0`).
    pub(crate) fn locate(&mut self, storage: &dyn Storage) -> Result<SortedMap<String, usize>, StartError> {
        let mut found: SortedMap<String, usize> = SortedMap::new();
        let mut twice = None;
        let mut index = 0;
        let paths: Vec<String> = self.dirs.iter().map(|dir| dir.path.clone()).collect();
        let online: Vec<usize> = self.online().map(|(index, _)| index).collect();
        self.for_each_online(|dir| {
            let place = online[index];
            index += 1;
            let names = data_dir::directories(storage, &dir.mount)?;
            for name in names.into_iter().filter(|name| data_dir::parse_partition_directory(name).is_some()) {
                if let Some(other) = found.insert(name.clone(), place) {
                    twice = Some((name, other, place));
                }
            }
            Ok(())
        })?;
        match twice {
            None => Ok(found),
            Some((name, one, other)) => Err(StartError::new(format!(
                "the partition {name} lies in two log directories, {} and {}; remove the one that is not wanted",
                paths[one], paths[other]
            ))),
        }
    }

    /// Where a new partition goes: to the directory with the fewest that works, the first of those.
    pub(crate) fn place_new(&self) -> Option<usize> {
        let fewest = self.online().min_by_key(|(index, dir)| (dir.partitions, *index));
        fewest.map(|(index, _)| index)
    }

    pub(crate) fn get(&self, index: usize) -> &LogDir {
        &self.dirs[index]
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> &mut LogDir {
        &mut self.dirs[index]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &LogDir> {
        self.dirs.iter()
    }

    /// Those that work, with their places in the configuration.
    pub(crate) fn online(&self) -> impl Iterator<Item = (usize, &LogDir)> {
        self.dirs.iter().enumerate().filter(|(_, dir)| dir.failed.is_none())
    }

    /// Whether one of several failing leaves others.
    pub(crate) fn are_several(&self) -> bool {
        self.dirs.len() > 1
    }

    /// Whether one of them cannot be used.
    pub(crate) fn has_failed(&self) -> bool {
        self.dirs.iter().any(|dir| dir.failed.is_some())
    }
}

/// The directories on their way to being ours.
struct Claim<'a> {
    config: &'a BrokerConfig,
    /// What each directory's `meta.properties` says, if it has one; an error is why it cannot be used.
    metas: Vec<Result<Option<MetaProperties>, String>>,
}

impl Claim<'_> {
    /// The inner error is a directory that does not work; the outer one ends the start.
    fn read_meta(
        &self,
        dir: &LogDirConfig,
        storage: &dyn Storage,
    ) -> Result<Result<Option<MetaProperties>, String>, StartError> {
        let text = match data_dir::read_text(storage, &join(&dir.mount, META_PROPERTIES)) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(Ok(None)),
            Err(error) => return self.failed(error).map(Err),
        };
        let what = self.what(dir);
        let meta = MetaProperties::parse(&text)
            .map_err(|reason| StartError::new(format!("{what}'s {META_PROPERTIES} cannot be used: {reason}")))?;
        if meta.node_id != self.config.node_id {
            return Err(StartError::new(format!(
                "{what} belongs to node.id={} ({META_PROPERTIES}), but this broker is configured as node.id={}",
                meta.node_id, self.config.node_id
            )));
        }
        if !self.config.cluster_id.is_empty() && meta.cluster_id != self.config.cluster_id {
            return Err(StartError::new(format!(
                "{what} belongs to cluster {} ({META_PROPERTIES}), but this broker is configured for cluster {}",
                meta.cluster_id, self.config.cluster_id
            )));
        }
        Ok(Ok(Some(meta)))
    }

    /// The id that all directories share; a new one if they are all new.
    fn cluster_id(&self, random: &mut Random) -> Result<String, StartError> {
        let mut known: Option<&MetaProperties> = None;
        for meta in self.metas.iter().flatten().flatten() {
            match known {
                Some(other) if other.cluster_id != meta.cluster_id => {
                    return Err(StartError::new(format!(
                        "the log directories belong to different clusters ({META_PROPERTIES}): {} and {}",
                        other.cluster_id, meta.cluster_id
                    )));
                }
                _ => known = Some(meta),
            }
        }
        Ok(match (known, self.config.cluster_id.as_str()) {
            (Some(meta), _) => meta.cluster_id.clone(),
            (None, "") => data_dir::id_text(random.uuid()),
            (None, id) => id.into(),
        })
    }

    fn format(
        &self,
        dir: &LogDirConfig,
        cluster_id: &str,
        storage: &mut dyn Storage,
        random: &mut Random,
    ) -> Result<Result<Uuid, String>, StartError> {
        let names = match data_dir::directories(storage, &dir.mount) {
            Ok(names) => names,
            Err(error) => return self.failed(error).map(Err),
        };
        if let Some(name) = names.iter().find(|name| data_dir::parse_partition_directory(name).is_some()) {
            return Err(StartError::new(format!(
                "{} holds partitions ({name}) but no {META_PROPERTIES}, so it is not clear whose they are; use an empty \
                 directory, or bring the file back",
                self.what(dir)
            )));
        }
        let directory_id = random.uuid();
        let meta = MetaProperties { cluster_id: cluster_id.into(), node_id: self.config.node_id, directory_id };
        match storage.replace_file(&join(&dir.mount, META_PROPERTIES), meta.text().as_bytes()) {
            Ok(()) => Ok(Ok(directory_id)),
            Err(error) => self.failed(error).map(Err),
        }
    }

    /// A lone directory that fails is the end of the start.
    fn failed(&self, error: StorageError) -> Result<String, StartError> {
        match self.config.log_dirs.len() {
            1 => Err(cannot_use(error)),
            _ => Ok(format!("{error}")),
        }
    }

    fn what(&self, dir: &LogDirConfig) -> String {
        match self.config.log_dirs.len() {
            1 => "the data directory".into(),
            _ => format!("the log directory {}", dir.path),
        }
    }
}

/// A sentence for a storage that cannot be used at all.
pub(crate) fn cannot_use(error: StorageError) -> StartError {
    StartError::new(format!("the data directory cannot be used: {error}"))
}

/// The failure of a partition that may lie in a directory that is missing.
pub(crate) fn may_be_elsewhere(id: &naru_log::TopicPartition) -> StorageError {
    StorageError {
        kind: StorageErrorKind::NotFound,
        path: format!("{id}"),
        message: "it may lie in a log directory that cannot be used, so no new log is made for it".into(),
    }
}

fn join(mount: &str, name: &str) -> String {
    match mount {
        "" => name.into(),
        mount => format!("{mount}/{name}"),
    }
}
