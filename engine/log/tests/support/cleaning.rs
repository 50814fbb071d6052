//! Whole cleanings, and a disk that stops working after so many operations.

use super::Bench;
use bytes::Bytes;
use naru_log::{
    DirEntry, FileId, MemoryStorage, OpenMode, ReadAt, Slice, Storage, StorageError, StorageErrorKind,
    clean::{CleanError, Cleanable, Cleaned, Cleaner, CleanerOptions, DigestSecret, Progress},
};
use naru_records::DecompressLimit;

pub const OPTIONS: CleanerOptions = CleanerOptions {
    dedupe_buffer_bytes: 1 << 20,
    load_percent: 90,
    secret: DigestSecret(1, 2),
    decompress_limit: DecompressLimit(64 << 20),
};

/// A whole cleaning, in steps of `budget_bytes`. When it fails, what it wrote is removed.
pub fn clean(
    bench: &mut Bench,
    cleanable: &Cleanable,
    (options, budget_bytes): (CleanerOptions, u32),
    now_ms: i64,
) -> Result<Cleaned, CleanError> {
    let mut storage = bench.storage.clone();
    let mut cleaner = Cleaner::start(&bench.log, cleanable, options, now_ms, &mut bench.trace);
    let result = drive(&mut cleaner, bench, budget_bytes, &mut storage);
    if result.is_err() {
        cleaner.abort(&mut storage).unwrap();
    }
    result
}

/// Steps, commits and syncs, until it is done or fails.
pub fn drive(
    cleaner: &mut Cleaner,
    bench: &mut Bench,
    budget_bytes: u32,
    storage: &mut dyn Storage,
) -> Result<Cleaned, CleanError> {
    loop {
        let progress = cleaner.step(budget_bytes, &mut bench.log, storage, &mut bench.trace)?;
        bench.log.check_invariants();
        if let Some((file, error)) = storage.commit().into_iter().next() {
            assert!(cleaner.owns_file(file), "a cleaning writes to its own files only");
            return Err(CleanError::Storage(error));
        }
        match progress {
            Progress::Working => {}
            Progress::Sync(files) => {
                files.into_iter().try_for_each(|file| storage.sync(file)).map_err(CleanError::Storage)?;
                cleaner.on_synced();
            }
            Progress::Done(cleaned) => return Ok(cleaned),
        }
    }
}

/// A disk that takes so many more changes, and then none.
pub struct FailingStorage {
    pub disk: MemoryStorage,
    pub changes_left: u32,
}

impl FailingStorage {
    fn change(&mut self) -> Result<&mut MemoryStorage, StorageError> {
        let failed = || StorageError { kind: StorageErrorKind::Io, path: "".into(), message: "enough".into() };
        self.changes_left = self.changes_left.checked_sub(1).ok_or_else(failed)?;
        Ok(&mut self.disk)
    }
}

impl ReadAt for FailingStorage {
    fn read(&self, file: FileId, position: u64, length: u32) -> Result<Bytes, StorageError> {
        self.disk.read(file, position, length)
    }
}

impl Storage for FailingStorage {
    fn create_dir(&mut self, path: &str) -> Result<(), StorageError> {
        self.change()?.create_dir(path)
    }
    fn list(&self, path: &str) -> Result<Vec<DirEntry>, StorageError> {
        self.disk.list(path)
    }
    fn remove_dir_all(&mut self, path: &str) -> Result<(), StorageError> {
        self.change()?.remove_dir_all(path)
    }
    fn remove_file(&mut self, path: &str) -> Result<(), StorageError> {
        self.change()?.remove_file(path)
    }
    fn rename(&mut self, from: &str, to: &str) -> Result<(), StorageError> {
        self.change()?.rename(from, to)
    }
    fn open(&mut self, path: &str, mode: OpenMode) -> Result<FileId, StorageError> {
        self.change()?.open(path, mode)
    }
    fn close(&mut self, file: FileId) -> Result<(), StorageError> {
        self.change()?.close(file)
    }
    fn len(&self, file: FileId) -> Result<u64, StorageError> {
        self.disk.len(file)
    }
    fn append(&mut self, file: FileId, bytes: Bytes) -> Result<(), StorageError> {
        self.change()?.append(file, bytes)
    }
    fn truncate(&mut self, file: FileId, length: u64) -> Result<(), StorageError> {
        self.change()?.truncate(file, length)
    }
    fn slice(&self, file: FileId, position: u64, length: u32) -> Result<Slice, StorageError> {
        self.disk.slice(file, position, length)
    }
    fn read_file(&self, path: &str) -> Result<Bytes, StorageError> {
        self.disk.read_file(path)
    }
    fn replace_file(&mut self, path: &str, contents: &[u8]) -> Result<(), StorageError> {
        self.change()?.replace_file(path, contents)
    }
    fn sync(&mut self, file: FileId) -> Result<(), StorageError> {
        self.change()?.sync(file)
    }
    fn sync_dir(&mut self, path: &str) -> Result<(), StorageError> {
        self.change()?.sync_dir(path)
    }
    fn commit(&mut self) -> Vec<(FileId, StorageError)> {
        match self.change() {
            Ok(disk) => disk.commit(),
            Err(_) => Vec::new(),
        }
    }
}
