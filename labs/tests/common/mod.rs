//! One event of every kind, and recordings made by hand.

#![allow(dead_code)]

use naru_labs::Recording;
use naru_trace::{
    Actor, CellView, ClientRole, MessageLabel, MessageWay, MetadataCell, Micros, ParkCondition, PartitionView,
    Partitioning, Preview, QuorumView, SegmentView, Site, TraceEvent, TraceKind,
};

pub fn preview(text: &str) -> Option<Preview> {
    Some(Preview::of(text.as_bytes()))
}

pub fn cell(offset: i64, key: Option<&str>, value: &str) -> CellView {
    CellView {
        offset,
        batch: offset,
        key: key.and_then(preview),
        value: preview(value),
        timestamp_ms: 1_700_000_000_000,
    }
}

pub fn event(seq: u64, actor: Actor, kind: TraceKind) -> TraceEvent {
    TraceEvent {
        seq,
        actor,
        at: Micros(seq * 100),
        cause: seq.checked_sub(1),
        request: None,
        script_line: Some(seq as u32 + 1),
        site: Site { file: "engine/somewhere.rs".into(), line: 1 },
        kind,
    }
}

/// A recording of these events, numbered and timed in order.
pub fn recording(events: Vec<TraceEvent>) -> Recording {
    Recording {
        version: naru_labs::RECORDING_VERSION,
        engine: "0".into(),
        lab: "01".into(),
        seed: 1,
        script: String::new(),
        actions: Vec::new(),
        events,
        printed: Vec::new(),
        templates: Vec::new(),
        goals: Vec::new(),
        predictions: Vec::new(),
        error: None,
        hash: String::new(),
        journal: Default::default(),
    }
}

/// At least one event of every kind, with the actor that emits it.
pub fn every_kind() -> Vec<TraceEvent> {
    let world = of_the_world().into_iter().chain(of_disks()).map(|kind| (Actor::World, kind));
    let client = of_clients().into_iter().map(|kind| (Actor::Client(2), kind));
    let broker = of_brokers()
        .into_iter()
        .chain(of_logs())
        .chain(of_replicas())
        .chain(of_the_quorum())
        .chain(of_controllers())
        .chain(of_groups());
    let broker = broker.map(|kind| (Actor::Broker(1), kind));
    let all = world.chain(client).chain(broker);
    all.enumerate().map(|(seq, (actor, kind))| event(seq as u64, actor, kind)).collect()
}

fn of_the_world() -> Vec<TraceKind> {
    let label = |way, error: Option<&'static str>| MessageLabel {
        way,
        api: "Produce".into(),
        topic: Some("orders".into()),
        partition: Some(1),
        records: 3,
        error: error.map(Into::into),
    };
    let sent = |message, label| TraceKind::MessageSent {
        message,
        from: Actor::Client(2),
        to: Actor::Broker(1),
        label,
        bytes: 120,
        arrives_at: Micros(90_000),
    };
    vec![
        sent(1, label(MessageWay::Request, None)),
        sent(2, label(MessageWay::Response, Some("NOT_LEADER_OR_FOLLOWER"))),
        TraceKind::MessageArrived { message: 1 },
        TraceKind::MessageLost { message: 2, reason: "connection closed".into() },
        TraceKind::BrokerCrashed { broker: 1 },
        TraceKind::LinkCut { from: Actor::Broker(1), to: Actor::Broker(2) },
        TraceKind::LinkHealed { from: Actor::Broker(1), to: Actor::Broker(2) },
        TraceKind::LinkDelayed { from: Actor::Client(2), to: Actor::Broker(1), extra_us: 50_000 },
        TraceKind::LinkDelayed { from: Actor::Client(2), to: Actor::Broker(1), extra_us: 0 },
        TraceKind::BrokerPaused { broker: 1 },
        TraceKind::BrokerResumed { broker: 1 },
        TraceKind::ClockSkewed { broker: 1, wall_ms: -30_000, drift_ppm: 200 },
        TraceKind::ClockSkewed { broker: 1, wall_ms: 0, drift_ppm: 0 },
        TraceKind::DiskLost { broker: 1, formatted: true },
        TraceKind::DiskLost { broker: 1, formatted: false },
        TraceKind::ScriptPrinted { text: "안녕 hello".into() },
        TraceKind::ActionInjected { action: "crash broker 1".into(), after: Some(3) },
    ]
}

fn of_replicas() -> Vec<TraceKind> {
    let (topic, partition) = (|| "orders".to_owned(), 1);
    let role = |role: &'static str, leader| TraceKind::PartitionRoleChanged {
        topic: topic(),
        partition,
        role: role.into(),
        leader,
        leader_epoch: 4,
        partition_epoch: 9,
        replicas: vec![1, 2, 3],
        isr: vec![1, 2],
    };
    let fetched =
        |caught_up| TraceKind::FollowerFetched { topic: topic(), partition, follower: 2, offset: 7, caught_up };
    let elsewhere =
        PartitionView { role: "elsewhere".into(), leader: 3, replicas: vec![2, 3], ..PartitionView::default() };
    vec![
        TraceKind::PartitionOpened { topic: topic(), topic_id: "id".into(), partition, view: Box::new(elsewhere) },
        role("leader", 1),
        role("follower", 2),
        role("follower", -1),
        role("elsewhere", 3),
        fetched(true),
        fetched(false),
        TraceKind::IsrChangeAsked {
            topic: topic(),
            partition,
            isr: vec![1],
            because: "replica.lag.time.max.ms".into(),
            replicas: vec![2],
        },
        TraceKind::LeaderEpochStarted { topic: topic(), partition, epoch: 4, start_offset: 7 },
        TraceKind::DivergenceFound { topic: topic(), partition, epoch: 3, end_offset: 5 },
        TraceKind::LogRestarted { topic: topic(), partition, at_offset: 12 },
    ]
}

fn of_disks() -> Vec<TraceKind> {
    let path = || "orders-0/00000000000000000000.log".to_owned();
    let (broker, fault) =
        (1, |full, slow_us, sync_fails| TraceKind::DiskFaultSet { broker: 1, full, slow_us, sync_fails });
    vec![
        TraceKind::FileCreated { broker, path: path() },
        TraceKind::FileWritten { broker, path: path(), position: 0, bytes: 5_000 },
        TraceKind::FileTruncated { broker, path: path(), length: 4_500 },
        TraceKind::FileReplaced { broker, path: "meta.properties".into(), length: 90 },
        TraceKind::FileRenamed { broker, from: "a.cleaned".into(), to: "a.swap".into() },
        TraceKind::FileRemoved { broker, path: "a.swap".into() },
        TraceKind::FileSynced { broker, path: path(), pages: 1 },
        TraceKind::FileSynced { broker, path: path(), pages: 2 },
        TraceKind::SyncFailed { broker, path: path(), pages: 2 },
        TraceKind::PagesRead { broker, path: path(), first_page: 0, pages: 1, misses: 0, read_ahead: 0 },
        TraceKind::PagesRead { broker, path: path(), first_page: 0, pages: 2, misses: 2, read_ahead: 0 },
        TraceKind::PagesRead { broker, path: path(), first_page: 0, pages: 2, misses: 1, read_ahead: 8 },
        TraceKind::PagesWrittenBack { broker, path: path(), first_page: 1, pages: 1, because: "old".into() },
        TraceKind::PagesEvicted { broker, path: path(), first_page: 0, pages: 2 },
        TraceKind::PowerLost { broker, disk: Box::default() },
        TraceKind::ByteEdited { broker, path: path(), position: 61, before: 0, after: 255 },
        fault(true, 0, false),
        fault(false, 3_000, false),
        fault(false, 0, true),
        fault(true, 3_000, true),
        fault(false, 0, false),
    ]
}

fn of_clients() -> Vec<TraceKind> {
    let topic = || "orders".to_owned();
    let queued = |partitioning, key| TraceKind::RecordQueued {
        topic: topic(),
        partition: 1,
        partitioning,
        key,
        value: preview("paid"),
    };
    vec![
        TraceKind::ClientStarted {
            client: 2,
            name: "writer".into(),
            role: ClientRole::Producer,
            settings: vec![("acks".into(), "all".into())],
        },
        queued(Partitioning::Explicit, None),
        queued(Partitioning::KeyHash { hash: 7, partitions: 3 }, preview("order-1")),
        queued(Partitioning::Sticky, None),
        TraceKind::RecordRefused { topic: topic(), error: "TIMEOUT".into(), message: "No metadata.".into() },
        TraceKind::BatchSent { topic: topic(), partition: 1, records: 3, bytes: 120, retries: 0 },
        TraceKind::BatchSent { topic: topic(), partition: 1, records: 1, bytes: 120, retries: 2 },
        TraceKind::BatchAcknowledged { topic: topic(), partition: 1, base_offset: 4, records: 3 },
        TraceKind::BatchAcknowledged { topic: topic(), partition: 1, base_offset: -1, records: 1 },
        TraceKind::BatchFailed { topic: topic(), partition: 1, records: 3, error: "MESSAGE_TOO_LARGE".into() },
        TraceKind::RetryScheduled { api: "Produce".into(), error: "REQUEST_TIMED_OUT".into(), at: Micros(9_000_000) },
        TraceKind::PartitionAssigned { topic: topic(), partition: 1 },
        TraceKind::PartitionUnassigned { topic: topic(), partition: 1 },
        TraceKind::PositionSet { topic: topic(), partition: 1, offset: 4 },
        TraceKind::RecordsDelivered {
            topic: topic(),
            partition: 1,
            records: vec![cell(4, Some("order-1"), "paid")],
            next_offset: 5,
        },
        TraceKind::RecordsDelivered {
            topic: topic(),
            partition: 1,
            records: vec![cell(4, None, "a"), cell(5, None, "b")],
            next_offset: 6,
        },
        TraceKind::AdminAnswered { api: "CreateTopics".into(), subject: topic(), error: None, message: None },
        TraceKind::AdminAnswered {
            api: "CreateTopics".into(),
            subject: "a b".into(),
            error: Some("INVALID_TOPIC_EXCEPTION".into()),
            message: Some("Topic name is invalid.".into()),
        },
        TraceKind::ClientClosed { client: 2 },
    ]
}

fn of_the_quorum() -> Vec<TraceKind> {
    let records = vec![MetadataCell { offset: 4, epoch: 2, name: "TopicRecord".into() }];
    let view =
        QuorumView { state: "unattached".into(), log_end_offset: 4, voters: vec![1, 2, 3], ..QuorumView::default() };
    let state = |state: &'static str, leader| TraceKind::QuorumStateChanged { state: state.into(), epoch: 2, leader };
    let given = |pre_vote, granted| TraceKind::VoteGiven {
        candidate: 2,
        epoch: 2,
        pre_vote,
        granted,
        because: "log as good".into(),
    };
    vec![
        TraceKind::QuorumOpened { view: Box::new(view) },
        state("unattached", -1),
        state("prospective", -1),
        state("candidate", -1),
        state("leader", 1),
        state("resigned", 1),
        state("follower", 2),
        state("observer", 2),
        TraceKind::VoteAsked { voter: 2, candidate: 1, epoch: 2, pre_vote: true },
        TraceKind::VoteAsked { voter: 2, candidate: 1, epoch: 2, pre_vote: false },
        given(true, true),
        given(true, false),
        given(false, true),
        given(false, false),
        TraceKind::MetadataReplicated { base_offset: 4, end_offset: 5, records },
        TraceKind::QuorumHighWatermarkAdvanced { high_watermark: 5 },
        TraceKind::MetadataTruncated { end_offset: 4 },
        TraceKind::SnapshotWritten { end_offset: 4, epoch: 2 },
        TraceKind::SnapshotLoaded { end_offset: 4, epoch: 2 },
        TraceKind::VotersChanged { voters: vec![1, 2] },
    ]
}

fn of_groups() -> Vec<TraceKind> {
    let (group, member, topic) = (|| "readers".to_owned(), || "reader-1".to_owned(), || "orders".to_owned());
    let state = |protocol: &str, leader: &str| TraceKind::GroupStateChanged {
        group: group(),
        state: "Stable".into(),
        generation: 2,
        protocol: protocol.into(),
        leader: leader.into(),
        because: "the leader has assigned".into(),
    };
    let joined = |instance_id: Option<&str>| TraceKind::MemberJoined {
        group: group(),
        member: member(),
        client_id: "reader".into(),
        instance_id: instance_id.map(Into::into),
        epoch: 1,
    };
    let given = |partitions| TraceKind::AssignmentGiven { group: group(), member: member(), epoch: 2, partitions };
    vec![
        TraceKind::GroupLoaded { group: group(), view: Box::default() },
        joined(None),
        joined(Some("shop-1")),
        state("", ""),
        state("range", "reader-1"),
        given(vec![]),
        given(vec![(topic(), vec![0, 1])]),
        TraceKind::OffsetCommitted { group: group(), member: member(), topic: topic(), partition: 1, offset: 4 },
        TraceKind::OffsetForgotten { group: group(), topic: topic(), partition: 1, because: "expired".into() },
        TraceKind::MemberLeft { group: group(), member: member(), because: "it left".into() },
        TraceKind::GroupForgotten { group: group(), because: "deleted".into() },
    ]
}

fn of_brokers() -> Vec<TraceKind> {
    let topic = || "orders".to_owned();
    let view = |log_end_offset| {
        Box::new(PartitionView {
            leader: 1,
            online: true,
            log_end_offset,
            high_watermark: log_end_offset,
            segments: vec![SegmentView { base_offset: 0, bytes: 0, max_timestamp_ms: -1 }],
            ..PartitionView::default()
        })
    };
    let opened =
        |end| TraceKind::PartitionOpened { topic: topic(), topic_id: "id".into(), partition: 1, view: view(end) };
    let parked = |until, deadline| TraceKind::ReplyParked { parked: 1, until, deadline };
    let bytes = ParkCondition::Bytes { missing: 1, topic: topic(), partition: 1 };
    vec![
        TraceKind::BrokerStarted { broker: 1, port: 9092 },
        TraceKind::ConnectionOpened { connection: 1, peer: "client-2".into() },
        TraceKind::RequestReceived {
            connection: 1,
            api: "Fetch".into(),
            version: 13,
            client_id: "reader".into(),
            bytes: 60,
        },
        parked(bytes, Some(Micros(20_000_000))),
        parked(ParkCondition::Durable { offset: 3 }, None),
        parked(ParkCondition::Replicated { topic: topic(), partition: 1, offset: 7 }, Some(Micros(20_000_000))),
        parked(ParkCondition::Controller, Some(Micros(30_000_000))),
        parked(ParkCondition::Quorum, None),
        TraceKind::MetadataPublished { offset: 7 },
        TraceKind::LifecycleChanged { state: "starting".into(), epoch: -1 },
        TraceKind::LifecycleChanged { state: "recovery".into(), epoch: 5 },
        TraceKind::LifecycleChanged { state: "running".into(), epoch: 5 },
        TraceKind::LifecycleChanged { state: "leaving".into(), epoch: 5 },
        TraceKind::LifecycleChanged { state: "stopping".into(), epoch: 5 },
        parked(ParkCondition::Group { group: "readers".into() }, None),
        parked(ParkCondition::Loaded { topic: topic(), partition: 1 }, None),
        TraceKind::ReplyReleased { parked: 1, timed_out: true },
        TraceKind::ReplyReleased { parked: 1, timed_out: false },
        TraceKind::ResponseSent { connection: 1, api: "Fetch".into(), bytes: 70, error: None },
        TraceKind::ResponseSent {
            connection: 1,
            api: "Fetch".into(),
            bytes: 70,
            error: Some("OFFSET_OUT_OF_RANGE".into()),
        },
        TraceKind::TopicCreated { topic: topic(), topic_id: "id".into(), partitions: 3 },
        TraceKind::TopicConfigChanged { topic: topic(), key: "retention.ms".into(), value: Some("1000".into()) },
        TraceKind::TopicConfigChanged { topic: topic(), key: "retention.ms".into(), value: None },
        opened(0),
        opened(4),
        TraceKind::TopicRejected {
            topic: "x".repeat(250),
            error: "INVALID_TOPIC_EXCEPTION".into(),
            message: "Too long.".into(),
        },
        TraceKind::MetadataAppended { base_offset: 1, records: vec!["TopicRecord".into(), "PartitionRecord".into()] },
        TraceKind::StorageSynced { files: 1 },
        TraceKind::ProducerIdAssigned { producer_id: 1000, producer_epoch: 0 },
        TraceKind::FetchSessionChanged { session: 5, epoch: 1, partitions: 2 },
        TraceKind::FetchSessionChanged { session: 5, epoch: -1, partitions: 0 },
        TraceKind::ConnectionClosed { connection: 1, reason: "client left".into() },
        TraceKind::PartitionOffline { topic: topic(), partition: 1, reason: "disk full.".into() },
        TraceKind::TopicDeleted { topic: topic() },
        TraceKind::BrokerStopped { broker: 1 },
    ]
}

fn of_controllers() -> Vec<TraceKind> {
    let topic = || "orders".to_owned();
    let elected = |leader| TraceKind::LeaderElected {
        topic: topic(),
        partition: 1,
        leader,
        leader_epoch: 3,
        isr: vec![2],
        because: "broker 1 is fenced".into(),
    };
    let decided = |isr| TraceKind::IsrDecided {
        topic: topic(),
        partition: 1,
        leader: 2,
        isr,
        partition_epoch: 5,
        because: "the leader asked for it".into(),
    };
    vec![
        TraceKind::BrokerRegistered { broker: 1, epoch: 5, rack: Some("west".into()) },
        TraceKind::BrokerRegistered { broker: 2, epoch: 7, rack: None },
        TraceKind::BrokerFenced { broker: 1, because: "its session has expired".into() },
        TraceKind::BrokerUnfenced { broker: 1 },
        elected(2),
        elected(-1),
        decided(vec![2, 3]),
        decided(vec![]),
        TraceKind::ReassignmentStarted { topic: topic(), partition: 1, adding: vec![3], removing: vec![1] },
        TraceKind::ReassignmentFinished { topic: topic(), partition: 1, replicas: vec![2, 3] },
    ]
}

fn of_logs() -> Vec<TraceKind> {
    let topic = || "orders".to_owned();
    let read =
        |to_offset| TraceKind::RecordsRead { topic: topic(), partition: 1, from_offset: 4, to_offset, bytes: 60 };
    let looked_up = |timestamp, offset| TraceKind::OffsetLookedUp { topic: topic(), partition: 1, timestamp, offset };
    let assigned = |last_offset| TraceKind::OffsetsAssigned {
        topic: topic(),
        partition: 1,
        base_offset: 4,
        last_offset,
        leader_epoch: 0,
    };
    vec![
        TraceKind::BatchValidated { topic: topic(), partition: 1, records: 3, bytes: 120, crc: 0xabc, producer: None },
        TraceKind::BatchRejected {
            topic: topic(),
            partition: 1,
            error: "CORRUPT_MESSAGE".into(),
            message: "Bad checksum.".into(),
        },
        TraceKind::DuplicateRecognised {
            topic: topic(),
            partition: 1,
            producer_id: 1,
            base_sequence: 0,
            base_offset: 4,
        },
        assigned(4),
        assigned(6),
        TraceKind::BatchAppended {
            topic: topic(),
            partition: 1,
            segment: 0,
            position: 0,
            bytes: 120,
            records: vec![cell(4, None, "a"), cell(5, None, "b"), cell(6, None, "c")],
            max_timestamp_ms: 1_700_000_000_000,
            log_end_offset: 7,
        },
        TraceKind::SegmentRolled { topic: topic(), partition: 1, base_offset: 7, because: "segment.bytes".into() },
        TraceKind::IndexEntryAdded { topic: topic(), partition: 1, offset: 4, position: 120 },
        TraceKind::CleaningStarted {
            topic: topic(),
            partition: 1,
            first_dirty_offset: 0,
            end_offset: 7,
            dirty_bytes: 900,
            clean_bytes: 0,
        },
        TraceKind::SegmentsReplaced { topic: topic(), partition: 1, segments: Vec::new(), removed: vec![4] },
        TraceKind::CleaningFinished {
            topic: topic(),
            partition: 1,
            segments: Vec::new(),
            removed: vec![4, 5],
            records_kept: 1,
            records_removed: 2,
            bytes_before: 900,
            bytes_after: 300,
        },
        TraceKind::CleaningAborted {
            topic: topic(),
            partition: 1,
            reason: "the disk is full.".into(),
            uncleanable: false,
        },
        TraceKind::TimeIndexEntryAdded { topic: topic(), partition: 1, timestamp_ms: 1_700_000_000_000, offset: 4 },
        TraceKind::LogFlushed { topic: topic(), partition: 1, recovery_point: 7, because: "flush.ms".into() },
        TraceKind::LogStartOffsetAdvanced {
            topic: topic(),
            partition: 1,
            log_start_offset: 4,
            because: "retention.ms".into(),
        },
        TraceKind::SegmentDeleted {
            topic: topic(),
            partition: 1,
            base_offset: 0,
            bytes: 900,
            because: "retention.ms".into(),
        },
        TraceKind::HighWatermarkAdvanced { topic: topic(), partition: 1, high_watermark: 7 },
        read(4),
        read(5),
        read(7),
        TraceKind::FetchRejected { topic: topic(), partition: 1, error: "OFFSET_OUT_OF_RANGE".into(), offset: 99 },
        looked_up(-2, 0),
        looked_up(-1, 7),
        looked_up(1_700_000_000_000, 4),
        looked_up(1_800_000_000_000, -1),
        TraceKind::LogTruncated {
            topic: topic(),
            partition: 1,
            to_offset: 4,
            bytes: 60,
            reason: "Bad checksum.".into(),
            segments: Vec::new(),
        },
    ]
}
