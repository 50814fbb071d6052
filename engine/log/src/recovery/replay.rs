//! What the batches of a log add up to: producers, leader epochs, and where the newest ones are.
//!
//! The newest snapshot that is whole says what the batches before it say of producers; `leader-epoch-checkpoint` says the
//! same of epochs. So only the headers behind them are read: none, after a stop in good order. If such a file is missing or
//! damaged, the log is read instead.

use super::{Recovery, files::remove_if_there};
use crate::{
    LeaderEpochCache, LogError, Storage, StorageError, StorageErrorKind,
    index::IndexEntry,
    leader_epochs,
    recent::RecentBatches,
    scan::{LOOKUP_CHUNK_BYTES, Located, OPEN_CHUNK_BYTES, Scan, ScanError},
    segment::Segment,
    snapshots,
};
use alloc::{format, vec::Vec};

/// How many bytes in front of a snapshot are looked through for batches that may come again: five of the usual size.
const RETRY_BYTES: u32 = 96 << 10;
/// How many bytes at the end of a log are looked through for the newest batches.
const TAIL_BYTES: u32 = 16 << 10;

impl Recovery {
    /// Adds up what the segments that were found say.
    pub fn replay(&mut self, storage: &mut dyn Storage) -> Result<(), LogError> {
        let end = self.next_offset();
        self.forget_snapshots(end, storage)?;
        let producers_from = self.load_snapshot(storage)?;
        self.remember_retries(producers_from, storage)?;
        let (stored, epochs_from) = self.load_epochs(end, storage)?;
        let from = producers_from.min(epochs_from);
        let segments = core::mem::take(&mut self.found.segments);
        for segment in segments.iter().filter(|segment| segment.next_offset > from) {
            self.replay_segment(segment, (producers_from, epochs_from), storage)?;
        }
        self.found.leader_epochs.truncate_from_start(self.found.log_start_offset);
        self.found.epochs_changed = self.found.leader_epochs != stored;
        self.found.recent = recent_batches(&segments, storage)?;
        self.found.segments = segments;
        Ok(())
    }

    pub(super) fn replay_segment(
        &mut self,
        segment: &Segment,
        (producers_from, epochs_from): (i64, i64),
        storage: &dyn Storage,
    ) -> Result<(), StorageError> {
        let from = producers_from.min(epochs_from);
        let before = |entry: IndexEntry| segment.base_offset + i64::from(entry.relative_offset) <= from;
        let start = segment.indexed_position(storage, before)?;
        let mut scan = Scan::new(storage, segment.log, (start, segment.size), OPEN_CHUNK_BYTES);
        loop {
            match scan.next_batch() {
                Ok(Some(batch)) => {
                    let header = &batch.header;
                    if header.base_offset >= producers_from {
                        self.found.producers.on_appended(header);
                    }
                    let latest = self.found.leader_epochs.latest().map_or(-1, |latest| latest.epoch);
                    if header.base_offset >= epochs_from && header.partition_leader_epoch > latest {
                        self.found.leader_epochs.assign(header.partition_leader_epoch, header.base_offset);
                    }
                }
                // A damaged segment that is trusted: what it says cannot be known, and is not worth more than the log.
                Ok(None) | Err(ScanError::Damaged(_)) => return Ok(()),
                Err(ScanError::Storage(error)) => return Err(error),
            }
        }
    }

    /// Snapshots of records that are not there (any more) would be wrong for those that come instead. Of the others, those
    /// are kept that belong to a segment, and the newest.
    fn forget_snapshots(&mut self, end: i64, storage: &mut dyn Storage) -> Result<(), StorageError> {
        let newest = self.files.snapshots.iter().rfind(|offset| **offset <= end).copied();
        let bases: Vec<i64> = self.found.segments.iter().map(|segment| segment.base_offset).collect();
        for offset in core::mem::take(&mut self.files.snapshots) {
            let is_wanted = offset <= end && (Some(offset) == newest || bases.contains(&offset));
            match is_wanted {
                true => self.files.snapshots.push(offset),
                false => remove_if_there(&snapshots::path(&self.directory, offset), storage)?,
            }
        }
        Ok(())
    }

    /// Reads the newest snapshot that is whole. Returns from where on the log has to be read for what it does not say.
    pub(super) fn load_snapshot(&mut self, storage: &dyn Storage) -> Result<i64, StorageError> {
        let mut offsets = core::mem::take(&mut self.files.snapshots);
        while let Some(offset) = offsets.last().copied() {
            if let Some(producers) = snapshots::read(&self.directory, offset, storage)? {
                self.found.producers = producers;
                self.found.snapshots = offsets;
                return Ok(offset);
            }
            // It is not removed: it may be of a later version. The next snapshot for its offset takes its place.
            offsets.pop();
        }
        Ok(self.found.segments[0].base_offset)
    }

    /// A snapshot knows the last batch of each producer; the few before it, which a producer may send again as well, are looked
    /// for in front of the snapshot's offset. Kafka does without, and takes such a retry for a gap.
    pub(super) fn remember_retries(&mut self, snapshot_offset: i64, storage: &dyn Storage) -> Result<(), StorageError> {
        if self.found.producers.is_empty() {
            return Ok(());
        }
        let before: Vec<&Segment> =
            self.found.segments.iter().filter(|segment| segment.base_offset < snapshot_offset).collect();
        let mut left = RETRY_BYTES;
        let near = before.iter().rev().take_while(|segment| {
            let is_near = left > 0;
            left = left.saturating_sub(segment.size);
            is_near
        });
        let mut headers = Vec::new();
        for segment in near.collect::<Vec<_>>().into_iter().rev() {
            let from = segment.size.saturating_sub(RETRY_BYTES);
            let start = segment.indexed_position(storage, |entry: IndexEntry| entry.position <= from)?;
            let mut scan = Scan::new(storage, segment.log, (start, segment.size), LOOKUP_CHUNK_BYTES);
            loop {
                match scan.next_batch() {
                    Ok(Some(batch)) => headers.extend(batch.header.has_producer_id().then_some(batch.header)),
                    Ok(None) | Err(ScanError::Damaged(_)) => break,
                    Err(ScanError::Storage(error)) => return Err(error),
                }
            }
        }
        headers.iter().rev().for_each(|header| self.found.producers.on_older_batch(header));
        Ok(())
    }

    /// Reads `leader-epoch-checkpoint`. Returns from where on the log has to be read for what it does not say.
    fn load_epochs(&mut self, end: i64, storage: &dyn Storage) -> Result<(LeaderEpochCache, i64), StorageError> {
        let path = format!("{}/{}", self.directory, leader_epochs::FILE_NAME);
        let stored = match storage.read_file(&path) {
            Ok(bytes) => core::str::from_utf8(&bytes).ok().and_then(LeaderEpochCache::parse),
            Err(error) if error.kind == StorageErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let Some(stored) = stored else { return Ok((LeaderEpochCache::default(), self.found.segments[0].base_offset)) };
        // The file is not synced, so a crash may have left an older one, even of a history that was cut off since: what the
        // log itself is read for is not believed.
        let from = if self.opening.clean { end } else { self.opening.recovery_point.min(end) };
        self.found.leader_epochs = stored.clone();
        self.found.leader_epochs.truncate_from_end(from);
        Ok((stored, from))
    }
}

/// Where the newest batches are: those in the last few kilobytes, as far as they are whole.
fn recent_batches(segments: &[Segment], storage: &dyn Storage) -> Result<RecentBatches, StorageError> {
    let mut left = TAIL_BYTES;
    let newest_first = segments.iter().rev().take_while(|segment| {
        let is_near = left > 0;
        left = left.saturating_sub(segment.size);
        is_near
    });
    let tail: Vec<&Segment> = newest_first.collect();
    let mut recent = RecentBatches::default();
    for segment in tail.into_iter().rev() {
        let from = segment.size.saturating_sub(TAIL_BYTES);
        let start = segment.indexed_position(storage, |entry: IndexEntry| entry.position <= from)?;
        let mut scan = Scan::new(storage, segment.log, (start, segment.size), OPEN_CHUNK_BYTES);
        loop {
            match scan.next_batch() {
                Ok(Some(batch)) if fits(&recent, segment, &batch) => recent.push(segment.base_offset, &batch),
                Ok(None) => break,
                Ok(Some(_)) | Err(ScanError::Damaged(_)) => {
                    recent = RecentBatches::default();
                    break;
                }
                Err(ScanError::Storage(error)) => return Err(error),
            }
        }
    }
    Ok(recent)
}

/// Whether a batch lies where batches of its segment may, behind those that are known.
fn fits(recent: &RecentBatches, segment: &Segment, batch: &Located) -> bool {
    let last = recent.newest_first().next().map_or(segment.base_offset, |last| last.next_offset);
    let header = &batch.header;
    header.base_offset >= last.max(segment.base_offset) && header.last_offset() < segment.next_offset
}
