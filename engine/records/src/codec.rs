//! Compression of a batch's records: gzip, snappy, lz4 and zstd, all in pure Rust so that WASM has them too.
//!
//! A broker stores compressed batches as they come and never needs this; producers, consumers and views do. Whoever
//! decompresses says how many bytes he is ready to hold.

// The codecs speak `std::io`; nothing else in this crate needs the standard library.
extern crate std;

use crate::{
    RecordsError,
    gzip::{self, GzipError},
};
use alloc::{string::ToString, vec::Vec};
use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};
use std::io::{Read, Write};

/// How the records of a batch are compressed: attribute bits 0-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None = 0,
    /// gzip.
    Gzip = 1,
    /// Snappy, in the framing of xerial's snappy-java.
    Snappy = 2,
    /// LZ4 frames of independent blocks (KIP-57).
    Lz4 = 3,
    /// Zstandard (KIP-110).
    Zstd = 4,
}

impl Compression {
    /// All of them.
    pub const ALL: [Compression; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// Kafka's name, as in `compression.type`.
    pub const fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Snappy => "snappy",
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
        }
    }

    /// The codec with Kafka's name `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name() == name)
    }

    /// The codec with the number `id` in a batch's attributes.
    pub fn from_id(id: u8) -> Result<Self, RecordsError> {
        Self::ALL.get(usize::from(id)).copied().ok_or(RecordsError::UnknownCompression { id })
    }
}

/// The most bytes that decompressing one batch may yield. A few hundred hostile bytes can decompress to gigabytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecompressLimit(pub usize);

impl Default for DecompressLimit {
    /// 64 MiB: far above any batch that Kafka's default limits let through.
    fn default() -> Self {
        DecompressLimit(64 << 20)
    }
}

/// Decompresses `data`.
pub fn decompress(codec: Compression, data: &[u8], limit: DecompressLimit) -> Result<Vec<u8>, RecordsError> {
    match codec {
        Compression::None => read_limited(data, codec, limit),
        Compression::Gzip => gzip::decompress(data, limit).map_err(|error| match error {
            GzipError::TooLarge => too_large(limit),
            GzipError::Damaged(reason) => damaged(codec, &reason),
        }),
        Compression::Snappy => snappy_decompress(data, limit),
        Compression::Lz4 => read_limited(FrameDecoder::new(data), codec, limit),
        Compression::Zstd => zstd_decompress(data, limit),
    }
}

/// Compresses `data` and adds the result to `out`.
pub fn compress(codec: Compression, data: &[u8], out: &mut Vec<u8>) {
    // Writing to a vector cannot fail.
    match codec {
        Compression::None => out.extend_from_slice(data),
        Compression::Gzip => gzip::compress(data, out),
        Compression::Snappy => snappy_compress(data, out),
        Compression::Lz4 => {
            // The Java client's choice: KafkaLZ4BlockOutputStream refuses to read dependent blocks.
            let info = FrameInfo::new().block_mode(BlockMode::Independent).block_size(BlockSize::Max64KB);
            let mut encoder = FrameEncoder::with_frame_info(info, out);
            encoder.write_all(data).expect("a vector takes all bytes");
            encoder.finish().expect("a vector takes all bytes");
        }
        Compression::Zstd => ruzstd::encoding::compress(data, out, ruzstd::encoding::CompressionLevel::Fastest),
    }
}

fn read_limited(reader: impl Read, codec: Compression, limit: DecompressLimit) -> Result<Vec<u8>, RecordsError> {
    let mut out = Vec::new();
    read_into(reader, codec, limit, &mut out)?;
    Ok(out)
}

/// Reads to the end. One byte more than the limit is asked for, to tell "just full" from "too much".
fn read_into(
    reader: impl Read,
    codec: Compression,
    limit: DecompressLimit,
    out: &mut Vec<u8>,
) -> Result<(), RecordsError> {
    let room = (limit.0 - out.len()) as u64;
    reader.take(room.saturating_add(1)).read_to_end(out).map_err(|error| damaged(codec, &error))?;
    if out.len() > limit.0 { Err(too_large(limit)) } else { Ok(()) }
}

fn damaged(codec: Compression, reason: &impl ToString) -> RecordsError {
    RecordsError::Decompress { codec: codec.name(), reason: reason.to_string() }
}

fn too_large(limit: DecompressLimit) -> RecordsError {
    RecordsError::TooLargeDecompressed { limit: limit.0 as u64 }
}

/// The largest window that decompressing allocates before it has seen any data; the format's own recommendation is 8 MiB.
const ZSTD_WINDOW_MAX: usize = 8 << 20;

fn zstd_decompress(data: &[u8], limit: DecompressLimit) -> Result<Vec<u8>, RecordsError> {
    let mut out = Vec::new();
    let mut rest = data;
    let window_max = ZSTD_WINDOW_MAX.max(limit.0.min(128 << 20)) as u64;
    // A stream may be several frames one after the other.
    while !rest.is_empty() {
        let decoder = ruzstd::decoding::StreamingDecoder::new_with_max_window_size(&mut rest, window_max)
            .map_err(|error| damaged(Compression::Zstd, &error))?;
        read_into(decoder, Compression::Zstd, limit, &mut out)?;
    }
    Ok(out)
}

/// How a stream of xerial's SnappyOutputStream begins: a magic, its version, and the oldest version that can read it.
const XERIAL_MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
const XERIAL_HEADER: [u8; 16] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1];
/// How many bytes xerial's stream puts into one block; the Java client's default.
const XERIAL_BLOCK_BYTES: usize = 32 << 10;

/// The Java clients write xerial's framing (blocks with a length before each), others a single raw block.
fn snappy_decompress(data: &[u8], limit: DecompressLimit) -> Result<Vec<u8>, RecordsError> {
    let mut out = Vec::new();
    if !data.starts_with(&XERIAL_MAGIC) {
        snappy_block(data, limit, &mut out)?;
        return Ok(out);
    }
    let Some(mut rest) = data.get(XERIAL_HEADER.len()..) else {
        return Err(damaged(Compression::Snappy, &"the stream's header is cut off"));
    };
    while !rest.is_empty() {
        let (length, after) =
            rest.split_first_chunk().ok_or_else(|| damaged(Compression::Snappy, &"a block's length is cut off"))?;
        let length = u32::from_be_bytes(*length) as usize;
        let block = after.get(..length).ok_or_else(|| damaged(Compression::Snappy, &"a block is cut off"))?;
        snappy_block(block, limit, &mut out)?;
        rest = &after[length..];
    }
    Ok(out)
}

fn snappy_block(block: &[u8], limit: DecompressLimit, out: &mut Vec<u8>) -> Result<(), RecordsError> {
    let length = snap::raw::decompress_len(block).map_err(|error| damaged(Compression::Snappy, &error))?;
    let start = out.len();
    if length > limit.0 - start {
        return Err(too_large(limit));
    }
    out.resize(start + length, 0);
    let written = snap::raw::Decoder::new()
        .decompress(block, &mut out[start..])
        .map_err(|error| damaged(Compression::Snappy, &error))?;
    out.truncate(start + written);
    Ok(())
}

fn snappy_compress(data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&XERIAL_HEADER);
    let mut encoder = snap::raw::Encoder::new();
    for block in data.chunks(XERIAL_BLOCK_BYTES) {
        let start = out.len();
        out.resize(start + 4 + snap::raw::max_compress_len(block.len()), 0);
        let written =
            encoder.compress(block, &mut out[start + 4..]).expect("the room is as large as the codec asked for");
        out[start..start + 4].copy_from_slice(&(written as u32).to_be_bytes());
        out.truncate(start + 4 + written);
    }
}
