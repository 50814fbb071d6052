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

/// A tool of Kafka's against this broker, whatever comes: what it printed on both outputs.
fn tool_says(broker: &BrokerProcess, class: &str, args: &[&str]) -> (bool, String) {
    let mut all = vec!["--bootstrap-server", &broker.bootstrap];
    all.extend(args);
    let output = naru_interop::run_unchecked(&mut java(class, &all), "");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

#[test]
fn the_config_command_sets_describes_and_resets() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut broker = BrokerProcess::naru(dir.path(), "127.0.0.1:0", &["log.retention.bytes=5000000"]);
    let create = ["--create", "--topic", "orders", "--config", "retention.ms=60000"];
    assert!(tool_says(&broker, "org.apache.kafka.tools.TopicCommand", &create).0);
    let configs = |broker: &BrokerProcess, args: &[&str]| tool_says(broker, "kafka.admin.ConfigCommand", args);
    let topic = ["--entity-type", "topics", "--entity-name", "orders"];
    let altered = [&["--alter"], &topic[..], &["--add-config", "segment.ms=5000,cleanup.policy=[compact,delete]"]];
    let (done, text) = configs(&broker, &altered.concat());
    assert!(done, "{text}");
    let described = |broker: &BrokerProcess| configs(broker, &[&["--describe"], &topic[..]].concat()).1;
    let text = described(&broker);
    for expected in [
        "cleanup.policy=compact,delete sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:cleanup.policy=compact,delete, \
         DEFAULT_CONFIG:log.cleanup.policy=delete}",
        "segment.ms=5000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:segment.ms=5000}",
        "retention.ms=60000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=60000}",
    ] {
        assert!(text.contains(expected), "{expected} is missing in {text}");
    }
    let (done, text) = configs(&broker, &[&["--alter"], &topic[..], &["--delete-config", "segment.ms"]].concat());
    assert!(done, "{text}");
    assert!(!described(&broker).contains("segment.ms"));
    let (done, text) = configs(&broker, &[&["--alter"], &topic[..], &["--add-config", "retention.ms=soon"]].concat());
    let expected = "InvalidConfigurationException: Invalid value soon for configuration retention.ms";
    assert!(!done && text.contains(expected), "{text}");
    let all = configs(&broker, &[&["--describe", "--all"], &topic[..]].concat()).1;
    let from_the_broker =
        "retention.bytes=5000000 sensitive=false synonyms={STATIC_BROKER_CONFIG:log.retention.bytes=5000000";
    assert!(all.contains(from_the_broker), "{all}");

    let for_all = ["--alter", "--entity-type", "brokers", "--entity-default", "--add-config", "log.roll.ms=700000"];
    let (done, text) = configs(&broker, &for_all);
    assert!(done, "{text}");
    broker.kill_9();
    let broker = BrokerProcess::naru(dir.path(), "127.0.0.1:0", &[]);
    let all = configs(&broker, &[&["--describe", "--all"], &topic[..]].concat()).1;
    let kept = "segment.ms=700000 sensitive=false synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:log.roll.ms=700000, \
                DEFAULT_CONFIG:log.roll.hours=168}";
    assert!(all.contains(kept), "{all}");
    assert!(described(&broker).contains("retention.ms=60000"), "what was set is kept over a crash");
}

#[test]
fn records_are_deleted_and_log_directories_described() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let broker = BrokerProcess::naru(dir.path(), "127.0.0.1:0", &[]);
    let lines: String = (0..100).map(|i| format!("line {i}\n")).collect();
    let produce = ["--bootstrap-server", &broker.bootstrap, "--topic", "orders"];
    run(&mut java("org.apache.kafka.tools.ConsoleProducer", &produce), &lines);
    let plan = dir.path().join("offsets.json");
    let delete = |offset: i64| {
        let json = format!(r#"{{"partitions":[{{"topic":"orders","partition":0,"offset":{offset}}}],"version":1}}"#);
        std::fs::write(&plan, json).expect("the plan can be written");
        let file = plan.display().to_string();
        tool_says(&broker, "org.apache.kafka.tools.DeleteRecordsCommand", &["--offset-json-file", &file]).1
    };
    let text = delete(40);
    assert!(text.contains("partition: orders-0\tlow_watermark: 40"), "{text}");
    let text = delete(101);
    assert!(text.contains("OffsetOutOfRangeException"), "{text}");
    let offsets = |time: &str| {
        let args = ["--bootstrap-server", &broker.bootstrap, "--topic", "orders", "--time", time];
        run(&mut java("org.apache.kafka.tools.GetOffsetShell", &args), "").trim().to_owned()
    };
    assert_eq!(offsets("earliest"), "orders:0:40");
    assert_eq!(offsets("latest"), "orders:0:100");
    let text = delete(-1);
    assert!(text.contains("partition: orders-0\tlow_watermark: 100"), "{text}");

    let (done, text) = tool_says(&broker, "org.apache.kafka.tools.LogDirsCommand", &["--describe"]);
    let path = dir.path().canonicalize().expect("it is there").display().to_string();
    assert!(done && text.contains(r#""partition":"orders-0","size":"#), "{text}");
    assert!(text.contains(&format!(r#""error":null,"logDir":"{path}""#)), "{text}");
}
