//! Groups of KIP-848: the coordinator assigns, and nobody gets a partition before the other has given it back.

#[allow(dead_code, reason = "shared with the stories about classic groups")]
mod support;

use naru_wire::{
    ErrorCode, Response, StrBytes, TopicName,
    messages::{
        ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
        consumer_group_heartbeat_request::TopicPartitions,
    },
};
use support::{World, id};
use uuid::Uuid;

const TOPIC: Uuid = Uuid::from_u128(7);

/// A heartbeat; `owned` goes with it when it is there.
fn beat(world: &mut World, member: &str, epoch: i32, owned: Option<&[i32]>) -> ConsumerGroupHeartbeatResponse {
    let owned = owned.map(|numbers| match numbers {
        [] => vec![],
        numbers => vec![TopicPartitions::default().with_topic_id(TOPIC).with_partitions(numbers.to_vec())],
    });
    let mut request = ConsumerGroupHeartbeatRequest::default()
        .with_group_id(id("g"))
        .with_member_id(StrBytes::from_string(member.into()))
        .with_member_epoch(epoch)
        .with_rebalance_timeout_ms(-1)
        .with_topic_partitions(owned);
    if epoch == 0 {
        request.rebalance_timeout_ms = 60_000;
        request.subscribed_topic_names = Some(vec![TopicName(StrBytes::from_static_str("t"))]);
    }
    let asked = world.ask(1, |coordinator, io, client| coordinator.consumer_heartbeat(io, client, &request));
    match world.answer(asked) {
        Some(Response::ConsumerGroupHeartbeat(body)) => body.clone(),
        other => panic!("not ConsumerGroupHeartbeat: {other:?}"),
    }
}

fn given(response: &ConsumerGroupHeartbeatResponse) -> Option<Vec<i32>> {
    let assignment = response.assignment.as_ref()?;
    Some(assignment.topic_partitions.iter().flat_map(|topic| topic.partitions.clone()).collect())
}

#[test]
fn semantics_36_a_partition_is_given_back_before_it_is_given_away() {
    let mut world = World::new();
    let first = beat(&mut world, "a", 0, Some(&[]));
    assert_eq!((first.error_code, first.member_epoch, given(&first)), (0, 1, Some(vec![0, 1, 2, 3])));
    let second = beat(&mut world, "b", 0, Some(&[]));
    assert_eq!((second.member_epoch, given(&second)), (2, Some(vec![])), "all is still the first member's");
    let revoking = beat(&mut world, "a", 1, None);
    let keeps = given(&revoking).expect("it has to give partitions back");
    assert_eq!((revoking.member_epoch, keeps.len()), (1, 2), "its epoch waits until it has");
    assert_eq!(given(&beat(&mut world, "b", 2, None)), None, "nothing is free yet");
    let done = beat(&mut world, "a", 1, Some(&keeps));
    assert_eq!(done.member_epoch, 2);
    let got = given(&beat(&mut world, "b", 2, None)).expect("now it is free");
    assert_eq!(got.len(), 2);
    assert!(got.iter().all(|number| !keeps.contains(number)));
    assert_eq!(world.state("g"), "Stable");
}

#[test]
fn semantics_36_epochs_fence_and_silence_ends_a_membership() {
    let mut world = World::new();
    beat(&mut world, "a", 0, Some(&[]));
    assert_eq!(beat(&mut world, "a", 7, None).error_code, ErrorCode::FencedMemberEpoch.code());
    assert_eq!(beat(&mut world, "x", 1, None).error_code, ErrorCode::UnknownMemberId.code());
    assert_eq!(world.commit("g", "a", 1, 5), ErrorCode::UnsupportedVersion, "version 8 knows no member epochs");
    world.pass_ms(45_000);
    assert_eq!(world.state("g"), "Empty");
    assert_eq!(beat(&mut world, "a", 1, None).error_code, ErrorCode::UnknownMemberId.code());
}
