//! Segments that are not believed: every batch is checked, the segment is cut at the first bad one, and its indexes are those
//! of the batches that are left.

use super::{Cut, Recovery};
use crate::{
    FileId, LogError, Storage, StorageError,
    index::{self, IndexEntry},
    scan::{Located, OPEN_CHUNK_BYTES, Scan, ScanError, read_batch},
    segment::{SEGMENT_BYTES_MAX, Segment},
    time_index::{self, TimeEntry},
};
use alloc::vec::Vec;
use bytes::Bytes;
use naru_records::RecordsError;

/// The indexes that a segment should have.
#[derive(Debug, Default)]
pub struct Built {
    index: Vec<IndexEntry>,
    times: Vec<TimeEntry>,
}

impl Recovery {
    /// Opens a segment that may not have been synced.
    pub fn open_checked(
        &mut self,
        base_offset: i64,
        next_base: Option<i64>,
        storage: &mut dyn Storage,
    ) -> Result<Option<Cut>, LogError> {
        let segment = self.open_segment(base_offset, storage)?;
        let length = storage.len(segment.log)?;
        let (segment, damage) = self.read_and_index(segment, length, 0, next_base, storage)?;
        let mut cut = None;
        if let Some(reason) = damage {
            storage.truncate(segment.log, u64::from(segment.size))?;
            storage.sync(segment.log)?;
            cut = Some(Cut::because(length - u64::from(segment.size), &reason));
        }
        self.keep(segment, storage)?;
        Ok(cut)
    }

    /// Reads a segment to its end or the first damage, and gives it the indexes that belong to what was read.
    pub fn read_and_index(
        &self,
        mut segment: Segment,
        length: u64,
        check_crc_from: u32,
        next_base: Option<i64>,
        storage: &mut dyn Storage,
    ) -> Result<(Segment, Option<RecordsError>), LogError> {
        segment = Segment { base_offset: segment.base_offset, newest: None, size: 0, ..segment };
        segment.index.count = 0;
        (segment.time_index.count, segment.time_index.last) = (0, None);
        let mut built = Built::default();
        let damage = self.read_segment(&mut segment, length, check_crc_from, Some(&mut built), storage)?;
        let is_closed = next_base.is_some() && damage.is_none();
        settle_indexes(&mut segment, built, is_closed, storage)?;
        Ok((segment, damage))
    }

    /// Reads a segment's batches from `segment.size` on, up to the end or the first damage, and says what the damage is.
    /// `built` gets the entries that its indexes should have.
    pub fn read_segment(
        &self,
        segment: &mut Segment,
        length: u64,
        check_crc_from: u32,
        mut built: Option<&mut Built>,
        storage: &dyn Storage,
    ) -> Result<Option<RecordsError>, StorageError> {
        // What lies beyond the largest position that Kafka's format knows cannot be a batch.
        let end = length.min(u64::from(SEGMENT_BYTES_MAX)) as u32;
        let mut expected_offset = self.next_offset().max(segment.base_offset);
        if segment.base_offset < self.next_offset() && length > 0 {
            return Ok(Some(RecordsError::InvalidField { field: "baseOffset", value: segment.base_offset }));
        }
        let mut scan = Scan::new(storage, segment.log, (segment.size, end), OPEN_CHUNK_BYTES);
        loop {
            let checked = match scan.next_batch() {
                Ok(None) if length > u64::from(end) => {
                    return Ok(Some(RecordsError::CutOff { needed: length, available: u64::from(end) }));
                }
                Ok(None) => return Ok(None),
                Ok(Some(batch)) => check_batch(&batch, segment, expected_offset, check_crc_from, storage),
                Err(error) => Err(error),
            };
            let batch = match checked {
                Ok(batch) => batch,
                Err(ScanError::Damaged(damage)) => return Ok(Some(damage)),
                Err(ScanError::Storage(error)) => return Err(error),
            };
            if let Some(built) = built.as_deref_mut() {
                built.maybe_index(segment, &batch, self.index_interval_bytes);
            }
            segment.on_batch(batch);
            expected_offset = segment.next_offset;
        }
    }
}

impl Built {
    /// Does what appending the batch would have done.
    fn maybe_index(&mut self, segment: &mut Segment, batch: &Located, interval_bytes: u32) {
        if segment.bytes_since_index_entry <= interval_bytes {
            return;
        }
        self.index.push(segment.index_entry_for(batch));
        self.maybe_push_time(segment.time_entry_for(segment.newest_with(batch)));
        segment.bytes_since_index_entry = 0;
    }

    fn maybe_push_time(&mut self, entry: TimeEntry) {
        let last = self.times.last().map_or(-1, |last| last.timestamp);
        if entry.timestamp > last {
            self.times.push(entry);
        }
    }
}

/// Keeps the index files if they are what they should be, else writes them. A closed segment's time index has a last entry
/// more; that of the active one may have it, from the last stop.
fn settle_indexes(
    segment: &mut Segment,
    mut built: Built,
    is_closed: bool,
    storage: &mut dyn Storage,
) -> Result<(), StorageError> {
    let index: Vec<u8> = built.index.iter().flat_map(|entry| entry.to_bytes()).collect();
    replace_unless_equal(segment.index.file, &[&index], storage)?;
    segment.index.count = built.index.len() as u32;
    let bytes_of = |times: &[TimeEntry]| -> Vec<u8> { times.iter().flat_map(|entry| entry.to_bytes()).collect() };
    let open = bytes_of(&built.times);
    if let Some(newest) = segment.newest {
        built.maybe_push_time(segment.time_entry_for(newest));
    }
    let closed = bytes_of(&built.times);
    let accepted: &[&[u8]] = if is_closed { &[&closed] } else { &[&closed, &open] };
    let length = replace_unless_equal(segment.time_index.file, accepted, storage)?;
    segment.time_index.count = length / time_index::ENTRY_BYTES;
    segment.time_index.last = built.times[..segment.time_index.count as usize].last().copied();
    debug_assert_eq!(index.len() as u32, segment.index.count * index::ENTRY_BYTES);
    Ok(())
}

/// Leaves a file as it is if it has one of these contents, else gives it the first of them. Returns its length.
fn replace_unless_equal(file: FileId, accepted: &[&[u8]], storage: &mut dyn Storage) -> Result<u32, StorageError> {
    let length = storage.len(file)?;
    for contents in accepted.iter().filter(|contents| contents.len() as u64 == length) {
        if storage.read(file, 0, length as u32)? == **contents {
            return Ok(length as u32);
        }
    }
    storage.truncate(file, 0)?;
    storage.append(file, Bytes::copy_from_slice(accepted[0]))?;
    storage.sync(file)?;
    Ok(accepted[0].len() as u32)
}

/// Whether a batch may stand where it stands, and is whole.
fn check_batch(
    batch: &Located,
    segment: &Segment,
    expected_offset: i64,
    check_crc_from: u32,
    storage: &dyn Storage,
) -> Result<Located, ScanError> {
    let header = &batch.header;
    // The CRC does not cover the base offset.
    if header.base_offset < expected_offset || !segment.can_hold_offset(header.last_offset()) {
        let error = RecordsError::InvalidField { field: "baseOffset", value: header.base_offset };
        return Err(ScanError::Damaged(error));
    }
    if batch.position >= check_crc_from {
        read_batch(storage, segment.log, batch)?.verify_crc().map_err(ScanError::Damaged)?;
    }
    Ok(*batch)
}
