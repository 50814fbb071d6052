//! Files, Naru's and Apache Kafka's, told by both sides' tools: `kafka.tools.DumpLogSegments` and `naru log dump` must say the
//! same of every batch, record, index entry and producer; and each broker must go on with what the other wrote.

use naru_interop::{BrokerProcess, PATIENCE, block_on, java, naru_binary, run, wait_until};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    producer::{BaseProducer, BaseRecord, Producer},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];
/// What has a form that both sides tell.
const TOLD: [&str; 4] = ["log", "index", "timeindex", "snapshot"];

/// By path, what a tool says of each file, line by line, in one and the same form.
type Told = BTreeMap<PathBuf, Vec<String>>;

// ---- what the tools say ----

/// The files of the directories in a data directory that both sides tell of.
fn files(data: &Path) -> Vec<PathBuf> {
    let list = |path: &Path| fs::read_dir(path).expect("a directory").map(|entry| entry.expect("an entry").path());
    let directories = list(data).filter(|path| path.is_dir());
    let mut files: Vec<PathBuf> = directories.flat_map(|directory| list(&directory).collect::<Vec<_>>()).collect();
    files.retain(|file| TOLD.iter().any(|ending| file.extension().is_some_and(|found| found == *ending)));
    files.sort();
    files
}

/// `naru log dump`, which must find no damage.
fn told_by_naru(data: &Path) -> Told {
    let text = run(Command::new(naru_binary()).args(["log", "dump", "--json", "--records"]).arg(data), "");
    let mut told = Told::new();
    for line in text.lines() {
        let item: Value = serde_json::from_str(line).expect("JSON");
        let lines = told.entry(PathBuf::from(text_of(&item["path"]))).or_default();
        lines.extend(naru_line(&item));
    }
    let files = files(data);
    told.retain(|path, _| files.contains(path));
    told
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn naru_line(item: &Value) -> Option<String> {
    let joined =
        |found: &Value, names: &[&str]| names.iter().map(|name| text_of(&found[name])).collect::<Vec<_>>().join(" ");
    if let Some(batch) = item.get("batch") {
        let names = [
            "baseOffset",
            "lastOffset",
            "count",
            "baseSequence",
            "lastSequence",
            "producerId",
            "producerEpoch",
            "partitionLeaderEpoch",
            "isTransactional",
            "isControl",
            "deleteHorizonMs",
            "position",
            "timestampType",
            "maxTimestamp",
            "size",
            "magic",
            "compression",
            "crc",
            "isValid",
        ];
        return Some(format!("batch {}", joined(batch, &names)));
    }
    if let Some(record) = item.get("record") {
        let payload = |name: &str| record[name]["text"].as_str().unwrap_or("null").to_owned();
        let first = joined(record, &["offset", "timestamp", "sequence"]);
        return Some(format!("record {first} {} {}", payload("key"), payload("value")));
    }
    if let Some(entry) = item.get("offsetEntry") {
        return Some(joined(entry, &["offset", "position"]));
    }
    if let Some(entry) = item.get("timeEntry") {
        return Some(joined(entry, &["timestamp", "offset"]));
    }
    let names = [
        "producerId",
        "producerEpoch",
        "coordinatorEpoch",
        "lastTimestamp",
        "lastSequence",
        "lastOffset",
        "offsetDelta",
    ];
    item.get("producer").map(|producer| format!("producer {}", joined(producer, &names)))
}

/// `DumpLogSegments`, which must not complain.
fn told_by_kafka(data: &Path) -> Told {
    let files = files(data);
    let list = files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(",");
    let text =
        run(&mut java("kafka.tools.DumpLogSegments", &["--deep-iteration", "--print-data-log", "--files", &list]), "");
    assert_no_complaint(&text);
    let mut told: Told = files.into_iter().map(|file| (file, Vec::new())).collect();
    let mut file = None;
    for line in text.lines() {
        match line.strip_prefix("Dumping ") {
            Some(path) => file = told.get_mut(Path::new(path)),
            None => file.as_mut().expect("a file first").extend(kafka_line(line)),
        }
    }
    told
}

fn assert_no_complaint(text: &str) {
    for complaint in ["isvalid: false", "Mismatches", "Exception", "orrupt", "Found", "not found", "Could not"] {
        assert!(!text.contains(complaint), "DumpLogSegments complains ({complaint}):\n{text}");
    }
}

/// Takes apart `name: value name: value ...`, where values hold no blanks.
fn kafka_line(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let value = |name: &str| {
        let at = words.iter().position(|word| word.strip_suffix(':') == Some(name));
        at.map_or("null", |at| words[at + 1])
    };
    let joined = |names: &[&str]| names.iter().map(|name| value(name)).collect::<Vec<_>>().join(" ");
    if line.starts_with("baseOffset:") {
        let names = [
            "baseOffset",
            "lastOffset",
            "count",
            "baseSequence",
            "lastSequence",
            "producerId",
            "producerEpoch",
            "partitionLeaderEpoch",
            "isTransactional",
            "isControl",
        ];
        let horizon = value("deleteHorizonMs").trim_start_matches("OptionalLong").trim_matches(['[', ']']);
        let horizon = if horizon == ".empty" { "null" } else { horizon };
        let clock = ["CreateTime", "LogAppendTime"].into_iter().find(|clock| value(clock) != "null")?;
        let rest = joined(&["size", "magic", "compresscodec", "crc", "isvalid"]);
        let position = value("position");
        return Some(format!("batch {} {horizon} {position} {clock} {} {rest}", joined(&names), value(clock)));
    }
    if line.starts_with("| offset:") {
        // The last two hold blanks, and are left out when they are null.
        let (front, payload) =
            line.split_once(" payload: ").map_or((line, "null"), |(front, payload)| (front, payload));
        let key = front.split_once(" key: ").map_or("null", |(_, key)| key);
        let clock = ["CreateTime", "LogAppendTime"].into_iter().find(|clock| value(clock) != "null")?;
        return Some(format!("record {} {} {} {key} {payload}", value("offset"), value(clock), value("sequence")));
    }
    match words[0] {
        "offset:" => Some(joined(&["offset", "position"])),
        "timestamp:" => Some(joined(&["timestamp", "offset"])),
        "producerId:" => {
            let names = [
                "producerId",
                "producerEpoch",
                "coordinatorEpoch",
                "lastTimestamp",
                "lastSequence",
                "lastOffset",
                "offsetDelta",
            ];
            Some(format!("producer {}", joined(&names)))
        }
        _ => None,
    }
}

/// Both tools say the same of all files, and Kafka's checks of indexes pass. Returns how many lines were told.
fn assert_both_tell_the_same(data: &Path, endings: &[&str]) -> usize {
    let (ours, theirs) = (told_by_naru(data), told_by_kafka(data));
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    for (path, lines) in &ours {
        // Of its own metadata the tool shows no payload without another decoder.
        let is_metadata = path.to_string_lossy().contains("__cluster_metadata");
        let told = |lines: &[String]| -> Vec<String> {
            lines.iter().filter(|line| !is_metadata || !line.starts_with("record")).cloned().collect()
        };
        let (ours, theirs) = (told(lines), told(&theirs[path]));
        for (number, (our, their)) in ours.iter().zip(&theirs).enumerate() {
            assert_eq!(our, their, "{}, line {number}: naru log dump and DumpLogSegments", path.display());
        }
        assert_eq!(ours.len(), theirs.len(), "{}", path.display());
    }
    for ending in endings {
        let told = |(path, lines): (&PathBuf, &Vec<String>)| {
            path.extension().is_some_and(|found| found == *ending) && !lines.is_empty()
        };
        assert!(ours.iter().any(told), "there is a .{ending} with something in it");
    }
    let indexes: Vec<String> = ours
        .keys()
        .filter(|path| path.extension().is_some_and(|ending| ending == "index" || ending == "timeindex"))
        .map(|path| path.display().to_string())
        .collect();
    for check in ["--index-sanity-check", "--verify-index-only"] {
        let text = run(&mut java("kafka.tools.DumpLogSegments", &[check, "--files", &indexes.join(",")]), "");
        assert_no_complaint(&text);
        let is_good = |line: &&str| line.ends_with("passed sanity check.") || line.ends_with("is empty.");
        let passed = text.lines().filter(is_good).count();
        assert!(check != "--index-sanity-check" || passed == indexes.len(), "{text}");
    }
    ours.values().map(Vec::len).sum()
}

// ---- what is written ----

fn config(broker: &BrokerProcess) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &broker.bootstrap);
    config
}

fn create(broker: &BrokerProcess, topic: &str, configs: &[(&str, &str)]) {
    let admin: AdminClient<DefaultClientContext> = config(broker).create().expect("an admin client");
    let new = NewTopic::new(topic, 1, TopicReplication::Fixed(1));
    let new = configs.iter().fold(new, |new, (key, value)| new.set(key, value));
    let options = AdminOptions::new().request_timeout(Some(PATIENCE));
    let results = block_on(admin.create_topics([&new], &options)).expect("an answer");
    assert_eq!(results, [Ok(topic.to_owned())]);
}

/// `count` records with fifty keys, in batches of twenty, now and then without a key or a value.
fn produce(broker: &BrokerProcess, topic: &str, settings: &[(&str, &str)], count: usize, may_be_null: bool) {
    let mut config = config(broker);
    config.set("acks", "all").set("batch.num.messages", "20").set("linger.ms", "5");
    for (key, value) in settings {
        config.set(*key, *value);
    }
    let producer: BaseProducer = config.create().expect("a producer");
    for number in 0..count {
        let key = format!("key{}", number % 50);
        let value = format!("value {number} {}", "and some more ".repeat(number % 17));
        let mut record = BaseRecord::<str, str>::to(topic).partition(0);
        if !may_be_null || number % 7 != 0 {
            record = record.key(&key);
        }
        if !may_be_null || number % 11 != 0 {
            record = record.payload(&value);
        }
        producer.send(record).map_err(|(error, _)| error).expect("the record is queued");
    }
    producer.flush(PATIENCE).expect("every record is delivered");
}

/// Every codec, by idempotent producers and others.
fn produce_with_every_codec(broker: &BrokerProcess, topic: &str, count: usize) {
    for codec in CODECS {
        for idempotent in ["false", "true"] {
            produce(broker, topic, &[("compression.type", codec), ("enable.idempotence", idempotent)], count, true);
        }
    }
}

/// A record as it was read: offset, timestamp, key, value.
type Read = (i64, Option<i64>, Option<String>, Option<String>);

/// A partition's records.
fn consume(broker: &BrokerProcess, topic: &str) -> Vec<Read> {
    let mut config = config(broker);
    config.set("group.id", "unused").set("enable.partition.eof", "true").set("check.crcs", "true");
    config.set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, 0, Offset::Beginning).expect("an offset");
    consumer.assign(&assignment).expect("the assignment");
    let mut records = Vec::new();
    loop {
        match consumer.poll(PATIENCE).expect("something within a minute") {
            Ok(message) => {
                let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
                let time = message.timestamp().to_millis();
                records.push((message.offset(), time, text(message.key()), text(message.payload())));
            }
            Err(KafkaError::PartitionEOF(_)) => return records,
            Err(error) => panic!("the consumer failed: {error}"),
        }
    }
}

/// The offsets that a broker finds for the timestamps of some of these records, and for a moment after each.
fn found_by_time(broker: &BrokerProcess, topic: &str, records: &[Read]) -> Vec<Offset> {
    let consumer: BaseConsumer = config(broker).set("group.id", "unused").create().expect("a consumer");
    let some = records.iter().step_by(records.len() / 20 + 1).chain(records.last());
    let times = some.flat_map(|record| record.1.into_iter().flat_map(|time| [time, time + 1]));
    let find = |time| {
        let mut asked = TopicPartitionList::new();
        asked.add_partition_offset(topic, 0, Offset::Offset(time)).expect("a time");
        consumer.offsets_for_times(asked, PATIENCE).expect("an answer").elements()[0].offset()
    };
    times.map(find).collect()
}

fn segments(directory: &Path) -> usize {
    let entries = fs::read_dir(directory).expect("the partition's directory");
    entries.flatten().filter(|entry| entry.path().extension().is_some_and(|ending| ending == "log")).count()
}

// ---- tests ----

#[test]
fn kafka_s_tool_agrees_with_ours_on_our_files() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut broker = BrokerProcess::naru(dir.path(), "127.0.0.1:0", &["log.cleaner.backoff.ms=50"]);
    let small = [("internal.segment.bytes", "30000"), ("index.interval.bytes", "700")];
    let compacting =
        [("cleanup.policy", "compact"), ("min.cleanable.dirty.ratio", "0.01"), ("file.delete.delay.ms", "100")];
    create(&broker, "compacted", &[&small[..], &compacting].concat());
    create(&broker, "codecs", &small);
    create(&broker, "stamped", &[&small[..], &[("message.timestamp.type", "LogAppendTime")]].concat());
    produce_with_every_codec(&broker, "codecs", 400);
    produce_with_every_codec(&broker, "stamped", 100);
    assert!(segments(&dir.path().join("codecs-0")) > 3, "segments were rolled");
    for codec in CODECS {
        produce(&broker, "compacted", &[("compression.type", codec), ("enable.idempotence", "true")], 1_000, false);
    }
    // Of fifty keys, far fewer than five thousand records stay.
    wait_until("Naru compacted", || consume(&broker, "compacted").len() < 2_000);
    assert!(broker.stop(), "the broker ends in good order");
    let told = assert_both_tell_the_same(dir.path(), &TOLD);
    assert!(told > 5_000, "only {told} lines");
}

#[test]
fn our_tool_agrees_with_kafka_s_on_kafka_s_files_and_naru_goes_on_with_them() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let kafka_data = dir.path().join("data");
    let mut kafka = BrokerProcess::apache_kafka(dir.path());
    create(&kafka, "codecs", &[("segment.bytes", "1048576"), ("index.interval.bytes", "700")]);
    let compacting = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "500"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("delete.retention.ms", "600000"),
    ];
    create(&kafka, "compacted", &compacting);
    for _ in 0..2 {
        produce_with_every_codec(&kafka, "codecs", 2_000);
    }
    let compacted = kafka_data.join("compacted-0");
    // A segment is rolled by the first record after segment.ms.
    wait_until("Apache Kafka compacted", || {
        for codec in CODECS {
            produce(&kafka, "compacted", &[("compression.type", codec), ("enable.idempotence", "true")], 100, false);
        }
        fs::read_dir(&compacted)
            .expect("a directory")
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().contains(".deleted"))
    });
    let before = ["codecs", "compacted"].map(|topic| {
        let records = consume(&kafka, topic);
        let by_time = found_by_time(&kafka, topic, &records);
        (topic, records, by_time)
    });
    // The JVM says 143 when a signal ended it; the mark says that the end was good.
    kafka.stop();
    assert!(kafka_data.join(".kafka_cleanshutdown").exists(), "Apache Kafka ended in good order");
    assert!(segments(&kafka_data.join("codecs-0")) > 1, "segments were rolled");
    let told = assert_both_tell_the_same(&kafka_data, &TOLD);
    assert!(told > 20_000, "only {told} lines");

    for clean in [true, false] {
        let naru_data = dir.path().join(format!("naru-{clean}"));
        adopt(&kafka_data, &naru_data, &["codecs", "compacted"], clean);
        let broker = BrokerProcess::naru(&naru_data, "127.0.0.1:0", &[]);
        for (topic, records, by_time) in &before {
            assert!(consume(&broker, topic) == *records, "{topic}, clean {clean}: the same records");
            assert_eq!(found_by_time(&broker, topic, records), *by_time, "{topic}, clean {clean}: found by time");
            // Not an idempotent one: in another cluster its id is that of a producer that has written already.
            produce(&broker, topic, &[("enable.idempotence", "false")], 30, false);
            assert_eq!(consume(&broker, topic).len(), records.len() + 30, "{topic}, clean {clean}: and it goes on");
        }
    }
}

/// Makes a data directory of Naru's with these topics, whose partitions' files are Kafka's.
fn adopt(kafka_data: &Path, naru_data: &Path, topics: &[&str], clean: bool) {
    let mut broker = BrokerProcess::naru(naru_data, "127.0.0.1:0", &[]);
    topics.iter().for_each(|topic| create(&broker, topic, &[]));
    assert!(broker.stop(), "the broker ends in good order");
    for topic in topics {
        let (from, to) = (kafka_data.join(format!("{topic}-0")), naru_data.join(format!("{topic}-0")));
        let names = |path: &Path| {
            fs::read_dir(path).expect("a directory").flatten().map(|entry| entry.file_name()).collect::<Vec<_>>()
        };
        for name in names(&to).into_iter().filter(|name| name != "partition.metadata") {
            fs::remove_file(to.join(name)).expect("a file can be removed");
        }
        for name in names(&from).into_iter().filter(|name| name != "partition.metadata") {
            fs::copy(from.join(&name), to.join(&name)).expect("a file can be copied");
        }
    }
    if !clean {
        fs::remove_file(naru_data.join(".kafka_cleanshutdown")).expect("the mark was there");
    }
}

#[test]
fn kafka_starts_on_a_data_directory_of_ours() {
    for clean in [true, false] {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let data = dir.path().join("data");
        let mut broker = BrokerProcess::naru(&data, "127.0.0.1:0", &[]);
        create(&broker, "codecs", &[("internal.segment.bytes", "30000"), ("retention.ms", "-1")]);
        produce_with_every_codec(&broker, "codecs", 200);
        let before = consume(&broker, "codecs");
        let by_time = found_by_time(&broker, "codecs", &before);
        assert_eq!(before.len(), 2_000);
        if clean {
            assert!(broker.stop(), "the broker ends in good order");
        } else {
            broker.kill_9();
        }
        let kafka = BrokerProcess::apache_kafka_on(dir.path());
        assert!(consume(&kafka, "codecs") == before, "clean {clean}: Apache Kafka serves the very records");
        assert_eq!(found_by_time(&kafka, "codecs", &before), by_time, "clean {clean}: found by time");
        produce(&kafka, "codecs", &[("enable.idempotence", "true")], 30, true);
        assert_eq!(consume(&kafka, "codecs").len(), before.len() + 30, "clean {clean}: and goes on");
        let log = fs::read_to_string(dir.path().join("kafka.log")).expect("what Apache Kafka said");
        // It says so of each index that it has to build anew.
        assert!(!clean || !log.contains("rebuilding"), "Apache Kafka trusts our indexes: {log}");
    }
}
