//! Clients: who they are, what they have done, and what they wait for.

use super::layout::shorten;
use crate::{locale::Locale, text};
use naru_trace::{BrokerState, ClientRole, ClientView, ClusterView, ConnectionView, ParkCondition};

/// A client.
#[derive(Debug, Clone, PartialEq)]
pub struct Pill {
    /// Its number; for a bare connection a number that no client has.
    pub client: u32,
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Whether it stands above the brokers.
    pub top: bool,
    /// What it is there for; `None` for a bare connection.
    pub role: Option<ClientRole>,
    /// Role and name.
    pub title: String,
    /// What it has done or waits for.
    pub detail: String,
    /// Whether it waits for a parked reply.
    pub waits: bool,
    /// Whether it was closed.
    pub closed: bool,
    /// The brokers it is connected to.
    pub connected: Vec<i32>,
}

impl Pill {
    /// The title, cut to the pill's width.
    pub fn title_short(&self) -> String {
        shorten(&self.title, self.w - 30.0, 12.5)
    }

    /// The detail, cut to the pill's width.
    pub fn detail_short(&self) -> String {
        shorten(&self.detail, self.w - 28.0, 11.0)
    }
}

/// The clients of a view: those that stand on top, and those at the bottom.
pub fn of_view(view: &ClusterView, locale: Locale) -> (Vec<Pill>, Vec<Pill>) {
    let pills = if view.clients.is_empty() { bare_connections(view, locale) } else { clients(view, locale) };
    pills.into_iter().partition(|pill| pill.top)
}

/// The word beside a row of clients.
pub fn row_word(pills: &[Pill], top: bool, locale: Locale) -> &'static str {
    let all = |role| pills.iter().all(|pill| pill.role == Some(role));
    match top {
        true if all(ClientRole::Producer) => text::producers(locale),
        false if all(ClientRole::Consumer) => text::consumers(locale),
        _ => text::clients(locale),
    }
}

/// The name of a role.
pub fn role_word(role: ClientRole, locale: Locale) -> &'static str {
    match role {
        ClientRole::Producer => text::producer(locale),
        ClientRole::Consumer => text::consumer(locale),
        ClientRole::Admin => text::admin(locale),
    }
}

fn clients(view: &ClusterView, locale: Locale) -> Vec<Pill> {
    (view.clients.iter())
        .map(|(number, client)| {
            let parked = parked_of(view, &client.name);
            let detail = match (&parked, client.closed) {
                (_, true) => text::closed(locale).to_string(),
                (Some(until), false) => waits(until, locale),
                (None, false) => activity(client, locale),
            };
            let role = role_word(client.role, locale);
            let title = if client.name == role { role.to_string() } else { format!("{role} {}", client.name) };
            Pill {
                client: *number,
                x: 0.0,
                y: 0.0,
                w: 0.0,
                top: client.role != ClientRole::Consumer,
                role: Some(client.role),
                title,
                detail,
                waits: parked.is_some() && !client.closed,
                closed: client.closed,
                connected: if client.closed { Vec::new() } else { brokers_of(view, &client.name) },
            }
        })
        .collect()
}

/// On a live broker the clients are other programs: all we know of them is their connections.
fn bare_connections(view: &ClusterView, locale: Locale) -> Vec<Pill> {
    let all = view.brokers.iter().flat_map(|(id, broker)| broker.connections.iter().map(move |it| (*id, broker, it)));
    all.map(|(id, broker, (number, connection))| {
        let parked = broker.parked.values().find(|parked| parked.connection == *number);
        let name = if connection.client_id.is_empty() { text::connection(locale) } else { &connection.client_id };
        let detail = match parked {
            Some(parked) => waits(&parked.until, locale),
            None if connection.last_api.is_empty() => connection.peer.clone(),
            None => format!("{} · {}× · {}", connection.last_api, connection.requests, connection.peer),
        };
        Pill {
            client: *number as u32,
            x: 0.0,
            y: 0.0,
            w: 0.0,
            top: !reads(connection),
            role: None,
            title: name.to_string(),
            detail,
            waits: parked.is_some(),
            closed: false,
            connected: vec![id],
        }
    })
    .collect()
}

fn reads(connection: &ConnectionView) -> bool {
    matches!(&*connection.last_api, "Fetch" | "ListOffsets" | "OffsetFetch" | "JoinGroup" | "Heartbeat")
}

fn activity(client: &ClientView, locale: Locale) -> String {
    let mut parts: Vec<String> = Vec::new();
    match client.role {
        ClientRole::Producer => {
            parts.extend(
                client.settings.iter().filter(|(key, _)| key == "acks").map(|(key, value)| format!("{key}={value}")),
            );
            parts.extend(counted(client.waiting, text::waiting(locale)));
            parts.extend(counted(client.acknowledged, text::acknowledged(locale)));
            parts.extend(counted(client.failed, text::failed(locale)));
        }
        ClientRole::Consumer => parts.push(format!("{} {}", text::delivered(locale), client.delivered)),
        ClientRole::Admin => {}
    }
    parts.join(" · ")
}

fn counted(count: u64, word: &str) -> Option<String> {
    (count > 0).then(|| format!("{word} {count}"))
}

/// A condition in words.
pub fn waits(until: &ParkCondition, locale: Locale) -> String {
    match until {
        ParkCondition::Bytes { topic, partition, .. } => {
            let records = match locale {
                Locale::En => format!("new records in {topic}-{partition}"),
                Locale::Ko => format!("{topic}-{partition}의 새 레코드"),
            };
            format!("{} {records}", text::waits_for(locale))
        }
        ParkCondition::Group { group } => format!("{} {group}", text::waits_for(locale)),
        ParkCondition::Durable { .. } | ParkCondition::Loaded { .. } => {
            format!("{} {}", text::waits_for(locale), text::waits_disk(locale))
        }
        ParkCondition::Replicated { topic, partition, .. } => {
            let replicas = match locale {
                Locale::En => format!("the replicas of {topic}-{partition}"),
                Locale::Ko => format!("{topic}-{partition}의 복제본"),
            };
            format!("{} {replicas}", text::waits_for(locale))
        }
        ParkCondition::Controller => format!("{} {}", text::waits_for(locale), text::waits_controller(locale)),
        ParkCondition::Quorum => format!("{} {}", text::waits_for(locale), text::waits_quorum(locale)),
    }
}

fn parked_of(view: &ClusterView, client: &str) -> Option<ParkCondition> {
    for broker in view.brokers.values().filter(|broker| broker.state == BrokerState::Running) {
        for parked in broker.parked.values() {
            let connection = broker.connections.get(&parked.connection);
            if connection.is_some_and(|connection| connection.client_id == client) {
                return Some(parked.until.clone());
            }
        }
    }
    None
}

fn brokers_of(view: &ClusterView, client: &str) -> Vec<i32> {
    let connected = |id: &&i32| view.brokers[*id].connections.values().any(|it| it.client_id == client);
    view.brokers.keys().filter(connected).copied().collect()
}
