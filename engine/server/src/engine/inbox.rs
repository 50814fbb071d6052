//! The way to the broker's thread: one bounded queue that every other thread puts messages into.
//!
//! Only requests are bounded (`queued.max.requests`, as in Kafka): a connection that finds the queue full waits, and its
//! socket fills up, and its client waits. What the broker has to be told in any case (a file is synced, a connection ended)
//! never waits.

use super::{live::Subscription, outlet::Outlet};
use bytes::Bytes;
use naru_broker::{ConnectionId, Metrics};
use naru_log::StorageError;
use naru_trace::ClusterView;
use std::{
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, oneshot};

/// What other threads tell the broker's thread.
pub enum Message {
    /// A socket was accepted.
    Connected { connection: ConnectionId, peer: String, outlet: Outlet },
    /// A connection that the broker dialled is there.
    Dialled { connection: ConnectionId, outlet: Outlet },
    /// A whole frame arrived on a connection.
    Frame { connection: ConnectionId, frame: Bytes },
    /// A connection ended, or could not be made.
    Disconnected { connection: ConnectionId },
    /// Files are on disk, or could not be brought there.
    Synced { ticket: u64, result: Result<(), StorageError> },
    /// A part of a file is in the page cache, or cannot be read.
    Loaded { ticket: u64 },
    /// Somebody wants to see the picture once.
    View { answer: oneshot::Sender<ClusterView> },
    /// Somebody wants to see the picture and all that happens to it.
    Subscribe { answer: oneshot::Sender<Subscription> },
    /// A subscription ended.
    Unsubscribe { subscriber: u64 },
    /// Somebody wants the counters.
    Report { answer: oneshot::Sender<Report> },
    /// From now on the disk takes so much longer, for writes and for syncs.
    SlowDisk { delay: Duration },
    /// Stop in good order.
    Stop,
}

/// The broker's counters and those of its thread.
#[derive(Debug, Clone)]
pub struct Report {
    /// The broker's own.
    pub broker: Metrics,
    /// How often the thread woke up and did something.
    pub turns: u64,
    /// How long it worked in all.
    pub busy: Duration,
    /// Its longest turn.
    pub turn_max: Duration,
    /// Responses whose loss was forced by a failed write.
    pub sends_dropped: u64,
}

/// The broker's thread has ended: there is nobody to tell anything.
#[derive(Debug, Clone, Copy)]
pub struct Gone;

/// The sending end. Cheap to clone.
#[derive(Clone)]
pub struct Inbox {
    messages: mpsc::Sender<Message>,
    slots: Arc<Semaphore>,
}

/// The receiving end, owned by the broker's thread.
pub struct InboxReceiver {
    messages: mpsc::Receiver<Message>,
    slots: Arc<Semaphore>,
}

/// A queue that holds at most `requests_max` requests.
pub fn inbox(requests_max: usize) -> (Inbox, InboxReceiver) {
    let (sender, receiver) = mpsc::channel();
    let slots = Arc::new(Semaphore::new(requests_max.clamp(1, Semaphore::MAX_PERMITS)));
    (Inbox { messages: sender, slots: slots.clone() }, InboxReceiver { messages: receiver, slots })
}

impl Inbox {
    /// Queues a request; waits while the queue is full.
    pub async fn request(&self, connection: ConnectionId, frame: Bytes) -> Result<(), Gone> {
        // The broker's thread gives the permit back when it takes the message out.
        self.slots.acquire().await.map_err(|_| Gone)?.forget();
        self.tell(Message::Frame { connection, frame })
    }

    /// Queues anything else, at once.
    pub fn tell(&self, message: Message) -> Result<(), Gone> {
        self.messages.send(message).map_err(|_| Gone)
    }

    /// Queues a question and waits for its answer.
    pub async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Message) -> Result<T, Gone> {
        let (sender, receiver) = oneshot::channel();
        self.tell(question(sender))?;
        receiver.await.map_err(|_| Gone)
    }
}

impl InboxReceiver {
    /// The next message, or `None` when `deadline` comes first. All senders gone is a `Stop`.
    pub fn wait(&self, deadline: Option<Instant>) -> Option<Message> {
        let message = match deadline {
            None => self.messages.recv().unwrap_or(Message::Stop),
            Some(deadline) => {
                let rest = deadline.saturating_duration_since(Instant::now());
                match self.messages.recv_timeout(rest) {
                    Ok(message) => message,
                    Err(mpsc::RecvTimeoutError::Timeout) => return None,
                    Err(mpsc::RecvTimeoutError::Disconnected) => Message::Stop,
                }
            }
        };
        Some(self.taken(message))
    }

    /// A message that is already there.
    pub fn queued(&self) -> Option<Message> {
        self.messages.try_recv().ok().map(|message| self.taken(message))
    }

    fn taken(&self, message: Message) -> Message {
        if matches!(message, Message::Frame { .. }) {
            self.slots.add_permits(1);
        }
        message
    }
}

impl Drop for InboxReceiver {
    /// Whoever waits for a slot learns that there will be none.
    fn drop(&mut self) {
        self.slots.close();
    }
}
