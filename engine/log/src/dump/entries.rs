//! Files of entries that are all of one length: the indexes of a segment, and snapshots of producers.
//!
//! ```text
//! .index      | offset less the base offset i32 | position in the .log file i32 |
//! .timeindex  | timestamp i64 | offset less the base offset i32 |
//! .txnindex   | version i16 | producer id i64 | first offset i64 | last offset i64 | last stable offset i64 |
//! .snapshot   | version i16 | crc u32 | number of entries i32 | entries |
//!     entry   | producer id i64 | epoch i16 | last sequence i32 | last offset i64 | offset delta i32
//!             | timestamp i64 | coordinator epoch i32 | first offset of the open transaction i64 (-1: none) |
//! ```
//!
//! (OffsetIndex.java, TimeIndex.java, AbortedTxn.java, ProducerStateManager.java.) Kafka makes the indexes of the active segment
//! longer than they are filled, and cuts them when it rolls: zeros at the end are no entries.

use super::{text, walk::Walk};
use alloc::{format, string::String};
use naru_records::checksum::crc32c;

const NOT_LARGER: &str = "it is not larger than the one before";
const SMALLER: &str = "it is smaller than the one before";

/// `.index`.
pub fn offset_index(walk: &mut Walk<'_>, base_offset: i64) {
    let (mut last_offset, mut last_position) = (-1, -1);
    entries(walk, 8, |walk| {
        let offset = relative_offset(walk, base_offset)?;
        if offset <= last_offset {
            walk.blame(NOT_LARGER);
        }
        let position = walk.number("position", 4)?;
        if position <= last_position {
            walk.blame(NOT_LARGER);
        }
        (last_offset, last_position) = (offset, position);
        Some(format!("the batch with offset {} begins at byte {position}", base_offset.saturating_add(offset)))
    });
}

/// `.timeindex`.
pub fn time_index(walk: &mut Walk<'_>, base_offset: i64) {
    let (mut last_time, mut last_offset) = (i64::MIN, -1);
    entries(walk, 12, |walk| {
        let time = walk.number("timestamp", 8)?;
        walk.explain(text::time(time));
        if time < last_time {
            walk.blame(SMALLER);
        }
        let offset = relative_offset(walk, base_offset)?;
        if offset < last_offset {
            walk.blame(SMALLER);
        }
        (last_time, last_offset) = (time, offset);
        Some(format!("up to offset {} no timestamp is larger", base_offset.saturating_add(offset)))
    });
}

/// `.txnindex`.
pub fn transaction_index(walk: &mut Walk<'_>) {
    entries(walk, 34, |walk| {
        version(walk, 0)?;
        let producer = walk.number("producerId", 8)?;
        let first = walk.number("firstOffset", 8)?;
        let last = walk.number("lastOffset", 8)?;
        if last < first {
            walk.blame("it is smaller than the first offset");
        }
        walk.number("lastStableOffset", 8)?;
        Some(format!("producer {producer} aborted offsets {first} to {last}"))
    });
}

/// `.snapshot`.
pub fn producer_snapshot(walk: &mut Walk<'_>) {
    if version(walk, 1).is_none() {
        return;
    }
    let Some(stored) = walk.number("crc", 4).map(|crc| crc as u32) else { return };
    let computed = crc32c(walk.rest());
    walk.explain(format!("{stored:#010x}"));
    if stored != computed {
        walk.explain(format!("{stored:#010x}, but the bytes give {computed:#010x}"));
        walk.blame("it does not fit the bytes: the snapshot is damaged");
    }
    let Some(count) = walk.number("producers", 4) else { return };
    if count != walk.rest().len() as i64 / 46 {
        walk.blame("there is another number of producers");
    }
    entries(walk, 46, producer);
}

fn producer(walk: &mut Walk<'_>) -> Option<String> {
    let id = walk.number("producerId", 8)?;
    let epoch = walk.number("producerEpoch", 2)?;
    let sequence = walk.number("lastSequence", 4)?;
    let offset = walk.number("lastOffset", 8)?;
    walk.number("offsetDelta", 4)?;
    let time = walk.number("timestamp", 8)?;
    walk.explain(text::time(time));
    walk.number("coordinatorEpoch", 4)?;
    walk.number("currentTxnFirstOffset", 8)?;
    Some(format!("producer {id}, epoch {epoch}: its last batch ends with sequence {sequence} at offset {offset}"))
}

/// A version that must be this one.
fn version(walk: &mut Walk<'_>, known: i64) -> Option<i64> {
    let version = walk.number("version", 2)?;
    if version != known {
        walk.blame("an unknown version");
    }
    Some(version)
}

/// Entries of `width` bytes, up to the end or to where only zeros follow.
fn entries(walk: &mut Walk<'_>, width: usize, mut entry: impl FnMut(&mut Walk<'_>) -> Option<String>) {
    while !walk.rest().is_empty() {
        let is_last = walk.rest().len() == width;
        if walk.only_zeros_follow() && !(is_last && walk.position() == 0) {
            walk.name("unused", walk.rest().len(), String::new(), None);
            return;
        }
        let part = walk.open("entry", width);
        let value = entry(walk);
        walk.close(part, value.unwrap_or_default());
    }
}

/// An offset as indexes hold it.
fn relative_offset(walk: &mut Walk<'_>, base_offset: i64) -> Option<i64> {
    let offset = walk.number("relativeOffset", 4)?;
    walk.explain(format!("{offset} (offset {})", base_offset.saturating_add(offset)));
    if offset < 0 {
        walk.blame("it is negative");
    }
    Some(offset)
}
