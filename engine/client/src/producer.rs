//! The producer.

use crate::{ClientError, ClientInput, ClientOutbox, Machine, ProducerConfig};
use alloc::{string::String, vec::Vec};
use bytes::Bytes;
use naru_records::Header;
use naru_trace::{ClientView, Deadline, Now};

/// A record to be sent.
#[derive(Debug, Clone, Default)]
pub struct ProducerRecord {
    /// Its topic.
    pub topic: String,
    /// Its partition; `None` to let the partitioner choose.
    pub partition: Option<i32>,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Its headers.
    pub headers: Vec<Header>,
    /// Milliseconds since 1970; `None` for now.
    pub timestamp: Option<i64>,
}

/// Where a record went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordMetadata {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset; -1 with `acks=0`.
    pub offset: i64,
}

/// The end of one record's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryReport {
    /// What [`Producer::send`] returned.
    pub ticket: u64,
    /// Where the record is, or why it is nowhere (that the producer knows of).
    pub result: Result<RecordMetadata, ClientError>,
}

/// Sends records.
#[derive(Debug)]
pub struct Producer {}

impl Producer {
    /// A producer, number `client` in its world. It connects when it has something to do.
    pub fn new(config: ProducerConfig, client: u32, now: Now, out: &mut ClientOutbox) -> Self {
        let _ = (config, client, now, out);
        todo!()
    }
    /// Hands a record over. Returns its ticket: the number that its [`DeliveryReport`] will carry.
    pub fn send(&mut self, now: Now, record: ProducerRecord, out: &mut ClientOutbox) -> Result<u64, ClientError> {
        let _ = (now, record, out);
        todo!()
    }
    /// Everything handed over so far is sent now, whatever `linger.ms` says. Done when [`Producer::is_idle`].
    pub fn flush(&mut self, now: Now, out: &mut ClientOutbox) {
        let _ = (now, out);
        todo!()
    }
    /// Takes the reports that have come in since the last call.
    pub fn reports(&mut self) -> Vec<DeliveryReport> {
        todo!()
    }
    /// Whether every record was acknowledged or failed.
    pub fn is_idle(&self) -> bool {
        todo!()
    }
    /// Ends it: what waits fails, connections are closed. Flush first to lose nothing.
    pub fn close(&mut self, now: Now, out: &mut ClientOutbox) {
        let _ = (now, out);
        todo!()
    }
}

impl Machine for Producer {
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
