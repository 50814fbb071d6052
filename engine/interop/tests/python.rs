//! kafka-python against `naru serve`: `python/roundtrip.py` does the work and says what it saw.

use naru_interop::{BrokerProcess, run, tool, workspace};
use std::process::Command;

#[test]
fn kafka_python_produces_consumes_and_administers() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let broker = BrokerProcess::naru(dir.path(), "127.0.0.1:0", &[]);
    let mut command = Command::new(tool("python").join("bin/python"));
    command.arg(workspace().join("engine/interop/python/roundtrip.py")).arg(&broker.bootstrap);
    let out = run(&mut command, "");
    assert!(out.trim().ends_with("all checks held"), "{out}");
}

#[test]
fn kafka_python_shares_a_topic_within_a_group() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let broker = BrokerProcess::naru(dir.path(), "127.0.0.1:0", &["group.initial.rebalance.delay.ms=0"]);
    let mut command = Command::new(tool("python").join("bin/python"));
    command.arg(workspace().join("engine/interop/python/groups.py")).arg(&broker.bootstrap);
    let out = run(&mut command, "");
    assert!(out.trim().ends_with("all checks held"), "{out}");
}
