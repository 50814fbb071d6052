//! A disk in memory: for unit tests, and for every broker of the simulation.

use crate::{DirEntry, FileId, OpenMode, Slice, Storage, StorageError};
use alloc::{string::String, vec::Vec};
use bytes::Bytes;

/// What makes an operation fail from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Every read and write of files fails.
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
pub struct MemoryStorage {}

impl MemoryStorage {
    /// An empty disk.
    pub fn new() -> Self {
        todo!()
    }
    /// The process ends without warning: buffered appends are gone, all files are closed, what was committed is kept.
    pub fn crash(&self) {
        todo!()
    }
    /// The disk has room for this many bytes in all; `None` for no limit.
    pub fn set_capacity(&self, _bytes: Option<u64>) {
        todo!()
    }
    /// Operations on files whose path begins with `path_prefix` fail from now on; `None` ends that.
    pub fn set_fault(&self, _path_prefix: &str, _fault: Option<Fault>) {
        todo!()
    }
    /// Every file and directory, sorted by path.
    pub fn entries(&self) -> Vec<DiskEntry> {
        todo!()
    }
    /// A file's bytes, without what is only buffered.
    pub fn contents(&self, _path: &str) -> Option<Vec<u8>> {
        todo!()
    }
    /// Puts a file there as if it had always been: for tests and for damage done on purpose.
    pub fn put(&self, _path: &str, _contents: &[u8]) {
        todo!()
    }
}

impl Storage for MemoryStorage {
    fn create_dir(&mut self, _path: &str) -> Result<(), StorageError> {
        todo!()
    }
    fn list(&self, _path: &str) -> Result<Vec<DirEntry>, StorageError> {
        todo!()
    }
    fn remove_dir_all(&mut self, _path: &str) -> Result<(), StorageError> {
        todo!()
    }
    fn remove_file(&mut self, _path: &str) -> Result<(), StorageError> {
        todo!()
    }
    fn rename(&mut self, _from: &str, _to: &str) -> Result<(), StorageError> {
        todo!()
    }
    fn open(&mut self, _path: &str, _mode: OpenMode) -> Result<FileId, StorageError> {
        todo!()
    }
    fn close(&mut self, _file: FileId) -> Result<(), StorageError> {
        todo!()
    }
    fn len(&self, _file: FileId) -> Result<u64, StorageError> {
        todo!()
    }
    fn append(&mut self, _file: FileId, _bytes: Bytes) -> Result<(), StorageError> {
        todo!()
    }
    fn truncate(&mut self, _file: FileId, _length: u64) -> Result<(), StorageError> {
        todo!()
    }
    fn read(&self, _file: FileId, _position: u64, _length: u32) -> Result<Bytes, StorageError> {
        todo!()
    }
    fn slice(&self, _file: FileId, _position: u64, _length: u32) -> Result<Slice, StorageError> {
        todo!()
    }
    fn read_file(&self, _path: &str) -> Result<Bytes, StorageError> {
        todo!()
    }
    fn replace_file(&mut self, _path: &str, _contents: &[u8]) -> Result<(), StorageError> {
        todo!()
    }
    fn sync(&mut self, _file: FileId) -> Result<(), StorageError> {
        todo!()
    }
    fn commit(&mut self) -> Vec<(FileId, StorageError)> {
        todo!()
    }
}
