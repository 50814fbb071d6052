//! Headers and versions: what stands before a body, and what happens when it is not understood. Bytes are written out.

use bytes::Bytes;
use naru_wire::{
    ApiKey, DecodeError, ErrorCode, Request, RequestHeader, Response, decode_request, decode_response, encode_request,
    encode_response,
    messages::{ApiVersionsResponse, InitProducerIdResponse, MetadataRequest, OffsetDeleteResponse},
    supported_api_versions, unsupported_api_versions_response,
};

fn request(bytes: &[u8]) -> Result<(RequestHeader, Request), DecodeError> {
    decode_request(Bytes::copy_from_slice(bytes))
}

#[test]
fn a_request_of_a_flexible_version_has_tagged_fields_in_its_header_but_no_compact_client_id() {
    let header =
        RequestHeader { api: ApiKey::Metadata, version: 9, correlation_id: 258, client_id: "ab".to_string().into() };
    let metadata = MetadataRequest::default().with_topics(None);
    let framed = encode_request(&header, &metadata.into()).unwrap();
    #[rustfmt::skip]
    let expected = [
        0, 0, 0, 18,   // length
        0, 3,          // Metadata
        0, 9,          // version 9
        0, 0, 1, 2,    // correlation id 258
        0, 2, b'a', b'b',
        0,             // no tagged fields in the header
        0,             // topics: null, all of them
        1, 0, 0,       // allow auto-creation, no authorized operations
        0,             // no tagged fields in the body
    ];
    assert_eq!(framed[..], expected);
}

#[test]
fn semantics_44_the_response_to_api_versions_has_no_tagged_fields_in_its_header() {
    let framed = encode_response(7, 3, &ApiVersionsResponse::default().into()).unwrap();
    #[rustfmt::skip]
    assert_eq!(framed[..], [
        0, 0, 0, 12,
        0, 0, 0, 7,    // correlation id, and nothing else
        0, 0,          // no error
        1,             // no APIs (compact: 0 + 1)
        0, 0, 0, 0,    // not throttled
        0,             // no tagged fields in the body
    ]);
    // Any other flexible response has them.
    let framed = encode_response(7, 2, &InitProducerIdResponse::default().into()).unwrap();
    assert_eq!(framed[4..9], [0, 0, 0, 7, 0]);
}

#[test]
fn semantics_44_an_unknown_version_of_api_versions_gets_version_0_with_error_35_and_the_range() {
    // Version 9, and a body from the future.
    let frame = [0, 18, 0, 9, 0, 0, 0, 5, 0xff, 0xff, 0xde, 0xad];
    assert_eq!(request(&frame).unwrap_err(), DecodeError::UnsupportedApiVersions { correlation_id: 5, version: 9 });
    let answer = unsupported_api_versions_response(5);
    #[rustfmt::skip]
    assert_eq!(answer[..], [
        0, 0, 0, 16,
        0, 0, 0, 5,              // correlation id
        0, 35,                   // UNSUPPORTED_VERSION
        0, 0, 0, 1,              // one API:
        0, 18, 0, 0, 0, 4,       // ApiVersions, 0 to 4
    ]);
}

#[test]
fn semantics_44_a_client_recognises_that_answer_although_it_asked_in_another_version() {
    let frame = unsupported_api_versions_response(5).slice(4..);
    let (correlation_id, response) = decode_response(ApiKey::ApiVersions, 4, frame).unwrap();
    let Response::ApiVersions(response) = response else { panic!("another API") };
    assert_eq!(correlation_id, 5);
    assert_eq!(ErrorCode::from_code(response.error_code), ErrorCode::UnsupportedVersion);
    assert_eq!(response.api_keys[0].max_version, 4);
}

#[test]
fn semantics_45_unknown_apis_and_versions_have_no_answer() {
    assert_eq!(request(&[0, 99, 0, 0, 0, 0, 0, 1, 0, 0]).unwrap_err(), DecodeError::UnknownApi { key: 99 });
    assert_eq!(
        request(&[0, 3, 0, 14, 0, 0, 0, 1, 0, 0]).unwrap_err(),
        DecodeError::UnsupportedVersion { api: ApiKey::Metadata, version: 14 }
    );
    assert_eq!(
        request(&[0, 3, 0xff, 0xff, 0, 0, 0, 1, 0, 0]).unwrap_err().to_string(),
        "Metadata version -1 is not supported"
    );
    assert_eq!(request(&[0, 3, 0]).unwrap_err(), DecodeError::NoHeader);
    assert_eq!(request(&[]).unwrap_err(), DecodeError::NoHeader);
}

#[test]
fn semantics_45_a_client_id_that_is_no_text_or_too_long_is_refused() {
    let bad_text = [0, 18, 0, 0, 0, 0, 0, 1, 0, 1, 0xff];
    assert_eq!(request(&bad_text).unwrap_err().to_string(), "malformed ApiVersions version 0: client_id is not UTF-8");
    let too_long = [0, 18, 0, 0, 0, 0, 0, 1, 0x7f, 0xff, b'x'];
    assert_eq!(
        request(&too_long).unwrap_err().to_string(),
        "malformed ApiVersions version 0: client_id is longer than the frame"
    );
}

/// KAFKA-18659: librdkafka decides by Produce's lowest version what a broker can do. Versions 0 to 2 are announced, and
/// refused when somebody really sends them, as Apache Kafka 4.1.1 does.
#[test]
fn produce_is_announced_from_version_0_and_understood_from_version_3() {
    let produce = supported_api_versions(|_| true).into_iter().find(|api| api.api_key == 0).unwrap();
    assert_eq!((produce.min_version, produce.max_version), (0, 13));
    assert_eq!(
        request(&[0, 0, 0, 2, 0, 0, 0, 1, 0, 0]).unwrap_err(),
        DecodeError::UnsupportedVersion { api: ApiKey::Produce, version: 2 }
    );
}

/// The stable ranges of Apache Kafka 4.1.1, as its broker and its controller announce them.
#[test]
fn the_announced_ranges_are_those_of_kafka_4_1() {
    let announced: Vec<_> =
        supported_api_versions(|_| true).iter().map(|api| (api.api_key, api.min_version, api.max_version)).collect();
    let kafka = [
        (0, 0, 13),
        (1, 4, 18),
        (2, 1, 10),
        (3, 0, 13),
        (8, 2, 9),
        (9, 1, 9),
        (10, 0, 6),
        (11, 0, 9),
        (12, 0, 4),
        (13, 0, 5),
        (14, 0, 5),
        (15, 0, 6),
        (16, 0, 5),
        (18, 0, 4),
        (19, 2, 7),
        (20, 1, 6),
        (21, 0, 2),
        (22, 0, 5),
        (23, 2, 4),
        (32, 1, 4),
        (33, 0, 2),
        (34, 1, 2),
        (35, 1, 4),
        (37, 0, 3),
        (42, 0, 2),
        (43, 0, 2),
        (44, 0, 1),
        (45, 0, 1),
        (46, 0, 0),
        (47, 0, 0),
        (52, 0, 2),
        (53, 0, 1),
        (54, 0, 1),
        (55, 0, 2),
        (56, 2, 3),
        (57, 0, 2),
        (58, 0, 0),
        (59, 0, 1),
        (60, 0, 2),
        (62, 0, 4),
        (63, 0, 1),
        (64, 0, 0),
        (67, 0, 0),
        (68, 0, 1),
        (69, 0, 1),
        (70, 0, 0),
        (75, 0, 0),
        (80, 0, 0),
        (81, 0, 0),
        (82, 0, 0),
    ];
    assert_eq!(announced, kafka);
}

#[test]
fn only_what_is_served_is_announced() {
    let served = supported_api_versions(|api| matches!(api, ApiKey::ApiVersions | ApiKey::Vote));
    let keys: Vec<_> = served.iter().map(|api| api.api_key).collect();
    assert_eq!(keys, [18, 52]);
}

/// OffsetDelete is the one API without flexible versions: no compact lengths, no tagged fields, not even in the header.
#[test]
fn offset_delete_has_no_flexible_version() {
    let inflexible: Vec<_> =
        ApiKey::ALL.iter().filter(|api| !api.is_flexible(api.versions().max)).map(|api| api.name()).collect();
    assert_eq!(inflexible, ["OffsetDelete"]);
    let framed = encode_response(7, 0, &OffsetDeleteResponse::default().into()).unwrap();
    #[rustfmt::skip]
    assert_eq!(framed[..], [
        0, 0, 0, 14,
        0, 0, 0, 7,    // correlation id, and nothing else
        0, 0,          // no error
        0, 0, 0, 0,    // not throttled
        0, 0, 0, 0,    // no topics
    ]);
}
