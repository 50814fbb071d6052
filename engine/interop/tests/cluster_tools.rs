//! Apache Kafka's own tools against `naru cluster`: each works, and shows the truth.

use naru_interop::{cluster::ClusterProcess, java, run, run_unchecked, wait_until};
use std::path::Path;

/// A cluster of three, and Kafka's tools for it.
struct Tools {
    cluster: ClusterProcess,
}

impl Tools {
    fn start(dir: &Path) -> Self {
        Tools { cluster: ClusterProcess::start(&dir.join("data"), 3, &[]) }
    }

    /// Runs a tool that takes `--bootstrap-server`, which must succeed.
    fn run(&self, class: &str, args: &[&str]) -> String {
        let server = ["--bootstrap-server", self.cluster.bootstrap.as_str()];
        // `ClusterTool` and `MetadataQuorumCommand` want their verbs where they want them.
        let verb_first = matches!(class, "ClusterTool");
        let all: Vec<&str> = match verb_first {
            true => args.iter().copied().chain(server).collect(),
            false => server.into_iter().chain(args.iter().copied()).collect(),
        };
        run(&mut java(&full_name(class), &all), "")
    }

    fn topics(&self, args: &[&str]) -> String {
        self.run("TopicCommand", args)
    }
}

fn full_name(class: &str) -> String {
    match class {
        "ReassignPartitionsCommand" => "org.apache.kafka.tools.reassign.ReassignPartitionsCommand".into(),
        "ConfigCommand" | "DumpLogSegments" => {
            let package = if class == "ConfigCommand" { "kafka.admin" } else { "kafka.tools" };
            format!("{package}.{class}")
        }
        other => format!("org.apache.kafka.tools.{other}"),
    }
}

/// The value behind a name in a tool's lines: `LeaderId:   1`.
fn value<'a>(text: &'a str, name: &str) -> &'a str {
    let found = text.lines().find_map(|line| line.trim().strip_prefix(name));
    found.unwrap_or_else(|| panic!("no {name} in:\n{text}")).trim()
}

#[test]
fn topics_quorum_versions_and_endpoints_are_shown() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let tools = Tools::start(dir.path());
    tools.topics(&["--create", "--topic", "orders", "--partitions", "3", "--replication-factor", "3"]);
    tools.cluster.wait_until_in_sync("orders", 3, 3);
    let described = tools.topics(&["--describe", "--topic", "orders"]);
    assert!(described.contains("ReplicationFactor: 3"), "{described}");
    let told = tools.cluster.partitions("orders");
    for (partition, state) in told.iter().enumerate() {
        let line = described.lines().find(|line| line.contains(&format!("Partition: {partition}"))).expect("a line");
        assert!(line.contains(&format!("Leader: {}", state.leader)), "{line} {state:?}");
    }
    assert_ne!(told[0].leader, told[1].leader, "leaders are spread");

    let status = tools.run("MetadataQuorumCommand", &["describe", "--status"]);
    let leader: i32 = value(&status, "LeaderId:").parse().expect("a number");
    assert!((1..=3).contains(&leader), "{status}");
    assert!(value(&status, "HighWatermark:").parse::<i64>().expect("a number") > 0, "{status}");
    for voter in 1..=3 {
        assert!(value(&status, "CurrentVoters:").contains(&voter.to_string()), "{status}");
    }
    let replication = tools.run("MetadataQuorumCommand", &["describe", "--replication"]);
    let with_status = |status: &str| replication.lines().filter(|line| line.trim_end().ends_with(status)).count();
    assert_eq!((with_status("Leader"), with_status("Follower")), (1, 2), "{replication}");

    let versions = tools.run("BrokerApiVersionsCommand", &[]);
    for broker in 1..=3 {
        assert!(versions.contains(&format!("(id: {broker} rack:")), "{versions}");
    }
    assert!(versions.contains("Produce(0)"), "{versions}");

    let id = tools.run("ClusterTool", &["cluster-id"]);
    let meta = std::fs::read_to_string(tools.cluster.broker_dir(1).join("meta.properties")).expect("it is there");
    assert!(id.contains(value(&meta, "cluster.id=")), "{id} {meta}");
    let endpoints = tools.run("ClusterTool", &["list-endpoints"]);
    for address in tools.cluster.bootstrap.split(',') {
        let (_, port) = address.rsplit_once(':').expect("a port");
        assert!(endpoints.contains(port), "{endpoints}");
    }
    tools.cluster.stop();
}

#[test]
fn configurations_of_topics_and_brokers_are_changed_and_shown() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let tools = Tools::start(dir.path());
    tools.cluster.create_topic("configured", 1, &[]);
    let of_topic = ["--entity-type", "topics", "--entity-name", "configured"];
    let alter = |add: &str| {
        let args = [&["--alter", "--add-config", add][..], &of_topic].concat();
        tools.run("ConfigCommand", &args)
    };
    alter("retention.ms=123456");
    let args = [&["--describe"][..], &of_topic].concat();
    wait_until("the configuration is shown", || tools.run("ConfigCommand", &args).contains("retention.ms=123456"));
    let broker = tools.run("ConfigCommand", &["--describe", "--all", "--entity-type", "brokers", "--entity-name", "2"]);
    assert!(broker.contains("node.id=2"), "{broker}");
    assert!(broker.contains("broker.session.timeout.ms=500"), "{broker}");
}

#[test]
fn leaders_are_elected_and_replicas_moved() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let tools = Tools::start(dir.path());
    let cluster = &tools.cluster;
    cluster.create_topic("moved", 2, &[]);
    let preferred: Vec<i32> = cluster.partitions("moved").iter().map(|partition| partition.replicas[0]).collect();
    // The leader of partition 0 dies and comes back: it is in sync again, and somebody else leads.
    let first = preferred[0];
    cluster.tell(&["kill", &first.to_string()]);
    wait_until("somebody else leads", || {
        cluster.partitions("moved").first().is_some_and(|partition| partition.leader >= 0 && partition.leader != first)
    });
    cluster.tell(&["restart", &first.to_string()]);
    cluster.wait_until_in_sync("moved", 2, 3);
    let elect = ["--election-type", "preferred", "--topic", "moved", "--partition", "0"];
    let elected = tools.run("LeaderElectionCommand", &elect);
    assert!(elected.contains("moved-0"), "{elected}");
    wait_until("the first replica leads", || {
        cluster.partitions("moved").first().is_some_and(|partition| partition.leader == first)
    });

    let plan = r#"{"version":1,"partitions":[{"topic":"moved","partition":0,"replicas":[3,2]},
        {"topic":"moved","partition":1,"replicas":[1]}]}"#;
    let file = dir.path().join("plan.json");
    std::fs::write(&file, plan).expect("the plan can be written");
    let file = file.display().to_string();
    tools.run("ReassignPartitionsCommand", &["--reassignment-json-file", &file, "--execute"]);
    wait_until("the replicas are where they were asked to be", || {
        let partitions = cluster.partitions("moved");
        partitions.len() == 2
            && partitions[0].replicas == [3, 2]
            && partitions[1].replicas == [1]
            && partitions[1].leader == 1
            && partitions[0].isr.len() == 2
    });
    // Without the last flag the tool also clears the brokers' throttles, which are none of this test's business.
    let verify = ["--reassignment-json-file", &file, "--verify", "--preserve-throttles"];
    let verified = tools.run("ReassignPartitionsCommand", &verify);
    assert!(verified.contains("Reassignment of partition moved-0 is completed"), "{verified}");
    assert!(verified.contains("Reassignment of partition moved-1 is completed"), "{verified}");
}

#[test]
fn what_cannot_be_is_refused_with_kafkas_own_errors() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let tools = Tools::start(dir.path());
    let server = ["--bootstrap-server", tools.cluster.bootstrap.as_str()];
    let refused = |class: &str, args: &[&str]| {
        let all: Vec<&str> = server.into_iter().chain(args.iter().copied()).collect();
        let output = run_unchecked(&mut java(&full_name(class), &all), "");
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    let create = ["--create", "--topic", "wide", "--partitions", "1", "--replication-factor", "4"];
    let said = refused("TopicCommand", &create);
    assert!(said.contains("replication factor of 4 cannot be reached"), "{said}");
    tools.cluster.create_topic("narrow", 1, &[]);
    let plan = r#"{"version":1,"partitions":[{"topic":"narrow","partition":0,"replicas":[1,9]}]}"#;
    let file = dir.path().join("plan.json");
    std::fs::write(&file, plan).expect("the plan can be written");
    let file = file.display().to_string();
    let said = refused("ReassignPartitionsCommand", &["--reassignment-json-file", &file, "--execute"]);
    assert!(said.contains("Unknown broker id 9"), "{said}");
}

#[test]
fn the_metadata_log_is_read_by_kafkas_decoder() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let tools = Tools::start(dir.path());
    tools.cluster.create_topic("decoded", 2, &[]);
    let logs: Vec<_> = (1..=3)
        .map(|broker| tools.cluster.broker_dir(broker).join("__cluster_metadata-0/00000000000000000000.log"))
        .collect();
    tools.cluster.stop();
    for log in logs {
        let file = log.display().to_string();
        let args = ["--cluster-metadata-decoder", "--skip-record-metadata", "--files", &file];
        let told = run(&mut java(&full_name("DumpLogSegments"), &args), "");
        for kind in ["FEATURE_LEVEL_RECORD", "REGISTER_BROKER_RECORD", "TOPIC_RECORD", "PARTITION_RECORD"] {
            assert!(told.contains(kind), "{file}: no {kind} in:\n{told}");
        }
        assert!(told.contains("\"name\":\"decoded\""), "{told}");
        assert!(!told.to_lowercase().contains("could not") && !told.contains("Error"), "{told}");
    }
}
