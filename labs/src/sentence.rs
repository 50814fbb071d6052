//! Every event as one plain sentence, in English and Korean, and how much it matters.
//!
//! The words of each language stand in one file, group by group in the order of [`TraceKind`]. A new kind of event
//! that has no sentence yet is found by a test that knows one event of each kind. Read `english.rs` next.

mod english;
mod groups;
mod josa;
mod korean;

use crate::text::Locale;
use naru_trace::SortedMap;
use naru_trace::{Actor, ClientRole, MessageLabel, MessageWay, Preview, TraceEvent, TraceKind};
use serde::{Deserialize, Serialize};

pub use josa::{Josa, josa};

/// How much an event matters to somebody who watches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Importance {
    /// A step on the way: shown on request.
    #[default]
    Detail,
    /// What the story is about.
    Headline,
}

/// What a sentence has to know of earlier events: clients' names, and what messages carry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// The `client.id`s by the clients' numbers, as they called themselves.
    pub clients: SortedMap<u32, String>,
    /// Messages by number: sender, receiver and what they carry.
    #[serde(default)]
    pub messages: SortedMap<u64, (Actor, Actor, MessageLabel)>,
}

impl Names {
    /// Learns the name of a client that has just started, and what a message carries that has just been sent.
    pub fn learn(&mut self, event: &TraceEvent) {
        match &event.kind {
            TraceKind::ClientStarted { client, name, .. } => {
                self.clients.insert(*client, name.clone());
            }
            TraceKind::MessageSent { message, from, to, label, .. } => {
                self.messages.insert(*message, (*from, *to, label.clone()));
            }
            _ => {}
        }
    }

    /// The name of whoever acts, as it stands inside a sentence.
    pub fn of(&self, actor: Actor, locale: Locale) -> String {
        match (actor, locale) {
            (Actor::World, Locale::En) => "the simulation".into(),
            (Actor::World, Locale::Ko) => "시뮬레이션".into(),
            (Actor::Broker(id), Locale::En) => format!("broker {id}"),
            (Actor::Broker(id), Locale::Ko) => format!("브로커 {id}"),
            (Actor::Client(client), locale) => match (self.clients.get(&client), locale) {
                (Some(name), _) => name.clone(),
                (None, Locale::En) => format!("client {client}"),
                (None, Locale::Ko) => format!("클라이언트 {client}"),
            },
        }
    }
}

/// The event as one sentence.
pub fn sentence(event: &TraceEvent, names: &Names, locale: Locale) -> String {
    let text = match locale {
        Locale::En => english::sentence(event, names),
        Locale::Ko => korean::sentence(event, names),
    };
    capitalised(text)
}

/// How much the event matters.
///
/// A headline is what a learner would tell somebody else: records sent, stored and read, topics made and refused, what
/// broke. How it came about (messages, requests, checks, waits) is detail.
pub fn importance(kind: &TraceKind) -> Importance {
    match kind {
        TraceKind::MessageLost { .. }
        | TraceKind::BrokerCrashed { .. }
        | TraceKind::LinkCut { .. }
        | TraceKind::LinkHealed { .. }
        | TraceKind::LinkDelayed { .. }
        | TraceKind::BrokerPaused { .. }
        | TraceKind::BrokerResumed { .. }
        | TraceKind::ClockSkewed { .. }
        | TraceKind::DiskLost { .. }
        | TraceKind::ScriptPrinted { .. }
        | TraceKind::RecordQueued { .. }
        | TraceKind::RecordRefused { .. }
        | TraceKind::BatchAcknowledged { .. }
        | TraceKind::BatchFailed { .. }
        | TraceKind::RetryScheduled { .. }
        | TraceKind::PositionSet { .. }
        | TraceKind::RecordsDelivered { .. }
        | TraceKind::BrokerStarted { .. }
        | TraceKind::BrokerStopped { .. }
        | TraceKind::BatchRejected { .. }
        | TraceKind::DuplicateRecognised { .. }
        | TraceKind::BatchAppended { .. }
        | TraceKind::SegmentRolled { .. }
        | TraceKind::LogStartOffsetAdvanced { .. }
        | TraceKind::SegmentDeleted { .. }
        | TraceKind::CleaningStarted { .. }
        | TraceKind::CleaningFinished { .. }
        | TraceKind::CleaningAborted { .. }
        | TraceKind::FetchRejected { .. }
        | TraceKind::TopicCreated { .. }
        | TraceKind::TopicRejected { .. }
        | TraceKind::TopicDeleted { .. }
        | TraceKind::TopicConfigChanged { .. }
        | TraceKind::PartitionOffline { .. }
        | TraceKind::LogTruncated { .. }
        | TraceKind::PowerLost { .. }
        | TraceKind::ByteEdited { .. }
        | TraceKind::SyncFailed { .. }
        | TraceKind::BrokerFenced { .. }
        | TraceKind::BrokerUnfenced { .. }
        | TraceKind::LeaderElected { .. }
        | TraceKind::ReassignmentStarted { .. }
        | TraceKind::ReassignmentFinished { .. }
        | TraceKind::GroupStateChanged { .. }
        | TraceKind::GroupForgotten { .. }
        | TraceKind::MemberJoined { .. }
        | TraceKind::MemberLeft { .. }
        | TraceKind::AssignmentGiven { .. }
        | TraceKind::OffsetCommitted { .. }
        | TraceKind::OffsetForgotten { .. }
        | TraceKind::ActionInjected { .. } => Importance::Headline,
        // Reads that cost a trip to the disk are what cold data is about.
        TraceKind::PagesRead { misses, .. } if *misses > 0 => Importance::Headline,
        // The admin client works behind the script's `b.create_topic(..)`; the broker tells what became of the topic.
        TraceKind::ClientStarted { role, .. } if *role != ClientRole::Admin => Importance::Headline,
        TraceKind::AdminAnswered { error: Some(_), api, .. } if api != "CreateTopics" => Importance::Headline,
        // Records that were found are a headline; a look that found none is not.
        TraceKind::RecordsRead { from_offset, to_offset, .. } if to_offset > from_offset => Importance::Headline,
        // A partition that is added to a topic, or comes back after a start. A new topic has already been told.
        TraceKind::PartitionOpened { view, .. } if view.log_end_offset > 0 => Importance::Headline,
        _ => Importance::Detail,
    }
}

/// The name of the event's kind, as its JSON calls it: `"batch_appended"`.
pub fn kind_name(kind: &TraceKind) -> String {
    kind.name().to_owned()
}

/// `orders-1`: a partition as its directory is called.
fn place(topic: &str, partition: i32) -> String {
    format!("{topic}-{partition}")
}

/// A key or value as it stands inside a sentence.
fn quoted(preview: &Preview) -> String {
    let more = preview.text.len() < preview.length as usize;
    format!("\"{}{}\"", preview.text, if more { "…" } else { "" })
}

/// A time span in the unit that reads best.
fn span(micros: u64, locale: Locale) -> String {
    let [us, ms, s] = match locale {
        Locale::En => [" µs", " ms", " s"],
        Locale::Ko => ["마이크로초", "밀리초", "초"],
    };
    match micros {
        0..1_000 => format!("{micros}{us}"),
        1_000..1_000_000 => format!("{}{ms}", micros / 1_000),
        _ => format!("{}.{}{s}", micros / 1_000_000, micros % 1_000_000 / 100_000),
    }
}

/// `Produce request for orders-1`, in the few words that both languages share.
fn label_place(label: &MessageLabel) -> Option<String> {
    let topic = label.topic.as_deref()?;
    Some(match label.partition {
        Some(partition) => place(topic, partition),
        None => topic.to_owned(),
    })
}

/// A name of 300 letters is a fine thing to try, and no fine thing to read.
fn shortened(name: &str) -> String {
    clipped(name, 60, 24)
}

/// Text of more than `most` letters, cut to `kept` and its length.
fn clipped(text: &str, most: usize, kept: usize) -> String {
    let letters = text.chars().count();
    if letters <= most {
        return text.to_owned();
    }
    let head: String = text.chars().take(kept).collect();
    format!("{head}… ({letters})")
}

/// A broker's message that quotes a long name, with that name shortened.
fn shortened_message(message: &str, topic: &str) -> String {
    if topic.is_empty() { message.to_owned() } else { message.replace(topic, &shortened(topic)) }
}

fn is_request(label: &MessageLabel) -> bool {
    label.way == MessageWay::Request
}

/// Script output and client names may begin in lower case; a sentence does not. Names stay as they are.
fn capitalised(text: String) -> String {
    for start in ["the ", "broker ", "client ", "a ", "an ", "somebody "] {
        if text.starts_with(start) {
            let mut letters = text.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            return first.into_iter().chain(letters).collect();
        }
    }
    text
}
