//! Disks in the world: what is told of them, what they cost, and what a power failure leaves.

use naru_client::{AdminConfig, ConsumerConfig, NewTopic, ProducerConfig, ProducerRecord, StartAt};
use naru_sim::{Action, CacheConfig, ClientId, DiskConfig, Outcome, World, WorldConfig};
use naru_trace::{PageState, TraceKind, event_hash};

const SECOND: u64 = 1_000_000;
const LOG: &str = "notes-0/00000000000000000000.log";

/// A world that shows its disk, with a topic of one partition. Small segments, so that files come and go.
fn world(seed: u64, disk: DiskConfig) -> World {
    let mut config = WorldConfig::new(seed, 1);
    (config.disk, config.show_disk) = (disk, true);
    let mut world = World::new(config);
    let admin = world.add_admin("admin", AdminConfig::default());
    let topic = NewTopic { name: "notes".into(), partitions: Some(1), ..NewTopic::default() };
    world.with_admin(admin, |admin, now, out| admin.create_topic(now, topic, out));
    let done = |world: &mut World| world.with_admin(admin, |admin, _, _| admin.is_idle());
    assert_eq!(run(&mut world, done, 60 * SECOND), Outcome::Done);
    world
}

/// Runs, and compares picture, state, journal and disk after every step.
fn run(world: &mut World, mut done: impl FnMut(&mut World) -> bool, at_most_us: u64) -> Outcome {
    world.run_until(
        |world| {
            world.check();
            check_journal(world);
            done(world)
        },
        at_most_us,
    )
}

/// The journal's last image is what the disk holds.
fn check_journal(world: &World) {
    let (image, disk) = (world.journal().image_at(1, u64::MAX), world.disk(1));
    let files = disk.entries().into_iter().filter(|entry| !entry.is_dir);
    let paths: Vec<String> = files.map(|entry| entry.path).collect();
    assert_eq!(image.files.keys().collect::<Vec<_>>(), paths.iter().collect::<Vec<_>>());
    for path in &paths {
        let bytes = image.read(path, 0, u64::MAX).unwrap();
        assert_eq!(Some(bytes.to_vec()), disk.contents(path), "{path}");
    }
}

fn send(world: &mut World, producer: ClientId, count: usize, bytes: usize) {
    for number in 0..count {
        let value = format!("{number} {}", "x".repeat(bytes)).into_bytes();
        let record = ProducerRecord { topic: "notes".into(), value: Some(value.into()), ..ProducerRecord::default() };
        world.with_producer(producer, |producer, now, out| producer.send(now, record, out)).expect("taken");
    }
    world.with_producer(producer, |producer, now, out| producer.flush(now, out));
}

fn write(world: &mut World, producer: ClientId, count: usize, bytes: usize) -> Outcome {
    send(world, producer, count, bytes);
    run(world, |world| world.producer(producer).is_idle(), 150 * SECOND)
}

/// Reads everything with a consumer of its own. Returns how many records, and how long it took in microseconds.
fn read(world: &mut World, name: &str) -> (usize, u64) {
    let reader = world.add_consumer(name, ConsumerConfig::default());
    let assigned = vec![("notes".to_string(), 0, StartAt::Earliest)];
    world.with_consumer(reader, |consumer, now, out| consumer.assign(now, assigned, out));
    let (begin, mut count) = (world.now().monotonic, 0);
    for _ in 0..1_000 {
        count += world.with_consumer(reader, |consumer, now, out| consumer.poll(now, 500, out)).len();
        if world.consumer(reader).is_at_end() {
            return (count, world.now().monotonic.since(begin));
        }
        let ready = |world: &mut World| world.consumer(reader).buffered() > 0 || world.consumer(reader).is_at_end();
        run(world, ready, 900_000);
    }
    panic!("the end is never reached");
}

#[test]
fn every_change_of_a_disk_is_told_and_written_down() {
    for (seed, disk) in [(1, DiskConfig::default()), (2, DiskConfig::HARD_DISK), (3, tiny())] {
        let mut world = world(seed, disk);
        let producer = world.add_producer("p", ProducerConfig::default());
        assert_eq!(write(&mut world, producer, 40, 900), Outcome::Done);
        read(&mut world, "first");
        world.inject(Action::DropCaches { broker: 1 });
        read(&mut world, "second");
        world.inject(Action::Crash { broker: 1 });
        world.inject(Action::Restart { broker: 1 });
        write(&mut world, producer, 10, 900);
        world.inject(Action::EditByte { broker: 1, path: LOG.into(), position: 600, value: 1 });
        world.inject(Action::DiskFull { broker: 1, full: true });
        send(&mut world, producer, 10, 900);
        run(&mut world, |_| false, SECOND);
        world.inject(Action::DiskFull { broker: 1, full: false });
        world.inject(Action::PowerLoss { broker: 1, torn: seed > 1 });
        check_journal(&world);
        world.inject(Action::Restart { broker: 1 });
        world.inject(Action::SlowDisk { broker: 1, extra_us: 9_000 });
        run(&mut world, |world| world.producer(producer).is_idle(), 150 * SECOND);
        world.inject(Action::Stop { broker: 1 });
        run(&mut world, |_| false, 60 * SECOND);
        world.check();
        let shown = world.folded().disks[&1].clone();
        assert_eq!((shown.slow_us, shown.full, shown.files.contains_key(LOG)), (9_000, false, true));
        let (first, created) = (world.journal().image_at(1, 0), first_of(&world, |kind| created(kind, LOG)));
        assert_eq!((first.files.len(), world.journal().image_at(1, created - 1).files.contains_key(LOG)), (0, false));
        assert_eq!(world.journal().image_at(1, created).files[LOG].len(), 0);
    }
}

fn tiny() -> DiskConfig {
    let cache = CacheConfig { pages_max: Some(4), read_ahead: 1 };
    DiskConfig { cache, trip_us: 500, write_back_us: Some(200_000) }
}

fn created(kind: &TraceKind, wanted: &str) -> bool {
    matches!(kind, TraceKind::FileCreated { path, .. } if path == wanted)
}

fn first_of(world: &World, wanted: impl Fn(&TraceKind) -> bool) -> u64 {
    world.events().iter().find(|event| wanted(&event.kind)).expect("it happened").seq
}

#[test]
fn a_cold_read_takes_longer_than_a_hot_one() {
    let mut world = world(4, DiskConfig::HARD_DISK);
    let producer = world.add_producer("p", ProducerConfig::default());
    write(&mut world, producer, 200, 1_000);
    let (records, hot_us) = read(&mut world, "hot");
    world.run_for(60 * SECOND);
    world.inject(Action::DropCaches { broker: 1 });
    let log = &world.folded().disks[&1].files[LOG];
    assert_eq!((log.count(PageState::OnDisk), log.pages.len()), (naru_trace::pages_of(log.length), 1));
    let (again, cold_us) = read(&mut world, "cold");
    assert_eq!((records, again), (200, 200));
    assert!(cold_us > hot_us + DiskConfig::HARD_DISK.trip_us / 2, "hot {hot_us} µs, cold {cold_us} µs");
    let (_, warm_us) = read(&mut world, "warm");
    assert!(warm_us < hot_us + DiskConfig::HARD_DISK.trip_us / 2, "hot {hot_us} µs, warm {warm_us} µs");
    let misses = world.events().iter().filter_map(|event| match &event.kind {
        TraceKind::PagesRead { misses, path, .. } if path == LOG => Some((*misses, event.cause.is_some())),
        _ => None,
    });
    assert!(misses.clone().any(|(misses, caused)| misses > 0 && caused) && misses.clone().any(|read| read.0 == 0));
}

#[test]
fn dirty_pages_are_written_back_after_a_while() {
    let mut world = world(5, DiskConfig::HARD_DISK);
    let producer = world.add_producer("p", ProducerConfig::default());
    write(&mut world, producer, 10, 1_000);
    let dirty = |world: &mut World| world.folded().disks[&1].files[LOG].count(PageState::Dirty);
    assert!(dirty(&mut world) > 0);
    run(&mut world, |_| false, 31 * SECOND);
    assert_eq!(dirty(&mut world), 0);
    world.inject(Action::PowerLoss { broker: 1, torn: false });
    world.inject(Action::Restart { broker: 1 });
    assert_eq!(read(&mut world, "reader").0, 10, "nobody synced them, but they were on the disk");
}

#[test]
fn a_process_crash_keeps_what_a_power_failure_loses() {
    for (action, left) in [(Action::Crash { broker: 1 }, 10), (Action::PowerLoss { broker: 1, torn: false }, 0)] {
        let mut world = world(6, DiskConfig::HARD_DISK);
        let producer = world.add_producer("p", ProducerConfig::default());
        write(&mut world, producer, 10, 100);
        world.inject(action);
        world.inject(Action::Restart { broker: 1 });
        assert_eq!(read(&mut world, "reader").0, left, "topics are synced, records are not");
        world.check_all();
    }
}

#[test]
fn a_stop_in_good_order_survives_a_power_failure() {
    let mut world = world(7, DiskConfig::HARD_DISK);
    let producer = world.add_producer("p", ProducerConfig::default());
    write(&mut world, producer, 10, 100);
    world.inject(Action::Stop { broker: 1 });
    world.inject(Action::PowerLoss { broker: 1, torn: true });
    world.inject(Action::Restart { broker: 1 });
    assert_eq!(read(&mut world, "reader").0, 10);
    world.check_all();
}

#[test]
fn a_slow_disk_delays_what_waits_for_a_sync() {
    let create = |extra_us| {
        let mut world = world(8, DiskConfig::default());
        world.inject(Action::SlowDisk { broker: 1, extra_us });
        let admin = world.add_admin("other", AdminConfig::default());
        let topic = NewTopic { name: "slow".into(), partitions: Some(1), ..NewTopic::default() };
        world.with_admin(admin, |admin, now, out| admin.create_topic(now, topic, out));
        let begin = world.now().monotonic;
        run(&mut world, |world| world.with_admin(admin, |admin, _, _| admin.is_idle()), 60 * SECOND);
        world.now().monotonic.since(begin)
    };
    assert_eq!(create(50_000), create(0) + 50_000);
}

#[test]
fn when_fsync_fails_a_new_topic_is_not_promised() {
    let mut world = world(9, DiskConfig::default());
    world.inject(Action::FailSync { broker: 1, on: true });
    let admin = world.add_admin("other", AdminConfig::default());
    let topic = NewTopic { name: "lost".into(), partitions: Some(1), ..NewTopic::default() };
    world.with_admin(admin, |admin, now, out| admin.create_topic(now, topic, out));
    run(&mut world, |_| false, 2 * SECOND);
    let failed = |kind: &TraceKind| matches!(kind, TraceKind::SyncFailed { .. });
    assert!(world.events().iter().any(|event| failed(&event.kind)));
    world.inject(Action::FailSync { broker: 1, on: false });
    world.inject(Action::PowerLoss { broker: 1, torn: false });
    world.inject(Action::Restart { broker: 1 });
    world.check();
    assert!(!world.folded().brokers[&1].topics.contains_key("lost"));
    assert!(world.folded().brokers[&1].topics.contains_key("notes"));
}

#[test]
fn showing_disks_changes_nothing_but_what_is_told() {
    let tell = |show_disk| {
        let mut config = WorldConfig::new(10, 1);
        config.show_disk = show_disk;
        let mut world = World::new(config);
        let admin = world.add_admin("admin", AdminConfig::default());
        let topic = NewTopic { name: "notes".into(), partitions: Some(1), ..NewTopic::default() };
        world.with_admin(admin, |admin, now, out| admin.create_topic(now, topic, out));
        world.run_for(SECOND);
        let producer = world.add_producer("p", ProducerConfig::default());
        send(&mut world, producer, 30, 10);
        world.run_for(SECOND);
        world.inject(Action::PowerLoss { broker: 1, torn: true });
        world.inject(Action::Restart { broker: 1 });
        world.run_for(SECOND);
        world.check_all();
        let of_disks = |kind: &TraceKind| kind.name().starts_with("file_") || kind.name().starts_with("pages_");
        let others = world.events().iter().filter(|event| !of_disks(&event.kind));
        let others: Vec<_> = others.map(|event| (event.actor, event.at, event.kind.name())).collect();
        (others, event_hash(world.events()), world.journal().is_empty())
    };
    let (shown, hidden) = (tell(true), tell(false));
    assert_eq!((shown.0, shown.2, hidden.2), (hidden.0, false, true));
    assert_eq!(shown.1, tell(true).1, "a run is decided by its seed");
}

#[test]
fn a_batch_that_did_not_fit_on_the_disk_is_not_acknowledged_when_its_file_is_synced() {
    let mut world = World::new(WorldConfig::new(11, 1));
    let admin = world.add_admin("admin", AdminConfig::default());
    let configs = vec![("flush.messages".to_string(), "1".to_string())];
    let topic = NewTopic { name: "notes".into(), partitions: Some(1), configs, ..NewTopic::default() };
    world.with_admin(admin, |admin, now, out| admin.create_topic(now, topic, out));
    world.run_for(SECOND);
    let producer = world.add_producer("p", ProducerConfig::default());
    send(&mut world, producer, 1, 10);
    world.run_for(SECOND);
    let acknowledged = |world: &World| {
        let acknowledged = |kind: &TraceKind| matches!(kind, TraceKind::BatchAcknowledged { .. });
        world.events().iter().filter(|event| acknowledged(&event.kind)).count()
    };
    assert_eq!(acknowledged(&world), 1);
    world.inject(Action::DiskFull { broker: 1, full: true });
    send(&mut world, producer, 1, 10);
    world.run_for(3 * SECOND);
    assert_eq!(acknowledged(&world), 1);
    world.check_all();
}

#[test]
fn a_byte_that_rots_is_found_when_the_log_is_checked() {
    let mut world = world(12, DiskConfig::default());
    let producer = world.add_producer("p", ProducerConfig::default());
    write(&mut world, producer, 1, 600);
    write(&mut world, producer, 1, 600);
    let length = world.folded().disks[&1].files[LOG].length;
    world.inject(Action::EditByte { broker: 1, path: LOG.into(), position: length - 10, value: b'!' });
    world.inject(Action::EditByte { broker: 1, path: LOG.into(), position: length, value: b'!' });
    let edited = |kind: &TraceKind| matches!(kind, TraceKind::ByteEdited { before: b'x', after: b'!', .. });
    assert_eq!(
        world.events().iter().filter(|event| edited(&event.kind)).count(),
        1,
        "a byte that is not there stays so"
    );
    world.inject(Action::Crash { broker: 1 });
    world.inject(Action::Restart { broker: 1 });
    let cut = world.events().iter().find_map(|event| match &event.kind {
        TraceKind::LogTruncated { to_offset, reason, .. } => Some((*to_offset, reason.contains("CRC-32C"))),
        _ => None,
    });
    assert_eq!(cut, Some((1, true)));
}
