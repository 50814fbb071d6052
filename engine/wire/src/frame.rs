//! Cutting a stream of bytes into frames: a length of four bytes, then that many bytes.

use bytes::{Buf, Bytes, BytesMut};
use core::fmt;

/// The length of a frame's length.
pub const LENGTH_BYTES: usize = 4;

/// The least room that [`FrameReader::space`] offers to a socket.
const READ_BYTES_MIN: usize = 16 * 1024;

/// Cuts what arrives on a connection into frames. Sans-IO: whoever reads the socket feeds it.
///
/// A length is checked before memory is reserved for it, and memory grows only with what has really arrived: announcing
/// 100 MB costs the one who announces it 100 MB of traffic.
#[derive(Debug)]
pub struct FrameReader {
    limit: u32,
    buffer: BytesMut,
}

/// Why a stream cannot be cut into frames. The connection has to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// The length is negative.
    Negative {
        /// The length announced.
        length: i32,
    },
    /// The length is larger than `socket.request.max.bytes`.
    TooLarge {
        /// The length announced.
        length: i32,
        /// The limit.
        limit: u32,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Negative { length } => write!(f, "a frame of the negative length {length}"),
            FrameError::TooLarge { length, limit } => {
                write!(f, "a frame of {length} bytes; socket.request.max.bytes allows {limit}")
            }
        }
    }
}

impl core::error::Error for FrameError {}

impl FrameReader {
    /// A reader of frames of at most `limit` bytes (`socket.request.max.bytes`).
    pub fn new(limit: u32) -> Self {
        FrameReader { limit, buffer: BytesMut::new() }
    }

    /// Takes bytes that arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Room for a socket to write what arrives behind what is there, without a copy: at least [`READ_BYTES_MIN`] bytes, and
    /// for a frame that is still arriving as much again as has arrived of it.
    pub fn space(&mut self) -> &mut BytesMut {
        let missing = match self.announced() {
            Ok(Some(length)) => (LENGTH_BYTES + length).saturating_sub(self.buffer.len()),
            _ => 0,
        };
        self.buffer.reserve(missing.min(self.buffer.len()).max(READ_BYTES_MIN));
        &mut self.buffer
    }

    /// The bytes that arrived and are not yet part of a frame that was taken out.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// The next whole frame without its length, or `None` if more bytes are needed.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, FrameError> {
        match self.announced()? {
            Some(length) if self.buffer.len() - LENGTH_BYTES >= length => {
                self.buffer.advance(LENGTH_BYTES);
                Ok(Some(self.buffer.split_to(length).freeze()))
            }
            _ => Ok(None),
        }
    }

    /// The length of the frame that comes next, if its length has arrived.
    fn announced(&self) -> Result<Option<usize>, FrameError> {
        let Some(length) = self.buffer.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let length = i32::from_be_bytes(*length);
        match u32::try_from(length) {
            Err(_) => Err(FrameError::Negative { length }),
            Ok(announced) if announced > self.limit => Err(FrameError::TooLarge { length, limit: self.limit }),
            Ok(announced) => Ok(Some(announced as usize)),
        }
    }
}

/// Cuts a frame with its length into the frame alone: for drivers that carry whole messages, not streams.
pub fn without_length(framed: &Bytes) -> Option<Bytes> {
    let length = i32::from_be_bytes(*framed.first_chunk::<LENGTH_BYTES>()?);
    (usize::try_from(length).ok()? == framed.len() - LENGTH_BYTES).then(|| framed.slice(LENGTH_BYTES..))
}
