//! A request's way through the broker: from a frame to a handler, and from its reply to a frame.
//!
//! ```text
//! Input::Frame ─► decode ─► handler ─┬─► encode ─► Effect::Send
//!       ▲                            └─► park ... released ─┘
//!       └── frames that came meanwhile wait, see `connections`
//! ```
//!
//! A frame that is not understood closes its connection: there is no answer whose form the other side would know
//! (SEMANTICS 45). Only ApiVersions has an answer for every version (SEMANTICS 44).

use crate::{
    api,
    connections::{QueuedFrame, RequestContext},
    effect::{Effect, Frame},
    forwarding,
    input::ConnectionId,
    purgatory::{Parked, Until},
    quorum,
    reply::{RecordData, Reply, Summary, first_error, first_fetch_error, summary},
    turn::Turn,
};
use alloc::{boxed::Box, format, string::String, vec::Vec};
use bytes::Bytes;
use naru_log::Slice;
use naru_trace::{Micros, Name, ParkCondition, Seq, TraceKind};
use naru_wire::{
    ApiKey, Chunk, DecodeError, ErrorCode, FetchResult, Request, Response, decode_request, encode_fetch_response,
    encode_response, unsupported_api_versions_response,
};

/// Why a connection ends when the broker does.
const SHUTTING_DOWN: &str = "the broker is shutting down";

impl Turn<'_> {
    /// A client connected.
    pub(crate) fn on_connected(&mut self, connection: ConnectionId, peer: String) {
        self.out.trace.emit_then(|| TraceKind::ConnectionOpened { connection: connection.0, peer: peer.clone() });
        self.state.connections.open(connection, peer);
        if self.state.stopping {
            self.close_connection(connection, SHUTTING_DOWN.into());
        }
    }

    /// A client is gone. Its replies are forgotten, and what it asked for and got is not undone.
    pub(crate) fn on_disconnected(&mut self, connection: ConnectionId) {
        if connection.is_dialled() {
            return self.on_peer_lost(connection);
        }
        self.forget_connection(connection, "the client disconnected".into());
    }

    /// A frame arrived.
    pub(crate) fn on_frame(&mut self, id: ConnectionId, frame: Bytes) {
        self.state.counters.bytes_in += frame.len() as u64;
        if id.is_dialled() {
            return self.on_peer_frame(id, frame);
        }
        let frame = QueuedFrame { frame, cause: self.out.trace.cause() };
        let Some(connection) = self.state.connections.get_mut(id) else { return };
        if connection.is_busy() {
            if connection.enqueue(frame, &self.state.config).is_err() {
                self.close_connection(id, "more requests than may wait for their turn".into());
            }
            return;
        }
        self.handle_frame(id, frame);
    }

    /// Answers what became free in this step, and what waited too long, until nothing is left to do.
    pub(crate) fn settle(&mut self) {
        loop {
            if let Some((id, cause)) = self.state.ready.pop_front() {
                self.release(id, cause, false);
            } else if let Some(id) = self.state.purgatory.expired(self.now.monotonic) {
                self.release(id, None, true);
            } else if !self.refuse_questions() && !self.send_replication() && !self.settle_groups() {
                return;
            }
        }
    }

    /// Ends a connection from this side. What was sent on it before still goes out.
    pub(crate) fn close_connection(&mut self, connection: ConnectionId, reason: Name) {
        if self.forget_connection(connection, reason.clone()) {
            self.out.effects.push(Effect::Close { connection, reason });
        }
    }

    /// Answers `response` now if the metadata log is on disk up to `end_offset`, else when it is.
    pub(crate) fn reply_when_durable(&self, end_offset: i64, response: Response) -> Reply {
        if end_offset <= self.state.metadata.durable_offset() {
            return Reply::Now(response);
        }
        Reply::Park { until: Until::Durable { end_offset, response: Box::new(response) }, deadline: None }
    }

    /// A part of a file is in memory: the fetch that needs it goes on.
    pub(crate) fn on_loaded(&mut self, ticket: u64) {
        let cause = self.out.trace.cause();
        let free = self.state.purgatory.loaded(ticket);
        self.state.ready.extend(free.map(|id| (id, cause)));
    }

    /// No new work. Fetches are answered with what there is; connections end when they have their answers.
    pub(crate) fn stop_serving(&mut self) {
        self.state.stopping = true;
        let cause = self.out.trace.cause();
        let is_cut_short = |until: &Until| {
            matches!(until, Until::Bytes(_) | Until::Loaded(_) | Until::Replicated(_) | Until::Deleted(_))
        };
        let waiting = self.state.purgatory.iter().filter(|(_, parked)| is_cut_short(&parked.until));
        self.state.ready.extend(waiting.map(|(id, _)| (id, cause)));
        self.stop_groups();
        let idle = self.state.connections.iter().filter(|(_, connection)| connection.parked.is_none());
        for id in idle.map(|(id, _)| id).collect::<Vec<_>>() {
            self.close_connection(id, SHUTTING_DOWN.into());
        }
    }

    /// What a parked reply waits for, as the picture shows it.
    pub(crate) fn park_condition(&self, until: &Until) -> ParkCondition {
        self.state.park_condition(until)
    }

    fn handle_frame(&mut self, connection: ConnectionId, frame: QueuedFrame) {
        self.out.trace.because(frame.cause);
        self.out.trace.about(None);
        let bytes = frame.frame.len() as u32;
        // What this node cannot answer itself it passes on as it came.
        let original = (!self.is_active_controller()).then(|| frame.frame.clone());
        match decode_request(frame.frame) {
            Ok((header, request)) => {
                let (api, version, correlation_id) = (header.api, header.version, header.correlation_id);
                let context = RequestContext { connection, api, version, correlation_id, envelope: None };
                self.receive(&context, &header.client_id, bytes);
                let reply = self.route(&context, request, original);
                self.finish(&context, reply);
            }
            Err(DecodeError::UnsupportedApiVersions { correlation_id, version }) => {
                let (api, envelope) = (ApiKey::ApiVersions, None);
                let context = RequestContext { connection, api, version, correlation_id, envelope };
                self.receive(&context, "", bytes);
                self.finish(&context, Reply::Frame(unsupported_api_versions_response(correlation_id)));
            }
            Err(error) => self.close_connection(connection, close_reason(&error)),
        }
    }

    /// Who answers: the quorum, the active controller (perhaps another node), or this broker.
    fn route(&mut self, context: &RequestContext, request: Request, original: Option<Bytes>) -> Reply {
        if let Some(reason) = self.not_yet_served(context.api) {
            return Reply::Close(reason.into());
        }
        match original {
            Some(original) if forwarding::is_for_controller(context.api) => self.forward(original),
            _ => match request {
                Request::Envelope(envelope) => self.open_envelope(context, &envelope),
                request if quorum::is_for_quorum(&request) => self.ask_quorum(context, &request),
                request => api::handle(self, context, request),
            },
        }
    }

    fn receive(&mut self, context: &RequestContext, client_id: &str, bytes: u32) {
        self.out.trace.about(Some(context.reference()));
        self.out.trace.emit_then(|| TraceKind::RequestReceived {
            connection: context.connection.0,
            api: context.api.name().into(),
            version: context.version,
            client_id: client_id.into(),
            bytes,
        });
        self.state.counters.note_request(context.api);
        if let Some(connection) = self.state.connections.get_mut(context.connection) {
            connection.note_request(context.api, client_id);
        }
    }

    pub(crate) fn finish(&mut self, context: &RequestContext, reply: Reply) {
        match reply {
            Reply::Now(response) => self.send_response(context, &response),
            Reply::Records(answer) => self.send_records(context, answer.result, answer.records),
            Reply::Frame(bytes) => {
                let chunks = alloc::vec![Slice::Bytes(bytes)];
                self.send(context, chunks, Some(ErrorCode::UnsupportedVersion), Summary::default());
            }
            Reply::Nothing => {}
            Reply::Park { until, deadline } => self.park(context, until, deadline),
            Reply::Close(reason) => self.close_connection(context.connection, reason),
        }
    }

    fn park(&mut self, context: &RequestContext, until: Until, deadline: Option<Micros>) {
        if self.state.purgatory.len() >= self.state.config.parked_replies_max {
            self.close_connection(context.connection, "more replies wait than the broker allows".into());
            return;
        }
        let condition = self.out.trace.is_on().then(|| self.park_condition(&until));
        let id = self.state.purgatory.park(Parked { context: *context, until, deadline, event: None });
        if let Some(connection) = self.state.connections.get_mut(context.connection) {
            connection.parked = Some(id);
        }
        self.pass_on(id);
        if let Some(until) = condition {
            let event = self.out.trace.emit_then(|| TraceKind::ReplyParked { parked: id, until, deadline });
            self.state.purgatory.set_event(id, event);
        }
    }

    /// A parked reply is free: answers it, and then whatever waited behind it.
    fn release(&mut self, id: u64, cause: Option<Seq>, timed_out: bool) {
        // It may have been freed twice in one step, or its connection may have ended.
        let Some(parked) = self.state.purgatory.take(id) else { return };
        let context = parked.context;
        self.out.trace.because(if timed_out { parked.event } else { cause });
        self.out.trace.about(Some(context.reference()));
        self.out.trace.emit_then(|| TraceKind::ReplyReleased { parked: id, timed_out });
        if let Some(connection) = self.state.connections.get_mut(context.connection) {
            connection.parked = None;
        }
        match parked.until {
            Until::Durable { response, .. } | Until::Flushed { response, .. } => {
                self.send_response(&context, &response)
            }
            Until::Replicated(wait) => {
                let response = api::produce::resume(self, *wait, &context, timed_out);
                self.send_response(&context, &response.into());
            }
            Until::Deleted(wait) => {
                let response = api::delete_records::resume(*wait);
                self.send_response(&context, &response.into());
            }
            Until::Group { response, .. } => {
                if let Some(response) = response {
                    self.send_response(&context, &response);
                }
            }
            Until::Bytes(wait) => {
                let reply = api::fetch::resume(self, *wait);
                self.finish(&context, reply);
            }
            Until::Loaded(load) => {
                let reply = api::fetch::go_on(self, *load);
                self.finish(&context, reply);
            }
            Until::Forwarded { answer: Some(answer), .. } => self.send_forwarded(&context, answer),
            Until::Forwarded { answer: None, .. } => {
                self.close_connection(context.connection, "the active controller gave no answer in time".into());
            }
            Until::Quorum { answer, .. } => self.finish_quorum_wait(&context, answer),
        }
        self.handle_queue(context.connection);
    }

    /// Handles the frames that waited, until one of them is parked again.
    pub(crate) fn handle_queue(&mut self, id: ConnectionId) {
        if self.state.stopping {
            self.close_connection(id, SHUTTING_DOWN.into());
            return;
        }
        while let Some(frame) = self.state.connections.get_mut(id).and_then(|connection| connection.dequeue()) {
            self.handle_frame(id, frame);
        }
    }

    pub(crate) fn send_response(&mut self, context: &RequestContext, response: &Response) {
        let error = first_error(response);
        let encoded = match context.envelope {
            None => encode_response(context.correlation_id, context.version, response),
            Some(envelope) => forwarding::in_envelope(context, envelope, response),
        };
        match encoded {
            Ok(bytes) => {
                let summary = if self.out.trace.is_on() { summary(response) } else { Summary::default() };
                self.send(context, alloc::vec![Slice::Bytes(bytes)], error, summary);
            }
            Err(error) => self.close_connection(context.connection, format!("{error:?}").into()),
        }
    }

    fn send_records(&mut self, context: &RequestContext, result: FetchResult<RecordData>, records: u32) {
        let error = first_fetch_error(&result);
        let summary = if self.out.trace.is_on() { self.fetch_summary(&result, records) } else { Summary::default() };
        match encode_fetch_response(context.correlation_id, context.version, result) {
            Ok(chunks) => {
                let slices = chunks.into_iter().map(|chunk| match chunk {
                    Chunk::Bytes(bytes) => Slice::Bytes(bytes),
                    Chunk::Payload(RecordData(slice)) => slice,
                });
                self.send(context, slices.collect(), error, summary);
            }
            Err(error) => self.close_connection(context.connection, format!("{error:?}").into()),
        }
    }

    pub(crate) fn send(
        &mut self,
        context: &RequestContext,
        chunks: Vec<Slice>,
        error: Option<ErrorCode>,
        summary: Summary,
    ) {
        let frame = Frame { chunks };
        let bytes = frame.len();
        self.state.counters.bytes_out += bytes as u64;
        if let Some(error) = error {
            self.state.counters.note_error(error);
        }
        let cause = self.out.trace.emit(|| TraceKind::ResponseSent {
            connection: context.connection.0,
            api: context.api.name().into(),
            bytes: bytes as u32,
            error: error.map(|error| error.name().into()),
        });
        let label = self.out.trace.is_on().then(|| summary.label(context.api, error));
        self.out.effects.push(Effect::Send { connection: context.connection, frame, label, cause });
    }

    fn fetch_summary(&self, result: &FetchResult<RecordData>, records: u32) -> Summary {
        let Some(topic) = result.topics.first() else { return Summary::default() };
        let by_id = self.state.topics.by_id(topic.topic_id).map(|key| self.state.topics.name(key));
        let name = by_id.unwrap_or(topic.topic.as_str());
        let partition = topic.partitions.first().map(|partition| partition.partition_index);
        Summary { topic: (!name.is_empty()).then(|| name.into()), partition, records }
    }

    /// Returns whether there was such a connection.
    fn forget_connection(&mut self, id: ConnectionId, reason: Name) -> bool {
        let Some(connection) = self.state.connections.close(id) else { return false };
        let parked = connection.parked.and_then(|parked| self.state.purgatory.take(parked));
        if let Some(Until::Quorum { token, .. }) = parked.map(|parked| parked.until) {
            self.forget_quorum_wait(token);
        }
        self.out.trace.emit(|| TraceKind::ConnectionClosed { connection: id.0, reason });
        true
    }
}

fn close_reason(error: &DecodeError) -> Name {
    match error {
        DecodeError::NoHeader => "malformed frame: it ends inside its header".into(),
        DecodeError::UnknownApi { key } => format!("unknown API key {key}").into(),
        DecodeError::UnsupportedVersion { api, version } => {
            format!("{} version {version} is not supported", api.name()).into()
        }
        DecodeError::Malformed { api, version, reason } => {
            format!("malformed {} version {version}: {reason}", api.name()).into()
        }
        other => format!("{other:?}").into(),
    }
}
