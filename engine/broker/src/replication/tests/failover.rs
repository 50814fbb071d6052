//! Leaders come and go: what stays, and what is cut.

use super::Cluster;
use naru_trace::TraceKind;
use naru_wire::ErrorCode;

/// The leader's process is killed; another goes on; the first comes back and follows.
#[test]
fn a_killed_leader_comes_back_as_a_follower_and_nothing_acknowledged_is_lost() {
    let mut cluster = Cluster::new(&[1, 2, 3]);
    cluster.create_topic(&[1, 2, 3], &[]);
    let sent = cluster.produce(1, -1, "a");
    assert_eq!(cluster.produced(sent), Some((ErrorCode::None, 0)));
    cluster.kill(1);
    cluster.elect(2, &[2, 3]);
    cluster.pass(1_100);
    let sent = cluster.produce(2, -1, "b");
    assert_eq!(cluster.produced(sent), Some((ErrorCode::None, 1)));
    cluster.start(1);
    cluster.pass(1_100);
    assert_eq!(cluster.role(1), "follower");
    assert_eq!(cluster.log_values(1), ["a", "b"]);
    assert_eq!(cluster.isr(2), [2, 3, 1], "and is in sync again");
}

/// SEMANTICS 24: what only the old leader has is cut, by epochs and not by the high watermark.
#[test]
fn semantics_24_what_the_new_leader_never_got_is_cut() {
    let mut cluster = Cluster::new(&[1, 2, 3]);
    cluster.create_topic(&[1, 2, 3], &[]);
    let sent = cluster.produce(1, -1, "a");
    assert!(cluster.produced(sent).is_some());
    // The leader goes on alone for a while, and does not know better.
    cluster.isolate(1);
    for value in ["lost 1", "lost 2"] {
        let sent = cluster.produce(1, 1, value);
        assert_eq!(cluster.produced(sent).map(|(error, _)| error), Some(ErrorCode::None));
    }
    cluster.elect(2, &[2, 3]);
    cluster.pass(1_100);
    let sent = cluster.produce(2, -1, "b");
    assert_eq!(cluster.produced(sent), Some((ErrorCode::None, 1)));
    assert_eq!(cluster.log_values(1), ["a", "lost 1", "lost 2"]);
    cluster.rejoin(1);
    cluster.tell();
    cluster.run();
    cluster.pass(1_100);
    assert!(cluster.saw(|kind| matches!(kind, TraceKind::DivergenceFound { epoch: 0, end_offset: 1, .. })));
    assert!(cluster.saw(|kind| matches!(kind, TraceKind::LogTruncated { to_offset: 1, .. })));
    assert_eq!(cluster.log_values(1), ["a", "b"]);
    assert_eq!(cluster.ends(1).0, cluster.ends(2).0);
}

/// KIP-101's first case: a follower that restarts does not cut to its high watermark, which lags behind.
#[test]
fn semantics_24_a_restarted_follower_keeps_what_its_high_watermark_does_not_cover() {
    let mut cluster = Cluster::new(&[1, 2]);
    cluster.create_topic(&[1, 2], &[]);
    let sent = cluster.produce(1, -1, "a");
    assert_eq!(cluster.produced(sent), Some((ErrorCode::None, 0)));
    assert_eq!(cluster.ends(2), (1, 0), "SEMANTICS 25: the high watermark lags one fetch");
    cluster.kill(2);
    cluster.start(2);
    // At that moment the leader dies, too.
    cluster.kill(1);
    cluster.elect(2, &[2]);
    assert_eq!(cluster.log_values(2), ["a"], "acknowledged, and still there");
    assert_eq!(cluster.consume(2, 0).2, ["a"]);
}

/// KIP-279: several epochs that the leader does not know are gone through one by one.
#[test]
fn semantics_24_logs_that_part_in_several_epochs_are_cut_step_by_step() {
    let mut cluster = Cluster::new(&[1, 2]);
    cluster.create_topic(&[1, 2], &[]);
    let sent = cluster.produce(1, -1, "a");
    assert!(cluster.produced(sent).is_some());
    cluster.kill(2);
    for (epoch, value) in [(1, "x"), (2, "y")] {
        cluster.elect(1, &[1]);
        let sent = cluster.produce(1, 1, value);
        assert_eq!(cluster.produced(sent), Some((ErrorCode::None, epoch)));
    }
    // An unclean election: 2 knows nothing of epochs 1 and 2.
    cluster.kill(1);
    cluster.start(2);
    cluster.elect(2, &[2]);
    for value in ["b", "c", "d", "e"] {
        let sent = cluster.produce(2, 1, value);
        assert!(cluster.produced(sent).is_some());
    }
    cluster.start(1);
    cluster.pass(2_500);
    assert_eq!(cluster.log_values(1), ["a", "b", "c", "d", "e"]);
}

/// SEMANTICS 25: a new leader's high watermark may be lower than what was shown; it waits until it knows better.
#[test]
fn semantics_25_a_new_leaders_high_watermark_never_goes_back_and_catches_up() {
    let mut cluster = Cluster::new(&[1, 2, 3]);
    cluster.create_topic(&[1, 2, 3], &[]);
    let sent = cluster.produce(1, -1, "a");
    assert!(cluster.produced(sent).is_some());
    assert_eq!((cluster.ends(1), cluster.ends(2)), ((1, 1), (1, 0)));
    cluster.kill(1);
    cluster.isolate(3);
    cluster.elect(2, &[2, 3]);
    assert_eq!(cluster.ends(2), (1, 0), "what 3 has it cannot know");
    assert_eq!(cluster.consume(2, 0), (ErrorCode::None, 0, [].into()));
    cluster.rejoin(3);
    cluster.tell();
    cluster.run();
    cluster.pass(1_100);
    assert_eq!(cluster.ends(2), (1, 1));
}

/// A follower that was away for so long that the leader has deleted what it needs begins anew.
#[test]
fn a_follower_behind_the_leaders_log_start_begins_there() {
    let mut cluster = Cluster::new(&[1, 2]);
    cluster.create_topic(&[1, 2], &[("internal.segment.bytes", "100")]);
    cluster.kill(2);
    cluster.elect(1, &[1]);
    for value in ["a", "b", "c", "d"] {
        let sent = cluster.produce(1, 1, value);
        assert!(cluster.produced(sent).is_some());
    }
    // 2 is registered still, so the answer would wait for it.
    cluster.send_delete_records(1, 3);
    cluster.start(2);
    cluster.pass(2_500);
    assert!(cluster.saw(|kind| matches!(kind, TraceKind::LogRestarted { at_offset: 3, .. })));
    assert_eq!(cluster.log_values(2), ["d"]);
    assert_eq!(cluster.isr(1), [1, 2]);
}

/// Partitions that this broker has no replica of are known, and their leader is named.
#[test]
fn a_broker_without_a_replica_sends_clients_elsewhere() {
    let mut cluster = Cluster::new(&[1, 2, 3]);
    cluster.create_topic(&[1, 2], &[]);
    assert_eq!(cluster.role(3), "elsewhere");
    let sent = cluster.produce(3, 1, "a");
    assert_eq!(cluster.produced(sent).map(|(error, _)| error), Some(ErrorCode::NotLeaderOrFollower));
    assert_eq!(cluster.consume(3, 0).0, ErrorCode::NotLeaderOrFollower);
}

/// Reassignment: a new replica is filled, an old one goes with its files.
#[test]
fn a_replica_that_is_added_is_filled_and_one_that_is_removed_is_deleted() {
    let mut cluster = Cluster::new(&[1, 2, 3]);
    cluster.create_topic(&[1, 2], &[]);
    let sent = cluster.produce(1, -1, "a");
    assert!(cluster.produced(sent).is_some());
    cluster.reassign(&[1, 2, 3], &[1, 2]);
    cluster.pass(1_100);
    assert_eq!((cluster.role(3), cluster.log_values(3)), ("follower", ["a".into()].into()));
    assert_eq!(cluster.isr(1), [1, 2, 3]);
    cluster.reassign(&[1, 3], &[1, 3]);
    assert_eq!(cluster.role(2), "elsewhere");
    cluster.pass(70_000);
    assert!(!cluster.has_directory(2), "after file.delete.delay.ms");
    let sent = cluster.produce(1, -1, "b");
    assert_eq!(cluster.produced(sent), Some((ErrorCode::None, 1)));
}

/// A restarted replica begins with the high watermark that was written down.
#[test]
fn a_restarted_replica_begins_with_the_high_watermark_of_the_checkpoint() {
    let mut cluster = Cluster::new(&[1, 2]);
    cluster.create_topic(&[1, 2], &[]);
    let sent = cluster.produce(1, -1, "a");
    assert!(cluster.produced(sent).is_some());
    cluster.pass(6_000);
    let sent = cluster.produce(1, -1, "b");
    assert!(cluster.produced(sent).is_some());
    cluster.isolate(2);
    cluster.kill(1);
    cluster.start(1);
    assert_eq!(cluster.ends(1), (2, 1), "that of five seconds ago: 2 has to be heard first");
}
