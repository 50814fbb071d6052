//! The file `quorum-state`: what a member must not forget, in Kafka's format (FileQuorumStateStore.java,
//! QuorumStateData.json).
//!
//! ```text
//! {"leaderId":1,"leaderEpoch":5,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1}
//! ```
//!
//! Whoever has voted in an epoch and forgets it may vote again, and then that epoch may get two leaders. So the file is
//! safely on disk before a vote is answered. Version 0, which Kafka writes while voters are known by their `node.id` alone,
//! is read as well. The parser is small because the file is: one object, whose values are numbers and strings (and in
//! version 0 an array that is skipped).

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use uuid::Uuid;

/// The file's name, in the directory of the metadata log.
pub const FILE_NAME: &str = "quorum-state";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A voter, as a vote names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaKey {
    /// Its `node.id`.
    pub id: i32,
    /// Its metadata directory's id; nil if it is not known.
    pub directory_id: Uuid,
}

impl ReplicaKey {
    /// Whether both may mean the same voter: a directory id that is not known fits every other.
    pub fn fits(&self, other: &ReplicaKey) -> bool {
        let unknown = self.directory_id.is_nil() || other.directory_id.is_nil();
        self.id == other.id && (unknown || self.directory_id == other.directory_id)
    }
}

/// What is known of the newest epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ElectionState {
    /// The epoch.
    pub epoch: i32,
    /// Its leader, if that is known.
    pub leader: Option<i32>,
    /// Whom this member voted for in it.
    pub voted: Option<ReplicaKey>,
}

impl ElectionState {
    /// The file's text.
    pub fn text(&self) -> String {
        let voted = self.voted.unwrap_or(ReplicaKey { id: -1, directory_id: Uuid::nil() });
        format!(
            r#"{{"leaderId":{},"leaderEpoch":{},"votedId":{},"votedDirectoryId":"{}","data_version":1}}"#,
            self.leader.unwrap_or(-1),
            self.epoch,
            voted.id,
            id_text(voted.directory_id),
        )
    }

    /// Reads the file's text. An error is a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fields = Fields::parse(text.trim()).ok_or("it is not a JSON object of numbers and strings")?;
        let version = fields.number("data_version")?;
        if !(0..=1).contains(&version) {
            return Err(format!("its data_version is {version}; versions 0 and 1 are understood"));
        }
        let (leader, epoch) = (fields.number("leaderId")?, fields.number("leaderEpoch")?);
        let voted_id = fields.number("votedId")?;
        if leader < -1 || epoch < 0 || voted_id < -1 {
            return Err(format!("leader {leader}, epoch {epoch} and vote {voted_id} cannot be"));
        }
        let directory_id = match fields.string("votedDirectoryId") {
            Some(text) => parse_id(text).ok_or("its votedDirectoryId is not an id")?,
            None => Uuid::nil(),
        };
        let voted = (voted_id >= 0).then_some(ReplicaKey { id: voted_id, directory_id });
        Ok(ElectionState { epoch, leader: (leader >= 0).then_some(leader), voted })
    }
}

/// The fields of one JSON object.
struct Fields<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Fields<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut rest = text.strip_prefix('{')?.strip_suffix('}')?.trim();
        let mut fields = Vec::new();
        while !rest.is_empty() {
            let (name, after) = rest.strip_prefix('"')?.split_once('"')?;
            let after = after.trim_start().strip_prefix(':')?.trim_start();
            let length = match after.as_bytes().first()? {
                b'"' => after[1..].find('"')? + 2,
                b'[' => after.find(']')? + 1,
                _ => after.find(',').unwrap_or(after.len()),
            };
            fields.push((name, after[..length].trim()));
            rest = after[length..].trim_start();
            if !rest.is_empty() {
                rest = rest.strip_prefix(',')?.trim_start();
                // A comma is followed by a field.
                rest.strip_prefix('"')?;
            }
        }
        Some(Fields(fields))
    }

    fn value(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(field, _)| *field == name).map(|(_, value)| *value)
    }

    fn number(&self, name: &str) -> Result<i32, String> {
        let value = self.value(name).ok_or_else(|| format!("it has no {name}"))?;
        value.parse().map_err(|_| format!("its {name} is not a number: {value}"))
    }

    fn string(&self, name: &str) -> Option<&'a str> {
        self.value(name)?.strip_prefix('"')?.strip_suffix('"')
    }
}

/// An id as Kafka writes it: 22 characters of URL-safe base64 without padding.
pub fn id_text(id: Uuid) -> String {
    let bits = id.as_u128();
    // 128 bits are 21 groups of six, and two bits more.
    let digit = |group: u32| BASE64[((bits >> (122 - 6 * group)) & 63) as usize] as char;
    let last = BASE64[((bits & 3) << 4) as usize] as char;
    (0..21).map(digit).chain([last]).collect::<String>().to_string()
}

/// Reads such an id.
pub fn parse_id(text: &str) -> Option<Uuid> {
    if text.len() != 22 {
        return None;
    }
    let mut bits = 0_u128;
    for (group, byte) in text.bytes().enumerate() {
        let digit = BASE64.iter().position(|digit| *digit == byte)? as u128;
        match group {
            21 if digit & 15 != 0 => return None,
            21 => bits = (bits << 2) | (digit >> 4),
            _ => bits = (bits << 6) | digit,
        }
    }
    Some(Uuid::from_u128(bits))
}
