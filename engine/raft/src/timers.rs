//! Time: what happens when nothing else does.

use crate::{Io, Raft, role::Role};
use naru_trace::Deadline;

impl Raft {
    /// The time has come, or something has happened after which there may be something to send.
    pub fn tick(&mut self, io: &mut Io<'_>) {
        if self.failed.is_some() {
            return;
        }
        let now = io.now.monotonic;
        match &self.role {
            Role::Unattached(unattached) if unattached.deadline <= now && self.is_voter() => {
                self.become_prospective(io);
            }
            _ => {}
        }
    }

    /// When it has to be woken.
    pub fn next_deadline(&self) -> Option<Deadline> {
        if self.failed.is_some() {
            return None;
        }
        match &self.role {
            Role::Unattached(unattached) if self.is_voter() => {
                Some(Deadline { at: unattached.deadline, reason: "controller.quorum.election.timeout.ms" })
            }
            _ => None,
        }
    }
}
