//! A simulated world: brokers and clients, the very ones that run natively, on a network, disks and a clock that are values.
//!
//! A [`World`] is decided entirely by its seed and by what is done to it. Two runs of the same are equal, event for event,
//! on every machine. It deliberately has no opinion on what is being tried: labs and soaks bring their own scripts.
//!
//! Read [`world`] first, then `nodes` (how brokers and clients are driven) and `network`; [`invariants`] says what must
//! always be true, and [`soak`] looks for a seed where it is not.

#![no_std]

extern crate alloc;

pub mod action;
#[cfg(test)]
mod between_brokers;
mod disks;
mod faults;
pub mod history;
pub mod invariants;
pub mod journal;
mod network;
mod nodes;
pub mod rng;
pub mod soak;
pub mod world;

pub use action::Action;
pub use disks::DiskConfig;
pub use faults::TcpConfig;
pub use invariants::Violation;
pub use journal::{DiskImage, DiskJournal, FileImage};
pub use naru_log::CacheConfig;
/// What each byte of a file on a broker's disk is.
pub use naru_log::dump;
pub use rng::Rng;
pub use world::{ClientId, Outcome, World, WorldConfig};
