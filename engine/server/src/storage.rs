//! Files: [`naru_log::Storage`] over a real data directory.
//!
//! Appends stay in memory until [`FileStorage::commit`], which hands each file's bytes to the operating system with one
//! vectored write. After that a process crash loses nothing; a power failure may, until the file was synced.
//!
//! This deliberately has no cache of its own (the page cache is the cache, as in Kafka) and no threads: syncing in operation
//! and reading for sockets is done elsewhere, on clones of the file handles that [`FileStorage::handle`] gives out.
//! Read [`crate::data_dir`] next: it decides whether a directory may be used at all.

use bytes::{Bytes, BytesMut};
use naru_log::{DirEntry, FileId, FileRange, OpenMode, ReadAt, Slice, Space, Storage, StorageError, StorageErrorKind};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, IoSlice},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// The most buffers that one `writev` takes on Linux (`IOV_MAX`).
const IOV_MAX: usize = 1024;
/// What is brought into the page cache at a time: about what a disk reads as fast as a page.
const LOAD_BYTES: u64 = 128 * 1024;

/// A data directory's files.
pub struct FileStorage {
    /// The names at the top, and where they are; a lone directory has an empty name and is everything.
    roots: Vec<(String, PathBuf)>,
    /// By [`FileId`], which is never used twice: a stale range finds nothing instead of another file's bytes.
    files: Vec<Option<Box<OpenFile>>>,
    /// Files with bytes that were not committed yet, in the order of their first append.
    dirty: Vec<FileId>,
    /// Files closed in this turn. Responses that are about to leave may still point into them.
    retired: Vec<(FileId, Handle)>,
}

/// An open file that other threads may read and sync.
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

struct Shared {
    file: File,
    path: PathBuf,
    /// How many folders there are between the file and the data directory.
    depth: usize,
    /// Whether the file's name is known to be on disk. Its folder, and the folder's name in its own, may be new as well;
    /// that the file was there when it was opened says nothing: another process may have made it and ended.
    name_synced: AtomicBool,
}

struct OpenFile {
    handle: Handle,
    name: String,
    /// Bytes that the operating system has.
    committed: u64,
    /// Bytes that it gets at the next commit.
    pending: Vec<Bytes>,
    pending_bytes: u64,
}

impl Handle {
    /// The file itself.
    pub fn file(&self) -> &File {
        &self.0.file
    }

    /// Brings the file's bytes, its length and its name safely to disk. May take milliseconds: not for the broker's thread.
    pub fn sync(&self) -> io::Result<()> {
        self.0.file.sync_data()?;
        if !self.0.name_synced.load(Ordering::Acquire) {
            for folder in self.0.path.ancestors().skip(1).take(self.0.depth + 1) {
                match File::open(folder) {
                    Ok(folder) => folder.sync_all()?,
                    // Renamed meanwhile: the partition is being deleted, and nobody asks for its name any more.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            self.0.name_synced.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Brings what lies around a range into the page cache. May take as long as the disk does.
    pub fn load(&self, position: u64, length: u32) -> io::Result<()> {
        let start = position - position % LOAD_BYTES;
        let end = (position + u64::from(length)).next_multiple_of(LOAD_BYTES);
        let mut buffer = vec![0; LOAD_BYTES as usize];
        for position in (start..end).step_by(LOAD_BYTES as usize) {
            if read_at_most(self.file(), position, &mut buffer)? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// The same as [`Handle::sync`], with an error that the engine understands.
    pub fn sync_for_engine(&self) -> Result<(), StorageError> {
        self.sync().map_err(|error| storage_error(&error, &self.0.path.to_string_lossy(), "sync"))
    }
}

impl FileStorage {
    /// The files below directories, which must exist and be ours (see [`crate::data_dir`]). Each lies under a name at the top
    /// of the storage; a lone one may have an empty name, and is the storage then. Files are never moved from one to another.
    pub fn mounting(roots: Vec<(String, PathBuf)>) -> Self {
        FileStorage { roots, files: Vec::new(), dirty: Vec::new(), retired: Vec::new() }
    }

    /// A handle that outlives the file's place in this table. Also finds files closed since [`FileStorage::end_turn`].
    pub fn handle(&self, file: FileId) -> Option<Handle> {
        let open = self.files.get(file.0 as usize).and_then(Option::as_ref).map(|open| open.handle.clone());
        open.or_else(|| self.retired.iter().find(|(id, _)| *id == file).map(|(_, handle)| handle.clone()))
    }

    /// Whether the next commit has something to hand over.
    pub fn has_uncommitted(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// The turn's effects were performed: files closed in it may go.
    pub fn end_turn(&mut self) {
        self.retired.clear();
    }

    fn full(&self, path: &str) -> PathBuf {
        debug_assert!(
            !path.starts_with('/') && path.split('/').all(|part| part != ".."),
            "{path} leaves the directory"
        );
        for (name, root) in &self.roots {
            if name.is_empty() {
                return root.join(path);
            }
            match path.strip_prefix(name.as_str()).map(|rest| rest.strip_prefix('/').unwrap_or(rest)) {
                Some("") => return root.clone(),
                Some(rest) if path[name.len()..].starts_with('/') => return root.join(rest),
                _ => {}
            }
        }
        unreachable!("{path} is in no directory that is mounted: the engine has names for all of them")
    }

    fn get(&self, file: FileId) -> Result<&OpenFile, StorageError> {
        self.files.get(file.0 as usize).and_then(Option::as_deref).ok_or_else(|| not_open(file))
    }

    fn get_mut(&mut self, file: FileId) -> Result<&mut OpenFile, StorageError> {
        self.files.get_mut(file.0 as usize).and_then(Option::as_deref_mut).ok_or_else(|| not_open(file))
    }

    fn commit_one(&mut self, file: FileId) -> Result<(), StorageError> {
        // A file that was closed or removed with bytes pending has nothing left to commit.
        let Ok(open) = self.get_mut(file) else { return Ok(()) };
        open.commit().map_err(|error| storage_error(&error, &open.name, "write to"))
    }
}

impl OpenFile {
    fn len(&self) -> u64 {
        self.committed + self.pending_bytes
    }

    fn commit(&mut self) -> io::Result<()> {
        let pending = std::mem::take(&mut self.pending);
        self.pending_bytes = 0;
        match write_vectored_at(self.handle.file(), self.committed, &pending) {
            Ok(written) => {
                self.committed += written;
                Ok(())
            }
            Err(error) => {
                // Half a batch must not stay behind for the next append to follow. If even this fails, recovery cuts it.
                let _ = self.handle.file().set_len(self.committed);
                Err(error)
            }
        }
    }

    fn read(&self, position: u64, length: u32) -> io::Result<Bytes> {
        let read = |bytes: &mut [u8]| read_at_most(self.handle.file(), position, bytes).map(Some);
        self.read_by(read, position, length).map(Option::unwrap_or_default)
    }

    /// The same without waiting for a disk; `None` where that is not possible.
    fn read_cached(&self, position: u64, length: u32) -> io::Result<Option<Bytes>> {
        let read = |bytes: &mut [u8]| match read_cached(self.handle.file(), position, bytes) {
            Ok(count) => Ok((count == bytes.len()).then_some(count)),
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                read_at_most(self.handle.file(), position, bytes).map(Some)
            }
            Err(error) => Err(error),
        };
        self.read_by(read, position, length)
    }

    /// What the operating system has is read by `read`, which says how many bytes there were.
    fn read_by(
        &self,
        read: impl FnOnce(&mut [u8]) -> io::Result<Option<usize>>,
        position: u64,
        length: u32,
    ) -> io::Result<Option<Bytes>> {
        let end = self.len().min(position.saturating_add(u64::from(length)));
        if position >= end {
            return Ok(Some(Bytes::new()));
        }
        let from_disk = self.committed.min(end).saturating_sub(position) as usize;
        let mut bytes = BytesMut::zeroed(from_disk);
        let Some(read) = read(&mut bytes)? else { return Ok(None) };
        bytes.truncate(read);
        // A file that is shorter than it was (somebody else cut it) ends here: no hole before the pending bytes.
        if read == from_disk {
            self.read_pending(position, end, &mut bytes);
        }
        Ok(Some(bytes.freeze()))
    }

    fn read_pending(&self, position: u64, end: u64, into: &mut BytesMut) {
        let mut start = self.committed;
        for chunk in &self.pending {
            let (from, to) = (position.max(start), end.min(start + chunk.len() as u64));
            if from < to {
                into.extend_from_slice(&chunk[(from - start) as usize..(to - start) as usize]);
            }
            start += chunk.len() as u64;
        }
    }
}

impl ReadAt for FileStorage {
    fn read(&self, file: FileId, position: u64, length: u32) -> Result<Bytes, StorageError> {
        let open = self.get(file)?;
        open.read(position, length).map_err(|error| storage_error(&error, &open.name, "read"))
    }
}

impl Storage for FileStorage {
    fn create_dir(&mut self, path: &str) -> Result<(), StorageError> {
        fs::create_dir_all(self.full(path)).map_err(|error| storage_error(&error, path, "create"))
    }

    fn list(&self, path: &str) -> Result<Vec<DirEntry>, StorageError> {
        let list = || -> io::Result<Vec<DirEntry>> {
            let mut entries = Vec::new();
            for entry in fs::read_dir(self.full(path))? {
                let entry = entry?;
                // A name that is not UTF-8 is none of ours: it is left alone.
                let (Ok(name), Ok(metadata)) = (entry.file_name().into_string(), entry.metadata()) else { continue };
                let length = if metadata.is_dir() { 0 } else { metadata.len() };
                entries.push(DirEntry { name, is_dir: metadata.is_dir(), length });
            }
            entries.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(entries)
        };
        list().map_err(|error| storage_error(&error, path, "list"))
    }

    fn remove_dir_all(&mut self, path: &str) -> Result<(), StorageError> {
        fs::remove_dir_all(self.full(path)).map_err(|error| storage_error(&error, path, "remove"))
    }

    fn remove_file(&mut self, path: &str) -> Result<(), StorageError> {
        fs::remove_file(self.full(path)).map_err(|error| storage_error(&error, path, "remove"))
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), StorageError> {
        fs::rename(self.full(from), self.full(to)).map_err(|error| storage_error(&error, from, "rename"))
    }

    fn open(&mut self, path: &str, mode: OpenMode) -> Result<FileId, StorageError> {
        let full = self.full(path);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(matches!(mode, OpenMode::CreateOrOpen));
        let opened = options.open(&full).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (committed, file) = opened.map_err(|error| storage_error(&error, path, "open"))?;
        let depth = path.matches('/').count();
        let shared = Shared { file, path: full, depth, name_synced: AtomicBool::new(false) };
        let handle = Handle(Arc::new(shared));
        let open = OpenFile { handle, name: path.to_owned(), committed, pending: Vec::new(), pending_bytes: 0 };
        self.files.push(Some(Box::new(open)));
        Ok(FileId((self.files.len() - 1) as u32))
    }

    fn close(&mut self, file: FileId) -> Result<(), StorageError> {
        let committed = self.commit_one(file);
        let open = self.files.get_mut(file.0 as usize).and_then(Option::take).ok_or_else(|| not_open(file))?;
        self.retired.push((file, open.handle));
        committed
    }

    fn len(&self, file: FileId) -> Result<u64, StorageError> {
        Ok(self.get(file)?.len())
    }

    fn append(&mut self, file: FileId, bytes: Bytes) -> Result<(), StorageError> {
        let open = self.get_mut(file)?;
        if bytes.is_empty() {
            return Ok(());
        }
        let first = open.pending.is_empty();
        open.pending_bytes += bytes.len() as u64;
        open.pending.push(bytes);
        if first {
            self.dirty.push(file);
        }
        Ok(())
    }

    fn truncate(&mut self, file: FileId, length: u64) -> Result<(), StorageError> {
        self.commit_one(file)?;
        let open = self.get_mut(file)?;
        open.handle.file().set_len(length).map_err(|error| storage_error(&error, &open.name, "truncate"))?;
        open.committed = length;
        Ok(())
    }

    fn read_cached(&self, file: FileId, position: u64, length: u32) -> Result<Option<Bytes>, StorageError> {
        let open = self.get(file)?;
        open.read_cached(position, length).map_err(|error| storage_error(&error, &open.name, "read"))
    }

    fn slice(&self, file: FileId, position: u64, length: u32) -> Result<Slice, StorageError> {
        debug_assert!(position + u64::from(length) <= self.get(file)?.len(), "a slice lies within its file");
        Ok(Slice::File(FileRange { file, position, length }))
    }

    fn read_file(&self, path: &str) -> Result<Bytes, StorageError> {
        fs::read(self.full(path)).map(Bytes::from).map_err(|error| storage_error(&error, path, "read"))
    }

    fn replace_file(&mut self, path: &str, contents: &[u8]) -> Result<(), StorageError> {
        replace_file(&self.full(path), contents).map_err(|error| storage_error(&error, path, "replace"))
    }

    fn sync(&mut self, file: FileId) -> Result<(), StorageError> {
        self.commit_one(file)?;
        let open = self.get(file)?;
        open.handle.sync().map_err(|error| storage_error(&error, &open.name, "sync"))
    }

    fn sync_dir(&mut self, path: &str) -> Result<(), StorageError> {
        let synced = File::open(self.full(path)).and_then(|folder| folder.sync_all());
        synced.map_err(|error| storage_error(&error, path, "sync"))
    }

    fn space(&self, directory: &str) -> Option<Space> {
        let volume = rustix::fs::statvfs(self.full(directory)).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(volume.f_frsize);
        Some(Space { total_bytes: bytes(volume.f_blocks), usable_bytes: bytes(volume.f_bavail) })
    }

    fn commit(&mut self) -> Vec<(FileId, StorageError)> {
        let dirty = std::mem::take(&mut self.dirty);
        let failed = dirty.iter().filter_map(|file| self.commit_one(*file).err().map(|error| (*file, error))).collect();
        self.dirty = dirty;
        self.dirty.clear();
        failed
    }
}

/// Writes a file so that after a crash it holds either all of the old or all of the new contents.
fn replace_file(path: &Path, contents: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    fs::write(&temporary, contents)?;
    File::open(&temporary)?.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_parent(path)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Writes all buffers, one after the other, from `position` on. Returns how many bytes.
fn write_vectored_at(file: &File, position: u64, buffers: &[Bytes]) -> io::Result<u64> {
    let mut slices: Vec<IoSlice<'_>> = buffers.iter().map(|bytes| IoSlice::new(bytes)).collect();
    let mut rest = slices.as_mut_slice();
    let mut written = 0u64;
    while !rest.is_empty() {
        let upto = rest.len().min(IOV_MAX);
        match writev_at(file, &rest[..upto], position + written) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => {
                written += count as u64;
                IoSlice::advance_slices(&mut rest, count);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}

#[cfg(target_os = "linux")]
fn writev_at(file: &File, slices: &[IoSlice<'_>], position: u64) -> io::Result<usize> {
    Ok(rustix::io::pwritev(file, slices, position)?)
}

#[cfg(not(target_os = "linux"))]
fn writev_at(file: &File, slices: &[IoSlice<'_>], position: u64) -> io::Result<usize> {
    match slices.iter().find(|slice| !slice.is_empty()) {
        Some(slice) => file.write_at(slice, position),
        None => Ok(0),
    }
}

/// Reads until the buffer is full or the file ends. Returns how many bytes.
pub fn read_at_most(file: &File, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], position + read as u64) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// Reads as much as can be had without waiting for a disk, possibly nothing. An error of kind `Unsupported` if the system cannot
/// tell.
#[cfg(target_os = "linux")]
pub fn read_cached(file: &File, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
    use rustix::io::{Errno, ReadWriteFlags, preadv2};
    let mut read = 0;
    while read < buffer.len() {
        let mut into = [io::IoSliceMut::new(&mut buffer[read..])];
        match preadv2(file, &mut into, position + read as u64, ReadWriteFlags::NOWAIT) {
            Ok(0) | Err(Errno::AGAIN) => break,
            Ok(count) => read += count,
            Err(Errno::INTR) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Err(ErrorKind::Unsupported.into()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(read)
}

/// Other systems cannot be asked what is cached.
#[cfg(not(target_os = "linux"))]
pub fn read_cached(_: &File, _: u64, _: &mut [u8]) -> io::Result<usize> {
    Err(ErrorKind::Unsupported.into())
}

fn not_open(file: FileId) -> StorageError {
    let message = "this file is not open".to_owned();
    StorageError { kind: StorageErrorKind::Invalid, path: format!("file {}", file.0), message }
}

/// An operating system's error as the engine knows it.
pub fn storage_error(error: &io::Error, path: &str, verb: &str) -> StorageError {
    let kind = match error.kind() {
        ErrorKind::NotFound => StorageErrorKind::NotFound,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StorageErrorKind::Full,
        _ => StorageErrorKind::Io,
    };
    StorageError { kind, path: path.to_owned(), message: format!("cannot {verb} it: {error}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::{TempDir, tempdir};

    fn storage() -> (TempDir, FileStorage) {
        let dir = tempdir().unwrap();
        let storage = FileStorage::mounting(vec![(String::new(), dir.path().to_owned())]);
        (dir, storage)
    }

    fn text(bytes: &Bytes) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn appends_are_seen_at_once_and_written_at_the_commit() {
        let (dir, mut storage) = storage();
        storage.create_dir("orders-0").unwrap();
        let file = storage.open("orders-0/0.log", OpenMode::CreateOrOpen).unwrap();
        storage.append(file, Bytes::from("first ")).unwrap();
        assert!(storage.commit().is_empty());
        storage.append(file, Bytes::from("second ")).unwrap();
        storage.append(file, Bytes::from("third")).unwrap();
        let on_disk = || fs::read_to_string(dir.path().join("orders-0/0.log")).unwrap();
        assert_eq!(on_disk(), "first ");
        assert_eq!(storage.len(file).unwrap(), 18);
        assert_eq!(text(&storage.read(file, 2, 100).unwrap()), "rst second third");
        assert_eq!(text(&storage.read(file, 8, 7).unwrap()), "cond th");
        assert_eq!(text(&storage.read(file, 18, 1).unwrap()), "");
        assert!(storage.commit().is_empty());
        assert_eq!(on_disk(), "first second third");
    }

    #[test]
    fn what_is_not_in_memory_is_told_and_can_be_brought_there() {
        let (_dir, mut storage) = storage();
        let file = storage.open("a", OpenMode::CreateOrOpen).unwrap();
        let page = |byte: u8| Bytes::from(vec![byte; 4096]);
        (0..100).for_each(|byte| storage.append(file, page(byte)).unwrap());
        assert!(storage.commit().is_empty());
        storage.sync(file).unwrap();
        let handle = storage.handle(file).unwrap();
        rustix::fs::fadvise(handle.file(), 0, None, rustix::fs::Advice::DontNeed).unwrap();
        let wanted = |storage: &FileStorage| storage.read_cached(file, 50 * 4096, 4096).unwrap();
        // A file system in memory has no other place for it.
        assert!(wanted(&storage).is_none_or(|bytes| bytes == page(50)));
        handle.load(50 * 4096, 4096).unwrap();
        assert_eq!(wanted(&storage), Some(page(50)));
        handle.load(99 * 4096, u32::MAX).unwrap();
        storage.append(file, page(100)).unwrap();
        assert_eq!(storage.read_cached(file, 99 * 4096, 9000).unwrap().unwrap(), [page(99), page(100)].concat());
        assert_eq!(storage.read_cached(file, 1 << 30, 1).unwrap(), Some(Bytes::new()));
    }

    #[test]
    fn more_buffers_than_one_system_call_takes() {
        let (dir, mut storage) = storage();
        let file = storage.open("many", OpenMode::CreateOrOpen).unwrap();
        let mut expected = String::new();
        for number in 0..3_000 {
            let piece = format!("{number},");
            expected += &piece;
            storage.append(file, Bytes::from(piece)).unwrap();
            storage.append(file, Bytes::new()).unwrap();
        }
        assert!(storage.commit().is_empty());
        assert_eq!(fs::read_to_string(dir.path().join("many")).unwrap(), expected);
    }

    #[test]
    fn a_failed_commit_names_the_file_and_leaves_nothing_half() {
        let (_dir, mut storage) = storage();
        // A device that takes no byte: every write fails with "no space left".
        std::os::unix::fs::symlink("/dev/full", storage.full("full")).unwrap();
        let good = storage.open("good", OpenMode::CreateOrOpen).unwrap();
        let full = storage.open("full", OpenMode::Existing).unwrap();
        storage.append(full, Bytes::from("lost")).unwrap();
        storage.append(good, Bytes::from("kept")).unwrap();
        let failed = storage.commit();
        assert_eq!(failed.len(), 1);
        assert_eq!((failed[0].0, failed[0].1.kind), (full, StorageErrorKind::Full));
        assert_eq!(storage.len(full).unwrap(), 0);
        assert_eq!(text(&storage.read(good, 0, 10).unwrap()), "kept");
        assert!(storage.commit().is_empty(), "a failure is told once");
    }

    #[test]
    fn a_closed_file_can_be_read_until_the_turn_ends_and_its_number_is_never_used_again() {
        let (_dir, mut storage) = storage();
        let file = storage.open("a", OpenMode::CreateOrOpen).unwrap();
        storage.append(file, Bytes::from("still here")).unwrap();
        storage.close(file).unwrap();
        storage.remove_file("a").unwrap();
        let handle = storage.handle(file).unwrap();
        let mut read = [0; 10];
        assert_eq!(read_at_most(handle.file(), 0, &mut read).unwrap(), 10);
        assert_eq!(&read, b"still here");
        storage.end_turn();
        assert!(storage.handle(file).is_none());
        assert_ne!(storage.open("b", OpenMode::CreateOrOpen).unwrap(), file);
    }

    #[test]
    fn truncating_cuts_what_was_buffered_too() {
        let (_dir, mut storage) = storage();
        let file = storage.open("a", OpenMode::CreateOrOpen).unwrap();
        storage.append(file, Bytes::from("0123456789")).unwrap();
        storage.truncate(file, 4).unwrap();
        storage.append(file, Bytes::from("xyz")).unwrap();
        assert_eq!(text(&storage.read(file, 0, 100).unwrap()), "0123xyz");
        assert!(storage.commit().is_empty());
        assert_eq!(text(&storage.read(file, 0, 100).unwrap()), "0123xyz");
    }

    #[test]
    fn several_directories_lie_under_their_names() {
        let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
        let roots = [("dir0", &a), ("dir10", &b)].map(|(name, dir)| (name.to_owned(), dir.path().to_owned()));
        let mut storage = FileStorage::mounting(roots.into());
        storage.replace_file("dir0/x", b"first").unwrap();
        storage.create_dir("dir10/orders-0").unwrap();
        storage.rename("dir10/orders-0", "dir10/gone-0").unwrap();
        assert_eq!(fs::read(a.path().join("x")).unwrap(), b"first");
        assert!(b.path().join("gone-0").is_dir());
        let listed: Vec<String> = storage.list("dir10").unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(listed, ["gone-0"]);
        assert!(storage.space("dir0").is_some_and(|space| space.total_bytes >= space.usable_bytes));
    }

    #[test]
    fn directories_are_listed_in_order_and_missing_ones_are_not_found() {
        let (_dir, mut storage) = storage();
        for path in ["b", "a/deep"] {
            storage.create_dir(path).unwrap();
        }
        storage.replace_file("c.txt", b"checkpoint").unwrap();
        storage.replace_file("c.txt", b"again").unwrap();
        let listed: Vec<(String, bool, u64)> =
            storage.list("").unwrap().into_iter().map(|e| (e.name, e.is_dir, e.length)).collect();
        assert_eq!(listed, [("a".into(), true, 0), ("b".into(), true, 0), ("c.txt".into(), false, 5)]);
        assert_eq!(text(&storage.read_file("c.txt").unwrap()), "again");
        assert_eq!(storage.list("nowhere").unwrap_err().kind, StorageErrorKind::NotFound);
        assert_eq!(storage.open("nowhere", OpenMode::Existing).unwrap_err().kind, StorageErrorKind::NotFound);
    }
}
