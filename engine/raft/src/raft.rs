//! One member of the quorum: all its state, how it is opened, and how it changes from one role to another.

use crate::{
    AppendError, ElectionState, Io, RaftConfig, RaftOutput, ReplicaKey, RoleName,
    fetch::Parked,
    members::Members,
    quorum_state,
    random::Random,
    reconfigure::Change,
    requests::Requests,
    role::{Role, Unattached},
    snapshot::{self, SnapshotId},
    trace::RecentRecords,
    writing::Durability,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use naru_log::{FileId, Log, Storage, StorageErrorKind};
use naru_trace::{Micros, SortedMap};

/// A member of the quorum, or an observer.
#[derive(Debug)]
pub struct Raft {
    pub(crate) config: RaftConfig,
    pub(crate) log: Log,
    /// What `quorum-state` says.
    pub(crate) election: ElectionState,
    pub(crate) role: Role,
    pub(crate) members: Members,
    /// All records before it are decided for good. It never goes back.
    pub(crate) high_watermark: i64,
    pub(crate) durability: Durability,
    /// The snapshots that are there, oldest first.
    pub(crate) snapshots: Vec<SnapshotId>,
    pub(crate) requests: Requests,
    /// Fetches that wait here.
    pub(crate) parked: Vec<Parked>,
    /// Changes of voters that wait to be committed.
    pub(crate) changes: Vec<Change>,
    /// The newest records, for the picture.
    pub(crate) recent: RecentRecords,
    /// Whether its events are written.
    pub(crate) is_shown: bool,
    /// How many elections it has lost in a row.
    pub(crate) lost_elections: u32,
    /// The time of the last step.
    pub(crate) last_step: Micros,
    pub(crate) random: Random,
    pub(crate) outputs: Vec<RaftOutput>,
    /// Why nothing can be written any more.
    pub(crate) failed: Option<String>,
}

impl Raft {
    /// Takes over an opened metadata log: reads `quorum-state`, the snapshots and who votes. Syncs what the last process had
    /// not. An error is a sentence.
    pub fn open(config: RaftConfig, log: Log, io: &mut Io<'_>) -> Result<Self, String> {
        let election = read_quorum_state(&log, io.storage)?;
        let members = Members::new(config.voters.clone());
        let random = Random::new(config.seed, config.node_id);
        let snapshots = snapshot::list(log.directory(), io.storage).map_err(|error| error.to_string())?;
        let mut raft = Raft {
            config,
            log,
            election,
            role: Role::Unattached(Unattached { deadline: Micros::default() }),
            members,
            high_watermark: 0,
            durability: Durability::default(),
            snapshots,
            requests: Requests::default(),
            parked: Vec::new(),
            changes: Vec::new(),
            recent: RecentRecords::new(),
            is_shown: false,
            lost_elections: 0,
            last_step: io.now.monotonic,
            random,
            outputs: Vec::new(),
            failed: None,
        };
        raft.load(io)?;
        Ok(raft)
    }

    fn load(&mut self, io: &mut Io<'_>) -> Result<(), String> {
        // A new directory's own name: a vote in a directory that is gone after a power failure is forgotten.
        let parent = self.log.directory().rsplit_once('/').map_or("", |(parent, _)| parent);
        io.storage.sync_dir(parent).map_err(|error| error.to_string())?;
        self.sync_files(io).map_err(|error| error.to_string())?;
        self.settle_snapshots(io)?;
        self.replay_records(io.storage)?;
        let written = self.last_epoch();
        if self.election.epoch < written {
            // Its file is older than its log: what it voted in the log's epoch is not known, but that epoch has a leader.
            self.election = ElectionState { epoch: written, leader: None, voted: None };
        }
        if self.election.leader == Some(self.config.node_id) {
            // Whoever led, and forgot what was on its way, does not lead that epoch any more.
            self.election.leader = None;
        }
        self.is_shown = self.is_worth_showing();
        self.role = match self.election.leader {
            Some(leader) => Role::Follower(self.following(leader, io)),
            None => Role::Unattached(Unattached { deadline: self.election_deadline(io) }),
        };
        Ok(())
    }

    /// What the owner has to do. Drained by every call.
    pub fn outputs(&mut self) -> Vec<RaftOutput> {
        core::mem::take(&mut self.outputs)
    }

    /// The newest epoch that is known.
    pub fn epoch(&self) -> i32 {
        self.election.epoch
    }

    /// Its leader, if that is known and has not resigned.
    pub fn leader(&self) -> Option<i32> {
        self.election.leader.filter(|_| !matches!(self.role, Role::Resigned(_)))
    }

    /// Whether this node leads. It is ready to decide when [`Raft::is_ready`] says so.
    pub fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// Whether this node leads and the record that began its epoch is committed: then all that was committed in earlier
    /// epochs is known to be so.
    pub fn is_ready(&self) -> bool {
        match &self.role {
            Role::Leader(leader) => self.high_watermark > leader.epoch_start,
            _ => false,
        }
    }

    /// What this node is.
    pub fn role(&self) -> RoleName {
        self.role.name()
    }

    /// The role's name as events have it: `"observer"` for a follower that does not vote.
    pub fn role_name(&self) -> &'static str {
        match self.role.name() {
            RoleName::Follower if !self.is_voter() => "observer",
            name => name.as_str(),
        }
    }

    /// Whether this node votes.
    pub fn is_voter(&self) -> bool {
        self.voters().contains_key(&self.config.node_id)
    }

    /// Who votes.
    pub fn voters(&self) -> &SortedMap<i32, crate::Voter> {
        self.members.voters()
    }

    /// All records before this offset are decided for good.
    pub fn high_watermark(&self) -> i64 {
        self.high_watermark
    }

    /// The offset that the next record gets.
    pub fn end_offset(&self) -> i64 {
        self.log.log_end_offset()
    }

    /// All records before this offset are on this node's disk.
    pub fn synced_offset(&self) -> i64 {
        self.durability.synced
    }

    /// The first record that is in the log itself; what was before is in the newest snapshot.
    pub fn start_offset(&self) -> i64 {
        self.log.log_start_offset()
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The newest snapshot.
    pub fn latest_snapshot(&self) -> Option<SnapshotId> {
        self.snapshots.last().copied()
    }

    /// Why nothing can be written any more, if so.
    pub fn failed(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// Whether `file` is one of the log's.
    pub fn owns_file(&self, file: FileId) -> bool {
        self.log.owns_file(file)
    }

    /// Its settings.
    pub fn config(&self) -> &RaftConfig {
        &self.config
    }

    /// Closes the files, synced.
    pub fn close(self, storage: &mut dyn Storage) -> Result<(), naru_log::LogError> {
        self.log.close(storage)
    }

    /// Panics if the state contradicts itself.
    pub fn check_invariants(&self) {
        self.log.check_invariants();
        let (start, end) = (self.log.log_start_offset(), self.log.log_end_offset());
        let (committed, synced) = (self.high_watermark, self.durability.synced);
        assert!(committed <= synced, "committed {committed}, but only synced {synced}");
        assert!(synced <= end, "synced {synced}, but the log ends at {end}");
        assert!(start <= end, "the log starts at {start} and ends at {end}");
        if let Role::Leader(_) = &self.role {
            assert_eq!(self.election.leader, Some(self.config.node_id), "a leader knows who leads");
        }
    }

    /// The disk failed: nothing is promised any more.
    pub(crate) fn fail(&mut self, reason: impl ToString) -> AppendError {
        let reason = self.failed.get_or_insert_with(|| reason.to_string()).clone();
        AppendError::Failed(reason)
    }

    pub(crate) fn me(&self) -> ReplicaKey {
        ReplicaKey { id: self.config.node_id, directory_id: self.config.directory_id }
    }

    /// An election timeout from now: at random between one and two of the configured ones.
    pub(crate) fn election_deadline(&mut self, io: &Io<'_>) -> Micros {
        let timeout = self.config.election_timeout_ms;
        io.now.monotonic.plus(1000 * timeout + self.random.below(1000 * timeout))
    }

    /// Takes another role. What must not be forgotten is on the disk before anybody is told.
    pub(crate) fn transition(&mut self, role: Role, election: ElectionState, io: &mut Io<'_>) {
        let (from, to) = (self.role.name(), role.name());
        let is_later = election.epoch > self.election.epoch;
        assert!(election.epoch >= self.election.epoch, "epochs never go back");
        assert!(from.may_become(to, is_later), "{from:?} of epoch {} cannot become {to:?}", self.election.epoch);
        if election != self.election {
            let path = quorum_state_path(&self.log);
            if let Err(error) = io.storage.replace_file(&path, election.text().as_bytes()) {
                self.fail(error);
                return;
            }
        }
        let leader_before = (self.election.epoch, self.leader());
        self.election = election;
        self.role = role;
        self.requests.forget();
        self.trace_state(io);
        let (leader, epoch) = (self.leader(), election.epoch);
        if leader_before != (epoch, leader) {
            let is_self = leader == Some(self.config.node_id);
            self.outputs.push(RaftOutput::LeaderChanged { leader, epoch, is_self });
        }
        self.release_parked(io);
        self.finish_changes(io);
    }
}

fn quorum_state_path(log: &Log) -> String {
    format!("{}/{}", log.directory(), quorum_state::FILE_NAME)
}

fn read_quorum_state(log: &Log, storage: &dyn Storage) -> Result<ElectionState, String> {
    let path = quorum_state_path(log);
    let bytes = match storage.read_file(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind == StorageErrorKind::NotFound => return Ok(ElectionState::default()),
        Err(error) => return Err(error.to_string()),
    };
    let text = core::str::from_utf8(&bytes).map_err(|_| format!("{path} is not text"))?;
    ElectionState::parse(text).map_err(|reason| format!("{path}: {reason}"))
}
