//! The newest batches of a log, in memory: where they are, not what is in them.
//!
//! Nearly every read asks for what was just written. These few kilobytes answer "where does that batch begin?" without
//! touching a file. They also tell a view which records are the newest.

use crate::scan::Located;
use alloc::{collections::VecDeque, vec::Vec};
use naru_trace::CELLS_MAX;

/// How many batches are remembered. Not fewer than a view's records, so that a view of one-record batches is complete.
pub const RECENT_MAX: usize = CELLS_MAX;
/// How many at most with those that compaction left no records.
const EMPTY_TOO_MAX: usize = 4 * RECENT_MAX;

/// One batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecentBatch {
    /// The base offset of its segment.
    pub segment: i64,
    /// Its first offset.
    pub base_offset: i64,
    /// The offset after its last record.
    pub next_offset: i64,
    /// Where in the segment's file it begins.
    pub position: u32,
    /// Its length in bytes.
    pub size: u32,
    /// Whether compaction left it any records.
    pub has_records: bool,
}

impl RecentBatch {
    /// What is remembered of a batch of the segment with this base offset.
    pub fn of(segment: i64, batch: &Located) -> RecentBatch {
        RecentBatch {
            segment,
            base_offset: batch.header.base_offset,
            next_offset: batch.header.next_offset(),
            position: batch.position,
            size: batch.header.size_in_bytes(),
            has_records: batch.header.records_count > 0,
        }
    }
}

/// The newest batches, oldest first.
#[derive(Debug, Clone, Default)]
pub struct RecentBatches {
    batches: VecDeque<RecentBatch>,
    /// How many of them have records.
    with_records: usize,
}

impl RecentBatches {
    /// A batch was appended, or found when the log was opened.
    pub fn push(&mut self, segment: i64, batch: &Located) {
        let batch = RecentBatch::of(segment, batch);
        self.with_records += usize::from(batch.has_records);
        self.batches.push_back(batch);
        // Batches without records do not count, so that cleaning a log does not hide older records from a view.
        while self.with_records > RECENT_MAX || self.batches.len() > EMPTY_TOO_MAX {
            let oldest = self.batches.pop_front();
            self.with_records -= usize::from(oldest.is_some_and(|oldest| oldest.has_records));
        }
    }

    /// Compaction has put `cleaned`, the batches of one segment that begins at `from` and ends before `until`, in the place
    /// of what was there. They are remembered as far back as those were.
    pub fn replace(&mut self, (from, until): (i64, i64), cleaned: &[RecentBatch]) {
        let Some(first) = self.first_offset() else { return };
        let cleaned = cleaned.iter().filter(|batch| batch.base_offset >= first).copied();
        let (before, after): (Vec<_>, Vec<_>) = self
            .batches
            .iter()
            .copied()
            .filter(|batch| batch.segment < from || batch.segment >= until)
            .partition(|batch| batch.segment < from);
        self.batches = before.into_iter().chain(cleaned).chain(after).collect();
        self.with_records = self.batches.iter().filter(|batch| batch.has_records).count();
    }

    /// The first offset that is remembered.
    pub fn first_offset(&self) -> Option<i64> {
        self.batches.front().map(|batch| batch.base_offset)
    }

    /// The batches from the one that holds `offset`, or the first one after it. `None` if that may be an older batch than
    /// are remembered.
    pub fn starting_at(&self, offset: i64) -> Option<impl Iterator<Item = &RecentBatch>> {
        let first = self.batches.front()?;
        if offset < first.base_offset {
            return None;
        }
        let start = self.batches.partition_point(|batch| batch.next_offset <= offset);
        Some(self.batches.range(start..))
    }

    /// Segments before the one with this base offset are gone.
    pub fn forget_segments_before(&mut self, base_offset: i64) {
        let kept = self.batches.partition_point(|batch| batch.segment < base_offset);
        self.batches.drain(..kept);
        self.with_records = self.batches.iter().filter(|batch| batch.has_records).count();
    }

    /// The log now ends at `position` of the segment with this base offset.
    pub fn truncate(&mut self, segment: i64, position: u32) {
        let is_left =
            |batch: &RecentBatch| batch.segment < segment || (batch.segment == segment && batch.position < position);
        while self.batches.back().is_some_and(|newest| !is_left(newest)) {
            let gone = self.batches.pop_back();
            self.with_records -= usize::from(gone.is_some_and(|gone| gone.has_records));
        }
    }

    /// All of them, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &RecentBatch> {
        self.batches.iter().rev()
    }

    pub(crate) fn check_invariants(&self) {
        assert!(self.with_records <= RECENT_MAX && self.batches.len() <= EMPTY_TOO_MAX);
        let with_records = self.batches.iter().filter(|batch| batch.has_records).count();
        assert_eq!(self.with_records, with_records, "batches with records are counted");
        for (a, b) in self.batches.iter().zip(self.batches.iter().skip(1)) {
            assert!(a.next_offset <= b.base_offset, "recent batches out of order: {a:?}, {b:?}");
            let adjacent = a.segment == b.segment && a.position + a.size == b.position;
            assert!(adjacent || (a.segment < b.segment && b.position == 0), "a gap between {a:?} and {b:?}");
        }
    }
}
