//! Bytes of files in a data directory, with what each of them is: for the disk microscope.
//!
//! The engine names the bytes ([`naru_sim::dump`]); this cuts the window out that is on screen, and finds records. Where the
//! bytes come from (a recording, a live broker) is not known here.

use naru_sim::dump;
use serde::{Deserialize, Serialize};

/// A stretch of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskBytes {
    /// The whole file's length.
    pub length: u64,
    /// Where the stretch begins.
    pub position: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What they are, outer parts before inner ones: everything that touches the stretch.
    pub fields: Vec<Field>,
}

/// A named part of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its first byte in the file.
    pub start: u64,
    /// How many bytes; 0 for what was found in compressed data, which begins at `start`.
    pub length: u64,
    /// Kafka's name for it.
    pub name: String,
    /// What it says.
    pub value: String,
    /// Which batch, record or entry it belongs to.
    pub group: u32,
    /// 0 for the outermost parts.
    pub depth: u8,
    /// What is wrong with it.
    pub error: Option<String>,
}

impl Field {
    /// Whether the byte at `position` is part of it.
    pub fn holds(&self, position: u64) -> bool {
        position >= self.start && position - self.start < self.length
    }
}

/// How many notes about compressed data a stretch carries at most.
const NOTES_MAX: usize = 40;

impl DiskBytes {
    /// The bytes from `position` on, at most `length`, of a file of `file_length` bytes of which `known` begins at `from`, where
    /// a batch or an entry begins.
    pub fn cut(path: &str, known: &[u8], from: u64, file_length: u64, position: u64, length: u64) -> DiskBytes {
        let end = from + known.len() as u64;
        let (first, last) = (position.clamp(from, end), position.saturating_add(length).clamp(from, end));
        let mut notes = 0;
        let fields = dump::fields(path, known).into_iter().filter_map(|field| {
            let start = from + u64::from(field.start);
            let stop = start + u64::from(field.length);
            let touches = if field.length == 0 {
                notes += 1;
                start < last && stop + 1 > first && notes <= NOTES_MAX
            } else {
                start < last && stop > first
            };
            touches.then(|| Field {
                start,
                length: u64::from(field.length),
                name: field.name.to_owned(),
                value: field.value,
                group: field.group,
                depth: field.depth,
                error: field.error.map(str::to_owned),
            })
        });
        DiskBytes {
            length: file_length,
            position: first,
            fields: fields.collect(),
            bytes: known[(first - from) as usize..(last - from) as usize].to_vec(),
        }
    }
}

/// Where the record of that offset begins in a segment's file; the batch that holds it if records cannot be told apart.
pub fn record_at(path: &str, file: &[u8], offset: i64) -> Option<u64> {
    let (record, from) = (format!("offset {offset}"), "from offset ");
    let mut batch = None;
    for field in dump::fields(path, file) {
        match field.name {
            "record" if field.value == record => return Some(field.start.into()),
            "batch" => {
                let base = field.value.strip_prefix(from).and_then(|base| base.parse::<i64>().ok());
                if base.is_some_and(|base| base <= offset) {
                    batch = Some(field.start.into());
                }
            }
            _ => {}
        }
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two entries of an offset index: offset 3 at byte 75, offset 9 at byte 4200.
    const INDEX: [u8; 16] = [0, 0, 0, 3, 0, 0, 0, 75, 0, 0, 0, 9, 0, 0, 0x10, 0x68];

    #[test]
    fn a_stretch_has_the_fields_that_touch_it() {
        let cut = DiskBytes::cut("a-0/00000000000000000000.index", &INDEX, 0, 16, 6, 4);
        assert_eq!((cut.length, cut.position, &cut.bytes[..]), (16, 6, &[0, 75, 0, 0][..]));
        let told: Vec<_> = cut.fields.iter().filter(|it| it.depth > 0).map(|it| (it.start, it.length)).collect();
        assert_eq!(told, [(4, 4), (8, 4)]);
        assert!(cut.fields.iter().all(|field| field.start < 10 && field.start + field.length > 6));
    }

    #[test]
    fn a_stretch_behind_the_end_is_empty() {
        let cut = DiskBytes::cut("a-0/00000000000000000000.index", &INDEX, 0, 16, 100, 16);
        assert_eq!((cut.position, cut.bytes.len(), cut.fields.len()), (16, 0, 0));
    }

    #[test]
    fn positions_count_from_the_beginning_of_the_file() {
        let cut = DiskBytes::cut("a-0/00000000000000000000.index", &INDEX[8..], 8, 16, 8, 16);
        assert!(cut.fields.iter().any(|field| field.holds(15)), "{:?}", cut.fields);
        assert_eq!((cut.position, cut.bytes.len()), (8, 8));
    }
}
