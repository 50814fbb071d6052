//! Logs of deleted topics. Their directories are renamed at once and removed a little later (`file.delete.delay.ms`),
//! because answers that are on their way may still read from their files.

use alloc::{collections::VecDeque, string::String, string::ToString};
use naru_log::{Log, Storage};
use naru_trace::{Deadline, Micros};

/// A renamed directory, with the log whose files are still open.
#[derive(Debug)]
pub(crate) struct RetiredLog {
    pub(crate) remove_at: Micros,
    pub(crate) directory: String,
    pub(crate) log: Option<Log>,
}

/// All of them, in the order in which they are due.
#[derive(Debug, Default)]
pub(crate) struct RetiredLogs {
    logs: VecDeque<RetiredLog>,
}

impl RetiredLogs {
    pub(crate) fn push(&mut self, retired: RetiredLog) {
        self.logs.push_back(retired);
    }

    pub(crate) fn next_deadline(&self) -> Option<Deadline> {
        self.logs.front().map(|retired| Deadline { at: retired.remove_at, reason: "file.delete.delay.ms" })
    }

    /// Removes the directories that are due. What cannot be removed is left for the next start.
    pub(crate) fn remove_due(&mut self, now: Micros, storage: &mut dyn Storage) {
        while self.logs.front().is_some_and(|retired| retired.remove_at <= now) {
            let Some(retired) = self.logs.pop_front() else { return };
            let closed = retired.log.map_or(Ok(()), |log| log.close(storage));
            let removed = storage.remove_dir_all(&retired.directory).map_err(|error| error.to_string());
            // Either may fail when the disk has failed; the directory's name tells the next start to try again.
            drop((closed, removed));
        }
    }
}
