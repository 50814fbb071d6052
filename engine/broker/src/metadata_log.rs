//! The cluster's metadata at this node: the log `__cluster_metadata-0`, kept by the quorum, and what its records add up to.
//!
//! ```text
//! decide ─► append ─► replay into the image ahead ─► quorum commits ─► replay into the committed image ─► publish ─► answer
//!           (records)  (the active controller's view)  (Raft)            (every node's view)              (topics that clients see)
//! ```
//!
//! There are two images on the active controller. The one that runs ahead keeps two requests for one name from both
//! succeeding; it is dropped when the node loses its office. The committed one is equal on all nodes that have read equally
//! far. Clients see a topic, and get their answer, only when a majority has it on disk (SEMANTICS 29: the metadata log *is*
//! synced, unlike topics). A lone broker is its own majority.
//!
//! How the log itself is agreed on is `naru-raft`'s business; [`crate::quorum`] drives it.

use crate::{config::BrokerConfig, config::ClusterConfig, effect::Effect, log_dirs::LogDir, turn::Turn};
use alloc::{collections::VecDeque, format, string::String, string::ToString, vec::Vec};
use bytes::Bytes;
use naru_log::{Log, LogConfig, Opening, Storage, StorageError, TopicPartition};
use naru_metadata::{Image, MetadataRecord};
use naru_raft::{AppendError, Io, Raft, RaftConfig, SnapshotId, Voter};
use naru_trace::{Name, Seq, TraceKind};
use uuid::Uuid;

/// Its topic.
pub(crate) const TOPIC: &str = naru_raft::TOPIC;

/// The metadata log and what it adds up to.
#[derive(Debug)]
pub(crate) struct MetadataLog {
    pub(crate) raft: Raft,
    committed: Image,
    /// The first offset whose record is not in the committed image.
    read_up_to: i64,
    /// How many bytes of records were read since the last snapshot.
    unsummed_bytes: u64,
    /// What the records add up to that are decided and not committed yet. Only the active controller has it.
    ahead: Option<Image>,
    /// Decisions that are not committed, with the events of their being appended.
    decided: VecDeque<Decided>,
    /// Why nothing can be written any more.
    failed: Option<String>,
}

/// A decision on its way through the quorum.
#[derive(Debug)]
struct Decided {
    end_offset: i64,
    event: Option<Seq>,
}

/// Records that the quorum has committed.
#[derive(Debug)]
pub(crate) struct Committed {
    pub(crate) records: Vec<MetadataRecord>,
    /// The event that the decision was, if it was made here.
    pub(crate) event: Option<Seq>,
}

impl MetadataLog {
    /// Opens the log. A lone node leads it from the first moment on, and knows all of it; others have to hear from the quorum
    /// what is committed. An error is a sentence.
    pub(crate) fn open(
        config: &BrokerConfig,
        (cluster_id, dir): (&str, &LogDir),
        seed: u64,
        io: &mut Io<'_>,
    ) -> Result<Self, String> {
        let id = TopicPartition { topic: TOPIC.into(), partition: 0 };
        // A decision is one batch, however many partitions it makes.
        let log_config = LogConfig { max_message_bytes: u32::MAX, ..LogConfig::default() };
        let opening = Opening { clean: dir.clean, ..Opening::clean() };
        let log = Log::open_in(&dir.mount, &id, log_config, opening, io.storage, io.trace);
        let log = log.map_err(|error| error.to_string())?;
        let raft = Raft::open(raft_config(config, cluster_id, dir.id, seed), log, io)?;
        let (committed, read_up_to) = (Image::default(), 0);
        let (ahead, decided, failed) = (None, VecDeque::new(), None);
        let mut metadata = MetadataLog { raft, committed, read_up_to, unsummed_bytes: 0, ahead, decided, failed };
        if let Some(id) = metadata.raft.latest_snapshot() {
            metadata.load_snapshot(id, io.storage)?;
        }
        if config.cluster.is_lone(config.node_id) {
            metadata.raft.elect_self(io);
            metadata.sync_now(io).map_err(|error| error.to_string())?;
            metadata.read_committed(io.storage)?;
            metadata.take_office();
        }
        Ok(metadata)
    }

    /// What the active controller decides on: all records, those included that are not committed yet. On other nodes, and
    /// for everything else, what is committed.
    pub(crate) fn image(&self) -> &Image {
        self.ahead.as_ref().unwrap_or(&self.committed)
    }

    /// What the committed records add up to, as far as this node has read them.
    pub(crate) fn committed(&self) -> &Image {
        &self.committed
    }

    /// Whether this node decides for the cluster: it leads the quorum, and has read all that its predecessors decided.
    pub(crate) fn is_active_controller(&self) -> bool {
        self.ahead.is_some()
    }

    /// The node that decides for the cluster, if that is known here.
    pub(crate) fn active_controller(&self) -> Option<i32> {
        self.raft.leader()
    }

    /// The offset that the next record gets.
    pub(crate) fn end_offset(&self) -> i64 {
        self.raft.end_offset()
    }

    /// Everything before this offset is committed, and in the committed image.
    pub(crate) fn durable_offset(&self) -> i64 {
        self.read_up_to
    }

    /// The first offset whose record this node has not carried out.
    pub(crate) fn read_up_to(&self) -> i64 {
        self.read_up_to
    }

    /// Why nothing can be written any more, if so.
    pub(crate) fn failed(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// Length of its segments in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.raft.log().size()
    }

    /// Appends records as one batch and replays them ahead. Returns the end offset that has to be committed before they
    /// count. An error is a sentence.
    pub(crate) fn append(&mut self, records: &[MetadataRecord], io: &mut Io<'_>) -> Result<i64, String> {
        assert!(!records.is_empty(), "a decision without records needs no log");
        let payloads: Vec<Bytes> = records.iter().map(MetadataRecord::encode).collect();
        let base_offset = self.raft.end_offset();
        let end_offset = self.raft.append(&payloads, io).map_err(|error| match error {
            AppendError::NotLeader => String::from("this node is not the active controller any more"),
            AppendError::Failed(reason) => reason,
        })?;
        let ahead = self.ahead.as_mut().expect("only the active controller decides");
        for record in records {
            ahead.replay(record).expect("what was decided on this image fits it");
        }
        let event = io.trace.emit_then(|| TraceKind::MetadataAppended {
            base_offset,
            records: records.iter().map(|record| Name::Borrowed(record.name())).collect(),
        });
        self.decided.push_back(Decided { end_offset, event });
        Ok(end_offset)
    }

    /// Syncs at once and commits, which only a lone broker that is starting may do.
    pub(crate) fn sync_now(&mut self, io: &mut Io<'_>) -> Result<(), StorageError> {
        let synced = self.raft.sync_now(io);
        // Whoever starts reads what is committed without being told.
        drop(self.raft.outputs());
        synced
    }

    /// Replays what is committed and was not replayed, decision by decision where they were made here. An error is a
    /// sentence: the log is damaged.
    pub(crate) fn read_committed(&mut self, storage: &dyn Storage) -> Result<Vec<Committed>, String> {
        let mut all: Vec<Committed> = Vec::new();
        while self.read_up_to < self.raft.high_watermark() {
            let read = self.raft.read_committed(self.read_up_to, storage)?;
            assert!(read.next_offset > self.read_up_to, "a read before the end of a log makes progress");
            let mut batch = Committed { records: Vec::new(), event: None };
            for (offset, payload) in &read.records {
                let record = MetadataRecord::decode(payload)
                    .map_err(|error| format!("the record at offset {offset} is not understood: {error:?}"))?;
                let replayed = self.committed.replay(&record);
                replayed.map_err(|error| format!("the record at offset {offset} does not fit: {}", error.reason))?;
                batch.records.push(record);
                self.unsummed_bytes += payload.len() as u64;
                if let Some(decided) = self.decided.pop_front_if(|decided| decided.end_offset <= offset + 1) {
                    batch.event = decided.event;
                    all.push(core::mem::replace(&mut batch, Committed { records: Vec::new(), event: None }));
                }
            }
            if !batch.records.is_empty() {
                all.push(batch);
            }
            self.read_up_to = read.next_offset;
        }
        Ok(all)
    }

    /// The newest decision that the quorum has not committed: what a sync is for.
    pub(crate) fn last_decision(&self) -> Option<Seq> {
        self.decided.back().and_then(|decided| decided.event)
    }

    /// The committed image begins anew, from a snapshot. An error is a sentence, and then nothing was changed.
    pub(crate) fn load_snapshot(&mut self, id: SnapshotId, storage: &dyn Storage) -> Result<(), String> {
        let mut image = Image::default();
        for payload in &self.raft.load_snapshot(id, storage)?.payloads {
            let record = MetadataRecord::decode(payload).map_err(|error| format!("a record: {error:?}"))?;
            image.replay(&record).map_err(|error| error.reason)?;
        }
        self.committed = image;
        self.read_up_to = id.end_offset;
        self.unsummed_bytes = 0;
        Ok(())
    }

    /// The payloads of a snapshot and the offset that it reaches to, if one is due.
    pub(crate) fn due_snapshot(&mut self, config: &ClusterConfig) -> Option<(i64, Vec<Bytes>)> {
        if self.unsummed_bytes < config.snapshot_bytes || self.failed.is_some() {
            return None;
        }
        self.unsummed_bytes = 0;
        Some((self.read_up_to, self.committed.snapshot().iter().map(MetadataRecord::encode).collect()))
    }

    /// This node decides from now on.
    pub(crate) fn take_office(&mut self) {
        self.ahead = Some(self.committed.clone());
    }

    /// This node does not decide any more. What it decided may or may not be committed by others.
    pub(crate) fn leave_office(&mut self) {
        self.ahead = None;
        self.decided.clear();
    }

    pub(crate) fn fail(&mut self, reason: String) {
        self.failed.get_or_insert(reason);
    }

    /// Closes the files, synced.
    pub(crate) fn close(self, storage: &mut dyn Storage) -> Result<(), naru_log::LogError> {
        self.raft.close(storage)
    }

    pub(crate) fn owns_file(&self, file: naru_log::FileId) -> bool {
        self.raft.log().owns_file(file)
    }

    pub(crate) fn check_invariants(&self) {
        self.raft.check_invariants();
        assert!(self.read_up_to <= self.raft.high_watermark().max(0), "only what is committed is carried out");
        assert!(self.ahead.is_none() || self.raft.is_leader(), "the active controller leads the quorum");
    }
}

impl Turn<'_> {
    /// Whether this node decides for the cluster.
    pub(crate) fn is_active_controller(&self) -> bool {
        self.state.metadata.is_active_controller()
    }

    /// Brings a decision on its way: appended, replayed, and given to the quorum. Returns the offset to wait for; an error is
    /// a sentence, and then nothing was changed.
    pub(crate) fn commit_metadata(&mut self, records: Vec<MetadataRecord>) -> Result<i64, String> {
        if let Some(reason) = self.state.metadata.failed() {
            return Err(reason.into());
        }
        if !self.is_active_controller() {
            return Err("this node is not the active controller".into());
        }
        let mut io = Io { now: self.now, storage: self.storage, trace: &mut self.out.trace };
        let appended = self.state.metadata.append(&records, &mut io);
        let end_offset = appended.inspect_err(|reason| self.state.metadata.fail(reason.clone()))?;
        self.drive_quorum();
        Ok(end_offset)
    }

    /// The same for a decision that may change nothing: then there is nothing to wait for.
    pub(crate) fn commit_decision(&mut self, records: Vec<MetadataRecord>) -> Result<i64, String> {
        match records.is_empty() {
            true => Ok(self.state.metadata.durable_offset()),
            false => self.commit_metadata(records),
        }
    }

    /// The metadata log cannot be written. Apache Kafka stops the process; here nothing is acknowledged any more.
    pub(crate) fn fail_metadata(&mut self, error: &StorageError) {
        self.state.metadata.fail(error.to_string());
        self.state.metadata.raft.on_sync_failed(0, error);
        self.abandon_decisions(&format!("the metadata log failed: {error}"));
        self.drive_quorum();
    }

    /// Whoever waits for a decision of this node waits in vain.
    pub(crate) fn abandon_decisions(&mut self, reason: &str) {
        for id in self.state.purgatory.durable(i64::MAX) {
            let Some(parked) = self.state.purgatory.take(id) else { continue };
            self.abandon(parked.context, reason);
        }
    }

    /// Asks the driver to sync files of the quorum.
    pub(crate) fn sync_quorum(&mut self, ticket: u64, files: Vec<naru_log::FileId>) {
        self.state.quorum_syncs.insert(ticket, files.len() as u32);
        self.out.effects.push(Effect::Sync { ticket, files });
    }
}

fn raft_config(config: &BrokerConfig, cluster_id: &str, directory_id: Uuid, seed: u64) -> RaftConfig {
    let cluster = &config.cluster;
    let voter = |host: &String, port| Voter { directory_id: Uuid::nil(), host: host.clone(), port };
    let mut voters: naru_trace::SortedMap<i32, Voter> =
        cluster.voters.iter().map(|(id, address)| (*id, voter(&address.host, address.port))).collect();
    if voters.is_empty() {
        voters.insert(config.node_id, voter(&config.advertised_host, config.advertised_port));
    }
    let standard = RaftConfig::new(config.node_id);
    RaftConfig {
        // A leader with nothing to say has to say so well before a follower believes that it is gone.
        fetch_max_wait_ms: standard.fetch_max_wait_ms.min(cluster.fetch_timeout_ms / 3),
        directory_id,
        cluster_id: cluster_id.into(),
        voters,
        election_timeout_ms: cluster.election_timeout_ms,
        fetch_timeout_ms: cluster.fetch_timeout_ms,
        election_backoff_max_ms: cluster.election_backoff_max_ms,
        request_timeout_ms: cluster.quorum_request_timeout_ms,
        retry_backoff_ms: cluster.quorum_retry_backoff_ms,
        seed,
        name_of: |payload| MetadataRecord::decode(payload).map_or("Record", |record| record.name()).into(),
        ..standard
    }
}
