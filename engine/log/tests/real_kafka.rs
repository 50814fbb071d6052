//! Our files, read by Apache Kafka's own `DumpLogSegments`, with the Java codecs.
//!
//! Needs Java and the jars of Apache Kafka; `NARU_KAFKA_LIBS` says where they are. `cargo xtask test clients` fetches them
//! and runs this.

mod support;

use naru_log::LogConfig;
use naru_records::{Batch, BatchBuilder, Compression, Header};
use std::{fs, process::Command};
use support::*;

#[test]
#[ignore = "needs Java and Kafka's jars: `cargo xtask test clients` fetches them and runs this"]
fn kafka_reads_our_segments_and_indexes() {
    let libs = std::env::var("NARU_KAFKA_LIBS").expect("NARU_KAFKA_LIBS: `cargo xtask test clients` sets it");
    let config = LogConfig { segment_bytes: 16_000, index_interval_bytes: 500, ..LogConfig::default() };
    let mut bench = Bench::new(config);
    for index in 0..60_usize {
        bench.append(&sample(index));
    }
    bench.commit();
    let directory = std::env::temp_dir().join(format!("naru-real-kafka-{}", std::process::id()));
    fs::create_dir_all(directory.join("orders-0")).unwrap();
    let files = bench.disk.entries().into_iter().filter(|entry| !entry.is_dir);
    for entry in files.clone() {
        fs::write(directory.join(&entry.path), bench.disk.contents(&entry.path).unwrap()).unwrap();
    }
    // Its tool knows these kinds of files, and stops at any other.
    let known = |path: &str| [".log", ".index", ".timeindex", ".snapshot"].iter().any(|ending| path.ends_with(ending));
    let paths: Vec<String> = files
        .filter(|entry| known(&entry.path))
        .map(|entry| directory.join(entry.path).display().to_string())
        .collect();
    let dump = dump(&libs, &paths.join(","));
    fs::remove_dir_all(&directory).unwrap();
    for bad in ["isvalid: false", "Mismatches", "Exception", "corrupt"] {
        assert!(!dump.contains(bad), "{dump}");
    }
    let lines = |start: &str| dump.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!(lines("| offset:") as i64, bench.log.log_end_offset(), "every record was read");
    assert!(lines("offset:") > 20, "index entries were read:\n{dump}");
}

/// A batch of three records, each time with another codec.
fn sample(index: usize) -> Batch {
    let mut builder = BatchBuilder::new(Compression::ALL[index % 5]).producer(7, 0, index as i32 * 3);
    for number in 0..3 {
        let value = format!("value {index} {number} {}", "and again ".repeat(index));
        let headers = [Header { key: "header".into(), value: None }];
        builder.append(1_700_000_000_000 + index as i64, Some(b"key"), Some(value.as_bytes()), &headers);
    }
    Batch::parse(builder.build(0, -1)).unwrap()
}

fn dump(libs: &str, files: &str) -> String {
    let output = Command::new("java")
        .args(["-Xmx256m", "-cp", &format!("{libs}/*"), "kafka.tools.DumpLogSegments"])
        .args(["--deep-iteration", "--print-data-log", "--files", files])
        .output()
        .expect("java runs");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}
