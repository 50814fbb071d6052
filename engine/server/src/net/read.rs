//! Reading requests: bytes from a socket, cut into frames.
//!
//! ```text
//!  0        4                  4 + length
//! +--------+------------------+--------
//! | length | frame            | length ...      length: big-endian, signed, 0 ..= socket.request.max.bytes
//! +--------+------------------+--------
//! ```
//!
//! Memory is only given to bytes that came: a stranger who promises 100 MiB gets a buffer that grows as they arrive. A
//! connection that says nothing holds no buffer at all.

use super::{
    Shared,
    connection::{Ended, Socket},
};
use bytes::{Buf, Bytes, BytesMut};
use std::{
    io::ErrorKind,
    pin::Pin,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};
use tokio::time::{Sleep, sleep};

/// Length of the length.
const LENGTH_BYTES: usize = 4;
/// The first buffer of a connection that begins to speak.
const BUFFER_MIN: usize = 8 * 1024;
/// The most room that is made ahead of what came.
const BUFFER_AHEAD_MAX: usize = 256 * 1024;
/// A frame that keeps at least this pace is never too slow.
const FRAME_BYTES_PER_SECOND: u64 = 64 * 1024;

/// Reads frames and hands them to the broker, until the connection ends.
pub async fn frames(socket: &Socket, shared: &Shared) -> Ended {
    let timer = sleep(shared.limits.idle_max);
    let mut reader =
        Reader { socket, shared, buffer: BytesMut::new(), room: BUFFER_MIN, frame_began: None, timer: Box::pin(timer) };
    loop {
        if let Err(ended) = reader.round().await {
            return ended;
        }
    }
}

struct Reader<'a> {
    socket: &'a Socket,
    shared: &'a Shared,
    buffer: BytesMut,
    /// How much to make room for when nothing is known of what comes: grows with a busy connection.
    room: usize,
    /// When the first byte of the frame in the buffer came.
    frame_began: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl Reader<'_> {
    /// All whole frames that are there go to the broker; then more bytes.
    async fn round(&mut self) -> Result<(), Ended> {
        while let Some(frame) = self.whole_frame()? {
            self.hand_over(frame).await?;
        }
        if self.buffer.is_empty() {
            self.frame_began = None;
        } else if self.frame_began.is_none() {
            self.frame_began = Some(Instant::now());
        }
        self.more().await
    }

    fn whole_frame(&mut self) -> Result<Option<Bytes>, Ended> {
        let Some(length) = self.length()? else { return Ok(None) };
        if self.buffer.len() < LENGTH_BYTES + length {
            return Ok(None);
        }
        self.buffer.advance(LENGTH_BYTES);
        self.frame_began = None;
        Ok(Some(self.buffer.split_to(length).freeze()))
    }

    /// The length of the frame that the buffer begins with, once it is there.
    fn length(&self) -> Result<Option<usize>, Ended> {
        let Some(bytes) = self.buffer.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let length = i32::from_be_bytes(*bytes);
        let max = self.shared.limits.request_bytes_max;
        match u32::try_from(length) {
            Ok(fits) if fits <= max => Ok(Some(fits as usize)),
            _ => Err(Ended::BadLength { length, max }),
        }
    }

    async fn hand_over(&mut self, frame: Bytes) -> Result<(), Ended> {
        let flow = &self.socket.flow;
        if flow.is_full() {
            // The client waits too: its bytes stay in the socket. It is not idle while responses move.
            self.or_idle(WaitFor::Room).await?;
        }
        flow.frame_queued(frame.len());
        self.shared.inbox.request(self.socket.connection, frame).await.map_err(|_| Ended::BrokerGone)
    }

    /// Reads what the socket has; waits when it has nothing.
    async fn more(&mut self) -> Result<(), Ended> {
        loop {
            if self.buffer.is_empty() && self.buffer.capacity() < self.room {
                // Let go of what is left of the old buffer: frames of it may still be held by the broker.
                self.buffer = BytesMut::new();
            }
            self.make_room()?;
            match self.socket.stream.try_read_buf(&mut self.buffer) {
                Ok(0) => return Err(self.end_of_stream()),
                Ok(count) => {
                    self.socket.moved(self.shared);
                    self.adapt(count);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if self.buffer.is_empty() {
                        self.buffer = BytesMut::new();
                    }
                    self.or_idle(WaitFor::Bytes).await?;
                }
                Err(error) => return Err(Ended::Io(error)),
            }
        }
    }

    fn make_room(&mut self) -> Result<(), Ended> {
        let there = self.buffer.len();
        let wanted = match self.length()? {
            // Not all at once: at most as much again as has come.
            Some(length) => (LENGTH_BYTES + length - there).min(there.max(BUFFER_AHEAD_MAX)),
            None => self.room,
        };
        if self.buffer.capacity() - there < wanted.min(self.room) {
            self.buffer.reserve(wanted);
        }
        Ok(())
    }

    /// A connection whose buffer was filled gets a larger one next time; one that speaks little, a smaller one.
    fn adapt(&mut self, count: usize) {
        if count >= self.room {
            self.room = (self.room * 2).min(BUFFER_AHEAD_MAX);
        } else if count < self.room / 8 {
            self.room = (self.room / 2).max(BUFFER_MIN);
        }
    }

    fn end_of_stream(&self) -> Ended {
        match (self.buffer.len(), self.length()) {
            (0, _) => Ended::InOrder,
            (there, Ok(Some(length))) => Ended::Truncated { missing: LENGTH_BYTES + length - there },
            (there, _) => Ended::Truncated { missing: LENGTH_BYTES - there.min(LENGTH_BYTES) },
        }
    }

    /// Waits for the socket or for room, but not for ever.
    async fn or_idle(&mut self, wait: WaitFor) -> Result<(), Ended> {
        loop {
            let (deadline, ended) = self.deadline();
            let now = Instant::now();
            if deadline <= now {
                return Err(ended);
            }
            // Moving a timer costs more than letting it ring early once in a while.
            if self.timer.is_elapsed() || self.timer.deadline().into_std() > deadline {
                self.timer.as_mut().reset(deadline.into());
            }
            let ready = async {
                match wait {
                    WaitFor::Bytes => self.socket.stream.readable().await,
                    WaitFor::Room => {
                        self.socket.flow.may_read().await;
                        Ok(())
                    }
                }
            };
            tokio::select! {
                ready = ready => return ready.map_err(Ended::Io),
                () = self.timer.as_mut() => {}
            }
        }
    }

    /// When the connection is given up, and what is said then.
    fn deadline(&self) -> (Instant, Ended) {
        let limits = &self.shared.limits;
        let idle_ms = self.shared.clock.millis().saturating_sub(self.socket.last_moved.load(Ordering::Relaxed));
        let idle = Instant::now() + limits.idle_max.saturating_sub(Duration::from_millis(idle_ms));
        let Some(began) = self.frame_began else { return (idle, Ended::Idle) };
        let length = self.length().ok().flatten().unwrap_or(0) as u64;
        let slow = began + limits.frame_time_max + Duration::from_secs(length / FRAME_BYTES_PER_SECOND);
        if slow < idle { (slow, Ended::SlowFrame) } else { (idle, Ended::Idle) }
    }
}

#[derive(Clone, Copy)]
enum WaitFor {
    Bytes,
    Room,
}
