//! What consumers tell each other through the coordinator: `ConsumerProtocolSubscription` and `ConsumerProtocolAssignment`
//! (KIP-54, KIP-429, KIP-792, KIP-881). To the classic protocol these are opaque bytes; only consumers of one group have to
//! understand each other, and whoever wants to show what they agreed on.
//!
//! ```text
//! subscription = version i16, topics [string], user data bytes or -1,
//!                v1: owned [topic string, partitions [i32]], v2: generation i32, v3: rack string or -1
//! assignment   = version i16, [topic string, partitions [i32]], user data bytes or -1
//! ```
//!
//! A version that is newer than the last one known here begins like that one.

use alloc::{string::String, vec::Vec};
use bytes::{BufMut, Bytes, BytesMut};

/// Partitions by topic, in the order in which they stand in the message.
pub type TopicPartitions = Vec<(String, Vec<i32>)>;

/// What a consumer wants to read, and what it reads now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The topics it wants.
    pub topics: Vec<String>,
    /// The assignor's own.
    pub user_data: Option<Bytes>,
    /// What it owns (KIP-429).
    pub owned: TopicPartitions,
    /// The generation in which it got that; -1 for unknown (KIP-792).
    pub generation: i32,
    /// Its `client.rack` (KIP-881).
    pub rack: Option<String>,
}

impl Default for Subscription {
    fn default() -> Self {
        Subscription { topics: Vec::new(), user_data: None, owned: Vec::new(), generation: -1, rack: None }
    }
}

/// What a consumer is to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Assignment {
    /// The partitions.
    pub partitions: TopicPartitions,
    /// The assignor's own.
    pub user_data: Option<Bytes>,
}

impl Subscription {
    /// Its bytes in a version from 0 to 3.
    pub fn encode(&self, version: i16) -> Bytes {
        let mut out = BytesMut::new();
        out.put_i16(version);
        out.put_i32(self.topics.len() as i32);
        self.topics.iter().for_each(|topic| put_string(&mut out, topic));
        put_blob(&mut out, self.user_data.as_ref());
        if version >= 1 {
            put_partitions(&mut out, &self.owned);
        }
        if version >= 2 {
            out.put_i32(self.generation);
        }
        if version >= 3 {
            match &self.rack {
                Some(rack) => put_string(&mut out, rack),
                None => out.put_i16(-1),
            }
        }
        out.freeze()
    }

    /// Reads it. `None` when the bytes are something else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let version = reader.i16().filter(|version| *version >= 0)?;
        let mut topics = Vec::new();
        for _ in 0..reader.count()? {
            topics.push(reader.string()??);
        }
        let user_data = reader.blob()?;
        let owned = if version >= 1 { reader.partitions()? } else { Vec::new() };
        let generation = if version >= 2 { reader.i32()? } else { -1 };
        let rack = if version >= 3 { reader.string()? } else { None };
        Some(Subscription { topics, user_data, owned, generation, rack })
    }
}

impl Assignment {
    /// Its bytes in a version from 0 to 3.
    pub fn encode(&self, version: i16) -> Bytes {
        let mut out = BytesMut::new();
        out.put_i16(version);
        put_partitions(&mut out, &self.partitions);
        put_blob(&mut out, self.user_data.as_ref());
        out.freeze()
    }

    /// Reads it. `None` when the bytes are something else. No bytes at all are an empty assignment.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Assignment::default());
        }
        let mut reader = Reader(bytes);
        reader.i16().filter(|version| *version >= 0)?;
        Some(Assignment { partitions: reader.partitions()?, user_data: reader.blob()? })
    }
}

fn put_string(out: &mut BytesMut, text: &str) {
    out.put_i16(text.len() as i16);
    out.put_slice(text.as_bytes());
}

fn put_blob(out: &mut BytesMut, blob: Option<&Bytes>) {
    match blob {
        Some(blob) => {
            out.put_i32(blob.len() as i32);
            out.put_slice(blob);
        }
        None => out.put_i32(-1),
    }
}

fn put_partitions(out: &mut BytesMut, partitions: &TopicPartitions) {
    out.put_i32(partitions.len() as i32);
    for (topic, partitions) in partitions {
        put_string(out, topic);
        out.put_i32(partitions.len() as i32);
        partitions.iter().for_each(|partition| out.put_i32(*partition));
    }
}

/// Bytes that come from anybody: no length is believed before the bytes are there.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn i16(&mut self) -> Option<i16> {
        Some(i16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn i32(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(self.i32()?).ok()?;
        (count <= self.0.len()).then_some(count)
    }

    /// `Some(None)` is null.
    fn string(&mut self) -> Option<Option<String>> {
        let Ok(length) = usize::try_from(self.i16()?) else { return Some(None) };
        let text = core::str::from_utf8(self.take(length)?).ok()?;
        Some(Some(text.into()))
    }

    fn blob(&mut self) -> Option<Option<Bytes>> {
        let Ok(length) = usize::try_from(self.i32()?) else { return Some(None) };
        Some(Some(Bytes::copy_from_slice(self.take(length)?)))
    }

    fn partitions(&mut self) -> Option<TopicPartitions> {
        let mut topics = Vec::new();
        for _ in 0..self.count()? {
            let topic = self.string()??;
            let mut partitions = Vec::new();
            for _ in 0..self.count()? {
                partitions.push(self.i32()?);
            }
            topics.push((topic, partitions));
        }
        Some(topics)
    }
}
