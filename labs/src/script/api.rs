//! The words of a lab script: `broker()`, `producer(..)`, `consumer(..)` and what can be asked of each.
//!
//! Every word marks the script's line before it acts, so that each event of the engine knows the line that caused it.
//! [`WORDS`] lists them all with their usage, for error messages and for the book. The words about a broker's disk are in
//! `disk.rs`.

use super::{Fallible, KafkaError, Session, Shared, UsageError, cluster, disk, options};
use crate::{
    backend::{Failure, Start, Wanted},
    template::Template,
    text::{Locale, Text},
};
use bytes::Bytes;
use naru_client::{ConsumerRecord, ProducerRecord, StartAt};
use naru_sim::Action;
use rhai::{Array, Dynamic, Engine, ImmutableString, Map, NativeCallContext};

/// Every word, with its usage.
pub(super) const WORDS: &[(&str, &str)] = &[
    ("broker", "let b = broker()"),
    ("cluster", "let b = cluster(): any broker answers for all"),
    ("producer", "let p = producer(\"name\") or producer(#{ name: \"p\", acks: \"all\" })"),
    ("consumer", "let c = consumer(\"name\")"),
    ("create_topic", "b.create_topic(\"orders\", #{ partitions: 3 })"),
    ("try_create_topic", "b.try_create_topic(\"orders\") gives \"NONE\" or the error's name"),
    ("delete_topic", "b.delete_topic(\"orders\")"),
    ("add_partitions", "b.add_partitions(\"orders\", 4), the new number in all"),
    ("topics", "b.topics()"),
    ("alter_config", "b.alter_config(\"orders\", #{ \"retention.ms\": \"60000\" })"),
    ("delete_records", "b.delete_records(\"orders\", 0, 5): partition 0, all before offset 5"),
    ("files", "b.files(): the paths of all files on the broker's disk"),
    ("file_size", "b.file_size(\"orders-0/00000000000000000000.log\")"),
    ("read_bytes", "b.read_bytes(path, 100, 16): 16 numbers, from position 100 on"),
    ("read_int", "b.read_int(path, 8, 4): the four bytes from position 8 on, as one number"),
    ("find_text", "b.find_text(path, \"order-6\"): its position in the file, or -1"),
    ("send", "p.send(\"topic\", \"key\", \"value\") or p.send(\"topic\", \"value\") without a key"),
    ("send_to", "p.send_to(\"topic\", 2, \"key\", \"value\")"),
    ("flush", "p.flush()"),
    ("assign", "c.assign(\"topic\") or c.assign(\"topic\", [0, 1])"),
    ("seek_to_beginning", "c.seek_to_beginning()"),
    ("seek_to_end", "c.seek_to_end()"),
    ("seek", "c.seek(\"topic\", 0, 3): partition 0, offset 3"),
    ("position", "c.position(\"topic\", 0)"),
    ("poll", "c.poll() or c.poll(500): waits at most so many milliseconds"),
    ("read", "c.read(3): three records"),
    ("read_all", "c.read_all()"),
    ("sleep", "sleep(100): milliseconds"),
    ("now", "now(): milliseconds since the run began"),
    ("leader", "leader(\"orders\", 0): a broker's number, or -1"),
    ("epoch", "epoch(\"orders\", 0): how often it has got a leader"),
    ("replicas", "replicas(\"orders\", 0): the brokers with a copy"),
    ("isr", "isr(\"orders\", 0): those whose copy is in sync"),
    ("high_watermark", "high_watermark(\"orders\", 0)"),
    ("log_end", "log_end(2, \"orders\", 0): where the copy on broker 2 ends"),
    ("controller", "controller(): a broker's number, or -1"),
    ("crash", "crash(b), crash(2)"),
    ("stop", "stop(b)"),
    ("restart", "restart(b)"),
    ("edit_byte", "edit_byte(b, path, 100, 0): the byte at position 100 becomes 0"),
    ("pause", "pause(2): its process stands still"),
    ("resume", "resume(2)"),
    ("cut", "cut(1, 2): nothing gets from one to the other, nor back"),
    ("heal", "heal(1, 2)"),
    ("power_loss", "power_loss(b)"),
    ("drop_caches", "drop_caches(b)"),
    ("slow_disk", "slow_disk(b, 20): milliseconds more for each access; 0 ends it"),
    ("disk_full", "disk_full(b, true), disk_full(b, false)"),
    ("fail_sync", "fail_sync(b, true), fail_sync(b, false)"),
    ("template", "let t = template(\"<team>.<app>\")"),
    ("matches", "t.matches(\"name\")"),
    ("check", "t.check(\"name\") gives \"\" or what is wrong"),
    ("print", "print(\"text\")"),
];

#[derive(Clone)]
pub(super) struct Broker {
    pub(super) session: Shared,
    pub(super) id: i32,
}

#[derive(Clone)]
pub(super) struct Producer {
    session: Shared,
    pub(super) id: u32,
}

#[derive(Clone)]
pub(super) struct Consumer {
    session: Shared,
    pub(super) id: u32,
}

pub(super) fn register(engine: &mut Engine, session: &Shared) {
    engine.register_type_with_name::<Broker>("a broker");
    engine.register_type_with_name::<Producer>("a producer");
    engine.register_type_with_name::<Consumer>("a consumer");
    engine.register_type_with_name::<Template>("a template");
    engine.register_type_with_name::<KafkaError>("an error");
    engine.register_type_with_name::<UsageError>("an error");
    register_world(engine, session);
    register_print(engine, session);
    register_broker(engine);
    disk::register(engine);
    cluster::register(engine, session);
    register_producer(engine, session);
    register_consumer(engine, session);
    register_templates(engine, session);
    register_errors(engine);
}

fn start(ctx: &NativeCallContext, shared: &Shared, what: Start) -> Fallible<Broker> {
    let id = shared.call(ctx, |session| session.backend.start(what))?;
    Ok(Broker { session: shared.clone(), id })
}

fn register_world(engine: &mut Engine, session: &Shared) {
    let shared = session.clone();
    engine.register_fn("broker", move |ctx: NativeCallContext| start(&ctx, &shared, Start::Broker));
    let shared = session.clone();
    engine.register_fn("cluster", move |ctx: NativeCallContext| start(&ctx, &shared, Start::Cluster));
    let shared = session.clone();
    engine.register_fn("sleep", move |ctx: NativeCallContext, ms: i64| {
        shared.call(&ctx, |session| session.backend.sleep(ms.max(0) as u64))
    });
    let shared = session.clone();
    engine.register_fn("now", move |ctx: NativeCallContext| {
        shared.call(&ctx, |session| Ok(session.backend.now_ms() as i64))
    });
}

/// Rhai's own `print` does not know its line, and cannot be stopped.
fn register_print(engine: &mut Engine, session: &Shared) {
    macro_rules! print {
        ($($type:ty),+) => {$({
            let shared = session.clone();
            engine.register_fn("print", move |ctx: NativeCallContext, value: $type| -> Fallible<ImmutableString> {
                let text: ImmutableString = ctx.call_native_fn("to_string", (Dynamic::from(value),))?;
                shared.call(&ctx, |session| session.print(&text))?;
                Ok(text)
            });
        })+};
    }
    print!(ImmutableString, i64, bool, char, Array, Map, KafkaError, UsageError);
    print!(Dynamic);
    let shared = session.clone();
    engine.register_fn("print", move |ctx: NativeCallContext, (): ()| -> Fallible<ImmutableString> {
        shared.call(&ctx, |session| session.print("()"))?;
        Ok("()".into())
    });
    let shared = session.clone();
    engine.register_fn("print", move |ctx: NativeCallContext| -> Fallible<ImmutableString> {
        shared.call(&ctx, |session| session.print(""))?;
        Ok("".into())
    });
}

fn register_broker(engine: &mut Engine) {
    fn create(ctx: &NativeCallContext, b: &Broker, name: &str, settings: &Map) -> Fallible<()> {
        b.session.call(ctx, |session| session.backend.create_topic(options::topic(name, settings)?))
    }
    fn try_create(ctx: &NativeCallContext, b: &Broker, name: &str, settings: &Map) -> Fallible<ImmutableString> {
        b.session.call(ctx, |session| match session.backend.create_topic(options::topic(name, settings)?) {
            Ok(()) => Ok("NONE".into()),
            Err(Failure::Kafka(error)) => Ok(error.error.as_ref().into()),
            Err(other) => Err(other),
        })
    }
    engine.register_fn("create_topic", |ctx: NativeCallContext, b: &mut Broker, name: &str| {
        create(&ctx, b, name, &Map::new())
    });
    engine.register_fn("create_topic", |ctx: NativeCallContext, b: &mut Broker, name: &str, settings: Map| {
        create(&ctx, b, name, &settings)
    });
    engine.register_fn("try_create_topic", |ctx: NativeCallContext, b: &mut Broker, name: &str| {
        try_create(&ctx, b, name, &Map::new())
    });
    engine.register_fn("try_create_topic", |ctx: NativeCallContext, b: &mut Broker, name: &str, settings: Map| {
        try_create(&ctx, b, name, &settings)
    });
    engine.register_fn("delete_topic", |ctx: NativeCallContext, b: &mut Broker, name: &str| {
        b.session.call(&ctx, |session| session.backend.delete_topic(name))
    });
    engine.register_fn("add_partitions", |ctx: NativeCallContext, b: &mut Broker, name: &str, total: i64| {
        b.session.call(&ctx, |session| session.backend.add_partitions(name, narrow(total)?))
    });
    engine.register_fn("alter_config", |ctx: NativeCallContext, b: &mut Broker, name: &str, settings: Map| {
        let changes = settings.into_iter().map(|(key, value)| {
            let value = (!value.is_unit()).then(|| value.to_string());
            (key.to_string(), value)
        });
        b.session.call(&ctx, |session| session.backend.alter_config(name, changes.collect()))
    });
    engine.register_fn(
        "delete_records",
        |ctx: NativeCallContext, b: &mut Broker, name: &str, partition: i64, before: i64| {
            b.session.call(&ctx, |session| session.backend.delete_records(name, narrow(partition)?, before))
        },
    );
    engine.register_fn("topics", |ctx: NativeCallContext, b: &mut Broker| {
        let topics = b.session.call(&ctx, |session| session.backend.topics())?;
        let names: Array = topics.into_iter().map(|(name, _)| name.into()).collect();
        Ok::<_, Box<rhai::EvalAltResult>>(names)
    });
}

pub(super) fn act(ctx: &NativeCallContext, b: &Broker, action: impl FnOnce(i32) -> Action) -> Fallible<()> {
    b.session.call(ctx, |session| session.backend.act(action(b.id)))
}

fn register_producer(engine: &mut Engine, session: &Shared) {
    fn start(ctx: &NativeCallContext, shared: &Shared, settings: &Map) -> Fallible<Producer> {
        let id = shared.call(ctx, |session| {
            let config = options::producer(settings)?;
            let name = if config.client_id.is_empty() { "producer".to_owned() } else { config.client_id.clone() };
            session.backend.add_producer(&name, config)
        })?;
        Ok(Producer { session: shared.clone(), id })
    }
    let shared = session.clone();
    engine.register_fn("producer", move |ctx: NativeCallContext| start(&ctx, &shared, &Map::new()));
    let shared = session.clone();
    engine.register_fn("producer", move |ctx: NativeCallContext, settings: Map| start(&ctx, &shared, &settings));
    let shared = session.clone();
    engine.register_fn("producer", move |ctx: NativeCallContext, name: &str| start(&ctx, &shared, &named(name)));

    fn send(
        ctx: &NativeCallContext,
        p: &Producer,
        to: (&str, Option<i64>),
        key: Dynamic,
        value: Dynamic,
    ) -> Fallible<()> {
        let (key, value) = (bytes_of(ctx, key)?, bytes_of(ctx, value)?);
        p.session.call(ctx, |session| {
            session.count_record(key.as_ref().map_or(0, Bytes::len) + value.as_ref().map_or(0, Bytes::len))?;
            let partition = to.1.map(narrow).transpose()?;
            let topic = to.0.to_owned();
            session
                .backend
                .send(p.id, ProducerRecord { topic, partition, key, value, headers: Vec::new(), timestamp: None })
        })
    }
    engine.register_fn("send", |ctx: NativeCallContext, p: &mut Producer, topic: &str, value: Dynamic| {
        send(&ctx, p, (topic, None), Dynamic::UNIT, value)
    });
    engine.register_fn(
        "send",
        |ctx: NativeCallContext, p: &mut Producer, topic: &str, key: Dynamic, value: Dynamic| {
            send(&ctx, p, (topic, None), key, value)
        },
    );
    engine.register_fn(
        "send_to",
        |ctx: NativeCallContext, p: &mut Producer, topic: &str, partition: i64, value: Dynamic| {
            send(&ctx, p, (topic, Some(partition)), Dynamic::UNIT, value)
        },
    );
    engine.register_fn(
        "send_to",
        |ctx: NativeCallContext, p: &mut Producer, topic: &str, partition: i64, key: Dynamic, value: Dynamic| {
            send(&ctx, p, (topic, Some(partition)), key, value)
        },
    );
    engine.register_fn("flush", |ctx: NativeCallContext, p: &mut Producer| {
        p.session.call(&ctx, |session| session.backend.flush(p.id))
    });
}

fn register_consumer(engine: &mut Engine, session: &Shared) {
    fn start(ctx: &NativeCallContext, shared: &Shared, settings: &Map) -> Fallible<Consumer> {
        let id = shared.call(ctx, |session| {
            let config = options::consumer(settings)?;
            let name = if config.client_id.is_empty() { "consumer".to_owned() } else { config.client_id.clone() };
            session.backend.add_consumer(&name, config)
        })?;
        Ok(Consumer { session: shared.clone(), id })
    }
    let shared = session.clone();
    engine.register_fn("consumer", move |ctx: NativeCallContext| start(&ctx, &shared, &Map::new()));
    let shared = session.clone();
    engine.register_fn("consumer", move |ctx: NativeCallContext, settings: Map| start(&ctx, &shared, &settings));
    let shared = session.clone();
    engine.register_fn("consumer", move |ctx: NativeCallContext, name: &str| start(&ctx, &shared, &named(name)));
    register_places(engine);
    register_reading(engine);
}

/// Where a consumer reads: `assign`, the seeks, `position`.
fn register_places(engine: &mut Engine) {
    type Topics = Vec<(String, Option<Vec<i32>>)>;
    fn assign(ctx: &NativeCallContext, c: &Consumer, topics: Result<Topics, Failure>) -> Fallible<()> {
        c.session.call(ctx, |session| session.backend.assign(c.id, topics?))
    }
    engine.register_fn("assign", |ctx: NativeCallContext, c: &mut Consumer, topic: &str| {
        assign(&ctx, c, Ok(vec![(topic.to_owned(), None)]))
    });
    engine.register_fn("assign", |ctx: NativeCallContext, c: &mut Consumer, topics: Array| {
        assign(&ctx, c, Ok(topics.into_iter().map(|topic| (topic.to_string(), None)).collect()))
    });
    engine.register_fn("assign", |ctx: NativeCallContext, c: &mut Consumer, topic: &str, partition: i64| {
        assign(&ctx, c, narrow(partition).map(|partition| vec![(topic.to_owned(), Some(vec![partition]))]))
    });
    engine.register_fn("assign", |ctx: NativeCallContext, c: &mut Consumer, topic: &str, partitions: Array| {
        let numbers: Result<Vec<i32>, Failure> =
            partitions.into_iter().map(|one| narrow(one.as_int().unwrap_or(i64::MAX))).collect();
        assign(&ctx, c, numbers.map(|numbers| vec![(topic.to_owned(), Some(numbers))]))
    });

    fn seek_all(session: &mut Session, consumer: u32, to: StartAt) -> Result<(), Failure> {
        let assigned = session.backend.assignment(consumer);
        if assigned.is_empty() {
            return Err(Failure::Usage(Text::new(
                "This consumer reads nothing yet. First: c.assign(\"topic\")",
                "이 컨슈머는 아직 읽는 파티션이 없습니다. 먼저 c.assign(\"topic\")을 쓰세요.",
            )));
        }
        session.backend.seek(consumer, assigned, to)
    }
    engine.register_fn("seek_to_beginning", |ctx: NativeCallContext, c: &mut Consumer| {
        c.session.call(&ctx, |session| seek_all(session, c.id, StartAt::Earliest))
    });
    engine.register_fn("seek_to_end", |ctx: NativeCallContext, c: &mut Consumer| {
        c.session.call(&ctx, |session| seek_all(session, c.id, StartAt::Latest))
    });
    engine.register_fn("seek", |ctx: NativeCallContext, c: &mut Consumer, topic: &str, partition: i64, offset: i64| {
        c.session.call(&ctx, |session| {
            let place = (topic.to_owned(), narrow(partition)?);
            session.backend.seek(c.id, vec![place], StartAt::Offset(offset))
        })
    });
    engine.register_fn("position", |ctx: NativeCallContext, c: &mut Consumer, topic: &str, partition: i64| {
        c.session.call(&ctx, |session| session.backend.position(c.id, topic, narrow(partition)?))
    });
}

fn register_reading(engine: &mut Engine) {
    fn read(ctx: &NativeCallContext, c: &Consumer, wanted: Wanted) -> Fallible<Array> {
        let records = c.session.call(ctx, |session| session.backend.read(c.id, wanted))?;
        Ok(records.into_iter().map(record).collect())
    }
    engine.register_fn("poll", |ctx: NativeCallContext, c: &mut Consumer| read(&ctx, c, Wanted::Poll { ms: 1_000 }));
    engine.register_fn("poll", |ctx: NativeCallContext, c: &mut Consumer, ms: i64| {
        read(&ctx, c, Wanted::Poll { ms: ms.max(0) as u64 })
    });
    engine.register_fn("read", |ctx: NativeCallContext, c: &mut Consumer, count: i64| {
        read(&ctx, c, Wanted::Records(count.max(0) as usize))
    });
    engine.register_fn("read_all", |ctx: NativeCallContext, c: &mut Consumer| read(&ctx, c, Wanted::ToTheEnd));
}

fn register_templates(engine: &mut Engine, session: &Shared) {
    let shared = session.clone();
    engine.register_fn("template", move |ctx: NativeCallContext, source: &str| {
        shared.call(&ctx, |session| {
            let template = Template::parse(source).map_err(Failure::Usage)?;
            if !session.templates.iter().any(|known| known == source) {
                session.templates.push(source.to_owned());
            }
            Ok(template)
        })
    });
    engine.register_fn("matches", |template: &mut Template, name: &str| template.matches(name));
    engine.register_fn("check", |template: &mut Template, name: &str| -> ImmutableString {
        template.complaint(name).map_or_else(String::new, |complaint| complaint.get(Locale::En).to_owned()).into()
    });
}

fn register_errors(engine: &mut Engine) {
    engine.register_fn("to_string", |b: &mut Broker| format!("broker {}", b.id));
    engine.register_fn("to_string", |p: &mut Producer| format!("producer {}", p.id));
    engine.register_fn("to_string", |c: &mut Consumer| format!("consumer {}", c.id));
    engine.register_fn("to_string", |template: &mut Template| template.source().to_owned());
    engine.register_get("name", |error: &mut KafkaError| error.name.clone());
    engine.register_get("message", |error: &mut KafkaError| error.message.clone());
    engine.register_fn("to_string", |error: &mut KafkaError| format!("{}: {}", error.name, error.message));
    engine.register_fn("to_debug", |error: &mut KafkaError| format!("{}: {}", error.name, error.message));
    engine.register_get("message", |error: &mut UsageError| error.0.en.clone());
    engine.register_fn("to_string", |error: &mut UsageError| error.0.en.clone());
    engine.register_fn("to_debug", |error: &mut UsageError| error.0.en.clone());
}

fn named(name: &str) -> Map {
    Map::from([("name".into(), name.into())])
}

/// `()` is no key or a tombstone; anything else is sent as its text.
fn bytes_of(ctx: &NativeCallContext, value: Dynamic) -> Fallible<Option<Bytes>> {
    if value.is_unit() {
        return Ok(None);
    }
    let text = match value.into_immutable_string() {
        Ok(text) => text,
        Err(_) => return Err(no_text(ctx)),
    };
    Ok(Some(Bytes::copy_from_slice(text.as_bytes())))
}

fn no_text(ctx: &NativeCallContext) -> Box<rhai::EvalAltResult> {
    let words = Text::new(
        "Keys and values are text here. Write a number as text with `${number}` between backticks.",
        "여기서 키와 값은 문자열입니다. 숫자는 백틱 안에 `${number}`처럼 쓰세요.",
    );
    super::thrown(Failure::Usage(words), ctx.call_position())
}

pub(super) fn narrow(number: i64) -> Result<i32, Failure> {
    i32::try_from(number).map_err(|_| {
        Failure::Usage(Text::new(
            "A number of partitions, or a partition's number, must be a whole number that is not too large.",
            "파티션 수나 파티션 번호는 너무 크지 않은 정수여야 합니다.",
        ))
    })
}

/// A record as the script sees it: a map, so that it can be printed, sorted and compared.
fn record(record: ConsumerRecord) -> Dynamic {
    let text = |bytes: Option<Bytes>| match bytes {
        Some(bytes) => Dynamic::from(String::from_utf8_lossy(&bytes).into_owned()),
        None => Dynamic::UNIT,
    };
    let map = Map::from([
        ("topic".into(), record.topic.into()),
        ("partition".into(), i64::from(record.partition).into()),
        ("offset".into(), record.offset.into()),
        ("timestamp".into(), record.timestamp.into()),
        ("key".into(), text(record.key)),
        ("value".into(), text(record.value)),
    ]);
    map.into()
}
