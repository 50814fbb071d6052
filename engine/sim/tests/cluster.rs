//! A cluster from end to end: it forms, replicates, elects when leaders and controllers die, and loses nothing that was
//! acknowledged by all.

use naru_client::{
    Acks, AdminConfig, ConsumerConfig, ConsumerRecord, NewTopic, ProducerConfig, ProducerRecord, StartAt,
};
use naru_sim::{Action, ClientId, Outcome, World, WorldConfig};
use naru_trace::{BrokerState, BrokerView, PartitionView, event_hash};

const SECOND: u64 = 1_000_000;

/// A world whose brokers all serve.
fn started(seed: u64) -> World {
    started_with(WorldConfig::cluster(seed, 3, 0))
}

fn started_with(config: WorldConfig) -> World {
    let mut world = World::new(config);
    let all_run = |world: &mut World| {
        world.check();
        world.view().brokers.values().all(|broker| matches!(&*broker.lifecycle, "" | "running"))
            && world.brokers().iter().all(|broker| world.is_ready(*broker))
    };
    assert_eq!(world.run_until(all_run, 30 * SECOND), Outcome::Done, "the cluster does not form");
    world
}

fn create_topic(world: &mut World, name: &str, replicas: i16, configs: &[(&str, &str)]) {
    let admin = world.add_admin("admin", AdminConfig::default());
    let topic = NewTopic {
        name: name.into(),
        partitions: Some(1),
        replication_factor: Some(replicas),
        configs: configs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
        ..NewTopic::default()
    };
    world.with_admin(admin, |admin, now, out| admin.create_topic(now, topic, out));
    let done = |world: &mut World| {
        world.check();
        world.with_admin(admin, |admin, _, _| admin.is_idle())
    };
    assert_eq!(world.run_until(done, 60 * SECOND), Outcome::Done);
    let results = world.with_admin(admin, |admin, _, _| admin.results());
    assert!(results[0].1.is_ok(), "{:?}", results[0].1);
}

fn producer(world: &mut World, acks: Acks) -> ClientId {
    world.add_producer("writer", ProducerConfig { acks, ..ProducerConfig::default() })
}

fn send(world: &mut World, producer: ClientId, values: impl Iterator<Item = u32>) {
    for value in values {
        let value = Some(value.to_string().into_bytes().into());
        let record = ProducerRecord { topic: "orders".into(), value, ..ProducerRecord::default() };
        world.with_producer(producer, |producer, now, out| producer.send(now, record, out)).expect("taken");
    }
    world.with_producer(producer, |producer, now, out| producer.flush(now, out));
}

fn wait_for_answers(world: &mut World, producer: ClientId) {
    let done = |world: &mut World| {
        world.check();
        world.producer(producer).is_idle()
    };
    assert_eq!(world.run_until(done, 150 * SECOND), Outcome::Done, "the producer is not answered");
}

fn read_all(world: &mut World) -> Vec<String> {
    let id = world.add_consumer("reader", ConsumerConfig::default());
    let assigned = vec![("orders".to_string(), 0, StartAt::Earliest)];
    world.with_consumer(id, |consumer, now, out| consumer.assign(now, assigned, out));
    let mut records: Vec<ConsumerRecord> = Vec::new();
    let done = |world: &mut World| {
        world.check();
        records.extend(world.with_consumer(id, |consumer, now, out| consumer.poll(now, 500, out)));
        world.consumer(id).is_at_end()
    };
    assert_eq!(world.run_until(done, 60 * SECOND), Outcome::Done, "the consumer does not come to the end");
    records.iter().map(|record| String::from_utf8(record.value.clone().unwrap().to_vec()).unwrap()).collect()
}

fn expected(up_to: u32) -> Vec<String> {
    (0..up_to).map(|value| value.to_string()).collect()
}

/// The partition as its leader shows it.
fn leader(world: &World) -> (i32, PartitionView) {
    let view = world.view();
    let leads = |(id, broker): (&i32, &BrokerView)| {
        let partition = broker.topics.get("orders")?.partitions.get(&0)?;
        (broker.state == BrokerState::Running && &*partition.role == "leader").then(|| (*id, partition.clone()))
    };
    let mut leaders: Vec<(i32, PartitionView)> = view.brokers.iter().filter_map(leads).collect();
    leaders.sort_by_key(|(_, partition)| partition.leader_epoch);
    leaders.pop().expect("somebody leads")
}

fn controller(world: &World) -> i32 {
    let view = world.view();
    let leads = |broker: &BrokerView| {
        broker.state == BrokerState::Running && broker.quorum.as_ref().is_some_and(|quorum| &*quorum.state == "leader")
    };
    *view.brokers.iter().find(|(_, broker)| leads(broker)).expect("somebody leads the quorum").0
}

#[test]
fn a_cluster_forms_and_replicates() {
    let mut world = started(1);
    create_topic(&mut world, "orders", 3, &[]);
    let writer = producer(&mut world, Acks::All);
    send(&mut world, writer, 0..100);
    wait_for_answers(&mut world, writer);
    world.run_for(2 * SECOND);
    world.check();
    let view = world.view();
    for broker in view.brokers.values() {
        let replica = &broker.topics["orders"].partitions[&0];
        assert_eq!((replica.log_end_offset, replica.high_watermark), (100, 100), "{replica:?}");
        assert_eq!(replica.isr.len(), 3);
    }
    assert_eq!(read_all(&mut world), expected(100));
}

#[test]
fn a_dead_leader_is_replaced_and_nothing_is_lost() {
    for seed in 1..6 {
        let mut world = started(seed);
        create_topic(&mut world, "orders", 3, &[("min.insync.replicas", "2")]);
        let writer = producer(&mut world, Acks::All);
        send(&mut world, writer, 0..50);
        wait_for_answers(&mut world, writer);
        let (first, before) = leader(&world);
        world.inject(Action::Crash { broker: first });
        send(&mut world, writer, 50..100);
        wait_for_answers(&mut world, writer);
        let (second, after) = leader(&world);
        assert_ne!(first, second);
        assert!(after.leader_epoch > before.leader_epoch);
        world.inject(Action::Restart { broker: first });
        world.run_for(20 * SECOND);
        world.check();
        assert_eq!(leader(&world).1.isr.len(), 3, "the old leader follows, and is in sync again");
        assert_eq!(read_all(&mut world), expected(100), "seed {seed}");
    }
}

#[test]
fn a_dead_controller_is_replaced() {
    for seed in 1..6 {
        let mut world = started(seed);
        let first = controller(&world);
        world.inject(Action::Crash { broker: first });
        world.run_for(10 * SECOND);
        world.check();
        assert_ne!(controller(&world), first);
        create_topic(&mut world, "orders", 2, &[]);
        let writer = producer(&mut world, Acks::All);
        send(&mut world, writer, 0..20);
        wait_for_answers(&mut world, writer);
        world.inject(Action::Restart { broker: first });
        world.run_for(15 * SECOND);
        assert!(world.view().brokers.values().all(|broker| &*broker.lifecycle == "running"), "seed {seed}");
        assert_eq!(read_all(&mut world), expected(20));
    }
}

/// The one voter elects itself at once, as a lone broker does, and is not alone all the same.
#[test]
fn a_quorum_of_one_may_have_more_brokers() {
    let mut config = WorldConfig::cluster(7, 2, 0);
    for broker in &mut config.brokers {
        broker.cluster.voters.remove(&2);
        broker.cluster.roles.controller = broker.node_id == 1;
    }
    let mut world = started_with(config);
    create_topic(&mut world, "orders", 2, &[]);
    let writer = producer(&mut world, Acks::All);
    send(&mut world, writer, 0..20);
    wait_for_answers(&mut world, writer);
    world.inject(Action::Crash { broker: 2 });
    world.run_for(60 * SECOND);
    world.check();
    assert_eq!(leader(&world).1.isr, [1], "the other one is fenced");
    assert_eq!(read_all(&mut world), expected(20));
}

#[test]
fn the_same_seed_makes_the_same_cluster() {
    let run = |seed| {
        let mut world = started(seed);
        create_topic(&mut world, "orders", 3, &[]);
        event_hash(world.events())
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}
