//! The words about a cluster: what can happen to its brokers and to the links between them, and who leads what.
//!
//! A broker is named by its number or by a value of `broker()` or `cluster()`. Questions are answered by the world's picture,
//! which knows more than any client does.

use super::{
    Fallible, Shared,
    api::{Broker, Consumer, Producer, narrow},
};
use crate::{backend::Failure, facts::cluster::newest, text::Text};
use naru_sim::Action;
use naru_trace::{Actor, ClusterView, PartitionView};
use rhai::{Array, Dynamic, Engine, NativeCallContext};

/// The most that a disk can be slowed down.
const SLOW_MS_MAX: i64 = 60_000;

pub(super) fn register(engine: &mut Engine, session: &Shared) {
    register_faults(engine, session);
    register_links(engine, session);
    register_questions(engine, session);
}

/// What is done to a broker.
type Fault = fn(i32) -> Action;
/// What is done to a link, both ways.
type LinkFault = fn(Actor, Actor) -> Action;

fn register_faults(engine: &mut Engine, session: &Shared) {
    let faults: [(&str, Fault); 6] = [
        ("crash", |broker| Action::Crash { broker }),
        ("stop", |broker| Action::Stop { broker }),
        ("restart", |broker| Action::Restart { broker }),
        ("power_loss", |broker| Action::PowerLoss { broker, torn: false }),
        ("pause", |broker| Action::Pause { broker }),
        ("resume", |broker| Action::Resume { broker }),
    ];
    for (word, fault) in faults {
        let shared = session.clone();
        engine.register_fn(word, move |ctx: NativeCallContext, b: Dynamic| {
            act(&ctx, &shared, |view| Ok(fault(broker(&b, view)?)))
        });
    }
    let shared = session.clone();
    engine.register_fn("slow_disk", move |ctx: NativeCallContext, b: Dynamic, ms: i64| {
        let extra_us = ms.clamp(0, SLOW_MS_MAX) as u64 * 1_000;
        act(&ctx, &shared, |view| Ok(Action::SlowDisk { broker: broker(&b, view)?, extra_us }))
    });
}

fn register_links(engine: &mut Engine, session: &Shared) {
    let faults: [(&str, LinkFault); 2] = [
        ("cut", |from, to| Action::CutLink { from, to, both: true }),
        ("heal", |from, to| Action::HealLink { from, to, both: true }),
    ];
    for (word, fault) in faults {
        let shared = session.clone();
        engine.register_fn(word, move |ctx: NativeCallContext, a: Dynamic, b: Dynamic| {
            act(&ctx, &shared, |view| Ok(fault(node(&a, view)?, node(&b, view)?)))
        });
    }
}

/// What is asked of a partition.
type Question = fn(&PartitionView) -> Dynamic;

fn register_questions(engine: &mut Engine, session: &Shared) {
    let questions: [(&str, Question); 5] = [
        ("leader", |partition| i64::from(partition.leader).into()),
        ("epoch", |partition| i64::from(partition.leader_epoch).into()),
        ("replicas", |partition| numbers(&partition.replicas)),
        ("isr", |partition| numbers(&partition.isr)),
        ("high_watermark", |partition| partition.high_watermark.into()),
    ];
    for (word, question) in questions {
        let shared = session.clone();
        engine.register_fn(word, move |ctx: NativeCallContext, topic: &str, partition: i64| {
            look(&ctx, &shared, |view| {
                newest(view, topic, narrow(partition)?)
                    .map(|(_, copy)| question(copy))
                    .ok_or_else(|| no_partition(topic, partition))
            })
        });
    }
    let shared = session.clone();
    engine.register_fn("log_end", move |ctx: NativeCallContext, b: Dynamic, topic: &str, partition: i64| {
        look(&ctx, &shared, |view| {
            let (id, number) = (broker(&b, view)?, narrow(partition)?);
            let copy = view.brokers.get(&id).and_then(|broker| broker.topics.get(topic)?.partitions.get(&number));
            copy.map(|copy| copy.log_end_offset).ok_or_else(|| no_partition(topic, partition))
        })
    });
    let shared = session.clone();
    engine.register_fn("controller", move |ctx: NativeCallContext| {
        look(&ctx, &shared, |view| Ok(view.controller().map_or(-1, i64::from)))
    });
}

fn numbers(ids: &[i32]) -> Dynamic {
    ids.iter().map(|id| i64::from(*id).into()).collect::<Array>().into()
}

fn look<T>(
    ctx: &NativeCallContext,
    session: &Shared,
    question: impl FnOnce(&ClusterView) -> Result<T, Failure>,
) -> Fallible<T> {
    session.call(ctx, |session| question(session.backend.view()?))
}

fn act(
    ctx: &NativeCallContext,
    session: &Shared,
    action: impl FnOnce(&ClusterView) -> Result<Action, Failure>,
) -> Fallible<()> {
    session.call(ctx, |session| {
        let action = action(session.backend.view()?)?;
        session.backend.act(action)
    })
}

/// A broker of the cluster.
fn broker(value: &Dynamic, view: &ClusterView) -> Result<i32, Failure> {
    match node(value, view)? {
        Actor::Broker(broker) => Ok(broker),
        _ => Err(no_broker(view)),
    }
}

/// A broker by its number or itself, or a client.
fn node(value: &Dynamic, view: &ClusterView) -> Result<Actor, Failure> {
    if let Some(producer) = value.read_lock::<Producer>() {
        return Ok(Actor::Client(producer.id));
    }
    if let Some(consumer) = value.read_lock::<Consumer>() {
        return Ok(Actor::Client(consumer.id));
    }
    let named = value.read_lock::<Broker>().map(|broker| broker.id);
    let number = named.or_else(|| i32::try_from(value.as_int().ok()?).ok());
    number.filter(|id| view.brokers.contains_key(id)).map(Actor::Broker).ok_or_else(|| no_broker(view))
}

fn no_broker(view: &ClusterView) -> Failure {
    let known: Vec<String> = view.brokers.keys().map(i32::to_string).collect();
    let known = known.join(", ");
    Failure::Usage(Text::new(
        format!("Which broker? The brokers are: {known}."),
        format!("어느 브로커인가요? 브로커: {known}."),
    ))
}

fn no_partition(topic: &str, partition: i64) -> Failure {
    Failure::Usage(Text::new(
        format!("No broker that runs knows a partition {partition} of {topic}."),
        format!("실행 중인 브로커 가운데 {topic}의 파티션 {partition}을(를) 아는 브로커가 없습니다."),
    ))
}
