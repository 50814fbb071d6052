//! Requests come in and answers come back.

use crate::{Io, Raft, RaftReply, Tag, requests::Asked, role::Role};
use naru_wire::{ErrorCode, Request, Response, messages as kp};

impl Raft {
    /// A request of another node (or of a tool). `token` names it in a later [`crate::RaftOutput::Reply`], if it has to
    /// wait. A request that is not the quorum's is the caller's mistake.
    pub fn on_request(&mut self, request: &Request, version: i16, token: u64, io: &mut Io<'_>) -> RaftReply {
        if self.failed.is_some() {
            return RaftReply::Now(refusal(request, ErrorCode::KafkaStorageError));
        }
        let reply = match request {
            Request::Vote(request) => RaftReply::Now(self.on_vote(request, version, io).into()),
            Request::BeginQuorumEpoch(request) => RaftReply::Now(self.on_begin_quorum_epoch(request, io).into()),
            Request::EndQuorumEpoch(request) => RaftReply::Now(self.on_end_quorum_epoch(request, io).into()),
            Request::Fetch(request) => self.on_fetch(request, version, token, io),
            Request::FetchSnapshot(request) => RaftReply::Now(self.on_fetch_snapshot(request, io).into()),
            // The browser's engine leaves out what no lab asks: its size is what readers wait for.
            other if cfg!(target_arch = "wasm32") => panic!("{} is not for the quorum", other.api().name()),
            Request::DescribeQuorum(request) => {
                RaftReply::Now(self.on_describe_quorum(request, version, io.now).into())
            }
            Request::AddRaftVoter(_) | Request::RemoveRaftVoter(_) | Request::UpdateRaftVoter(_) => {
                self.on_change_voters(request, token, io)
            }
            other => panic!("{} is not for the quorum", other.api().name()),
        };
        self.drive(io);
        reply
    }

    /// The answer to a [`crate::RaftOutput::Send`]; `Err` if there is none: it could not be sent, the connection was lost,
    /// or it took too long.
    pub fn on_answer(&mut self, from: i32, tag: Tag, answer: Result<Response, ()>, io: &mut Io<'_>) {
        let Some(asked) = self.requests.take(from, tag).filter(|_| self.failed.is_none()) else { return };
        match (asked, answer) {
            (Asked::Vote { .. }, Ok(Response::Vote(response))) => self.on_vote_answer(from, asked, &response, io),
            (Asked::BeginQuorumEpoch, Ok(Response::BeginQuorumEpoch(response))) => {
                self.on_begin_answer(from, &response, io);
            }
            (Asked::EndQuorumEpoch, Ok(Response::EndQuorumEpoch(response))) => self.on_end_answer(from, &response, io),
            (Asked::Fetch, Ok(Response::Fetch(response))) => self.on_fetch_answer(from, &response, io),
            (Asked::FetchSnapshot, Ok(Response::FetchSnapshot(response))) => {
                self.on_snapshot_answer(from, &response, io);
            }
            (asked, _) => {
                self.note_silence();
                self.ask_later(from, asked, io);
            }
        }
        self.drive(io);
    }

    /// Whom an observer took for the leader does not answer: others may know better.
    fn note_silence(&mut self) {
        let is_observer = !self.is_voter();
        if let Role::Follower(follower) = &mut self.role {
            follower.ask_others |= is_observer;
        }
    }
}

/// An answer that says nothing but an error.
fn refusal(request: &Request, error: ErrorCode) -> Response {
    let code = error as i16;
    match request {
        Request::Vote(_) => kp::VoteResponse::default().with_error_code(code).into(),
        Request::BeginQuorumEpoch(_) => kp::BeginQuorumEpochResponse::default().with_error_code(code).into(),
        Request::EndQuorumEpoch(_) => kp::EndQuorumEpochResponse::default().with_error_code(code).into(),
        Request::Fetch(_) => kp::FetchResponse::default().with_error_code(code).into(),
        Request::FetchSnapshot(_) => kp::FetchSnapshotResponse::default().with_error_code(code).into(),
        Request::DescribeQuorum(_) => kp::DescribeQuorumResponse::default().with_error_code(code).into(),
        Request::AddRaftVoter(_) => kp::AddRaftVoterResponse::default().with_error_code(code).into(),
        Request::RemoveRaftVoter(_) => kp::RemoveRaftVoterResponse::default().with_error_code(code).into(),
        Request::UpdateRaftVoter(_) => kp::UpdateRaftVoterResponse::default().with_error_code(code).into(),
        other => panic!("{} is not for the quorum", other.api().name()),
    }
}
