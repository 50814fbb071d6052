//! The way from the broker's thread to one connection: what is to be written to its socket, and when its reader may go on.
//!
//! The queue itself is unbounded, and yet bounded: responses come from requests only, and [`Flow`] stops the reading of
//! requests while too much is under way for this connection.

use crate::storage::Handle;
use bytes::{Buf, Bytes};
use std::{
    io::IoSlice,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tokio::{
    net::TcpStream,
    sync::{Notify, mpsc},
};

/// Bytes that one connection may have in the broker's queue and in its own, together, before its reader waits. One frame may be
/// larger; then it is alone.
const UNDER_WAY_MAX: usize = 1024 * 1024;

/// The longest response that the broker's thread writes itself.
const DIRECT_BYTES_MAX: usize = 16 * 1024;

/// A part of a response.
pub enum Chunk {
    /// Bytes in memory.
    Bytes(Bytes),
    /// A range of a file, read when it is written to the socket.
    File { handle: Handle, position: u64, length: u32 },
}

impl Chunk {
    /// Length in bytes.
    pub fn len(&self) -> usize {
        match self {
            Chunk::Bytes(bytes) => bytes.len(),
            Chunk::File { length, .. } => *length as usize,
        }
    }
}

/// What the connection is asked to do, in order.
pub enum Outgoing {
    /// Write a response.
    Response(Vec<Chunk>),
    /// Close the socket. What came before is written first.
    Close,
}

/// How much is under way for a connection.
#[derive(Default)]
pub struct Flow {
    queued_in: AtomicUsize,
    queued_out: AtomicUsize,
    /// The broker asked for no more frames: replies wait, and the frames behind them pile up.
    held: AtomicBool,
    may_read: Notify,
}

impl Flow {
    /// Waits until the reader may hand over another frame.
    pub async fn may_read(&self) {
        loop {
            let changed = self.may_read.notified();
            if !self.is_full() {
                return;
            }
            changed.await;
        }
    }

    /// Whether the reader has to wait.
    pub fn is_full(&self) -> bool {
        // `SeqCst`: a reader that decides to wait and a writer that makes room must not miss each other.
        let bytes = self.queued_in.load(Ordering::SeqCst) + self.queued_out.load(Ordering::SeqCst);
        bytes >= UNDER_WAY_MAX || self.held.load(Ordering::SeqCst)
    }

    /// A frame goes into the broker's queue.
    pub fn frame_queued(&self, bytes: usize) {
        self.queued_in.fetch_add(bytes, Ordering::SeqCst);
    }

    /// The broker took a frame out of its queue.
    pub fn frame_taken(&self, bytes: usize) {
        self.queued_in.fetch_sub(bytes, Ordering::SeqCst);
        self.may_read.notify_one();
    }

    /// Bytes of a response were written to the socket.
    pub fn written(&self, bytes: usize) {
        self.queued_out.fetch_sub(bytes, Ordering::SeqCst);
        self.may_read.notify_one();
    }

    /// The broker wants frames of this connection, or wants none for now.
    pub fn set_held(&self, held: bool) {
        if self.held.swap(held, Ordering::SeqCst) && !held {
            self.may_read.notify_one();
        }
    }
}

/// The broker thread's end of a connection.
pub struct Outlet {
    queue: mpsc::UnboundedSender<Outgoing>,
    flow: Arc<Flow>,
    stream: Arc<TcpStream>,
}

impl Outlet {
    /// An outlet, and the end that the connection's task reads.
    pub fn new(flow: Arc<Flow>, stream: Arc<TcpStream>) -> (Outlet, mpsc::UnboundedReceiver<Outgoing>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Outlet { queue: sender, flow, stream }, receiver)
    }

    /// Queues a response. A connection that has ended meanwhile needs none.
    ///
    /// With `directly`, a small one is written to the socket here and now if nothing is queued before it: waking the
    /// connection's task takes longer than that.
    pub fn send(&self, mut chunks: Vec<Chunk>, directly: bool) {
        let mut bytes: usize = chunks.iter().map(Chunk::len).sum();
        // Only this thread adds to `queued_out`: at zero, all that went before is in the socket.
        if directly && bytes <= DIRECT_BYTES_MAX && self.flow.queued_out.load(Ordering::SeqCst) == 0 {
            bytes -= self.write(&mut chunks);
        }
        if bytes > 0 {
            self.flow.queued_out.fetch_add(bytes, Ordering::SeqCst);
            let _ = self.queue.send(Outgoing::Response(chunks));
        }
    }

    /// Writes what the socket takes at once, and takes it off the chunks. Returns how many bytes that were.
    fn write(&self, chunks: &mut Vec<Chunk>) -> usize {
        let in_memory = chunks.iter().map_while(|chunk| match chunk {
            Chunk::Bytes(bytes) => Some(IoSlice::new(bytes)),
            Chunk::File { .. } => None,
        });
        let slices: Vec<IoSlice<'_>> = in_memory.collect();
        if slices.len() < chunks.len() {
            return 0;
        }
        // A socket that is full, or has an error, is the connection's task's to deal with.
        let Ok(written) = self.stream.try_write_vectored(&slices) else { return 0 };
        let mut rest = written;
        chunks.retain_mut(|chunk| {
            let Chunk::Bytes(bytes) = chunk else { return true };
            let taken = rest.min(bytes.len());
            rest -= taken;
            bytes.advance(taken);
            !bytes.is_empty()
        });
        written
    }

    /// Closes the connection after what was queued before.
    pub fn close(&self) {
        let _ = self.queue.send(Outgoing::Close);
    }

    /// How much is under way.
    pub fn flow(&self) -> &Flow {
        &self.flow
    }
}
