//! A world from end to end: topics, records, reading them back, faults; and that a run is decided by its seed.

use naru_client::{
    Acks, AdminConfig, AdminResult, Compression, ConsumerConfig, ConsumerRecord, NewTopic, ProducerConfig,
    ProducerRecord, StartAt,
};
use naru_sim::{Action, ClientId, Outcome, World, WorldConfig};
use naru_trace::{TraceKind, event_hash};

const SECOND: u64 = 1_000_000;

fn create_topic(world: &mut World, name: &str, partitions: i32) -> Result<AdminResult, String> {
    let admin = world.add_admin("admin", AdminConfig::default());
    let topic = NewTopic { name: name.into(), partitions: Some(partitions), ..NewTopic::default() };
    world.with_admin(admin, |admin, now, out| admin.create_topic(now, topic, out));
    let done = |world: &mut World| {
        world.check();
        world.with_admin(admin, |admin, _, _| admin.is_idle())
    };
    assert_eq!(world.run_until(done, 60 * SECOND), Outcome::Done);
    let mut results = world.with_admin(admin, |admin, _, _| admin.results());
    results.remove(0).1.map_err(|error| error.to_string())
}

fn send(world: &mut World, producer: ClientId, topic: &str, key: Option<&str>, value: &str) -> u64 {
    let record = ProducerRecord {
        topic: topic.into(),
        key: key.map(|key| key.as_bytes().to_vec().into()),
        value: Some(value.as_bytes().to_vec().into()),
        ..ProducerRecord::default()
    };
    world.with_producer(producer, |producer, now, out| producer.send(now, record, out)).expect("taken")
}

fn flush(world: &mut World, producer: ClientId) -> Outcome {
    world.with_producer(producer, |producer, now, out| producer.flush(now, out));
    let done = |world: &mut World| {
        world.check();
        world.producer(producer).is_idle()
    };
    world.run_until(done, 150 * SECOND)
}

fn consumer(world: &mut World, topic: &str, partitions: i32) -> ClientId {
    let id = world.add_consumer("reader", ConsumerConfig::default());
    let assigned = (0..partitions).map(|partition| (topic.to_string(), partition, StartAt::Earliest)).collect();
    world.with_consumer(id, |consumer, now, out| consumer.assign(now, assigned, out));
    id
}

fn read_all(world: &mut World, id: ClientId) -> Vec<ConsumerRecord> {
    let mut records = Vec::new();
    for _ in 0..10_000 {
        world.check();
        records.extend(world.with_consumer(id, |consumer, now, out| consumer.poll(now, 500, out)));
        if world.consumer(id).is_at_end() {
            return records;
        }
        let ready = |world: &mut World| {
            world.check();
            world.consumer(id).buffered() > 0 || world.consumer(id).is_at_end()
        };
        world.run_until(ready, 900_000);
    }
    panic!("the end is never reached");
}

fn values(records: &[ConsumerRecord]) -> Vec<String> {
    records.iter().map(|r| String::from_utf8(r.value.as_deref().unwrap_or_default().to_vec()).unwrap()).collect()
}

#[test]
fn what_is_sent_can_be_read_twice() {
    let mut world = World::new(WorldConfig::new(1, 1));
    create_topic(&mut world, "notes", 1).unwrap();
    let producer = world.add_producer("p", ProducerConfig::default());
    for i in 0..10 {
        send(&mut world, producer, "notes", Some("k"), &format!("v{i}"));
    }
    assert_eq!(flush(&mut world, producer), Outcome::Done);
    let expected: Vec<String> = (0..10).map(|i| format!("v{i}")).collect();
    for _ in 0..2 {
        let reader = consumer(&mut world, "notes", 1);
        assert_eq!(values(&read_all(&mut world, reader)), expected);
    }
    let reports = world.with_producer(producer, |producer, _, _| producer.reports());
    let offsets: Vec<i64> = reports.iter().map(|report| report.result.as_ref().unwrap().offset).collect();
    assert_eq!(offsets, (0..10).collect::<Vec<i64>>());
    world.check_all();
}

#[test]
fn equal_keys_go_to_equal_partitions_in_order() {
    let mut world = World::new(WorldConfig::new(2, 1));
    create_topic(&mut world, "orders", 3).unwrap();
    let producer = world.add_producer("p", ProducerConfig { compression: Compression::Gzip, ..Default::default() });
    for i in 0..60 {
        send(&mut world, producer, "orders", Some(&format!("key-{}", i % 7)), &format!("{i}"));
    }
    flush(&mut world, producer);
    let reader = consumer(&mut world, "orders", 3);
    let records = read_all(&mut world, reader);
    assert_eq!(records.len(), 60);
    for record in &records {
        let key = record.key.as_deref().unwrap();
        assert_eq!(record.partition, naru_client::partition_for_key(key, 3));
    }
    for key in 0..7 {
        let key = format!("key-{key}");
        let of_key = records.iter().filter(|record| record.key.as_deref() == Some(key.as_bytes()));
        let numbers: Vec<u32> =
            values(&of_key.cloned().collect::<Vec<_>>()).iter().map(|v| v.parse().unwrap()).collect();
        assert!(numbers.is_sorted(), "records of {key} changed places: {numbers:?}");
    }
    world.check_all();
}

#[test]
fn a_crash_loses_nothing_that_was_acknowledged() {
    let mut world = World::new(WorldConfig::new(3, 1));
    create_topic(&mut world, "notes", 2).unwrap();
    let producer = world.add_producer("p", ProducerConfig::default());
    for i in 0..20 {
        send(&mut world, producer, "notes", None, &format!("before {i}"));
    }
    flush(&mut world, producer);
    world.inject(Action::Crash { broker: 1 });
    world.check();
    for i in 0..20 {
        send(&mut world, producer, "notes", None, &format!("after {i}"));
    }
    world.run_for(2 * SECOND);
    world.check();
    world.inject(Action::Restart { broker: 1 });
    assert_eq!(flush(&mut world, producer), Outcome::Done);
    let reader = consumer(&mut world, "notes", 2);
    assert_eq!(read_all(&mut world, reader).len(), 40);
    world.check_all();
}

#[test]
fn an_idempotent_producer_does_not_double_records_when_answers_are_lost() {
    let mut world = World::new(WorldConfig::new(4, 1));
    create_topic(&mut world, "notes", 1).unwrap();
    let producer = world.add_producer("p", ProducerConfig { linger_ms: 0, ..ProducerConfig::default() });
    for i in 0..30 {
        let seen = world.events().len();
        send(&mut world, producer, "notes", None, &format!("{i}"));
        if i % 3 == 0 {
            let written = |world: &mut World| {
                world.events()[seen..].iter().any(|event| matches!(event.kind, TraceKind::BatchAppended { .. }))
            };
            world.run_until(written, SECOND);
            world.inject(Action::Cut { client: producer.0, broker: 1 });
        }
        world.check();
    }
    assert_eq!(flush(&mut world, producer), Outcome::Done);
    let reader = consumer(&mut world, "notes", 1);
    let expected: Vec<String> = (0..30).map(|i| i.to_string()).collect();
    assert_eq!(values(&read_all(&mut world, reader)), expected);
    let duplicates = world.events().iter().filter(|e| matches!(e.kind, TraceKind::DuplicateRecognised { .. })).count();
    assert!(duplicates > 0, "no answer was lost: the test shows nothing");
    world.check_all();
}

#[test]
fn without_acknowledgements_nobody_waits() {
    let mut world = World::new(WorldConfig::new(5, 1));
    create_topic(&mut world, "notes", 1).unwrap();
    let producer = world.add_producer("p", ProducerConfig { acks: Acks::None, ..ProducerConfig::default() });
    for i in 0..5 {
        send(&mut world, producer, "notes", None, &format!("{i}"));
    }
    assert_eq!(flush(&mut world, producer), Outcome::Done);
    let reports = world.with_producer(producer, |producer, _, _| producer.reports());
    assert!(reports.iter().all(|report| report.result.as_ref().unwrap().offset == -1));
    world.run_for(SECOND);
    let reader = consumer(&mut world, "notes", 1);
    assert_eq!(read_all(&mut world, reader).len(), 5);
    world.check_all();
}

#[test]
fn a_refused_topic_says_why() {
    let mut world = World::new(WorldConfig::new(6, 1));
    create_topic(&mut world, "a_b", 1).unwrap();
    let again = create_topic(&mut world, "a_b", 1).unwrap_err();
    assert!(again.starts_with("TOPIC_ALREADY_EXISTS"), "{again}");
    let collision = create_topic(&mut world, "a.b", 1).unwrap_err();
    assert!(collision.starts_with("INVALID_TOPIC_EXCEPTION"), "{collision}");
    world.check_all();
}

#[test]
fn held_messages_stay_on_their_way() {
    let mut world = World::new(WorldConfig::new(7, 1));
    create_topic(&mut world, "notes", 1).unwrap();
    let producer = world.add_producer("p", ProducerConfig::default());
    send(&mut world, producer, "notes", None, "first");
    flush(&mut world, producer);
    world.inject(Action::Hold { client: producer.0, broker: 1 });
    send(&mut world, producer, "notes", None, "second");
    world.run_for(5 * SECOND);
    world.check();
    assert!(!world.producer(producer).is_idle());
    assert_eq!(world.view().in_flight.len(), 1);
    world.inject(Action::Release { client: producer.0, broker: 1 });
    assert_eq!(flush(&mut world, producer), Outcome::Done);
    world.check_all();
}

#[test]
fn a_stopped_broker_comes_back_with_everything() {
    let mut world = World::new(WorldConfig::new(8, 1));
    create_topic(&mut world, "notes", 1).unwrap();
    let producer = world.add_producer("p", ProducerConfig::default());
    send(&mut world, producer, "notes", None, "one");
    flush(&mut world, producer);
    world.inject(Action::Stop { broker: 1 });
    world.check_all();
    world.run_for(SECOND);
    world.inject(Action::Restart { broker: 1 });
    let reader = consumer(&mut world, "notes", 1);
    assert_eq!(values(&read_all(&mut world, reader)), ["one"]);
    world.check_all();
}

#[test]
fn a_run_is_decided_by_its_seed() {
    let run = |seed| {
        let mut world = World::new(WorldConfig::new(seed, 2));
        create_topic(&mut world, "notes", 2).unwrap();
        let producer = world.add_producer("p", ProducerConfig::default());
        for i in 0..50 {
            send(&mut world, producer, "notes", Some(&i.to_string()), "v");
        }
        world.schedule(naru_trace::Micros(20_000), Action::Crash { broker: 1 });
        world.schedule(naru_trace::Micros(900_000), Action::Restart { broker: 1 });
        flush(&mut world, producer);
        event_hash(world.events())
    };
    assert_eq!(run(11), run(11));
    assert_ne!(run(11), run(12));
}

#[test]
fn a_full_disk_takes_a_partition_offline_and_loses_nothing() {
    let mut world = World::new(WorldConfig::new(9, 1));
    create_topic(&mut world, "notes", 1).unwrap();
    let producer = world.add_producer("p", ProducerConfig::default());
    send(&mut world, producer, "notes", None, "before");
    flush(&mut world, producer);
    world.inject(Action::DiskFull { broker: 1, full: true });
    send(&mut world, producer, "notes", None, "while it is full");
    world.with_producer(producer, |producer, now, out| producer.flush(now, out));
    world.run_for(5 * SECOND);
    world.check();
    assert!(!world.producer(producer).is_idle(), "the record waits");
    world.inject(Action::DiskFull { broker: 1, full: false });
    world.inject(Action::Crash { broker: 1 });
    world.inject(Action::Restart { broker: 1 });
    assert_eq!(flush(&mut world, producer), Outcome::Done);
    let reader = consumer(&mut world, "notes", 1);
    assert_eq!(values(&read_all(&mut world, reader)), ["before", "while it is full"]);
    world.check_all();
}

#[test]
fn a_topic_can_be_deleted_and_made_again_under_a_reader() {
    let mut world = World::new(WorldConfig::new(10, 1));
    create_topic(&mut world, "notes", 1).unwrap();
    let producer = world.add_producer("p", ProducerConfig::default());
    send(&mut world, producer, "notes", None, "old");
    flush(&mut world, producer);
    let reader = consumer(&mut world, "notes", 1);
    assert_eq!(values(&read_all(&mut world, reader)), ["old"]);
    let admin = world.add_admin("admin", AdminConfig::default());
    world.with_admin(admin, |admin, now, out| admin.delete_topic(now, "notes", out));
    world.run_until(|world| world.with_admin(admin, |admin, _, _| admin.is_idle()), SECOND);
    create_topic(&mut world, "notes", 1).unwrap();
    send(&mut world, producer, "notes", None, "new 0");
    send(&mut world, producer, "notes", None, "new 1");
    assert_eq!(flush(&mut world, producer), Outcome::Done, "the producer finds out that the topic is another one");
    world.with_consumer(reader, |c, now, out| c.seek(now, "notes", 0, StartAt::Earliest, out)).unwrap();
    assert_eq!(values(&read_all(&mut world, reader)), ["new 0", "new 1"]);
    world.check_all();
}
