//! A disk in memory: for unit tests, and for every broker of the simulation.
//!
//! It keeps apart what a real machine keeps apart, each in a file of its own:
//!
//! ```text
//!   bytes buffered in the process     lost when the process ends             file.rs
//!        │ commit
//!   pages in the page cache           lost in a power failure while dirty    cache.rs
//!        │ sync, or written back some day
//!   what the disk has                 survives both                          file.rs; after a failure: power.rs
//!
//!   names in directories              as they are, and as a power failure would leave them    tree.rs
//! ```
//!
//! Without further ado the cache is as large as it has to be and everything is instantaneous: a plain disk for unit tests.
//! It deliberately has no clock and no chance of its own; the simulation brings both, and turns the count of trips to the
//! disk into time. [`changes`](DiskChange) tell what happened, for those who watch.

mod cache;
mod changes;
mod file;
mod power;
mod storage;
mod tree;

pub use cache::{CacheConfig, CacheCounters};
pub use changes::DiskChange;

use crate::{FileId, Storage, StorageError, StorageErrorKind};
use alloc::{
    borrow::ToOwned,
    format,
    rc::Rc,
    string::{String, ToString},
    vec::Vec,
};
use bytes::Bytes;
use cache::Cache;
use core::cell::RefCell;
use file::File;
use naru_trace::DiskView;
use naru_trace::{SortedMap, SortedSet};
use tree::{Node, Tree};

/// What fails from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Reading.
    Read,
    /// Writing: appends fail when they are committed, as they do on a real disk.
    Write,
    /// Both.
    Io,
}

/// One file or directory, for a disk browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskEntry {
    /// Relative to the data directory.
    pub path: String,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// A file's length in bytes, without what is only buffered.
    pub length: u64,
    /// How many more bytes are buffered and would be lost with the process.
    pub buffered: u64,
    /// How many of the bytes, from the first one on, are synced and would survive a power failure.
    pub synced: u64,
}

/// A handle: clones share one disk.
#[derive(Debug, Clone, Default)]
pub struct MemoryStorage {
    disk: Rc<RefCell<Disk>>,
}

#[derive(Debug, Default)]
struct Disk {
    tree: Tree,
    /// Files by number, whatever they are called.
    files: SortedMap<u32, File>,
    open: SortedMap<FileId, OpenFile>,
    /// Files with buffered appends, and through which open file they came.
    buffered: SortedMap<u32, FileId>,
    /// Files without a name that nobody has open: a power failure may bring them back.
    ghosts: SortedSet<u32>,
    next_number: u32,
    next_open: u32,
    cache: Cache,
    capacity: Option<u64>,
    used: u64,
    faults: SortedMap<String, Fault>,
    sync_fails: bool,
    /// Whether reads that must not wait are told of pages that are not in memory.
    tells_cached: bool,
    /// Microseconds, as the world says.
    time_us: u64,
    /// What happened since somebody looked; `None` if nobody watches.
    changes: Option<Vec<DiskChange>>,
}

#[derive(Debug)]
struct OpenFile {
    number: u32,
    /// Its name when it was opened.
    path: String,
    /// Whether that name is known to be safe.
    name_synced: bool,
}

impl MemoryStorage {
    /// An empty disk.
    pub fn new() -> Self {
        MemoryStorage::default()
    }

    /// The process ends without warning: buffered appends are gone, all files are closed, what was committed is kept.
    pub fn crash(&self) {
        self.disk.borrow_mut().end_process();
    }

    /// The machine loses power: the process ends, and what was not synced is gone. With a source of chance (it gets a bound
    /// and returns a number below it), writes were under way: any part of what was not synced may be there all the same,
    /// lengths may have grown over zeros, and names may be old or new.
    pub fn lose_power(&self, torn: Option<&mut dyn FnMut(u64) -> u64>) {
        self.disk.borrow_mut().lose_power(torn);
    }

    /// How large the page cache is, and how far it reads ahead.
    pub fn set_cache(&self, config: CacheConfig) {
        let disk = &mut *self.disk.borrow_mut();
        disk.cache.config = config;
        disk.count_pages();
    }

    /// What the page cache has done so far.
    pub fn counters(&self) -> CacheCounters {
        self.disk.borrow().cache.counters
    }

    /// The time in microseconds, so that pages know how long they have been dirty. It never goes back.
    pub fn set_time(&self, us: u64) {
        let disk = &mut *self.disk.borrow_mut();
        disk.time_us = disk.time_us.max(us);
    }

    /// Forgets all clean pages: what is read next comes from the disk.
    pub fn drop_caches(&self) {
        self.disk.borrow_mut().drop_caches();
    }

    /// Whether [`crate::Storage::read_cached`] tells what is not in memory. Otherwise it reads, as if every read took no time.
    pub fn set_tells_cached(&self, tells: bool) {
        self.disk.borrow_mut().tells_cached = tells;
    }

    /// When the oldest dirty page was written, in microseconds; `None` if all are clean.
    pub fn dirty_since(&self) -> Option<u64> {
        self.disk.borrow().files.values().filter_map(|file| file.dirty_since).min()
    }

    /// The operating system writes what was dirty at that time or before, file by file, and the names with it.
    pub fn write_back(&self, dirty_since_us: u64) {
        self.disk.borrow_mut().write_back_old(dirty_since_us);
    }

    /// The disk has room for this many bytes in all; `None` for no limit. What does not fit is cut off when it is
    /// committed, which may well be in the middle of a batch.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.disk.borrow_mut().capacity = bytes;
    }

    /// How many bytes all files take.
    pub fn used(&self) -> u64 {
        self.disk.borrow().used
    }

    /// Operations on files whose path begins with `path_prefix` fail from now on; `None` ends that.
    pub fn set_fault(&self, path_prefix: &str, fault: Option<Fault>) {
        let faults = &mut self.disk.borrow_mut().faults;
        match fault {
            Some(fault) => faults.insert(path_prefix.to_owned(), fault),
            None => faults.remove(path_prefix),
        };
    }

    /// Whether syncing fails, as on Linux: the pages count as clean afterwards, and the disk never got them. A later sync
    /// succeeds and does not change that.
    pub fn set_sync_fails(&self, fails: bool) {
        self.disk.borrow_mut().sync_fails = fails;
    }

    /// One byte becomes another, in memory and on the disk, and no page is the dirtier for it: bit rot, or somebody's hand.
    /// Returns what was there; `None` if the file does not have it.
    pub fn edit_byte(&self, path: &str, position: u64, value: u8) -> Option<u8> {
        self.disk.borrow_mut().edit_byte(path, position, value)
    }

    /// From now on changes are noted, or no longer.
    pub fn watch(&self, on: bool) {
        self.disk.borrow_mut().changes = on.then(Vec::new);
    }

    /// What happened since the last call, in order.
    pub fn take_changes(&self) -> Vec<DiskChange> {
        self.disk.borrow_mut().changes.as_mut().map(core::mem::take).unwrap_or_default()
    }

    /// Reads that `look` makes leave no trace: pages stay where they are, nothing is counted. For whoever looks on.
    pub fn unseen<R>(&self, look: impl FnOnce() -> R) -> R {
        let before = core::mem::replace(&mut self.disk.borrow_mut().cache.asleep, true);
        let result = look();
        self.disk.borrow_mut().cache.asleep = before;
        result
    }

    /// The disk as a picture: its files and where their pages are.
    pub fn view(&self) -> DiskView {
        let disk = self.disk.borrow();
        let files = disk.paths().into_iter().filter_map(|(path, node)| match node {
            Node::Dir(_) => None,
            Node::File(number) => Some((path, disk.files[&number].view())),
        });
        DiskView { files: files.collect(), ..DiskView::default() }
    }

    /// Every file and directory, sorted by path.
    pub fn entries(&self) -> Vec<DiskEntry> {
        let disk = self.disk.borrow();
        let entry = |(path, node)| match node {
            Node::Dir(_) => DiskEntry { path, is_dir: true, length: 0, buffered: 0, synced: 0 },
            Node::File(number) => {
                let file = &disk.files[&number];
                let (length, buffered, synced) = (file.bytes.len() as u64, file.buffered_length, file.synced);
                DiskEntry { path, is_dir: false, length, buffered, synced }
            }
        };
        disk.paths().into_iter().map(entry).collect()
    }

    /// A file's bytes, without what is only buffered.
    pub fn contents(&self, path: &str) -> Option<Vec<u8>> {
        let disk = self.disk.borrow();
        match disk.tree.find(path) {
            Some(Node::File(number)) => Some(disk.files[&number].bytes.clone()),
            _ => None,
        }
    }

    /// Puts a file there as if it had always been, with the directories above it: for tests, and for damage done on
    /// purpose. Whoever has the file open sees the new bytes.
    pub fn put(&self, path: &str, contents: &[u8]) {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.clone().create_dir(parent).expect("the path is good");
        }
        let disk = &mut *self.disk.borrow_mut();
        disk.write_whole(path, contents).expect("the path is good, and nothing fails");
        disk.tree.make_safe(path);
    }
}

impl Disk {
    fn end_process(&mut self) {
        self.buffered.clear();
        self.open.clear();
        for file in self.files.values_mut() {
            file.buffered.clear();
            file.buffered_length = 0;
        }
        let nameless: Vec<u32> =
            self.files.iter().filter(|(_, file)| !file.linked).map(|(number, _)| *number).collect();
        nameless.into_iter().for_each(|number| self.forget_if_unused(number));
    }

    /// Every path there is, sorted.
    fn paths(&self) -> Vec<(String, Node)> {
        let mut paths = self.tree.below(Tree::ROOT, "");
        paths.sort_by(|a, b| a.0.cmp(&b.0));
        paths
    }

    fn create_file(&mut self, path: &str) -> Result<u32, StorageError> {
        let (dir, name) = self.tree.place(path)?;
        let number = self.next_number;
        self.next_number += 1;
        self.files.insert(number, File { path: path.to_owned(), linked: true, ..File::default() });
        self.tree.change(dir, [(name, Some(Node::File(number)))].into());
        self.note(|| DiskChange::Created { path: path.to_owned() });
        Ok(number)
    }

    /// Replaces a file's bytes, safely on the disk.
    fn write_whole(&mut self, path: &str, contents: &[u8]) -> Result<(), StorageError> {
        let number = match self.file_at(path) {
            Err(missing) if missing.kind == StorageErrorKind::NotFound => self.create_file(path)?,
            found => found?,
        };
        self.cache.forget_file(number, &self.files[&number]);
        let file = self.files.get_mut(&number).expect("a linked file has a number");
        self.used = self.used - file.bytes.len() as u64 + contents.len() as u64;
        file.replace(contents);
        self.cache.count_file(number, self.files.get_mut(&number).expect("as above"));
        self.note(|| DiskChange::Replaced { path: path.to_owned(), bytes: Bytes::copy_from_slice(contents) });
        self.shrink_cache();
        Ok(())
    }

    /// Moves buffered appends to the page cache, as many bytes as fit on the disk.
    fn write_buffered(&mut self, number: u32) -> Result<(), StorageError> {
        self.buffered.remove(&number);
        let room = self.room();
        let fault = self.check_fault(&self.files[&number].path, Fault::Write);
        let file = self.files.get_mut(&number).expect("a buffer belongs to a file");
        let buffered = core::mem::take(&mut file.buffered);
        let length = core::mem::take(&mut file.buffered_length);
        if buffered.is_empty() {
            return Ok(());
        }
        fault?;
        let fitting = room.unwrap_or(u64::MAX).min(length);
        let position = file.bytes.len() as u64;
        let mut left = fitting;
        for bytes in buffered {
            let take = left.min(bytes.len() as u64);
            file.bytes.extend_from_slice(&bytes[..take as usize]);
            left -= take;
        }
        self.used += fitting;
        self.on_written(number, position, fitting);
        let is_full = room.is_some_and(|room| length > room);
        if is_full { Err(full(&self.files[&number].path)) } else { Ok(()) }
    }

    fn room(&self) -> Option<u64> {
        self.capacity.map(|capacity| capacity.saturating_sub(self.used))
    }

    fn sync(&mut self, file: FileId) -> Result<(), StorageError> {
        let number = self.number_of(file)?;
        self.write_buffered(number)?;
        let path = self.files[&number].path.clone();
        self.check_fault(&path, Fault::Write)?;
        if self.sync_fails {
            let pages = self.lose_dirty_pages(number);
            self.note_of(number, |file| DiskChange::SyncFailed { path: file.path.clone(), pages });
            return Err(io_error(&path));
        }
        let pages = self.write_pages(number);
        let found = self.files.get_mut(&number).expect("an open file has a number");
        found.synced = found.safe_prefix();
        self.note_of(number, |file| DiskChange::Synced { path: file.path.clone(), pages });
        let open = self.open.get_mut(&file).expect("just looked");
        if !core::mem::replace(&mut open.name_synced, true) {
            let folders = folders_of(&open.path);
            folders.iter().for_each(|folder| self.tree.sync(folder));
            self.sweep();
        }
        Ok(())
    }

    fn unlink(&mut self, path: &str) {
        if let (Some(Node::File(number)), Ok((dir, name))) = (self.tree.find(path), self.tree.place(path)) {
            self.tree.change(dir, [(name, None)].into());
            self.on_unlinked(number);
        }
    }

    fn on_unlinked(&mut self, number: u32) {
        self.files.get_mut(&number).expect("a linked file has a number").linked = false;
        self.forget_if_unused(number);
    }

    /// A file without a name lives until the last who has it open closes it; what the disk has of it, until the removal of
    /// its name is safe.
    fn forget_if_unused(&mut self, number: u32) {
        let unused = !self.files[&number].linked && !self.open.values().any(|open| open.number == number);
        if !unused || !self.ghosts.insert(number) {
            return;
        }
        self.buffered.remove(&number);
        self.cache.forget_file(number, &self.files[&number]);
        let file = self.files.get_mut(&number).expect("it was there a moment ago");
        self.used -= file.bytes.len() as u64;
        file.dirty_since = None;
        self.sweep();
    }

    /// Forgets files and directories that not even a power failure could bring back.
    fn sweep(&mut self) {
        if self.ghosts.is_empty() && !self.tree.has_removed_dirs() {
            return;
        }
        let reachable = self.tree.sweep();
        let (kept, gone): (SortedSet<u32>, SortedSet<u32>) =
            self.ghosts.iter().partition(|number| reachable.contains(number));
        self.ghosts = kept;
        gone.iter().for_each(|number| drop(self.files.remove(number)));
    }

    fn edit_byte(&mut self, path: &str, position: u64, value: u8) -> Option<u8> {
        let number = self.file_at(path).ok()?;
        let file = self.files.get_mut(&number)?;
        let index = usize::try_from(position).ok()?;
        let before = core::mem::replace(file.bytes.get_mut(index)?, value);
        if let Some(byte) = file.disk.get_mut(index) {
            *byte = value;
        }
        self.note(|| DiskChange::Edited { path: path.to_owned(), position, before, after: value });
        Some(before)
    }

    fn note(&mut self, change: impl FnOnce() -> DiskChange) {
        if let Some(changes) = &mut self.changes {
            changes.push(change());
        }
    }

    /// Notes a change of a file; of one without a name there is nothing to tell.
    fn note_of(&mut self, number: u32, change: impl FnOnce(&File) -> DiskChange) {
        let file = &self.files[&number];
        if let Some(changes) = self.changes.as_mut().filter(|_| file.linked) {
            changes.push(change(file));
        }
    }

    fn file_at(&self, path: &str) -> Result<u32, StorageError> {
        match self.tree.find(path) {
            Some(Node::File(number)) => Ok(number),
            Some(Node::Dir(_)) => Err(error(StorageErrorKind::Invalid, path, "is a directory")),
            None => Err(not_found(path)),
        }
    }

    fn number_of(&self, file: FileId) -> Result<u32, StorageError> {
        let closed = || error(StorageErrorKind::Invalid, &format!("file {}", file.0), "is not open");
        self.open.get(&file).map(|open| open.number).ok_or_else(closed)
    }

    fn check_fault(&self, path: &str, operation: Fault) -> Result<(), StorageError> {
        let hit = |(prefix, fault): (&String, &Fault)| {
            path.starts_with(prefix.as_str()) && (*fault == Fault::Io || operation == Fault::Io || *fault == operation)
        };
        if self.faults.iter().any(hit) { Err(io_error(path)) } else { Ok(()) }
    }
}

/// The directories above a path, innermost first, down to the data directory itself.
fn folders_of(path: &str) -> Vec<String> {
    let mut folders: Vec<String> = path.match_indices('/').map(|(at, _)| path[..at].to_owned()).collect();
    folders.insert(0, String::new());
    folders.reverse();
    folders
}

fn check_path(path: &str) -> Result<(), StorageError> {
    let good = |part: &str| !part.is_empty() && part != "." && part != "..";
    if path.is_empty() || path.split('/').all(good) {
        return Ok(());
    }
    Err(error(StorageErrorKind::Invalid, path, "is not a path inside the data directory"))
}

fn error(kind: StorageErrorKind, path: &str, message: &str) -> StorageError {
    StorageError { kind, path: path.to_string(), message: message.to_string() }
}

fn not_found(path: &str) -> StorageError {
    error(StorageErrorKind::NotFound, path, "No such file or directory")
}

fn full(path: &str) -> StorageError {
    error(StorageErrorKind::Full, path, "No space left on device")
}

fn io_error(path: &str) -> StorageError {
    error(StorageErrorKind::Io, path, "Input/output error")
}
