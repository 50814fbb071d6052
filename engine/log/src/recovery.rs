//! Opening a log: which files are there, what in them is whole, and what they say about producers.
//!
//! After a clean stop the files are trusted: their batch headers are read, an index that does not fit them is rebuilt, and
//! only the end of the active segment has its CRCs checked. After an unclean stop every batch is checked, and the log is
//! cut at the first one that is torn or damaged: a complete valid prefix is never lost, and nothing behind damage is
//! served. (LogLoader.scala, LogSegment.recover.)
//!
//! Files that are not `.log` files, and the indexes beside them, are left alone. Not here yet: recovery points and
//! snapshots, which save reading the whole log. Replacements that compaction had begun are completed first
//! ([`crate::clean::swap`]).

use crate::{
    LogConfig, LogError, Storage, StorageError, TopicPartition,
    clean::swap,
    index::{self, ENTRY_BYTES},
    producers::ProducerState,
    recent::RecentBatches,
    scan::{Located, OPEN_CHUNK_BYTES, Scan, ScanError, read_batch},
    segment::{SEGMENT_BYTES_MAX, Segment, base_offset_of, index_path, log_path},
};
use alloc::{string::String, string::ToString, vec::Vec};
use bytes::Bytes;
use naru_records::RecordsError;
use naru_trace::{Trace, TraceKind};

/// What opening a log finds.
#[derive(Debug)]
pub struct Recovered {
    /// Oldest first, at least one.
    pub segments: Vec<Segment>,
    /// The newest batches.
    pub recent: RecentBatches,
    /// What the batches say about their producers.
    pub producers: ProducerState,
}

/// Opens the files of a log.
pub fn recover(
    id: &TopicPartition,
    directory: String,
    config: &LogConfig,
    clean: bool,
    storage: &mut dyn Storage,
    trace: &mut Trace,
) -> Result<Recovered, LogError> {
    storage.create_dir(&directory)?;
    swap::complete(&directory, storage)?;
    let bases = base_offsets(&directory, storage)?;
    let found =
        Recovered { segments: Vec::new(), recent: RecentBatches::default(), producers: ProducerState::default() };
    let mut recovery = Recovery { directory, index_interval_bytes: config.index_interval_bytes, clean, found };
    for (number, base_offset) in bases.iter().enumerate() {
        let is_active = number + 1 == bases.len();
        if let Some(cut) = recovery.open_segment(*base_offset, is_active, storage)? {
            let later = recovery.remove_segments(&bases[number + 1..], storage)?;
            trace.emit(|| TraceKind::LogTruncated {
                topic: id.topic.clone(),
                partition: id.partition,
                to_offset: recovery.next_offset(),
                bytes: cut.bytes + later,
                reason: cut.reason.to_string(),
            });
            break;
        }
    }
    if recovery.found.segments.is_empty() {
        recovery.found.segments.push(Segment::open(&recovery.directory, 0, storage)?);
    }
    Ok(recovery.found)
}

/// The base offsets of all segments, ascending.
fn base_offsets(directory: &str, storage: &dyn Storage) -> Result<Vec<i64>, StorageError> {
    let entries = storage.list(directory)?;
    let mut bases: Vec<i64> =
        entries.iter().filter(|entry| !entry.is_dir).filter_map(|entry| base_offset_of(&entry.name)).collect();
    bases.sort_unstable();
    Ok(bases)
}

struct Recovery {
    directory: String,
    index_interval_bytes: u32,
    clean: bool,
    found: Recovered,
}

/// What was cut off the end of a segment.
struct Cut {
    bytes: u64,
    reason: RecordsError,
}

impl Recovery {
    /// Opens one segment, reads its headers, and cuts it at the first damage. Sealed segments of a log that was closed in
    /// good order must not be damaged: then nothing is cut, because nobody knows what happened to them.
    fn open_segment(
        &mut self,
        base_offset: i64,
        is_active: bool,
        storage: &mut dyn Storage,
    ) -> Result<Option<Cut>, LogError> {
        let mut segment = Segment::open(&self.directory, base_offset, storage)?;
        let length = storage.len(segment.log)?;
        let stored_index = read_index(&segment, storage)?;
        let check_crc_from = match (self.clean, is_active) {
            (false, _) => 0,
            (true, true) => index::entries(&stored_index).last().map_or(0, |entry| entry.position),
            (true, false) => u32::MAX,
        };
        let mut built_index = Vec::new();
        let damage = self.read_segment(&mut segment, length, check_crc_from, &mut built_index, storage)?;
        let cut = match damage {
            None => None,
            Some(reason) if !self.clean || is_active => {
                storage.truncate(segment.log, u64::from(segment.size))?;
                storage.sync(segment.log)?;
                Some(Cut { bytes: length - u64::from(segment.size), reason })
            }
            Some(source) => {
                let (path, position) = (log_path(&self.directory, base_offset), u64::from(segment.size));
                return Err(LogError::Corrupt { path, position, source });
            }
        };
        self.settle_index(&mut segment, &stored_index, built_index, storage)?;
        if self.is_worth_keeping(&segment) {
            self.found.segments.push(segment);
        } else {
            segment.close(storage)?;
            self.remove_files(base_offset, storage)?;
        }
        Ok(cut)
    }

    /// An empty segment goes if it begins before the last one ends, and also if it begins later and the process crashed:
    /// it was begun after batches that never reached the disk, and their offsets are free again.
    fn is_worth_keeping(&self, segment: &Segment) -> bool {
        let Some(last) = self.found.segments.last() else { return true };
        segment.size > 0
            || segment.base_offset == last.next_offset
            || (self.clean && segment.base_offset > last.next_offset)
    }

    /// Reads a segment's batches up to the end or the first damage, and says what the damage is. `index` gets the entries
    /// that an index of it should have.
    fn read_segment(
        &mut self,
        segment: &mut Segment,
        length: u64,
        check_crc_from: u32,
        index: &mut Vec<u8>,
        storage: &dyn Storage,
    ) -> Result<Option<RecordsError>, StorageError> {
        // What lies beyond the largest position that Kafka's format knows cannot be a batch.
        let end = length.min(u64::from(SEGMENT_BYTES_MAX)) as u32;
        let mut expected_offset = self.next_offset().max(segment.base_offset);
        if segment.base_offset < self.next_offset() && length > 0 {
            return Ok(Some(RecordsError::InvalidField { field: "baseOffset", value: segment.base_offset }));
        }
        let mut scan = Scan::new(storage, segment.log, (0, end), OPEN_CHUNK_BYTES);
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
            if segment.bytes_since_index_entry > self.index_interval_bytes {
                index.extend_from_slice(&segment.index_entry_for(&batch).to_bytes());
                segment.bytes_since_index_entry = 0;
            }
            segment.on_batch(batch);
            self.found.recent.push(segment.base_offset, &batch);
            self.found.producers.on_appended(&batch.header);
            expected_offset = segment.next_offset;
        }
    }

    /// Keeps the index file if it fits the segment, else writes the one that was built.
    fn settle_index(
        &self,
        segment: &mut Segment,
        stored: &Bytes,
        built: Vec<u8>,
        storage: &mut dyn Storage,
    ) -> Result<(), LogError> {
        let keep = if self.clean { index_fits(segment, stored, &built, storage)? } else { *stored == built };
        if keep {
            segment.index.count = stored.len() as u32 / ENTRY_BYTES;
            if let Some(last) = index::entries(stored).last() {
                segment.bytes_since_index_entry = segment.size - last.position;
            }
            return Ok(());
        }
        segment.index.count = built.len() as u32 / ENTRY_BYTES;
        storage.truncate(segment.index.file, 0)?;
        storage.append(segment.index.file, Bytes::from(built))?;
        storage.sync(segment.index.file)?;
        Ok(())
    }

    fn next_offset(&self) -> i64 {
        self.found.segments.last().map_or(0, |segment| segment.next_offset)
    }

    /// Removes the segments behind a cut. Returns how many bytes of records went with them.
    fn remove_segments(&self, bases: &[i64], storage: &mut dyn Storage) -> Result<u64, StorageError> {
        let entries = storage.list(&self.directory)?;
        for base_offset in bases {
            self.remove_files(*base_offset, storage)?;
        }
        let removed = |name: &str| base_offset_of(name).is_some_and(|base| bases.contains(&base));
        Ok(entries.iter().filter(|entry| removed(&entry.name)).map(|entry| entry.length).sum())
    }

    fn remove_files(&self, base_offset: i64, storage: &mut dyn Storage) -> Result<(), StorageError> {
        storage.remove_file(&log_path(&self.directory, base_offset))?;
        match storage.remove_file(&index_path(&self.directory, base_offset)) {
            Err(error) if error.kind != crate::StorageErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
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

/// The stored index; empty if it cannot be one, because it is too long.
fn read_index(segment: &Segment, storage: &dyn Storage) -> Result<Bytes, StorageError> {
    let length = storage.len(segment.index.file)?;
    // A segment has no more entries than batches.
    let longest = u64::from(SEGMENT_BYTES_MAX) / naru_records::BATCH_OVERHEAD as u64 * u64::from(ENTRY_BYTES);
    if length > longest {
        return Ok(Bytes::new());
    }
    storage.read(segment.index.file, 0, length as u32)
}

/// Whether each entry of a stored index is that of a batch of the segment, and the index is not missing.
fn index_fits(segment: &Segment, stored: &[u8], built: &[u8], storage: &dyn Storage) -> Result<bool, StorageError> {
    if stored == built {
        return Ok(true);
    }
    if !stored.len().is_multiple_of(ENTRY_BYTES as usize) || stored.is_empty() {
        return Ok(false);
    }
    // Another `index.interval.bytes`, or another writer: compare with the batches themselves.
    let mut scan = Scan::new(storage, segment.log, (0, segment.size), OPEN_CHUNK_BYTES);
    for entry in index::entries(stored) {
        loop {
            match scan.next_batch() {
                Ok(Some(batch)) if batch.position < entry.position => {}
                Ok(Some(batch)) if segment.index_entry_for(&batch) == entry => break,
                Err(ScanError::Storage(error)) => return Err(error),
                _ => return Ok(false),
            }
        }
    }
    Ok(true)
}
