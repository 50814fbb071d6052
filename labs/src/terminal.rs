//! Labs in a terminal: what `naru lab list | run | check` prints.

use crate::{lab::Lab, recording::Recording, text::Locale};

/// The list of labs.
pub fn list(_locale: Locale) -> String {
    todo!()
}

/// A run: what was printed, how goals and predictions stand, why it ended early.
pub fn report(_recording: &Recording, _locale: Locale) -> String {
    todo!()
}

/// Checks a lab itself: its solution passes, its start fails, every wrong attempt fails with its own hint.
/// Each problem is a sentence; none means that the lab is sound.
pub fn check(_lab: &Lab) -> Vec<String> {
    todo!()
}
