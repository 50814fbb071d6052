//! `recovery-point-offset-checkpoint`, `log-start-offset-checkpoint` and `replication-offset-checkpoint` of each log directory:
//! what the next start has to know if this process does not get to stop in good order.
//!
//! A file is written under another name, synced by the driver while the broker goes on, and then takes the old one's place. So a
//! crash leaves either. What they say may be old, but was true: recovery points and log start offsets only grow. Of a topic
//! that is deleted they must say nothing any more, because another of the same name begins anew.

use crate::{
    data_dir::read_text,
    effect::Effect,
    log_dirs::{LogDir, LogDirs},
    topics::{Partition, PartitionKey},
    turn::Turn,
};
use alloc::{format, string::String, vec::Vec};
use bytes::Bytes;
use naru_log::{FileId, Log, OpenMode, Storage, StorageError, TopicPartition, checkpoint};
use naru_trace::SortedMap;

type Offsets = SortedMap<TopicPartition, i64>;

/// The files of each log directory.
const FILES: [&str; 3] = [checkpoint::RECOVERY_POINTS, checkpoint::LOG_START_OFFSETS, checkpoint::HIGH_WATERMARKS];

/// What they say of a partition; 0 where they say nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Said {
    pub(crate) recovery_point: i64,
    pub(crate) log_start_offset: i64,
    pub(crate) high_watermark: i64,
}

/// What the files say, and which of them are being written.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints {
    /// By log directory and file.
    written: SortedMap<(usize, &'static str), Offsets>,
    under_way: Vec<Writing>,
}

/// A file on its way to the disk.
#[derive(Debug)]
struct Writing {
    ticket: u64,
    file: FileId,
    path: String,
    of: (usize, &'static str),
    offsets: Offsets,
}

impl Checkpoints {
    /// Reads the files of a log directory. One that is not there or cannot be understood says nothing; returns sentences
    /// about the latter.
    pub(crate) fn read(&mut self, index: usize, dir: &LogDir, storage: &dyn Storage) -> Vec<String> {
        let mut warnings = Vec::new();
        for name in FILES {
            let path = dir.join(name);
            let offsets = match read_text(storage, &path) {
                Ok(None) => Offsets::new(),
                Ok(Some(text)) => checkpoint::parse(&text).unwrap_or_else(|reason| {
                    warnings.push(format!("{path} is ignored: {reason}"));
                    Offsets::new()
                }),
                Err(error) => {
                    warnings.push(format!("{path} is ignored: {error}"));
                    Offsets::new()
                }
            };
            self.written.insert((index, name), offsets);
        }
        warnings
    }

    /// What they say of a partition.
    pub(crate) fn of(&self, dir: usize, id: &TopicPartition) -> Said {
        let offset = |name| self.written.get(&(dir, name)).and_then(|offsets| offsets.get(id)).copied().unwrap_or(0);
        Said {
            recovery_point: offset(checkpoint::RECOVERY_POINTS),
            log_start_offset: offset(checkpoint::LOG_START_OFFSETS),
            high_watermark: offset(checkpoint::HIGH_WATERMARKS),
        }
    }

    /// Whether a checkpoint is being written to this file.
    pub(crate) fn owns_file(&self, file: FileId) -> bool {
        self.under_way.iter().any(|writing| writing.file == file)
    }

    /// Gives up what is being written, or one of it.
    pub(crate) fn abandon(&mut self, is_it: impl Fn(FileId) -> bool, storage: &mut dyn Storage) {
        let (gone, kept): (Vec<_>, Vec<_>) =
            core::mem::take(&mut self.under_way).into_iter().partition(|writing| is_it(writing.file));
        self.under_way = kept;
        for writing in gone {
            let closed = storage.close(writing.file);
            let removed = storage.remove_file(&temporary(&writing.path));
            // The next one of that name overwrites what cannot be removed.
            drop((closed, removed));
        }
    }
}

/// What is to be known of a log that is about to be closed.
pub(crate) struct Noted {
    dir: usize,
    id: TopicPartition,
    recovery_point: i64,
    log_end_offset: i64,
    log_start_offset: Option<i64>,
    high_watermark: Option<i64>,
}

impl Noted {
    pub(crate) fn of(dir: usize, partition: &Partition, log: &Log) -> Noted {
        Noted {
            high_watermark: partition.is_replicated().then_some(partition.high_watermark),
            dir,
            id: log.id().clone(),
            recovery_point: log.recovery_point(),
            log_end_offset: log.log_end_offset(),
            log_start_offset: starts_inside_a_segment(log).then(|| log.log_start_offset()),
        }
    }
}

impl Checkpoints {
    /// A log was closed; `synced` says that all of it is on disk.
    pub(crate) fn note(&mut self, noted: Noted, synced: bool) {
        let Noted { dir, id, recovery_point, log_end_offset, log_start_offset, high_watermark } = noted;
        let recovery_point = if synced { log_end_offset } else { recovery_point };
        self.written.entry((dir, checkpoint::RECOVERY_POINTS)).or_default().insert(id.clone(), recovery_point);
        let said = [(checkpoint::LOG_START_OFFSETS, log_start_offset), (checkpoint::HIGH_WATERMARKS, high_watermark)];
        for (name, offset) in said {
            let offsets = self.written.entry((dir, name)).or_default();
            match offset {
                Some(offset) => drop(offsets.insert(id.clone(), offset)),
                None => drop(offsets.remove(&id)),
            }
        }
    }

    /// Writes what was noted: the last thing that a broker does for its logs.
    pub(crate) fn write_noted(&self, dirs: &LogDirs, storage: &mut dyn Storage) {
        for ((dir, name), offsets) in &self.written {
            let never_was = *name == checkpoint::HIGH_WATERMARKS && offsets.is_empty();
            if dirs.get(*dir).failed.is_some() || never_was {
                continue;
            }
            // When it cannot be written, the old file stands: what it says was true.
            drop(storage.replace_file(&dirs.get(*dir).join(name), checkpoint::text(offsets).as_bytes()));
        }
    }
}

impl Turn<'_> {
    /// Begins to write the checkpoints that have something new to say: of all files, or of this one.
    pub(crate) fn begin_checkpoints(&mut self, only: Option<&str>) {
        for (of, offsets) in self.current_checkpoints() {
            if only.is_some_and(|name| name != of.1) {
                continue;
            }
            let Turn { state, storage, out, .. } = self;
            let is_known = state.checkpoints.written.get(&of) == Some(&offsets);
            if is_known || state.checkpoints.under_way.iter().any(|writing| writing.of == of) {
                continue;
            }
            let path = state.dirs.get(of.0).join(of.1);
            // What fails here is tried again the next time; until then the old file stands.
            let Ok(file) = write(&temporary(&path), &offsets, *storage) else { continue };
            let ticket = state.flushing.next_ticket();
            out.effects.push(Effect::Sync { ticket, files: alloc::vec![file] });
            state.checkpoints.under_way.push(Writing { ticket, file, path, of, offsets });
        }
    }

    /// A checkpoint is on disk, or could not be brought there. `false`: the ticket is not one's.
    pub(crate) fn on_checkpoint_synced(&mut self, ticket: u64, result: &Result<(), StorageError>) -> bool {
        let checkpoints = &mut self.state.checkpoints;
        let Some(position) = checkpoints.under_way.iter().position(|writing| writing.ticket == ticket) else {
            return false;
        };
        if result.is_err() {
            let file = checkpoints.under_way[position].file;
            checkpoints.abandon(|other| other == file, self.storage);
            return true;
        }
        let Writing { file, path, of, offsets, .. } = checkpoints.under_way.swap_remove(position);
        let closed = self.storage.close(file);
        if closed.and_then(|()| self.storage.rename(&temporary(&path), &path)).is_ok() {
            checkpoints.written.insert(of, offsets);
        }
        true
    }

    /// Writes the checkpoints of all log directories and waits until they are on disk: for what a client was promised.
    pub(crate) fn write_checkpoints_now(&mut self) -> Result<(), StorageError> {
        self.state.checkpoints.abandon(|_| true, self.storage);
        let mut result = Ok(());
        for (of, offsets) in self.current_checkpoints() {
            if self.state.checkpoints.written.get(&of) == Some(&offsets) {
                continue;
            }
            let path = self.state.dirs.get(of.0).join(of.1);
            match self.storage.replace_file(&path, checkpoint::text(&offsets).as_bytes()) {
                Ok(()) => drop(self.state.checkpoints.written.insert(of, offsets)),
                Err(error) => result = result.and(Err(error)),
            }
        }
        result
    }

    /// Sees to it that the files say nothing of partitions that are not here any more: of a new topic of the same name it would
    /// be untrue.
    pub(crate) fn forget_gone_partitions(&mut self) {
        let is_gone = |(of, id): (&(usize, &str), &TopicPartition)| {
            let topic = self.state.topics.by_name(&id.topic);
            let key = topic.map(|topic| PartitionKey { topic, partition: id.partition });
            let partition = key.and_then(|key| self.state.topics.partition(key));
            partition.is_none_or(|partition| partition.dir != Some(of.0))
        };
        let written = &self.state.checkpoints.written;
        let any_is_gone = written.iter().flat_map(|(of, offsets)| offsets.keys().map(move |id| (of, id))).any(is_gone);
        if any_is_gone {
            // When it cannot be written now, the next checkpoint does it, or the next start.
            drop(self.write_checkpoints_now());
        }
    }

    /// What the files should say. A log start offset is worth a line only where it lies inside a segment.
    fn current_checkpoints(&self) -> SortedMap<(usize, &'static str), Offsets> {
        let mut all: SortedMap<(usize, &'static str), Offsets> = SortedMap::new();
        for (index, _) in self.state.dirs.online() {
            FILES.iter().for_each(|name| drop(all.insert((index, *name), Offsets::new())));
        }
        let partitions = self.state.topics.iter().flat_map(|topic| {
            let numbered = topic.partitions.iter().zip(0..);
            numbered.map(|(partition, number)| (topic.name.as_str(), number, partition))
        });
        for (topic, number, partition) in partitions {
            let Some(dir) = partition.dir else { continue };
            let Some(log) = partition.log() else {
                // What was true of a log that does not work is true as long as nobody writes to it.
                let id = TopicPartition { topic: topic.into(), partition: number };
                for ((_, name), offsets) in all.iter_mut().filter(|((of, _), _)| *of == dir) {
                    let written = self.state.checkpoints.written.get(&(dir, *name));
                    offsets.extend(written.and_then(|written| Some((id.clone(), *written.get(&id)?))));
                }
                continue;
            };
            let mut note = |name, offset| {
                if let Some(offsets) = all.get_mut(&(dir, name)) {
                    offsets.insert(log.id().clone(), offset);
                }
            };
            note(checkpoint::RECOVERY_POINTS, log.recovery_point());
            if starts_inside_a_segment(log) {
                note(checkpoint::LOG_START_OFFSETS, log.log_start_offset());
            }
            // A lone replica's high watermark is the end of its log.
            if partition.is_replicated() {
                note(checkpoint::HIGH_WATERMARKS, partition.high_watermark);
            }
        }
        all
    }
}

fn starts_inside_a_segment(log: &Log) -> bool {
    log.first_base_offset() < log.log_start_offset()
}

fn write(path: &str, offsets: &Offsets, storage: &mut dyn Storage) -> Result<FileId, StorageError> {
    let file = storage.open(path, OpenMode::CreateOrOpen)?;
    let text = Bytes::from(checkpoint::text(offsets));
    match storage.truncate(file, 0).and_then(|()| storage.append(file, text)) {
        Ok(()) => Ok(file),
        Err(error) => {
            drop(storage.close(file));
            Err(error)
        }
    }
}

fn temporary(path: &str) -> String {
    format!("{path}.tmp")
}
