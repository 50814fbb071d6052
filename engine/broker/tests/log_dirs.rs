//! Several log directories (`log.dirs`, KIP-112): where partitions go, and what a directory that fails takes with it.

mod harness;

use harness::Harness;
use naru_broker::{BrokerConfig, LogDirConfig};
use naru_log::{Fault, Storage};

fn dir(name: &str) -> LogDirConfig {
    LogDirConfig { path: format!("/disks/{name}"), mount: name.into(), failed: None }
}

fn config(dirs: &[&str]) -> BrokerConfig {
    BrokerConfig { log_dirs: dirs.iter().map(|name| dir(name)).collect(), ..BrokerConfig::default() }
}

/// A broker with two directories, and a topic with four partitions that have a record each.
fn two() -> Harness {
    let mut harness = Harness::unopened(config(&["a", "b"]));
    for mount in ["a", "b"] {
        harness.storage.create_dir(mount).unwrap();
    }
    harness.open().unwrap();
    harness.command("connect a");
    harness.command("a create orders:4");
    for partition in 0..4 {
        assert_eq!(harness.command(&format!("a produce orders-{partition} k:v")).len(), 1);
    }
    harness
}

fn partitions_in(harness: &Harness, mount: &str) -> Vec<String> {
    let entries = harness.storage.list(mount).unwrap();
    entries.into_iter().map(|entry| entry.name).filter(|name| name.starts_with("orders")).collect()
}

fn restart(mut harness: Harness, change: impl FnOnce(&mut Harness)) -> Result<Harness, String> {
    harness.close();
    change(&mut harness);
    harness.open()?;
    harness.command("connect z");
    Ok(harness)
}

#[test]
fn partitions_go_to_the_directory_with_the_fewest_and_stay_there() {
    let mut harness = two();
    assert_eq!(partitions_in(&harness, "a"), ["orders-0", "orders-2"]);
    assert_eq!(partitions_in(&harness, "b"), ["orders-1", "orders-3"]);
    let ids = ["a", "b"].map(|mount| harness.storage.contents(&format!("{mount}/meta.properties")).unwrap());
    let line = |text: &[u8], key: &str| {
        let text = String::from_utf8_lossy(text).into_owned();
        text.lines().find(|line| line.starts_with(key)).map(str::to_owned)
    };
    assert_eq!(line(&ids[0], "cluster.id="), line(&ids[1], "cluster.id="), "one cluster");
    assert_ne!(line(&ids[0], "directory.id="), line(&ids[1], "directory.id="), "two directories");

    let mut harness = {
        harness.command("a delete orders");
        harness.pass(60_000);
        assert_eq!(partitions_in(&harness, "b"), [""; 0]);
        harness.command("a create orders:3");
        harness.command("a produce orders-2 k:v");
        restart(harness, |_| {}).unwrap()
    };
    assert_eq!(partitions_in(&harness, "a"), ["orders-0", "orders-2"]);
    assert_eq!(harness.command("z fetch orders-2:0"), ["z orders-2 hw=1 0=k:v"]);
}

#[test]
fn describe_log_dirs_tells_them_apart() {
    let mut harness = two();
    let told = harness.command("a describe-log-dirs");
    let sizes = |partition: i32| format!("a   orders-{partition} bytes=70 lag=0");
    let expected = [&["a /disks/a".to_owned(), sizes(0), sizes(2)][..], &["a /disks/b".into(), sizes(1), sizes(3)]];
    assert_eq!(told, expected.concat());
    assert_eq!(harness.command("a describe-log-dirs orders-3"), ["a /disks/a", "a /disks/b", &sizes(3)]);
}

#[test]
fn a_directory_that_fails_takes_its_partitions_offline_and_no_others() {
    let mut harness = two();
    harness.storage.set_fault("b", Some(Fault::Io));
    harness.command("a produce orders-1 k:lost");
    harness.command("connect c");
    let refused = |partition: i32| format!("c orders-{partition} hw=-1 KAFKA_STORAGE_ERROR");
    for partition in [1, 3] {
        assert_eq!(harness.command(&format!("c fetch orders-{partition}:0")), [refused(partition)]);
    }
    for partition in [0, 2] {
        assert_eq!(harness.command(&format!("c produce orders-{partition} k:v2")).len(), 1);
        let fetched = harness.command(&format!("c fetch orders-{partition}:0"));
        assert_eq!(fetched, [format!("c orders-{partition} hw=2 0=k:v 1=k:v2")]);
    }
    let told = harness.command("c describe-log-dirs orders-1 orders-3");
    assert_eq!(told, ["c /disks/a", "c /disks/b KAFKA_STORAGE_ERROR"]);
    assert_eq!(harness.broker.as_ref().unwrap().failed_log_dirs().count(), 1);
    // New partitions go where there is still room to work.
    harness.command("c create late:2");
    assert_eq!(harness.command("c produce late-1 k:v").len(), 1);
    let entries = harness.storage.list("a").unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.name.starts_with("late")).count(), 2);
    // Only the directory that worked to the end was left in good order.
    harness.storage.set_fault("b", None);
    harness.close();
    let is_clean = |mount: &str| harness.storage.contents(&format!("{mount}/.kafka_cleanshutdown")).is_some();
    assert_eq!((is_clean("a"), is_clean("b")), (true, false));
}

#[test]
fn a_directory_that_is_missing_at_start_leaves_its_partitions_offline_until_it_is_back() {
    let missing = |harness: &mut Harness| harness.config.log_dirs[1].failed = Some("no such device".into());
    let mut harness = restart(two(), missing).unwrap();
    assert_eq!(harness.command("z fetch orders-0:0"), ["z orders-0 hw=1 0=k:v"]);
    assert_eq!(harness.command("z fetch orders-1:0"), ["z orders-1 hw=-1 KAFKA_STORAGE_ERROR"]);
    assert_eq!(partitions_in(&harness, "a"), ["orders-0", "orders-2"], "no empty log instead of the one that is away");
    let mut harness = restart(harness, |harness| harness.config.log_dirs[1].failed = None).unwrap();
    assert_eq!(harness.command("z fetch orders-1:0"), ["z orders-1 hw=1 0=k:v"]);
}

#[test]
fn a_directory_that_fails_at_start_is_left_out_as_well() {
    let mut harness = restart(two(), |harness| harness.storage.set_fault("b", Some(Fault::Io))).unwrap();
    assert_eq!(harness.command("z fetch orders-2:0"), ["z orders-2 hw=1 0=k:v"]);
    assert_eq!(harness.command("z fetch orders-3:0"), ["z orders-3 hw=-1 KAFKA_STORAGE_ERROR"]);
    let broker = harness.broker.as_ref().unwrap();
    assert_eq!(broker.failed_log_dirs().map(|(path, _)| path).collect::<Vec<_>>(), ["/disks/b"]);
}

#[test]
fn a_partition_whose_directory_is_gone_begins_anew_and_is_told_of() {
    let mut harness = restart(two(), |harness| harness.storage.remove_dir_all("b/orders-1").unwrap()).unwrap();
    assert_eq!(harness.out.warnings, ["orders-1 is in no data directory; it begins anew, without records"]);
    assert_eq!(harness.command("z fetch orders-1:0"), ["z orders-1 hw=0"]);
    let told = harness.command("z describe-configs broker:1 log.dirs");
    assert_eq!(told, ["z 1 1 keys", "z   log.dirs=/disks/a,/disks/b source=4"]);
}

#[test]
fn an_empty_directory_can_be_added_to_a_lone_one() {
    let mut harness = Harness::unopened(config(&["a"]));
    harness.storage.create_dir("a").unwrap();
    harness.open().unwrap();
    harness.command("connect a");
    harness.command("a create orders:2");
    let added = |harness: &mut Harness| {
        harness.storage.create_dir("b").unwrap();
        harness.config = config(&["a", "b"]);
    };
    let mut harness = restart(harness, added).unwrap();
    harness.command("z create later:2");
    assert_eq!(harness.storage.list("b").unwrap().iter().filter(|entry| entry.name.starts_with("later")).count(), 2);
    assert_eq!(harness.command("z produce orders-1 k:v").len(), 1);
}

#[test]
fn what_cannot_be_started_with_is_refused_in_a_sentence() {
    let refused = |change: fn(&mut Harness)| restart(two(), change).err().expect("a refusal");
    let swapped = refused(|harness| harness.config.log_dirs.reverse());
    assert!(swapped.contains("not the first log directory; name it first"), "{swapped}");
    let gone = refused(|harness| harness.config.log_dirs[0].failed = Some("no such device".into()));
    assert!(gone.contains("/disks/a, holds the cluster's metadata and cannot be used: no such device"), "{gone}");
    let twice = refused(|harness| harness.storage.put("b/orders-0/partition.metadata", b"version: 0\n"));
    assert!(twice.contains("orders-0 lies in two log directories, /disks/a and /disks/b"), "{twice}");
    let foreign = refused(|harness| {
        let text = "version=1\ncluster.id=another\nnode.id=1\ndirectory.id=ICeEhVA4Qd2m9yQ1xTQ2Yw\n";
        harness.storage.put("b/meta.properties", text.as_bytes());
    });
    assert!(foreign.contains("belong to different clusters"), "{foreign}");
    let copied = refused(|harness| {
        let copy = harness.storage.contents("a/meta.properties").unwrap();
        harness.storage.put("b/meta.properties", &copy);
    });
    assert!(copied.contains("the same directory.id"), "{copied}");
}
