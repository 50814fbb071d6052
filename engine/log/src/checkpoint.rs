//! Offsets of many partitions in one small text file, in Kafka's format (OffsetCheckpointFile.java).
//!
//! ```text
//! 0               the format's version
//! 2               how many lines follow
//! orders 0 1520   topic, partition, offset
//! orders 1 1498
//! ```
//!
//! `recovery-point-offset-checkpoint`, `log-start-offset-checkpoint`, `replication-offset-checkpoint` and
//! `cleaner-offset-checkpoint` of a log directory look like this. This only reads and writes the text: whoever owns the directory replaces the file.

use crate::TopicPartition;
use alloc::{format, string::String};
use naru_trace::SortedMap;

/// The file with the offsets before which everything is safely on disk.
pub const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";
/// The file with log start offsets that are inside a segment.
pub const LOG_START_OFFSETS: &str = "log-start-offset-checkpoint";
/// The file with high watermarks: what is known to be on all replicas that are in sync.
pub const HIGH_WATERMARKS: &str = "replication-offset-checkpoint";
/// The file with the first offsets that compaction has not reached yet.
pub const CLEANER_OFFSETS: &str = "cleaner-offset-checkpoint";

/// The file's text.
pub fn text(offsets: &SortedMap<TopicPartition, i64>) -> String {
    let mut text = format!("0\n{}\n", offsets.len());
    for (id, offset) in offsets {
        text += &format!("{} {} {offset}\n", id.topic, id.partition);
    }
    text
}

/// Reads the file's text. An error is a sentence, and then nothing in the file is to be believed.
pub fn parse(text: &str) -> Result<SortedMap<TopicPartition, i64>, String> {
    let mut lines = text.lines();
    let version = lines.next().unwrap_or_default().trim();
    if version != "0" {
        return Err(format!(
            "its version is \"{}\", and only 0 is known",
            version.chars().take(40).collect::<String>()
        ));
    }
    let count = lines.next().and_then(|line| line.trim().parse::<usize>().ok()).ok_or("it does not say its length")?;
    let mut offsets = SortedMap::new();
    for (number, line) in lines.enumerate() {
        let (id, offset) = entry(line).ok_or_else(|| format!("line {} is not an offset", number + 3))?;
        offsets.insert(id, offset);
    }
    if offsets.len() != count {
        return Err(format!("it should have {count} offsets, and it has {}", offsets.len()));
    }
    Ok(offsets)
}

fn entry(line: &str) -> Option<(TopicPartition, i64)> {
    let mut words = line.split_ascii_whitespace();
    let (topic, partition, offset) = (words.next()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let is_sane = words.next().is_none() && partition >= 0 && offset >= 0;
    is_sane.then(|| (TopicPartition { topic: topic.into(), partition }, offset))
}
