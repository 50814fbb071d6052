//! The colour of a record is the colour of its key: equal keys, equal colours, wherever the reader scrubs to.

use naru_trace::{TraceEvent, TraceKind};

/// How many colours there are (the palette of Okabe and Ito, which colour-blind readers can tell apart).
pub const COLOURS: usize = 6;

/// The keys of a run in the order of their first appearance. The order decides the colours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyOrder(Vec<String>);

impl KeyOrder {
    /// An order that is known already.
    pub fn new(keys: Vec<String>) -> Self {
        KeyOrder(keys)
    }

    /// Adds a key, if it is new.
    pub fn add(&mut self, key: &str) {
        if !self.0.iter().any(|known| known == key) {
            self.0.push(key.to_string());
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
        let place = self.0.iter().position(|known| known == key).unwrap_or(key.len());
        place % COLOURS
    }

    /// The keys, first seen first.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}
