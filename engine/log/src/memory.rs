//! A disk in memory: for unit tests, and for every broker of the simulation.
//!
//! It keeps apart what a real machine keeps apart: bytes still buffered in the process (lost when the process ends), bytes
//! handed to the operating system (kept then), and how much of a file was synced (kept through a power failure). It can
//! be full, and single files can fail. It deliberately has no latency: time belongs to the simulation.

use crate::{DirEntry, FileId, OpenMode, Slice, Storage, StorageError, StorageErrorKind};
use alloc::{
    borrow::ToOwned,
    collections::{BTreeMap, BTreeSet},
    format,
    rc::Rc,
    string::{String, ToString},
    vec::Vec,
};
use bytes::Bytes;
use core::cell::RefCell;

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
    /// How many of the bytes are synced and would survive a power failure.
    pub synced: u64,
}

/// A handle: clones share one disk.
#[derive(Debug, Clone, Default)]
pub struct MemoryStorage {
    disk: Rc<RefCell<Disk>>,
}

#[derive(Debug, Default)]
struct Disk {
    /// The tree; the root is not in it.
    nodes: BTreeMap<String, Node>,
    inodes: BTreeMap<u32, Inode>,
    /// Which inode an open file is.
    open: BTreeMap<FileId, u32>,
    /// Inodes with buffered appends, and through which file they came.
    dirty: BTreeMap<u32, FileId>,
    next_inode: u32,
    next_file: u32,
    capacity: Option<u64>,
    used: u64,
    faults: BTreeMap<String, Fault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Dir,
    File(u32),
}

#[derive(Debug, Default)]
struct Inode {
    /// Its name when it was last opened or renamed, for error messages and faults.
    path: String,
    bytes: Vec<u8>,
    buffered: Vec<Bytes>,
    buffered_length: u64,
    synced: u64,
    linked: bool,
}

impl MemoryStorage {
    /// An empty disk.
    pub fn new() -> Self {
        MemoryStorage::default()
    }

    /// The process ends without warning: buffered appends are gone, all files are closed, what was committed is kept.
    pub fn crash(&self) {
        let disk = &mut *self.disk.borrow_mut();
        disk.dirty.clear();
        disk.open.clear();
        disk.inodes.retain(|_, inode| inode.linked);
        for inode in disk.inodes.values_mut() {
            inode.buffered.clear();
            inode.buffered_length = 0;
        }
        disk.used = disk.inodes.values().map(|inode| inode.bytes.len() as u64).sum();
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

    /// Every file and directory, sorted by path.
    pub fn entries(&self) -> Vec<DiskEntry> {
        let disk = self.disk.borrow();
        let entry = |(path, node): (&String, &Node)| match node {
            Node::Dir => DiskEntry { path: path.clone(), is_dir: true, length: 0, buffered: 0, synced: 0 },
            Node::File(inode) => {
                let inode = &disk.inodes[inode];
                let (length, buffered, synced) = (inode.bytes.len() as u64, inode.buffered_length, inode.synced);
                DiskEntry { path: path.clone(), is_dir: false, length, buffered, synced }
            }
        };
        disk.nodes.iter().map(entry).collect()
    }

    /// A file's bytes, without what is only buffered.
    pub fn contents(&self, path: &str) -> Option<Vec<u8>> {
        let disk = self.disk.borrow();
        match disk.nodes.get(path) {
            Some(Node::File(inode)) => Some(disk.inodes[inode].bytes.clone()),
            _ => None,
        }
    }

    /// Puts a file there as if it had always been, with the directories above it: for tests, and for damage done on
    /// purpose. Whoever has the file open sees the new bytes.
    pub fn put(&self, path: &str, contents: &[u8]) {
        let disk = &mut *self.disk.borrow_mut();
        if let Some((parent, _)) = path.rsplit_once('/') {
            disk.create_dir(parent).expect("the path is good");
        }
        disk.write_whole(path, contents).expect("the path is good, and nothing fails");
    }
}

impl Storage for MemoryStorage {
    fn create_dir(&mut self, path: &str) -> Result<(), StorageError> {
        self.disk.borrow_mut().create_dir(path)
    }

    fn list(&self, path: &str) -> Result<Vec<DirEntry>, StorageError> {
        let disk = self.disk.borrow();
        disk.check_dir(path)?;
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let in_dir = disk.nodes.range(prefix.clone()..).take_while(|(name, _)| name.starts_with(&prefix));
        let entries = in_dir.filter_map(|(full, node)| {
            let name = &full[prefix.len()..];
            if name.contains('/') {
                return None;
            }
            let (is_dir, length) = match node {
                Node::Dir => (true, 0),
                Node::File(inode) => (false, disk.inodes[inode].length()),
            };
            Some(DirEntry { name: name.to_owned(), is_dir, length })
        });
        let mut entries: Vec<DirEntry> = entries.collect();
        // The map's order has `a-b/x` before `a/x`.
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn remove_dir_all(&mut self, path: &str) -> Result<(), StorageError> {
        let disk = &mut *self.disk.borrow_mut();
        disk.check_dir(path)?;
        disk.check_fault(path, Fault::Write)?;
        for name in disk.names_below(path) {
            disk.unlink(&name);
        }
        disk.nodes.remove(path);
        Ok(())
    }

    fn remove_file(&mut self, path: &str) -> Result<(), StorageError> {
        let disk = &mut *self.disk.borrow_mut();
        disk.check_fault(path, Fault::Write)?;
        disk.inode_at(path)?;
        disk.unlink(path);
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), StorageError> {
        let disk = &mut *self.disk.borrow_mut();
        check_path(to)?;
        disk.check_fault(from, Fault::Write)?;
        let node = *disk.nodes.get(from).ok_or_else(|| not_found(from))?;
        disk.check_parent(to)?;
        if node == Node::Dir {
            if disk.nodes.contains_key(to) {
                return Err(error(StorageErrorKind::Invalid, to, "there is a file or directory of that name already"));
            }
            for name in disk.names_below(from) {
                disk.move_node(&name, &format!("{to}{}", &name[from.len()..]));
            }
        } else if disk.nodes.get(to) == Some(&Node::Dir) {
            return Err(error(StorageErrorKind::Invalid, to, "is a directory"));
        }
        disk.move_node(from, to);
        Ok(())
    }

    fn open(&mut self, path: &str, mode: OpenMode) -> Result<FileId, StorageError> {
        let disk = &mut *self.disk.borrow_mut();
        check_path(path)?;
        disk.check_fault(path, Fault::Io)?;
        let inode = match disk.inode_at(path) {
            Err(missing) if missing.kind == StorageErrorKind::NotFound && mode == OpenMode::CreateOrOpen => {
                disk.create_file(path)?
            }
            found => found?,
        };
        let file = FileId(disk.next_file);
        disk.next_file += 1;
        disk.open.insert(file, inode);
        Ok(file)
    }

    fn close(&mut self, file: FileId) -> Result<(), StorageError> {
        let disk = &mut *self.disk.borrow_mut();
        let inode = disk.inode_of(file)?;
        let written = disk.write_buffered(inode);
        disk.open.remove(&file);
        disk.forget_if_unused(inode);
        written
    }

    fn len(&self, file: FileId) -> Result<u64, StorageError> {
        let disk = self.disk.borrow();
        let inode = disk.inode_of(file)?;
        Ok(disk.inodes[&inode].length())
    }

    fn append(&mut self, file: FileId, bytes: Bytes) -> Result<(), StorageError> {
        let disk = &mut *self.disk.borrow_mut();
        let number = disk.inode_of(file)?;
        let inode = disk.inodes.get_mut(&number).expect("an open file has an inode");
        inode.buffered_length += bytes.len() as u64;
        inode.buffered.push(bytes);
        disk.dirty.insert(number, file);
        Ok(())
    }

    fn truncate(&mut self, file: FileId, length: u64) -> Result<(), StorageError> {
        let disk = &mut *self.disk.borrow_mut();
        let number = disk.inode_of(file)?;
        disk.write_buffered(number)?;
        disk.check_fault(&disk.inodes[&number].path, Fault::Write)?;
        let inode = disk.inodes.get_mut(&number).expect("an open file has an inode");
        let cut = (inode.bytes.len() as u64).saturating_sub(length);
        inode.bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        inode.synced = inode.synced.min(length);
        disk.used -= cut;
        Ok(())
    }

    fn read(&self, file: FileId, position: u64, length: u32) -> Result<Bytes, StorageError> {
        let disk = self.disk.borrow();
        let inode = &disk.inodes[&disk.inode_of(file)?];
        disk.check_fault(&inode.path, Fault::Read)?;
        Ok(inode.read(position, length))
    }

    fn slice(&self, file: FileId, position: u64, length: u32) -> Result<Slice, StorageError> {
        self.read(file, position, length).map(Slice::Bytes)
    }

    fn read_file(&self, path: &str) -> Result<Bytes, StorageError> {
        let disk = self.disk.borrow();
        disk.check_fault(path, Fault::Read)?;
        let inode = &disk.inodes[&disk.inode_at(path)?];
        Ok(inode.read(0, u32::MAX))
    }

    fn replace_file(&mut self, path: &str, contents: &[u8]) -> Result<(), StorageError> {
        let disk = &mut *self.disk.borrow_mut();
        check_path(path)?;
        disk.check_fault(path, Fault::Write)?;
        if disk.room().is_some_and(|room| (contents.len() as u64) > room) {
            return Err(full(path));
        }
        disk.write_whole(path, contents)
    }

    fn sync(&mut self, file: FileId) -> Result<(), StorageError> {
        let disk = &mut *self.disk.borrow_mut();
        let number = disk.inode_of(file)?;
        disk.write_buffered(number)?;
        disk.check_fault(&disk.inodes[&number].path, Fault::Write)?;
        let inode = disk.inodes.get_mut(&number).expect("an open file has an inode");
        inode.synced = inode.bytes.len() as u64;
        Ok(())
    }

    fn sync_dir(&mut self, path: &str) -> Result<(), StorageError> {
        let disk = self.disk.borrow();
        disk.check_dir(path)?;
        disk.check_fault(path, Fault::Write)
    }

    fn commit(&mut self) -> Vec<(FileId, StorageError)> {
        let disk = &mut *self.disk.borrow_mut();
        let dirty = core::mem::take(&mut disk.dirty);
        let write = |(inode, file)| disk.write_buffered(inode).err().map(|error| (file, error));
        dirty.into_iter().filter_map(write).collect()
    }
}

impl Inode {
    fn length(&self) -> u64 {
        self.bytes.len() as u64 + self.buffered_length
    }

    fn read(&self, position: u64, length: u32) -> Bytes {
        let start = position.min(self.length()) as usize;
        let end = position.saturating_add(u64::from(length)).min(self.length()) as usize;
        if end <= self.bytes.len() {
            return Bytes::copy_from_slice(&self.bytes[start..end]);
        }
        let mut out = Vec::with_capacity(end - start);
        let mut chunk_start = 0;
        for chunk in core::iter::once(&self.bytes[..]).chain(self.buffered.iter().map(|bytes| &bytes[..])) {
            let from = start.clamp(chunk_start, chunk_start + chunk.len()) - chunk_start;
            let to = end.clamp(chunk_start, chunk_start + chunk.len()) - chunk_start;
            out.extend_from_slice(&chunk[from..to]);
            chunk_start += chunk.len();
        }
        Bytes::from(out)
    }
}

impl Disk {
    fn create_dir(&mut self, path: &str) -> Result<(), StorageError> {
        check_path(path)?;
        self.check_fault(path, Fault::Write)?;
        let ends = path.match_indices('/').map(|(index, _)| index).chain([path.len()]);
        for end in ends.filter(|end| *end > 0) {
            let node = self.nodes.entry(path[..end].to_owned()).or_insert(Node::Dir);
            if *node != Node::Dir {
                return Err(error(StorageErrorKind::Invalid, &path[..end], "is a file, not a directory"));
            }
        }
        Ok(())
    }

    fn create_file(&mut self, path: &str) -> Result<u32, StorageError> {
        self.check_parent(path)?;
        let inode = self.next_inode;
        self.next_inode += 1;
        self.inodes.insert(inode, Inode { path: path.to_owned(), linked: true, ..Inode::default() });
        self.nodes.insert(path.to_owned(), Node::File(inode));
        Ok(inode)
    }

    fn write_whole(&mut self, path: &str, contents: &[u8]) -> Result<(), StorageError> {
        let number = match self.inode_at(path) {
            Err(missing) if missing.kind == StorageErrorKind::NotFound => self.create_file(path)?,
            found => found?,
        };
        let inode = self.inodes.get_mut(&number).expect("a linked file has an inode");
        self.used = self.used - inode.bytes.len() as u64 + contents.len() as u64;
        inode.bytes = contents.to_owned();
        inode.synced = contents.len() as u64;
        Ok(())
    }

    /// Moves buffered appends to the file, as many bytes as fit.
    fn write_buffered(&mut self, number: u32) -> Result<(), StorageError> {
        self.dirty.remove(&number);
        let room = self.room();
        let fault = self.check_fault(&self.inodes[&number].path, Fault::Write);
        let inode = self.inodes.get_mut(&number).expect("a buffer belongs to a file");
        let buffered = core::mem::take(&mut inode.buffered);
        let length = core::mem::take(&mut inode.buffered_length);
        if buffered.is_empty() {
            return Ok(());
        }
        fault?;
        let mut left = room.unwrap_or(u64::MAX).min(length);
        self.used += left;
        for bytes in buffered {
            let take = left.min(bytes.len() as u64);
            inode.bytes.extend_from_slice(&bytes[..take as usize]);
            left -= take;
        }
        if room.is_some_and(|room| length > room) { Err(full(&inode.path)) } else { Ok(()) }
    }

    fn room(&self) -> Option<u64> {
        self.capacity.map(|capacity| capacity.saturating_sub(self.used))
    }

    fn unlink(&mut self, path: &str) {
        if let Some(Node::File(inode)) = self.nodes.remove(path) {
            self.inodes.get_mut(&inode).expect("a linked file has an inode").linked = false;
            self.forget_if_unused(inode);
        }
    }

    /// An inode without a name lives until the last file on it is closed.
    fn forget_if_unused(&mut self, number: u32) {
        let unused = !self.inodes[&number].linked && !self.open.values().any(|open| *open == number);
        if unused {
            self.dirty.remove(&number);
            let inode = self.inodes.remove(&number).expect("it was there a moment ago");
            self.used -= inode.bytes.len() as u64;
        }
    }

    fn move_node(&mut self, from: &str, to: &str) {
        if from == to {
            return;
        }
        self.unlink(to);
        let node = self.nodes.remove(from).expect("the caller has seen it");
        if let Node::File(inode) = node {
            self.inodes.get_mut(&inode).expect("a linked file has an inode").path = to.to_owned();
        }
        self.nodes.insert(to.to_owned(), node);
    }

    fn names_below(&self, path: &str) -> BTreeSet<String> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let below = self.nodes.range(prefix.clone()..).take_while(|(name, _)| name.starts_with(&prefix));
        below.map(|(name, _)| name.clone()).collect()
    }

    fn inode_at(&self, path: &str) -> Result<u32, StorageError> {
        match self.nodes.get(path) {
            Some(Node::File(inode)) => Ok(*inode),
            Some(Node::Dir) => Err(error(StorageErrorKind::Invalid, path, "is a directory")),
            None => Err(not_found(path)),
        }
    }

    fn inode_of(&self, file: FileId) -> Result<u32, StorageError> {
        let closed = || error(StorageErrorKind::Invalid, &format!("file {}", file.0), "is not open");
        self.open.get(&file).copied().ok_or_else(closed)
    }

    fn check_dir(&self, path: &str) -> Result<(), StorageError> {
        match self.nodes.get(path) {
            _ if path.is_empty() => Ok(()),
            Some(Node::Dir) => Ok(()),
            Some(Node::File(_)) => Err(error(StorageErrorKind::Invalid, path, "is a file, not a directory")),
            None => Err(not_found(path)),
        }
    }

    fn check_parent(&self, path: &str) -> Result<(), StorageError> {
        path.rsplit_once('/').map_or(Ok(()), |(parent, _)| self.check_dir(parent))
    }

    fn check_fault(&self, path: &str, operation: Fault) -> Result<(), StorageError> {
        let hit = |(prefix, fault): (&String, &Fault)| {
            path.starts_with(prefix.as_str()) && (*fault == Fault::Io || operation == Fault::Io || *fault == operation)
        };
        if self.faults.iter().any(hit) {
            return Err(error(StorageErrorKind::Io, path, "Input/output error"));
        }
        Ok(())
    }
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
