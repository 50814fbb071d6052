//! Goals accept every right answer, and refuse wrong ones: scripts that nobody wrote into a lab's folder.

use naru_labs::{Locale, Recording, RunRequest, run, terminal};

fn play(lab: &str, script: &str) -> Recording {
    run(&RunRequest { lab: lab.into(), script: script.into(), ..RunRequest::default() })
}

fn accepts(lab: &str, script: &str) {
    let recording = play(lab, script);
    assert!(recording.passed(), "{}", terminal::report(&recording, Locale::En));
    assert!(recording.goals.iter().all(|goal| goal.hint.is_none()));
}

/// The script runs, and exactly these goals are not met; each shows a hint.
fn refuses(lab: &str, script: &str, unmet: &[&str]) {
    let recording = play(lab, script);
    let report = terminal::report(&recording, Locale::Ko);
    assert_eq!(recording.error, None, "{report}");
    let failed: Vec<&str> = recording.goals.iter().filter(|goal| !goal.met).map(|goal| goal.id.as_str()).collect();
    assert_eq!(failed, unmet, "{report}");
    assert!(recording.goals.iter().all(|goal| goal.met != goal.hint.is_some()));
}

#[test]
fn nothing_meets_nothing() {
    refuses("01", "", &["written", "both", "again", "there"]);
    refuses("02", "let b = broker();", &["sent", "parallel", "together", "in-order"]);
    refuses("03", "let b = broker();", &["grew", "moved", "in-order"]);
    refuses("07", "let b = broker();", &["time", "size", "records"]);
    refuses("06", "let b = broker();", &["hot", "cold", "crash", "lost", "safe"]);
    refuses("08", "let b = broker();", &["closed", "both", "gone", "no-key"]);
    refuses("09", "let b = cluster();", &["copies", "out", "waited", "back", "survived"]);
    refuses("05", "let b = broker();", &["found", "cut", "index"]);
    refuses("04", "let b = broker();", &["letters", "collision", "dots", "length", "four-templates", "own-template"]);
}

const DIARY: &str = r#"
let b = broker();
b.create_topic("diary", #{ partitions: 2 });
let p = producer(#{ name: "me", acks: 1, linger_ms: 0 });
for n in 1..=7 { p.send("diary", `day ${n}`, "rain"); }
p.flush();
fn read_slowly(c) { let n = 0; loop { let got = c.poll(200); if got.is_empty() { break; } n += got.len(); } n }
"#;

#[test]
fn lab_01_other_names_other_numbers() {
    accepts(
        "01",
        &format!(
            "{DIARY}
let x = consumer(#{{ name: \"x\", auto_offset_reset: \"earliest\" }});
let y = consumer(#{{ name: \"y\", auto_offset_reset: \"earliest\" }});
x.assign(\"diary\"); y.assign(\"diary\", [0, 1]);
read_slowly(y); read_slowly(x);
y.seek_to_beginning(); read_slowly(y);"
        ),
    );
}

#[test]
fn lab_01_two_readers_of_one_name_that_began_before_the_records() {
    accepts(
        "01",
        r#"
let b = broker();
b.create_topic("notes");
let one = consumer("reader"); one.assign("notes"); one.poll(10);
let two = consumer("reader"); two.assign("notes"); two.poll(10);
let p = producer();
for n in 0..5 { p.send("notes", "the same words each time"); p.flush(); }
one.read_all(); two.read_all();
two.seek("notes", 0, 4); two.read(1);"#,
    );
}

#[test]
fn lab_01_sharing_is_not_reading_the_same() {
    refuses(
        "01",
        &format!(
            "{DIARY}
let x = consumer(\"x\"); x.assign(\"diary\", 0); x.seek_to_beginning(); x.read_all(); x.seek_to_beginning(); x.read_all();
let y = consumer(\"y\"); y.assign(\"diary\", 1); y.seek_to_beginning(); y.read_all(); y.seek_to_beginning(); y.read_all();"
        ),
        &["both"],
    );
}

#[test]
fn lab_01_a_deleted_topic_keeps_nothing() {
    refuses(
        "01",
        &format!(
            "{DIARY}
for name in [\"x\", \"y\"] {{
    let c = consumer(name);
    c.assign(\"diary\"); c.seek_to_beginning(); c.read_all(); c.seek_to_beginning(); c.read_all();
}}
b.delete_topic(\"diary\");"
        ),
        &["written", "both", "there"],
    );
}

fn orders(partitions: i32, send: &str, read: &str) -> String {
    format!(
        r#"
let b = broker();
b.create_topic("orders", #{{ partitions: {partitions} }});
let p = producer("p");
for step in ["created", "paid", "shipped"] {{
    for n in 1..=4 {{
        {send};
    }}
}}
p.flush();
{read}"#
    )
}

const READ_ALL: &str = "let c = consumer(\"c\"); c.assign(\"orders\"); c.seek_to_beginning(); c.read_all();";

#[test]
fn lab_02_any_key_that_tells_orders_apart() {
    let keyed = "p.send(\"orders\", `order-${n}`, `order-${n} ${step}`)";
    accepts("02", &orders(3, keyed, READ_ALL));
    accepts("02", &orders(8, keyed, READ_ALL));
    accepts("02", &orders(3, "p.send(\"orders\", `${n}`, `order-${n} ${step}`)", READ_ALL));
}

#[test]
fn lab_02_the_sender_may_choose_the_partition() {
    accepts("02", &orders(3, "p.send_to(\"orders\", n % 3, `order-${n} ${step}`)", READ_ALL));
}

#[test]
fn lab_02_readers_may_share_the_partitions() {
    let shared =
        "for n in 0..3 { let c = consumer(`c-${n}`); c.assign(\"orders\", n); c.seek_to_beginning(); c.read_all(); }";
    accepts("02", &orders(3, "p.send(\"orders\", `order-${n}`, `order-${n} ${step}`)", shared));
}

#[test]
fn lab_02_what_is_not_enough() {
    let keyed = "p.send(\"orders\", `order-${n}`, `order-${n} ${step}`)";
    refuses("02", &orders(3, keyed, ""), &["in-order"]);
    refuses(
        "02",
        &orders(3, keyed, "let c = consumer(\"c\"); c.assign(\"orders\"); c.seek_to_beginning(); c.read(5);"),
        &["in-order"],
    );
    refuses(
        "02",
        &orders(3, "p.send(\"orders\", `order-${n}`, `order-1 ${step}`)", READ_ALL),
        &["together", "in-order"],
    );
    refuses("02", &orders(3, "p.send_to(\"orders\", 2, `order-${n} ${step}`)", READ_ALL), &["parallel"]);
    refuses("02", &orders(3, "p.send_to(\"orders\", n % 2, `order-${n} ${step}`)", "sleep(10);"), &["in-order"]);
}

fn growth(after: &str) -> String {
    format!(
        r#"
let b = broker();
b.create_topic("orders", #{{ partitions: 2 }});
let p = producer("a");
for n in 1..=6 {{ p.send("orders", `key-${{n}}`, "first"); }}
p.flush(); sleep(30);
b.add_partitions("orders", 5);
let p = producer("b");
for n in 1..=6 {{ p.send("orders", `key-${{n}}`, "second"); }}
p.flush();
let c = consumer("c"); c.assign("orders"); c.seek_to_beginning();
let records = c.read_all();
{after}
p.flush();"#
    )
}

const SORTED: &str = "records.sort(|x, y| x.timestamp - y.timestamp);";

#[test]
fn lab_03_any_larger_topic_and_any_way_to_sort() {
    let copy = "for r in records { p.send(\"new\", r.key, r.value); }";
    accepts("03", &growth(&format!("{SORTED} b.create_topic(\"new\", #{{ partitions: 9 }}); {copy}")));
    // First all that came first, then the rest; then the old topic goes.
    let by_value = "for value in [\"first\", \"second\"] { for r in records { if r.value == value { p.send(\"new\", r.key, r.value); } } }";
    accepts(
        "03",
        &growth(&format!(
            "b.create_topic(\"new\", #{{ partitions: 5 }}); {by_value} p.flush(); b.delete_topic(\"orders\");"
        )),
    );
    // The new topic goes on living.
    let more = "for n in 1..=6 { p.send(\"new\", `key-${n}`, \"third\"); }";
    accepts("03", &growth(&format!("{SORTED} b.create_topic(\"new\", #{{ partitions: 5 }}); {copy} {more}")));
    // The sender chooses the partitions, one for each key.
    let chosen = "for r in records { p.send_to(\"new\", parse_int(r.key.sub_string(4)) % 3, r.key, r.value); }";
    accepts("03", &growth(&format!("{SORTED} b.create_topic(\"new\", #{{ partitions: 3 }}); {chosen}")));
}

#[test]
fn lab_03_what_is_no_repair() {
    let copy = "for r in records { p.send(\"new\", r.key, r.value); }";
    // Too small; not everything; into the same topic again; the wrong way round.
    refuses(
        "03",
        &growth(&format!("{SORTED} b.create_topic(\"new\", #{{ partitions: 2 }}); {copy}")),
        &["moved", "in-order"],
    );
    let half = "for r in records { if r.value == \"second\" { p.send(\"new\", r.key, r.value); } }";
    refuses("03", &growth(&format!("b.create_topic(\"new\", #{{ partitions: 5 }}); {half}")), &["moved", "in-order"]);
    refuses("03", &growth("for r in records { p.send(\"orders\", r.key, r.value); }"), &["moved", "in-order"]);
    let backwards = "records.sort(|x, y| y.timestamp - x.timestamp);";
    refuses(
        "03",
        &growth(&format!("{backwards} b.create_topic(\"new\", #{{ partitions: 5 }}); {copy}")),
        &["in-order"],
    );
    // A topic that grew while it was empty has nothing to repair.
    refuses(
        "03",
        "let b = broker(); b.create_topic(\"t\"); b.add_partitions(\"t\", 3); b.create_topic(\"u\", #{ partitions: 3 });",
        &["grew", "moved", "in-order"],
    );
}

fn names(topics: &[&str], template: &str) -> String {
    let mut script = String::from(
        "let b = broker();\nb.try_create_topic(\"주문\");\nb.try_create_topic(\"..\");\nlet long = \"\";\nfor n in 0..250 { long += \"n\"; }\nb.try_create_topic(long);\nb.create_topic(\"a_b\");\ntry { b.create_topic(\"a.b\"); } catch (error) { print(error); }\n",
    );
    for topic in topics {
        script += &format!("b.create_topic(\"{topic}\");\n");
    }
    format!("{script}template(\"{template}\");\n")
}

const FOUR: [&str; 4] =
    ["stg.core.billing.avro", "shop.cart.qa.created", "dev.mailer.MAIL-12.html", "kafka1.prd.search.json"];

#[test]
fn lab_04_ones_own_names() {
    let own = ["ferry-tickets", "ferry-boats", "bridge-tolls"];
    accepts("04", &names(&[&FOUR[..], &own[..]].concat(), "<팀>-<서비스>"));
    let own = ["kr.ferry.tickets.sold", "kr.ferry.boats.landed", "jp.ferry.boats.landed"];
    accepts("04", &names(&[&FOUR[..], &own[..]].concat(), "<country:kr|jp>.<team>.<service>.<event>"));
}

#[test]
fn lab_04_what_is_refused() {
    let own = ["ferry-tickets", "ferry-boats", "bridge-tolls"];
    // One name cannot stand for two templates.
    refuses("04", &names(&[&["dev.dev.dev.json"][..], &own[..]].concat(), "<team>-<service>"), &["four-templates"]);
    // A template of the notes is not one's own, nor is one of a single field, and two topics are not three.
    refuses("04", &names(&FOUR, "<Env>.<team>.<app>.<type>"), &["own-template"]);
    refuses("04", &names(&[&FOUR[..], &own[..]].concat(), "<name>"), &["own-template"]);
    refuses("04", &names(&[&FOUR[..], &own[..2]].concat(), "<team>-<service>-<event>"), &["own-template"]);
}

#[test]
fn lab_04_a_refusal_for_another_reason_does_not_count() {
    refuses(
        "04",
        "let b = broker(); b.create_topic(\"t\"); b.try_create_topic(\"t\"); b.try_create_topic(\"\"); b.try_create_topic(\"u\", #{ partitions: 0 }); b.try_create_topic(\"...\");",
        &["letters", "collision", "dots", "length", "four-templates", "own-template"],
    );
}

fn orders_on_disk(send: &str, deeds: &str) -> String {
    format!(
        r#"
let b = broker();
b.create_topic("o", #{{ config: #{{ "index.interval.bytes": "100" }} }});
let p = producer(#{{ name: "p", acks: 1 }});
for n in 0..9 {{ {send} }}
let log = "o-0/00000000000000000000.log";
let index = "o-0/00000000000000000000.index";
{deeds}"#
    )
}

const EACH_BY_ITSELF: &str = "p.send(\"o\", `k${n}`, `order-${n}`); p.flush();";

#[test]
fn lab_05_any_byte_of_the_record_in_any_topic() {
    // The first byte of its batch, stepping from the beginning; two crashes, or one.
    let step = "let at = 0; while b.read_int(log, at, 8) < 6 { at += 12 + b.read_int(log, at + 8, 4); }";
    let twice = "edit_byte(b, log, at + 20, 1); crash(b); restart(b); edit_byte(b, index, 3, 7); crash(b); restart(b);";
    accepts("05", &orders_on_disk(EACH_BY_ITSELF, &format!("{step} {twice}")));
    let index_first = "edit_byte(b, index, 0, 1); crash(b); restart(b);
        edit_byte(b, log, b.find_text(log, \"order-6\") + 6, 57); crash(b); restart(b);";
    accepts("05", &orders_on_disk(EACH_BY_ITSELF, index_first));
    // Those before it may share a batch.
    let pairs = "p.send(\"o\", `order-${n}`); if n % 2 == 1 { p.flush(); }";
    let deeds = "p.flush(); edit_byte(b, log, b.find_text(log, \"order-6\"), 0); crash(b); restart(b);
        edit_byte(b, index, 0, 1); crash(b); restart(b);";
    accepts("05", &orders_on_disk(pairs, deeds));
}

#[test]
fn lab_05_what_is_not_enough() {
    let find = "b.find_text(log, \"order-6\")";
    refuses("05", &orders_on_disk(EACH_BY_ITSELF, &format!("edit_byte(b, log, {find}, 0);")), &["cut", "index"]);
    // Damage to a neighbour.
    let behind = "edit_byte(b, log, b.find_text(log, \"order-7\"), 0); crash(b); restart(b);";
    refuses("05", &orders_on_disk(EACH_BY_ITSELF, behind), &["found", "cut", "index"]);
    let stopped =
        format!("stop(b); edit_byte(b, log, {find}, 0); restart(b); edit_byte(b, index, 0, 9); stop(b); restart(b);");
    refuses("05", &orders_on_disk(EACH_BY_ITSELF, &stopped), &["cut"]);
}

fn compacted(config: &str, deeds: &str) -> String {
    format!(
        r#"
let b = broker();
b.create_topic("state", #{{ config: #{{ "internal.segment.bytes": "200", "min.cleanable.dirty.ratio": "0.01", {config} }} }});
let p = producer(#{{ name: "p", acks: 1 }});
fn put(p, key, value) {{ p.send("state", key, value); p.flush(); }}
fn fill(p, n) {{ for i in 0..n {{ put(p, `k${{i % 2}}`, `v${{i}}`); }} }}
{deeds}"#
    )
}

#[test]
fn lab_08_other_keys_and_both_policies() {
    let deeds = "put(p, \"bob\", \"here\"); fill(p, 6); put(p, \"bob\", ()); fill(p, 4); sleep(20000); fill(p, 5); sleep(20000);
        fill(p, 1);
        try { put(p, (), \"x\"); } catch (error) { print(error.name); }";
    accepts("08", &compacted("\"cleanup.policy\": \"compact\", \"delete.retention.ms\": \"0\"", deeds));
    accepts("08", &compacted("\"cleanup.policy\": \"compact,delete\", \"delete.retention.ms\": \"5000\"", deeds));
}

#[test]
fn lab_08_what_is_not_enough() {
    let keep = "\"cleanup.policy\": \"compact\"";
    // Cleaned only once, and a day not over: the tombstone is still there.
    let once = "put(p, \"bob\", \"here\"); fill(p, 6); put(p, \"bob\", ()); fill(p, 5); sleep(20000); fill(p, 5); sleep(20000);";
    refuses("08", &compacted(keep, once), &["gone", "no-key"]);
    // Nothing was ever there of bob, or the topic is gone with him.
    refuses("08", &compacted(keep, "put(p, \"bob\", ()); fill(p, 9); sleep(20000);"), &["gone", "no-key"]);
    refuses(
        "08",
        &compacted(keep, &format!("{once} b.delete_topic(\"state\");")),
        &["closed", "both", "gone", "no-key"],
    );
}

fn big(deeds: &str) -> String {
    format!(
        r#"
let b = broker();
b.create_topic("a"); b.create_topic("z");
let p = producer(#{{ name: "p", acks: 1 }});
fn fill(p, topic, n) {{ let x = ""; x.pad(3000, "x"); for i in 0..n {{ p.send(topic, `${{i}} ${{x}}`); }} p.flush(); }}
let c = consumer(#{{ name: "c", auto_offset_reset: "earliest" }});
{deeds}"#
    )
}

#[test]
fn lab_06_waiting_long_enough_is_as_good_as_flushing() {
    let deeds = "fill(p, \"a\", 30); c.assign(\"a\"); c.seek_to_beginning(); c.read(30);
        crash(b); restart(b); sleep(60000); drop_caches(b); c.seek_to_beginning(); c.read(30);
        fill(p, \"z\", 12); power_loss(b); restart(b);";
    accepts("06", &big(deeds));
}

#[test]
fn lab_06_flushed_from_the_middle_on() {
    let deeds = "fill(p, \"z\", 30); b.alter_config(\"a\", #{ \"flush.messages\": \"1\" }); fill(p, \"a\", 24);
        c.assign([\"a\"]); c.seek_to_beginning(); c.read(24); drop_caches(b); c.seek_to_beginning(); c.read(24);
        crash(b); restart(b); fill(p, \"z\", 1); power_loss(b); restart(b);";
    accepts("06", &big(deeds));
}

#[test]
fn lab_06_what_is_not_enough() {
    // Nothing acknowledged, nothing promised; and too little of everything.
    let few = "fill(p, \"a\", 9); c.assign(\"a\"); c.seek_to_beginning(); c.read(9); crash(b); restart(b);
        fill(p, \"a\", 1); power_loss(b); restart(b);";
    refuses("06", &big(few), &["hot", "cold", "crash", "safe"]);
    refuses("06", &big("fill(p, \"a\", 30); stop(b); restart(b);"), &["hot", "cold", "crash", "lost", "safe"]);
}

fn four_a_segment(deeds: &str) -> String {
    format!(
        r#"
let b = broker();
let p = producer("p");
fn fill(b, p, topic, config) {{
    config["internal.segment.bytes"] = "310";
    b.create_topic(topic, #{{ config: config }});
    for n in 10..30 {{ p.send(topic, `number ${{n}}`); p.flush(); }}
}}
{deeds}"#
    )
}

#[test]
fn lab_07_settings_from_the_start_or_later() {
    let deeds = "fill(b, p, \"size\", #{ \"retention.bytes\": \"700\" }); sleep(60000);
        fill(b, p, \"time\", #{}); b.delete_records(\"time\", 0, 2);
        b.create_topic(\"slow\", #{ config: #{ \"segment.ms\": \"1000\", \"retention.ms\": \"25000\" } });
        for n in 0..4 { p.send(\"slow\", `${n}`); p.flush(); sleep(10000); }";
    accepts("07", &four_a_segment(deeds));
}

#[test]
fn lab_07_what_is_not_enough() {
    // One log cannot stand for both, a whole segment is no middle, and a deleted topic keeps nothing.
    let both = "fill(b, p, \"x\", #{ \"retention.bytes\": \"700\", \"retention.ms\": \"1000\" }); sleep(60000); b.delete_records(\"x\", 0, -1);";
    refuses("07", &four_a_segment(both), &["time", "size", "records"]);
    let gone = "fill(b, p, \"x\", #{ \"retention.bytes\": \"700\" }); sleep(60000); b.delete_topic(\"x\");";
    refuses("07", &four_a_segment(gone), &["time", "size", "records"]);
    let border = "fill(b, p, \"x\", #{ \"retention.bytes\": \"700\" }); sleep(60000); b.delete_records(\"x\", 0, 12);";
    refuses("07", &four_a_segment(border), &["time", "records"]);
}

const ORDERS: &str = r#"
let b = cluster();
b.create_topic("ledger", #{ replicas: 3 });
let p = producer(#{ name: "bank", linger_ms: 0 });
for n in 1..=5 { p.send("ledger", `entry-${n}`, "booked"); }
p.flush();
let f = replicas("ledger", 0).filter(|id| id != leader("ledger", 0) && id != controller())[0];
"#;

#[test]
fn lab_09_a_follower_behind_cut_links_is_out_of_sync_too() {
    accepts(
        "09",
        &format!(
            "{ORDERS}
for id in [1, 2, 3] {{ if id != f {{ cut(id, f); }} }}
for n in 6..=10 {{ p.send(\"ledger\", `entry-${{n}}`, \"booked\"); }}
p.flush();
for id in [1, 2, 3] {{ if id != f {{ heal(f, id); }} }}
while isr(\"ledger\", 0).len() < 3 {{ sleep(200); }}
power_loss(leader(\"ledger\", 0));
sleep(15000);"
        ),
    );
}

#[test]
fn lab_09_a_follower_that_crashed_is_out_of_sync_too() {
    accepts(
        "09",
        &format!(
            "{ORDERS}
crash(f);
for n in 6..=9 {{ p.send(\"ledger\", `entry-${{n}}`, \"booked\"); }}
p.flush();
restart(f);
while isr(\"ledger\", 0).len() < 3 {{ sleep(200); }}
stop(leader(\"ledger\", 0));
sleep(3000);"
        ),
    );
}

#[test]
fn lab_09_a_leader_that_is_still_there_has_not_been_outlived() {
    refuses(
        "09",
        &format!("{ORDERS} pause(f); p.send(\"ledger\", \"more\"); sleep(4000);"),
        &["copies", "back", "survived"],
    );
}
