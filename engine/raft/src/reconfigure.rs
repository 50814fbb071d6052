//! Who votes, changed while the cluster runs (KIP-853): AddRaftVoter, RemoveRaftVoter, UpdateRaftVoter.
//!
//! The new set is a voters record in the log. It counts from where it stands, on every node that has it, committed or not:
//! so two sets that follow each other must share a majority, and only one voter is changed at a time, none before the last
//! change is committed. The request is answered when its own is.
//!
//! Only for quorums whose voters are in the log (`kraft.version` 1). A quorum whose voters are configured answers
//! UNSUPPORTED_VERSION, as Kafka's does.

use crate::{
    AppendError, Io, Raft, RaftOutput, RaftReply, ReplicaKey, ReplicationState, Voter,
    control::{ControlRecord, control_batch, voters_record},
    role::Role,
};
use alloc::{format, string::String, string::ToString, vec::Vec};
use naru_trace::{Micros, SortedMap};
use naru_wire::{ErrorCode, Request, Response, StrBytes, messages as kp};

/// How long RemoveRaftVoter and UpdateRaftVoter wait; AddRaftVoter says it itself.
const PATIENCE_MS: u64 = 5_000;

/// A change on its way.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    token: u64,
    request: Request,
    end_offset: i64,
    until: Micros,
}

impl Change {
    pub(crate) fn token(&self) -> u64 {
        self.token
    }
}

/// Why a change is refused: the error, and words for people.
type Refusal = (ErrorCode, String);

impl Raft {
    /// Answers a request to change who votes, or lets it wait until that is committed.
    pub(crate) fn on_change_voters(&mut self, request: &Request, token: u64, io: &mut Io<'_>) -> RaftReply {
        let changed = self.check_change(request).and_then(|voters| {
            let batch = control_batch(&[voters_record(&voters, "CONTROLLER")], 0, -1, io.now.wall_ms);
            self.append_batch(batch, io).map_err(|_| refusal(ErrorCode::KafkaStorageError, "the disk failed"))
        });
        let patience_ms = match request {
            Request::AddRaftVoter(add) => add.timeout_ms.max(0) as u64,
            _ => PATIENCE_MS,
        };
        let until = io.now.monotonic.plus(1000 * patience_ms);
        match changed {
            Ok(end_offset) if self.high_watermark >= end_offset => {
                RaftReply::Now(self.change_response(request, Ok(())))
            }
            Ok(end_offset) => {
                self.changes.push(Change { token, request: request.clone(), end_offset, until });
                RaftReply::Wait { until }
            }
            Err(refused) => RaftReply::Now(self.change_response(request, Err(refused))),
        }
    }

    /// The set after the change. (AddVoterHandler, RemoveVoterHandler, UpdateVoterHandler.)
    fn check_change(&self, request: &Request) -> Result<SortedMap<i32, Voter>, Refusal> {
        let cluster_id = match request {
            Request::AddRaftVoter(add) => add.cluster_id.as_ref(),
            Request::RemoveRaftVoter(remove) => remove.cluster_id.as_ref(),
            Request::UpdateRaftVoter(update) => update.cluster_id.as_ref(),
            other => panic!("{} changes no voters", other.api().name()),
        };
        self.check_cluster(cluster_id).map_err(|error| refusal(error, error.message()))?;
        let Role::Leader(leader) = &self.role else {
            return Err(refusal(ErrorCode::NotLeaderOrFollower, ErrorCode::NotLeaderOrFollower.message()));
        };
        if let Request::UpdateRaftVoter(update) = request {
            self.check_leader_request(update.current_leader_epoch).map_err(|error| refusal(error, error.message()))?;
        }
        if self.members.kraft_version() < 1 {
            let reason = "Cluster doesn't support changing voters because the kraft.version feature is 0";
            return Err(refusal(ErrorCode::UnsupportedVersion, reason));
        }
        if !self.is_ready() || self.members.changed_at() >= self.high_watermark {
            let reason = "The last change of voters is not committed yet";
            return Err(refusal(ErrorCode::RequestTimedOut, reason));
        }
        let mut voters = self.voters().clone();
        match request {
            Request::AddRaftVoter(add) => self.check_add(add, leader.observers.get(&add.voter_id), &mut voters)?,
            Request::RemoveRaftVoter(remove) => {
                self.check_known(remove.voter_id, remove.voter_directory_id)?;
                voters.remove(&remove.voter_id);
                if voters.is_empty() {
                    return Err(refusal(ErrorCode::InvalidRequest, "The last voter cannot be removed"));
                }
            }
            Request::UpdateRaftVoter(update) => {
                self.check_known(update.voter_id, update.voter_directory_id)?;
                let (host, port) =
                    update.listeners.first().map(|it| (it.host.to_string(), it.port)).unwrap_or_default();
                voters.insert(update.voter_id, Voter { directory_id: update.voter_directory_id, host, port });
            }
            _ => {}
        }
        Ok(voters)
    }

    fn check_add(
        &self,
        add: &kp::AddRaftVoterRequest,
        known: Option<&ReplicationState>,
        voters: &mut SortedMap<i32, Voter>,
    ) -> Result<(), Refusal> {
        if voters.contains_key(&add.voter_id) {
            let reason = format!("The voter {} is already part of the set of voters", add.voter_id);
            return Err(refusal(ErrorCode::DuplicateVoter, &reason));
        }
        let Some(listener) = add.listeners.first() else {
            return Err(refusal(ErrorCode::InvalidRequest, "A voter has to have a listener"));
        };
        // A majority that waits for an empty log to be filled commits nothing for long.
        let is_caught_up = known.is_some_and(|state| {
            let same = ReplicaKey { id: add.voter_id, directory_id: add.voter_directory_id };
            let is_same = same.fits(&ReplicaKey { id: add.voter_id, directory_id: state.directory_id });
            is_same && state.end_offset >= self.high_watermark
        });
        if !is_caught_up {
            let reason = format!("The new voter {} has not caught up with the log yet", add.voter_id);
            return Err(refusal(ErrorCode::RequestTimedOut, &reason));
        }
        let (host, port) = (listener.host.to_string(), listener.port);
        voters.insert(add.voter_id, Voter { directory_id: add.voter_directory_id, host, port });
        Ok(())
    }

    fn check_known(&self, id: i32, directory_id: uuid::Uuid) -> Result<(), Refusal> {
        let named = ReplicaKey { id, directory_id };
        let fits = |voter: &Voter| named.fits(&ReplicaKey { id, directory_id: voter.directory_id });
        match self.voters().get(&id).is_some_and(fits) {
            true => Ok(()),
            false => Err(refusal(ErrorCode::VoterNotFound, ErrorCode::VoterNotFound.message())),
        }
    }

    /// Puts the voters into the log, so that they can be changed from then on (`kraft.version` 1). Those whose directory ids
    /// are not known yet keep none. Returns the end offset to wait for.
    pub fn put_voters_into_log(&mut self, io: &mut Io<'_>) -> Result<i64, AppendError> {
        let Role::Leader(leader) = &self.role else { return Err(AppendError::NotLeader) };
        let mut voters = self.voters().clone();
        for (id, voter) in voters.iter_mut() {
            let learned = leader.voters.get(id).map(|state| state.directory_id);
            voter.directory_id =
                if *id == self.config.node_id { self.config.directory_id } else { learned.unwrap_or_default() };
        }
        let version = ControlRecord::KRaftVersion(kp::KRaftVersionRecord::default().with_k_raft_version(1));
        let batch = control_batch(&[version, voters_record(&voters, "CONTROLLER")], 0, -1, io.now.wall_ms);
        self.append_batch(batch, io)
    }

    /// Another set of voters counts from now on.
    pub(crate) fn on_voters_changed(&mut self, io: &mut Io<'_>) {
        let voters: Vec<i32> = self.voters().keys().copied().filter(|id| *id != self.config.node_id).collect();
        if let Role::Leader(leader) = &mut self.role {
            let now = io.now.monotonic;
            leader.announce_at.retain(|id, _| voters.contains(id));
            leader.fetched.retain(|id| voters.contains(id));
            for id in &voters {
                leader.announce_at.entry(*id).or_insert_with(|| now);
                let known = leader.observers.remove(id).unwrap_or_else(ReplicationState::new);
                leader.voters.entry(*id).or_insert_with(|| known);
            }
        }
        self.trace_voters(io);
    }

    /// Answers those whose change is committed, or who have waited long enough; and all, when this node does not lead.
    pub(crate) fn finish_changes(&mut self, io: &mut Io<'_>) {
        let (committed, now, leads) = (self.high_watermark, io.now.monotonic, self.is_leader());
        for change in core::mem::take(&mut self.changes) {
            let result = if leads && change.end_offset <= committed {
                Ok(())
            } else if !leads {
                Err(refusal(ErrorCode::NotLeaderOrFollower, ErrorCode::NotLeaderOrFollower.message()))
            } else if change.until <= now {
                Err(refusal(ErrorCode::RequestTimedOut, ErrorCode::RequestTimedOut.message()))
            } else {
                self.changes.push(change);
                continue;
            };
            let response = self.change_response(&change.request, result);
            self.outputs.push(RaftOutput::Reply { token: change.token, response });
        }
        let is_removed = leads && !self.is_voter() && self.members.changed_at() < committed;
        if is_removed {
            // It led until the set without it was committed, and not longer.
            self.resign(io);
        }
    }

    /// When the first of those that wait has waited long enough.
    pub(crate) fn change_deadline(&self) -> Option<Micros> {
        self.changes.iter().map(|change| change.until).min()
    }

    fn change_response(&self, request: &Request, result: Result<(), Refusal>) -> Response {
        let (code, reason) = match result {
            Ok(()) => (0, None),
            Err((error, reason)) => (error as i16, Some(StrBytes::from_string(reason))),
        };
        match request {
            Request::AddRaftVoter(_) => {
                kp::AddRaftVoterResponse::default().with_error_code(code).with_error_message(reason).into()
            }
            Request::RemoveRaftVoter(_) => {
                kp::RemoveRaftVoterResponse::default().with_error_code(code).with_error_message(reason).into()
            }
            _ => {
                let (host, port) = self.leader_endpoint().map(|(_, host, port)| (host, port)).unwrap_or_default();
                let leader = kp::update_raft_voter_response::CurrentLeader::default()
                    .with_leader_id(self.election.leader.unwrap_or(-1).into())
                    .with_leader_epoch(self.election.epoch)
                    .with_host(host)
                    .with_port(i32::from(port));
                kp::UpdateRaftVoterResponse::default().with_error_code(code).with_current_leader(leader).into()
            }
        }
    }
}

fn refusal(error: ErrorCode, reason: &str) -> Refusal {
    (error, reason.to_string())
}
