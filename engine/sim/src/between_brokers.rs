//! Connections between brokers: dialled, used, refused, closed. The effects are made by hand, as a broker would.

use crate::{Action, World, WorldConfig};
use alloc::{string::ToString, vec, vec::Vec};
use bytes::Bytes;
use naru_broker::{ConnectionId, Effect, Frame};
use naru_log::Slice;
use naru_trace::{Actor, TraceKind};

const CONNECTION: ConnectionId = ConnectionId(ConnectionId::DIALLED | 77);
/// ApiVersions, version 0, correlation id 5, no client id.
const API_VERSIONS: &[u8] = b"\0\0\0\x0a\0\x12\0\0\0\0\0\x05\xff\xff";

fn dial(world: &mut World, to: i32) {
    let (host, port) = world.address(to);
    world.perform_for_broker(1, Effect::Dial { connection: CONNECTION, host, port }, 0);
}

fn ask(world: &mut World) {
    let frame = Frame { chunks: vec![Slice::Bytes(Bytes::from_static(API_VERSIONS))] };
    world.perform_for_broker(1, Effect::Send { connection: CONNECTION, frame, label: None, cause: None }, 0);
}

fn between(world: &World) -> Vec<(Actor, Actor)> {
    let ends = world.events().iter().filter_map(|event| match &event.kind {
        TraceKind::MessageSent { from, to, .. } => Some((*from, *to)),
        _ => None,
    });
    ends.collect()
}

#[test]
fn a_broker_dials_another_asks_and_is_answered() {
    let mut world = World::new(WorldConfig::new(1, 2));
    dial(&mut world, 2);
    world.run_for(10_000);
    let peers = world.broker_view(2).unwrap().connections;
    assert!(peers.values().next().unwrap().peer.starts_with("broker-1:"), "{peers:?}");
    ask(&mut world);
    world.run_for(10_000);
    let (one, two) = (Actor::Broker(1), Actor::Broker(2));
    assert_eq!(between(&world), [(one, two), (two, one)]);
    assert_eq!(world.view().in_flight.len(), 0);
    world.check_all();
    world.perform_for_broker(1, Effect::Close { connection: CONNECTION, reason: "done".into() }, 0);
    world.run_for(10_000);
    assert!(world.broker_view(2).unwrap().connections.is_empty());
    assert!(world.network.links.is_empty());
}

#[test]
fn a_connection_ends_with_either_process() {
    for ends in [1, 2] {
        let mut world = World::new(WorldConfig::new(1, 2));
        dial(&mut world, 2);
        world.run_for(10_000);
        world.inject(Action::Crash { broker: ends });
        world.run_for(10_000);
        assert!(world.network.links.is_empty(), "when broker {ends} crashes");
        world.inject(Action::Restart { broker: ends });
        dial(&mut world, 2);
        world.run_for(10_000);
        assert_eq!(world.network.links.len(), 1, "its next process may use the number again");
        world.check_all();
    }
}

#[test]
fn nobody_is_there_to_be_dialled() {
    let mut world = World::new(WorldConfig::new(1, 2));
    world.inject(Action::Crash { broker: 2 });
    dial(&mut world, 2);
    world.perform_for_broker(
        1,
        Effect::Dial { connection: ConnectionId(CONNECTION.0 + 1), host: "nowhere".to_string(), port: 1 },
        0,
    );
    world.run_for(10_000);
    assert!(world.network.links.is_empty());
}

#[test]
fn a_cut_between_two_brokers_leaves_the_third_in_peace() {
    let mut world = World::new(WorldConfig::new(1, 3));
    let (from, to) = (Actor::Broker(1), Actor::Broker(2));
    dial(&mut world, 2);
    world.run_for(10_000);
    world.inject(Action::CutLink { from, to, both: true });
    ask(&mut world);
    world.run_for(10_000_000);
    assert_eq!(world.view().in_flight.len(), 1, "it is not lost yet");
    world.run_for(15_000_000);
    assert_eq!((world.view().in_flight.len(), world.network.links.len()), (0, 0), "both ends gave up");
    let (host, port) = world.address(3);
    world.perform_for_broker(1, Effect::Dial { connection: CONNECTION, host, port }, 0);
    world.run_for(10_000);
    assert_eq!(world.broker_view(3).unwrap().connections.len(), 1);
    world.check_all();
}
