//! The console client against a real broker: what a person types, and what is printed.

mod common;

use common::Naru;
use std::{
    fs,
    io::Write,
    process::{Command, Output, Stdio},
};
use tempfile::tempdir;

/// A console command for this broker.
fn command(naru: &Naru, arguments: &[&str]) -> Command {
    let mut command = common::naru();
    command.args(arguments).args(["--bootstrap", &naru.kafka.to_string()]);
    command
}

/// Runs it with these lines as standard input; it must succeed. Returns what it printed.
fn run(naru: &Naru, arguments: &[&str], input: &str) -> String {
    let output = run_for_output(naru, arguments, input);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn run_for_output(naru: &Naru, arguments: &[&str], input: &str) -> Output {
    let mut command = command(naru, arguments);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("naru can be started");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn topics_from_their_creation_to_their_end() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    assert_eq!(run(&naru, &["topic", "list"], ""), "");
    assert_eq!(
        run(&naru, &["topic", "create", "orders", "--partitions", "2"], ""),
        "created orders with 2 partitions\n"
    );
    run(&naru, &["topic", "create", "audit"], "");
    assert_eq!(run(&naru, &["topic", "list"], ""), "audit\norders\n");
    assert_eq!(run(&naru, &["topic", "add-partitions", "orders", "3"], ""), "orders has 3 partitions now\n");
    let described = run(&naru, &["topic", "describe", "orders"], "");
    assert!(described.starts_with("topic orders id ") && described.lines().count() == 4, "{described}");
    assert_eq!(run(&naru, &["topic", "delete", "orders"], ""), "deleted orders\n");
    assert_eq!(run(&naru, &["topic", "list"], ""), "audit\n");
}

#[test]
fn a_topics_configuration_is_set_changed_and_kept_over_a_restart() {
    let dir = tempdir().unwrap();
    let naru = Naru::start_with(dir.path(), &["--set", "log.retention.bytes=5000000"]);
    let created = ["topic", "create", "orders", "--set", "retention.ms=60000", "--set", "segment.ms=1000"];
    run(&naru, &created, "");
    let configs = |naru: &Naru| -> Vec<String> {
        let described = run(naru, &["topic", "describe", "orders"], "");
        described.lines().skip(2).map(|line| line.trim().to_owned()).collect()
    };
    let from_the_broker = "retention.bytes=5000000 (the broker was started with it)";
    assert_eq!(
        configs(&naru),
        [from_the_broker, "retention.ms=60000 (set for the topic)", "segment.ms=1000 (set for the topic)"]
    );
    let altered = ["topic", "alter", "orders", "--set", "retention.ms=7", "--delete", "segment.ms"];
    assert_eq!(run(&naru, &altered, ""), "changed the configuration of orders\n");
    let refused = run_for_output(&naru, &["topic", "alter", "orders", "--set", "retention.ms=soon"], "");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("INVALID_CONFIG"), "{said}");
    let nothing = run_for_output(&naru, &["topic", "alter", "orders"], "");
    assert!(!nothing.status.success());
    naru.kill();
    let naru = Naru::start(dir.path());
    assert_eq!(configs(&naru), ["retention.ms=7 (set for the topic)"]);
    let all = run(&naru, &["topic", "describe", "orders", "--all"], "");
    assert!(all.contains("  segment.ms=604800000\n"), "{all}");
}

#[test]
fn deleted_records_stay_deleted_over_a_crash() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    run(&naru, &["produce", "-t", "orders"], "zero\none\ntwo\nthree\n");
    let delete = ["topic", "delete-records", "orders", "--partition", "0", "--before"];
    let before = |offset: &'static str| [&delete[..], &[offset]].concat();
    assert_eq!(run(&naru, &before("2"), ""), "orders-0 begins at offset 2 now\n");
    let refused = run_for_output(&naru, &before("5"), "");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("OFFSET_OUT_OF_RANGE"), "{said}");
    let read = ["consume", "-t", "orders", "--from-beginning", "--exit"];
    assert_eq!(run(&naru, &read, ""), "two\nthree\n");
    naru.kill();
    let naru = Naru::start(dir.path());
    assert_eq!(run(&naru, &read, ""), "two\nthree\n");
    assert_eq!(run(&naru, &before("-1"), ""), "orders-0 begins at offset 4 now\n");
    assert_eq!(run(&naru, &read, ""), "");
}

#[test]
fn log_directories_tell_what_lies_in_them() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    run(&naru, &["topic", "create", "orders"], "");
    run(&naru, &["produce", "-t", "orders"], "one\ntwo\n");
    let size = fs::metadata(dir.path().join("orders-0/00000000000000000000.log")).unwrap().len();
    let told = run(&naru, &["topic", "log-dirs"], "");
    let path = dir.path().canonicalize().unwrap().display().to_string();
    assert!(told.starts_with(&format!("{path} total ")) && told.contains(" usable "), "{told}");
    assert_eq!(told.lines().nth(1), Some(format!("  orders-0 {size} bytes").as_str()));
}

#[test]
fn refusals_are_told_with_kafkas_name() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    run(&naru, &["topic", "create", "orders"], "");
    let cases: &[(&[&str], &str)] = &[
        (&["topic", "create", "orders"], "TOPIC_ALREADY_EXISTS"),
        (&["topic", "create", "no spaces"], "INVALID_TOPIC_EXCEPTION"),
        (&["topic", "create", "none", "--partitions", "0"], "INVALID_PARTITIONS"),
        (&["topic", "delete", "missing"], "UNKNOWN_TOPIC_OR_PARTITION"),
        (&["topic", "describe", "missing"], "UNKNOWN_TOPIC_OR_PARTITION"),
        (&["topic", "add-partitions", "orders", "1"], "INVALID_PARTITIONS"),
        (&["consume", "-t", "missing", "-e"], "UNKNOWN_TOPIC_OR_PARTITION"),
        (&["consume", "-t", "orders", "-p", "9", "-e"], "no 9"),
    ];
    for (arguments, expected) in cases {
        let output = run_for_output(&naru, arguments, "");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(expected), "{arguments:?}: {said:?}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn lines_come_back_as_they_went() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    run(&naru, &["topic", "create", "lines"], "");
    assert_eq!(run(&naru, &["produce", "-t", "lines"], "one\n\n두 번째\nlast without an end"), "");
    let all = ["consume", "-t", "lines", "--from-beginning", "-e"];
    assert_eq!(run(&naru, &all, ""), "one\n\n두 번째\nlast without an end\n");
    assert_eq!(run(&naru, &["consume", "-t", "lines", "-p", "0", "-o", "2", "-m", "1"], ""), "두 번째\n");
}

#[test]
fn keys_and_partitions() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    run(&naru, &["topic", "create", "keyed", "-p", "3"], "");
    run(&naru, &["produce", "-t", "keyed", "-K", ":"], "a:1\nb:2\na:3\n");
    run(&naru, &["produce", "-t", "keyed", "-p", "2", "--acks", "1"], "here\n");
    let printed = run(&naru, &["consume", "-t", "keyed", "--from-beginning", "-e", "-K", "="], "");
    let mut lines: Vec<&str> = printed.lines().collect();
    let position = |line: &str| lines.iter().position(|found| *found == line).unwrap();
    assert!(position("a=1") < position("a=3"), "one key, one partition, one order: {printed}");
    lines.sort_unstable();
    assert_eq!(lines, ["=here", "a=1", "a=3", "b=2"]);
    let third = run(&naru, &["consume", "-t", "keyed", "-p", "2", "--from-beginning", "-e"], "");
    assert!(third.lines().any(|line| line == "here"), "{third}");
}

#[test]
fn a_hundred_thousand_lines_from_a_file() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(&dir.path().join("data"));
    let lines: String = (0..100_000).map(|number| format!("line {number}\n")).collect();
    let file = dir.path().join("lines.txt");
    fs::write(&file, &lines).unwrap();
    run(&naru, &["topic", "create", "many"], "");
    run(&naru, &["produce", "-t", "many", file.to_str().unwrap()], "");
    assert!(run(&naru, &["consume", "-t", "many", "--from-beginning", "-e"], "") == lines, "every line, in order");
}

#[test]
fn without_a_broker_it_says_so() {
    for arguments in [&["topic", "list"][..], &["consume", "-t", "x", "-e"], &["produce", "-t", "x"]] {
        let mut command = common::naru();
        // Port 1 is nobody's.
        command.args(arguments).args(["--bootstrap", "127.0.0.1:1"]).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may be over before it has read anything.
        let _ = child.stdin.take().unwrap().write_all(b"line\n");
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains("no broker at 127.0.0.1:1"), "{arguments:?}: {said}");
    }
}
