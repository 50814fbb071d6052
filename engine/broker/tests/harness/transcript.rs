//! Transcripts: what was asked, a rule, what came back.
//!
//! ```text
//! # A comment.
//! a produce orders-0 k:v
//! ----
//! a orders-0 offset=0
//! ```
//! `NARU_BLESS=1 cargo test -p naru-broker` writes what really came back into the files.

use super::Harness;
use naru_broker::{BrokerConfig, ConnectionId, Input};
use naru_log::{Fault, Storage, StorageError, StorageErrorKind};
use naru_records::{Batch, batches};
use std::collections::BTreeMap;
use std::path::Path;

const RULE: &str = "----";

/// Runs a transcript and compares, or rewrites it.
pub fn run(path: &Path) {
    let text = std::fs::read_to_string(path).expect("a transcript");
    let mut harness = Harness::unopened(BrokerConfig::default());
    let mut actual = String::new();
    for block in text.trim_end().split("\n\n") {
        let (input, _) = block.split_once(RULE).unwrap_or((block, ""));
        actual.push_str(input);
        if block.contains(RULE) {
            actual.push_str(RULE);
            actual.push('\n');
        }
        for command in input.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            for line in harness.command(command) {
                actual.push_str(&line);
                actual.push('\n');
            }
        }
        actual.push('\n');
    }
    let actual = format!("{}\n", actual.trim_end());
    if std::env::var_os("NARU_BLESS").is_some() {
        std::fs::write(path, actual).expect("writable");
    } else {
        assert_eq!(actual, text, "{} differs; NARU_BLESS=1 rewrites it", path.display());
    }
}

impl Harness {
    /// One line of a transcript, and the lines that come of it.
    pub fn command(&mut self, line: &str) -> Vec<String> {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut lines = match first {
            "open" => self.open_with(rest),
            "start" => self.open().err().into_iter().collect(),
            "stop" => {
                self.close();
                Vec::new()
            }
            "crash" => {
                self.crash();
                Vec::new()
            }
            "pass" => {
                self.pass(rest.parse().expect("milliseconds"));
                Vec::new()
            }
            "connect" => {
                self.connect(number(rest));
                Vec::new()
            }
            "disconnect" => {
                self.step(Input::Disconnected { connection: ConnectionId(number(rest)) });
                Vec::new()
            }
            "shutdown" => {
                self.step(Input::Shutdown);
                Vec::new()
            }
            "sync-by-hand" => {
                self.sync_at_once = false;
                Vec::new()
            }
            "sync" => {
                self.sync_one();
                Vec::new()
            }
            "sync-fails" => {
                let ticket = self.tickets.pop_front().expect("a sync was asked for");
                let (kind, path, message) = (StorageErrorKind::Io, String::from("a file"), "Input/output error".into());
                self.step(Input::Synced { ticket, result: Err(StorageError { kind, path, message }) });
                Vec::new()
            }
            "cat" => {
                let text = self.storage.read_file(rest).expect("a file");
                String::from_utf8_lossy(&text).lines().map(String::from).collect()
            }
            "files" => {
                let entries = self.storage.list(rest).expect("a directory");
                entries.into_iter().map(|entry| format!("{} {}", entry.name, entry.length)).collect()
            }
            "warnings" => std::mem::take(&mut self.out.warnings),
            "fault" => {
                self.storage.set_fault(rest, Some(Fault::Io));
                Vec::new()
            }
            "put" => {
                let (path, text) = rest.split_once(' ').expect("a path and a text");
                self.storage.put(path, text.replace("\\n", "\n").as_bytes());
                Vec::new()
            }
            "edit" => {
                let words: Vec<&str> = rest.split(' ').collect();
                let (position, value) = (words[1].parse().expect("a position"), words[2].parse().expect("a byte"));
                self.storage.edit_byte(words[0], position, value).expect("a byte to change");
                Vec::new()
            }
            "ls" => self.list(),
            "codecs" => rest.split(' ').map(|partition| self.codecs(partition)).collect(),
            "events" => self.event_lines(),
            "cleanings" => self.cleanings(),
            "raw" => self.raw(rest),
            connection => {
                let (verb, arguments) = rest.split_once(' ').unwrap_or((rest, ""));
                let (version, request) = self.request(verb, arguments);
                self.send(number(connection), version, &request);
                Vec::new()
            }
        };
        lines.extend(self.happened());
        lines
    }

    /// How the batches of a partition's first segment are compressed.
    fn codecs(&self, partition: &str) -> String {
        let bytes = self.storage.read_file(&format!("{partition}/00000000000000000000.log")).expect("a segment");
        let codec = |batch: Result<Batch, _>| batch.expect("a batch").header().compression().expect("a codec").name();
        let codecs: Vec<&str> = batches(bytes).map(codec).collect();
        format!("{partition}: {}", codecs.join(" "))
    }

    /// What was sent and closed since the last time.
    pub fn happened(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some((connection, _)) = self.sent.front() {
            let connection = letter(*connection);
            let response = self.answer().expect("an answer");
            lines.extend(self.render(&response).iter().map(|line| format!("{connection} {line}")));
        }
        for (connection, reason) in std::mem::take(&mut self.closed) {
            lines.push(format!("{} closed: {reason}", letter(connection)));
        }
        lines
    }

    fn open_with(&mut self, properties: &str) -> Vec<String> {
        let pairs = properties.split_whitespace().map(|pair| pair.split_once('=').expect("key=value"));
        let pairs: BTreeMap<String, String> = pairs.map(|(key, value)| (key.into(), value.into())).collect();
        self.config = match BrokerConfig::from_properties(&pairs) {
            Ok(config) => BrokerConfig { seed: 7, ..config },
            Err(error) => return vec![error.to_string()],
        };
        self.open().err().into_iter().collect()
    }

    /// Everything in the data directory but the insides of segments.
    fn list(&self) -> Vec<String> {
        let paths = self.storage.entries().into_iter().filter(|entry| entry.is_dir || !entry.path.contains('/'));
        paths.map(|entry| if entry.is_dir { format!("{}/", hide_id(&entry.path)) } else { entry.path }).collect()
    }

    /// A frame of bytes in hexadecimal.
    fn raw(&mut self, rest: &str) -> Vec<String> {
        let (connection, hex) = rest.split_once(' ').unwrap_or((rest, ""));
        let digits: String = hex.split_whitespace().collect();
        let bytes =
            (0..digits.len() / 2).map(|index| u8::from_str_radix(&digits[index * 2..index * 2 + 2], 16).unwrap());
        let frame = bytes.collect::<Vec<u8>>().into();
        self.step(Input::Frame { connection: ConnectionId(number(connection)), frame });
        // An answer to it, if there is one, is the one to an ApiVersions request that is not known.
        let mut lines = Vec::new();
        while let Some((connection, framed)) = self.sent.pop_front() {
            let (_, response) =
                naru_wire::decode_response(naru_wire::ApiKey::ApiVersions, 0, framed.slice(4..)).expect("version 0");
            lines.extend(self.render(&response).iter().map(|line| format!("{} {line}", letter(connection))));
        }
        lines
    }
}

/// `orders-0.<32 digits>-delete` without its random part.
fn hide_id(name: &str) -> String {
    match name.split_once('.') {
        Some((before, after)) if after.len() > 32 && after.is_char_boundary(32) && after[32..].starts_with('-') => {
            format!("{before}.<id>{}", &after[32..])
        }
        _ => name.into(),
    }
}

fn number(connection: &str) -> u64 {
    u64::from(connection.as_bytes()[0] - b'a') + 1
}

fn letter(connection: ConnectionId) -> char {
    char::from(b'a' + (connection.0 - 1) as u8)
}
