//! What stands before a request's and a response's body.

use crate::{ApiKey, StrBytes};

/// What stands before a request's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHeader {
    /// The API asked for.
    pub api: ApiKey,
    /// The version of the request; its response has the same.
    pub version: i16,
    /// The client's number for the request, given back with the response.
    pub correlation_id: i32,
    /// The client's name for itself; empty if it gave none (Kafka takes null for empty, too).
    pub client_id: StrBytes,
}
