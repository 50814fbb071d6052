//! Cutting a stream of bytes into frames: a length of four bytes, then that many bytes.

use bytes::Bytes;

/// Cuts what arrives on a connection into frames. Sans-IO: whoever reads the socket feeds it.
#[derive(Debug)]
pub struct FrameReader {}

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

impl FrameReader {
    /// A reader of frames of at most `limit` bytes (`socket.request.max.bytes`).
    pub fn new(_limit: u32) -> Self {
        todo!()
    }

    /// Takes bytes that arrived.
    pub fn feed(&mut self, _bytes: Bytes) {
        todo!()
    }

    /// The next whole frame without its length, or `None` if more bytes are needed.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, FrameError> {
        todo!()
    }
}
