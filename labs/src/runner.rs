//! Runs a script in the simulation, from beginning to end, and records it.

use crate::recording::{Recording, RunRequest};

/// Runs the request. An unknown lab runs the script without goals.
pub fn run(_request: &RunRequest) -> Recording {
    todo!()
}
