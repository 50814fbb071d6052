//! ConsumerGroupDescribe (69): groups of KIP-848 as administrators see them.

use super::{ConsumerGroup, Partitions};
use crate::{
    coordinator::{Coordinator, Group},
    record::MemberMetadata,
};
use alloc::{format, string::String};
use naru_wire::{
    ErrorCode, GroupId, StrBytes, TopicName,
    messages::consumer_group_describe_response::{Assignment, DescribedGroup, Member, TopicPartitions},
};

/// Nobody asked which operations are allowed.
const OPERATIONS_NOT_ASKED: i32 = i32::MIN;

impl Coordinator {
    /// One group of ConsumerGroupDescribe.
    pub fn describe_consumer_group(&self, id: &GroupId) -> DescribedGroup {
        let response =
            DescribedGroup::default().with_group_id(id.clone()).with_authorized_operations(OPERATIONS_NOT_ASKED);
        let Some(Group::Consumer(group)) = self.groups.get(id.as_str()) else {
            let message = format!("Group {} is not a consumer group.", id.as_str());
            return response
                .with_error_code(ErrorCode::GroupIdNotFound.code())
                .with_error_message(Some(StrBytes::from_string(message)));
        };
        response
            .with_group_state(StrBytes::from_static_str(group.state().name()))
            .with_group_epoch(group.epoch)
            .with_assignment_epoch(group.assignment_epoch)
            .with_assignor_name(StrBytes::from_string(group.assignor()))
            .with_members(group.members.iter().map(|(id, member)| describe(group, id, member)).collect())
    }
}

fn describe(group: &ConsumerGroup, id: &String, member: &MemberMetadata) -> Member {
    let text = |text: &Option<String>| text.clone().map(StrBytes::from_string);
    let (nothing, current) = (Partitions::new(), group.current.get(id));
    let topics = member.subscribed_topics.iter().map(|topic| TopicName(StrBytes::from_string(topic.clone())));
    Member::default()
        .with_member_id(StrBytes::from_string(id.clone()))
        .with_instance_id(text(&member.instance_id))
        .with_rack_id(text(&member.rack_id))
        .with_member_epoch(current.map_or(0, |current| current.epoch))
        .with_client_id(StrBytes::from_string(member.client_id.clone()))
        .with_client_host(StrBytes::from_string(member.client_host.clone()))
        .with_subscribed_topic_names(topics.collect())
        .with_subscribed_topic_regex(text(&member.subscribed_regex))
        .with_assignment(assignment(group, current.map_or(&nothing, |current| &current.assigned)))
        .with_target_assignment(assignment(group, group.targets.get(id).unwrap_or(&nothing)))
        .with_member_type(if member.classic.is_some() { 0 } else { 1 })
}

fn assignment(group: &ConsumerGroup, partitions: &Partitions) -> Assignment {
    let topics = partitions.iter().map(|(id, numbers)| {
        TopicPartitions::default()
            .with_topic_id(*id)
            .with_topic_name(TopicName(StrBytes::from_string(group.name(id))))
            .with_partitions(numbers.clone())
    });
    Assignment::default().with_topic_partitions(topics.collect())
}
