//! Reading a partition's batches straight from the bytes on a disk, with nothing of the log's own code.

use alloc::{format, string::String, vec::Vec};
use bytes::Bytes;
use naru_log::MemoryStorage;
use naru_records::{Batch, batches};

/// The batches in a partition's `.log` files, oldest first, as far as they are whole.
pub(crate) fn read_log(disk: &MemoryStorage, topic: &str, partition: i32) -> Vec<Batch> {
    read_directory(disk, &format!("{topic}-{partition}"))
}

/// The batches in a directory's `.log` files, oldest first, as far as they are whole.
pub(crate) fn read_directory(disk: &MemoryStorage, directory: &str) -> Vec<Batch> {
    let directory = format!("{directory}/");
    let files = disk.entries().into_iter().map(|entry| entry.path);
    let segments = files.filter(|path| path.starts_with(&directory) && path.ends_with(".log"));
    let segments: Vec<String> = segments.collect();
    let mut found = Vec::new();
    for segment in segments {
        let bytes = Bytes::from(disk.contents(&segment).unwrap_or_default());
        found.extend(batches(bytes).map_while(Result::ok));
    }
    found
}
