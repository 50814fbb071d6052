//! `naru serve` from its start to its end, in good order and otherwise.

mod common;

use common::{Connection, Naru, output, serve_command};
use std::{fs, net::TcpListener, process::Output};
use tempfile::tempdir;

/// The one sentence on standard error of a command that must have failed.
fn sentence(output: &Output) -> String {
    assert!(!output.status.success(), "it should have failed");
    assert_eq!(output.stdout, b"", "nothing on standard output");
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "one sentence: {text:?}");
    text
}

#[test]
fn it_is_ready_when_it_says_so() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    naru.connect().assert_alive();
    assert!(naru.get("/healthz").ends_with("ok\n"));
}

#[test]
fn clients_are_told_the_port_that_was_bound() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    let metadata = naru.connect().metadata();
    assert_eq!(metadata.brokers.len(), 1);
    assert_eq!(metadata.brokers[0].port, i32::from(naru.kafka.port()));
    assert_eq!(metadata.brokers[0].host.as_str(), "127.0.0.1");
}

#[test]
fn advertised_listeners_are_told_instead() {
    let dir = tempdir().unwrap();
    let naru = Naru::start_with(dir.path(), &["--set", "advertised.listeners=PLAINTEXT://naru.example:19092"]);
    let metadata = naru.connect().metadata();
    assert_eq!((metadata.brokers[0].host.as_str(), metadata.brokers[0].port), ("naru.example", 19092));
}

#[test]
fn a_configuration_file_is_read_and_set_wins() {
    let dir = tempdir().unwrap();
    let config = dir.path().join("server.properties");
    fs::write(&config, "# a broker\nnode.id=7\nnum.partitions=5\n").unwrap();
    let data = dir.path().join("data");
    let mut command = serve_command(&data);
    let naru = Naru::spawn(command.arg("--config").arg(&config).args(["--set", "num.partitions=3"]));
    let mut connection = naru.connect();
    connection.create_topic("made", -1);
    let metadata = connection.metadata();
    assert_eq!(*metadata.brokers[0].node_id, 7);
    assert_eq!(metadata.topics[0].partitions.len(), 3);
}

#[test]
fn all_listeners_lead_to_the_same_broker() {
    let dir = tempdir().unwrap();
    // Held until the broker has taken it over, so that it is free.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listeners = format!("listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:{port}");
    let naru = Naru::start_with(dir.path(), &["--set", &listeners]);
    naru.connect().create_topic("seen-everywhere", 1);
    let mut controller = Connection::to(([127, 0, 0, 1], port).into());
    assert_eq!(controller.metadata().topics.len(), 1);
    assert_ne!(naru.kafka.port(), 9092, "--listen wins for clients");
}

#[test]
fn a_new_directory_is_formatted_for_the_cluster_that_was_named() {
    let dir = tempdir().unwrap();
    let id = "ICeEhVA4Qd2m9yQ1xTQ2Yw";
    let naru = Naru::start_with(dir.path(), &["--cluster-id", id]);
    assert_eq!(naru.connect().metadata().cluster_id.unwrap().as_str(), id);
    naru.kill();
    let meta = fs::read_to_string(dir.path().join("meta.properties")).unwrap();
    assert!(meta.contains(&format!("cluster.id={id}\n")), "{meta}");
    let mut other = serve_command(dir.path());
    other.args(["--set", "cluster.id=AAAAAAAAAAAAAAAAAAAAAA"]);
    assert!(sentence(&output(other)).contains(id), "another cluster's directory is not touched");
}

#[test]
fn a_node_of_several_does_not_guess_which_cluster_it_is_in() {
    let dir = tempdir().unwrap();
    let mut command = serve_command(dir.path());
    command.args(["--set", "node.id=1", "--set", "controller.quorum.voters=1@127.0.0.1:1,2@127.0.0.1:2"]);
    assert!(sentence(&output(command)).contains("--cluster-id"));
}

#[test]
fn kill_9_loses_nothing_that_was_acknowledged() {
    let dir = tempdir().unwrap();
    let mut expected = Vec::new();
    for round in 0..3 {
        let naru = Naru::start(dir.path());
        let mut connection = naru.connect();
        if round == 0 {
            connection.create_topic("kept", 1);
        }
        assert_eq!(connection.read_all("kept"), expected, "round {round}");
        for number in 0..100 {
            let value = format!("round {round}, record {number}");
            assert_eq!(connection.produce("kept", &[&value]), expected.len() as i64);
            expected.push(value);
        }
        naru.kill();
    }
    let naru = Naru::start(dir.path());
    assert_eq!(naru.connect().read_all("kept"), expected);
}

#[test]
fn sigterm_ends_it_in_good_order() {
    for signal in ["TERM", "INT"] {
        let dir = tempdir().unwrap();
        let mut naru = Naru::start(dir.path());
        let mut connection = naru.connect();
        connection.create_topic("kept", 1);
        connection.produce("kept", &["a", "b"]);
        naru.signal(signal);
        assert!(naru.wait().success(), "SIG{signal} is a good end");
        connection.assert_closed();
        assert!(dir.path().join(".kafka_cleanshutdown").is_file(), "the next start need not recover");
        let naru = Naru::start(dir.path());
        assert_eq!(naru.connect().read_all("kept"), ["a", "b"]);
    }
}

#[test]
fn a_taken_port_is_said_in_a_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--listen", "--http"] {
        let dir = tempdir().unwrap();
        let data = dir.path().join("data");
        let other = if flag == "--listen" { "--http" } else { "--listen" };
        let mut command = common::naru();
        command.args(["serve", flag, &address, other, "127.0.0.1:0", "--data-dir"]).arg(&data);
        let said = sentence(&output(command));
        assert!(said.contains(&address) && said.contains("taken") && said.contains(flag), "{said}");
        assert!(!data.exists(), "no directory was left behind");
    }
}

#[test]
fn a_directory_in_use_is_said_in_a_sentence() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    let said = sentence(&output(serve_command(dir.path())));
    assert!(said.contains("in use") && said.contains("--data-dir"), "{said}");
    assert!(said.contains(&naru.id().to_string()), "it names who uses it: {said}");
    naru.connect().assert_alive();
}

#[test]
fn a_foreign_directory_is_left_alone() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("thesis.txt"), "forty pages").unwrap();
    let said = sentence(&output(serve_command(dir.path())));
    assert!(said.contains("thesis.txt") && said.contains("--data-dir"), "{said}");
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["thesis.txt"]);
}

#[test]
fn a_directory_of_another_format_is_refused() {
    for meta in ["version=0\nbroker.id=1\n", "version=2\ncluster.id=x\nnode.id=1\n", "hello\n"] {
        let dir = tempdir().unwrap();
        fs::write(dir.path().join("meta.properties"), meta).unwrap();
        let said = sentence(&output(serve_command(dir.path())));
        assert!(said.contains("meta.properties") && said.contains("version"), "{said}");
        assert_eq!(fs::read_to_string(dir.path().join("meta.properties")).unwrap(), meta);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing was added");
    }
}

#[test]
fn files_that_are_not_ours_survive() {
    let dir = tempdir().unwrap();
    assert!(Naru::start(dir.path()).stop().success());
    fs::write(dir.path().join("notes.txt"), "mine").unwrap();
    fs::create_dir(dir.path().join("photos")).unwrap();
    fs::write(dir.path().join("photos/cat.jpg"), "meow").unwrap();
    assert!(Naru::start(dir.path()).stop().success());
    assert_eq!(fs::read_to_string(dir.path().join("notes.txt")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(dir.path().join("photos/cat.jpg")).unwrap(), "meow");
}

#[test]
fn bad_flags_and_settings_are_said_in_a_sentence() {
    let cases: &[(&[&str], &str)] = &[
        (&["serve", "--prot", "9092"], "--prot"),
        (&["serve", "--listen", "9092"], "HOST:PORT"),
        (&["serve", "--set", "nonsense"], "KEY=VALUE"),
        (&["serve", "--set", "max.connections=many"], "max.connections=many"),
        (&["serve", "--set", "listeners=SSL://:9093"], "PLAINTEXT"),
        (&["serve", "--config", "/nowhere/server.properties"], "/nowhere/server.properties"),
        (&["sreve"], "sreve"),
        (&["lab", "run", "99"], "99"),
    ];
    for (arguments, expected) in cases {
        let mut command = common::naru();
        command.args(*arguments);
        let said = sentence(&output(command));
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}

#[test]
fn two_brokers_on_one_machine_do_not_mind_each_other() {
    let (one, two) = (tempdir().unwrap(), tempdir().unwrap());
    let (one, two) = (Naru::start(one.path()), Naru::start(two.path()));
    assert_ne!(one.connect().metadata().cluster_id, two.connect().metadata().cluster_id);
}
