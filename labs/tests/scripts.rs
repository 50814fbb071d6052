//! Scripts that go wrong end with a sentence, a line and what to try; and equal requests give equal runs.

use naru_labs::{Action, Budget, InjectedAction, Locale, Recording, RunRequest, ScriptError, labs, run, terminal};
use naru_trace::{Micros, TraceKind};

const TOPIC: &str = "let b = broker();\nb.create_topic(\"t\", #{ partitions: 2 });\n";

fn play(script: &str) -> Recording {
    run(&RunRequest { script: script.into(), ..RunRequest::default() })
}

fn error_of(script: &str) -> ScriptError {
    let recording = play(script);
    recording.error.clone().unwrap_or_else(|| panic!("no error:\n{}", terminal::report(&recording, Locale::En)))
}

fn printed(script: &str) -> Vec<String> {
    let recording = play(script);
    assert_eq!(recording.error, None);
    recording.printed.into_iter().map(|line| line.text).collect()
}

#[test]
fn a_loop_without_an_end_is_stopped() {
    let error = error_of("let x = 0;\nwhile true {\n  x += 1;\n}\n");
    assert_eq!(error.budget.as_deref(), Some("operations_max"));
    assert!((2..=4).contains(&error.line.unwrap()));
    assert!(error.message.en.contains("loop") && error.message.ko.contains("반복문"));
}

#[test]
fn a_million_records_are_stopped_at_their_line() {
    let script = format!("{TOPIC}let p = producer(\"p\");\nfor n in 0..1000000 {{\n  p.send(\"t\", `${{n}}`);\n}}\n");
    let recording = play(&script);
    let error = recording.error.unwrap();
    assert_eq!((error.budget.as_deref(), error.line), (Some("records_max"), Some(5)));
    assert!(error.message.en.contains("20000"), "{}", error.message.en);
    let events = recording.events.iter().filter(|event| matches!(event.kind, TraceKind::RecordQueued { .. }));
    assert_eq!(events.count() as u64, Budget::default().records_max);
}

#[test]
fn no_catch_stops_a_budget() {
    let script = format!(
        "{TOPIC}let p = producer(\"p\");\nwhile true {{\n  try {{ p.send(\"t\", \"x\"); }} catch (error) {{ print(error); }}\n}}\n"
    );
    assert_eq!(error_of(&script).budget.as_deref(), Some("records_max"));
}

#[test]
fn every_budget_has_its_sentence() {
    let small = Budget {
        events_max: 300,
        deliveries_max: 10,
        clients_max: 5,
        prints_max: 3,
        record_bytes_max: 500_000,
        simulated_ms_max: 5_000,
        ..Budget::default()
    };
    let fill = "let p = producer(\"p\");\nfor n in 0..8 { p.send(\"t\", `${n}`); }\np.flush();\n";
    for (budget, rest) in [
        ("call_depth_max", "fn deep(n) { deep(n + 1) }\ndeep(0);"),
        ("data_size_max", "let s = \"x\";\nwhile true { s += s; }"),
        ("data_size_max", "let a = [0];\nwhile true { a += a; }"),
        ("prints_max", "while true { print(\"again\"); }"),
        ("clients_max", "while true { producer(\"p\"); }"),
        ("simulated_ms_max", "sleep(10000);"),
        ("events_max", &format!("{fill}while true {{ p.send(\"t\", \"v\"); p.flush(); }}")),
        (
            "deliveries_max",
            &format!(
                "{fill}let c = consumer(\"c\");\nc.assign(\"t\");\nwhile true {{ c.seek_to_beginning(); c.read_all(); }}"
            ),
        ),
        (
            "record_bytes_max",
            "let p = producer(\"p\");\nlet s = \"x\";\ns.pad(60000, 'x');\nwhile true { p.send(\"t\", s); }",
        ),
    ] {
        let request = RunRequest { script: format!("{TOPIC}{rest}"), budget: small, ..RunRequest::default() };
        let recording = run(&request);
        let error = recording.error.unwrap_or_else(|| panic!("{budget}: no error"));
        assert_eq!(error.budget.as_deref(), Some(budget), "{error:?}");
        assert!(error.line.is_some() && error.help.is_some(), "{error:?}");
        assert!(!error.message.ko.is_empty());
    }
}

#[test]
fn a_refusal_ends_the_script_with_kafkas_words() {
    let error = error_of("let b = broker();\n\nb.create_topic(\"a b\");\n");
    assert_eq!((error.line, error.kafka.as_deref()), (Some(3), Some("INVALID_TOPIC_EXCEPTION")));
    assert!(error.message.en.starts_with("INVALID_TOPIC_EXCEPTION: "), "{}", error.message.en);
    assert!(error.message.en.contains("'a b'"), "{}", error.message.en);
}

#[test]
fn a_refusal_can_be_caught_and_read() {
    let script = "let b = broker();\ntry { b.create_topic(\"..\"); } catch (error) { print(error.name); print(error.message); print(error); }\nprint(b.try_create_topic(\"t\"));\nprint(b.try_create_topic(\"t\"));";
    let lines = printed(script);
    assert_eq!(lines[0], "INVALID_TOPIC_EXCEPTION");
    assert_eq!(lines[2], format!("{}: {}", lines[0], lines[1]));
    assert_eq!(lines[3..], ["NONE", "TOPIC_ALREADY_EXISTS"]);
}

#[test]
fn mistakes_get_help() {
    for (script, says, help) in [
        ("let b = brocker();", "no function `brocker`", "`broker`"),
        ("let b = broker();\nb.create_topics(\"t\");", "no function `create_topics`", "`create_topic`"),
        ("let b = broker();\nb.create_topic(3);", "cannot be called like this", "partitions: 3"),
        ("let b = broker();\nb.rename_topic(\"a\", \"b\");", "no function `rename_topic`", "cannot rename"),
        ("let c = consumer(\"c\");", "no broker yet", ""),
        ("let b = broker();\nlet c = consumer(\"c\");\nc.subscribe(\"t\");", "no function `subscribe`", "part III"),
        ("let b = broker();\nb.create_topic(\"t\", #{ partition: 3 });", "did you mean `partitions`", ""),
        ("let b = broker();\nlet p = producer(#{ acks: \"some\" });", "`acks` wants", ""),
        ("let number = 1;\nprint(numbr);", "no variable `numbr`", "`number`"),
        ("let b = broker(", "", ""),
        ("let b = broker()\nb.create_topic(\"t\");", "missing", ""),
        ("throw \"enough\";", "enough", ""),
        ("let b = broker();\nlet b2 = broker();", "one broker", ""),
        ("let r = #{ value: 1 };\nprint(r.valu);", "no property", "`value`"),
    ] {
        let error = error_of(script);
        assert!(error.message.en.contains(says), "{script}\n{error:?}");
        assert!(error.line.is_some(), "{script}\n{error:?}");
        assert!(!error.message.ko.is_empty());
        let helped = error.help.map(|help| help.en).unwrap_or_default();
        assert!(helped.contains(help), "{script}\n{helped}");
    }
}

#[test]
fn a_wrong_partition_and_an_unknown_topic() {
    let error = error_of(&format!("{TOPIC}let c = consumer(\"c\");\nc.assign(\"t\", [0, 7]);"));
    assert!(error.message.en.contains("0 to 1, not 7"), "{error:?}");
    let error = error_of(&format!("{TOPIC}let c = consumer(\"c\");\nc.assign(\"unknown\");"));
    assert_eq!(error.kafka.as_deref(), Some("UNKNOWN_TOPIC_OR_PARTITION"), "{error:?}");
}

#[test]
fn what_is_sent_is_read() {
    let lines = printed(&format!(
        "{TOPIC}let p = producer(#{{ name: \"p\", acks: 1 }});
p.send_to(\"t\", 1, \"k\", \"v\");
p.send_to(\"t\", 1, \"keyless\");
p.send(\"t\", \"k\", ());
p.flush();
let c = consumer(#{{ name: \"c\", auto_offset_reset: \"earliest\" }});
c.assign(\"t\", 1);
for r in c.read(1) {{ print(`${{r.partition}} ${{r.offset}} ${{r.key}} ${{r.value}}`); }}
for r in c.read_all() {{ print(r.value); }}
print(c.position(\"t\", 1));
print(c.poll(100).len());
print([1, true]);
print(b.topics());
"
    ));
    assert_eq!(lines[0], "1 0 k v");
    assert_eq!(lines[1], "keyless");
    assert!(lines.contains(&"0".to_owned()) && lines.contains(&"[1, true]".to_owned()), "{lines:?}");
    assert_eq!(lines.last().unwrap(), "[\"t\"]");
}

#[test]
fn a_consumer_that_is_not_told_where_to_begin_waits_for_what_is_new() {
    let lines = printed(&format!(
        "{TOPIC}let p = producer(\"p\");
p.send_to(\"t\", 0, \"old\");
p.flush();
let c = consumer(\"c\");
c.assign(\"t\");
print(c.read_all().len());
p.send_to(\"t\", 0, \"new\");
p.flush();
for r in c.read_all() {{ print(r.value); }}
"
    ));
    assert_eq!(lines, ["0", "new"]);
}

#[test]
fn a_consumer_reads_as_often_as_it_goes_back() {
    let lines = printed(&format!(
        "{TOPIC}let p = producer(\"p\");
for n in 0..8 {{ p.send(\"t\", `${{n}}`); }}
p.flush();
let c = consumer(\"c\");
c.assign(\"t\");
for n in 0..3 {{ c.seek_to_beginning(); print(c.read_all().len()); }}
c.seek_to_end();
print(c.read_all().len());
print(b);
"
    ));
    assert_eq!(lines, ["8", "8", "8", "0", "broker 1"]);
}

#[test]
fn what_was_not_flushed_is_still_sent() {
    let recording = play(&format!("{TOPIC}let p = producer(\"p\");\np.send(\"t\", \"v\");"));
    assert!(recording.events.iter().any(|event| matches!(event.kind, TraceKind::BatchAcknowledged { .. })));
}

#[test]
fn a_broker_comes_back_with_what_it_had() {
    let lines = printed(&format!(
        "{TOPIC}let p = producer(\"p\");
p.send_to(\"t\", 0, \"kept\");
p.flush();
crash(b);
sleep(50);
restart(b);
let c = consumer(#{{ name: \"c\", auto_offset_reset: \"earliest\" }});
c.assign(\"t\");
for r in c.read_all() {{ print(r.value); }}
"
    ));
    assert_eq!(lines, ["kept"]);
}

#[test]
fn events_know_the_line_of_the_script() {
    let recording = play(
        "let b = broker();\n\nb.create_topic(\"t\");\nlet p = producer(\"p\");\np.send(\"t\", \"v\");\np.flush();\nprint(\"done\");",
    );
    let line_of = |wanted: fn(&TraceKind) -> bool| {
        recording.events.iter().find(|event| wanted(&event.kind)).and_then(|event| event.script_line)
    };
    assert_eq!(line_of(|kind| matches!(kind, TraceKind::TopicCreated { .. })), Some(3));
    assert_eq!(line_of(|kind| matches!(kind, TraceKind::RecordQueued { .. })), Some(5));
    assert_eq!(line_of(|kind| matches!(kind, TraceKind::BatchAppended { .. })), Some(6));
    assert_eq!(line_of(|kind| matches!(kind, TraceKind::ScriptPrinted { .. })), Some(7));
    assert_eq!(recording.printed[0].script_line, Some(7));
    let seq = recording.printed[0].seq.unwrap();
    assert!(matches!(recording.events[seq as usize].kind, TraceKind::ScriptPrinted { .. }));
}

#[test]
fn equal_requests_give_equal_runs() {
    for lab in labs() {
        for script in [&lab.start, &lab.solution] {
            let request = RunRequest { lab: lab.number.clone(), script: script.clone(), ..RunRequest::default() };
            let first = run(&request);
            assert_eq!(first, run(&request));
            assert_eq!(first.hash.len(), 16);
            let other = run(&RunRequest { seed: Some(lab.seed + 1), ..request });
            assert_ne!(first.hash, other.hash, "{}", lab.folder());
        }
    }
}

#[test]
fn a_solution_passes_with_any_seed() {
    for lab in labs() {
        for seed in 100..112 {
            let request = RunRequest {
                lab: lab.number.clone(),
                script: lab.solution.clone(),
                seed: Some(seed),
                ..RunRequest::default()
            };
            let recording = run(&request);
            assert!(recording.passed(), "seed {seed}\n{}", terminal::report(&recording, Locale::En));
        }
    }
}

#[test]
fn an_injected_fault_is_part_of_the_run() {
    let lab = &labs()[0];
    let fault = InjectedAction { at: Micros::from_millis(3), after: None, action: Action::Crash { broker: 1 } };
    let request = RunRequest {
        lab: lab.number.clone(),
        script: lab.solution.clone(),
        actions: vec![fault],
        ..RunRequest::default()
    };
    let recording = run(&request);
    assert!(recording.events.iter().any(|event| matches!(event.kind, TraceKind::BrokerCrashed { broker: 1 })));
    assert_eq!(recording, run(&request));
    assert!(!recording.passed());
}

#[test]
fn a_disk_can_be_looked_at_and_its_edges_are_told() {
    let disk = format!(
        "{TOPIC}let p = producer(\"p\"); p.send_to(\"t\", 1, \"k\", \"hello\"); p.flush();\nlet log = \"t-1/00000000000000000000.log\";\n"
    );
    let look = format!(
        "{disk}print(b.files().contains(log)); print(b.file_size(log) == 12 + b.read_int(log, 8, 4)); print(b.find_text(log, \"none\")); print(b.read_bytes(log, b.find_text(log, \"hello\"), 2));"
    );
    assert_eq!(printed(&look), ["true", "true", "-1", "[104, 101]"]);
    for (call, words) in [
        ("b.file_size(\"u-0/x\")", "no file u-0/x"),
        ("b.read_bytes(log, 0, 5000)", "At most 4096"),
        ("b.read_int(log, 70000, 4)", "beyond its end"),
        ("b.read_int(log, -1, 4)", "beyond its end"),
        ("b.read_int(log, 9223372036854775807, 4)", "beyond its end"),
        ("edit_byte(b, log, 70000, 0)", "beyond its end"),
        ("edit_byte(b, log, 0, 256)", "from 0 to 255"),
    ] {
        let error = error_of(&format!("{disk}{call};"));
        assert!(error.message.en.contains(words), "{call}: {}", error.message.en);
    }
}

#[test]
fn settings_can_be_changed_and_records_deleted() {
    let script = format!(
        "{TOPIC}let p = producer(\"p\"); for n in 0..5 {{ p.send_to(\"t\", 0, `${{n}}`); }} p.flush();\nb.alter_config(\"t\", #{{ \"retention.ms\": \"60000\" }});\nb.alter_config(\"t\", #{{ \"retention.ms\": () }});\nprint(b.delete_records(\"t\", 0, 3));\ntry {{ b.alter_config(\"t\", #{{ \"retention.ms\": \"-5\" }}); }} catch (error) {{ print(error.name); }}\ntry {{ b.delete_records(\"t\", 0, 9); }} catch (error) {{ print(error.name); }}"
    );
    assert_eq!(printed(&script), ["3", "INVALID_CONFIG", "OFFSET_OUT_OF_RANGE"]);
}

fn in_cluster(script: &str) -> Recording {
    run(&RunRequest { lab: "copies".into(), script: script.into(), ..RunRequest::default() })
}

#[test]
fn a_cluster_answers_who_leads_and_what_is_in_sync() {
    let script = "let b = cluster();
b.create_topic(\"t\", #{ replicas: 3 });
print(controller() > 0 && replicas(\"t\", 0).contains(leader(\"t\", 0)));
print(`${isr(\"t\", 0).len()} ${epoch(\"t\", 0)} ${high_watermark(\"t\", 0)} ${log_end(2, \"t\", 0)}`);
let before = controller();
crash(before);
while [before, -1].contains(controller()) { sleep(100); }
print(controller() != before);";
    let recording = in_cluster(script);
    assert_eq!(recording.error, None);
    let printed: Vec<&str> = recording.printed.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(printed, ["true", "3 0 0 0", "true"]);
}

#[test]
fn what_a_cluster_does_not_have_is_said() {
    let error = |script: &str| in_cluster(script).error.expect("an error").message.en;
    assert_eq!(error("crash(1);"), "There is no broker yet. Begin with: let b = cluster();");
    assert_eq!(error("let b = broker();"), "Begin with: let b = cluster();");
    assert_eq!(
        error("cluster(); cluster();"),
        "The lab's brokers run already: one broker() or cluster() starts them all."
    );
    assert_eq!(error("cluster(); pause(4);"), "Which broker? The brokers are: 1, 2, 3.");
    assert_eq!(error("cluster(); cut(1, \"x\");"), "Which broker? The brokers are: 1, 2, 3.");
    assert_eq!(error("cluster(); leader(\"t\", 0);"), "No broker that runs knows a partition 0 of t.");
    assert_eq!(error_of("cluster();").message.en, "Begin with: let b = broker();");
}
