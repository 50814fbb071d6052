//! `naru log dump`: what a broker wrote is told batch by batch, and damage is told, wherever it is.

mod common;

use common::{Naru, naru, output};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};
use tempfile::{TempDir, tempdir};

const SEGMENT: &str = "orders-0/00000000000000000000";

fn dump(arguments: &[&str], path: &Path) -> Output {
    let mut command = naru();
    command.args(["log", "dump"]).args(arguments).arg(path);
    output(command)
}

fn text(output: &Output) -> (String, String) {
    (String::from_utf8(output.stdout.clone()).unwrap(), String::from_utf8(output.stderr.clone()).unwrap())
}

/// What a dump as JSON says, which must be that all is well.
fn items(arguments: &[&str], path: &Path) -> Vec<Value> {
    let output = dump(&[&["--json"], arguments].concat(), path);
    let (out, err) = text(&output);
    assert!(output.status.success(), "{err}\n{out}");
    out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// The items of one kind.
fn only<'a>(items: &'a [Value], kind: &str) -> Vec<&'a Value> {
    items.iter().filter_map(|item| item.get(kind)).collect()
}

/// A dump that must fail with this in its one sentence.
fn assert_damaged(path: &Path, expected: &str) {
    let output = dump(&["--records"], path);
    let (out, err) = text(&output);
    assert_eq!(output.status.code(), Some(1), "{out}{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.contains(expected), "{expected:?} is not in {err:?}");
    assert!(out.contains("PROBLEM at byte"), "and it is told where it is: {out}");
}

/// A data directory with a topic of forty batches of three records, written by a broker that stopped in good order.
fn written() -> TempDir {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    let mut connection = naru.connect();
    connection.create_topic("orders", 1);
    let value = "x".repeat(300);
    for _ in 0..40 {
        connection.produce("orders", &[&value, "", "fin"]);
    }
    drop(connection);
    assert!(naru.stop().success());
    dir
}

fn segment(dir: &TempDir, ending: &str) -> PathBuf {
    dir.path().join(format!("{SEGMENT}{ending}"))
}

#[test]
fn a_broker_s_directory_is_told_to_the_last_batch() {
    let dir = written();
    let found = items(&[], dir.path());
    let of_orders: Vec<&Value> =
        found.iter().filter(|item| item["path"].as_str().unwrap().contains("orders-0/")).collect();
    let orders: Vec<&Value> = of_orders.iter().filter_map(|item| item.get("batch")).collect();
    assert_eq!(orders.len(), 40);
    for (number, batch) in orders.iter().enumerate() {
        assert_eq!(batch["baseOffset"], 3 * number);
        assert_eq!(batch["lastOffset"], 3 * number + 2);
        assert_eq!((&batch["count"], &batch["isValid"], &batch["magic"]), (&3.into(), &true.into(), &2.into()));
    }
    assert!(of_orders.iter().any(|item| item.get("offsetEntry").is_some()), "index entries are told");
    assert!(only(&found, "line").iter().any(|line| line["name"] == "topic_id"), "and small files");
    assert!(only(&found, "record").is_empty(), "records only when asked for");
    let (human, _) = text(&dump(&[], dir.path()));
    assert!(human.contains("offsets 117..119, 3 records"), "{human}");
}

#[test]
fn records_are_told_when_asked_for() {
    let dir = written();
    for flag in ["--records", "--print-data-log"] {
        let found = items(&[flag], &segment(&dir, ".log"));
        let records = only(&found, "record");
        assert_eq!(records.len(), 120, "{flag}");
        assert_eq!(records[119]["offset"], 119);
        assert_eq!(records[119]["value"]["text"], "fin");
        assert_eq!(records[118]["value"]["text"], "");
        assert_eq!(records[118]["key"], Value::Null);
    }
}

#[test]
fn a_changed_byte_in_a_log_is_found() {
    let dir = written();
    let path = segment(&dir, ".log");
    let mut bytes = fs::read(&path).unwrap();
    bytes[200] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert_damaged(dir.path(), "00000000000000000000.log at byte 0: the batch's CRC-32C is");
    let (out, _) = text(&dump(&[], &path));
    assert!(out.contains("offsets 117..119"), "what follows is still read");
}

#[test]
fn a_torn_end_and_zeros_are_found() {
    let dir = written();
    let path = segment(&dir, ".log");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert_damaged(&path, "cut off");
    fs::write(&path, [&whole[..], &[0; 5_000]].concat()).unwrap();
    assert_damaged(&path, "5000 zero bytes, where nothing was written");
    fs::write(&path, [&whole[..], b"garbage"].concat()).unwrap();
    assert_damaged(&path, "cannot be read");
}

#[test]
fn an_index_that_does_not_fit_its_log_is_found() {
    let dir = written();
    let path = segment(&dir, ".index");
    let whole = fs::read(&path).unwrap();
    assert!(whole.len() >= 16, "there are entries to damage");
    let mut bytes = whole.clone();
    bytes[7] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert_damaged(&path, "there is no batch at byte");
    let mut bytes = whole.clone();
    bytes[3] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert_damaged(&path, "ends with offset");
    fs::write(&path, &whole[..whole.len() - 3]).unwrap();
    assert_damaged(&path, "no whole entry");
    // Kafka makes it longer than it is filled.
    fs::write(&path, [&whole[..], &[0; 8_000]].concat()).unwrap();
    assert_eq!(only(&items(&[], &path), "unused")[0]["bytes"], 8_000);
}

#[test]
fn small_files_are_checked() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("recovery-point-offset-checkpoint");
    fs::write(&path, "0\n2\norders 0 42\n").unwrap();
    assert_damaged(dir.path(), "ends before its last entry");
    fs::remove_file(&path).unwrap();
    let path = dir.path().join("00000000000000000007.snapshot");
    fs::write(&path, [0, 1, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]).unwrap();
    assert_damaged(dir.path(), "cut off: 2147483647 producers are promised");
}

#[test]
fn what_is_unknown_is_named_and_left() {
    let dir = tempdir().unwrap();
    fs::create_dir_all(dir.path().join("photos/summer")).unwrap();
    fs::write(dir.path().join("photos/a.jpg"), "not a log").unwrap();
    let output = dump(&[], dir.path());
    let (out, err) = text(&output);
    assert!(output.status.success(), "{err}");
    assert!(out.contains("a.jpg: unknown, left alone, 9 bytes"), "{out}");
    assert!(out.contains("summer: a directory within a directory, left alone"), "{out}");
}

#[test]
fn a_path_that_is_not_there_is_one_sentence() {
    let output = dump(&[], Path::new("nothing/here"));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output).1, "naru: cannot read nothing/here: No such file or directory (os error 2)\n");
    assert_eq!(dump(&["--jsno"], Path::new(".")).status.code(), Some(2));
}
