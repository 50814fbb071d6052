//! A batch with fewer records: what log compaction makes of it (MemoryRecords.filterTo, KIP-534).
//!
//! Offsets never move. The cleaned batch covers the same range of offsets, so that its base offset, last offset delta and
//! sequence numbers are what they were; the records that are gone leave gaps. A batch that loses nothing stays as it is,
//! byte for byte.
//!
//! ```text
//! before   base 40, last delta 3   | 40 a=1 | 41 b=1 | 42 a=2 | 43 c=1 |   4 records
//! after    base 40, last delta 3                     | 42 a=2 | 43 c=1 |   2 records
//! ```
//!
//! The first time that a batch with tombstones is cleaned, it is told when they may go: attribute bit 6 is set, and the
//! base timestamp is that moment, the delete horizon. The records' own timestamps stay, as deltas to the new base.
//!
//! Which records stay is the caller's to say; this file deliberately knows nothing of keys' last offsets. Records are
//! copied as they are, headers unread, except for the delta of the timestamp.

use crate::{
    BATCH_OVERHEAD, Batch, BatchHeader, Compression, DecompressLimit, RecordsError, TimestampType, batch, codec,
    header::{COMPRESSION_MASK, DELETE_HORIZON_FLAG},
    varint::{read_varint, read_varlong, varlong_size, write_varlong},
};
use alloc::{vec, vec::Vec};
use bytes::Bytes;
use core::iter::FusedIterator;

/// What compaction has to know of a record: not its value, not its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyedRecord<'a> {
    /// Its offset in the partition.
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Whether it has a value. A record without one is a tombstone: it deletes its key.
    pub has_value: bool,
    attributes: u8,
    /// All of it from its offset delta on, as it is stored.
    rest: &'a [u8],
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filtered {
    /// Nothing is to be changed.
    Unchanged,
    /// Fewer records, or the same with a delete horizon.
    Rebuilt(Batch),
    /// No record stays. Whether the empty batch does ([`Batch::without_records`]) is the caller's to say.
    NothingLeft,
}

/// The records of a batch whose body is decompressed already. Ends after the first error.
#[derive(Debug, Clone)]
pub struct KeyedRecords<'a> {
    header: &'a BatchHeader,
    body: &'a [u8],
    position: usize,
    index: u32,
    failed: bool,
}

impl Batch {
    /// What follows the header, decompressed: what [`KeyedRecords`] walks through. Uncompressed records are not copied.
    pub fn body(&self, limit: DecompressLimit) -> Result<Bytes, RecordsError> {
        let stored = self.bytes().slice(BATCH_OVERHEAD..);
        match self.header().compression()? {
            Compression::None => Ok(stored),
            codec => Ok(Bytes::from(codec::decompress(codec, &stored, limit)?)),
        }
    }

    /// The batch with only those records for which `keep` holds. `body` is what [`Batch::body`] says.
    ///
    /// `delete_horizon_ms` is when tombstones that are cleaned for the first time may go: now and `delete.retention.ms`.
    /// A horizon that the batch has already stays.
    pub fn filter(
        &self,
        body: &[u8],
        delete_horizon_ms: i64,
        mut keep: impl FnMut(&KeyedRecord<'_>) -> bool,
    ) -> Result<Filtered, RecordsError> {
        let mut kept = Vec::new();
        let mut has_tombstones = false;
        for record in KeyedRecords::new(self.header(), body) {
            let record = record?;
            if keep(&record) {
                has_tombstones |= !record.has_value;
                kept.push(record);
            }
        }
        if kept.is_empty() {
            return Ok(Filtered::NothingLeft);
        }
        let horizon = self.header().delete_horizon_ms();
        let is_first_horizon = has_tombstones && horizon.is_none();
        if kept.len() == self.header().records_count as usize && !is_first_horizon {
            return Ok(Filtered::Unchanged);
        }
        let horizon = if is_first_horizon { Some(delete_horizon_ms) } else { horizon };
        self.rebuild(&kept, horizon).map(Filtered::Rebuilt)
    }

    /// The batch's header alone: kept for what it says about its producer (DefaultRecordBatch.writeEmptyHeader).
    pub fn without_records(&self) -> Batch {
        let attributes = self.header().attributes & !(COMPRESSION_MASK | DELETE_HORIZON_FLAG);
        let header = BatchHeader { attributes, base_timestamp: -1, records_count: 0, ..*self.header() };
        let mut bytes = vec![0; BATCH_OVERHEAD];
        batch::seal(&mut bytes, header);
        Batch::parse(Bytes::from(bytes)).expect("a sealed header is a batch")
    }

    fn rebuild(&self, kept: &[KeyedRecord<'_>], delete_horizon_ms: Option<i64>) -> Result<Batch, RecordsError> {
        let before = self.header();
        let (flag, base_timestamp) = match delete_horizon_ms {
            Some(horizon) => (DELETE_HORIZON_FLAG, horizon),
            None => (0, kept[0].timestamp),
        };
        let max_timestamp = match before.timestamp_type() {
            TimestampType::CreateTime => kept.iter().map(|record| record.timestamp).max().unwrap_or(-1),
            TimestampType::LogAppendTime => before.max_timestamp,
        };
        let header = BatchHeader {
            attributes: before.attributes & !DELETE_HORIZON_FLAG | flag,
            base_timestamp,
            max_timestamp,
            records_count: kept.len() as i32,
            ..*before
        };
        let mut bytes = vec![0; BATCH_OVERHEAD];
        match before.compression()? {
            Compression::None => kept.iter().for_each(|record| record.write(base_timestamp, &mut bytes)),
            codec => {
                let mut body = Vec::new();
                kept.iter().for_each(|record| record.write(base_timestamp, &mut body));
                codec::compress(codec, &body, &mut bytes);
            }
        }
        batch::seal(&mut bytes, header);
        let rebuilt = Batch::parse(Bytes::from(bytes))?;
        assert_eq!(rebuilt.header().next_offset(), before.next_offset(), "cleaning never moves an offset");
        Ok(rebuilt)
    }
}

impl KeyedRecord<'_> {
    /// Writes the record as it was, with its timestamp relative to `base_timestamp`.
    fn write(&self, base_timestamp: i64, out: &mut Vec<u8>) {
        let delta = self.timestamp.wrapping_sub(base_timestamp);
        write_varlong(out, (1 + varlong_size(delta) + self.rest.len()) as i64);
        out.push(self.attributes);
        write_varlong(out, delta);
        out.extend_from_slice(self.rest);
    }
}

impl<'a> KeyedRecords<'a> {
    /// The records in `body`, which is the decompressed body of the batch with this header.
    pub fn new(header: &'a BatchHeader, body: &'a [u8]) -> Self {
        KeyedRecords { header, body, position: 0, index: 0, failed: false }
    }

    fn parse_next(&mut self) -> Result<KeyedRecord<'a>, &'static str> {
        let length = read_varint(self.body, &mut self.position).ok_or("its length is not a varint")?;
        let length = usize::try_from(length).map_err(|_| "its length is negative")?;
        let record = self.body[self.position..].get(..length).ok_or("it is longer than the rest of the batch")?;
        self.position += length;
        let (attributes, _) = record.split_first().ok_or("a field is longer than the record")?;
        let mut position = 1;
        let timestamp_delta = read_varlong(record, &mut position).ok_or("a varlong is cut off or too long")?;
        let rest = &record[position..];
        let offset_delta = read_varint(record, &mut position).ok_or("a varint is cut off or too long")?;
        if !(0..=self.header.last_offset_delta).contains(&offset_delta) {
            return Err("its offset delta lies outside the batch's range");
        }
        let key = nullable_bytes(record, &mut position)?;
        let value = nullable_bytes(record, &mut position)?;
        let timestamp = match self.header.timestamp_type() {
            // Wraps as it did when it was written, so that any timestamp comes back.
            TimestampType::CreateTime => self.header.base_timestamp.wrapping_add(timestamp_delta),
            TimestampType::LogAppendTime => self.header.max_timestamp,
        };
        let offset = self.header.base_offset + i64::from(offset_delta);
        Ok(KeyedRecord { offset, timestamp, key, has_value: value.is_some(), attributes: *attributes, rest })
    }
}

impl<'a> Iterator for KeyedRecords<'a> {
    type Item = Result<KeyedRecord<'a>, RecordsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        if self.index == self.header.records_count as u32 {
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

impl FusedIterator for KeyedRecords<'_> {}

fn nullable_bytes<'a>(record: &'a [u8], position: &mut usize) -> Result<Option<&'a [u8]>, &'static str> {
    let length = read_varint(record, position).ok_or("a varint is cut off or too long")?;
    let Ok(length) = usize::try_from(length) else { return Ok(None) };
    let bytes = record[*position..].get(..length).ok_or("a field is longer than the record")?;
    *position += length;
    Ok(Some(bytes))
}
