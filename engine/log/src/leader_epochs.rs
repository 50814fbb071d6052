//! Which leader epoch began at which offset: the file `leader-epoch-checkpoint` (KIP-101, LeaderEpochFileCache.java).
//!
//! ```text
//! 0          the format's version
//! 2          how many lines follow
//! 0 0        epoch 0 began at offset 0
//! 3 120      epoch 3 began at offset 120; epochs 1 and 2 have no records here
//! ```
//!
//! A replica asks where an epoch ended, to find out what of its own log it has to throw away (SEMANTICS 24). The file is not
//! synced: every batch has its leader's epoch in its header, so that what is lost can be read from the log again.

use alloc::{format, string::String, vec::Vec};

/// The file's name.
pub const FILE_NAME: &str = "leader-epoch-checkpoint";
/// What stands for no epoch and for no offset.
const UNDEFINED: (i32, i64) = (-1, -1);

/// The beginning of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochStart {
    /// The leader's epoch.
    pub epoch: i32,
    /// The offset of its first record.
    pub start_offset: i64,
}

/// All epochs with records in one log, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeaderEpochCache {
    entries: Vec<EpochStart>,
}

impl LeaderEpochCache {
    /// Records from `start_offset` on are of `epoch`. Entries that contradict it go: the newest leader is right. Returns
    /// whether anything changed.
    pub fn assign(&mut self, epoch: i32, start_offset: i64) -> bool {
        assert!(epoch >= 0 && start_offset >= 0, "epoch {epoch} cannot begin at {start_offset}");
        let is_known = self.latest().is_some_and(|latest| latest.epoch == epoch && latest.start_offset <= start_offset);
        if is_known {
            return false;
        }
        self.entries.retain(|entry| entry.epoch < epoch && entry.start_offset < start_offset);
        self.entries.push(EpochStart { epoch, start_offset });
        true
    }

    /// The newest epoch.
    pub fn latest(&self) -> Option<EpochStart> {
        self.entries.last().copied()
    }

    /// All of them, oldest first.
    pub fn entries(&self) -> &[EpochStart] {
        &self.entries
    }

    /// The largest epoch that is not larger than `epoch`, and the offset where it ended (OffsetForLeaderEpoch).
    ///
    /// `(-1, -1)` if `epoch` is larger than any that is known. If it is smaller than any, the answer is `epoch` itself and
    /// the offset where the first one begins.
    pub fn end_offset_for(&self, epoch: i32, log_end_offset: i64) -> (i32, i64) {
        if epoch < 0 {
            return UNDEFINED;
        }
        if self.latest().is_some_and(|latest| latest.epoch == epoch) {
            return (epoch, log_end_offset);
        }
        let higher = self.entries.partition_point(|entry| entry.epoch <= epoch);
        let Some(end) = self.entries.get(higher).map(|entry| entry.start_offset) else { return UNDEFINED };
        let floor = higher.checked_sub(1).map_or(epoch, |floor| self.entries[floor].epoch);
        (floor, end)
    }

    /// The log now ends at `end_offset`. Returns whether anything changed.
    pub fn truncate_from_end(&mut self, end_offset: i64) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.start_offset < end_offset);
        self.entries.len() != before
    }

    /// The log now starts at `start_offset`: the epoch that holds there begins there. Returns whether anything changed.
    pub fn truncate_from_start(&mut self, start_offset: i64) -> bool {
        let first_kept = self.entries.partition_point(|entry| entry.start_offset <= start_offset).saturating_sub(1);
        self.entries.drain(..first_kept);
        match self.entries.first_mut() {
            Some(first) if first.start_offset < start_offset => {
                first.start_offset = start_offset;
                true
            }
            _ => first_kept > 0,
        }
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let mut text = format!("0\n{}\n", self.entries.len());
        for entry in &self.entries {
            text += &format!("{} {}\n", entry.epoch, entry.start_offset);
        }
        text
    }

    /// Reads the file's text. `None` if it is damaged: then the log itself has to be asked.
    pub fn parse(text: &str) -> Option<Self> {
        // A power failure may leave a beginning of the file, also of a number.
        let mut lines = text.strip_suffix('\n')?.lines();
        let (version, count) = (lines.next()?.trim(), lines.next()?.trim().parse::<usize>().ok()?);
        let mut entries: Vec<EpochStart> = Vec::new();
        for line in lines.by_ref() {
            let (epoch, start_offset) = line.trim().split_once(' ')?;
            let entry = EpochStart { epoch: epoch.parse().ok()?, start_offset: start_offset.parse().ok()? };
            let grows =
                entries.last().is_none_or(|last| last.epoch < entry.epoch && last.start_offset < entry.start_offset);
            if !grows || entry.epoch < 0 || entry.start_offset < 0 {
                return None;
            }
            entries.push(entry);
        }
        (version == "0" && entries.len() == count).then_some(LeaderEpochCache { entries })
    }

    pub(crate) fn check_invariants(&self) {
        for (a, b) in self.entries.iter().zip(self.entries.iter().skip(1)) {
            assert!(a.epoch < b.epoch && a.start_offset < b.start_offset, "leader epochs go back: {a:?}, {b:?}");
        }
    }
}
