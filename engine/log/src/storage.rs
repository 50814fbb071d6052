//! What a log stands on: a small, synchronous file system.
//!
//! Appends are buffered; [`Storage::commit`] hands them to the operating system, once per turn of the driver. That makes
//! them survive the end of the process. Surviving a power failure is another matter: `sync`.
//!
//! This trait deliberately has no paths outside the data directory, no permissions, no clocks and no async.

use alloc::{string::String, vec::Vec};
use bytes::Bytes;
use core::cell::Cell;

/// An open file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A part of an open file that somebody will read later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileRange {
    /// The file.
    pub file: FileId,
    /// Where it begins, in bytes.
    pub position: u64,
    /// How many bytes.
    pub length: u32,
}

/// Bytes on their way out: in memory, or still in a file, so that the driver can send them itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slice {
    /// In memory.
    Bytes(Bytes),
    /// In a file.
    File(FileRange),
}

impl Slice {
    /// Length in bytes.
    pub fn len(&self) -> usize {
        match self {
            Slice::Bytes(bytes) => bytes.len(),
            Slice::File(range) => range.length as usize,
        }
    }
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// The name, without the directory.
    pub name: String,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// A file's length in bytes; 0 for a directory.
    pub length: u64,
}

/// How much fits on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Its size in bytes.
    pub total_bytes: u64,
    /// How many bytes can still be written.
    pub usable_bytes: u64,
}

/// What [`Storage::open`] does when there is no such file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Fail with [`StorageErrorKind::NotFound`].
    Existing,
    /// Create it, empty.
    CreateOrOpen,
}

/// What went wrong, coarsely: enough to decide what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StorageErrorKind {
    /// No such file or directory.
    NotFound,
    /// The disk is full.
    Full,
    /// Somebody else uses the data directory.
    Locked,
    /// The file is not open, or the path is not inside the data directory: a mistake in the engine.
    Invalid,
    /// The bytes are not in memory, and whoever asked does not wait for the disk ([`CachedOnly`]).
    NotCached,
    /// Anything else the operating system says.
    Io,
}

/// What went wrong, with where, and in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct StorageError {
    /// What kind of failure.
    pub kind: StorageErrorKind,
    /// Relative to the data directory.
    pub path: String,
    /// In words, as the operating system says it.
    pub message: String,
}

/// Reading open files: all that a look-up needs of a [`Storage`].
pub trait ReadAt {
    /// Reads `length` bytes from `position`: fewer at the end of the file, none after it.
    fn read(&self, file: FileId, position: u64, length: u32) -> Result<Bytes, StorageError>;
}

/// A data directory. Paths are separated by `/` and relative to it: `orders-0/00000000000000000000.log`; `""` is the data
/// directory itself.
pub trait Storage: ReadAt {
    /// Makes a directory, and those above it. It may exist already.
    fn create_dir(&mut self, path: &str) -> Result<(), StorageError>;
    /// What is in a directory, sorted by name.
    fn list(&self, path: &str) -> Result<Vec<DirEntry>, StorageError>;
    /// Removes a directory and all that is in it.
    fn remove_dir_all(&mut self, path: &str) -> Result<(), StorageError>;
    /// Removes a file. Whoever has it open can go on reading it.
    fn remove_file(&mut self, path: &str) -> Result<(), StorageError>;
    /// Renames a file or a directory. An existing file `to` is replaced. Open files stay open.
    fn rename(&mut self, from: &str, to: &str) -> Result<(), StorageError>;

    /// Opens a file for reading and appending. Two opens of one file have two ids.
    fn open(&mut self, path: &str, mode: OpenMode) -> Result<FileId, StorageError>;
    /// Closes a file. Its buffered appends are written first.
    fn close(&mut self, file: FileId) -> Result<(), StorageError>;
    /// Its length in bytes, buffered appends included.
    fn len(&self, file: FileId) -> Result<u64, StorageError>;
    /// Adds bytes at the end. Buffered until [`Storage::commit`], but [`Storage::read`] and [`Storage::len`] see them.
    fn append(&mut self, file: FileId, bytes: Bytes) -> Result<(), StorageError>;
    /// Cuts a file off after `length` bytes, at once. Buffered appends are written first.
    fn truncate(&mut self, file: FileId, length: u64) -> Result<(), StorageError>;
    /// The same as [`ReadAt::read`] if that needs no disk; `None` where it would have to wait for one. A storage that cannot
    /// tell always reads.
    fn read_cached(&self, file: FileId, position: u64, length: u32) -> Result<Option<Bytes>, StorageError> {
        self.read(file, position, length).map(Some)
    }
    /// A part of a file on its way to a socket. It must lie within the file. A storage on disk returns
    /// [`Slice::File`]; it becomes readable with the next [`Storage::commit`], and effects are performed after that.
    fn slice(&self, file: FileId, position: u64, length: u32) -> Result<Slice, StorageError>;

    /// A whole small file.
    fn read_file(&self, path: &str) -> Result<Bytes, StorageError>;
    /// Writes a whole small file so that after a crash at any moment either the old or the new contents are there
    /// (write a temporary file, sync, rename, sync the directory).
    fn replace_file(&mut self, path: &str, contents: &[u8]) -> Result<(), StorageError>;

    /// Writes a file's buffered appends and waits until its bytes, its length and, if it is new, its name are safely on the
    /// disk. For opening and closing; a running broker asks its driver with an effect instead of waiting. After a failure
    /// nobody knows what is on the disk, and a second attempt that succeeds says nothing about it.
    fn sync(&mut self, file: FileId) -> Result<(), StorageError>;
    /// Waits until the names in a directory are safely on the disk as they are now: files that were made, renamed or
    /// removed. Without this a power failure may bring a removed file back, or its old name.
    fn sync_dir(&mut self, path: &str) -> Result<(), StorageError>;
    /// How much room there is on the disk that holds a directory; `None` if nobody knows.
    fn space(&self, directory: &str) -> Option<Space> {
        let _ = directory;
        None
    }
    /// Hands all buffered appends to the operating system, with one vectored write per file. Returns the files for which
    /// that failed; what was buffered for them is dropped, and a part of it may have been written.
    fn commit(&mut self) -> Vec<(FileId, StorageError)>;
}

/// A storage for those who must not wait. What is not in memory is an error, and is remembered.
pub(crate) struct CachedOnly<'a> {
    storage: &'a dyn Storage,
    missed: Cell<Option<FileRange>>,
}

impl<'a> CachedOnly<'a> {
    pub(crate) fn new(storage: &'a dyn Storage) -> Self {
        CachedOnly { storage, missed: Cell::new(None) }
    }

    /// The first part of a file that was not in memory.
    pub(crate) fn missed(&self) -> Option<FileRange> {
        self.missed.get()
    }
}

impl ReadAt for CachedOnly<'_> {
    fn read(&self, file: FileId, position: u64, length: u32) -> Result<Bytes, StorageError> {
        if let Some(bytes) = self.storage.read_cached(file, position, length)? {
            return Ok(bytes);
        }
        self.missed.set(Some(self.missed.get().unwrap_or(FileRange { file, position, length })));
        let (path, message) = (String::new(), "the bytes are not in memory".into());
        Err(StorageError { kind: StorageErrorKind::NotCached, path, message })
    }
}
