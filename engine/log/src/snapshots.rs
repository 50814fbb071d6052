//! Producer state in files: `<offset>.snapshot`, what the batches before the offset say about their producers
//! (ProducerStateManager.java).
//!
//! ```text
//! | version 1, i16 | CRC-32C of the rest, u32 | count, i32 |
//! then for each producer:
//! | producer id, i64 | epoch, i16 | last sequence, i32 | last offset, i64 | offset delta, i32 | timestamp, i64
//!                    | coordinator epoch, i32 | first offset of an open transaction, i64 |
//! ```
//!
//! Of the last five batches of a producer only the newest is in it. Without snapshots, every start would have to read the
//! whole log to know them. One is written when a segment is rolled and when the log is closed. They are not synced in
//! operation: the CRC says whether one is whole, and an older one, or the log itself, does as well.

use crate::{
    OpenMode, Storage, StorageError, StorageErrorKind,
    producers::{BATCHES_MAX, ProducerEntry, ProducerState, WrittenBatch},
    segment::offset_in,
};
use alloc::{collections::VecDeque, format, string::String, vec::Vec};
use bytes::{Buf, BufMut, Bytes};
use naru_records::header::NO_SEQUENCE;
use naru_trace::SortedMap;

const VERSION: i16 = 1;
const HEADER_BYTES: usize = 6;
const ENTRY_BYTES: usize = 46;
/// What stands for no offset, no epoch.
const NONE: i32 = -1;

const _: () = assert!(BATCHES_MAX >= 1);

/// `orders-0/00000000000000000042.snapshot`.
pub fn path(directory: &str, offset: i64) -> String {
    format!("{directory}/{offset:020}.snapshot")
}

/// The offset in a snapshot's name; `None` for every other file.
pub fn offset_of(name: &str) -> Option<i64> {
    offset_in(name, ".snapshot")
}

/// Writes the snapshot for `offset`. Not synced.
pub fn write(
    directory: &str,
    offset: i64,
    producers: &ProducerState,
    storage: &mut dyn Storage,
) -> Result<(), StorageError> {
    write_file(&path(directory, offset), encode(producers), storage)
}

/// Reads a snapshot. `None` if it is not there, or damaged.
pub fn read(directory: &str, offset: i64, storage: &dyn Storage) -> Result<Option<ProducerState>, StorageError> {
    match storage.read_file(&path(directory, offset)) {
        Ok(bytes) => Ok(decode(&bytes)),
        Err(error) if error.kind == StorageErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a small file that may be lost in a power failure.
pub fn write_file(path: &str, contents: Vec<u8>, storage: &mut dyn Storage) -> Result<(), StorageError> {
    let file = storage.open(path, OpenMode::CreateOrOpen)?;
    let written = match storage.len(file) {
        Ok(0) => Ok(()),
        Ok(_) => storage.truncate(file, 0),
        Err(error) => Err(error),
    };
    let written = written.and_then(|()| storage.append(file, Bytes::from(contents)));
    let closed = storage.close(file);
    written.and(closed)
}

/// A snapshot's bytes.
pub fn encode(producers: &ProducerState) -> Vec<u8> {
    let mut body = Vec::with_capacity(4 + producers.len() * ENTRY_BYTES);
    body.put_i32(producers.len() as i32);
    for (producer_id, entry) in &producers.entries {
        let last = entry.batches.back();
        body.put_i64(*producer_id);
        body.put_i16(entry.epoch);
        body.put_i32(last.map_or(NO_SEQUENCE, |batch| batch.last_sequence));
        body.put_i64(last.map_or(i64::from(NONE), |batch| batch.last_offset));
        body.put_i32(last.map_or(0, |batch| batch.offset_delta));
        body.put_i64(entry.last_timestamp);
        body.put_i32(NONE);
        body.put_i64(i64::from(NONE));
    }
    let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
    bytes.put_i16(VERSION);
    bytes.put_u32(naru_records::checksum::crc32c(&body));
    bytes.extend_from_slice(&body);
    bytes
}

/// Reads a snapshot's bytes. `None` if they are damaged, or of another version.
pub fn decode(mut bytes: &[u8]) -> Option<ProducerState> {
    if bytes.len() < HEADER_BYTES + 4
        || bytes.get_i16() != VERSION
        || bytes.get_u32() != naru_records::checksum::crc32c(bytes)
    {
        return None;
    }
    let count = usize::try_from(bytes.get_i32()).ok()?;
    if bytes.len() != count.checked_mul(ENTRY_BYTES)? {
        return None;
    }
    let entries: SortedMap<i64, ProducerEntry> = (0..count).map(|_| decode_entry(&mut bytes)).collect();
    (entries.len() == count).then_some(ProducerState { entries })
}

fn decode_entry(bytes: &mut &[u8]) -> (i64, ProducerEntry) {
    let (producer_id, epoch) = (bytes.get_i64(), bytes.get_i16());
    let (last_sequence, last_offset, offset_delta) = (bytes.get_i32(), bytes.get_i64(), bytes.get_i32());
    let (timestamp, _coordinator_epoch, _transaction) = (bytes.get_i64(), bytes.get_i32(), bytes.get_i64());
    let is_batch = last_offset >= 0 && last_sequence >= 0 && offset_delta >= 0;
    let batch = is_batch.then_some(WrittenBatch { last_sequence, last_offset, offset_delta, timestamp });
    (
        producer_id,
        ProducerEntry { epoch, batches: batch.into_iter().collect::<VecDeque<_>>(), last_timestamp: timestamp },
    )
}
