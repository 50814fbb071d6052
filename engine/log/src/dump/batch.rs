//! Record batches: their headers, and what of their records can be seen.
//!
//! Compressed records are one piece of the file; what decompressing gives is noted within it, without bytes.

use super::{
    text,
    walk::{CUT_OFF, Walk},
};
use alloc::{
    format,
    string::{String, ToString},
};
use bytes::Bytes;
use naru_records::checksum::crc32c;
use naru_records::{BATCH_OVERHEAD, Batch, Compression, DecompressLimit, LOG_OVERHEAD, Record, header::MAGIC_V2};

/// The most bytes that compressed records may take in memory to be shown.
const DECOMPRESSED_MAX: DecompressLimit = DecompressLimit(4 << 20);
/// The most records of one compressed batch that are noted.
const NOTED_MAX: usize = 1_000;
const TOO_LONG: &str = "it says more than what is left of the file";
/// Between the length and the magic byte lies the leader's epoch.
const MAGIC_AFTER_LENGTH: usize = 4;
/// What the length field says of an empty batch.
const LENGTH_MIN: i64 = (BATCH_OVERHEAD - LOG_OVERHEAD) as i64;

/// What a record's fields are read with.
struct Context {
    base_offset: i64,
    base_timestamp: i64,
    is_control: bool,
}

/// One batch after the other, to the end.
pub fn batches(walk: &mut Walk<'_>) {
    while !walk.rest().is_empty() {
        // A file that was made longer than it was written: `preallocate=true`, or a crash of the file system.
        if walk.only_zeros_follow() {
            walk.name_rest("zeros", "nothing was written here");
            return;
        }
        batch(walk);
    }
}

fn batch(walk: &mut Walk<'_>) {
    let start = walk.position();
    let part = walk.open("batch", walk.rest().len());
    let base_offset = walk.number("baseOffset", 8);
    if let Some(length) = walk.number("batchLength", 4) {
        let magic = walk.rest().get(MAGIC_AFTER_LENGTH).copied();
        let available = walk.rest().len() as i64;
        let is_whole = (LENGTH_MIN..=available).contains(&length);
        if magic.is_none() && length >= LENGTH_MIN {
            walk.blame(TOO_LONG);
            walk.name_rest("unknown", CUT_OFF);
        } else if magic == Some(MAGIC_V2 as u8) && length >= LENGTH_MIN {
            if !is_whole {
                walk.blame(TOO_LONG);
            }
            walk.limit_to(&part, length as usize);
            let _cut_off: Option<()> = body(walk, start, base_offset.unwrap_or(0), is_whole);
        } else if magic.is_some_and(|magic| magic <= 1) && (1..=available).contains(&length) {
            walk.limit_to(&part, length as usize);
            walk.name_rest("message", "a message of format v0 or v1, which Kafka no longer writes");
        } else {
            walk.blame("it begins no batch");
            walk.name_rest("unknown", "it cannot be read: nobody knows where the next batch would begin");
        }
    }
    walk.close(part, base_offset.map_or(String::new(), |offset| format!("from offset {offset}")));
}

/// What follows the length. `None` where it is cut off.
fn body(walk: &mut Walk<'_>, start: usize, base_offset: i64, is_whole: bool) -> Option<()> {
    walk.number("partitionLeaderEpoch", 4)?;
    walk.number("magic", 1)?;
    checksum(walk, is_whole)?;
    let attributes = walk.number("attributes", 2)?;
    walk.explain(attributes_text(attributes));
    let codec = Compression::from_id((attributes & 7) as u8);
    if codec.is_err() {
        walk.blame("no such compression");
    }
    let delta = walk.number("lastOffsetDelta", 4)?;
    walk.explain(format!("{delta} (offset {})", base_offset.saturating_add(delta)));
    if delta < 0 {
        walk.blame("it is negative");
    }
    // KIP-534: once tombstones are found, their time to live is counted from here.
    let has_delete_horizon = attributes & 1 << 6 != 0;
    let base_timestamp = timestamp(walk, if has_delete_horizon { "deleteHorizonMs" } else { "baseTimestamp" })?;
    timestamp(walk, "maxTimestamp")?;
    for (name, width) in [("producerId", 8), ("producerEpoch", 2), ("baseSequence", 4)] {
        walk.number(name, width)?;
    }
    let count = walk.number("recordsCount", 4)?;
    if count < 0 {
        walk.blame("it is negative");
    }
    let context = Context { base_offset, base_timestamp, is_control: attributes & 1 << 5 != 0 };
    match codec {
        Ok(Compression::None) => records(walk, count, &context),
        Ok(codec) => compressed(walk, codec, start, is_whole),
        Err(_) => walk.name("records", walk.rest().len(), String::new(), None),
    }
    Some(())
}

fn checksum(walk: &mut Walk<'_>, is_whole: bool) -> Option<()> {
    let stored = walk.number("crc", 4)? as u32;
    walk.explain(format!("{stored:#010x}"));
    if is_whole {
        let computed = crc32c(walk.rest());
        if computed != stored {
            walk.explain(format!("{stored:#010x}, but the bytes give {computed:#010x}"));
            walk.blame("it does not fit the bytes: the batch is damaged");
        }
    }
    Some(())
}

fn timestamp(walk: &mut Walk<'_>, name: &'static str) -> Option<i64> {
    let time = walk.number(name, 8)?;
    walk.explain(text::time(time));
    Some(time)
}

/// The attributes' bits in words.
pub(super) fn attributes_text(attributes: i64) -> String {
    let codec = Compression::from_id((attributes & 7) as u8).map_or("unknown", Compression::name);
    let clock = if attributes & 1 << 3 != 0 { "LogAppendTime" } else { "CreateTime" };
    let mut text = format!("{attributes}: compression {codec}, {clock}");
    for (bit, name) in [(4, ", transactional"), (5, ", control"), (6, ", delete horizon")] {
        if attributes & 1 << bit != 0 {
            text += name;
        }
    }
    text
}

/// Records that are not compressed.
fn records(walk: &mut Walk<'_>, count: i64, context: &Context) {
    for _ in 0..count.max(0) {
        if walk.rest().is_empty() {
            walk.note("records", String::new(), Some("there are fewer records than recordsCount says"));
            return;
        }
        if !record(walk, context) {
            walk.name_rest("unknown", "it cannot be read: nobody knows where the next record would begin");
            return;
        }
    }
    walk.name_rest("unknown", "bytes that belong to no record");
}

/// One record. `false` if nobody knows where it ends.
fn record(walk: &mut Walk<'_>, context: &Context) -> bool {
    let part = walk.open("record", walk.rest().len());
    let length = walk.varint("length");
    let ends = length.is_some_and(|length| (0..=walk.rest().len() as i64).contains(&length));
    if let Some(length) = length.filter(|length| *length >= 0) {
        if !ends {
            walk.blame("it says more than what is left of the batch");
        }
        walk.limit_to(&part, length as usize);
        let offset = inside(walk, context);
        walk.name_rest("unknown", "the record is longer than what is in it");
        walk.close(part, offset.map_or(String::new(), |offset| format!("offset {offset}")));
    } else {
        walk.blame("no record has such a length");
        walk.close(part, String::new());
    }
    ends
}

/// The fields of a record; returns its offset. Ends early where one is cut off.
fn inside(walk: &mut Walk<'_>, context: &Context) -> Option<i64> {
    walk.number("attributes", 1)?;
    let delta = walk.varint("timestampDelta")?;
    let time = context.base_timestamp.saturating_add(delta);
    walk.explain(format!("{delta}: {}", text::time(time)));
    let delta = walk.varint("offsetDelta")?;
    let offset = context.base_offset.saturating_add(delta);
    walk.explain(format!("{delta} (offset {offset})"));
    if context.is_control {
        control(walk);
    } else {
        sized(walk, "keyLength", "key");
        sized(walk, "valueLength", "value");
    }
    let Some(count) = walk.varint("headersCount") else { return Some(offset) };
    for _ in 0..count.max(0) {
        if walk.rest().is_empty() {
            walk.blame(CUT_OFF);
            break;
        }
        sized(walk, "headerKeyLength", "headerKey");
        sized(walk, "headerValueLength", "headerValue");
    }
    Some(offset)
}

/// A length and so many bytes; -1 for null. Returns how many bytes there should be.
fn length(walk: &mut Walk<'_>, name: &'static str) -> Option<usize> {
    let length = walk.varint(name)?;
    if length < 0 {
        walk.explain(format!("{length} (null)"));
    } else if length > walk.rest().len() as i64 {
        walk.blame("it says more than what is left of the record");
    }
    Some(length.clamp(0, walk.rest().len() as i64) as usize)
}

fn sized(walk: &mut Walk<'_>, length_name: &'static str, name: &'static str) {
    if let Some(length) = length(walk, length_name) {
        let value = text::preview(&walk.rest()[..length]);
        walk.name(name, length, value, None);
    }
}

/// A control record's key says what it is: the end of a transaction, or one of KRaft's own (ControlRecordType.java).
fn control(walk: &mut Walk<'_>) {
    let mut kind = -1;
    if let Some(length) = length(walk, "keyLength") {
        let part = walk.open("key", length);
        walk.number("version", 2);
        if let Some(number) = walk.number("type", 2) {
            kind = number;
            walk.explain(format!("{kind} ({})", control_name(kind)));
        }
        walk.name_rest("unknown", "bytes that belong to no field");
        walk.close(part, control_name(kind).to_string());
    }
    let Some(length) = length(walk, "valueLength") else { return };
    if !matches!(kind, 0 | 1) || length != 6 {
        let value = text::preview(&walk.rest()[..length]);
        walk.name("value", length, value, None);
        return;
    }
    let part = walk.open("value", length);
    walk.number("version", 2);
    walk.number("coordinatorEpoch", 4);
    walk.close(part, String::new());
}

/// What a control record of this type says.
pub fn control_name(kind: i64) -> &'static str {
    match kind {
        0 => "ABORT",
        1 => "COMMIT",
        2 => "LEADER_CHANGE",
        3 => "SNAPSHOT_HEADER",
        4 => "SNAPSHOT_FOOTER",
        5 => "KRAFT_VERSION",
        6 => "KRAFT_VOTERS",
        _ => "unknown",
    }
}

/// The records of a compressed batch: one piece of the file, with what is in it noted.
fn compressed(walk: &mut Walk<'_>, codec: Compression, start: usize, is_whole: bool) {
    let payload = walk.rest().len();
    if payload == 0 {
        return;
    }
    let part = walk.open("records", payload);
    let error = if is_whole { noted(walk, start, payload) } else { Some(CUT_OFF) };
    if let Some(error) = error {
        walk.blame_part(&part, error);
    }
    walk.skip(payload);
    walk.close(part, format!("{payload} bytes, compressed with {}", codec.name()));
}

/// Notes the records of a whole compressed batch; says what is wrong with them.
fn noted(walk: &mut Walk<'_>, start: usize, payload: usize) -> Option<&'static str> {
    let bytes = walk.from(start, payload);
    let Ok(batch) = Batch::parse(Bytes::copy_from_slice(bytes)) else { return Some("its header is damaged") };
    let Ok(records) = batch.iter(DECOMPRESSED_MAX) else { return Some("it cannot be decompressed") };
    for (number, record) in records.enumerate() {
        match record {
            Err(_) => return Some("a record in it is malformed"),
            Ok(_) if number >= NOTED_MAX => {
                walk.note("record", "… and more".to_string(), None);
                return None;
            }
            Ok(record) => walk.note("record", record_text(&record), None),
        }
    }
    None
}

fn record_text(record: &Record) -> String {
    let bytes = |bytes: &Option<Bytes>| bytes.as_ref().map_or("null".to_string(), |bytes| text::preview(bytes));
    format!("offset {}: key {}, value {}", record.offset, bytes(&record.key), bytes(&record.value))
}
