//! The labs there are.

use crate::lab::Lab;

/// All labs, by number.
pub fn labs() -> &'static [Lab] {
    todo!()
}

/// A lab by its number (`"01"`, `"1"`) or its slug.
pub fn find(_name: &str) -> Option<&'static Lab> {
    todo!()
}
