//! The closed list of what can happen. A step that a learner should see is a variant here; there are no free-form events.
//!
//! Names of topics, APIs and errors are Kafka's own (`orders`, `Produce`, `NOT_LEADER_OR_FOLLOWER`). Every variant says who
//! emits it. Adding a variant asks for two things more: its effect on the picture in [`crate::view`], and its sentence in
//! `naru_labs::sentence`, in English and Korean.

use crate::{
    disk::DiskView,
    event::Seq,
    time::Micros,
    view::{GroupView, MetadataCell, PartitionView, QuorumView},
};
use alloc::{borrow::Cow, boxed::Box, string::String, vec::Vec};
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

/// A name that is usually known when the engine is compiled.
pub type Name = Cow<'static, str>;

/// The beginning of a key or value, for people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Preview {
    /// At most [`Preview::CHARS_MAX`] characters; bytes that are not UTF-8 are replaced.
    pub text: String,
    /// The whole length in bytes.
    pub length: u32,
}

impl Preview {
    /// How many characters a preview keeps.
    pub const CHARS_MAX: usize = 40;

    /// The preview of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let head = &bytes[..bytes.len().min(Self::CHARS_MAX * 4)];
        let text = String::from_utf8_lossy(head).chars().take(Self::CHARS_MAX).collect();
        Preview { text, length: bytes.len() as u32 }
    }
}

/// One record in a partition, as a cell of the picture.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CellView {
    /// The record's offset.
    pub offset: i64,
    /// The first offset of the batch it came in.
    pub batch: i64,
    /// Its key; `None` for a record without one.
    pub key: Option<Preview>,
    /// Its value; `None` for a tombstone.
    pub value: Option<Preview>,
    /// Its timestamp, milliseconds since 1970.
    pub timestamp_ms: i64,
}

/// One segment of a partition's log, as a strip of the picture.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SegmentView {
    /// The offset that names its files.
    pub base_offset: i64,
    /// Length of its `.log` file in bytes.
    pub bytes: u64,
    /// The largest timestamp in it, milliseconds since 1970; -1 for none.
    pub max_timestamp_ms: i64,
}

/// What a client is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientRole {
    /// Sends records.
    Producer,
    /// Reads records.
    Consumer,
    /// Creates, changes and describes topics.
    Admin,
}

/// How a producer chose a record's partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Partitioning {
    /// The sender named it.
    Explicit,
    /// murmur2 of the key, as the Java client computes it, modulo the number of partitions.
    KeyHash {
        /// The hash with its sign bit cleared, which is what the modulo is taken of.
        hash: u32,
        /// The number of partitions the producer knew of.
        partitions: i32,
    },
    /// No key: the partition of the batch that is being filled (KIP-480, KIP-794).
    Sticky,
}

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageWay {
    /// From a client (or a follower) to a broker.
    Request,
    /// The answer.
    Response,
}

/// What a message carries, in the few words that fit beside it on the stage.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MessageLabel {
    /// Request or response.
    pub way: MessageWay,
    /// The API's name: `Produce`.
    pub api: Name,
    /// The first topic it is about, where it is about one.
    pub topic: Option<String>,
    /// The first partition it is about, where it is about one.
    pub partition: Option<i32>,
    /// How many records it carries.
    pub records: u32,
    /// The first error it reports.
    pub error: Option<Name>,
}

/// What a parked reply waits for, besides its deadline.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParkCondition {
    /// A fetch: until this many more bytes can be read.
    Bytes {
        /// `fetch.min.bytes` less what is there already.
        missing: u32,
        /// The first topic asked for.
        topic: String,
        /// The first partition asked for.
        partition: i32,
    },
    /// A fetch: until the disk has told where its records are.
    Loaded {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
    },
    /// An answer that must not be sent before these changes are on disk.
    Durable {
        /// The offset of the metadata log that has to be synced.
        offset: i64,
    },
    /// A Produce with acks=all: until every replica in the ISR has its records. A DeleteRecords: until no replica has them.
    Replicated {
        /// The first topic that is waited for.
        topic: String,
        /// The partition.
        partition: i32,
        /// What its high watermark, or its low watermark, has to reach.
        offset: i64,
    },
    /// The active controller answers: the request was passed on to it.
    Controller,
    /// The quorum answers.
    Quorum,
    /// An answer about a group: until other members have done their part, or the group's records are committed.
    Group {
        /// Its id.
        group: String,
    },
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum TraceKind {
    // ---- The world: network, faults, the lab's script ----
    /// World: a message left its sender.
    MessageSent {
        /// Its number in the run.
        message: u64,
        /// Who sent it.
        from: crate::Actor,
        /// Who is to get it.
        to: crate::Actor,
        /// What it carries.
        label: MessageLabel,
        /// Its length in bytes, with its length field.
        bytes: u32,
        /// When it will arrive if nothing happens to it.
        arrives_at: Micros,
    },
    /// World: a message reached its receiver.
    MessageArrived {
        /// The message.
        message: u64,
    },
    /// World: a message was lost on the way.
    MessageLost {
        /// The message.
        message: u64,
        /// Why: `"connection closed"`, `"connection timed out"`.
        reason: Name,
    },
    /// World: a broker's process ended without warning. What it had committed to its operating system is kept.
    BrokerCrashed {
        /// The broker's `node.id`.
        broker: i32,
    },
    /// World: the script printed a line.
    ScriptPrinted {
        /// What it printed.
        text: String,
    },

    // ---- Clients ----
    /// Client: started.
    ClientStarted {
        /// The client's number.
        client: u32,
        /// Its `client.id`.
        name: String,
        /// What it is there for.
        role: ClientRole,
        /// The settings worth showing, as Kafka names them: `("acks", "all")`.
        settings: Vec<(Name, String)>,
    },
    /// Client: closed.
    ClientClosed {
        /// The client's number.
        client: u32,
    },
    /// Client: a producer chose a partition for a record and put it into the batch being filled.
    RecordQueued {
        /// The record's topic.
        topic: String,
        /// The partition chosen.
        partition: i32,
        /// How it was chosen.
        partitioning: Partitioning,
        /// The record's key.
        key: Option<Preview>,
        /// The record's value.
        value: Option<Preview>,
    },
    /// Client: a producer gave a record up before it could choose a partition for it.
    RecordRefused {
        /// The record's topic.
        topic: String,
        /// Kafka's name for the error.
        error: Name,
        /// A sentence about it.
        message: String,
    },
    /// Client: a producer closed a batch and sends it.
    BatchSent {
        /// The batch's topic.
        topic: String,
        /// The batch's partition.
        partition: i32,
        /// How many records it holds.
        records: u32,
        /// Its length in bytes.
        bytes: u32,
        /// How often it was sent before.
        retries: u32,
    },
    /// Client: the broker acknowledged a batch (with acks=0: it was sent, and nobody will ever know more).
    BatchAcknowledged {
        /// The batch's topic.
        topic: String,
        /// The batch's partition.
        partition: i32,
        /// Offset of its first record; -1 with acks=0.
        base_offset: i64,
        /// How many records it holds.
        records: u32,
    },
    /// Client: a batch failed for good.
    BatchFailed {
        /// The batch's topic.
        topic: String,
        /// The batch's partition.
        partition: i32,
        /// How many records it held.
        records: u32,
        /// Kafka's name for the error.
        error: Name,
    },
    /// Client: an attempt failed and will be made again.
    RetryScheduled {
        /// What is tried again: an API's name.
        api: Name,
        /// Kafka's name for the error.
        error: Name,
        /// When.
        at: Micros,
    },
    /// Client: a consumer was told which partition to read, and from where.
    PartitionAssigned {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
    },
    /// Client: a consumer was told to read a partition no longer.
    PartitionUnassigned {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
    },
    /// Client: a consumer's position moved without reading: a seek, or the answer to "where does the log begin?".
    PositionSet {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The next offset it will read.
        offset: i64,
    },
    /// Client: records reached the application.
    RecordsDelivered {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The records, in order.
        records: Vec<CellView>,
        /// The next offset the consumer will read.
        next_offset: i64,
    },
    /// Client: an admin request ended.
    AdminAnswered {
        /// The API's name.
        api: Name,
        /// What it was about: usually a topic.
        subject: String,
        /// Kafka's name for the error, or `None` for success.
        error: Option<Name>,
        /// The broker's message.
        message: Option<String>,
    },

    // ---- A broker's life ----
    /// Broker: started. Its partitions follow as [`TraceKind::PartitionOpened`].
    BrokerStarted {
        /// The broker's `node.id`.
        broker: i32,
        /// The port its clients dial.
        port: u16,
    },
    /// Broker: stopped in good order.
    BrokerStopped {
        /// The broker's `node.id`.
        broker: i32,
    },

    // ---- Connections and requests ----
    /// Broker: a client connected.
    ConnectionOpened {
        /// The connection's number at this broker.
        connection: u64,
        /// The client's address.
        peer: String,
    },
    /// Broker: a connection ended.
    ConnectionClosed {
        /// The connection's number at this broker.
        connection: u64,
        /// Why.
        reason: Name,
    },
    /// Broker: a whole frame is there, and its header was understood.
    RequestReceived {
        /// The connection it came on.
        connection: u64,
        /// The API's name.
        api: Name,
        /// The version the client chose.
        version: i16,
        /// The client's `client.id`.
        client_id: String,
        /// Length of the frame in bytes, without its length field.
        bytes: u32,
    },
    /// Broker: a reply waits.
    ReplyParked {
        /// Its number at this broker.
        parked: u64,
        /// What it waits for.
        until: ParkCondition,
        /// When it is sent whatever comes; `None` if only its condition frees it.
        deadline: Option<Micros>,
    },
    /// Broker: a parked reply is free.
    ReplyReleased {
        /// Its number at this broker.
        parked: u64,
        /// Whether the deadline freed it, not the condition.
        timed_out: bool,
    },
    /// Broker: a response was handed to the network.
    ResponseSent {
        /// The connection it goes out on.
        connection: u64,
        /// The API's name.
        api: Name,
        /// Length in bytes, with its length field.
        bytes: u32,
        /// The first error in it.
        error: Option<Name>,
    },

    // ---- Producing ----
    /// Broker: a batch passed its checks.
    BatchValidated {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// How many records.
        records: u32,
        /// Its length in bytes.
        bytes: u32,
        /// Its CRC-32C, computed and found equal.
        crc: u32,
        /// The idempotent producer's id and the batch's first sequence number.
        producer: Option<(i64, i32)>,
    },
    /// Broker: a batch was refused. Nothing was written.
    BatchRejected {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Kafka's name for the error.
        error: Name,
        /// The sentence that the client gets.
        message: String,
    },
    /// Broker: an idempotent producer sent a batch again that is already in the log. It is answered with the first offset it
    /// got then, and not written again.
    DuplicateRecognised {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The producer's id.
        producer_id: i64,
        /// The batch's first sequence number.
        base_sequence: i32,
        /// Where it has been since the first time.
        base_offset: i64,
    },
    /// Broker: the leader gave a batch its offsets.
    OffsetsAssigned {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// First offset.
        base_offset: i64,
        /// Last offset.
        last_offset: i64,
        /// The leader's epoch, written into the batch.
        leader_epoch: i32,
    },
    /// Log: a batch was appended to the active segment.
    BatchAppended {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The segment it went to.
        segment: i64,
        /// Where in the segment's file it begins.
        position: u64,
        /// Its length in bytes.
        bytes: u32,
        /// Its records (the last [`crate::CELLS_MAX`] of them).
        records: Vec<CellView>,
        /// The largest timestamp in it, milliseconds since 1970.
        max_timestamp_ms: i64,
        /// The log end offset after it.
        log_end_offset: i64,
    },
    /// Log: the active segment was closed and a new one begun.
    SegmentRolled {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The new segment's base offset.
        base_offset: i64,
        /// Why: a configuration key, `"segment.bytes"`.
        because: Name,
    },
    /// Log: an entry was added to the sparse offset index.
    IndexEntryAdded {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset that the entry finds.
        offset: i64,
        /// Where it is in the segment's file.
        position: u32,
    },
    /// Log: an entry was added to the time index: no record up to this offset in the segment is later than this.
    TimeIndexEntryAdded {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The largest timestamp so far in the segment, milliseconds since 1970.
        timestamp_ms: i64,
        /// The last offset of the batch that holds it.
        offset: i64,
    },
    /// Log: what was appended is safely on disk, and would survive a power failure.
    LogFlushed {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Everything before this offset is on disk.
        recovery_point: i64,
        /// Why it was synced: `"flush.ms"`.
        because: Name,
    },
    /// Log: the first offset that can be read is a later one.
    LogStartOffsetAdvanced {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The first offset that can be read.
        log_start_offset: i64,
        /// Why: `"retention.ms"`, `"DeleteRecords"`.
        because: Name,
    },
    /// Log: a segment is no longer part of the log. Its files go a little later.
    SegmentDeleted {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The segment's base offset.
        base_offset: i64,
        /// Length of its `.log` file in bytes.
        bytes: u64,
        /// Why: `"retention.ms"`, `"retention.bytes"`, `"log start offset"`, `"compaction"`.
        because: Name,
    },
    /// Log: compaction begins. Of the records before `end_offset`, only the newest of each key will stay.
    CleaningStarted {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The first offset that no cleaning has reached yet.
        first_dirty_offset: i64,
        /// The first offset that is not to be cleaned this time.
        end_offset: i64,
        /// Length in bytes of the segments from the first dirty offset on.
        dirty_bytes: u64,
        /// Length in bytes of the segments before it.
        clean_bytes: u64,
    },
    /// Log: compaction has put a cleaned segment in the place of some, and goes on.
    SegmentsReplaced {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// All segments of the log, after it.
        segments: Vec<SegmentView>,
        /// The offsets of the records that went, as far as the picture had them; ascending.
        removed: Vec<i64>,
    },
    /// Log: compaction is done with a log.
    CleaningFinished {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// All segments of the log, after it.
        segments: Vec<SegmentView>,
        /// The offsets of the records that went, as far as the picture had them when it began; ascending.
        removed: Vec<i64>,
        /// How many records stayed.
        records_kept: u64,
        /// How many went.
        records_removed: u64,
        /// Length in bytes of the segments that were cleaned.
        bytes_before: u64,
        /// Length in bytes of what is in their place.
        bytes_after: u64,
    },
    /// Log: compaction stopped before its end. Nothing is lost: what was not replaced is as it was.
    CleaningAborted {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Why, in words.
        reason: String,
        /// Whether the partition is left alone from now on, because trying again would fail again.
        uncleanable: bool,
    },
    /// Broker: consumers may now read up to here.
    HighWatermarkAdvanced {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The first offset that consumers may not read yet.
        high_watermark: i64,
    },
    /// Broker: an idempotent producer got its id.
    ProducerIdAssigned {
        /// The id.
        producer_id: i64,
        /// Its epoch.
        producer_epoch: i16,
    },

    // ---- Reading ----
    /// Broker: records were looked up for a fetch. They are not taken away.
    RecordsRead {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset asked for.
        from_offset: i64,
        /// The offset after the last record found; equal to `from_offset` when there is none.
        to_offset: i64,
        /// How many bytes.
        bytes: u32,
    },
    /// Broker: a fetch asked for what is not there.
    FetchRejected {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Kafka's name for the error.
        error: Name,
        /// The offset asked for.
        offset: i64,
    },
    /// Broker: a fetch session changed (KIP-227).
    FetchSessionChanged {
        /// The session's id.
        session: i32,
        /// Its epoch; 0 when it was just made, -1 when it was closed.
        epoch: i32,
        /// How many partitions it remembers.
        partitions: u32,
    },
    /// Broker: an offset was looked up.
    OffsetLookedUp {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Milliseconds since 1970; or -1 for the latest offset, -2 for the earliest, -3 for the record with the largest
        /// timestamp, -4 for the earliest on this broker's own disk, -5 for the latest in tiered storage.
        timestamp: i64,
        /// The offset found; -1 if there is none.
        offset: i64,
    },

    // ---- Topics ----
    /// Broker: a topic exists from now on.
    TopicCreated {
        /// Its name.
        topic: String,
        /// Its id (KIP-516), as 36 characters.
        topic_id: String,
        /// How many partitions it begins with. They follow as [`TraceKind::PartitionOpened`].
        partitions: i32,
    },
    /// Broker: a topic was refused.
    TopicRejected {
        /// The name asked for.
        topic: String,
        /// Kafka's name for the error.
        error: Name,
        /// The sentence that the client gets.
        message: String,
    },
    /// Broker: a topic and its records are gone.
    TopicDeleted {
        /// Its name.
        topic: String,
    },
    /// Broker: a configuration key of a topic has another value from now on; or has one, told again when a broker starts.
    TopicConfigChanged {
        /// The topic.
        topic: String,
        /// The key: `retention.ms`.
        key: Name,
        /// The value; `None`: the broker's default again.
        value: Option<String>,
    },
    /// Broker: a partition is ready: after its creation, or after its log was read at start.
    PartitionOpened {
        /// The topic.
        topic: String,
        /// The topic's id.
        topic_id: String,
        /// The partition.
        partition: i32,
        /// All there is to show of it.
        view: Box<PartitionView>,
    },
    /// Broker: a partition cannot be used: its storage failed.
    PartitionOffline {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// What the storage said.
        reason: String,
    },
    /// Log: a tail was cut off: torn or damaged, found at start after an unclean stop; or written by a leader whose records
    /// the present leader never got.
    LogTruncated {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The log end offset that is left.
        to_offset: i64,
        /// How many bytes were cut.
        bytes: u64,
        /// What was wrong with the first of them.
        reason: String,
        /// The segments that are left.
        segments: Vec<SegmentView>,
    },
    /// Log: a follower's records are all older than the leader's first one. They are gone, and it begins anew.
    LogRestarted {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Where it begins: the leader's log start offset.
        at_offset: i64,
    },
    /// Log: a leader's epoch begins (`leader-epoch-checkpoint`).
    LeaderEpochStarted {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The epoch.
        epoch: i32,
        /// The offset of its first record.
        start_offset: i64,
    },
    /// Broker: what it has to do with a partition is another thing from now on, or who else has to do with it.
    PartitionRoleChanged {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// `leader`, `follower`; `elsewhere` if this broker has no replica of it.
        role: Name,
        /// The leader's `node.id`; -1 for none.
        leader: i32,
        /// How often the partition has got a leader.
        leader_epoch: i32,
        /// How often anything about the partition was decided (KIP-497).
        partition_epoch: i32,
        /// Who holds a replica, in the order of preference.
        replicas: Vec<i32>,
        /// Which of them are in sync.
        isr: Vec<i32>,
    },
    /// Broker: a follower asks for records from an offset: so it has all before.
    FollowerFetched {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The follower's `node.id`.
        follower: i32,
        /// The offset it asks for: the end of its log.
        offset: i64,
        /// Whether that is the end of the leader's log.
        caught_up: bool,
    },
    /// Broker: a leader asks the controller for another ISR (AlterPartition).
    IsrChangeAsked {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The ISR it asks for.
        isr: Vec<i32>,
        /// Why: `"caught up"`, `"replica.lag.time.max.ms"`.
        because: Name,
        /// Who comes or goes.
        replicas: Vec<i32>,
    },
    /// Broker: a follower's log parts from its leader's (KIP-101): it will cut its own.
    DivergenceFound {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The newest epoch that both know.
        epoch: i32,
        /// Where it ends in the leader's log.
        end_offset: i64,
    },
    /// Log: a batch was written to the metadata log (`__cluster_metadata-0`).
    MetadataAppended {
        /// Offset of its first record.
        base_offset: i64,
        /// The records' types: `TopicRecord`.
        records: Vec<Name>,
    },
    /// Broker: what the quorum committed before this offset of the metadata log is carried out here.
    MetadataPublished {
        /// The first offset that is not.
        offset: i64,
    },
    /// Broker: its membership in the cluster has come to another state.
    LifecycleChanged {
        /// `starting`, `recovery`, `running`, `leaving` or `stopping`.
        state: Name,
        /// The epoch of its registration; -1 before it has one.
        epoch: i64,
    },
    // ---- The quorum of controllers (KRaft) ----
    /// Raft: the metadata log was opened. All there is to show of it.
    QuorumOpened {
        /// The picture.
        view: Box<QuorumView>,
    },
    /// Raft: a node plays another part in the quorum, or knows another epoch or leader.
    QuorumStateChanged {
        /// `"unattached"`, `"prospective"`, `"candidate"`, `"leader"`, `"follower"`, `"observer"`, `"resigned"`.
        state: Name,
        /// The epoch.
        epoch: i32,
        /// Its leader's `node.id`; -1 if that is not known.
        leader: i32,
    },
    /// Raft: a node asks a voter for its vote, or whether it would give it (pre-vote, KIP-996).
    VoteAsked {
        /// Who is asked.
        voter: i32,
        /// Who asks.
        candidate: i32,
        /// The epoch that it stands for, or that it is in.
        epoch: i32,
        /// Whether it is only a question.
        pre_vote: bool,
    },
    /// Raft: a node decided about a vote. One that counts is on its disk before it is answered.
    VoteGiven {
        /// Who asked.
        candidate: i32,
        /// The epoch.
        epoch: i32,
        /// Whether it was only a question.
        pre_vote: bool,
        /// The decision.
        granted: bool,
        /// Why: `"log as good"`, `"log behind"`, `"has a leader"`, `"voted for another"`.
        because: Name,
    },
    /// Raft: all metadata records before this offset are decided for good.
    QuorumHighWatermarkAdvanced {
        /// The first offset that is not.
        high_watermark: i64,
    },
    /// Raft: a follower has appended what it fetched of the metadata log.
    MetadataReplicated {
        /// Offset of the first record.
        base_offset: i64,
        /// The offset after the last one.
        end_offset: i64,
        /// The records (the last [`crate::METADATA_CELLS_MAX`] of them).
        records: Vec<MetadataCell>,
    },
    /// Raft: a follower has thrown away what the leader's metadata log does not have. None of it was committed.
    MetadataTruncated {
        /// Where its log ends now.
        end_offset: i64,
    },
    /// Raft: all of the metadata before an offset was written into a snapshot, so that the log can start there (KIP-630).
    SnapshotWritten {
        /// The offset.
        end_offset: i64,
        /// The epoch of the last record before it.
        epoch: i32,
    },
    /// Raft: a follower has fetched a snapshot in the place of a log that the leader no longer has.
    SnapshotLoaded {
        /// It holds all before this offset.
        end_offset: i64,
        /// The epoch of the last record before it.
        epoch: i32,
    },
    /// Raft: other nodes vote from now on (KIP-853).
    VotersChanged {
        /// Their `node.id`s, ascending.
        voters: Vec<i32>,
    },
    /// Broker: files were brought safely to disk.
    StorageSynced {
        /// How many files.
        files: u32,
    },
    /// Somebody looked at an event: the cause of events that a person injected by hand.
    ActionInjected {
        /// The action in words.
        action: String,
        /// The event on screen when it was injected.
        after: Option<Seq>,
    },

    // ---- The controller. Its decisions: what becomes of them shows where brokers carry them out. ----
    /// Controller: a broker is a member of the cluster from now on, fenced until it has caught up.
    BrokerRegistered {
        /// The broker's `node.id`.
        broker: i32,
        /// The epoch of this registration.
        epoch: i64,
        /// Its rack.
        rack: Option<String>,
    },
    /// Controller: a broker leads nothing and is in sync with nothing from now on.
    BrokerFenced {
        /// The broker's `node.id`.
        broker: i32,
        /// Why: `"its session has expired"`.
        because: Name,
    },
    /// Controller: a broker may lead from now on.
    BrokerUnfenced {
        /// The broker's `node.id`.
        broker: i32,
    },
    /// Controller: a partition has another leader, or none.
    LeaderElected {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The leader; -1 for none.
        leader: i32,
        /// The epoch that begins with it.
        leader_epoch: i32,
        /// Who is in sync.
        isr: Vec<i32>,
        /// Why.
        because: Name,
    },
    /// Controller: others are in sync with a leader than before.
    IsrDecided {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The leader; -1 for none.
        leader: i32,
        /// Who is in sync from now on.
        isr: Vec<i32>,
        /// Counts the changes of the partition.
        partition_epoch: i32,
        /// Why.
        because: Name,
    },
    /// Controller: replicas of a partition are to move to other brokers.
    ReassignmentStarted {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Who gets a replica.
        adding: Vec<i32>,
        /// Who is to lose theirs, once the others are in sync.
        removing: Vec<i32>,
    },
    /// Controller: a partition has its replicas where they were to be, or where they had been before.
    ReassignmentFinished {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Who has replicas now.
        replicas: Vec<i32>,
    },

    // ---- Disks, when the world is asked to show them. Paths are relative to the data directory. ----
    /// World: a file was made, empty.
    FileCreated {
        /// Whose disk.
        broker: i32,
        /// The file.
        path: String,
    },
    /// World: bytes were handed to the operating system. Their pages are dirty: a power failure loses them.
    FileWritten {
        /// Whose disk.
        broker: i32,
        /// The file.
        path: String,
        /// Where the bytes begin.
        position: u64,
        /// How many.
        bytes: u64,
    },
    /// World: a file was cut.
    FileTruncated {
        /// Whose disk.
        broker: i32,
        /// The file.
        path: String,
        /// What is left, in bytes.
        length: u64,
    },
    /// World: a small file was written anew, safely: a temporary file, synced and renamed over the old one.
    FileReplaced {
        /// Whose disk.
        broker: i32,
        /// The file.
        path: String,
        /// Its new length in bytes.
        length: u64,
    },
    /// World: a file, or a directory with all that is in it, got another name.
    FileRenamed {
        /// Whose disk.
        broker: i32,
        /// The old name.
        from: String,
        /// The new name.
        to: String,
    },
    /// World: a file, or a directory with all that is in it, was removed.
    FileRemoved {
        /// Whose disk.
        broker: i32,
        /// The file.
        path: String,
    },
    /// World: a file was brought safely to disk. A power failure leaves it as it is now.
    FileSynced {
        /// Whose disk.
        broker: i32,
        /// The file.
        path: String,
        /// How many dirty pages were written for it.
        pages: u32,
    },
    /// World: a file could not be brought safely to disk. As on Linux, its dirty pages count as clean afterwards, and the
    /// disk never got them.
    SyncFailed {
        /// Whose disk.
        broker: i32,
        /// The file.
        path: String,
        /// How many pages.
        pages: u32,
    },
    /// World: a part of a file was read.
    PagesRead {
        /// Whose disk.
        broker: i32,
        /// The file.
        path: String,
        /// The first page asked for.
        first_page: u32,
        /// How many were asked for.
        pages: u32,
        /// How many of these were not in memory and had to come from the disk.
        misses: u32,
        /// How many more, behind them, the operating system read on the way because more is likely to be asked for.
        read_ahead: u32,
    },
    /// World: the operating system wrote dirty pages to the disk without being asked.
    PagesWrittenBack {
        /// Whose disk.
        broker: i32,
        /// The file.
        path: String,
        /// The first page.
        first_page: u32,
        /// How many.
        pages: u32,
        /// Why: `"old"`, `"memory is full"`.
        because: Name,
    },
    /// World: the operating system forgot clean pages to make room in memory.
    PagesEvicted {
        /// Whose disk.
        broker: i32,
        /// The file.
        path: String,
        /// The first page.
        first_page: u32,
        /// How many.
        pages: u32,
    },
    /// World: a broker's machine lost power. What was only in memory is gone, and perhaps a part of a write is left. Told of
    /// in every world.
    PowerLost {
        /// Whose disk.
        broker: i32,
        /// What is left; empty in a world that does not show disks.
        disk: Box<DiskView>,
    },
    /// World: a byte on the disk changed by itself, or by somebody's hand.
    ByteEdited {
        /// Whose disk.
        broker: i32,
        /// The file.
        path: String,
        /// Where in the file.
        position: u64,
        /// What was there.
        before: u8,
        /// What is there now.
        after: u8,
    },
    /// World: how the disk fails from now on.
    DiskFaultSet {
        /// Whose disk.
        broker: i32,
        /// Whether there is no room.
        full: bool,
        /// By how much every access is slower than usual, in microseconds.
        slow_us: u64,
        /// Whether bringing a file safely to disk fails.
        sync_fails: bool,
    },

    // ---- Links and machines, when something is wrong with them ----
    /// World: from now on nothing gets through from one node to another. What is sent waits for its being sent again, as TCP
    /// does it, until the link is healed or the connection gives up.
    LinkCut {
        /// Who sends.
        from: crate::Actor,
        /// Who does not get it.
        to: crate::Actor,
    },
    /// World: messages from one node to another get through again.
    LinkHealed {
        /// Who sends.
        from: crate::Actor,
        /// Who gets it.
        to: crate::Actor,
    },
    /// World: messages from one node to another take this much longer from now on; 0 ends it.
    LinkDelayed {
        /// Who sends.
        from: crate::Actor,
        /// Who gets it.
        to: crate::Actor,
        /// Microseconds, added to every message.
        extra_us: u64,
    },
    /// World: a broker's process is suspended (SIGSTOP). What comes for it waits in its host's memory; its deadlines pass.
    BrokerPaused {
        /// The broker's `node.id`.
        broker: i32,
    },
    /// World: a broker's process goes on (SIGCONT).
    BrokerResumed {
        /// The broker's `node.id`.
        broker: i32,
    },
    /// World: from now on a broker's clocks differ from the world's by so much. Both 0: not at all.
    ClockSkewed {
        /// The broker's `node.id`.
        broker: i32,
        /// How far its wall clock is ahead, in milliseconds.
        wall_ms: i64,
        /// How much faster its monotonic clock runs, in millionths.
        drift_ppm: i32,
    },
    /// World: a broker's disk is lost, and an empty one is in its place.
    DiskLost {
        /// Whose disk.
        broker: i32,
        /// Whether somebody formatted the new one for this broker (`kafka-storage format`).
        formatted: bool,
    },
    /// Broker: a group went on, or what it goes by changed.
    GroupStateChanged {
        /// Its id.
        group: String,
        /// Kafka's name of the state: `PreparingRebalance`.
        state: Name,
        /// Its generation, or its epoch (KIP-848).
        generation: i32,
        /// The assignor that its members agreed on, or the server's; empty for none.
        protocol: String,
        /// The member that assigns; empty for none.
        leader: String,
        /// Why, in a few words.
        because: Name,
    },
    /// Broker: a group that was read from `__consumer_offsets`.
    GroupLoaded {
        /// Its id.
        group: String,
        /// All that is known of it.
        view: Box<GroupView>,
    },
    /// Broker: a group is not here any more.
    GroupForgotten {
        /// Its id.
        group: String,
        /// Why: `"deleted"`, `"expired"`, `"unloaded"`.
        because: Name,
    },
    /// Broker: a member is in a group now.
    MemberJoined {
        /// The group's id.
        group: String,
        /// Its id.
        member: String,
        /// Its `client.id`.
        client_id: String,
        /// Its `group.instance.id`.
        instance_id: Option<String>,
        /// The generation in which it joined, or its epoch.
        epoch: i32,
    },
    /// Broker: a member is in a group no more.
    MemberLeft {
        /// The group's id.
        group: String,
        /// Its id.
        member: String,
        /// Why: `"its session timed out"`.
        because: Name,
    },
    /// Broker: what a member is to read from now on.
    AssignmentGiven {
        /// The group's id.
        group: String,
        /// Its id.
        member: String,
        /// The generation in which this holds, or the member's epoch.
        epoch: i32,
        /// The partitions by topic; empty, too, when only the members can read their assignment.
        partitions: Vec<(String, Vec<i32>)>,
    },
    /// Broker: a group has come so far.
    OffsetCommitted {
        /// The group's id.
        group: String,
        /// Who says so; empty when it is no member.
        member: String,
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The next offset to read.
        offset: i64,
    },
    /// Broker: a group's committed offset is gone.
    OffsetForgotten {
        /// The group's id.
        group: String,
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Why: `"expired"`, `"deleted"`.
        because: Name,
    },
}

impl TraceKind {
    /// The kind's name, as its JSON calls it: `"batch_appended"`.
    pub fn name(&self) -> &'static str {
        self.into()
    }
}
