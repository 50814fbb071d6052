//! Records: what is inside a batch.
//!
//! ```text
//! length varint | attributes i8 | timestamp delta varlong | offset delta varint
//!   | key length varint (-1: null) | key | value length varint (-1: null) | value
//!   | header count varint | for each: key length varint | key | value length varint (-1: null) | value
//! ```
//!
//! (DefaultRecord.java.) A broker never reads this on its way to disk; consumers, views and time look-ups do.

use crate::{
    BatchHeader, RecordsError, TimestampType,
    varint::{read_varint, read_varlong, varlong_size, write_varlong},
};
use alloc::{string::String, vec::Vec};
use bytes::Bytes;
use core::iter::FusedIterator;

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
    /// Never null. Bytes that are not UTF-8 are replaced, as the Java client does.
    pub key: String,
    /// May be null.
    pub value: Option<Bytes>,
}

/// The records of one batch, in order. Ends after the first error.
#[derive(Debug, Clone)]
pub struct RecordIterator {
    body: Bytes,
    position: usize,
    index: u32,
    records_count: u32,
    base_offset: i64,
    last_offset_delta: i32,
    base_timestamp: i64,
    /// The timestamp of every record when the broker's clock counts.
    log_append_time: Option<i64>,
    failed: bool,
}

impl RecordIterator {
    pub(crate) fn new(header: &BatchHeader, body: Bytes) -> Self {
        let log_append_time = match header.timestamp_type() {
            TimestampType::CreateTime => None,
            TimestampType::LogAppendTime => Some(header.max_timestamp),
        };
        RecordIterator {
            body,
            position: 0,
            index: 0,
            records_count: header.records_count as u32,
            base_offset: header.base_offset,
            last_offset_delta: header.last_offset_delta,
            base_timestamp: header.base_timestamp,
            log_append_time,
            failed: false,
        }
    }

    fn parse_next(&mut self) -> Result<Record, &'static str> {
        let start = self.position;
        let length = read_varint(&self.body, &mut self.position).ok_or("its length is not a varint")?;
        let length = usize::try_from(length).map_err(|_| "its length is negative")?;
        if length > self.body.len() - self.position {
            self.position = start;
            return Err("it is longer than the rest of the batch");
        }
        let end = self.position + length;
        let mut cursor = Cursor { body: &self.body, position: self.position, end };
        cursor.skip_attributes()?;
        let timestamp_delta = cursor.varlong()?;
        let offset_delta = cursor.varint()?;
        if !(0..=self.last_offset_delta).contains(&offset_delta) {
            return Err("its offset delta lies outside the batch's range");
        }
        let (key, value) = (cursor.nullable_bytes()?, cursor.nullable_bytes()?);
        let headers = cursor.headers()?;
        if cursor.position != end {
            return Err("its length does not fit its contents");
        }
        self.position = end;
        let timestamp = self.log_append_time.unwrap_or(self.base_timestamp.wrapping_add(timestamp_delta));
        Ok(Record { offset: self.base_offset + i64::from(offset_delta), timestamp, key, value, headers })
    }
}

impl Iterator for RecordIterator {
    type Item = Result<Record, RecordsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        if self.index == self.records_count {
            let extra = (self.body.len() - self.position) as u64;
            self.failed = extra > 0;
            return self.failed.then_some(Err(RecordsError::BytesAfterRecords { extra }));
        }
        let index = self.index;
        let result = self.parse_next().map_err(|reason| RecordsError::InvalidRecord { index, reason });
        self.index += 1;
        self.failed = result.is_err();
        Some(result)
    }
}

impl FusedIterator for RecordIterator {}

/// A position within one record. Nothing is read beyond its end.
struct Cursor<'a> {
    body: &'a Bytes,
    position: usize,
    end: usize,
}

impl Cursor<'_> {
    fn skip_attributes(&mut self) -> Result<(), &'static str> {
        // No attribute of a record is in use.
        self.take(1).map(|_| ())
    }

    fn varint(&mut self) -> Result<i32, &'static str> {
        read_varint(&self.body[..self.end], &mut self.position).ok_or("a varint is cut off or too long")
    }

    fn varlong(&mut self) -> Result<i64, &'static str> {
        read_varlong(&self.body[..self.end], &mut self.position).ok_or("a varlong is cut off or too long")
    }

    fn take(&mut self, length: usize) -> Result<Bytes, &'static str> {
        if length > self.end - self.position {
            return Err("a field is longer than the record");
        }
        let start = self.position;
        self.position += length;
        Ok(self.body.slice(start..self.position))
    }

    fn nullable_bytes(&mut self) -> Result<Option<Bytes>, &'static str> {
        match self.varint()? {
            length if length < 0 => Ok(None),
            length => self.take(length as usize).map(Some),
        }
    }

    fn headers(&mut self) -> Result<Vec<Header>, &'static str> {
        let count = usize::try_from(self.varint()?).map_err(|_| "its number of headers is negative")?;
        // A header takes two bytes at least: a hostile number ends here, before anything is allocated for it.
        if count > (self.end - self.position) / 2 {
            return Err("it has no room for its number of headers");
        }
        (0..count).map(|_| self.header()).collect()
    }

    fn header(&mut self) -> Result<Header, &'static str> {
        let key = self.nullable_bytes()?.ok_or("a header's key is null")?;
        let value = self.nullable_bytes()?;
        Ok(Header { key: String::from_utf8_lossy(&key).into_owned(), value })
    }
}

/// Writes one record, as a producer does.
pub(crate) fn write_record(
    out: &mut Vec<u8>,
    (timestamp_delta, offset_delta): (i64, i32),
    (key, value): (Option<&[u8]>, Option<&[u8]>),
    headers: &[Header],
) {
    write_varlong(out, record_length((timestamp_delta, offset_delta), (key, value), headers) as i64);
    out.push(0);
    write_varlong(out, timestamp_delta);
    write_varlong(out, i64::from(offset_delta));
    write_nullable(out, key);
    write_nullable(out, value);
    write_varlong(out, headers.len() as i64);
    for header in headers {
        write_nullable(out, Some(header.key.as_bytes()));
        write_nullable(out, header.value.as_deref());
    }
}

/// What the length field of a record says: all that follows it.
fn record_length(
    (timestamp_delta, offset_delta): (i64, i32),
    (key, value): (Option<&[u8]>, Option<&[u8]>),
    headers: &[Header],
) -> usize {
    let header_size =
        |header: &Header| nullable_size(Some(header.key.as_bytes())) + nullable_size(header.value.as_deref());
    1 + varlong_size(timestamp_delta)
        + varlong_size(i64::from(offset_delta))
        + nullable_size(key)
        + nullable_size(value)
        + varlong_size(headers.len() as i64)
        + headers.iter().map(header_size).sum::<usize>()
}

fn write_nullable(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    write_varlong(out, bytes.map_or(-1, |bytes| bytes.len() as i64));
    out.extend_from_slice(bytes.unwrap_or_default());
}

fn nullable_size(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(1, |bytes| varlong_size(bytes.len() as i64) + bytes.len())
}
