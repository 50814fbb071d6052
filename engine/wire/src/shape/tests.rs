//! The walk, on messages made by hand.
