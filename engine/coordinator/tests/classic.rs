//! Groups of the classic protocol, told as stories: who asks what, and who is answered what.

mod support;

use naru_coordinator::Coordinator;
use naru_wire::ErrorCode;
use support::{World, is};

#[test]
fn semantics_31_a_new_member_is_given_an_id_and_the_first_ones_are_waited_for() {
    let mut world = World::new();
    let (first, _) = world.join("g", "", 5, 0);
    let refused = world.joined(first).expect("the first request is answered at once");
    assert_eq!(refused.error_code, ErrorCode::MemberIdRequired.code());
    let id = refused.member_id.to_string();
    let (again, _) = world.join("g", &id, 5, 0);
    assert!(world.joined(again).is_none(), "an empty group waits for more members");
    world.pass_ms(2_999);
    assert!(world.joined(again).is_none());
    world.pass_ms(1);
    let joined = world.joined(again).expect("group.initial.rebalance.delay.ms is over");
    assert_eq!((joined.error_code, joined.generation_id, joined.leader.as_str()), (0, 1, id.as_str()));
    assert_eq!(joined.members.len(), 1, "the leader is told who is in the group");
}

#[test]
fn semantics_32_generations_and_members_are_fenced() {
    let mut world = World::new();
    let member = world.stable_group("g");
    assert_eq!(world.heartbeat("g", &member, 1), is(ErrorCode::None));
    assert_eq!(world.heartbeat("g", &member, 0), is(ErrorCode::IllegalGeneration));
    assert_eq!(world.heartbeat("g", "somebody", 1), is(ErrorCode::UnknownMemberId));
    assert_eq!(world.heartbeat("other", &member, 1), is(ErrorCode::UnknownMemberId));
    assert_eq!(world.commit("g", &member, 1, 5), is(ErrorCode::None));
    assert_eq!(world.commit("g", &member, 0, 6), is(ErrorCode::IllegalGeneration));
    assert_eq!(world.committed("g"), 5);
    let (second, _) = world.join("g", "", 3, 0);
    assert!(world.joined(second).is_none(), "the other member is asked to join again");
    assert_eq!(world.heartbeat("g", &member, 1), is(ErrorCode::RebalanceInProgress));
    assert_eq!(world.commit("g", &member, 1, 7), is(ErrorCode::None), "what is done may still be said");
    let (again, _) = world.join("g", &member, 5, 0);
    assert_eq!(world.joined(again).map(|joined| joined.generation_id), Some(2));
    assert_eq!(world.joined(second).map(|joined| joined.generation_id), Some(2));
    assert_eq!(world.commit("g", &member, 2, 8), is(ErrorCode::RebalanceInProgress), "nobody knows yet who owns what");
}

#[test]
fn semantics_37_without_a_member_only_an_empty_group_takes_commits() {
    let mut world = World::new();
    assert_eq!(world.commit("alone", "", -1, 3), is(ErrorCode::None));
    assert_eq!(world.committed("alone"), 3);
    assert_eq!(world.commit("nobody", "m", 4, 3), is(ErrorCode::IllegalGeneration));
    world.stable_group("g");
    assert_eq!(world.commit("g", "", -1, 3), is(ErrorCode::UnknownMemberId));
}

#[test]
fn semantics_33_silence_ends_a_session_and_the_group_is_empty() {
    let mut world = World::new();
    let member = world.stable_group("g");
    world.pass_ms(9_999);
    assert_eq!(world.heartbeat("g", &member, 1), is(ErrorCode::None));
    world.pass_ms(10_000);
    assert_eq!(world.heartbeat("g", &member, 1), is(ErrorCode::UnknownMemberId));
    assert_eq!(world.state("g"), "Empty");
}

#[test]
fn semantics_38_a_group_is_loaded_from_its_records() {
    let mut world = World::new();
    let member = world.stable_group("g");
    world.commit("g", &member, 1, 5);
    let mut other = World::new();
    other.coordinator = Coordinator::new(Default::default());
    for record in &world.log {
        other.coordinator.replay(record.clone());
    }
    other.finish_loading();
    assert_eq!(other.committed("g"), 5);
    assert_eq!(other.heartbeat("g", &member, 1), is(ErrorCode::None), "members need not join again");
    let views = |world: &World| world.coordinator.views().collect::<Vec<_>>();
    assert_eq!(views(&other), views(&world));
}
