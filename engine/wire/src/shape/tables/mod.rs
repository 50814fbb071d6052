//! The shape of every message, from the schemas in Apache Kafka 4.1 (`clients/src/main/resources/common/message`).
//!
//! A row is `name [since V] [until V] [tag N]: kind;` where a kind is `int32`, `string`, ..., `[int32]` (an array),
//! `{ ... }` (a struct), `[{ ... }]` (an array of structs) or `(nullable { ... })`. Without `since` and `until` a field is in
//! every version. Which versions there are, and which of them are flexible, stands in [`crate::api`]. A field that only a
//! later, unstable version has is left out, and a field inside a struct says nothing that the struct has said.

use super::{Field, Kind};
use crate::ApiKey;

/// The shapes of an API's two messages.
#[derive(Debug)]
pub(crate) struct Shapes {
    request: &'static [Field],
    response: &'static [Field],
}

macro_rules! kind {
    (bool) => { Kind::Fixed(1) };
    (int8) => { Kind::Fixed(1) };
    (int16) => { Kind::Fixed(2) };
    (uint16) => { Kind::Fixed(2) };
    (int32) => { Kind::Fixed(4) };
    (int64) => { Kind::Fixed(8) };
    (float64) => { Kind::Fixed(8) };
    (uuid) => { Kind::Fixed(16) };
    (string) => { Kind::String };
    (bytes) => { Kind::Bytes };
    ([ $element:tt ]) => { Kind::Array(&kind!($element)) };
    ((nullable { $($fields:tt)* })) => { Kind::Nullable(fields!($($fields)*)) };
    ({ $($fields:tt)* }) => { Kind::Struct(fields!($($fields)*)) };
}

macro_rules! or {
    ($default:expr) => {
        $default
    };
    ($default:expr, $value:expr) => {
        $value
    };
}

macro_rules! fields {
    ($($name:ident $(since $since:literal)? $(until $until:literal)? $(tag $tag:literal)? : $kind:tt;)*) => {
        &[$(Field {
            name: stringify!($name),
            since: or!(0 $(, $since)?),
            until: or!(i16::MAX $(, $until)?),
            tag: or!(None $(, Some($tag))?),
            kind: kind!($kind),
        },)*]
    };
}

// A row of `crate::api` finds its shapes by its own name.
macro_rules! shapes {
    ($($api:ident { request { $($request:tt)* } response { $($response:tt)* } })*) => {
        $(
            #[allow(non_upper_case_globals, reason = "Kafka's API names")]
            pub(crate) const $api: Shapes =
                Shapes { request: fields!($($request)*), response: fields!($($response)*) };
        )*
    };
}

mod brokers;
mod groups;
mod quorum;
mod records;
mod topics;

pub(crate) use {brokers::*, groups::*, quorum::*, records::*, topics::*};

/// The fields of an API's request.
pub const fn request(api: ApiKey) -> &'static [Field] {
    api.shapes().request
}

/// The fields of an API's response.
pub const fn response(api: ApiKey) -> &'static [Field] {
    api.shapes().response
}
