//! Bytes as Apache Kafka writes them, and back.

use super::*;
use alloc::{format, string::ToString};
use expect_test::{Expect, expect};
use naru_trace::SortedMap;
use uuid::Uuid;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check(record: &Record, expected: Expect) {
    let (key, value) = record.encode();
    let value_text = value.as_ref().map_or("null".to_string(), |value| hex(value));
    expected.assert_eq(&format!("{} {value_text}", hex(&key)));
    let decoded = Record::decode(&key, value.as_deref()).expect("it was just encoded");
    assert_eq!(decoded.as_ref(), Some(record));
}

fn offset(expire_timestamp_ms: i64) -> Record {
    let leader_epoch = if expire_timestamp_ms < 0 { 5 } else { -1 };
    let value =
        OffsetValue { offset: 42, leader_epoch, metadata: "m".into(), commit_timestamp_ms: 1, expire_timestamp_ms };
    Record::Offset { group: "g".into(), topic: "t".into(), partition: 3, value: Some(value) }
}

#[test]
fn committed_offsets() {
    check(&offset(-1), expect!["000100016700017400000003 0003000000000000002a0000000500016d0000000000000001"]);
    check(&offset(9), expect!["000100016700017400000003 0001000000000000002a00016d00000000000000010000000000000009"]);
    let forgotten = Record::Offset { group: "g".into(), topic: "t".into(), partition: 3, value: None };
    check(&forgotten, expect!["000100016700017400000003 null"]);
}

#[test]
fn classic_groups() {
    let member = ClassicMemberValue {
        member_id: "a".into(),
        instance_id: None,
        client_id: "c".into(),
        client_host: "/h".into(),
        rebalance_timeout_ms: 2,
        session_timeout_ms: 1,
        subscription: Bytes::from_static(b"s"),
        assignment: Bytes::from_static(b"as"),
    };
    let value = ClassicValue {
        protocol_type: "consumer".into(),
        generation: 7,
        protocol: Some("range".into()),
        leader: Some("a".into()),
        current_state_timestamp_ms: 16,
        members: alloc::vec![member],
    };
    let record = Record::Classic { group: "g".into(), value: Some(value) };
    check(
        &record,
        expect![
            "0002000167 00030008636f6e73756d657200000007000572616e676500016100000000000000100000000100\
             0161ffff00016300022f6800000002000000010000000173000000026173"
        ],
    );
}

#[test]
fn groups_of_kip_848() {
    let of = |record| Record::Consumer { group: "g".into(), record };
    check(&of(ConsumerRecord::Epoch(Some(2))), expect!["0003000167 00000000000200"]);
    check(&of(ConsumerRecord::Epoch(None)), expect!["0003000167 null"]);
    check(&of(ConsumerRecord::TargetEpoch(Some(2))), expect!["0006000167 00000000000200"]);
    let topic = Uuid::from_u128(1);
    let partitions = SortedMap::from([(topic, alloc::vec![0, 1])]);
    check(
        &of(ConsumerRecord::Target { member: "m".into(), value: Some(partitions.clone()) }),
        expect!["000700016700016d 000002000000000000000000000000000000010300000000000000010000"],
    );
    let current = CurrentAssignment {
        epoch: 2,
        previous_epoch: 1,
        state: MemberStateCode::UnrevokedPartitions,
        assigned: partitions,
        revoking: SortedMap::new(),
    };
    check(
        &of(ConsumerRecord::Current { member: "m".into(), value: Some(current) }),
        expect!["000800016700016d 00000000000200000001010200000000000000000000000000000001030000000000000001000100"],
    );
    let member = MemberMetadata {
        client_id: "c".into(),
        client_host: "/h".into(),
        subscribed_topics: alloc::vec!["t".into()],
        rebalance_timeout_ms: 5,
        classic: Some((6, alloc::vec![("range".into(), Bytes::from_static(b"s"))])),
        ..MemberMetadata::default()
    };
    check(
        &of(ConsumerRecord::Member { member: "m".into(), value: Some(member) }),
        expect!["000500016700016d 000000000263032f680202740000000005000100100100000006020672616e676502730000"],
    );
    let regex = RegexValue { topics: alloc::vec!["t".into()], version: 1, timestamp_ms: 2 };
    check(
        &of(ConsumerRecord::Regex { expression: "t.*".into(), value: Some(regex) }),
        expect!["00100001670003742e2a 00000202740000000000000001000000000000000200"],
    );
}

#[test]
fn what_is_not_known_is_left_alone_and_what_is_cut_is_refused() {
    assert_eq!(Record::decode(&[0, 99], None), Ok(None));
    let (key, value) = offset(-1).encode();
    let value = value.expect("an offset has a value");
    for end in 0..key.len() {
        assert!(Record::decode(&key[..end], Some(&value)).is_err(), "a key of {end} bytes");
    }
    for end in 0..value.len() {
        assert!(Record::decode(&key, Some(&value[..end])).is_err(), "a value of {end} bytes");
    }
}
