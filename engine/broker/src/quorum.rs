//! Driving the quorum's state machine: requests, answers, syncs and the time go in; what it wants is done here.
//!
//! Here, too, begins and ends the office of the active controller.

use crate::{
    connections::RequestContext,
    controller, forwarding,
    peers::{Asked, Lane, PeerError},
    purgatory::Until,
    reply::Reply,
    turn::Turn,
};
use alloc::{boxed::Box, format};
use naru_log::StorageError;
use naru_metadata::bootstrap;
use naru_raft::{Io, Raft, RaftOutput, RaftReply, SnapshotId, Tag};
use naru_trace::{Name, TraceKind};
use naru_wire::messages::FetchRequest;
use naru_wire::{Request, Response};

/// Whether a request is the quorum's business.
pub(crate) fn is_for_quorum(request: &Request) -> bool {
    match request {
        Request::Fetch(fetch) => is_for_metadata(fetch),
        Request::Vote(_)
        | Request::BeginQuorumEpoch(_)
        | Request::EndQuorumEpoch(_)
        | Request::FetchSnapshot(_)
        | Request::DescribeQuorum(_)
        | Request::AddRaftVoter(_)
        | Request::RemoveRaftVoter(_)
        | Request::UpdateRaftVoter(_) => true,
        _ => false,
    }
}

/// Nodes fetch the metadata log like any partition. Consumers do not: it is not theirs.
fn is_for_metadata(fetch: &FetchRequest) -> bool {
    let is_node = fetch.replica_id.0 >= 0 || fetch.replica_state.replica_id.0 >= 0;
    is_node
        && fetch
            .topics
            .first()
            .is_some_and(|topic| topic.topic_id == naru_raft::TOPIC_ID || topic.topic.as_str() == naru_raft::TOPIC)
}

impl Turn<'_> {
    /// Lets the quorum answer a request.
    pub(crate) fn ask_quorum(&mut self, context: &RequestContext, request: &Request) -> Reply {
        self.state.quorum_tokens += 1;
        let token = self.state.quorum_tokens;
        let reply = self.with_raft(|raft, io| raft.on_request(request, context.version, token, io));
        self.drive_quorum();
        match reply {
            RaftReply::Now(response) => Reply::Now(response),
            RaftReply::Wait { .. } => Reply::Park { until: Until::Quorum { token, answer: None }, deadline: None },
        }
    }

    /// A request that waited for the quorum has its answer.
    pub(crate) fn finish_quorum_wait(&mut self, context: &RequestContext, answer: Option<Box<Response>>) {
        match answer {
            Some(response) => self.send_response(context, &response),
            None => self.close_connection(context.connection, "the quorum gave no answer".into()),
        }
    }

    /// Another node has answered a question of the quorum, or will not.
    pub(crate) fn on_quorum_answer(&mut self, node: i32, tag: Tag, result: Result<Response, PeerError>) {
        self.with_raft(|raft, io| raft.on_answer(node, tag, result.map_err(drop), io));
        self.drive_quorum();
    }

    /// The answer to [`crate::Effect::Sync`] for the metadata log.
    pub(crate) fn on_synced(&mut self, ticket: u64, result: Result<(), StorageError>) {
        let Some(files) = self.state.quorum_syncs.remove(&ticket) else { return };
        if let Err(error) = result {
            return self.fail_metadata(&error);
        }
        if let Some(event) = self.state.metadata.last_decision() {
            self.out.trace.because(Some(event));
        }
        self.out.trace.emit_then(|| TraceKind::StorageSynced { files });
        self.with_raft(|raft, io| raft.on_synced(ticket, io));
        self.drive_quorum();
    }

    /// The first moment: a node that does not vote looks for the leader, one that votes waits for its turn.
    pub(crate) fn start_quorum(&mut self) {
        self.with_raft(|raft, io| raft.tick(io));
        self.drive_quorum();
    }

    /// Nobody waits for this answer any more.
    pub(crate) fn forget_quorum_wait(&mut self, token: u64) {
        self.state.metadata.raft.forget_waiting(token);
    }

    /// A leader that is told to stop says so, so that nobody has to find out (EndQuorumEpoch).
    pub(crate) fn resign_from_quorum(&mut self) {
        if !self.state.is_lone() {
            self.with_raft(|raft, io| raft.resign(io));
            self.drive_quorum();
        }
    }

    /// Lets the quorum see that time has passed.
    pub(crate) fn tick_quorum(&mut self) {
        let now = self.now.monotonic;
        if self.state.metadata.raft.next_deadline().is_none_or(|deadline| deadline.at > now) {
            return;
        }
        self.with_raft(|raft, io| raft.tick(io));
        self.drive_quorum();
    }

    /// Lets the quorum's state machine work.
    fn with_raft<R>(&mut self, work: impl FnOnce(&mut Raft, &mut Io<'_>) -> R) -> R {
        let mut io = Io { now: self.now, storage: self.storage, trace: &mut self.out.trace };
        work(&mut self.state.metadata.raft, &mut io)
    }

    /// Does what the quorum wants, until it wants nothing more.
    pub(crate) fn drive_quorum(&mut self) {
        let caused = self.out.trace.cause();
        loop {
            let outputs = self.state.metadata.raft.outputs();
            if outputs.is_empty() && !self.change_office() {
                return;
            }
            for output in outputs {
                self.perform_for_quorum(output);
                self.out.trace.because(caused);
            }
        }
    }

    fn perform_for_quorum(&mut self, output: RaftOutput) {
        match output {
            RaftOutput::Send { to, request, tag, quick } => {
                let lane = if quick { Lane::Quorum } else { Lane::Metadata };
                self.ask(to, lane, request, Asked::Raft(tag));
            }
            RaftOutput::Reply { token, response } => self.answer_waiting(token, response),
            RaftOutput::Sync { ticket, files } => self.sync_quorum(ticket, files),
            RaftOutput::LeaderChanged { .. } => {
                if self.is_active_controller() {
                    self.leave_office();
                }
            }
            RaftOutput::Committed { .. } => self.on_committed(),
            RaftOutput::Truncated { .. } => {}
            RaftOutput::SnapshotInstalled { id } => self.on_snapshot(id),
        }
    }

    fn answer_waiting(&mut self, token: u64, response: Response) {
        let Some(parked) = self.state.purgatory.waiting_for_quorum(token) else { return };
        let Some(waiting) = self.state.purgatory.get_mut(parked) else { return };
        if let Until::Quorum { answer, .. } = &mut waiting.until {
            *answer = Some(Box::new(response));
            let cause = self.out.trace.cause();
            self.state.ready.push_back((parked, cause));
        }
    }

    /// The quorum has decided more: it is carried out here.
    fn on_committed(&mut self) {
        let committed = match self.state.metadata.read_committed(self.storage) {
            Ok(committed) => committed,
            Err(reason) => {
                self.out.warnings.push(format!("the metadata log cannot be read: {reason}"));
                self.state.metadata.fail(reason);
                return;
            }
        };
        let cause = self.out.trace.cause();
        for batch in committed {
            if self.state.membership.is_published && !batch.records.is_empty() {
                self.out.trace.because(cause.or(batch.event));
                self.publish(&batch.records);
            }
        }
        self.out.trace.because(cause);
        self.sum_up_metadata();
        self.after_reading();
        for id in self.state.purgatory.durable(self.state.metadata.durable_offset()) {
            self.state.ready.push_back((id, cause));
        }
    }

    /// Writes a snapshot of the metadata when enough was added since the last one, so that the log can start there (KIP-630).
    fn sum_up_metadata(&mut self) {
        let Some((end_offset, payloads)) = self.state.metadata.due_snapshot(&self.state.config.cluster) else { return };
        if let Err(reason) = self.with_raft(|raft, io| raft.write_snapshot(end_offset, &payloads, io)) {
            self.warn_once(format!("no snapshot of the metadata was written: {reason}"));
        }
    }

    fn after_reading(&mut self) {
        let read = self.state.metadata.read_up_to();
        if !self.state.is_lone() {
            self.state.shown_metadata_offset = read;
            self.out.trace.emit_then(|| TraceKind::MetadataPublished { offset: read });
        }
        self.on_metadata_read(read);
    }

    /// What came before the log's beginning is in a snapshot now.
    fn on_snapshot(&mut self, id: SnapshotId) {
        if let Err(reason) = self.state.metadata.load_snapshot(id, self.storage) {
            self.out.warnings.push(format!("the snapshot of the metadata cannot be read: {reason}"));
            self.state.metadata.fail(reason);
            return;
        }
        if self.state.membership.is_published {
            self.publish_again();
        }
        self.after_reading();
    }

    /// Takes or leaves the office of the active controller, if the quorum has it so. Returns whether that was necessary.
    fn change_office(&mut self) -> bool {
        let metadata = &self.state.metadata;
        let raft = &metadata.raft;
        let knows_all = metadata.read_up_to() >= raft.high_watermark() && metadata.failed().is_none();
        match self.is_active_controller() {
            true if !raft.is_leader() => self.leave_office(),
            false if raft.is_leader() && raft.is_ready() && knows_all => self.take_office(),
            _ => return false,
        }
        true
    }

    /// This node leads the quorum and knows everything that was decided before: from now on it decides.
    fn take_office(&mut self) {
        self.state.metadata.take_office();
        if self.state.metadata.image().features().next().is_none() {
            let begun = self.commit_metadata(bootstrap());
            self.out.warnings.extend(begun.err());
        }
        controller::take_office(self);
    }

    /// Somebody else leads, or nobody. Whoever waits for a decision asks again elsewhere.
    fn leave_office(&mut self) {
        self.state.metadata.leave_office();
        self.abandon_decisions("this node is not the active controller any more");
        controller::leave_office(self);
    }

    /// An answer will never come: a forwarding broker hears that it has to ask another controller, others lose their
    /// connection.
    pub(crate) fn abandon(&mut self, context: RequestContext, reason: &str) {
        if let Some(connection) = self.state.connections.get_mut(context.connection) {
            connection.parked = None;
        }
        match context.envelope {
            Some(envelope) => {
                let outer = RequestContext {
                    api: naru_wire::ApiKey::Envelope,
                    version: envelope.version,
                    correlation_id: envelope.correlation_id,
                    envelope: None,
                    ..context
                };
                self.send_response(&outer, &forwarding::not_controller().into());
                self.handle_queue(context.connection);
            }
            None => self.close_connection(context.connection, Name::Owned(reason.into())),
        }
    }

    /// Tells whoever runs the broker, unless it was the last thing said.
    pub(crate) fn warn_once(&mut self, sentence: alloc::string::String) {
        if self.state.last_warning.as_ref() != Some(&sentence) {
            self.state.last_warning = Some(sentence.clone());
            self.out.warnings.push(sentence);
        }
    }
}
