//! Record batches, format v2: what Kafka keeps on disk and sends over the wire, byte for byte the same.
//!
//! A [`Batch`] is a view over bytes that somebody else owns: its 61-byte header is parsed and checked, its records are
//! not touched until somebody asks for them. A broker that only stores and forwards never does. [`BatchBuilder`] is the
//! producer's side.
//!
//! This crate deliberately knows nothing of logs, offsets' meaning, or requests. The formats v0 and v1, which Kafka 4
//! no longer writes (KIP-724), are refused. Read [`header`] first, then [`batch`], [`record`], [`codec`] and [`filter`].

#![no_std]

extern crate alloc;

pub mod batch;
pub mod builder;
pub mod checksum;
pub mod codec;
pub mod error;
pub mod filter;
mod gzip;
pub mod header;
pub mod record;
pub mod varint;

pub use batch::{Batch, batches};
pub use builder::BatchBuilder;
pub use codec::{Compression, DecompressLimit};
pub use error::RecordsError;
pub use filter::{Filtered, KeyedRecord, KeyedRecords};
pub use header::{BATCH_OVERHEAD, BatchHeader, LOG_OVERHEAD, TimestampType};
pub use record::{Header, Record, RecordIterator};
