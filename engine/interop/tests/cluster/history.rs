//! What clients did and saw, written down as `naru sim check-history` reads it: one JSON object for each line.

use serde_json::{Value, json};
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Instant,
};

/// A history that is being written. Cheap to clone.
#[derive(Clone)]
pub struct History(Arc<Mutex<Inner>>);

struct Inner {
    file: BufWriter<File>,
    path: PathBuf,
    begun: Instant,
}

impl History {
    /// A new one in a file.
    pub fn create(path: &Path) -> Self {
        let file = BufWriter::new(File::create(path).expect("the history can be written"));
        History(Arc::new(Mutex::new(Inner { file, path: path.to_owned(), begun: Instant::now() })))
    }

    /// A client did or saw something.
    pub fn add(&self, client: &str, what: &str, value: Value) {
        let mut inner = self.0.lock().expect("no panic");
        let at_us = inner.begun.elapsed().as_micros() as u64;
        let entry = json!({ "at_us": at_us, "client": client, what: value });
        writeln!(inner.file, "{entry}").expect("the history can be written");
    }

    /// Writes what is still in memory, and says where it all is.
    pub fn finish(&self) -> PathBuf {
        let mut inner = self.0.lock().expect("no panic");
        inner.file.flush().expect("the history can be written");
        inner.path.clone()
    }

    pub fn send(&self, client: &str, topic: &str, value: &str) {
        self.add(client, "send", json!({ "value": value, "topic": topic, "acks": -1, "idempotent": true }));
    }

    pub fn acknowledged(&self, client: &str, topic: &str, value: &str, (partition, offset): (i64, i64)) {
        let told = json!({ "value": value, "topic": topic, "partition": partition, "offset": offset });
        self.add(client, "acknowledged", told);
    }

    pub fn failed(&self, client: &str, value: &str, error: &str) {
        self.add(client, "failed", json!({ "value": value, "error": error, "maybe": true }));
    }
}
