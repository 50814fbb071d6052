//! DescribeGroups, ListGroups, DeleteGroups: groups as administrators see them.

use crate::{
    classic::{ClassicGroup, ClassicState, Member},
    coordinator::{Coordinator, Group, Io},
    record::Record,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use naru_wire::{
    ErrorCode, GroupId, StrBytes,
    messages::{
        describe_groups_response::{DescribedGroup, DescribedGroupMember},
        list_groups_response::ListedGroup,
    },
};

/// From this version on, a group that is not there is an error and not a dead group (KIP-1043).
const FIRST_VERSION_WITH_NOT_FOUND: i16 = 6;
/// Nobody asked which operations are allowed.
const OPERATIONS_NOT_ASKED: i32 = i32::MIN;

impl Coordinator {
    /// One group of DescribeGroups (15). Only classic groups are described here; others have an API of their own.
    pub fn describe_group(&self, id: &GroupId, version: i16) -> DescribedGroup {
        let response =
            DescribedGroup::default().with_group_id(id.clone()).with_authorized_operations(OPERATIONS_NOT_ASKED);
        match self.groups.get(id.as_str()) {
            Some(Group::Classic(group)) => describe(group, response),
            other => {
                let what = if other.is_some() { " is not a classic group" } else { " not found" };
                let message = format!("Group {}{what}.", id.as_str());
                let dead = response.with_group_state(StrBytes::from_static_str("Dead"));
                if version < FIRST_VERSION_WITH_NOT_FOUND {
                    return dead;
                }
                dead.with_error_code(ErrorCode::GroupIdNotFound.code())
                    .with_error_message(Some(StrBytes::from_string(message)))
            }
        }
    }

    /// The groups that ListGroups (16) asks for. Empty filters let all pass; upper and lower case count the same.
    pub fn list_groups(&self, states: &[StrBytes], types: &[StrBytes]) -> Vec<ListedGroup> {
        let passes = |filter: &[StrBytes], value: &str| {
            filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
        };
        let listed = self.groups.iter().map(|(id, group)| {
            let (protocol_type, state, kind) = match group {
                Group::Classic(group) => {
                    (group.protocol_type.as_deref().unwrap_or_default(), group.state.name(), "classic")
                }
                Group::Consumer(group) => ("consumer", group.state().name(), "consumer"),
            };
            ListedGroup::default()
                .with_group_id(GroupId(StrBytes::from_string(id.clone())))
                .with_protocol_type(StrBytes::from_string(protocol_type.into()))
                .with_group_state(StrBytes::from_static_str(state))
                .with_group_type(StrBytes::from_static_str(kind))
        });
        listed.filter(|listed| passes(states, &listed.group_state) && passes(types, &listed.group_type)).collect()
    }

    /// Deletes one group of DeleteGroups (42): only one without members. Returns the records that take it back.
    pub fn delete_group(&mut self, io: &mut Io<'_>, id: &str) -> Result<Vec<Record>, ErrorCode> {
        match self.groups.get(id).ok_or(ErrorCode::GroupIdNotFound)? {
            Group::Classic(group) if !group.members.is_empty() => return Err(ErrorCode::NonEmptyGroup),
            Group::Consumer(group) if !group.members.is_empty() => return Err(ErrorCode::NonEmptyGroup),
            _ => {}
        }
        let mut records = Vec::new();
        self.delete_offsets_of(id, &mut records);
        self.delete_group_records(id, &mut records);
        self.forget_group(id, "deleted", io);
        Ok(records)
    }

    /// Whether a group may be forgotten when its offsets are gone.
    pub(crate) fn is_deletable(&self, id: &str) -> bool {
        match self.groups.get(id) {
            Some(Group::Classic(group)) => group.state == ClassicState::Empty && group.pending_join.is_empty(),
            Some(Group::Consumer(group)) => group.members.is_empty(),
            None => false,
        }
    }

    /// Tombstones for what is written of a group itself.
    pub(crate) fn delete_group_records(&self, id: &str, records: &mut Vec<Record>) {
        match self.groups.get(id) {
            Some(Group::Classic(group)) if group.is_stored => {
                records.push(Record::Classic { group: id.to_string(), value: None });
            }
            Some(Group::Consumer(group)) => group.tombstones(id, records),
            _ => {}
        }
    }
}

fn describe(group: &ClassicGroup, response: DescribedGroup) -> DescribedGroup {
    let text = |text: &Option<String>| StrBytes::from_string(text.clone().unwrap_or_default());
    let is_stable = group.state == ClassicState::Stable;
    let protocol = group.protocol.as_deref().unwrap_or_default();
    let member = |(id, member): (&String, &Member)| {
        let response = DescribedGroupMember::default()
            .with_member_id(StrBytes::from_string(id.clone()))
            .with_group_instance_id(member.instance_id.clone().map(StrBytes::from_string))
            .with_client_id(StrBytes::from_string(member.client_id.clone()))
            .with_client_host(StrBytes::from_string(member.client_host.clone()));
        // While a group rebalances, nobody can say what its members have.
        match is_stable {
            true => response
                .with_member_metadata(member.metadata(protocol))
                .with_member_assignment(member.assignment.clone()),
            false => response,
        }
    };
    response
        .with_group_state(StrBytes::from_static_str(group.state.name()))
        .with_protocol_type(text(&group.protocol_type))
        .with_protocol_data(if is_stable { text(&group.protocol) } else { StrBytes::default() })
        .with_members(group.members.iter().map(member).collect())
}
