//! Those who watch the whole cluster: each gets one stream, made of the streams of all brokers that run.
//!
//! Brokers make events only while somebody watches; so nothing is followed until somebody does, and each watcher follows for
//! itself. One that reads too slowly makes its brokers' streams wait, and each broker then sends it a new picture.

use super::{
    merge::{HOLD, Merger},
    node::{Node, State, Status},
    supervisor::Cluster,
};
use crate::http_client;
use naru_trace::{BrokerState, ClusterView, Micros, TraceEvent, TraceKind};
use serde::Serialize;
use std::{fmt::Write as _, sync::Arc, time::Duration};
use tokio::{
    io::AsyncBufReadExt,
    sync::{broadcast, mpsc, watch},
    time::{MissedTickBehavior, interval, timeout},
};

/// How often events leave.
const BEAT: Duration = Duration::from_millis(20);
/// How long the first picture waits for brokers that are slow to tell.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// How long a broker is left alone that runs and does not tell anything.
const RETRY: Duration = Duration::from_millis(200);
/// How often a quiet stream says that it is alive, in beats.
const KEEP_ALIVE_BEATS: u32 = 750;
/// What may wait for a slow watcher.
const QUEUE: usize = 256;

/// What is heard of a broker.
enum Heard {
    /// How it looks, from here on.
    Snapshot(i32, Box<ClusterView>),
    /// What happened to it.
    Event(Box<TraceEvent>),
    /// Its process: how it is now.
    Process(i32, State),
}

/// The picture of the whole cluster, once.
pub async fn picture(cluster: &Cluster) -> ClusterView {
    let mut merger = Merger::default();
    for node in cluster.nodes() {
        let told = async {
            let text = http_client::get(node.http, "/api/cluster").await?.text().await?;
            serde_json::from_str::<ClusterView>(&text).map_err(std::io::Error::other)
        };
        let alive = matches!(node.status().state, State::Starting | State::Running);
        match if alive { told.await.ok() } else { None } {
            Some(view) => merger.on_snapshot(node.id, view),
            None => merger.on_absent(node.id, absent(node.status().state), node.kafka.port()),
        }
    }
    tell_conditions(cluster, &mut merger);
    merger.view().clone()
}

/// A stream of server-sent events: the picture, then what changes it, until the watcher goes or the cluster stops.
pub fn stream(cluster: Arc<Cluster>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    tokio::spawn(async move {
        let stopped = cluster.stopped();
        tokio::select! {
            () = run(&cluster, &sender) => {}
            () = stopped => {}
            () = sender.closed() => {}
        }
    });
    receiver
}

async fn run(cluster: &Arc<Cluster>, out: &mpsc::Sender<String>) {
    let mut world = cluster.world();
    let (heard, mut hearing) = mpsc::channel(QUEUE);
    let mut followers = tokio::task::JoinSet::new();
    for node in cluster.nodes() {
        followers.spawn(follow(node.clone(), heard.clone()));
    }
    let mut merger = Merger::default();
    first_picture(cluster, &mut merger, &mut hearing).await;
    if out.send(server_sent("snapshot", merger.view())).await.is_err() {
        return;
    }
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut quiet = 0;
    loop {
        let mut text = String::new();
        tokio::select! {
            Some(heard) = hearing.recv() => {
                if take(cluster, &mut merger, heard) {
                    // First what others did before it: the new picture has it.
                    text = traces(&merger.take(Micros(u64::MAX)));
                    text.push_str(&server_sent("snapshot", merger.view()));
                }
            }
            told = world.recv() => match told {
                Ok(kind) => merger.on_world(cluster.now(), kind),
                Err(broadcast::error::RecvError::Lagged(_)) => tell_conditions(cluster, &mut merger),
                Err(broadcast::error::RecvError::Closed) => return,
            },
            _ = beat.tick() => {
                text = traces(&merger.take(Micros(cluster.now().0.saturating_sub(HOLD))));
                quiet += 1;
                if text.is_empty() && quiet >= KEEP_ALIVE_BEATS {
                    text.push_str(": still here\n\n");
                }
            }
        }
        if !text.is_empty() {
            quiet = 0;
            if out.send(text).await.is_err() {
                return;
            }
        }
    }
}

/// Collects what all brokers look like, as far as they say so in time.
async fn first_picture(cluster: &Arc<Cluster>, merger: &mut Merger, hearing: &mut mpsc::Receiver<Heard>) {
    let _ = timeout(FIRST_WAIT, async {
        while merger.view().brokers.len() < cluster.nodes().count() {
            let Some(heard) = hearing.recv().await else { return };
            take(cluster, merger, heard);
        }
    })
    .await;
    tell_conditions(cluster, merger);
}

/// Takes what was heard. Returns whether the picture changed in another way than by an event.
fn take(cluster: &Arc<Cluster>, merger: &mut Merger, heard: Heard) -> bool {
    match heard {
        Heard::Snapshot(broker, view) => {
            merger.on_snapshot(broker, *view);
            true
        }
        Heard::Event(event) => {
            merger.on_event(*event);
            false
        }
        Heard::Process(broker, State::Crashed) if merger.view().brokers.contains_key(&broker) => {
            merger.on_world(cluster.now(), TraceKind::BrokerCrashed { broker });
            false
        }
        Heard::Process(broker, state) => {
            let port = cluster.node(broker).map_or(0, |node| node.kafka.port());
            merger.on_absent(broker, absent(state), port);
            true
        }
    }
}

fn absent(state: State) -> BrokerState {
    match state {
        State::Crashed => BrokerState::Crashed,
        State::Stopped => BrokerState::Stopped,
        // It is there, and cannot or does not say anything yet.
        State::Starting | State::Running | State::Paused => BrokerState::Running,
    }
}

/// Tells a picture which links are cut and which brokers are paused.
fn tell_conditions(cluster: &Cluster, merger: &mut Merger) {
    let now = cluster.now();
    cluster.conditions().into_iter().for_each(|kind| merger.on_world(now, kind));
    merger.take(now);
}

/// Follows one broker through all of its lives.
async fn follow(node: Arc<Node>, heard: mpsc::Sender<Heard>) {
    let mut status = node.watch();
    loop {
        let state = status.borrow_and_update().state;
        if !state.is_alive() || state == State::Paused {
            if !state.is_alive() && heard.send(Heard::Process(node.id, state)).await.is_err() {
                return;
            }
            if status.changed().await.is_err() {
                return;
            }
            continue;
        }
        if listen(&node, &heard, &mut status).await.is_err() {
            return;
        }
    }
}

/// The watcher is gone.
struct Gone;

/// One connection to a broker's stream, to its end. A broker that is paused keeps its connection; it just says nothing.
async fn listen(node: &Node, heard: &mpsc::Sender<Heard>, status: &mut watch::Receiver<Status>) -> Result<(), Gone> {
    if let Ok(answer) = http_client::get(node.http, "/api/events").await
        && answer.status == 200
    {
        let mut lines = answer.body.lines();
        let mut name = String::new();
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some(event) = line.strip_prefix("event: ") {
                name = event.to_owned();
            } else if let Some(data) = line.strip_prefix("data: ") {
                let told = match name.as_str() {
                    "snapshot" => serde_json::from_str(data).ok().map(|view| Heard::Snapshot(node.id, Box::new(view))),
                    _ => serde_json::from_str(data).ok().map(|event| Heard::Event(Box::new(event))),
                };
                if let Some(told) = told {
                    heard.send(told).await.map_err(|_| Gone)?;
                }
            }
        }
    }
    // It ended, or does not answer yet: its process says which, soon.
    let _ = timeout(RETRY, status.changed()).await;
    status.mark_changed();
    Ok(())
}

fn traces(events: &[TraceEvent]) -> String {
    events.iter().map(|event| server_sent("trace", event)).collect()
}

fn server_sent(name: &str, data: &impl Serialize) -> String {
    let mut text = String::new();
    let json = serde_json::to_string(data).expect("views and events are plain data with string or number keys");
    // JSON holds no line break, so one `data:` line is enough.
    let _ = write!(text, "event: {name}\ndata: {json}\n\n");
    text
}
