//! The segment that a cleaning writes: files called `.cleaned`, which nobody reads before they take their place.

use super::swap::{CLEANED, segment_paths};
use crate::{
    LogError, Storage, StorageError, StorageErrorKind,
    append::maybe_index,
    recent::RecentBatch,
    scan::Located,
    segment::{SEGMENT_BYTES_MAX, Segment},
};
use alloc::{format, vec::Vec};
use naru_records::{Batch, RecordsError};

/// A segment being written.
#[derive(Debug)]
pub(super) struct Output {
    pub segment: Segment,
    /// Where its newest batches are, for [`crate::recent`].
    pub recent: Vec<RecentBatch>,
    /// Whether anything is different from the segments it is made from.
    pub is_changed: bool,
}

impl Output {
    /// Makes the files. What a cleaning that was given up may have left is removed first.
    pub fn create(directory: &str, base_offset: i64, storage: &mut dyn Storage) -> Result<Output, StorageError> {
        remove_cleaned(directory, base_offset, storage)?;
        let segment = Segment::open_as(directory, base_offset, CLEANED, storage)?;
        Ok(Output { segment, recent: Vec::new(), is_changed: false })
    }

    /// Adds a batch. `recent_from` is the first offset of which the log remembers where its batch is.
    pub fn append(
        &mut self,
        batch: &Batch,
        (interval_bytes, recent_from): (u32, i64),
        storage: &mut dyn Storage,
    ) -> Result<(), LogError> {
        let located = Located { position: self.segment.size, header: *batch.header() };
        let end = u64::from(located.position) + u64::from(located.header.size_in_bytes());
        if end > u64::from(SEGMENT_BYTES_MAX) {
            // Compressed anew, batches may be longer than they were.
            let source = RecordsError::TooLargeDecompressed { limit: u64::from(SEGMENT_BYTES_MAX) };
            let path = format!("the cleaned segment {}", self.segment.base_offset);
            return Err(LogError::Corrupt { path, position: u64::from(located.position), source });
        }
        storage.append(self.segment.log, batch.bytes().clone())?;
        maybe_index(&mut self.segment, &located, interval_bytes, storage)?;
        self.segment.on_batch(located);
        if located.header.base_offset >= recent_from {
            self.recent.push(RecentBatch::of(self.segment.base_offset, &located));
        }
        Ok(())
    }

    /// Closes the files and removes them.
    pub fn discard(self, directory: &str, storage: &mut dyn Storage) -> Result<(), StorageError> {
        let closed = self.segment.close(storage);
        remove_cleaned(directory, self.segment.base_offset, storage).and(closed)
    }
}

fn remove_cleaned(directory: &str, base_offset: i64, storage: &mut dyn Storage) -> Result<(), StorageError> {
    let mut result = Ok(());
    for path in segment_paths(directory, base_offset) {
        match storage.remove_file(&(path + CLEANED)) {
            Err(error) if error.kind == StorageErrorKind::NotFound => {}
            removed => result = result.and(removed),
        }
    }
    result
}
