//! A voter that is alone in its quorum.

use bytes::Bytes;
use naru_log::{Log, LogConfig, MemoryStorage, Opening, TopicPartition};
use naru_raft::{AppendError, ElectionState, Io, Raft, RaftConfig, RaftOutput, RoleName, Voter};
use naru_trace::{Micros, Now, SortedMap, Trace};

fn open(storage: &mut MemoryStorage, opening: Opening) -> Result<Raft, String> {
    let id = TopicPartition { topic: naru_raft::TOPIC.into(), partition: 0 };
    let mut trace = Trace::default();
    let log = Log::open(&id, LogConfig::default(), opening, storage, &mut trace).expect("it opens");
    let mut config = RaftConfig::new(1);
    config.voters = SortedMap::from([(1, Voter::default())]);
    Raft::open(config, log, &mut Io { now: now(), storage, trace: &mut trace })
}

fn now() -> Now {
    Now { monotonic: Micros(5), wall_ms: 1_700_000_000_000 }
}

fn with<R>(storage: &mut MemoryStorage, step: impl FnOnce(&mut Io<'_>) -> R) -> R {
    step(&mut Io { now: now(), storage, trace: &mut Trace::default() })
}

#[test]
fn it_elects_itself_and_what_it_appends_is_committed_when_it_is_synced() {
    let mut storage = MemoryStorage::new();
    let mut raft = open(&mut storage, Opening::unclean()).expect("it opens");
    assert_eq!((raft.role(), raft.epoch()), (RoleName::Unattached, 0));
    let refused = with(&mut storage, |io| raft.append(&[Bytes::from_static(b"too early")], io));
    assert_eq!(refused, Err(AppendError::NotLeader));

    with(&mut storage, |io| raft.elect_self(io));
    assert_eq!((raft.role(), raft.epoch(), raft.leader()), (RoleName::Leader, 1, Some(1)));
    assert!(!raft.is_ready(), "the record that begins its epoch is not on the disk yet");
    with(&mut storage, |io| raft.sync_now(io)).expect("it syncs");
    assert!(raft.is_ready());
    let outputs = raft.outputs();
    assert!(outputs.contains(&RaftOutput::LeaderChanged { leader: Some(1), epoch: 1, is_self: true }), "{outputs:?}");
    assert_eq!(outputs.last(), Some(&RaftOutput::Committed { end_offset: 1 }));

    let end = with(&mut storage, |io| raft.append(&[Bytes::from_static(b"a"), Bytes::from_static(b"b")], io));
    assert_eq!(end, Ok(3));
    let outputs = raft.outputs();
    let [RaftOutput::Sync { ticket, .. }] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!(raft.high_watermark(), 1, "not committed before it is synced");
    with(&mut storage, |io| raft.on_synced(*ticket, io));
    assert_eq!(raft.outputs(), [RaftOutput::Committed { end_offset: 3 }]);
    let read = raft.read_committed(0, &storage).expect("it reads");
    assert_eq!(read.records, [(1, Bytes::from_static(b"a")), (2, Bytes::from_static(b"b"))]);
    assert_eq!(read.next_offset, 3);
    raft.check_invariants();
}

#[test]
fn it_goes_on_in_the_next_epoch_after_a_restart() {
    let mut storage = MemoryStorage::new();
    for epoch in 1..4 {
        let mut raft = open(&mut storage, Opening::unclean()).expect("it opens");
        with(&mut storage, |io| raft.elect_self(io));
        with(&mut storage, |io| raft.sync_now(io)).expect("it syncs");
        assert_eq!((raft.epoch(), raft.high_watermark()), (epoch, i64::from(epoch)));
        storage.lose_power(None);
    }
}

#[test]
fn the_file_says_what_kafka_s_would() {
    let mut storage = MemoryStorage::new();
    let mut raft = open(&mut storage, Opening::unclean()).expect("it opens");
    with(&mut storage, |io| raft.elect_self(io));
    storage.lose_power(None);
    let text = storage.contents("__cluster_metadata-0/quorum-state").expect("it survives a power failure");
    let text = String::from_utf8(text).expect("text");
    expect_test::expect![[
        r#"{"leaderId":1,"leaderEpoch":1,"votedId":1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1}"#
    ]]
    .assert_eq(&text);
    let again = ElectionState::parse(&text).expect("it reads what it wrote");
    assert_eq!((again.leader, again.epoch, again.voted.map(|voted| voted.id)), (Some(1), 1, Some(1)));
}

#[test]
fn version_0_of_the_file_is_read() {
    let text = r#"{"clusterId":"","leaderId":3,"leaderEpoch":7,"votedId":-1,"appliedOffset":0,
        "currentVoters":[{"voterId":1},{"voterId":3}],"data_version":0}"#;
    let state = ElectionState::parse(text).expect("Kafka writes this while voters are configured");
    assert_eq!((state.leader, state.epoch, state.voted), (Some(3), 7, None));
}

#[test]
fn garbage_in_the_file_is_refused_in_a_sentence() {
    for (text, reason) in [
        ("", "it is not a JSON object of numbers and strings"),
        ("{", "it is not a JSON object of numbers and strings"),
        ("\u{0}\u{0}\u{0}", "it is not a JSON object of numbers and strings"),
        (r#"{"leaderId":1,"#, "it is not a JSON object of numbers and strings"),
        (r#"{"leaderId":1,}"#, "it is not a JSON object of numbers and strings"),
        ("{}", "it has no data_version"),
        (r#"{"data_version":2}"#, "its data_version is 2; versions 0 and 1 are understood"),
        (
            r#"{"leaderId":-2,"leaderEpoch":1,"votedId":-1,"data_version":1}"#,
            "leader -2, epoch 1 and vote -1 cannot be",
        ),
        (
            r#"{"leaderId":1,"leaderEpoch":99999999999,"votedId":-1,"data_version":1}"#,
            "its leaderEpoch is not a number: 99999999999",
        ),
        (
            r#"{"leaderId":1,"leaderEpoch":1,"votedId":1,"votedDirectoryId":"??","data_version":1}"#,
            "its votedDirectoryId is not an id",
        ),
    ] {
        assert_eq!(ElectionState::parse(text), Err(reason.into()), "{text}");
    }
    let mut storage = MemoryStorage::new();
    drop(open(&mut storage, Opening::unclean()));
    storage.put("__cluster_metadata-0/quorum-state", b"\xff\xfe");
    let refused = open(&mut storage, Opening::unclean()).expect_err("it cannot be read");
    assert_eq!(refused, "__cluster_metadata-0/quorum-state is not text");
}

#[test]
fn nothing_is_promised_after_the_disk_failed() {
    let mut storage = MemoryStorage::new();
    let mut raft = open(&mut storage, Opening::unclean()).expect("it opens");
    with(&mut storage, |io| raft.elect_self(io));
    with(&mut storage, |io| raft.sync_now(io)).expect("it syncs");
    raft.outputs();
    with(&mut storage, |io| raft.append(&[Bytes::from_static(b"a")], io)).expect("it appends");
    let outputs = raft.outputs();
    let [RaftOutput::Sync { ticket, .. }] = &outputs[..] else { panic!("{outputs:?}") };
    let error =
        naru_log::StorageError { kind: naru_log::StorageErrorKind::Io, path: "x".into(), message: "I/O error".into() };
    raft.on_sync_failed(*ticket, &error);
    assert!(raft.failed().is_some());
    with(&mut storage, |io| raft.on_synced(*ticket, io));
    assert_eq!(raft.high_watermark(), 1, "a sync that failed commits nothing");
    let refused = with(&mut storage, |io| raft.append(&[Bytes::from_static(b"b")], io));
    assert!(matches!(refused, Err(AppendError::Failed(_))), "{refused:?}");
}
