//! One cleaning of one log, in small steps.
//!
//! | it is | a step | then |
//! |---|---|---|
//! | mapping | reads dirty segments, notes keys' last offsets | copying, when all are read or the map is full |
//! | copying | reads a group of segments, writes what stays to `.cleaned` files | syncing, when the group is copied |
//! | syncing | nothing: the caller brings files to disk and says [`Cleaner::on_synced`] | swapping |
//! | swapping | puts the cleaned segment in the place of the group | copying the next group, or done |

use super::{
    Cleanable, DigestSecret, OffsetMap,
    output::Output,
    plan::{Source, groups, sources},
    retain::{Retained, Rules},
};
use crate::{FileId, Log, LogError, Storage, StorageError, segment::log_path};
use alloc::{collections::VecDeque, string::String, vec::Vec};
use naru_records::{Batch, BatchHeader, DecompressLimit, KeyedRecords, RecordsError, batches};
use naru_trace::SortedSet;
use naru_trace::{CELLS_MAX, Trace, TraceKind};

/// How many bytes are read at a time.
const CHUNK_BYTES: u32 = 256 << 10;

/// What all cleanings have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CleanerOptions {
    /// `log.cleaner.dedupe.buffer.size`: memory for the offset map, in bytes.
    pub dedupe_buffer_bytes: usize,
    /// `log.cleaner.io.buffer.load.factor`, in percent: how full the map may get.
    pub load_percent: u8,
    /// What keys are digested with.
    pub secret: DigestSecret,
    /// The most bytes that one batch may take when it is decompressed.
    pub decompress_limit: DecompressLimit,
}

/// How far a cleaning has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do.
    Working,
    /// These files have to be synced; then [`Cleaner::on_synced`], and on.
    Sync(Vec<FileId>),
    /// It is done.
    Done(Cleaned),
}

/// What came of a cleaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cleaned {
    /// The first offset that the next cleaning has to look at.
    pub first_dirty_offset: i64,
    /// How many records stayed.
    pub records_kept: u64,
    /// How many went.
    pub records_removed: u64,
    /// Length in bytes of the segments that were cleaned.
    pub bytes_before: u64,
    /// Length in bytes of what is in their place.
    pub bytes_after: u64,
}

/// Why a cleaning was given up. The log is as whole as before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CleanError {
    /// A segment that was being cleaned is no longer in the log: retention, DeleteRecords or truncation was quicker.
    #[error("a segment that was being compacted is gone.")]
    Overtaken,
    /// The log cannot be understood. Trying again would not help.
    #[error("{0}.")]
    Corrupt(LogError),
    /// The storage failed before anything was replaced: a full disk, perhaps.
    #[error("{0}.")]
    Storage(StorageError),
    /// The storage failed while segments were being replaced. The log must not be used before it is opened again, which
    /// completes the replacement.
    #[error("{0}.")]
    Swap(StorageError),
}

/// One cleaning.
#[derive(Debug)]
pub struct Cleaner {
    options: CleanerOptions,
    directory: String,
    /// When it began, milliseconds since 1970: that is what tombstones are compared with.
    now_ms: i64,
    first_dirty_offset: i64,
    map: OffsetMap,
    phase: Phase,
    /// Dirty segments that are not mapped to their end yet.
    dirty: VecDeque<Source>,
    /// Groups of segments that are not replaced yet; the first is being copied.
    groups: VecDeque<Vec<Source>>,
    /// What the first group becomes.
    output: Option<Output>,
    result: Cleaned,
    /// Cells that the picture has lost so far. Only while somebody watches.
    removed: SortedSet<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Reads the first dirty segment from `position` on.
    Mapping {
        position: u32,
    },
    /// Reads segment number `number` of the first group from `position` on.
    Copying {
        number: usize,
        position: u32,
    },
    /// Files have to be synced before they can take their place.
    Syncing,
    /// They are.
    Swapping,
    Done,
}

impl Cleaner {
    /// Begins to clean `log` as far as `cleanable` says. Nothing is read or written yet.
    pub fn start(log: &Log, cleanable: &Cleanable, options: CleanerOptions, now_ms: i64, trace: &mut Trace) -> Cleaner {
        let (first, end) = (cleanable.first_dirty_offset, cleanable.first_uncleanable_offset);
        trace.emit(|| TraceKind::CleaningStarted {
            topic: log.id.topic.clone(),
            partition: log.id.partition,
            first_dirty_offset: first,
            end_offset: end,
            dirty_bytes: cleanable.dirty_bytes,
            clean_bytes: cleanable.clean_bytes,
        });
        Cleaner {
            options,
            directory: log.directory.clone(),
            now_ms,
            first_dirty_offset: first,
            map: OffsetMap::new(options.dedupe_buffer_bytes, options.load_percent, options.secret),
            phase: Phase::Mapping { position: 0 },
            dirty: sources(log, first, end),
            groups: VecDeque::new(),
            output: None,
            result: Cleaned { first_dirty_offset: first, ..Cleaned::default() },
            removed: SortedSet::new(),
        }
    }

    /// Does a piece of work: about `budget_bytes` of records, decompressed, and at least one batch.
    ///
    /// After an error the cleaning is over: [`Cleaner::abort`] it.
    pub fn step(
        &mut self,
        budget_bytes: u32,
        log: &mut Log,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<Progress, CleanError> {
        if !self.dirty.iter().chain(self.groups.iter().flatten()).all(|source| source.is_in(log)) {
            return Err(CleanError::Overtaken);
        }
        let was_done = self.phase == Phase::Done;
        match self.phase {
            Phase::Mapping { position } => self.map_keys(position, budget_bytes, log, storage)?,
            Phase::Copying { number, position } => self.copy((number, position), budget_bytes, log, storage)?,
            Phase::Syncing => return Ok(Progress::Sync(self.files_to_sync(log))),
            Phase::Swapping => self.swap(log, storage, trace)?,
            Phase::Done => {}
        }
        if self.phase == Phase::Done && !was_done {
            self.trace_finished(log, trace);
        }
        Ok(match self.phase {
            Phase::Syncing => Progress::Sync(self.files_to_sync(log)),
            Phase::Done => Progress::Done(self.result),
            _ => Progress::Working,
        })
    }

    /// The files of [`Progress::Sync`] are safely on disk.
    pub fn on_synced(&mut self) {
        if self.phase == Phase::Syncing {
            self.phase = Phase::Swapping;
        }
    }

    /// How far the log is clean already: what is worth remembering when the rest is given up.
    pub fn first_dirty_offset(&self) -> i64 {
        self.result.first_dirty_offset
    }

    /// Whether `file` is one that the cleaning writes: when it fails, nothing of the log is lost.
    pub fn owns_file(&self, file: FileId) -> bool {
        self.output.as_ref().is_some_and(|output| output.segment.files().contains(&file))
    }

    /// Gives up: closes and removes what was written.
    pub fn abort(self, storage: &mut dyn Storage) -> Result<(), StorageError> {
        self.output.map_or(Ok(()), |output| output.discard(&self.directory, storage))
    }

    /// Reads dirty segments, and notes the last offset of each key, until the map is full or all is read.
    fn map_keys(
        &mut self,
        mut position: u32,
        budget_bytes: u32,
        log: &Log,
        storage: &dyn Storage,
    ) -> Result<(), CleanError> {
        let mut left = budget_bytes.max(1);
        while left > 0 {
            let Some(source) = self.dirty.front().copied() else { break };
            if position == source.size {
                // Offsets that no record has any more are in the map as well as they ever will be.
                self.map.update_latest_offset(source.range_end - 1);
                self.dirty.pop_front();
                position = 0;
                continue;
            }
            for batch in read_batches(log, &source, position, storage)? {
                let batch = batch.map_err(|error| corrupt(log, &source, position, error))?;
                let mapped = self.map_batch(&batch).map_err(|error| corrupt(log, &source, position, error))?;
                let Some(cost) = mapped else {
                    self.dirty.clear();
                    break;
                };
                position += batch.header().size_in_bytes();
                left = left.saturating_sub(cost);
                if left == 0 {
                    break;
                }
            }
        }
        self.phase = Phase::Mapping { position };
        if self.dirty.is_empty() {
            self.groups = groups(log, self.map.latest_offset() + 1);
            self.next_group();
        }
        Ok(())
    }

    /// Returns how many bytes were looked at; `None` if the map has no room for more.
    fn map_batch(&mut self, batch: &Batch) -> Result<Option<u32>, RecordsError> {
        let header = batch.header();
        let mut cost = header.size_in_bytes();
        if header.last_offset() >= self.first_dirty_offset && !header.is_control() {
            let body = batch.body(self.options.decompress_limit)?;
            cost = cost.max(body.len() as u32);
            for record in KeyedRecords::new(header, &body) {
                let record = record?;
                let Some(key) = record.key.filter(|_| record.offset >= self.first_dirty_offset) else { continue };
                if !self.map.put(key, record.offset) {
                    return Ok(None);
                }
                self.map.update_latest_offset(record.offset);
            }
        }
        self.map.update_latest_offset(header.last_offset());
        Ok(Some(cost))
    }

    /// Goes on with the first group that is left, if one is.
    fn next_group(&mut self) {
        self.phase = if self.groups.is_empty() { Phase::Done } else { Phase::Copying { number: 0, position: 0 } };
        if self.phase == Phase::Done {
            self.result.first_dirty_offset = self.first_dirty_offset.max(self.map.latest_offset() + 1);
        }
    }

    /// Reads the segments of a group, and writes what stays.
    fn copy(
        &mut self,
        (mut number, mut position): (usize, u32),
        budget_bytes: u32,
        log: &Log,
        storage: &mut dyn Storage,
    ) -> Result<(), CleanError> {
        let group = self.groups.front().expect("a group is being copied").clone();
        if self.output.is_none() {
            let output = Output::create(&self.directory, group[0].base_offset, storage).map_err(CleanError::Storage)?;
            self.output = Some(output);
        }
        let mut left = budget_bytes.max(1);
        while left > 0 && number < group.len() {
            let source = &group[number];
            if position == source.size {
                (number, position) = (number + 1, 0);
                continue;
            }
            for batch in read_batches(log, source, position, storage)? {
                let batch = batch.map_err(|error| corrupt(log, source, position, error))?;
                let cost = self.copy_batch(&batch, (source, position), log, storage)?;
                position += batch.header().size_in_bytes();
                left = left.saturating_sub(cost);
                if left == 0 {
                    break;
                }
            }
        }
        self.phase = Phase::Copying { number, position };
        if number == group.len() {
            self.on_copied(&group, storage)?;
        }
        Ok(())
    }

    /// Returns how many bytes were looked at.
    fn copy_batch(
        &mut self,
        batch: &Batch,
        (source, position): (&Source, u32),
        log: &Log,
        storage: &mut dyn Storage,
    ) -> Result<u32, CleanError> {
        let damaged = |error| corrupt(log, source, position, error);
        let body = batch.body(self.options.decompress_limit).map_err(damaged)?;
        let cost = batch.header().size_in_bytes().max(body.len() as u32);
        let rules = Rules {
            map: &self.map,
            producers: log.producers(),
            now_ms: self.now_ms,
            delete_retention_ms: log.config.delete_retention_ms,
        };
        let retained = rules.apply(batch, &body).map_err(damaged)?;
        let output = self.output.as_mut().expect("files were made for the group");
        output.is_changed |= retained != Retained::Unchanged;
        let kept = match &retained {
            Retained::Unchanged => Some(batch),
            Retained::Changed(batch) => Some(batch),
            Retained::Nothing => None,
        };
        let records = |batch: Option<&Batch>| batch.map_or(0, |batch| batch.header().records_count as u64);
        self.result.records_kept += records(kept);
        self.result.records_removed += records(Some(batch)) - records(kept);
        let Some(kept) = kept else { return Ok(cost) };
        let recent_from = log.recent.first_offset().unwrap_or(i64::MAX);
        let appended = output.append(kept, (log.config.index_interval_bytes, recent_from), storage);
        appended.map(|()| cost).map_err(|error| match error {
            LogError::Storage(error) => CleanError::Storage(error),
            error => CleanError::Corrupt(error),
        })
    }

    /// A group is copied. One segment that came out as it went in is left alone.
    fn on_copied(&mut self, group: &[Source], storage: &mut dyn Storage) -> Result<(), CleanError> {
        let output = self.output.as_mut().expect("files were made for the group");
        output.segment.finish_time_index(storage).map_err(CleanError::Storage)?;
        self.result.bytes_before += group.iter().map(|source| u64::from(source.size)).sum::<u64>();
        self.result.bytes_after += u64::from(output.segment.size);
        if group.len() > 1 || output.is_changed {
            self.phase = Phase::Syncing;
            return Ok(());
        }
        let discarded = self.output.take().map(|output| output.discard(&self.directory, storage));
        self.groups.pop_front();
        self.next_group();
        discarded.unwrap_or(Ok(())).map_err(CleanError::Storage)
    }

    /// What has to be on disk before old records go: what is written instead, and the newer records because of which they
    /// go. Those may have been appended a moment ago.
    fn files_to_sync(&self, log: &Log) -> Vec<FileId> {
        let mut files = self.output.as_ref().map_or(Vec::new(), |output| output.segment.files());
        let newer = |segment: &&crate::segment::Segment| segment.base_offset <= self.map.latest_offset();
        files.extend(log.unflushed().filter(newer).map(|segment| segment.log));
        files
    }

    /// Puts the cleaned segment of the first group in its place.
    fn swap(&mut self, log: &mut Log, storage: &mut dyn Storage, trace: &mut Trace) -> Result<(), CleanError> {
        let before: Vec<i64> = if trace.is_on() { cell_offsets(log, storage) } else { Vec::new() };
        let group = self.groups.pop_front().expect("a group was copied");
        let output = self.output.take().expect("files were made for the group");
        log.replace_segments(&group, output, storage).map_err(CleanError::Swap)?;
        let replaced = group[group.len() - 1].range_end.min(self.map.latest_offset() + 1);
        self.result.first_dirty_offset = self.result.first_dirty_offset.max(replaced);
        if trace.is_on() {
            log.cells_from = before.first().copied().unwrap_or_else(|| log.log_end_offset());
            let after: SortedSet<i64> = cell_offsets(log, storage).into_iter().collect();
            self.removed.extend(before.into_iter().filter(|offset| !after.contains(offset)));
        }
        self.next_group();
        if self.phase != Phase::Done {
            trace.emit(|| TraceKind::SegmentsReplaced {
                topic: log.id.topic.clone(),
                partition: log.id.partition,
                segments: log.segments(),
                removed: self.removed.iter().copied().collect(),
            });
        }
        Ok(())
    }

    fn trace_finished(&self, log: &Log, trace: &mut Trace) {
        trace.emit(|| TraceKind::CleaningFinished {
            topic: log.id.topic.clone(),
            partition: log.id.partition,
            segments: log.segments(),
            removed: self.removed.iter().copied().collect(),
            records_kept: self.result.records_kept,
            records_removed: self.result.records_removed,
            bytes_before: self.result.bytes_before,
            bytes_after: self.result.bytes_after,
        });
    }
}

/// The whole batches from `position` on that one read yields; at least one.
fn read_batches(
    log: &Log,
    source: &Source,
    position: u32,
    storage: &dyn Storage,
) -> Result<impl Iterator<Item = Result<Batch, RecordsError>> + use<>, CleanError> {
    let read = |length: u32| {
        let length = length.min(source.size - position);
        storage.read(source.log, u64::from(position), length).map_err(CleanError::Storage)
    };
    let mut bytes = read(CHUNK_BYTES)?;
    let header = BatchHeader::parse(&bytes).map_err(|error| corrupt(log, source, position, error))?;
    if header.size_in_bytes() as usize > bytes.len() {
        bytes = read(header.size_in_bytes())?;
    }
    let (needed, available) = (u64::from(header.size_in_bytes()), bytes.len() as u64);
    if needed > available {
        return Err(corrupt(log, source, position, RecordsError::CutOff { needed, available }));
    }
    Ok(batches(bytes).map(|batch| batch.and_then(|batch| batch.verify_crc().map(|()| batch))))
}

fn corrupt(log: &Log, source: &Source, position: u32, error: RecordsError) -> CleanError {
    let path = log_path(&log.directory, source.base_offset);
    CleanError::Corrupt(LogError::Corrupt { path, position: u64::from(position), source: error })
}

fn cell_offsets(log: &Log, storage: &dyn Storage) -> Vec<i64> {
    log.cells(CELLS_MAX, storage).iter().map(|cell| cell.offset).collect()
}
