//! The colour of a record is the colour of its key: equal keys, equal colours, wherever the reader scrubs to.

use naru_trace::SortedMap;
use naru_trace::{TraceEvent, TraceKind};

/// How many colours there are (the palette of Okabe and Ito, which colour-blind readers can tell apart).
pub const COLOURS: usize = 6;

/// How many keys get their colour by order. Nobody can tell more apart; later ones get it by their letters.
const KEYS_MAX: usize = 256;

/// The keys of a run in the order of their first appearance. The order decides the colours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyOrder {
    names: Vec<String>,
    places: SortedMap<String, usize>,
}

impl KeyOrder {
    /// An order that is known already.
    pub fn new(keys: Vec<String>) -> Self {
        let places = keys.iter().cloned().zip(0..).collect();
        KeyOrder { names: keys, places }
    }

    /// Adds a key, if it is new and there is room.
    pub fn add(&mut self, key: &str) {
        if self.names.len() < KEYS_MAX && !self.places.contains_key(key) {
            self.places.insert(key.to_string(), self.names.len());
            self.names.push(key.to_string());
        }
    }

    /// Adds the keys that an event shows.
    pub fn learn(&mut self, event: &TraceEvent) {
        match &event.kind {
            TraceKind::RecordQueued { key: Some(key), .. } => self.add(&key.text),
            TraceKind::BatchAppended { records, .. } => {
                records.iter().filter_map(|record| record.key.as_ref()).for_each(|key| self.add(&key.text));
            }
            TraceKind::PartitionOpened { view, .. } => {
                view.cells.iter().filter_map(|cell| cell.key.as_ref()).for_each(|key| self.add(&key.text));
            }
            _ => {}
        }
    }

    /// The colour of `key`, from 0; keys beyond the palette take colours again.
    pub fn colour(&self, key: &str) -> usize {
        let by_letters = || key.bytes().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        self.places.get(key).copied().unwrap_or_else(by_letters) % COLOURS
    }

    /// The keys, first seen first.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_colour_when_others_come() {
        let mut keys = KeyOrder::default();
        keys.add("a");
        keys.add("b");
        let before = keys.colour("a");
        for number in 0..1000 {
            keys.add(&format!("key-{number}"));
        }
        keys.add("a");
        assert_eq!((keys.colour("a"), keys.colour("b"), keys.names().len()), (before, 1, KEYS_MAX));
        assert_eq!(KeyOrder::new(keys.names().to_vec()), keys);
    }
}
