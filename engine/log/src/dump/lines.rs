//! Small text files: checkpoints, `partition.metadata`, `meta.properties`. Each line is one field.
//!
//! ```text
//! checkpoints                       partition.metadata        meta.properties
//!   0                 version         version: 0                #a comment
//!   2                 entries         topic_id: AbCd...         version=1
//!   orders 0 42       an entry                                  node.id=1
//! ```
//!
//! An entry of `leader-epoch-checkpoint` is an epoch and its first offset, in the other checkpoints a topic, a partition and
//! an offset. (CheckpointFile.java, LeaderEpochCheckpointFile.java, PartitionMetadataFile.java.)

use super::{FileKind, text, walk::Walk};
use alloc::{string::String, vec::Vec};

/// All lines; a file of unknown kind is one field.
pub fn lines(walk: &mut Walk<'_>, kind: FileKind) {
    if kind == FileKind::Unknown {
        let value = text::preview(walk.rest());
        return walk.name("unknown", walk.rest().len(), value, None);
    }
    let mut reader = Reader { kind, number: 0, promised: None, last_epoch: None };
    while !walk.rest().is_empty() {
        let rest = walk.rest();
        let length = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
        let shown = rest[..length].strip_suffix(b"\n").unwrap_or(rest);
        let Ok(line) = core::str::from_utf8(shown) else {
            walk.name("unknown", length, text::preview(shown), Some("it is not text"));
            reader.number += 1;
            continue;
        };
        let (name, error) = reader.line(line.trim_end_matches('\r'));
        walk.name(name, length, String::from(line), error);
    }
    if let Some(error) = reader.missing() {
        walk.note("end", String::new(), Some(error));
    }
}

struct Reader {
    kind: FileKind,
    number: usize,
    /// How many entries are still to come, as a checkpoint's second line says.
    promised: Option<i64>,
    last_epoch: Option<(i64, i64)>,
}

impl Reader {
    /// What a line is, and what is wrong with it.
    fn line(&mut self, line: &str) -> (&'static str, Option<&'static str>) {
        self.number += 1;
        match self.kind {
            FileKind::Properties => property(line),
            FileKind::PartitionMetadata => match line.split_once(": ") {
                Some(("version", version)) => ("version", (version != "0").then_some("an unknown version")),
                Some(("topic_id", id)) => ("topic_id", (id.len() != 22).then_some("it is not an id")),
                _ => ("unknown", Some("partition.metadata has no such line")),
            },
            _ if self.number == 1 => ("version", (line != "0").then_some("an unknown version")),
            _ if self.number == 2 => {
                self.promised = line.parse().ok().filter(|count| *count >= 0);
                ("entries", self.promised.is_none().then_some("it is not a number"))
            }
            _ => self.entry(line),
        }
    }

    fn entry(&mut self, line: &str) -> (&'static str, Option<&'static str>) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let parsed = |word: &str| word.parse::<i64>().ok();
        let is_wrong = if self.kind == FileKind::LeaderEpochs {
            let entry = match words[..] {
                [epoch, offset] => parsed(epoch).zip(parsed(offset)),
                _ => None,
            };
            let grows = |last: (i64, i64)| entry.is_some_and(|entry| entry.0 > last.0 && entry.1 >= last.1);
            let is_wrong = entry.is_none() || self.last_epoch.is_some_and(|last| !grows(last));
            self.last_epoch = entry.or(self.last_epoch);
            is_wrong
        } else {
            !matches!(words[..], [_, partition, offset] if parsed(partition).is_some() && parsed(offset).is_some())
        };
        let is_extra = self.promised == Some(0);
        self.promised = self.promised.map(|count| (count - 1).max(0));
        let error = if is_wrong {
            Some("it is no entry, or out of order")
        } else {
            is_extra.then_some("there are more entries than the second line says")
        };
        ("entry", error)
    }

    /// What a checkpoint that ends here lacks.
    fn missing(&self) -> Option<&'static str> {
        let is_checkpoint = matches!(self.kind, FileKind::LeaderEpochs | FileKind::Offsets);
        // A checkpoint that was never written is an empty file.
        let is_short = self.number == 1 || self.promised.is_some_and(|count| count > 0);
        (is_checkpoint && is_short).then_some("it ends before its last entry")
    }
}

fn property(line: &str) -> (&'static str, Option<&'static str>) {
    let line = line.trim();
    if line.is_empty() || line.starts_with(['#', '!']) {
        return ("comment", None);
    }
    ("property", (!line.contains('=')).then_some("it has no value"))
}
