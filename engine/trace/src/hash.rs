//! One number for a whole run: equal runs have equal hashes, on every machine.

use crate::event::TraceEvent;
use core::hash::{Hash, Hasher};

/// The hash of a sequence of events: every field of every event, in order.
///
/// Two runs with the same seed, script and actions have the same hash, natively and in WASM. The hash is for comparing
/// runs, not against attackers.
pub fn event_hash<'a>(events: impl IntoIterator<Item = &'a TraceEvent>) -> u64 {
    let mut hasher = StableHasher::default();
    for event in events {
        event.hash(&mut hasher);
    }
    hasher.finish()
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo), with every integer widened so that a 32-bit and a 64-bit machine agree:
/// `#[derive(Hash)]` writes lengths and enum discriminants as `usize` and `isize`.
struct StableHasher(u64);

impl Default for StableHasher {
    fn default() -> Self {
        StableHasher(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for StableHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    fn write_u16(&mut self, value: u16) {
        self.write(&value.to_le_bytes());
    }
    fn write_u32(&mut self, value: u32) {
        self.write(&value.to_le_bytes());
    }
    fn write_u64(&mut self, value: u64) {
        self.write(&value.to_le_bytes());
    }
    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
    fn write_i16(&mut self, value: i16) {
        self.write(&value.to_le_bytes());
    }
    fn write_i32(&mut self, value: i32) {
        self.write(&value.to_le_bytes());
    }
    fn write_i64(&mut self, value: i64) {
        self.write(&value.to_le_bytes());
    }
    fn write_isize(&mut self, value: isize) {
        self.write_i64(value as i64);
    }
}
