//! Every event as a sentence.

use crate::text::Locale;
use naru_trace::{TraceEvent, TraceKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How much an event matters to somebody who watches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Importance {
    /// A step on the way: shown on request.
    #[default]
    Detail,
    /// What the story is about.
    Headline,
}

/// The names of clients by number, as they called themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// The `client.id`s.
    pub clients: BTreeMap<u32, String>,
}

impl Names {
    /// Learns the name of a client that has just started. Every other event teaches nothing.
    pub fn learn(&mut self, event: &TraceEvent) {
        if let TraceKind::ClientStarted { client, name, .. } = &event.kind {
            self.clients.insert(*client, name.clone());
        }
    }
}

/// The event as one sentence.
pub fn sentence(_event: &TraceEvent, _names: &Names, _locale: Locale) -> String {
    todo!()
}

/// How much the event matters.
pub fn importance(_kind: &TraceKind) -> Importance {
    todo!()
}
