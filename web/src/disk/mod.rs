//! The disk microscope: a broker's data directory, its files' pages, and every byte of them.
//!
//! [`tree`], [`strip`] and [`window`] decide what is shown, as plain values and without a browser, so that tests can read
//! them. [`panel`] draws it; [`bytes`] is the view of single bytes, [`faults`] what can be done to a simulated disk. A lab and
//! the live page fill the same [`panel::DiskData`], the one from its recording, the other from the broker's HTTP interface.
//!
//! Deliberately not here: what bytes mean. The engine says so ([`crate::protocol::Field`]); this only colours and lists it.

pub mod bytes;
pub mod faults;
pub mod live;
pub mod panel;
pub mod segments;
pub mod strip;
pub mod text;
pub mod tree;
pub mod window;
