//! What this node has asked others and not heard back, and whom it leaves alone for a moment.
//!
//! To each node there is at most one request at a time of those that are answered at once, and one fetch in all. An answer
//! to a question of an earlier role is not heard: what it would say is asked again.

use crate::{Io, Raft, RaftOutput, Tag};
use naru_trace::{Micros, SortedMap};
use naru_wire::Request;

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Vote { pre_vote: bool },
    BeginQuorumEpoch,
    EndQuorumEpoch,
    Fetch,
    FetchSnapshot,
}

impl Asked {
    /// Whether it is answered at once.
    pub(crate) fn is_quick(self) -> bool {
        !matches!(self, Asked::Fetch | Asked::FetchSnapshot)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Asking {
    to: i32,
    asked: Asked,
    deadline: Micros,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Requests {
    next_tag: u64,
    asking: SortedMap<u64, Asking>,
    /// Until when a node is not asked again, because the last request to it failed. Apart for fetches.
    left_alone: SortedMap<(i32, bool), Micros>,
}

impl Requests {
    /// Whether something of this kind may be sent to a node now.
    pub(crate) fn may_ask(&self, to: i32, asked: Asked, now: Micros) -> bool {
        let quick = asked.is_quick();
        let is_busy = |it: &Asking| it.asked.is_quick() == quick && (it.to == to || !quick);
        !self.asking.values().any(is_busy) && self.ready_at(to, asked) <= now
    }

    /// From when on a node may be asked.
    pub(crate) fn ready_at(&self, to: i32, asked: Asked) -> Micros {
        self.left_alone.get(&(to, asked.is_quick())).copied().unwrap_or_default()
    }

    /// The answers to all that was asked are not heard any more.
    pub(crate) fn forget(&mut self) {
        self.asking.clear();
    }

    /// The answer has come: what it is an answer to, if it is still of interest.
    pub(crate) fn take(&mut self, from: i32, tag: Tag) -> Option<Asked> {
        self.asking.get(&tag.0).filter(|asking| asking.to == from)?;
        self.asking.remove(&tag.0).map(|asking| asking.asked)
    }

    /// A request failed: the node is left alone until then.
    pub(crate) fn leave_alone(&mut self, node: i32, asked: Asked, until: Micros) {
        self.left_alone.insert((node, asked.is_quick()), until);
    }

    /// Requests whose answers do not come any more.
    fn take_late(&mut self, now: Micros) -> Option<(i32, Asked)> {
        let tag = self.asking.iter().find(|(_, asking)| asking.deadline <= now).map(|(tag, _)| *tag)?;
        self.asking.remove(&tag).map(|asking| (asking.to, asking.asked))
    }

    /// When the next of them is late, or the next node may be asked again.
    pub(crate) fn next_deadline(&self, now: Micros) -> Option<Micros> {
        let late = self.asking.values().map(|asking| asking.deadline);
        late.chain(self.left_alone.values().copied().filter(|at| *at > now)).min()
    }
}

impl Raft {
    pub(crate) fn ask(&mut self, to: i32, asked: Asked, request: Request, io: &Io<'_>) {
        let patience_ms = match asked.is_quick() {
            true => self.config.request_timeout_ms,
            false => self.config.request_timeout_ms + self.config.fetch_max_wait_ms,
        };
        let tag = Tag(self.requests.next_tag);
        self.requests.next_tag += 1;
        let deadline = io.now.monotonic.plus(1000 * patience_ms);
        self.requests.asking.insert(tag.0, Asking { to, asked, deadline });
        self.outputs.push(RaftOutput::Send { to, request, tag, quick: asked.is_quick() });
    }

    /// A node did not answer, or with an error that may pass.
    pub(crate) fn ask_later(&mut self, node: i32, asked: Asked, io: &Io<'_>) {
        let until = io.now.monotonic.plus(1000 * self.config.retry_backoff_ms.max(1));
        self.requests.leave_alone(node, asked, until);
    }

    pub(crate) fn drop_late_requests(&mut self, io: &Io<'_>) {
        while let Some((node, asked)) = self.requests.take_late(io.now.monotonic) {
            self.ask_later(node, asked, io);
        }
    }
}
