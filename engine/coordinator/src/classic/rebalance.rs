//! The rebalance itself: everybody is asked to join, and when all have, or time is up, a new generation begins.
//!
//! ```text
//! somebody joins, leaves, is silent ─► prepare ─► all joined, or the longest rebalance.timeout ─► complete
//!        from Empty: wait group.initial.rebalance.delay.ms, and again for each newcomer ───────────┘
//! ```

use super::{ClassicState, ClassicWork, InitialDelay};
use crate::{record::Record, timers::TimerKind};
use alloc::{string::String, vec::Vec};
use bytes::Bytes;
use naru_trace::{Name, TraceKind};
use naru_wire::ErrorCode;

impl ClassicWork<'_, '_> {
    /// A timer is due.
    pub(crate) fn on_timer(&mut self, kind: TimerKind) {
        match kind {
            TimerKind::Join => self.on_join_over(),
            TimerKind::Sync => self.on_sync_over(),
            TimerKind::Member(member_id) => self.on_silence(&member_id),
            TimerKind::Revocation(_) => {}
        }
    }

    /// Begins a rebalance, or ends the one under way if this was the last to join.
    pub(crate) fn rebalance_or_complete(&mut self, because: impl Into<Name>) {
        match self.group.state {
            ClassicState::PreparingRebalance => self.maybe_complete_join(),
            _ => self.prepare(because),
        }
    }

    /// Everybody who can has joined?
    pub(crate) fn maybe_complete_join(&mut self) {
        let group = &*self.group;
        if group.state == ClassicState::PreparingRebalance && group.initial.is_none() && group.all_joined() {
            self.complete_join();
        }
    }

    /// Everybody is asked to join again.
    fn prepare(&mut self, because: impl Into<Name>) {
        if self.group.state == ClassicState::CompletingRebalance {
            self.give_up_sync(ErrorCode::RebalanceInProgress);
        }
        self.cancel_timer(TimerKind::Sync);
        self.group.pending_sync.clear();
        let was_empty = self.group.state == ClassicState::Empty;
        self.change_state(ClassicState::PreparingRebalance, because);
        if was_empty {
            let delay_ms = self.config.initial_rebalance_delay_ms;
            let remaining_ms = (self.group.rebalance_timeout_ms() - delay_ms).max(0);
            self.group.new_member_added = false;
            self.group.initial = Some(InitialDelay { delay_ms, remaining_ms });
            self.set_timer(TimerKind::Join, delay_ms);
        } else if self.group.all_joined() {
            self.complete_join();
        } else {
            let timeout_ms = self.group.rebalance_timeout_ms();
            self.set_timer(TimerKind::Join, timeout_ms);
        }
    }

    /// The wait for members is over. A group that was empty waits on while newcomers come.
    fn on_join_over(&mut self) {
        let Some(InitialDelay { delay_ms, remaining_ms }) = self.group.initial else { return self.complete_join() };
        if !self.group.new_member_added || remaining_ms == 0 {
            return self.complete_join();
        }
        self.group.new_member_added = false;
        let next_ms = self.config.initial_rebalance_delay_ms.min(remaining_ms);
        let remaining_ms = (remaining_ms - delay_ms).max(0);
        self.group.initial = Some(InitialDelay { delay_ms: next_ms, remaining_ms });
        self.set_timer(TimerKind::Join, next_ms);
    }

    /// Whoever has joined makes up the next generation.
    fn complete_join(&mut self) {
        self.cancel_timer(TimerKind::Join);
        self.group.initial = None;
        if !self.has_leader_that_joined() && !self.group.members.is_empty() {
            // Only static members are left, and none is here: they have until their sessions end.
            let timeout_ms = self.group.rebalance_timeout_ms();
            self.set_timer(TimerKind::Join, timeout_ms);
            return;
        }
        self.remove_absent();
        self.group.generation += 1;
        self.group.pending_sync.clear();
        if self.group.members.is_empty() {
            self.group.protocol = None;
            self.group.leader = None;
            self.change_state(ClassicState::Empty, "no members are left");
            let group = String::from(self.id);
            self.outcome.records.push(Record::Classic { group, value: Some(self.group.value()) });
            return;
        }
        self.group.protocol = self.group.select_protocol();
        self.change_state(ClassicState::CompletingRebalance, "all members have joined");
        self.answer_joined();
    }

    /// Everybody learns of the new generation, and the leader who is in it.
    fn answer_joined(&mut self) {
        let members: Vec<String> = self.group.members.keys().cloned().collect();
        for member_id in members {
            let response = self.joined(&member_id, self.group.is_leader(&member_id));
            let Some(member) = self.group.members.get_mut(&member_id) else { continue };
            member.is_new = false;
            if let Some(waiter) = member.awaiting_join.take() {
                self.reply(waiter, response);
                self.restart_session(&member_id);
            }
            self.group.pending_sync.insert(member_id);
        }
        let timeout_ms = self.group.rebalance_timeout_ms();
        self.set_timer(TimerKind::Sync, timeout_ms);
    }

    /// Makes sure that the leader is one who is here.
    fn has_leader_that_joined(&mut self) -> bool {
        let group = &mut *self.group;
        let joined = |id: &String| group.members.get(id).is_some_and(|member| member.awaiting_join.is_some());
        if group.leader.as_ref().is_some_and(joined) {
            return true;
        }
        let mut here = group.members.iter().filter(|(_, member)| member.awaiting_join.is_some());
        let Some((member_id, _)) = here.next() else { return false };
        group.leader = Some(member_id.clone());
        true
    }

    /// Dynamic members that did not come in time are out; static ones have their sessions.
    fn remove_absent(&mut self) {
        let absent = |(id, member): (&String, &super::Member)| {
            (member.awaiting_join.is_none() && member.instance_id.is_none()).then(|| id.clone())
        };
        let absent: Vec<String> = self.group.members.iter().filter_map(absent).collect();
        for member_id in absent {
            self.forget_member(&member_id, "it did not join in time");
        }
    }

    /// A member was silent for too long, or an id was not used in time.
    fn on_silence(&mut self, member_id: &str) {
        if self.group.pending_join.remove(member_id) {
            return self.maybe_complete_join();
        }
        let Some(member) = self.group.members.get(member_id) else { return };
        // Whoever waits for an answer is alive; a new member waits only so long.
        if !member.is_new && (member.awaiting_join.is_some() || member.awaiting_sync.is_some()) {
            return;
        }
        self.remove_member(member_id, "its session timed out");
    }

    /// Members that joined, but never asked for their assignment.
    fn on_sync_over(&mut self) {
        if !matches!(self.group.state, ClassicState::CompletingRebalance | ClassicState::Stable) {
            return;
        }
        let silent = core::mem::take(&mut self.group.pending_sync);
        if silent.is_empty() {
            return;
        }
        for member_id in silent {
            self.forget_member(&member_id, "it did not ask for its assignment");
        }
        self.prepare("members did not ask for their assignment");
    }

    /// Takes a member out, and lets the others rebalance.
    pub(crate) fn remove_member(&mut self, member_id: &str, because: &'static str) {
        self.forget_member(member_id, because);
        match self.group.state {
            ClassicState::Empty => {}
            ClassicState::PreparingRebalance => self.maybe_complete_join(),
            ClassicState::CompletingRebalance | ClassicState::Stable => self.prepare("a member is gone"),
        }
    }

    fn forget_member(&mut self, member_id: &str, because: &'static str) {
        let Some(member) = self.group.members.remove(member_id) else { return };
        if let Some(instance_id) = &member.instance_id
            && self.group.static_members.get(instance_id).is_some_and(|current| current == member_id)
        {
            self.group.static_members.remove(instance_id);
        }
        self.group.pending_sync.remove(member_id);
        self.cancel_timer(TimerKind::Member(member_id.into()));
        self.io.trace.emit_then(|| TraceKind::MemberLeft {
            group: self.id.into(),
            member: member_id.into(),
            because: because.into(),
        });
        if self.group.is_leader(member_id) {
            self.group.leader = self.group.members.keys().next().cloned();
            self.trace_state("its leader is gone");
        }
        if let Some(waiter) = member.awaiting_join {
            self.reply(waiter, super::join::refusal(waiter, ErrorCode::UnknownMemberId, member_id));
        }
        if let Some(waiter) = member.awaiting_sync {
            self.reply(waiter, super::sync::refusal(ErrorCode::UnknownMemberId));
        }
    }

    /// Whoever waits for an assignment hears that there will be none; what was assigned before is void.
    fn give_up_sync(&mut self, error: ErrorCode) {
        let members: Vec<String> = self.group.members.keys().cloned().collect();
        for member_id in members {
            let Some(member) = self.group.members.get_mut(&member_id) else { continue };
            member.assignment = Bytes::new();
            let waiter = member.awaiting_sync.take();
            self.trace_assignment(&member_id, &Bytes::new());
            if let Some(waiter) = waiter {
                self.reply(waiter, super::sync::refusal(error));
                self.restart_session(&member_id);
            }
        }
    }
}
