//! One batch as a view over its bytes.
//!
//! Nothing here copies records, except the few operations that must change what the CRC covers; their names begin with
//! `with_` and they say so. What is inside a batch is in [`crate::record`].

use crate::{
    BATCH_OVERHEAD, BatchHeader, Compression, DecompressLimit, Record, RecordIterator, RecordsError, checksum,
    codec::compress,
    header::{ATTRIBUTES_OFFSET, COMPRESSION_MASK, CRC_OFFSET, LOG_APPEND_TIME_FLAG, LOG_OVERHEAD, MAGIC_OFFSET},
    varint::read_varint,
};
use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};

/// One whole batch: header parsed and checked, records untouched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    header: BatchHeader,
    bytes: Bytes,
}

impl Batch {
    /// Exactly one batch. Checks every length and the magic byte, not the CRC: [`Batch::verify_crc`] does.
    pub fn parse(bytes: Bytes) -> Result<Batch, RecordsError> {
        let header = BatchHeader::parse(&bytes)?;
        let (needed, available) = (u64::from(header.size_in_bytes()), bytes.len() as u64);
        if available < needed {
            return Err(RecordsError::CutOff { needed, available });
        }
        if available > needed {
            return Err(RecordsError::TrailingBytes { extra: available - needed });
        }
        Ok(Batch { header, bytes })
    }

    /// The parsed header.
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The whole batch, as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The CRC-32C of the bytes that it covers: from the attributes to the end.
    pub fn computed_crc(&self) -> u32 {
        checksum::crc32c(&self.bytes[ATTRIBUTES_OFFSET..])
    }

    /// Whether the CRC in the header fits the bytes.
    pub fn verify_crc(&self) -> Result<(), RecordsError> {
        let (stored, computed) = (self.header.crc, self.computed_crc());
        if stored == computed { Ok(()) } else { Err(RecordsError::CrcMismatch { stored, computed }) }
    }

    /// All records, decompressed.
    pub fn records(&self, limit: DecompressLimit) -> Result<Vec<Record>, RecordsError> {
        self.iter(limit)?.collect()
    }

    /// The records one by one: decompressed at once, parsed as they are asked for. Keys and values are views.
    pub fn iter(&self, limit: DecompressLimit) -> Result<RecordIterator, RecordsError> {
        Ok(RecordIterator::new(&self.header, self.body(limit)?))
    }

    /// The batch with another base offset and leader epoch, as a leader stores it: sixteen new bytes, and the rest
    /// uncopied. Both fields lie outside what the CRC covers, so it stays as it is.
    pub fn with_prefix(&self, base_offset: i64, leader_epoch: i32) -> [Bytes; 2] {
        let prefix = BatchHeader::prefix(base_offset, self.header.batch_length, leader_epoch);
        [Bytes::copy_from_slice(&prefix), self.bytes.slice(MAGIC_OFFSET..)]
    }

    /// A copy with another producer id, epoch and first sequence number, and the CRC that goes with them: what a producer
    /// does with unsent batches when its epoch was bumped (KIP-360).
    pub fn with_producer(&self, producer_id: i64, producer_epoch: i16, base_sequence: i32) -> Batch {
        self.with_header(BatchHeader { producer_id, producer_epoch, base_sequence, ..self.header })
    }

    /// A copy that carries the broker's time (`message.timestamp.type=LogAppendTime`, KIP-32), and the CRC that goes with
    /// it.
    pub fn with_log_append_time(&self, timestamp_ms: i64) -> Batch {
        let attributes = self.header.attributes | LOG_APPEND_TIME_FLAG;
        self.with_header(BatchHeader { attributes, max_timestamp: timestamp_ms, ..self.header })
    }

    /// A copy whose records are compressed with another codec, and the length and CRC that go with it: what a broker does
    /// when a topic's `compression.type` is not `producer`. The records themselves stay byte for byte what they are.
    pub fn with_compression(&self, codec: Compression, limit: DecompressLimit) -> Result<Batch, RecordsError> {
        let body = self.body(limit)?;
        let mut bytes = alloc::vec![0; BATCH_OVERHEAD];
        compress(codec, &body, &mut bytes);
        let attributes = self.header.attributes & !COMPRESSION_MASK | codec as i16;
        let header = seal(&mut bytes, BatchHeader { attributes, ..self.header });
        Ok(Batch { header, bytes: bytes.into() })
    }

    /// Whether an uncompressed batch holds as many records as its header says, and nothing else. Only the records' lengths
    /// are read, so it costs a few nanoseconds for each record. Of a compressed batch nothing is said.
    pub fn check_records_count(&self) -> Result<(), RecordsError> {
        if self.header.compression()? != Compression::None {
            return Ok(());
        }
        let body = &self.bytes[BATCH_OVERHEAD..];
        let mut position = 0;
        for index in 0..self.header.records_count as u32 {
            let length = read_varint(body, &mut position).and_then(|length| usize::try_from(length).ok());
            match length {
                Some(length) if length <= body.len() - position => position += length,
                _ => {
                    let reason = "it is longer than the rest of the batch, or not there";
                    return Err(RecordsError::InvalidRecord { index, reason });
                }
            }
        }
        match body.len() - position {
            0 => Ok(()),
            extra => Err(RecordsError::BytesAfterRecords { extra: extra as u64 }),
        }
    }

    fn with_header(&self, header: BatchHeader) -> Batch {
        let mut bytes = BytesMut::from(&self.bytes[..]);
        let header = seal(&mut bytes, header);
        Batch { header, bytes: bytes.freeze() }
    }
}

/// Writes `header` over the first bytes of a batch whose records are in place, with the length and CRC they give.
pub(crate) fn seal(batch: &mut [u8], mut header: BatchHeader) -> BatchHeader {
    header.batch_length = i32::try_from(batch.len() - LOG_OVERHEAD).expect("a batch is shorter than 2 GiB");
    batch[..BATCH_OVERHEAD].copy_from_slice(&header.to_bytes());
    header.crc = checksum::crc32c(&batch[ATTRIBUTES_OFFSET..]);
    batch[CRC_OFFSET..ATTRIBUTES_OFFSET].copy_from_slice(&header.crc.to_be_bytes());
    header
}

/// The batches in `bytes`, one after the other. Ends silently at a partial last batch, as consumers do: a fetch may cut
/// one off. Ends after the first error, because nobody knows where the next batch would begin.
pub fn batches(bytes: Bytes) -> impl Iterator<Item = Result<Batch, RecordsError>> {
    let mut rest = bytes;
    core::iter::from_fn(move || {
        let next = split_batch(&mut rest)?;
        if next.is_err() {
            rest.clear();
        }
        Some(next)
    })
}

fn split_batch(rest: &mut Bytes) -> Option<Result<Batch, RecordsError>> {
    let header = match BatchHeader::parse(rest) {
        Ok(header) => header,
        Err(RecordsError::CutOff { .. }) => return None,
        Err(error) => return Some(Err(error)),
    };
    let size = header.size_in_bytes() as usize;
    if rest.len() < size {
        return None;
    }
    Some(Ok(Batch { header, bytes: rest.split_to(size) }))
}
