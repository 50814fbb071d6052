//! Writing: offsets, the leader's epoch, a new segment when the old one is full, an index entry now and then.
//!
//! Nothing here looks at a record: a batch is sixteen new bytes and the rest as it came.

use crate::{
    Appended, Log, LogError, Storage,
    cells::cells_of,
    index::{ENTRY_BYTES, IndexEntry},
    scan::Located,
    segment::{SEGMENT_BYTES_MAX, Segment},
};
use alloc::borrow::Cow;
use naru_records::{Batch, BatchHeader};
use naru_trace::{CELLS_MAX, Trace, TraceKind};

impl Log {
    /// Appends a producer's batch: gives it the next offsets and the leader's epoch, and changes nothing else in it.
    ///
    /// The caller has checked the CRC, the header ([`BatchHeader::validate_for_append`]) and the sequence number
    /// ([`crate::ProducerState::check`]). After a storage error the log must not be used any more.
    pub fn append(
        &mut self,
        batch: &Batch,
        leader_epoch: i32,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<Appended, LogError> {
        let base_offset = self.log_end_offset();
        let header = BatchHeader { base_offset, partition_leader_epoch: leader_epoch, ..*batch.header() };
        self.check_size(header.size_in_bytes())?;
        self.maybe_roll(&header, storage, trace)?;
        let interval_bytes = self.config.index_interval_bytes;
        let segment = self.active_mut();
        let located = Located { position: segment.size, header };
        for part in batch.with_prefix(base_offset, leader_epoch) {
            storage.append(segment.log, part)?;
        }
        let entry = maybe_index(segment, &located, interval_bytes, storage)?;
        self.on_batch(located);
        self.trace_append(batch, &located, entry, trace);
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

    fn segment_bytes(&self) -> u32 {
        self.config.segment_bytes.min(SEGMENT_BYTES_MAX)
    }

    /// Begins a new segment if the active one cannot take the batch (LogSegment.shouldRoll).
    fn maybe_roll(
        &mut self,
        header: &BatchHeader,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<(), LogError> {
        match self.reason_to_roll(header) {
            Some(because) => self.roll(because, storage, trace),
            None => Ok(()),
        }
    }

    /// Begins a new segment at the log end offset, unless the active one has just begun there. `because` is a setting's
    /// name, or another short reason.
    pub fn roll(
        &mut self,
        because: &'static str,
        storage: &mut dyn Storage,
        trace: &mut Trace,
    ) -> Result<(), LogError> {
        let base_offset = self.log_end_offset();
        if self.active().size == 0 {
            return Ok(());
        }
        let segment = Segment::open(&self.directory, base_offset, storage)?;
        assert_eq!(storage.len(segment.log)?, 0, "opening the log would have found this segment");
        self.segments.push(segment);
        trace.emit(|| TraceKind::SegmentRolled {
            topic: self.id.topic.clone(),
            partition: self.id.partition,
            base_offset,
            because: Cow::Borrowed(because),
        });
        Ok(())
    }

    fn reason_to_roll(&self, header: &BatchHeader) -> Option<&'static str> {
        let active = self.active();
        if active.size == 0 {
            return None;
        }
        if header.size_in_bytes() > self.segment_bytes().saturating_sub(active.size) {
            return Some("segment.bytes");
        }
        if active.index.count >= self.config.segment_index_bytes / ENTRY_BYTES {
            return Some("segment.index.bytes");
        }
        (!active.can_hold_offset(header.last_offset())).then_some("relative offset overflow")
    }

    fn trace_append(&self, batch: &Batch, located: &Located, entry: Option<IndexEntry>, trace: &mut Trace) {
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
        let Some(entry) = entry else { return };
        trace.emit(|| TraceKind::IndexEntryAdded {
            topic: self.id.topic.clone(),
            partition: self.id.partition,
            offset: segment + i64::from(entry.relative_offset),
            position: entry.position,
        });
    }
}

/// Adds an index entry for the batch about to be appended, if the last one is far enough behind.
pub(crate) fn maybe_index(
    segment: &mut Segment,
    batch: &Located,
    interval_bytes: u32,
    storage: &mut dyn Storage,
) -> Result<Option<IndexEntry>, LogError> {
    if segment.bytes_since_index_entry <= interval_bytes {
        return Ok(None);
    }
    let entry = segment.index_entry_for(batch);
    segment.index.append(storage, entry)?;
    segment.bytes_since_index_entry = 0;
    Ok(Some(entry))
}
