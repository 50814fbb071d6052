//! Writing: offsets, the leader's epoch, a new segment when the old one is full, an index entry now and then.
//!
//! Nothing here looks at a record: a batch is sixteen new bytes and the rest as it came. When the active segment has to give
//! way to a new one is in [`crate::roll`].

use crate::{
    Appended, Log, LogError, Storage, cells::cells_of, index::IndexEntry, leader_epochs, scan::Located,
    segment::Segment, snapshots, time_index::TimeEntry,
};
use alloc::format;
use naru_records::{Batch, BatchHeader};
use naru_trace::{CELLS_MAX, Trace, TraceKind};

/// What was added to the indexes for a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Indexed {
    /// In the offset index.
    pub entry: IndexEntry,
    /// In the time index, if the largest timestamp has grown.
    pub time: Option<TimeEntry>,
}

impl Log {
    /// Appends a producer's batch: gives it the next offsets and the leader's epoch, and changes nothing else in it.
    ///
    /// The caller has checked the CRC, the header ([`BatchHeader::validate_for_append`]) and the sequence number
    /// ([`crate::ProducerState::check`]). `now_ms` is the broker's time, milliseconds since 1970. After a storage error the
    /// log must not be used any more.
    pub fn append(
        &mut self,
        batch: &Batch,
        leader_epoch: i32,
        now_ms: i64,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<Appended, LogError> {
        let base_offset = self.log_end_offset();
        let header = BatchHeader { base_offset, partition_leader_epoch: leader_epoch, ..*batch.header() };
        self.check_size(header.size_in_bytes())?;
        self.maybe_roll(&header, now_ms, storage, trace)?;
        self.store(batch, header, now_ms, storage, trace)
    }

    /// Writes a batch behind the last one, with the offset and the epoch of `header`. The active segment has room for it.
    pub(crate) fn store(
        &mut self,
        batch: &Batch,
        header: BatchHeader,
        now_ms: i64,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<Appended, LogError> {
        let (base_offset, leader_epoch) = (header.base_offset, header.partition_leader_epoch);
        self.maybe_assign_epoch(leader_epoch, base_offset, storage, trace)?;
        let interval_bytes = self.config.index_interval_bytes;
        let segment = self.active_mut();
        segment.touched_ms = now_ms;
        let located = Located { position: segment.size, header };
        for part in batch.with_prefix(base_offset, leader_epoch) {
            storage.append(segment.log, part)?;
        }
        let indexed = maybe_index(segment, &located, interval_bytes, storage)?;
        self.on_batch(located);
        self.unflushed_since_ms.get_or_insert(now_ms);
        self.trace_append(batch, &located, indexed, trace);
        Ok(Appended { base_offset, last_offset: header.last_offset(), bytes: header.size_in_bytes() })
    }

    fn check_size(&self, size: u32) -> Result<(), LogError> {
        use alloc::string::ToString;
        if size > self.config.max_message_bytes {
            let max = self.config.max_message_bytes;
            return Err(LogError::MessageTooLarge { partition: self.id.to_string(), size, max });
        }
        if size > self.segment_bytes() {
            let segment_bytes = self.segment_bytes();
            return Err(LogError::RecordListTooLarge { partition: self.id.to_string(), size, segment_bytes });
        }
        Ok(())
    }

    /// Notes the first offset of a new leader's epoch.
    fn maybe_assign_epoch(
        &mut self,
        leader_epoch: i32,
        start_offset: i64,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<(), LogError> {
        let is_known = self.leader_epochs.latest().is_some_and(|latest| latest.epoch == leader_epoch);
        if leader_epoch < 0 || (is_known && !self.epochs_unwritten) {
            return Ok(());
        }
        if !is_known {
            self.leader_epochs.assign(leader_epoch, start_offset);
            self.trace_epoch(leader_epoch, start_offset, trace);
        }
        self.epochs_unwritten = false;
        self.write_leader_epochs(storage)
    }

    pub(crate) fn trace_epoch(&self, epoch: i32, start_offset: i64, trace: &mut Trace) {
        trace.emit(|| TraceKind::LeaderEpochStarted {
            topic: self.id.topic.clone(),
            partition: self.id.partition,
            epoch,
            start_offset,
        });
    }

    /// Writes `leader-epoch-checkpoint`, so that a crash of the process leaves either the old or the new one.
    pub(crate) fn write_leader_epochs(&self, storage: &mut dyn Storage) -> Result<(), LogError> {
        let path = format!("{}/{}", self.directory, leader_epochs::FILE_NAME);
        let temporary = format!("{path}.tmp");
        snapshots::write_file(&temporary, self.leader_epochs.text().into_bytes(), storage)?;
        Ok(storage.rename(&temporary, &path)?)
    }

    fn trace_append(&self, batch: &Batch, located: &Located, indexed: Option<Indexed>, trace: &mut Trace) {
        let header = &located.header;
        let segment = self.active().base_offset;
        trace.emit(|| TraceKind::BatchAppended {
            topic: self.id.topic.clone(),
            partition: self.id.partition,
            segment,
            position: u64::from(located.position),
            bytes: header.size_in_bytes(),
            records: cells_of(batch, header.base_offset, CELLS_MAX),
            max_timestamp_ms: header.max_timestamp,
            log_end_offset: header.next_offset(),
        });
        let Some(Indexed { entry, time }) = indexed else { return };
        trace.emit(|| TraceKind::IndexEntryAdded {
            topic: self.id.topic.clone(),
            partition: self.id.partition,
            offset: segment + i64::from(entry.relative_offset),
            position: entry.position,
        });
        if let Some(time) = time {
            self.trace_time_entry(segment, time, trace);
        }
    }

    pub(crate) fn trace_time_entry(&self, segment: i64, entry: TimeEntry, trace: &mut Trace) {
        trace.emit(|| TraceKind::TimeIndexEntryAdded {
            topic: self.id.topic.clone(),
            partition: self.id.partition,
            timestamp_ms: entry.timestamp,
            offset: segment + i64::from(entry.relative_offset),
        });
    }
}

/// Adds index entries for the batch about to be appended, if the last one is far enough behind.
pub fn maybe_index(
    segment: &mut Segment,
    batch: &Located,
    interval_bytes: u32,
    storage: &mut dyn Storage,
) -> Result<Option<Indexed>, LogError> {
    if segment.bytes_since_index_entry <= interval_bytes {
        return Ok(None);
    }
    let entry = segment.index_entry_for(batch);
    segment.index.append(storage, entry)?;
    let time = segment.time_entry_for(segment.newest_with(batch));
    let is_new = segment.time_index.maybe_append(storage, time)?;
    segment.bytes_since_index_entry = 0;
    Ok(Some(Indexed { entry, time: is_new.then_some(time) }))
}
