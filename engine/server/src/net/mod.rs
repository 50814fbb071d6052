//! Sockets that speak Kafka's protocol: accepting them, and one task for each.
//!
//! What bytes mean is not known here: a frame is four bytes of length and that many bytes, and everything else is the
//! broker's. Limits on what strangers may do to this process are known here and nowhere else: how many connections, how large a
//! frame, how slow, how much at once. Read [`connection`] next.

pub mod connection;
pub mod dial;
mod read;
mod write;

use crate::{clock::Clock, engine::inbox::Inbox};
use connection::Opened;
use naru_broker::ConnectionId;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};

/// What connections may do.
#[derive(Debug, Clone)]
pub struct Limits {
    /// `socket.request.max.bytes`.
    pub request_bytes_max: u32,
    /// `max.connections`.
    pub connections_max: usize,
    /// `connections.max.idle.ms`.
    pub idle_max: Duration,
    /// How long a frame may take to arrive once its first byte is there: this, and a second per 64 KiB.
    pub frame_time_max: Duration,
    /// `socket.connection.setup.timeout.ms`: how long another broker may take to accept a connection.
    pub connect_time_max: Duration,
}

/// What every connection's task knows.
pub struct Shared {
    /// The way to the broker.
    pub inbox: Inbox,
    /// The process's clock.
    pub clock: Clock,
    /// What connections may do.
    pub limits: Limits,
    /// One for each further connection that is accepted, on any listener.
    slots: Arc<Semaphore>,
    /// The number of the next one.
    next: AtomicU64,
}

impl Shared {
    /// What is known before the first connection.
    pub fn new(inbox: Inbox, clock: Clock, limits: Limits) -> Self {
        let slots = Arc::new(Semaphore::new(limits.connections_max.min(Semaphore::MAX_PERMITS)));
        Shared { inbox, clock, limits, slots, next: AtomicU64::new(0) }
    }
}

/// How long a stopping server waits for responses that are still being written.
const STOP_WRITE_WAIT: Duration = Duration::from_secs(5);
/// How long accepting pauses when the process has run out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections until told to stop, then waits for those that are open to end.
///
/// When `max.connections` are open, further ones wait in the operating system's queue until one ends, as with Kafka.
pub async fn serve(listener: TcpListener, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut tasks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &shared.slots) => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
            // Ended tasks are taken out as they end, or the set would grow for ever.
            Some(_) = tasks.join_next() => continue,
        };
        match accepted {
            Ok((stream, peer, slot)) => {
                let connection = ConnectionId(shared.next.fetch_add(1, Ordering::Relaxed));
                let shared = shared.clone();
                tasks.spawn(async move {
                    connection::run(connection, stream, Opened::Accepted { peer }, shared).await;
                    drop(slot);
                });
            }
            Err(error) => {
                crate::log::warn(format_args!("cannot accept a connection: {error}"));
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let all_ended = async { while tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(STOP_WRITE_WAIT, all_ended).await;
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(TcpStream, String, OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    // Small responses must not wait for one another.
    stream.set_nodelay(true)?;
    Ok((stream, peer.to_string(), slot))
}
