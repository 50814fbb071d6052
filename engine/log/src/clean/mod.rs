//! Compaction: of all records with one key, only the newest stays (`cleanup.policy=compact`; LogCleaner.scala).
//!
//! ```text
//!   clean            dirty                       never touched
//!   [ segment 0    )[ segment 40 )[ segment 71 )[ active segment 93   )
//!   ^ log start     ^ first dirty offset        ^ first uncleanable offset
//! ```
//!
//! One cleaning has three parts. The dirty segments are read, and the last offset of each key is noted ([`OffsetMap`]). Then
//! all segments up to there are read again, and what is still wanted (`retain.rs`) is copied to new files, several
//! small segments into one. At last the new files take the place of the old ones, in steps that a crash can interrupt
//! anywhere ([`swap`]).
//!
//! Nothing here waits or takes long: [`Cleaner::step`] does a bounded piece of work and returns. Between two steps the log
//! is read and appended to as ever; if a segment disappears meanwhile (retention, DeleteRecords), the cleaning is given up
//! and begins anew another time.
//!
//! It deliberately does not decide when to clean which log: that is the broker's. Not here yet: transactions. Control
//! batches are kept for ever, and aborted records count like others.

mod candidate;
mod cleaner;
mod digest;
mod offset_map;
mod output;
mod plan;
mod retain;
pub mod swap;

pub use candidate::Cleanable;
pub use cleaner::{CleanError, Cleaned, Cleaner, CleanerOptions, Progress};
pub use digest::DigestSecret;
pub use offset_map::OffsetMap;
