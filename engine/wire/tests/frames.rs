//! Frames: limits, and memory that grows only with what arrived.

use bytes::BufMut;
use naru_wire::{FrameError, FrameReader, frame::without_length};

#[test]
fn semantics_45_a_frame_larger_than_socket_request_max_bytes_is_refused_at_its_length() {
    let mut reader = FrameReader::new(1000);
    reader.feed(&1001_i32.to_be_bytes());
    let error = reader.next_frame().unwrap_err();
    assert_eq!(error, FrameError::TooLarge { length: 1001, limit: 1000 });
    assert_eq!(error.to_string(), "a frame of 1001 bytes; socket.request.max.bytes allows 1000");
}

#[test]
fn semantics_45_a_negative_length_is_refused() {
    let mut reader = FrameReader::new(1000);
    reader.feed(&(-1_i32).to_be_bytes());
    assert_eq!(reader.next_frame().unwrap_err(), FrameError::Negative { length: -1 });
}

#[test]
fn a_frame_of_the_largest_length_is_taken() {
    let mut reader = FrameReader::new(3);
    reader.feed(&[0, 0, 0, 3, 1, 2]);
    assert_eq!(reader.next_frame(), Ok(None));
    reader.feed(&[3, 0, 0]);
    assert_eq!(reader.next_frame().unwrap().unwrap(), [1, 2, 3][..]);
    assert_eq!(reader.next_frame(), Ok(None));
    assert_eq!(reader.buffered(), 2);
}

/// Announcing 100 MB reserves a few kilobytes; as the bytes come in, room grows to twice what is there.
#[test]
fn an_announced_length_reserves_nothing_by_itself() {
    let mut reader = FrameReader::new(104_857_600);
    reader.feed(&100_000_000_i32.to_be_bytes());
    assert_eq!(reader.next_frame(), Ok(None));
    assert!(reader.space().capacity() <= 64 * 1024);
    reader.space().put_slice(&vec![7; 1 << 20]);
    assert!(reader.space().capacity() <= 4 << 20);
}

#[test]
fn a_whole_message_loses_its_length() {
    assert_eq!(without_length(&vec![0, 0, 0, 2, 8, 9].into()).unwrap(), [8, 9][..]);
    assert_eq!(without_length(&vec![0, 0, 0, 3, 8, 9].into()), None);
    assert_eq!(without_length(&vec![0, 0].into()), None);
}
