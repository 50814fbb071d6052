//! The data directories: whether they may be used, and the locks that keep a second broker out.
//!
//! A directory is ours when it is new, empty, or holds a `meta.properties` that says so. Files in it that are not ours are left
//! alone. What is inside partition folders is the engine's business, not this file's.

use crate::{failure::Failure, log, storage::FileStorage};
use naru_broker::LogDirConfig;
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Seek, Write},
    path::{Path, PathBuf},
};

/// Kafka's name for it, so that neither starts on a directory that the other is using.
const LOCK_FILE: &str = ".lock";
/// Kafka's name: whose directory this is.
const META_FILE: &str = "meta.properties";

/// The directories that a broker keeps its data in.
#[derive(Debug)]
pub struct DataDirs {
    dirs: Vec<Result<DataDir, BadDir>>,
}

/// A directory that the operating system does not let us use.
#[derive(Debug)]
struct BadDir {
    path: PathBuf,
    reason: String,
}

impl DataDirs {
    /// Opens them all. Of several, one that cannot be used is left out, with a line that says so; one that is somebody else's,
    /// or in use, is a mistake.
    pub fn open(paths: &[PathBuf]) -> Result<DataDirs, Failure> {
        let mut dirs: Vec<Result<DataDir, BadDir>> = Vec::new();
        for path in paths {
            let is_there = |other: &Result<DataDir, BadDir>| {
                other.as_ref().is_ok_and(|other| path.canonicalize().is_ok_and(|path| path == other.path))
            };
            if dirs.iter().any(is_there) {
                return Err(Failure::usage(format!("{} is named twice as a data directory", path.display())));
            }
            dirs.push(match DataDir::open(path) {
                Ok(dir) => Ok(dir),
                Err(OpenError::Refused(failure)) => return Err(failure),
                Err(OpenError::Unusable(failure)) if paths.len() == 1 => return Err(failure),
                Err(OpenError::Unusable(failure)) => {
                    log::warn(format_args!(
                        "{failure}; its partitions are offline until the broker is started with it"
                    ));
                    Err(BadDir { path: path.clone(), reason: failure.to_string() })
                }
            });
        }
        Ok(DataDirs { dirs })
    }

    /// For the broker: where they are, and the names under which [`DataDirs::storage`] has them.
    pub fn config(&self) -> Vec<LogDirConfig> {
        let of = |(index, dir): (usize, &Result<DataDir, BadDir>)| {
            let (path, failed) = match dir {
                Ok(dir) => (&dir.path, None),
                Err(bad) => (&bad.path, Some(bad.reason.clone())),
            };
            LogDirConfig { path: path.display().to_string(), mount: self.mount(index), failed }
        };
        self.dirs.iter().enumerate().map(of).collect()
    }

    /// The files in all of them.
    pub fn storage(&self) -> FileStorage {
        let usable = self.dirs.iter().enumerate().filter_map(|(index, dir)| Some((index, dir.as_ref().ok()?)));
        FileStorage::mounting(usable.map(|(index, dir)| (self.mount(index), dir.path.clone())).collect())
    }

    /// Where those are that can be used.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.dirs.iter().flatten().map(|dir| dir.path.clone()).collect()
    }

    /// Whether no broker has ever used any of them.
    pub fn are_new(&self) -> bool {
        self.dirs.iter().flatten().all(|dir| !dir.path.join(META_FILE).exists())
    }

    /// A lone directory is the whole storage, and has no name in it.
    fn mount(&self, index: usize) -> String {
        if self.dirs.len() == 1 { String::new() } else { format!("dir{index}") }
    }
}

/// Why a directory is not opened.
enum OpenError {
    /// The operating system does not let us.
    Unusable(Failure),
    /// It is not ours, or in use.
    Refused(Failure),
}

/// A data directory that this process, and no other, may use. The lock goes when the process does, however it ends.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Creates the directory if it is missing, locks it, and checks that it is ours.
    fn open(path: &Path) -> Result<DataDir, OpenError> {
        let shown = path.display();
        fs::create_dir_all(path).map_err(|error| {
            let why = format!("cannot create the data directory {shown}: {error}; name another with --data-dir");
            OpenError::Unusable(Failure::new(why))
        })?;
        let path = path
            .canonicalize()
            .map_err(|error| OpenError::Unusable(Failure::new(format!("cannot use {shown}: {error}"))))?;
        check_is_ours(&path)?;
        let lock = lock(&path)?;
        Ok(DataDir { path, _lock: lock })
    }
}

fn check_is_ours(path: &Path) -> Result<(), OpenError> {
    let shown = path.display();
    match fs::read_to_string(path.join(META_FILE)) {
        Ok(text) => check_meta(path, &text).map_err(OpenError::Refused),
        Err(error) if error.kind() == ErrorKind::NotFound => match first_foreign_entry(path)? {
            Some(name) => Err(OpenError::Refused(Failure::new(format!(
                "{shown} holds {name:?} and no {META_FILE}, so it is not a broker's data directory; \
                 name an empty or new directory with --data-dir"
            )))),
            None => Ok(()),
        },
        Err(error) => Err(OpenError::Unusable(Failure::new(format!(
            "cannot read {shown}/{META_FILE}: {error}; name another directory with --data-dir"
        )))),
    }
}

/// `meta.properties` version 1 is what KRaft brokers write since Kafka 3.0; version 0 belongs to ZooKeeper's time.
fn check_meta(path: &Path, text: &str) -> Result<(), Failure> {
    let properties = crate::properties::parse(text);
    let version = properties.get("version").map_or("", String::as_str);
    if version == "1" && properties.contains_key("cluster.id") {
        return Ok(());
    }
    let said = if version.is_empty() { "no version".to_owned() } else { format!("version={version}") };
    let shown = path.display();
    Err(Failure::new(format!(
        "{shown}/{META_FILE} says {said}, and this broker knows only version=1 with a cluster.id; \
         nothing was changed; name another directory with --data-dir"
    )))
}

/// A name in the directory that a broker would not have put into an empty one, if there is any.
fn first_foreign_entry(path: &Path) -> Result<Option<String>, OpenError> {
    let entries = fs::read_dir(path).map_err(|error| {
        let why = format!("cannot list {}: {error}; name another directory with --data-dir", path.display());
        OpenError::Unusable(Failure::new(why))
    })?;
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    // The second name is what a fresh file system has at its top.
    Ok(names.into_iter().find(|name| name != LOCK_FILE && name != "lost+found"))
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let shown = path.display();
    let cannot = |error: std::io::Error| {
        OpenError::Unusable(Failure::new(format!("cannot lock {shown}: {error}; name another with --data-dir")))
    };
    let file = path.join(LOCK_FILE);
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(file).map_err(cannot)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {
            write_pid(&mut file).map_err(cannot)?;
            Ok(file)
        }
        Err(error) if error == rustix::io::Errno::WOULDBLOCK => Err(OpenError::Refused(Failure::new(format!(
            "{shown} is in use by another broker{}; stop that one, or name another directory with --data-dir",
            holder(&mut file)
        )))),
        Err(error) => Err(cannot(error.into())),
    }
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

/// Who holds the lock, as far as its file says: for the message only.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if text.trim().parse::<u32>().is_ok() => format!(" (process {})", text.trim()),
        _ => String::new(),
    }
}
