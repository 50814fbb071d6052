//! The invariants can fail: worlds that are broken on purpose are found out.

use naru_client::{AdminConfig, ConsumerConfig, NewTopic, ProducerConfig, ProducerRecord, StartAt};
use naru_sim::{Action, ClientId, Outcome, World, WorldConfig};

const SECOND: u64 = 1_000_000;

/// One topic with one partition and ten acknowledged records.
fn ten_records(seed: u64) -> World {
    let mut world = World::new(WorldConfig::new(seed, 1));
    let admin = world.add_admin("admin", AdminConfig::default());
    let topic = NewTopic { name: "notes".into(), partitions: Some(1), ..NewTopic::default() };
    world.with_admin(admin, |admin, now, out| admin.create_topic(now, topic, out));
    world.run_until(|world| world.with_admin(admin, |admin, _, _| admin.is_idle()), 60 * SECOND);
    let producer = world.add_producer("p", ProducerConfig { linger_ms: 0, ..ProducerConfig::default() });
    for i in 0..10 {
        let value = Some(format!("value {i}").into_bytes().into());
        let record = ProducerRecord { topic: "notes".into(), value, ..ProducerRecord::default() };
        world.with_producer(producer, |producer, now, out| producer.send(now, record, out)).unwrap();
        world.run_until(|world| world.producer(producer).is_idle(), 60 * SECOND);
    }
    world.check_all();
    world
}

fn log_path() -> &'static str {
    "notes-0/00000000000000000000.log"
}

fn reader(world: &mut World, check_crcs: bool) -> ClientId {
    let id = world.add_consumer("reader", ConsumerConfig { check_crcs, ..ConsumerConfig::default() });
    let assigned = vec![("notes".to_string(), 0, StartAt::Earliest)];
    world.with_consumer(id, |consumer, now, out| {
        consumer.assign(now, assigned, out);
        consumer.poll(now, 100, out);
    });
    let arrived = |world: &mut World| world.consumer(id).buffered() > 0;
    world.run_until(arrived, 5 * SECOND);
    world.with_consumer(id, |consumer, now, out| consumer.poll(now, 100, out));
    id
}

/// Flips a bit in the value of a record, wherever it is.
fn flip(bytes: &mut [u8]) {
    if let Some(at) = bytes.windows(7).position(|window| window == b"value 5") {
        bytes[at + 6] ^= 1;
    }
}

#[test]
fn an_acknowledged_batch_that_is_gone_after_a_crash() {
    let mut world = ten_records(1);
    world.inject(Action::Crash { broker: 1 });
    let log = world.disk(1).contents(log_path()).unwrap();
    world.disk(1).put(log_path(), &log[..log.len() - 1]);
    world.inject(Action::Restart { broker: 1 });
    let violation = world.try_check().unwrap_err();
    assert_eq!(violation.property, "acknowledged", "{violation}");
}

#[test]
fn a_record_that_changed_in_the_log() {
    let mut world = ten_records(2);
    let mut log = world.disk(1).contents(log_path()).unwrap();
    flip(&mut log);
    world.disk(1).put(log_path(), &log);
    let violation = world.try_check_all().unwrap_err();
    assert_eq!(violation.property, "fold", "the state is not what events told: {violation}");
}

#[test]
fn a_damaged_batch_in_the_log() {
    const CRC_POSITION: usize = 17;
    let mut world = ten_records(2);
    let mut log = world.disk(1).contents(log_path()).unwrap();
    log[CRC_POSITION] ^= 1;
    world.disk(1).put(log_path(), &log);
    let violation = world.try_check_all().unwrap_err();
    assert_eq!(violation.property, "offsets", "{violation}");
}

#[test]
fn a_message_that_was_edited_on_its_way_to_a_consumer_that_does_not_look() {
    let mut world = ten_records(3);
    world.tamper_with(|to_broker, frame| {
        if !to_broker {
            flip(frame);
        }
    });
    reader(&mut world, false);
    let violation = world.try_check().unwrap_err();
    assert_eq!(violation.property, "reading", "{violation}");
}

#[test]
fn the_same_message_is_refused_by_a_consumer_that_checks_crcs() {
    let mut world = ten_records(3);
    world.tamper_with(|to_broker, frame| {
        if !to_broker {
            flip(frame);
        }
    });
    let id = reader(&mut world, true);
    world.check_all();
    let errors = world.with_consumer(id, |consumer, _, _| consumer.errors());
    assert_eq!(errors[0].error, "CORRUPT_MESSAGE");
    assert_eq!(world.consumer(id).position("notes", 0), Some(5), "the records before it were read");
}

#[test]
fn a_batch_that_is_in_the_log_twice() {
    let mut world = ten_records(4);
    world.inject(Action::Crash { broker: 1 });
    let log = world.disk(1).contents(log_path()).unwrap();
    // The last batch again, with the next offset: its CRC does not cover the offset, so that recovery takes it for good.
    let batches: Vec<_> = naru_records::batches(log.clone().into()).map(Result::unwrap).collect();
    let last = batches.last().unwrap();
    let mut doubled = log;
    for part in last.with_prefix(last.header().next_offset(), 0) {
        doubled.extend_from_slice(&part);
    }
    world.disk(1).put(log_path(), &doubled);
    world.inject(Action::Restart { broker: 1 });
    let violation = world.try_check_all().unwrap_err();
    assert_eq!(violation.property, "idempotence", "{violation}");
}

#[test]
fn a_broker_that_never_comes_back() {
    let mut world = ten_records(5);
    world.inject(Action::Crash { broker: 1 });
    let producer = world.add_producer("q", ProducerConfig::default());
    let record = ProducerRecord { topic: "notes".into(), ..ProducerRecord::default() };
    world.with_producer(producer, |producer, now, out| producer.send(now, record, out)).unwrap();
    let outcome = world.run_until(|world| world.producer(producer).is_idle(), 59 * SECOND);
    assert_eq!(outcome, Outcome::TimedOut, "it waits for max.block.ms");
    let outcome = world.run_until(|world| world.producer(producer).is_idle(), 2 * SECOND);
    assert_eq!(outcome, Outcome::Done);
    let reports = world.with_producer(producer, |producer, _, _| producer.reports());
    let error = reports[0].result.as_ref().unwrap_err();
    assert_eq!(error.message, "Topic notes not present in metadata after 60000 ms.");
    world.check_all();
}
