//! kcat against `naru serve`: a file goes in and comes out again line for line, before and after `kill -9`.

use naru_interop::{BrokerProcess, run};
use std::process::Command;

/// Three hundred lines in two scripts, with what lines can hold: quotes, tabs, long ones. kcat leaves out empty lines.
fn notes() -> String {
    let line = |i: u32| match i % 3 {
        0 => format!("{i}: 카프카 브로커는 카프카 클라이언트와 데이터를 주고받는다"),
        1 => format!("{i}: a \"quoted\" line\twith a tab, and a long tail {}", "=".repeat(i as usize)),
        _ => format!("{i}"),
    };
    (0..300).map(|i| line(i) + "\n").collect()
}

fn kcat(broker: &BrokerProcess, args: &[&str]) -> Command {
    let mut command = Command::new("kcat");
    command.args(["-b", &broker.bootstrap, "-q"]).args(args);
    command
}

#[test]
fn a_file_comes_back_line_for_line_also_after_kill_9() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("notes.md");
    std::fs::write(&file, notes()).expect("the file can be written");
    let data = dir.path().join("data");
    let mut broker = BrokerProcess::naru(&data, "127.0.0.1:0", &[]);

    run(kcat(&broker, &["-P", "-t", "notes", "-l"]).arg(&file), "");
    assert_eq!(run(&mut kcat(&broker, &["-C", "-t", "notes", "-e"]), ""), notes());

    broker.kill_9();
    let broker = BrokerProcess::naru(&data, "127.0.0.1:0", &[]);
    assert_eq!(run(&mut kcat(&broker, &["-C", "-t", "notes", "-e"]), ""), notes(), "after kill -9 and restart");
}

#[test]
fn keys_headers_partitions_and_timestamps_come_back() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let broker = BrokerProcess::naru(dir.path(), "127.0.0.1:0", &["num.partitions=3"]);
    let produce = &["-P", "-t", "keyed", "-K", ":", "-p", "2", "-H", "colour=blue", "-z", "gzip"];
    run(&mut kcat(&broker, produce), "a:1\nb:2\na:3\n");
    let consume = &["-C", "-t", "keyed", "-p", "2", "-o", "1", "-c", "2", "-f", "%p %o %k=%s %h\\n"];
    assert_eq!(run(&mut kcat(&broker, consume), ""), "2 1 b=2 colour=blue\n2 2 a=3 colour=blue\n");
    let by_time = run(&mut kcat(&broker, &["-Q", "-t", "keyed:2:0"]), "");
    assert!(by_time.contains("keyed [2] offset 0"), "{by_time}");
    let metadata = run(&mut kcat(&broker, &["-L", "-t", "keyed"]), "");
    assert!(metadata.contains("with 3 partitions"), "{metadata}");
}

#[test]
fn a_topic_of_a_bad_name_is_refused_and_nothing_is_created() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let broker = BrokerProcess::naru(dir.path(), "127.0.0.1:0", &[]);
    let output = naru_interop::run_unchecked(&mut kcat(&broker, &["-P", "-t", "no spaces"]), "x\n");
    assert!(!output.status.success());
    let metadata = run(&mut kcat(&broker, &["-L"]), "");
    assert!(metadata.contains("0 topics"), "{metadata}");
}
