//! Worlds of one cluster: it finds a controller, brokers become members, and clients are served through failures.

use naru_client::{AdminConfig, NewTopic, ProducerConfig, ProducerRecord};
use naru_sim::{Action, ClientId, Outcome, World, WorldConfig};
use naru_trace::Actor;

const SECOND: u64 = 1_000_000;

fn step_until(world: &mut World, seconds: u64, mut done: impl FnMut(&mut World) -> bool) -> Outcome {
    world.run_until(
        |world| {
            world.check();
            done(world)
        },
        seconds * SECOND,
    )
}

fn is_running(world: &World, broker: i32) -> bool {
    world.broker_view(broker).is_some_and(|view| view.lifecycle == "running")
}

fn started(nodes: i32) -> World {
    let mut world = World::new(WorldConfig::cluster(1, nodes, 2));
    let all = |world: &mut World| (1..=nodes).all(|broker| is_running(world, broker));
    assert_eq!(step_until(&mut world, 30, all), Outcome::Done, "every broker becomes a member");
    world
}

fn create(world: &mut World, name: &str, replicas: i16) {
    let bootstrap = world.brokers().into_iter().map(|broker| world.address(broker)).collect();
    let admin = world.add_admin("admin", AdminConfig { bootstrap, ..AdminConfig::default() });
    let topic =
        NewTopic { name: name.into(), partitions: Some(3), replication_factor: Some(replicas), ..NewTopic::default() };
    world.with_admin(admin, |admin, now, out| admin.create_topic(now, topic, out));
    step_until(world, 30, |world| world.with_admin(admin, |admin, _, _| admin.is_idle()));
    let results = world.with_admin(admin, |admin, _, _| admin.results());
    assert!(results.iter().all(|(_, result)| result.is_ok()), "{results:?}");
}

fn producer(world: &mut World) -> ClientId {
    let bootstrap = world.brokers().into_iter().map(|broker| world.address(broker)).collect();
    world.add_producer("p", ProducerConfig { bootstrap, linger_ms: 0, ..ProducerConfig::default() })
}

fn send(world: &mut World, producer: ClientId, seconds: u64) {
    for number in 0..9 {
        let (key, value) = (Some(format!("k{number}").into()), Some("x".into()));
        let record = ProducerRecord { topic: "notes".into(), key, value, ..ProducerRecord::default() };
        world.with_producer(producer, |producer, now, out| producer.send(now, record, out)).unwrap();
    }
    assert_eq!(step_until(world, seconds, |world| world.producer(producer).is_idle()), Outcome::Done);
    let reports = world.with_producer(producer, |producer, _, _| producer.reports());
    assert!(reports.iter().all(|report| report.result.is_ok()), "{reports:?}");
}

#[test]
fn brokers_become_members_and_topics_are_everywhere() {
    let mut world = started(3);
    create(&mut world, "notes", 3);
    let everywhere = |world: &mut World| (1..=3).all(|b| world.broker_view(b).unwrap().topics.contains_key("notes"));
    assert_eq!(step_until(&mut world, 10, everywhere), Outcome::Done);
    world.check_all();
}

#[test]
fn records_are_on_every_replica() {
    let mut world = started(3);
    create(&mut world, "notes", 3);
    let producer = producer(&mut world);
    send(&mut world, producer, 30);
    let ends = |world: &mut World| {
        let views = (1..=3).map(|broker| world.broker_view(broker).unwrap().topics["notes"].partitions.clone());
        let committed: Vec<i64> = views.map(|p| p.values().map(|view| view.high_watermark).sum()).collect();
        committed == [9, 9, 9]
    };
    assert_eq!(step_until(&mut world, 10, ends), Outcome::Done, "followers learn what is committed");
    world.check_all();
}

#[test]
fn any_broker_may_crash_and_records_go_on() {
    for victim in 1..=3 {
        let mut world = started(3);
        create(&mut world, "notes", 3);
        let producer = producer(&mut world);
        send(&mut world, producer, 30);
        world.inject(Action::Crash { broker: victim });
        send(&mut world, producer, 60);
        world.inject(Action::Restart { broker: victim });
        assert_eq!(step_until(&mut world, 60, |world| is_running(world, victim)), Outcome::Done);
        let in_sync = |world: &mut World| {
            let views = (1..=3).map(|broker| world.broker_view(broker).unwrap().topics["notes"].partitions.clone());
            views.into_iter().all(|partitions| partitions.values().all(|view| view.isr.len() == 3))
        };
        assert_eq!(step_until(&mut world, 60, in_sync), Outcome::Done, "it catches up");
        world.check_all();
    }
}

#[test]
fn who_is_cut_off_from_the_others_is_replaced() {
    let mut world = started(3);
    create(&mut world, "notes", 3);
    let producer = producer(&mut world);
    send(&mut world, producer, 30);
    for to in [2, 3].map(Actor::Broker) {
        world.inject(Action::CutLink { from: Actor::Broker(1), to, both: true });
    }
    world.inject(Action::CutLink { from: Actor::Client(producer.0), to: Actor::Broker(1), both: true });
    send(&mut world, producer, 100);
    for to in [2, 3].map(Actor::Broker) {
        world.inject(Action::HealLink { from: Actor::Broker(1), to, both: true });
    }
    world.inject(Action::HealLink { from: Actor::Client(producer.0), to: Actor::Broker(1), both: true });
    send(&mut world, producer, 100);
    assert_eq!(step_until(&mut world, 60, |world| is_running(world, 1)), Outcome::Done);
    world.check_all();
}
