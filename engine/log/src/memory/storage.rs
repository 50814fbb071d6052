//! The disk in memory as a [`Storage`].

use super::{
    Disk, DiskChange, Fault, MemoryStorage, OpenFile, check_path, error, folders_of, full, io_error, not_found,
    tree::Node,
};
use crate::{DirEntry, FileId, OpenMode, ReadAt, Slice, Storage, StorageError, StorageErrorKind};
use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use bytes::Bytes;

impl ReadAt for MemoryStorage {
    fn read(&self, file: FileId, position: u64, length: u32) -> Result<Bytes, StorageError> {
        let disk = &mut *self.disk.borrow_mut();
        let number = disk.number_of(file)?;
        disk.check_fault(&disk.files[&number].path, Fault::Read)?;
        disk.on_read(number, position, u64::from(length));
        Ok(disk.files[&number].read(position, length))
    }
}

impl Storage for MemoryStorage {
    fn create_dir(&mut self, path: &str) -> Result<(), StorageError> {
        let disk = &mut *self.disk.borrow_mut();
        disk.check_fault(path, Fault::Write)?;
        disk.tree.create_dir(path)
    }

    fn list(&self, path: &str) -> Result<Vec<DirEntry>, StorageError> {
        let disk = self.disk.borrow();
        let entries = disk.tree.entries(disk.tree.dir(path)?).map(|(name, node)| {
            let (is_dir, length) = match node {
                Node::Dir(_) => (true, 0),
                Node::File(number) => (false, disk.files[&number].length()),
            };
            DirEntry { name: name.clone(), is_dir, length }
        });
        Ok(entries.collect())
    }

    fn remove_dir_all(&mut self, path: &str) -> Result<(), StorageError> {
        let disk = &mut *self.disk.borrow_mut();
        disk.tree.dir(path)?;
        disk.check_fault(path, Fault::Write)?;
        disk.remove_below(path);
        if !path.is_empty() {
            let (dir, name) = disk.tree.place(path)?;
            disk.tree.change(dir, [(name, None)].into());
            disk.note(|| DiskChange::Removed { path: path.to_owned() });
        }
        disk.sweep();
        Ok(())
    }

    fn remove_file(&mut self, path: &str) -> Result<(), StorageError> {
        let disk = &mut *self.disk.borrow_mut();
        disk.check_fault(path, Fault::Write)?;
        disk.file_at(path)?;
        disk.note(|| DiskChange::Removed { path: path.to_owned() });
        disk.unlink(path);
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), StorageError> {
        let disk = &mut *self.disk.borrow_mut();
        check_path(to)?;
        disk.check_fault(from, Fault::Write)?;
        let node = disk.tree.find(from).ok_or_else(|| not_found(from))?;
        disk.tree.place(to)?;
        match (node, disk.tree.find(to)) {
            (Node::Dir(_), Some(_)) => {
                Err(error(StorageErrorKind::Invalid, to, "there is a file or directory of that name already"))
            }
            (Node::File(_), Some(Node::Dir(_))) => Err(error(StorageErrorKind::Invalid, to, "is a directory")),
            _ if from == to => Ok(()),
            _ => disk.rename(node, from, to),
        }
    }

    fn open(&mut self, path: &str, mode: OpenMode) -> Result<FileId, StorageError> {
        let disk = &mut *self.disk.borrow_mut();
        check_path(path)?;
        disk.check_fault(path, Fault::Io)?;
        let number = match disk.file_at(path) {
            Err(missing) if missing.kind == StorageErrorKind::NotFound && mode == OpenMode::CreateOrOpen => {
                disk.create_file(path)?
            }
            found => found?,
        };
        let file = FileId(disk.next_open);
        disk.next_open += 1;
        disk.open.insert(file, OpenFile { number, path: path.to_owned(), name_synced: false });
        Ok(file)
    }

    fn close(&mut self, file: FileId) -> Result<(), StorageError> {
        let disk = &mut *self.disk.borrow_mut();
        let number = disk.number_of(file)?;
        let written = disk.write_buffered(number);
        disk.open.remove(&file);
        disk.forget_if_unused(number);
        written
    }

    fn len(&self, file: FileId) -> Result<u64, StorageError> {
        let disk = self.disk.borrow();
        let number = disk.number_of(file)?;
        Ok(disk.files[&number].length())
    }

    fn append(&mut self, file: FileId, bytes: Bytes) -> Result<(), StorageError> {
        let disk = &mut *self.disk.borrow_mut();
        let number = disk.number_of(file)?;
        let found = disk.files.get_mut(&number).expect("an open file has a number");
        found.buffered_length += bytes.len() as u64;
        found.buffered.push(bytes);
        disk.buffered.insert(number, file);
        Ok(())
    }

    fn truncate(&mut self, file: FileId, length: u64) -> Result<(), StorageError> {
        let disk = &mut *self.disk.borrow_mut();
        let number = disk.number_of(file)?;
        disk.write_buffered(number)?;
        disk.check_fault(&disk.files[&number].path, Fault::Write)?;
        let found = disk.files.get_mut(&number).expect("an open file has a number");
        let cut = (found.bytes.len() as u64).saturating_sub(length);
        if cut == 0 {
            return Ok(());
        }
        found.bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        found.synced = found.synced.min(length);
        disk.used -= cut;
        disk.on_truncated(number);
        disk.note_of(number, |file| DiskChange::Truncated { path: file.path.clone(), length });
        Ok(())
    }

    fn read_cached(&self, file: FileId, position: u64, length: u32) -> Result<Option<Bytes>, StorageError> {
        if self.disk.borrow().is_to_wait_for(file, position, length)? {
            return Ok(None);
        }
        self.read(file, position, length).map(Some)
    }

    fn slice(&self, file: FileId, position: u64, length: u32) -> Result<Slice, StorageError> {
        self.read(file, position, length).map(Slice::Bytes)
    }

    fn read_file(&self, path: &str) -> Result<Bytes, StorageError> {
        let disk = &mut *self.disk.borrow_mut();
        disk.check_fault(path, Fault::Read)?;
        let number = disk.file_at(path)?;
        disk.on_read(number, 0, u64::MAX);
        Ok(disk.files[&number].read(0, u32::MAX))
    }

    fn replace_file(&mut self, path: &str, contents: &[u8]) -> Result<(), StorageError> {
        let disk = &mut *self.disk.borrow_mut();
        check_path(path)?;
        disk.check_fault(path, Fault::Write)?;
        if disk.sync_fails {
            return Err(io_error(path));
        }
        if disk.room().is_some_and(|room| (contents.len() as u64) > room) {
            return Err(full(path));
        }
        disk.write_whole(path, contents)?;
        disk.tree.sync(&folders_of(path)[0]);
        disk.sweep();
        Ok(())
    }

    fn sync(&mut self, file: FileId) -> Result<(), StorageError> {
        self.disk.borrow_mut().sync(file)
    }

    fn sync_dir(&mut self, path: &str) -> Result<(), StorageError> {
        let disk = &mut *self.disk.borrow_mut();
        disk.tree.dir(path)?;
        disk.check_fault(path, Fault::Write)?;
        if disk.sync_fails {
            return Err(io_error(path));
        }
        disk.tree.sync(path);
        disk.sweep();
        Ok(())
    }

    fn commit(&mut self) -> Vec<(FileId, StorageError)> {
        let disk = &mut *self.disk.borrow_mut();
        let buffered = core::mem::take(&mut disk.buffered);
        let write = |(number, file)| disk.write_buffered(number).err().map(|error| (file, error));
        buffered.into_iter().filter_map(write).collect()
    }
}

impl Disk {
    fn rename(&mut self, node: Node, from: &str, to: &str) -> Result<(), StorageError> {
        let replaced = self.file_at(to).ok();
        let ((old_dir, old_name), (new_dir, new_name)) = (self.tree.place(from)?, self.tree.place(to)?);
        if old_dir == new_dir {
            self.tree.change(old_dir, [(old_name, None), (new_name, Some(node))].into());
        } else {
            self.tree.change(new_dir, [(new_name, Some(node))].into());
            self.tree.change(old_dir, [(old_name, None)].into());
        }
        let moved = match node {
            Node::File(number) => [(to.to_owned(), number)].into(),
            Node::Dir(_) => self.tree.files_below(to),
        };
        for (path, number) in moved {
            self.files.get_mut(&number).expect("names lead to files").path = path;
        }
        self.note(|| DiskChange::Renamed { from: from.to_owned(), to: to.to_owned() });
        if let Some(number) = replaced {
            self.on_unlinked(number);
        }
        Ok(())
    }

    /// Empties a directory, and those in it.
    fn remove_below(&mut self, path: &str) {
        let Ok(dir) = self.tree.dir(path) else { return };
        let names: Vec<(String, Node)> = self.tree.entries(dir).map(|(name, node)| (name.clone(), node)).collect();
        for (name, node) in names {
            let full = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            if let Node::Dir(_) = node {
                self.remove_below(&full);
            }
            self.tree.change(dir, [(name, None)].into());
            if let Node::File(number) = node {
                self.on_unlinked(number);
            }
            if path.is_empty() {
                self.note(|| DiskChange::Removed { path: full });
            }
        }
    }
}
