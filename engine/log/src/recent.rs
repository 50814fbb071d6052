//! The newest batches of a log, in memory: where they are, not what is in them.
//!
//! Nearly every read asks for what was just written. These few kilobytes answer "where does that batch begin?" without
//! touching a file. They also tell a view which records are the newest.

use crate::scan::Located;
use alloc::collections::VecDeque;
use naru_trace::CELLS_MAX;

/// How many batches are remembered. Not fewer than a view's records, so that a view of one-record batches is complete.
pub const RECENT_MAX: usize = CELLS_MAX;

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
}

/// The newest batches, oldest first.
#[derive(Debug, Clone, Default)]
pub struct RecentBatches {
    batches: VecDeque<RecentBatch>,
}

impl RecentBatches {
    /// A batch was appended, or found when the log was opened.
    pub fn push(&mut self, segment: i64, batch: &Located) {
        if self.batches.len() == RECENT_MAX {
            self.batches.pop_front();
        }
        self.batches.push_back(RecentBatch {
            segment,
            base_offset: batch.header.base_offset,
            next_offset: batch.header.next_offset(),
            position: batch.position,
            size: batch.header.size_in_bytes(),
        });
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

    /// All of them, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &RecentBatch> {
        self.batches.iter().rev()
    }

    pub(crate) fn check_invariants(&self) {
        assert!(self.batches.len() <= RECENT_MAX);
        for (a, b) in self.batches.iter().zip(self.batches.iter().skip(1)) {
            assert!(a.next_offset <= b.base_offset, "recent batches out of order: {a:?}, {b:?}");
            let adjacent = a.segment == b.segment && a.position + a.size == b.position;
            assert!(adjacent || (a.segment < b.segment && b.position == 0), "a gap between {a:?} and {b:?}");
        }
    }
}
