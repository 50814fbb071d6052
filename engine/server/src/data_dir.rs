//! A data directory: whether it may be used, and the lock that keeps a second broker out.
//!
//! A directory is ours when it is new, empty, or holds a `meta.properties` that says so. Files in it that are not ours are left
//! alone. What is inside partition folders is the engine's business, not this file's.

use crate::failure::Failure;
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

/// A data directory that this process, and no other, may use. The lock goes when the process does, however it ends.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Creates the directory if it is missing, locks it, and checks that it is ours.
    pub fn open(path: &Path) -> Result<DataDir, Failure> {
        let shown = path.display();
        fs::create_dir_all(path).map_err(|error| {
            Failure::new(format!("cannot create the data directory {shown}: {error}; name another with --data-dir"))
        })?;
        let path = path.canonicalize().map_err(|error| Failure::new(format!("cannot use {shown}: {error}")))?;
        check_is_ours(&path)?;
        let lock = lock(&path)?;
        Ok(DataDir { path, _lock: lock })
    }

    /// Where it is, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn check_is_ours(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    match fs::read_to_string(path.join(META_FILE)) {
        Ok(text) => check_meta(path, &text),
        Err(error) if error.kind() == ErrorKind::NotFound => match first_foreign_entry(path)? {
            Some(name) => Err(Failure::new(format!(
                "{shown} holds {name:?} and no {META_FILE}, so it is not a broker's data directory; \
                 name an empty or new directory with --data-dir"
            ))),
            None => Ok(()),
        },
        Err(error) => Err(Failure::new(format!(
            "cannot read {shown}/{META_FILE}: {error}; name another directory with --data-dir"
        ))),
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
fn first_foreign_entry(path: &Path) -> Result<Option<String>, Failure> {
    let entries = fs::read_dir(path).map_err(|error| {
        Failure::new(format!("cannot list {}: {error}; name another directory with --data-dir", path.display()))
    })?;
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    // The second name is what a fresh file system has at its top.
    Ok(names.into_iter().find(|name| name != LOCK_FILE && name != "lost+found"))
}

fn lock(path: &Path) -> Result<File, Failure> {
    let shown = path.display();
    let cannot =
        |error: std::io::Error| Failure::new(format!("cannot lock {shown}: {error}; name another with --data-dir"));
    let file = path.join(LOCK_FILE);
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(file).map_err(cannot)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {
            write_pid(&mut file).map_err(cannot)?;
            Ok(file)
        }
        Err(error) if error == rustix::io::Errno::WOULDBLOCK => Err(Failure::new(format!(
            "{shown} is in use by another broker{}; stop that one, or name another directory with --data-dir",
            holder(&mut file)
        ))),
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
