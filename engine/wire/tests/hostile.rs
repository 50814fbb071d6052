//! Bytes from the open world: whatever comes in, decoding ends with a value or an error, quickly and without reserving
//! memory for what is not there.

mod support;

use bytes::Bytes;
use core::time::Duration;
use naru_wire::{ApiKey, DecodeError, FrameReader, decode_request, decode_response};
use support::{Random, Way, every_message, frame};

const TEST_TIME: Duration = Duration::from_millis(800);

fn decode(api: ApiKey, version: i16, way: Way, frame: &[u8]) -> Result<(), DecodeError> {
    let frame = Bytes::copy_from_slice(frame);
    match way {
        Way::Request => decode_request(frame).map(drop),
        Way::Response => decode_response(api, version, frame).map(drop),
    }
}

#[test]
fn semantics_45_garbage_is_refused_without_a_panic() {
    bolero::check!().with_test_time(TEST_TIME).with_type::<Vec<u8>>().for_each(|bytes| {
        let _ = decode_request(Bytes::copy_from_slice(bytes));
    });
}

#[test]
fn semantics_45_garbage_behind_a_good_header_is_refused_without_a_panic() {
    let messages: Vec<_> = every_message().collect();
    bolero::check!().with_test_time(TEST_TIME).with_type::<(u16, Vec<u8>)>().for_each(|(which, body)| {
        let (api, version, way) = messages[*which as usize % messages.len()];
        let mut bytes = frame(api, version, way, &mut Random::new(1), false);
        bytes.truncate(if way == Way::Request { 15 } else { 5 });
        bytes.extend(body);
        let _ = decode(api, version, way, &bytes);
    });
}

#[test]
fn semantics_45_a_message_with_a_few_bytes_changed_never_panics() {
    let messages: Vec<_> = every_message().collect();
    bolero::check!().with_test_time(TEST_TIME).with_type::<(u16, u64, Vec<(u16, u8)>)>().for_each(
        |(which, seed, changes)| {
            let (api, version, way) = messages[*which as usize % messages.len()];
            let mut bytes = frame(api, version, way, &mut Random::new(*seed), true);
            for (position, value) in changes.iter().take(8) {
                let position = *position as usize % bytes.len();
                bytes[position] = *value;
            }
            let _ = decode(api, version, way, &bytes);
        },
    );
}

/// Every byte of every message in turn becomes the start of the largest length that the encoding knows.
#[test]
fn a_length_larger_than_the_frame_is_refused_before_memory_is_reserved() {
    for (api, version, way) in every_message() {
        let good = frame(api, version, way, &mut Random::new(3), false);
        for position in 4..good.len() {
            for hostile in [[0x7f, 0xff, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0xff, 0x0f], [0x80, 0, 0, 0, 0]] {
                let mut bytes = good.clone();
                for (byte, value) in bytes[position..].iter_mut().zip(hostile) {
                    *byte = value;
                }
                let _ = decode(api, version, way, &bytes);
            }
        }
    }
}

#[test]
fn every_truncated_message_is_refused() {
    for (api, version, way) in every_message() {
        let good = frame(api, version, way, &mut Random::new(5), false);
        for length in 0..good.len() {
            let refused = decode(api, version, way, &good[..length]).is_err();
            assert!(refused, "{} {way:?} version {version}, {length} of {} bytes", api.name(), good.len());
        }
    }
}

/// 8 MiB of empty topics would decode to half a gigabyte of structs.
#[test]
fn more_elements_than_any_honest_message_has_are_refused() {
    let topics: u32 = 4 << 20;
    let mut frame = vec![0, 3, 0, 0, 0, 0, 0, 1, 0xff, 0xff];
    frame.extend(topics.to_be_bytes());
    frame.resize(frame.len() + 2 * topics as usize, 0);
    let error = decode_request(Bytes::from(frame)).unwrap_err().to_string();
    assert_eq!(error, "malformed Metadata version 0: more than 262144 elements at topics");
}

#[test]
fn a_refusal_says_where_and_what() {
    // Metadata version 1 that announces two billion topics.
    let frame = [&[0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff][..], &2_000_000_000_u32.to_be_bytes()].concat();
    assert_eq!(
        decode_request(Bytes::from(frame)).unwrap_err().to_string(),
        "malformed Metadata version 1: topics announces a length of 2000000000, but only 0 bytes are left"
    );
    // ... and one that announces -2.
    let frame = [&[0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff][..], &(-2_i32).to_be_bytes()].concat();
    assert_eq!(
        decode_request(Bytes::from(frame)).unwrap_err().to_string(),
        "malformed Metadata version 1: topics has the negative length -2"
    );
}

#[test]
fn semantics_45_a_stream_cut_anywhere_gives_the_same_frames() {
    bolero::check!().with_test_time(TEST_TIME).with_type::<(Vec<Vec<u8>>, Vec<u8>)>().for_each(|(frames, cuts)| {
        let stream: Vec<u8> = frames.iter().flat_map(|frame| support::framed(frame)).collect();
        let mut reader = FrameReader::new(1 << 20);
        let mut rest = stream.as_slice();
        let mut read = Vec::new();
        let mut cuts = cuts.iter().cycle();
        while !rest.is_empty() {
            let length = cuts.next().map_or(rest.len(), |cut| usize::from(*cut).clamp(1, rest.len()));
            let (now, later) = rest.split_at(length);
            reader.feed(now);
            rest = later;
            while let Some(frame) = reader.next_frame().expect("no frame is too large") {
                read.push(frame.to_vec());
            }
        }
        assert_eq!(&read, frames);
        assert_eq!(reader.buffered(), 0);
    });
}
