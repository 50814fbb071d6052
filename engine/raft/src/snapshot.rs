//! Snapshots: what the log's beginning adds up to, in a file, so that the beginning can go (KIP-630).
//!
//! ```text
//! 00000000000000001234-0000000007.checkpoint      all before offset 1234; the last of it is of epoch 7
//!
//! | control batch:             | data batches  | control batch:   |
//! | SnapshotHeader (and voters) | payloads      | SnapshotFooter   |
//! ```
//!
//! A snapshot without its footer is not whole and is not believed. (Snapshots.java, RecordsSnapshotWriter.java.)

use alloc::{format, string::String, vec::Vec};
use naru_log::{Storage, StorageError};

/// Which snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId {
    /// It holds all before this offset.
    pub end_offset: i64,
    /// The epoch of the last record in it.
    pub epoch: i32,
}

const SUFFIX: &str = ".checkpoint";

impl SnapshotId {
    /// The file's name.
    pub fn file_name(self) -> String {
        format!("{:020}-{:010}{SUFFIX}", self.end_offset, self.epoch)
    }

    /// The snapshot with this name; `None` for every other file.
    pub fn parse(name: &str) -> Option<Self> {
        let (offset, epoch) = name.strip_suffix(SUFFIX)?.split_once('-')?;
        let is_number = |text: &str, digits| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(offset, 20) || !is_number(epoch, 10) {
            return None;
        }
        Some(SnapshotId { end_offset: offset.parse().ok()?, epoch: epoch.parse().ok()? })
    }
}

/// A snapshot on its way from the leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Download {
    pub(crate) id: SnapshotId,
    pub(crate) position: i64,
}

/// The snapshots in a directory, oldest first.
pub fn list(directory: &str, storage: &dyn Storage) -> Result<Vec<SnapshotId>, StorageError> {
    let mut found: Vec<SnapshotId> =
        storage.list(directory)?.iter().filter_map(|entry| SnapshotId::parse(&entry.name)).collect();
    found.sort_unstable();
    Ok(found)
}
