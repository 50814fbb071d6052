//! Records: what is inside a batch.

use crate::RecordsError;
use alloc::{string::String, vec::Vec};
use bytes::Bytes;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its offset in the partition.
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value; `None` is a tombstone on a compacted topic.
    pub value: Option<Bytes>,
    /// Its headers, in the order they were added; keys may repeat.
    pub headers: Vec<Header>,
}

/// A record's header (KIP-82).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Never null.
    pub key: String,
    /// May be null.
    pub value: Option<Bytes>,
}

/// The records of one batch, in order.
#[derive(Debug, Clone)]
pub struct RecordIterator {}

impl Iterator for RecordIterator {
    type Item = Result<Record, RecordsError>;
    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}
