//! What can be done to a running cluster, and what is known of it.

use super::{
    links::{Condition, Direction, Links},
    node::{Node, Order, State},
    plan::Plan,
};
use crate::{clock::Clock, http_client};
use naru_trace::{Actor, Micros, TraceKind};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::{broadcast, watch};

/// How long `restart` waits for a broker to serve clients before it answers that it is still starting.
const RESTART_WAIT: Duration = Duration::from_secs(15);
/// How long a broker may take to hear that its disk is slow now.
const SLOW_DISK_WAIT: Duration = Duration::from_secs(5);
/// News that a watcher may be behind.
const NEWS: usize = 256;

/// A running cluster.
pub struct Cluster {
    id: String,
    token: String,
    clock: Clock,
    nodes: BTreeMap<i32, Arc<Node>>,
    /// None when brokers dial each other directly.
    links: Option<Links>,
    /// By how many milliseconds disks are slower than they are.
    slow_disks: Mutex<BTreeMap<i32, u64>>,
    news: broadcast::Sender<TraceKind>,
    stopped: watch::Receiver<bool>,
}

/// Which brokers, and what of them: what is posted to `/api/control/...`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Which {
    /// The brokers it is about.
    pub brokers: Vec<i32>,
    /// The other ends of their links; none: all others.
    pub others: Vec<i32>,
    /// Only what the first say to the others, not what those say to the first.
    pub one_way: bool,
    /// Milliseconds.
    pub ms: Option<u64>,
}

/// What `/api/nodes` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    cluster_id: String,
    bootstrap: String,
    nodes: Vec<NodeReport>,
    /// Only those that are not as they should be.
    links: Vec<LinkReport>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct NodeReport {
    id: i32,
    state: State,
    pid: Option<u32>,
    kafka: SocketAddr,
    http: SocketAddr,
    disk_delay_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct LinkReport {
    from: i32,
    to: i32,
    cut: bool,
    delay_ms: u64,
}

impl Cluster {
    /// Its nodes do not run yet.
    pub fn new(
        plan: &Plan,
        nodes: BTreeMap<i32, Arc<Node>>,
        links: Option<Links>,
        clock: Clock,
        stopped: watch::Receiver<bool>,
    ) -> Arc<Cluster> {
        let cluster = Arc::new(Cluster {
            id: plan.cluster_id().to_owned(),
            token: plan.token.clone(),
            clock,
            nodes,
            links,
            slow_disks: Mutex::default(),
            news: broadcast::channel(NEWS).0,
            stopped,
        });
        cluster.forget_slow_disks();
        cluster
    }

    /// Its nodes, by their number.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.nodes.values()
    }

    /// One node.
    pub fn node(&self, id: i32) -> Option<&Arc<Node>> {
        self.nodes.get(&id)
    }

    /// The time, as all of its brokers tell it.
    pub fn now(&self) -> Micros {
        self.clock.now().monotonic
    }

    /// What is done to it from now on.
    pub fn world(&self) -> broadcast::Receiver<TraceKind> {
        self.news.subscribe()
    }

    /// Ends when the cluster is told to stop.
    pub fn stopped(&self) -> impl Future<Output = ()> + use<> {
        let mut stopped = self.stopped.clone();
        async move {
            let _ = stopped.wait_for(|stopped| *stopped).await;
        }
    }

    /// Addresses to begin with, for clients.
    pub fn bootstrap(&self) -> String {
        self.nodes().map(|node| node.kafka.to_string()).collect::<Vec<_>>().join(",")
    }

    /// Does what a path below `/api/control/` asks for. The answer and the error are sentences.
    pub async fn control(&self, verb: &str, which: &Which) -> Result<String, String> {
        match verb {
            "kill" => self.order_all(which, Order::Kill, "was killed").await,
            "stop" => self.order_all(which, Order::Stop, "has stopped").await,
            "pause" => self.order_all(which, Order::Pause, "is paused").await,
            "resume" => self.order_all(which, Order::Resume, "goes on").await,
            "restart" => self.restart(which).await,
            "slow-disk" => self.slow_disk(which).await,
            "partition" => self.change_links(which, "cut", |condition| condition.cut = true),
            "delay" => {
                let delay = Duration::from_millis(which.ms.ok_or("say by how many milliseconds")?);
                self.change_links(which, "delayed", |condition| condition.delay = delay)
            }
            "heal" => self.change_links(which, "healed", |condition| *condition = Default::default()),
            other => Err(format!("there is no {other:?} to be done to a cluster")),
        }
    }

    /// How everything is.
    pub fn report(&self) -> Report {
        let slow = self.slow_disks.lock().expect("nobody panics with it").clone();
        let node = |node: &Arc<Node>| {
            let status = node.status();
            NodeReport {
                id: node.id,
                state: status.state,
                pid: status.pid,
                kafka: node.kafka,
                http: node.http,
                disk_delay_ms: slow.get(&node.id).copied().unwrap_or(0),
            }
        };
        let links =
            self.links.iter().flat_map(Links::conditions).filter(|(_, condition)| *condition != Default::default());
        let links = links.map(|((from, to), condition)| LinkReport {
            from,
            to,
            cut: condition.cut,
            delay_ms: condition.delay.as_millis() as u64,
        });
        Report {
            cluster_id: self.id.clone(),
            bootstrap: self.bootstrap(),
            nodes: self.nodes().map(node).collect(),
            links: links.collect(),
        }
    }

    /// What is not as it should be, as events that make a picture of a healthy cluster show it.
    pub fn conditions(&self) -> Vec<TraceKind> {
        let paused = self.nodes().filter(|node| node.status().state == State::Paused);
        let mut kinds: Vec<TraceKind> = paused.map(|node| TraceKind::BrokerPaused { broker: node.id }).collect();
        for (direction, condition) in self.links.iter().flat_map(Links::conditions) {
            let (from, to) = ends(direction);
            if condition.cut {
                kinds.push(TraceKind::LinkCut { from, to });
            }
            if !condition.delay.is_zero() {
                kinds.push(TraceKind::LinkDelayed { from, to, extra_us: condition.delay.as_micros() as u64 });
            }
        }
        kinds
    }

    /// Starts all brokers at once: a quorum needs the others.
    pub async fn start(&self) -> Result<(), String> {
        for node in self.nodes() {
            node.order(Order::Start).await?;
        }
        Ok(())
    }

    /// Ends all brokers in good order, at the same time: whoever leads hands over while somebody is there to take it.
    pub async fn stop(&self) {
        // What is cut or paused could not hand over anything.
        self.links.iter().flat_map(|links| links.conditions().map(move |(direction, _)| (links, direction))).for_each(
            |(links, direction)| {
                links.set(direction, |condition| *condition = Default::default());
            },
        );
        let mut stopping = tokio::task::JoinSet::new();
        for node in self.nodes.values().filter(|node| node.status().state.is_alive()) {
            let node = node.clone();
            stopping.spawn(async move { node.order(Order::Stop).await });
        }
        while stopping.join_next().await.is_some() {}
    }

    fn chosen(&self, ids: &[i32]) -> Result<Vec<&Arc<Node>>, String> {
        let there = || self.nodes.keys().map(i32::to_string).collect::<Vec<_>>().join(", ");
        let unknown = |id: &i32| format!("there is no broker {id}; there are {}", there());
        if ids.is_empty() {
            return Err(format!("name the brokers; there are {}", there()));
        }
        ids.iter().map(|id| self.nodes.get(id).ok_or_else(|| unknown(id))).collect()
    }

    async fn order_all(&self, which: &Which, order: Order, done: &str) -> Result<String, String> {
        let mut said = Vec::new();
        for node in self.chosen(&which.brokers)? {
            node.order(order).await?;
            match order {
                Order::Pause => self.tell(TraceKind::BrokerPaused { broker: node.id }),
                Order::Resume => self.tell(TraceKind::BrokerResumed { broker: node.id }),
                _ => {}
            }
            said.push(format!("broker {} {done}", node.id));
        }
        Ok(said.join("\n"))
    }

    async fn restart(&self, which: &Which) -> Result<String, String> {
        let nodes = self.chosen(&which.brokers)?;
        for node in &nodes {
            if node.status().state.is_alive() {
                node.order(Order::Stop).await?;
            }
            node.order(Order::Start).await?;
        }
        let mut said = Vec::new();
        for node in nodes {
            let id = node.id;
            match node.settled(RESTART_WAIT).await {
                State::Starting => said.push(format!("broker {id} is starting; its cluster has not let it in yet")),
                state if state.is_alive() => said.push(format!("broker {id} serves clients")),
                _ => return Err(format!("broker {id} has ended; what it said is where `naru cluster` was started")),
            }
        }
        Ok(said.join("\n"))
    }

    async fn slow_disk(&self, which: &Which) -> Result<String, String> {
        let ms = which.ms.ok_or("say by how many milliseconds")?;
        let mut said = Vec::new();
        for node in self.chosen(&which.brokers)? {
            let body = format!("{{\"ms\":{ms}}}");
            let asked =
                http_client::post(node.http, "/api/control/slow-disk", &self.token, &body, SLOW_DISK_WAIT).await;
            match asked {
                Ok((200, _)) => {}
                Ok((_, sentence)) => return Err(format!("broker {}: {}", node.id, sentence.trim())),
                Err(error) => return Err(format!("broker {} cannot be asked: {error}", node.id)),
            }
            self.slow_disks.lock().expect("nobody panics with it").insert(node.id, ms);
            said.push(format!("each write and each sync of broker {} takes {ms} ms longer", node.id));
        }
        Ok(said.join("\n"))
    }

    /// A process that has ended has taken its slow disk with it.
    fn forget_slow_disks(self: &Arc<Self>) {
        for node in self.nodes() {
            let (cluster, id, mut status) = (Arc::downgrade(self), node.id, node.watch());
            tokio::spawn(async move {
                while status.changed().await.is_ok() {
                    let alive = status.borrow_and_update().state.is_alive();
                    let Some(cluster) = cluster.upgrade() else { return };
                    if !alive {
                        cluster.slow_disks.lock().expect("nobody panics with it").remove(&id);
                    }
                }
            });
        }
    }

    /// The directions between some brokers and others: all when neither are named.
    fn directions(&self, which: &Which) -> Result<Vec<Direction>, String> {
        let ids = |ids: &[i32]| -> Result<BTreeSet<i32>, String> {
            Ok(self.chosen(ids)?.into_iter().map(|node| node.id).collect())
        };
        let all: BTreeSet<i32> = self.nodes.keys().copied().collect();
        let these = if which.brokers.is_empty() { all.clone() } else { ids(&which.brokers)? };
        let others = match which.others.as_slice() {
            [] if which.brokers.is_empty() => all,
            [] => all.difference(&these).copied().collect(),
            others => ids(others)?,
        };
        let pairs = these.iter().flat_map(|one| others.iter().map(move |other| (*one, *other)));
        let both = pairs
            .filter(|(one, other)| one != other)
            .flat_map(|(one, other)| [(one, other), (other, one)].into_iter().take(if which.one_way { 1 } else { 2 }));
        Ok(both.collect::<BTreeSet<_>>().into_iter().collect())
    }

    fn change_links(&self, which: &Which, done: &str, change: impl Fn(&mut Condition)) -> Result<String, String> {
        let links =
            self.links.as_ref().ok_or("the brokers dial each other directly: --direct leaves no links to cut")?;
        if which.brokers.is_empty() && done != "healed" {
            self.chosen(&[])?;
        }
        let mut said = Vec::new();
        for direction in self.directions(which)? {
            let mut now = Condition::default();
            let changed = links.set(direction, |condition| {
                change(condition);
                now = *condition;
            });
            if changed {
                self.tell_link(direction, done, now);
                said.push(format!("{} -> {} is {done}", direction.0, direction.1));
            }
        }
        Ok(if said.is_empty() { "nothing changed".into() } else { said.join("\n") })
    }

    fn tell_link(&self, direction: Direction, done: &str, now: Condition) {
        let (from, to) = ends(direction);
        let extra_us = now.delay.as_micros() as u64;
        match done {
            "cut" => self.tell(TraceKind::LinkCut { from, to }),
            "delayed" => self.tell(TraceKind::LinkDelayed { from, to, extra_us }),
            _ => {
                self.tell(TraceKind::LinkHealed { from, to });
                self.tell(TraceKind::LinkDelayed { from, to, extra_us });
            }
        }
    }

    fn tell(&self, kind: TraceKind) {
        // Nobody watching is no reason not to do it.
        let _ = self.news.send(kind);
    }
}

fn ends((from, to): Direction) -> (Actor, Actor) {
    (Actor::Broker(from), Actor::Broker(to))
}
