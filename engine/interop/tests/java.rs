//! Apache Kafka's own console clients and tools against `naru serve`.

use naru_interop::{BrokerProcess, java, run};

#[test]
fn the_console_producer_and_consumer_exchange_lines() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let broker = BrokerProcess::naru(dir.path(), "127.0.0.1:0", &[]);
    let lines: String = (0..500).map(|i| format!("line {i}\n")).collect();
    let produce = ["--bootstrap-server", &broker.bootstrap, "--topic", "console"];
    run(&mut java("org.apache.kafka.tools.ConsoleProducer", &produce), &lines);
    let consume = [
        "--bootstrap-server",
        &broker.bootstrap,
        "--topic",
        "console",
        "--partition",
        "0",
        "--offset",
        "earliest",
        "--max-messages",
        "500",
        "--timeout-ms",
        "30000",
    ];
    assert_eq!(run(&mut java("org.apache.kafka.tools.consumer.ConsoleConsumer", &consume), ""), lines);
}

#[test]
fn the_topic_command_creates_describes_and_deletes() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let broker = BrokerProcess::naru(dir.path(), "127.0.0.1:0", &[]);
    let topics = |args: &[&str]| {
        let mut all = vec!["--bootstrap-server", &broker.bootstrap];
        all.extend(args);
        naru_interop::run_unchecked(&mut java("org.apache.kafka.tools.TopicCommand", &all), "")
    };
    let text = |output: &std::process::Output| {
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    let created = topics(&["--create", "--topic", "orders", "--partitions", "3", "--config", "retention.ms=60000"]);
    assert!(created.status.success(), "{}", text(&created));
    let described = text(&topics(&["--describe", "--topic", "orders"]));
    assert!(described.contains("PartitionCount: 3"), "{described}");
    assert!(described.contains("ReplicationFactor: 1"), "{described}");
    assert!(described.contains("retention.ms=60000"), "{described}");
    assert!(described.contains("Leader: 1"), "{described}");
    let grown = topics(&["--alter", "--topic", "orders", "--partitions", "4"]);
    assert!(grown.status.success(), "{}", text(&grown));
    let again = topics(&["--create", "--topic", "orders"]);
    assert!(text(&again).contains("Topic 'orders' already exists"), "{}", text(&again));
    let collides = topics(&["--create", "--topic", "a.b"]);
    assert!(collides.status.success(), "{}", text(&collides));
    let collides = topics(&["--create", "--topic", "a_b"]);
    assert!(text(&collides).contains("collides with existing topic"), "{}", text(&collides));
    let deleted = topics(&["--delete", "--topic", "orders"]);
    assert!(deleted.status.success(), "{}", text(&deleted));
    assert_eq!(text(&topics(&["--list"])).trim(), "a.b");
}

#[test]
fn the_performance_producer_and_the_verifiable_producer_lose_nothing() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let broker = BrokerProcess::naru(dir.path(), "127.0.0.1:0", &[]);
    let servers = format!("bootstrap.servers={}", broker.bootstrap);
    let perf = [
        "--topic",
        "perf",
        "--num-records",
        "50000",
        "--record-size",
        "100",
        "--throughput",
        "-1",
        "--producer-props",
        &servers,
        "acks=all",
    ];
    let out = run(&mut java("org.apache.kafka.tools.ProducerPerformance", &perf), "");
    assert!(out.contains("50000 records sent"), "{out}");
    let offsets = ["--bootstrap-server", &broker.bootstrap, "--topic", "perf"];
    assert_eq!(run(&mut java("org.apache.kafka.tools.GetOffsetShell", &offsets), "").trim(), "perf:0:50000");
    let verifiable =
        ["--bootstrap-server", &broker.bootstrap, "--topic", "verified", "--max-messages", "1000", "--acks", "-1"];
    let out = run(&mut java("org.apache.kafka.tools.VerifiableProducer", &verifiable), "");
    assert!(out.contains("\"acked\":1000"), "{out}");
}
