//! kafkajs against `naru serve`: `node/roundtrip.cjs` does the work and says what it saw.

use naru_interop::{BrokerProcess, run, tool, workspace};
use std::process::Command;

#[test]
fn kafkajs_produces_and_administers() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let broker = BrokerProcess::naru(dir.path(), "127.0.0.1:0", &[]);
    let mut command = Command::new("node");
    command.env("NODE_PATH", tool("node").join("node_modules"));
    command.arg(workspace().join("engine/interop/node/roundtrip.cjs")).arg(&broker.bootstrap);
    let out = run(&mut command, "");
    assert!(out.trim().ends_with("all checks held"), "{out}");
}
