//! Measurements: what a prediction asks of a recording.

use serde::{Deserialize, Serialize};

/// What can be measured in a recording. Written in `lab.toml` as `{ of = "name", .. }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "of", deny_unknown_fields)]
pub enum Measure {
    /// How many records a topic holds at the end.
    RecordsHeld {
        /// The topic.
        topic: String,
    },
}
