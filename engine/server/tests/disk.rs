//! Disks that are slow, and disks that are full.

mod common;

use common::{Naru, naru, produce_request};
use naru_wire::{ApiKey, Response};
use rustix::fs::{Advice, fadvise};
use std::{fs::File, io::Read, path::Path};
use tempfile::tempdir;

/// Drops a file from the page cache, as far as the system lets us.
fn evict(path: &Path) {
    let file = File::open(path).unwrap();
    rustix::fs::fsync(&file).unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
}

#[test]
fn what_the_page_cache_has_forgotten_is_read_from_disk() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    let mut connection = naru.connect();
    connection.create_topic("cold", 1);
    let values: Vec<String> = (0..120).map(|number| format!("{number:0>60000}")).collect();
    for value in &values {
        connection.produce("cold", &[value]);
    }
    let segment = dir.path().join("cold-0/00000000000000000000.log");
    for _ in 0..3 {
        evict(&segment);
        assert!(connection.read_all("cold") == values, "every record, undamaged");
    }
}

/// A broker whose files may hold so many blocks of 512 bytes: every write beyond them fails.
fn with_small_files(dir: &Path, blocks: u32) -> Naru {
    let binary = naru();
    let mut command = std::process::Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    command.args(["-c", &script]).arg(binary.get_program());
    command.args(["serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data-dir"]).arg(dir);
    Naru::spawn(&mut command)
}

#[test]
fn a_write_that_fails_is_never_acknowledged() {
    let dir = tempdir().unwrap();
    let mut acknowledged = Vec::new();
    {
        let naru = with_small_files(dir.path(), 400);
        let mut connection = naru.connect();
        connection.create_topic("full", 1);
        connection.create_topic("other", 1);
        let value = "x".repeat(10_000);
        // 400 blocks are 200 kB in a shell that counts 512 bytes, 400 kB in one that counts 1024.
        let failed = (0..60).any(|number| {
            let value = format!("{number}{value}");
            connection.send(produce_request("full", &[&value]));
            let answered = acknowledgement(&mut connection.stream);
            if answered.is_some() {
                acknowledged.push(value);
            }
            answered.is_none()
        });
        assert!(failed, "the file's limit was reached");
        assert!(acknowledged.len() > 10, "{} were acknowledged before that", acknowledged.len());
        // The partition is offline; the rest of the broker is not.
        let mut connection = naru.connect();
        let asked = connection.send(produce_request("full", &["too late"]));
        let (answered, response) = connection.receive(ApiKey::Produce);
        assert_eq!(answered, asked);
        let Response::Produce(response) = response else { panic!() };
        assert_ne!(response.responses[0].partition_responses[0].error_code, 0, "an error, not an offset");
        assert_eq!(connection.produce("other", &["still there"]), 0);
        naru.kill();
    }
    let naru = Naru::start(dir.path());
    let found = naru.connect().read_all("full");
    assert!(found.starts_with(&acknowledged), "everything acknowledged is there");
    assert_eq!(naru.connect().produce("full", &["again"]), found.len() as i64, "and the partition is back");
}

/// Waits for an answer to a produce request; `None` if the connection is closed instead.
fn acknowledgement(stream: &mut impl Read) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut frame = vec![0; i32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame).ok()?;
    Some(frame)
}
