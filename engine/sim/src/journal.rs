//! What was in which file at which event: the bytes that events deliberately do not carry.
//!
//! The world writes down every change of what its disks hold, with the event that tells of it. An image of a disk at any
//! event is a fold of them. Only worlds that show their disks keep a journal.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use bytes::{Bytes, BytesMut};
use naru_log::DiskChange;
use naru_trace::Seq;
use naru_trace::SortedMap;

/// Every change of what disks hold, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiskJournal {
    changes: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// The event that tells of the change.
    seq: Seq,
    broker: i32,
    change: DiskChange,
}

/// What a disk holds at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiskImage {
    /// Files by path, relative to the data directory.
    pub files: SortedMap<String, FileImage>,
}

/// What a file holds at one moment. Cheap to clone: it shares the bytes of the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileImage {
    /// One after the other, without empty ones.
    chunks: Vec<Bytes>,
    length: u64,
}

impl DiskJournal {
    /// Whether nothing was written down.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// What the disk of `broker` holds right after the event `seq`.
    pub fn image_at(&self, broker: i32, seq: Seq) -> DiskImage {
        let mut image = DiskImage::default();
        let until = self.changes.partition_point(|entry| entry.seq <= seq);
        self.changes[..until]
            .iter()
            .filter(|entry| entry.broker == broker)
            .for_each(|entry| image.apply(&entry.change));
        image
    }

    /// Writes a change down, if it changes what is in files.
    pub(crate) fn push(&mut self, seq: Seq, broker: i32, change: DiskChange) {
        match change {
            DiskChange::Synced { .. }
            | DiskChange::SyncFailed { .. }
            | DiskChange::Read { .. }
            | DiskChange::WrittenBack { .. }
            | DiskChange::Evicted { .. } => {}
            change => self.changes.push(Entry { seq, broker, change }),
        }
    }
}

impl DiskImage {
    /// `length` bytes of a file from `position` on: fewer at its end. `None` if there is no such file.
    pub fn read(&self, path: &str, position: u64, length: u64) -> Option<Bytes> {
        self.files.get(path).map(|file| file.read(position, length))
    }

    fn apply(&mut self, change: &DiskChange) {
        match change {
            DiskChange::Created { path } => {
                self.files.insert(path.clone(), FileImage::default());
            }
            DiskChange::Written { path, bytes, .. } => self.files.entry(path.clone()).or_default().push(bytes.clone()),
            DiskChange::Truncated { path, length } => {
                let file = self.files.entry(path.clone()).or_default();
                *file = file.slice(0, *length);
            }
            DiskChange::Replaced { path, bytes } => {
                self.files.insert(path.clone(), FileImage::of(bytes.clone()));
            }
            DiskChange::Renamed { from, to } => self.rename(from, to),
            DiskChange::Removed { path } => {
                let below = format!("{path}/");
                self.files.retain(|name, _| name != path && !name.starts_with(&below));
            }
            DiskChange::PowerLost { files } => {
                let image = |(path, bytes): (&String, &Bytes)| (path.clone(), FileImage::of(bytes.clone()));
                self.files = files.iter().map(image).collect();
            }
            DiskChange::Edited { path, position, after, .. } => {
                if let Some(file) = self.files.get_mut(path) {
                    let mut edited = file.slice(0, *position);
                    edited.push(Bytes::copy_from_slice(&[*after]));
                    file.slice(position + 1, u64::MAX).chunks.into_iter().for_each(|chunk| edited.push(chunk));
                    *file = edited;
                }
            }
            _ => {}
        }
    }

    fn rename(&mut self, from: &str, to: &str) {
        let below = format!("{from}/");
        let moved = self.files.keys().filter(|name| *name == from || name.starts_with(&below));
        for name in moved.map(ToString::to_string).collect::<Vec<_>>() {
            if let Some(file) = self.files.remove(&name) {
                self.files.insert(format!("{to}{}", &name[from.len()..]), file);
            }
        }
    }
}

impl FileImage {
    fn of(bytes: Bytes) -> Self {
        let mut file = FileImage::default();
        file.push(bytes);
        file
    }

    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// `length` bytes from `position` on: fewer at the end.
    pub fn read(&self, position: u64, length: u64) -> Bytes {
        let chunks = self.slice(position, length).chunks;
        match chunks.as_slice() {
            [one] => one.clone(),
            many => {
                let mut all = BytesMut::new();
                many.iter().for_each(|chunk| all.extend_from_slice(chunk));
                all.freeze()
            }
        }
    }

    fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.length += bytes.len() as u64;
            self.chunks.push(bytes);
        }
    }

    fn slice(&self, position: u64, length: u64) -> FileImage {
        let end = position.saturating_add(length);
        let (mut part, mut start) = (FileImage::default(), 0);
        for chunk in &self.chunks {
            let stop = start + chunk.len() as u64;
            let (from, to) = (position.clamp(start, stop), end.clamp(start, stop));
            if from < to {
                part.push(chunk.slice((from - start) as usize..(to - start) as usize));
            }
            start = stop;
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(journal: &mut DiskJournal, seq: Seq, position: u64, bytes: &'static [u8]) {
        let change = DiskChange::Written { path: "a/log".into(), position, bytes: Bytes::from_static(bytes) };
        journal.push(seq, 1, change);
    }

    fn text(journal: &DiskJournal, seq: Seq) -> String {
        let bytes = journal.image_at(1, seq).read("a/log", 0, 99).unwrap_or_default();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn an_image_is_a_fold_up_to_its_event() {
        let mut journal = DiskJournal::default();
        journal.push(2, 1, DiskChange::Created { path: "a/log".into() });
        written(&mut journal, 3, 0, b"one ");
        written(&mut journal, 5, 4, b"two");
        journal.push(6, 1, DiskChange::Truncated { path: "a/log".into(), length: 5 });
        journal.push(7, 1, DiskChange::Edited { path: "a/log".into(), position: 3, before: b' ', after: b'-' });
        journal.push(8, 2, DiskChange::Removed { path: "a".into() });
        journal.push(9, 1, DiskChange::Renamed { from: "a".into(), to: "b".into() });
        assert_eq!(journal.image_at(1, 1), DiskImage::default());
        assert_eq!(
            [2, 3, 4, 5, 6, 7, 8].map(|seq| text(&journal, seq)),
            ["", "one ", "one ", "one two", "one t", "one-t", "one-t"]
        );
        let renamed = journal.image_at(1, 9);
        assert_eq!(renamed.read("a/log", 0, 9), None);
        assert_eq!(renamed.read("b/log", 2, 2).unwrap(), "e-");
        assert_eq!((renamed.files["b/log"].len(), renamed.read("b/log", 9, 9).unwrap().len()), (5, 0));
    }

    #[test]
    fn a_power_failure_leaves_what_it_says() {
        let mut journal = DiskJournal::default();
        written(&mut journal, 0, 0, b"gone");
        let files = SortedMap::from([("left".to_string(), Bytes::from_static(b"x"))]);
        journal.push(1, 1, DiskChange::PowerLost { files });
        assert_eq!(journal.image_at(1, 1).files.into_keys().collect::<Vec<_>>(), ["left"]);
    }
}
