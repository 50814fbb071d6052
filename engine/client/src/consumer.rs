//! The consumer.

use crate::{ClientError, ClientInput, ClientOutbox, ConsumerConfig, Machine};
use alloc::{string::String, vec::Vec};
use bytes::Bytes;
use naru_records::Header;
use naru_trace::{ClientView, Deadline, Now};

/// Where to begin reading a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAt {
    /// At the first record there is.
    Earliest,
    /// After the last record there is.
    Latest,
    /// At this offset.
    Offset(i64),
}

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerRecord {
    /// Its topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Option<Bytes>,
    /// Its headers.
    pub headers: Vec<Header>,
}

/// Reads records.
#[derive(Debug)]
pub struct Consumer {}

impl Consumer {
    /// A consumer, number `client` in its world. It connects when it has something to do.
    pub fn new(config: ConsumerConfig, client: u32, now: Now, out: &mut ClientOutbox) -> Self {
        let _ = (config, client, now, out);
        todo!()
    }
    /// Reads these partitions, and no others, from now on.
    pub fn assign(&mut self, now: Now, partitions: Vec<(String, i32, StartAt)>, out: &mut ClientOutbox) {
        let _ = (now, partitions, out);
        todo!()
    }
    /// Moves to another place in an assigned partition. Buffered records of it are dropped.
    pub fn seek(
        &mut self,
        now: Now,
        topic: &str,
        partition: i32,
        to: StartAt,
        out: &mut ClientOutbox,
    ) -> Result<(), ClientError> {
        let _ = (now, topic, partition, to, out);
        todo!()
    }
    /// Takes at most `max` records that have been fetched, in order within each partition. Never waits.
    pub fn poll(&mut self, now: Now, max: usize, out: &mut ClientOutbox) -> Vec<ConsumerRecord> {
        let _ = (now, max, out);
        todo!()
    }
    /// How many records [`Consumer::poll`] could return now.
    pub fn buffered(&self) -> usize {
        todo!()
    }
    /// The offset of the next record that [`Consumer::poll`] returns; `None` before it is known.
    pub fn position(&self, topic: &str, partition: i32) -> Option<i64> {
        let _ = (topic, partition);
        todo!()
    }
    /// The partitions it reads.
    pub fn assignment(&self) -> Vec<(String, i32)> {
        todo!()
    }
    /// Whether every assigned partition was read to the high watermark that the last fetch of it told.
    pub fn is_at_end(&self) -> bool {
        todo!()
    }
    /// How many partitions a topic has. `None` while it is being asked for: step, and call again.
    pub fn partitions_of(
        &mut self,
        now: Now,
        topic: &str,
        out: &mut ClientOutbox,
    ) -> Option<Result<i32, ClientError>> {
        let _ = (now, topic, out);
        todo!()
    }
    /// Takes the errors that the application should know of: offsets out of range without a reset policy, topics that
    /// do not exist, damaged batches.
    pub fn errors(&mut self) -> Vec<ClientError> {
        todo!()
    }
    /// Ends it.
    pub fn close(&mut self, now: Now, out: &mut ClientOutbox) {
        let _ = (now, out);
        todo!()
    }
}

impl Machine for Consumer {
    fn step(&mut self, now: Now, input: ClientInput, out: &mut ClientOutbox) {
        let _ = (now, input, out);
        todo!()
    }
    fn next_deadline(&self) -> Option<Deadline> {
        todo!()
    }
    fn view(&self) -> ClientView {
        todo!()
    }
}
