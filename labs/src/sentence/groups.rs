//! The sentences about groups, in both languages. Names of states and assignors stay as Kafka spells them.

use super::{Josa, Names, josa, place};
use naru_trace::{TraceEvent, TraceKind};

/// In English.
pub(super) fn english(event: &TraceEvent, who: &str, _names: &Names) -> Option<String> {
    Some(match &event.kind {
        TraceKind::GroupStateChanged { group, state, generation, protocol, leader, because } => {
            let protocol = if protocol.is_empty() { String::new() } else { format!(", {protocol}") };
            let leader = if leader.is_empty() { String::new() } else { format!(", leader {leader}") };
            format!("{who}: the group {group} is {state} (generation {generation}{protocol}{leader}): {because}.")
        }
        TraceKind::GroupLoaded { group, view } => format!(
            "{who} has read the group {group} from __consumer_offsets: {}, {} members, offsets of {} partitions.",
            view.state,
            view.members.len(),
            view.offsets.values().map(|partitions| partitions.len()).sum::<usize>()
        ),
        TraceKind::GroupForgotten { group, because } => format!("{who} no longer has the group {group}: {because}."),
        TraceKind::MemberJoined { group, member, instance_id: None, .. } => {
            format!("{who}: {member} is a member of the group {group}.")
        }
        TraceKind::MemberJoined { group, member, instance_id: Some(instance_id), .. } => {
            format!("{who}: {member} is a member of the group {group}, as its static member {instance_id}.")
        }
        TraceKind::MemberLeft { group, member, because } => {
            format!("{who}: {member} is in the group {group} no more: {because}.")
        }
        TraceKind::AssignmentGiven { member, partitions, .. } if partitions.is_empty() => {
            format!("{who} gives {member} no partitions.")
        }
        TraceKind::AssignmentGiven { member, partitions, .. } => {
            format!("{who} gives {member}: {}.", places(partitions))
        }
        TraceKind::OffsetCommitted { group, topic, partition, offset, .. } => {
            format!(
                "{who} writes down that the group {group} goes on at offset {offset} of {}.",
                place(topic, *partition)
            )
        }
        TraceKind::OffsetForgotten { group, topic, partition, because } => {
            format!("{who} forgets where the group {group} was in {}: {because}.", place(topic, *partition))
        }
        _ => return None,
    })
}

/// In Korean.
pub(super) fn korean(event: &TraceEvent, who: &str, _names: &Names) -> Option<String> {
    Some(match &event.kind {
        TraceKind::GroupStateChanged { group, state, generation, protocol, leader, because } => {
            let protocol = if protocol.is_empty() { String::new() } else { format!(", {protocol}") };
            let leader = if leader.is_empty() { String::new() } else { format!(", 리더 {leader}") };
            let state = josa(state, Josa::Subject);
            format!(
                "{who} 보기에 그룹 {group}의 상태는 {state} 됩니다(세대 {generation}{protocol}{leader}): {because}."
            )
        }
        TraceKind::GroupLoaded { group, view } => format!(
            "{who} __consumer_offsets에서 그룹 {} 읽었습니다: {}, 멤버 {}명, 오프셋 {}개.",
            josa(group, Josa::Object),
            view.state,
            view.members.len(),
            view.offsets.values().map(|partitions| partitions.len()).sum::<usize>()
        ),
        TraceKind::GroupForgotten { group, because } => {
            format!("{who} 그룹 {} 더는 맡지 않습니다: {because}.", josa(group, Josa::Object))
        }
        TraceKind::MemberJoined { group, member, instance_id: None, .. } => {
            format!("{who} 그룹 {group}에 멤버 {} 받아들입니다.", josa(member, Josa::Object))
        }
        TraceKind::MemberJoined { group, member, instance_id: Some(instance_id), .. } => {
            let member = josa(member, Josa::Object);
            format!("{who} 그룹 {group}에 {member} 정적 멤버 {} 받아들입니다.", josa(instance_id, Josa::To))
        }
        TraceKind::MemberLeft { group, member, because } => {
            format!("{who} 그룹 {group}에서 {} 뺍니다: {because}.", josa(member, Josa::Object))
        }
        TraceKind::AssignmentGiven { member, partitions, .. } if partitions.is_empty() => {
            format!("{who} {member}에게 파티션을 주지 않습니다.")
        }
        TraceKind::AssignmentGiven { member, partitions, .. } => {
            format!("{who} {member}에게 파티션을 줍니다: {}.", places(partitions))
        }
        TraceKind::OffsetCommitted { group, topic, partition, offset, .. } => {
            let place = place(topic, *partition);
            format!("{who} 그룹 {group}의 {place} 다음 오프셋을 {} 적어 둡니다.", josa(&offset.to_string(), Josa::To))
        }
        TraceKind::OffsetForgotten { group, topic, partition, because } => {
            format!("{who} 그룹 {group}의 {} 오프셋을 지웁니다: {because}.", place(topic, *partition))
        }
        _ => return None,
    })
}

/// `orders-0, orders-1`.
fn places(partitions: &[(String, Vec<i32>)]) -> String {
    let names = partitions.iter().flat_map(|(topic, numbers)| numbers.iter().map(|number| place(topic, *number)));
    names.collect::<Vec<_>>().join(", ")
}
