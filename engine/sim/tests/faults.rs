//! Faults of links and machines: what clients and brokers live through, and that the picture shows it.

use naru_client::{AdminConfig, ConsumerConfig, NewTopic, ProducerConfig, ProducerRecord, StartAt};
use naru_sim::{Action, ClientId, Outcome, TcpConfig, World, WorldConfig};
use naru_trace::{Actor, Micros, TraceKind};

const SECOND: u64 = 1_000_000;
const BROKER: Actor = Actor::Broker(1);

fn world() -> (World, ClientId) {
    let tcp = TcpConfig { connect_us: 3 * SECOND, give_up_us: 5 * SECOND };
    let mut world = World::new(WorldConfig { tcp, ..WorldConfig::new(1, 1) });
    let admin = world.add_admin("admin", AdminConfig::default());
    let topic = NewTopic { name: "notes".into(), partitions: Some(1), ..NewTopic::default() };
    world.with_admin(admin, |admin, now, out| admin.create_topic(now, topic, out));
    step_until(&mut world, 10, |world| world.with_admin(admin, |admin, _, _| admin.is_idle()));
    let producer = world.add_producer("p", ProducerConfig { linger_ms: 0, ..ProducerConfig::default() });
    send(&mut world, producer);
    assert_eq!(settle(&mut world, producer, 10), Outcome::Done);
    (world, producer)
}

/// Compares picture and state after every step.
fn step_until(world: &mut World, seconds: u64, mut done: impl FnMut(&mut World) -> bool) -> Outcome {
    let outcome = world.run_until(
        |world| {
            world.check();
            done(world)
        },
        seconds * SECOND,
    );
    world.check_all();
    outcome
}

fn send(world: &mut World, producer: ClientId) {
    let record = ProducerRecord { topic: "notes".into(), value: Some("x".into()), ..ProducerRecord::default() };
    world.with_producer(producer, |producer, now, out| producer.send(now, record, out)).unwrap();
}

fn settle(world: &mut World, producer: ClientId, seconds: u64) -> Outcome {
    step_until(world, seconds, |world| world.producer(producer).is_idle())
}

fn end(world: &World) -> i64 {
    world.broker_view(1).unwrap().topics["notes"].partitions[&0].log_end_offset
}

fn lost(world: &World) -> Vec<String> {
    let reason = |kind: &TraceKind| match kind {
        TraceKind::MessageLost { reason, .. } => Some(reason.to_string()),
        _ => None,
    };
    world.events().iter().filter_map(|event| reason(&event.kind)).collect()
}

#[test]
fn what_a_cut_link_swallowed_arrives_when_it_is_healed_soon() {
    let (mut world, producer) = world();
    let from = Actor::Client(producer.0);
    world.inject(Action::CutLink { from, to: BROKER, both: true });
    send(&mut world, producer);
    assert_eq!(settle(&mut world, producer, 4), Outcome::TimedOut);
    assert_eq!((end(&world), world.view().faults.links.len(), world.view().in_flight.len()), (1, 2, 1));
    world.inject(Action::HealLink { from, to: BROKER, both: true });
    assert_eq!(settle(&mut world, producer, 1), Outcome::Done);
    assert_eq!((end(&world), lost(&world).len()), (2, 0), "TCP loses nothing");
    assert!(world.view().faults.is_empty());
}

#[test]
fn a_connection_over_a_link_that_stays_cut_gives_up_at_both_ends() {
    let (mut world, producer) = world();
    let connections = |world: &World| world.broker_view(1).unwrap().connections.len();
    let before = connections(&world);
    world.inject(Action::CutLink { from: Actor::Client(producer.0), to: BROKER, both: true });
    send(&mut world, producer);
    assert_eq!(settle(&mut world, producer, 6), Outcome::TimedOut);
    assert_eq!((lost(&world), connections(&world)), (vec!["connection timed out".to_owned()], before - 1));
    world.inject(Action::HealLink { from: Actor::Client(producer.0), to: BROKER, both: true });
    assert_eq!(settle(&mut world, producer, 30), Outcome::Done);
    assert_eq!(end(&world), 2, "it dialled again");
}

#[test]
fn over_a_link_that_is_cut_one_way_requests_arrive_and_answers_do_not() {
    let (mut world, producer) = world();
    let (from, to) = (BROKER, Actor::Client(producer.0));
    world.inject(Action::CutLink { from, to, both: false });
    send(&mut world, producer);
    assert_eq!(settle(&mut world, producer, 2), Outcome::TimedOut);
    assert_eq!(end(&world), 2, "the request arrived");
    assert_eq!(settle(&mut world, producer, 5), Outcome::TimedOut);
    assert_eq!(lost(&world), ["connection timed out"], "the answer did not");
    world.inject(Action::HealLink { from, to, both: false });
    assert_eq!(settle(&mut world, producer, 30), Outcome::Done);
    let recognised = |kind: &TraceKind| matches!(kind, TraceKind::DuplicateRecognised { .. });
    assert!(world.events().iter().any(|event| recognised(&event.kind)), "the second try was known");
    assert_eq!(end(&world), 2);
}

/// The client's wish for metadata was long due, and hid when it would dial again: it slept until `max.block.ms`.
#[test]
fn nobody_answers_whoever_dials_over_a_cut_link() {
    let (mut world, _) = world();
    let (from, to) = (Actor::Client(3), BROKER);
    world.inject(Action::CutLink { from, to, both: false });
    let producer = world.add_producer("q", ProducerConfig::default());
    assert_eq!(Actor::Client(producer.0), from);
    send(&mut world, producer);
    assert_eq!(settle(&mut world, producer, 8), Outcome::TimedOut);
    world.inject(Action::HealLink { from, to, both: false });
    assert_eq!(settle(&mut world, producer, 10), Outcome::Done);
}

#[test]
fn dropped_connections_give_up_and_new_ones_work() {
    let (mut world, producer) = world();
    world.inject(Action::DropConnections { from: Actor::Client(producer.0), to: BROKER });
    send(&mut world, producer);
    assert_eq!(settle(&mut world, producer, 4), Outcome::TimedOut);
    assert_eq!(settle(&mut world, producer, 4), Outcome::Done);
    assert_eq!((lost(&world), end(&world)), (vec!["connection timed out".to_owned()], 2));
}

#[test]
fn what_is_delayed_on_one_connection_is_overtaken_on_another() {
    let (mut world, slow) = world();
    world.inject(Action::DelayLink { from: Actor::Client(slow.0), to: BROKER, extra_us: SECOND });
    send(&mut world, slow);
    let fast = world.add_producer("q", ProducerConfig { linger_ms: 0, ..ProducerConfig::default() });
    send(&mut world, fast);
    assert_eq!(settle(&mut world, fast, 1), Outcome::Done);
    assert!(!world.producer(slow).is_idle());
    assert_eq!(settle(&mut world, slow, 3), Outcome::Done);
}

#[test]
fn a_suspended_broker_does_afterwards_what_came_for_it() {
    let (mut world, producer) = world();
    let reader = world.add_consumer("c", ConsumerConfig { fetch_max_wait_ms: 500, ..ConsumerConfig::default() });
    world.with_consumer(reader, |consumer, now, out| {
        consumer.assign(now, vec![("notes".into(), 0, StartAt::Latest)], out);
        consumer.poll(now, 10, out);
    });
    let parked = |world: &mut World| !world.broker_view(1).unwrap().parked.is_empty();
    assert_eq!(step_until(&mut world, 2, parked), Outcome::Done, "a fetch waits, and has a deadline");
    world.inject(Action::Pause { broker: 1 });
    send(&mut world, producer);
    assert_eq!(settle(&mut world, producer, 5), Outcome::TimedOut);
    assert_eq!(world.view().faults.paused.iter().copied().collect::<Vec<_>>(), [1]);
    world.inject(Action::Resume { broker: 1 });
    assert_eq!(settle(&mut world, producer, 1), Outcome::Done);
    assert_eq!(end(&world), 2);
}

#[test]
fn a_suspended_broker_can_be_killed_and_asked_to_stop() {
    let (mut world, producer) = world();
    world.inject(Action::Pause { broker: 1 });
    world.inject(Action::Stop { broker: 1 });
    assert!(world.is_up(1), "nobody hears it");
    world.inject(Action::Resume { broker: 1 });
    assert!(!world.is_up(1));
    world.inject(Action::Restart { broker: 1 });
    world.inject(Action::Pause { broker: 1 });
    send(&mut world, producer);
    world.run_for(SECOND);
    world.inject(Action::Crash { broker: 1 });
    world.check_all();
    world.inject(Action::Restart { broker: 1 });
    assert_eq!(settle(&mut world, producer, 30), Outcome::Done);
    assert!(world.view().faults.is_empty());
}

#[test]
fn a_clock_that_runs_fast_is_early_with_everything() {
    let waits = |drift_ppm| {
        let (mut world, _) = world();
        world.inject(Action::SkewClock { broker: 1, wall_ms: 0, drift_ppm });
        let config = ConsumerConfig { fetch_max_wait_ms: 1_000, fetch_min_bytes: 1_000, ..ConsumerConfig::default() };
        let reader = world.add_consumer("c", config);
        world.with_consumer(reader, |consumer, now, out| {
            consumer.assign(now, vec![("notes".into(), 0, StartAt::Earliest)], out);
            consumer.poll(now, 10, out);
        });
        let read = |world: &mut World| world.consumer(reader).buffered() > 0;
        assert_eq!(step_until(&mut world, 5, read), Outcome::Done);
        let at = |wanted: fn(&TraceKind) -> bool| -> Micros {
            world.events().iter().rev().find(|event| wanted(&event.kind)).unwrap().at
        };
        at(|kind| matches!(kind, TraceKind::ReplyReleased { timed_out: true, .. }))
            .since(at(|kind| matches!(kind, TraceKind::ReplyParked { .. })))
    };
    let fast = waits(50_000);
    assert!((950_000..955_000).contains(&fast), "{fast}: it took this for a second");
    assert!((1_000_000..1_005_000).contains(&waits(0)));
    assert!((1_050_000..1_060_000).contains(&waits(-50_000)));
}

#[test]
fn a_wall_clock_that_is_ahead_stamps_records_of_log_append_time() {
    let (mut world, producer) = world();
    let admin = world.add_admin("second", AdminConfig::default());
    let changes = vec![("message.timestamp.type".to_owned(), Some("LogAppendTime".to_owned()))];
    let resource = (naru_client::ResourceType::Topic, "notes");
    world.with_admin(admin, |admin, now, out| admin.alter_configs(now, resource, changes, out));
    step_until(&mut world, 10, |world| world.with_admin(admin, |admin, _, _| admin.is_idle()));
    world.inject(Action::SkewClock { broker: 1, wall_ms: 3_600_000, drift_ppm: 0 });
    send(&mut world, producer);
    settle(&mut world, producer, 10);
    let cells = &world.broker_view(1).unwrap().topics["notes"].partitions[&0].cells;
    assert!(cells[1].timestamp_ms - cells[0].timestamp_ms >= 3_600_000, "{cells:?}");
}

#[test]
fn a_disk_that_is_lost_is_an_empty_one() {
    for show_disk in [false, true] {
        for formatted in [false, true] {
            let mut world = World::new(WorldConfig { show_disk, ..WorldConfig::new(1, 1) });
            let id = |world: &World| String::from_utf8(world.disk(1).contents("meta.properties").unwrap()).unwrap();
            let before = id(&world);
            world.inject(Action::SlowDisk { broker: 1, extra_us: 5 });
            world.inject(Action::LoseDisk { broker: 1, formatted });
            world.check_all();
            assert_eq!(world.disk(1).entries().len(), usize::from(formatted));
            world.inject(Action::Restart { broker: 1 });
            world.check_all();
            assert!(world.is_up(1));
            let cluster = |text: &str| text.lines().find(|l| l.starts_with("cluster.id")).unwrap().to_owned();
            assert_ne!(before, id(&world), "the directory's id is new");
            assert!(!formatted || cluster(&before) == cluster(&id(&world)));
        }
    }
}

#[test]
fn links_and_machines_come_back_from_json() {
    let (from, to) = (Actor::Broker(1), Actor::Client(2));
    for action in [
        Action::CutLink { from, to, both: true },
        Action::DelayLink { from, to, extra_us: 7 },
        Action::SkewClock { broker: 1, wall_ms: -3, drift_ppm: 4 },
        Action::LoseDisk { broker: 1, formatted: false },
        Action::Pause { broker: 1 },
    ] {
        assert!(!action.describe().is_empty());
        let text = serde_json::to_string(&action).unwrap();
        assert_eq!(serde_json::from_str::<Action>(&text).unwrap(), action, "{text}");
    }
}
