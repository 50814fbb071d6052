//! Writing responses: chunks to a socket, in order, many in one system call.
//!
//! Record data comes from files. What the page cache has is read without ever waiting (`preadv2` with `RWF_NOWAIT`); what it has
//! not is read on a thread that may block, so that a cold read delays nobody but who asked for it.

use super::{
    Shared,
    connection::{Ended, Socket},
};
use crate::{
    engine::outlet::{Chunk, Outgoing},
    storage::{Handle, read_at_most, read_cached},
};
use bytes::Bytes;
use std::{
    collections::VecDeque,
    io::{self, ErrorKind, IoSlice},
    ops::Range,
};
use tokio::sync::mpsc;

/// Bytes that are brought together before they are written. Also the most of a file that is in memory for one connection.
const WINDOW_BYTES: usize = 256 * 1024;
/// Pieces of one write.
const WINDOW_PIECES: usize = 64;

/// Writes what the broker queues, until it says stop.
pub async fn responses(socket: &Socket, shared: &Shared, mut queue: mpsc::UnboundedReceiver<Outgoing>) -> Ended {
    let mut writer = Writer { socket, shared, chunks: VecDeque::new(), scratch: Vec::new() };
    let mut closing = false;
    while !closing {
        // Nothing to do for now: hold no memory while waiting.
        if queue.is_empty() {
            writer.scratch = Vec::new();
        }
        match queue.recv().await {
            Some(outgoing) => closing = writer.queue(outgoing),
            None => return Ended::InOrder,
        }
        while !closing && writer.chunks.len() < WINDOW_PIECES {
            match queue.try_recv() {
                Ok(outgoing) => closing = writer.queue(outgoing),
                Err(_) => break,
            }
        }
        if let Err(error) = writer.flush().await {
            return Ended::Io(error);
        }
    }
    Ended::InOrder
}

struct Writer<'a> {
    socket: &'a Socket,
    shared: &'a Shared,
    chunks: VecDeque<Chunk>,
    /// File bytes of the current window.
    scratch: Vec<u8>,
}

/// A piece of the current window.
enum Piece {
    Memory(Bytes),
    Scratch(Range<usize>),
}

impl Piece {
    fn bytes<'a>(&'a self, scratch: &'a [u8]) -> &'a [u8] {
        match self {
            Piece::Memory(bytes) => bytes,
            Piece::Scratch(range) => &scratch[range.clone()],
        }
    }
}

impl Writer<'_> {
    /// Returns whether the connection is to be closed after what was queued.
    fn queue(&mut self, outgoing: Outgoing) -> bool {
        match outgoing {
            Outgoing::Response(chunks) => {
                self.chunks.extend(chunks);
                false
            }
            Outgoing::Close => true,
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        while !self.chunks.is_empty() {
            let window = self.window().await?;
            self.write(window).await?;
        }
        Ok(())
    }

    /// Takes up to [`WINDOW_BYTES`] off the front of the queue, file ranges read into memory.
    async fn window(&mut self) -> io::Result<Vec<Piece>> {
        let mut pieces = Vec::with_capacity(self.chunks.len().min(WINDOW_PIECES));
        let (mut bytes, mut used) = (0, 0);
        while bytes < WINDOW_BYTES && pieces.len() < WINDOW_PIECES {
            let Some(chunk) = self.chunks.pop_front() else { break };
            match chunk {
                Chunk::Bytes(chunk) => {
                    bytes += chunk.len();
                    pieces.push(Piece::Memory(chunk));
                }
                Chunk::File { handle, position, length } => {
                    let take = (length as usize).min(WINDOW_BYTES - bytes);
                    let range = used..used + take;
                    self.read(&handle, position, range.clone()).await?;
                    let rest = length - take as u32;
                    if rest > 0 {
                        let position = position + take as u64;
                        self.chunks.push_front(Chunk::File { handle, position, length: rest });
                    }
                    bytes += take;
                    used += take;
                    pieces.push(Piece::Scratch(range));
                }
            }
        }
        Ok(pieces)
    }

    /// Fills `range` of the scratch buffer from a file: at once if the page cache has it, else on a thread that may block.
    async fn read(&mut self, handle: &Handle, position: u64, range: Range<usize>) -> io::Result<()> {
        if self.scratch.len() < range.end {
            self.scratch.resize(range.end.next_power_of_two().min(WINDOW_BYTES), 0);
        }
        let hot = match read_cached(handle.file(), position, &mut self.scratch[range.clone()]) {
            // Where the system cannot tell, every read may block.
            Err(error) if error.kind() == ErrorKind::Unsupported => 0,
            hot => hot?,
        };
        let (position, range) = (position + hot as u64, range.start + hot..range.end);
        if range.is_empty() {
            return Ok(());
        }
        let (handle, mut scratch) = (handle.clone(), std::mem::take(&mut self.scratch));
        let cold = tokio::task::spawn_blocking(move || {
            let read = read_at_most(handle.file(), position, &mut scratch[range.clone()]);
            (scratch, read.map(|count| count == range.len()))
        });
        let (scratch, read) = cold.await.map_err(io::Error::other)?;
        self.scratch = scratch;
        // The frame's length has been sent: with bytes missing, the only truth left is to close the connection.
        if read? { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }

    async fn write(&mut self, pieces: Vec<Piece>) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> =
            pieces.iter().map(|piece| IoSlice::new(piece.bytes(&self.scratch))).collect();
        let mut rest = slices.as_mut_slice();
        // Empty slices at the front are none of the kernel's business.
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            match self.socket.stream.try_write_vectored(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.socket.moved(self.shared);
                    self.socket.flow.written(count);
                    IoSlice::advance_slices(&mut rest, count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.socket.stream.writable().await?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
