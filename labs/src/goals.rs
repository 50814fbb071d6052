//! Goals: named predicates over a recording.

use serde::{Deserialize, Serialize};

/// What can be asked of a recording. Written in `lab.toml` as `{ check = "name", .. }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "check", deny_unknown_fields)]
pub enum Predicate {
    /// At least so many records were acknowledged.
    AcknowledgedAtLeast {
        /// How many.
        records: u64,
    },
}
