//! Segments that are believed: only the ends of their indexes are read, and of the active one what lies behind its last
//! index entry.
//!
//! An index that is missing, or whose end cannot be right, is built anew from the headers of its segment's batches.

use super::{Cut, Recovery};
use crate::{
    LogError, Storage, StorageError,
    index::{self, IndexEntry},
    scan::{LOOKUP_CHUNK_BYTES, Scan, ScanError},
    segment::{Newest, SEGMENT_BYTES_MAX, Segment, log_path},
    time_index,
};
use naru_records::{BATCH_OVERHEAD, BatchHeader};

impl Recovery {
    /// Opens a segment that was synced, or closed in good order. `next_base` is where the next one begins; the active one
    /// has none.
    pub fn open_trusted(
        &mut self,
        base_offset: i64,
        next_base: Option<i64>,
        storage: &mut dyn Storage,
    ) -> Result<Option<Cut>, LogError> {
        let mut segment = self.open_segment(base_offset, storage)?;
        let length = storage.len(segment.log)?;
        let last_entry = self.load_indexes(&mut segment, length, next_base, storage)?;
        match (last_entry, next_base) {
            (Some(_), Some(next_base)) => {
                segment.size = length as u32;
                segment.next_offset = if length == 0 { base_offset } else { next_base };
                self.keep(segment, storage)?;
                Ok(None)
            }
            (Some(last_entry), None) => self.open_tail(segment, last_entry, length, storage),
            (None, next_base) => self.rebuild_trusted(segment, length, next_base, storage),
        }
    }

    /// The end of the active segment is always checked: a disk that was full may have left a torn batch even at a stop in
    /// good order.
    fn open_tail(
        &mut self,
        mut segment: Segment,
        last_entry: Option<IndexEntry>,
        length: u64,
        storage: &mut dyn Storage,
    ) -> Result<Option<Cut>, LogError> {
        if let Some(entry) = last_entry {
            segment.size = entry.position;
            segment.first_timestamp = first_header(&segment, storage)?.map(|header| header.max_timestamp);
        }
        let from = segment.size;
        let damage = self.read_segment(&mut segment, length, from, None, storage)?;
        let cut = damage.map(|reason| Cut::because(length - u64::from(segment.size), &reason));
        if cut.is_some() {
            storage.truncate(segment.log, u64::from(segment.size))?;
            storage.sync(segment.log)?;
            // Entries may be about what was cut.
            segment.close(storage)?;
            let next_base = None;
            let again = self.open_checked(segment.base_offset, next_base, storage)?;
            assert!(again.is_none(), "what is left of a segment was checked a moment ago");
            return Ok(cut);
        }
        self.keep(segment, storage)?;
        Ok(cut)
    }

    /// Reads all headers to build the indexes. A segment that is not the active one must not be damaged: nobody knows what
    /// happened to it, and nothing is thrown away.
    fn rebuild_trusted(
        &mut self,
        segment: Segment,
        length: u64,
        next_base: Option<i64>,
        storage: &mut dyn Storage,
    ) -> Result<Option<Cut>, LogError> {
        let check_crc_from = if next_base.is_some() { u32::MAX } else { 0 };
        let (segment, damage) = self.read_and_index(segment, length, check_crc_from, next_base, storage)?;
        let Some(source) = damage else {
            self.keep(segment, storage)?;
            return Ok(None);
        };
        if next_base.is_some() {
            let (path, position) = (log_path(&self.directory, segment.base_offset), u64::from(segment.size));
            return Err(LogError::Corrupt { path, position, source });
        }
        let cut = Cut::because(length - u64::from(segment.size), &source);
        storage.truncate(segment.log, u64::from(segment.size))?;
        storage.sync(segment.log)?;
        self.keep(segment, storage)?;
        Ok(Some(cut))
    }

    /// Reads the ends of both indexes into the segment. The outer `None` says that they cannot be right; the inner one that
    /// the offset index is empty, and that this is right.
    #[allow(clippy::option_option)]
    fn load_indexes(
        &self,
        segment: &mut Segment,
        length: u64,
        next_base: Option<i64>,
        storage: &dyn Storage,
    ) -> Result<Option<Option<IndexEntry>>, StorageError> {
        if length > u64::from(SEGMENT_BYTES_MAX) || !self.files.has_indexes(segment.base_offset) {
            return Ok(None);
        }
        let is_in_range = |relative: u32| {
            let end = next_base.map_or(i64::from(i32::MAX), |next| next - 1 - segment.base_offset);
            i64::from(relative) <= end
        };
        let (Some(count), Some(time_count)) = (
            entry_count(storage.len(segment.index.file)?, index::ENTRY_BYTES),
            entry_count(storage.len(segment.time_index.file)?, time_index::ENTRY_BYTES),
        ) else {
            return Ok(None);
        };
        segment.index.count = count;
        segment.time_index.count = time_count;
        let last_entry = segment.index.last(storage)?;
        let time_before =
            |back| time_count.checked_sub(back).map_or(Ok(None), |n| segment.time_index.entry(storage, n));
        let (last_time, earlier) = (time_before(1)?, time_before(2)?);
        let entry_is_sane = last_entry.is_none_or(|entry| {
            let is_first = count == 1 || entry.position > 0;
            is_first && u64::from(entry.position) < length && is_in_range(entry.relative_offset)
        });
        let time_is_sane = last_time.is_none_or(|time| {
            let grows = earlier.is_none_or(|earlier| earlier.timestamp < time.timestamp);
            grows && time.timestamp >= 0 && is_in_range(time.relative_offset)
        });
        if !entry_is_sane || !time_is_sane {
            return Ok(None);
        }
        segment.time_index.last = last_time;
        segment.newest = last_time.map(|time| Newest {
            timestamp: time.timestamp,
            offset: segment.base_offset + i64::from(time.relative_offset),
        });
        segment.size = length as u32;
        let is_empty = length == 0;
        let misses_entries = !is_empty && last_entry.is_none() && self.should_have_entries(segment, storage)?;
        let misses_times = !is_empty && last_time.is_none() && first_timestamp(segment, storage)? >= 0;
        let is_false = match last_entry {
            Some(entry) if next_base.is_none() => !segment.is_true(entry, storage)?,
            _ => false,
        };
        segment.size = 0;
        Ok((!misses_entries && !misses_times && !is_false).then_some(last_entry))
    }

    /// Whether there is a batch that an index entry would have been written for.
    fn should_have_entries(&self, segment: &Segment, storage: &dyn Storage) -> Result<bool, StorageError> {
        let mut scan = Scan::new(storage, segment.log, (0, segment.size), LOOKUP_CHUNK_BYTES);
        loop {
            match scan.next_batch() {
                Ok(Some(batch)) if batch.position > self.index_interval_bytes => return Ok(true),
                Ok(Some(_)) => {}
                Ok(None) | Err(ScanError::Damaged(_)) => return Ok(false),
                Err(ScanError::Storage(error)) => return Err(error),
            }
        }
    }
}

/// How many entries a file of this length has; `None` if it cannot be an index.
fn entry_count(length: u64, entry_bytes: u32) -> Option<u32> {
    // A segment has no more entries than batches, and the time index one more.
    let most = u64::from(SEGMENT_BYTES_MAX) / BATCH_OVERHEAD as u64 + 1;
    let count = length / u64::from(entry_bytes);
    (length.is_multiple_of(u64::from(entry_bytes)) && count <= most).then_some(count as u32)
}

fn first_header(segment: &Segment, storage: &dyn Storage) -> Result<Option<BatchHeader>, StorageError> {
    let bytes = storage.read(segment.log, 0, BATCH_OVERHEAD as u32)?;
    Ok(BatchHeader::parse(&bytes).ok())
}

/// The largest timestamp of the first batch; -1 if it has none, or cannot be read.
fn first_timestamp(segment: &Segment, storage: &dyn Storage) -> Result<i64, StorageError> {
    Ok(first_header(segment, storage)?.map_or(-1, |header| header.max_timestamp))
}
