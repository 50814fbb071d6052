//! Where everything stands: from a [`ClusterView`] and a width in pixels to a [`Scene`] of plain values.
//!
//! Clients that write stand on top, clients that read at the bottom, brokers between them. The empty gutters between the
//! rows belong to messages on their way. Brokers are columns, partitions are rows, x is the offset.

use super::{
    keys::KeyOrder,
    lane::{Lane, LaneSpec, lane},
    pill::{self, Pill},
};
use crate::{locale::Locale, text};
use naru_trace::SortedSet;
use naru_trace::{Actor, BrokerState, BrokerView, ClusterView};

/// Below this width the stage has no column of labels and shows few partitions at a time.
pub const NARROW: f64 = 560.0;
/// Brokers narrower than this stand one below the other: their lanes would show too few records side by side.
const COLUMN_MIN: f64 = 270.0;
/// Height of a client.
pub const PILL_HEIGHT: f64 = 38.0;
/// Height of the space that messages travel in.
pub const GUTTER: f64 = 60.0;
/// Height of a message's label, with some air.
pub const MESSAGE_HEIGHT: f64 = 24.0;
/// Height of a broker's head line.
pub const CARD_HEAD: f64 = 34.0;
/// Space between two things.
pub const GAP: f64 = 10.0;

/// What else decides the picture.
pub struct Options<'a> {
    /// Width in pixels.
    pub width: f64,
    /// The language of the few words in it.
    pub locale: Locale,
    /// Decides colours.
    pub keys: &'a KeyOrder,
    /// The first partition shown, as its place in [`partitions`].
    pub first: usize,
}

/// The picture as values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scene {
    /// Width in pixels.
    pub width: f64,
    /// Height in pixels.
    pub height: f64,
    /// Clients.
    pub pills: Vec<Pill>,
    /// Brokers.
    pub cards: Vec<Card>,
    /// Partitions.
    pub lanes: Vec<Lane>,
    /// Words in the left margin.
    pub labels: Vec<Label>,
    /// How many partitions there are, and how many of them are shown.
    pub partitions: (usize, usize),
}

/// A broker.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// Its `node.id`.
    pub broker: i32,
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
    /// Whether its process is at an end, or stands still.
    pub down: bool,
    /// Its name.
    pub title: String,
    /// Its state in words.
    pub detail: String,
    /// What to say instead of partitions.
    pub empty: Option<&'static str>,
}

/// Words in the margin.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// Left edge.
    pub x: f64,
    /// Base line.
    pub y: f64,
    /// The words.
    pub text: String,
    /// A second line.
    pub detail: String,
}

/// Every partition of the cluster, in the order of the picture.
pub fn partitions(view: &ClusterView) -> Vec<(String, i32)> {
    let mut all = SortedSet::new();
    for broker in view.brokers.values() {
        for (topic, topic_view) in &broker.topics {
            all.extend(topic_view.partitions.keys().map(|partition| (topic.clone(), *partition)));
        }
    }
    all.into_iter().collect()
}

/// How many partitions are shown at a time.
pub fn partitions_max(width: f64) -> usize {
    if width < NARROW { 3 } else { 8 }
}

/// The picture of `view`.
pub fn scene(view: &ClusterView, options: &Options) -> Scene {
    let all = partitions(view);
    let max = partitions_max(options.width);
    let first = options.first.min(all.len().saturating_sub(max));
    let shown = &all[first..all.len().min(first + max)];

    let mut scene = Scene { width: options.width, partitions: (all.len(), shown.len()), ..Scene::default() };
    let (top, bottom) = pill::of_view(view, options.locale);
    let left = margin(view, options.width);
    let mut y = 4.0;
    if !top.is_empty() {
        let word = pill::row_word(&top, true, options.locale);
        y = place_pills(&mut scene, top, left, y, word) + GUTTER;
    }
    y = place_brokers(&mut scene, view, options, shown, y);
    if bottom.is_empty() && !stacked(view, options.width) {
        // What brokers say to each other passes below them.
        y += GUTTER;
    }
    if !bottom.is_empty() {
        let word = pill::row_word(&bottom, false, options.locale);
        y = place_pills(&mut scene, bottom, left, y + GUTTER, word);
    }
    scene.height = y + 6.0;
    scene
}

/// With brokers side by side a partition's name stands once, in the left margin; otherwise it stands in the lane.
fn margin(view: &ClusterView, width: f64) -> f64 {
    if stacked(view, width) { 2.0 } else { 96.0 }
}

/// Whether brokers stand one below the other.
pub fn stacked(view: &ClusterView, width: f64) -> bool {
    let count = view.brokers.len();
    width < NARROW || count < 2 || width - 96.0 < COLUMN_MIN * count as f64
}

/// Puts clients into rows; returns the lower edge of the last row.
fn place_pills(scene: &mut Scene, pills: Vec<Pill>, left: f64, y: f64, word: &str) -> f64 {
    let room = scene.width - left - 2.0;
    let wanted = 270.0;
    let least = if scene.width < NARROW { 138.0 } else { 156.0 };
    let per_row = ((room + GAP) / (least + GAP)).floor().max(1.0) as usize;
    let columns = per_row.min(pills.len()).max(1);
    let w = ((room - GAP * (columns as f64 - 1.0)) / columns as f64).min(wanted);
    let rows = pills.len().div_ceil(columns);
    for (place, mut pill) in pills.into_iter().enumerate() {
        pill.w = w;
        pill.x = left + (place % columns) as f64 * (w + GAP);
        pill.y = y + (place / columns) as f64 * (PILL_HEIGHT + 8.0);
        scene.pills.push(pill);
    }
    if left > 50.0 {
        scene.labels.push(Label { x: 4.0, y: y + 23.0, text: String::new(), detail: word.to_string() });
    }
    y + rows as f64 * (PILL_HEIGHT + 8.0) - 8.0
}

/// Puts brokers side by side, or one below the other where it is narrow; returns their lower edge.
fn place_brokers(scene: &mut Scene, view: &ClusterView, options: &Options, shown: &[(String, i32)], y: f64) -> f64 {
    let left = margin(view, options.width);
    let stacked = stacked(view, options.width);
    let columns = if stacked { 1 } else { view.brokers.len() };
    let w = (options.width - left - 2.0 - GAP * (columns as f64 - 1.0)) / columns as f64;
    let heights = lane_heights(view, shown, w);
    let mut lower = y;
    for (place, (id, broker)) in view.brokers.iter().enumerate() {
        let x = if stacked { left } else { left + place as f64 * (w + GAP) };
        let top = if stacked { lower + if place > 0 { GAP } else { 0.0 } } else { y };
        let empty = shown.is_empty().then(|| text::no_topics(options.locale));
        let lanes_height: f64 = heights.iter().map(|height| height + 6.0).sum();
        let h = CARD_HEAD + if empty.is_some() { 34.0 } else { lanes_height + 4.0 };
        scene.cards.push(card(view, (*id, broker), options.locale, (x, top, w, h), empty));
        let mut lane_y = top + CARD_HEAD;
        for ((topic, partition), height) in shown.iter().zip(&heights) {
            let spec = LaneSpec {
                view,
                broker: *id,
                topic,
                partition: *partition,
                x: x + 8.0,
                y: lane_y,
                w: w - 16.0,
                h: *height,
            };
            scene.lanes.extend(lane(&spec, options));
            if place == 0 && left > 50.0 {
                scene.labels.push(lane_label(view, topic, *partition, lane_y, options.locale));
            }
            lane_y += height + 6.0;
        }
        lower = top + h;
    }
    lower
}

fn lane_label(view: &ClusterView, topic: &str, partition: i32, y: f64, locale: Locale) -> Label {
    let epoch = (view.brokers.values())
        .filter_map(|broker| Some(broker.topics.get(topic)?.partitions.get(&partition)?.leader_epoch))
        .max();
    let detail = epoch.filter(|epoch| *epoch > 0).map(|epoch| format!("{} {epoch}", text::epoch(locale)));
    let name = shorten(&format!("{topic}-{partition}"), 86.0, 13.5);
    Label { x: 4.0, y: y + 34.0, text: name, detail: detail.unwrap_or_default() }
}

/// Lanes of one partition are equally high on all brokers: high enough for the markers of its readers.
fn lane_heights(view: &ClusterView, shown: &[(String, i32)], w: f64) -> Vec<f64> {
    shown.iter().map(|(topic, partition)| super::lane::height(view, topic, *partition, w)).collect()
}

fn card(
    view: &ClusterView,
    (id, broker): (i32, &BrokerView),
    locale: Locale,
    place: (f64, f64, f64, f64),
    empty: Option<&'static str>,
) -> Card {
    let (x, y, w, h) = place;
    let mut title = format!("{} {id}", text::broker(locale));
    if view.controller() == Some(id) {
        title = format!("{title} ★ {}", text::controller(locale));
    }
    let detail = shorten(&condition(view, id, broker, locale), w - text_width(&title, 14.0) - 52.0, 11.0);
    let down = broker.state != BrokerState::Running || view.faults.paused.contains(&id);
    Card { broker: id, x, y, w, h, down, title, detail, empty }
}

/// How a broker is, in words: whether it runs, and whom it cannot reach.
pub fn condition(view: &ClusterView, id: i32, broker: &BrokerView, locale: Locale) -> String {
    let state = match broker.state {
        BrokerState::Stopped => text::state_stopped(locale),
        BrokerState::Crashed => text::state_crashed(locale),
        BrokerState::Running if view.faults.paused.contains(&id) => text::state_paused(locale),
        BrokerState::Running if matches!(&*broker.lifecycle, "starting" | "recovery") => text::state_joining(locale),
        BrokerState::Running => text::state_running(locale),
    };
    let cut = view.faults.links.iter().filter(|link| link.cut && link.from == Actor::Broker(id));
    let to = cut.map(|link| match link.to {
        Actor::Broker(other) => format!(" {other}"),
        Actor::Client(client) => view.clients.get(&client).map_or_else(String::new, |it| format!(" {}", it.name)),
        Actor::World => String::new(),
    });
    let to: String = to.collect();
    match (to.is_empty(), view.brokers.len()) {
        (false, _) => format!("{state} · ✂{to}"),
        (true, 1) if broker.state == BrokerState::Running => {
            format!("{state} · {} {}", text::port(locale), broker.port)
        }
        (true, _) => state.to_string(),
    }
}

impl Scene {
    /// The way of a message: from the edge of its sender to the edge of its receiver, through the gutters.
    pub fn route(&self, from: Actor, to: Actor) -> Option<Vec<(f64, f64)>> {
        match (from, to) {
            (Actor::Client(client), Actor::Broker(broker)) => self.client_way(client, broker, 0.36),
            (Actor::Broker(broker), Actor::Client(client)) => {
                let mut way = self.client_way(client, broker, 0.64)?;
                way.reverse();
                Some(way)
            }
            (Actor::Broker(from), Actor::Broker(to)) => self.broker_way(from, to),
            _ => None,
        }
    }

    fn client_way(&self, client: u32, broker: i32, share: f64) -> Option<Vec<(f64, f64)>> {
        let pill = self.pills.iter().find(|pill| pill.client == client)?;
        let card = self.cards.iter().find(|card| card.broker == broker)?;
        let x = pill.x + pill.w * share;
        let (start, edge) = if pill.top { (pill.y + PILL_HEIGHT, card.y) } else { (pill.y, card.y + card.h) };
        let door = x.clamp(card.x + 24.0, card.x + card.w - 24.0);
        // A label is as high as this; it stays in the gutter and never covers a card.
        let inset = if pill.top { MESSAGE_HEIGHT / 2.0 } else { -MESSAGE_HEIGHT / 2.0 };
        let (start, edge) = (start + inset, edge - inset);
        if (door - x).abs() < 1.0 {
            return Some(vec![(x, start), (x, edge)]);
        }
        let middle = edge - inset;
        Some(vec![(x, start), (x, middle), (door, middle), (door, edge)])
    }

    fn broker_way(&self, from: i32, to: i32) -> Option<Vec<(f64, f64)>> {
        let from = self.cards.iter().find(|card| card.broker == from)?;
        let to = self.cards.iter().find(|card| card.broker == to)?;
        if from.x == to.x {
            let side = from.x + from.w - 24.0;
            return Some(vec![(side, from.y + from.h / 2.0), (side, to.y + to.h / 2.0)]);
        }
        let (start, end) = (from.x + from.w / 2.0, to.x + to.w / 2.0);
        let lower = from.y + from.h;
        Some(vec![(start, lower), (start, lower + GUTTER / 2.0), (end, lower + GUTTER / 2.0), (end, to.y + to.h)])
    }
}

/// About how wide a text is: Hangul and other wide characters are as wide as they are high.
pub fn text_width(text: &str, size: f64) -> f64 {
    text.chars().map(|c| if (c as u32) >= 0x1100 { size * 0.96 } else { size * 0.56 }).sum()
}

/// The text, cut to fit.
pub fn shorten(text: &str, width: f64, size: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_string();
    }
    let mut short = String::new();
    for c in text.chars() {
        if text_width(&short, size) + size * 1.5 > width {
            break;
        }
        short.push(c);
    }
    short + "…"
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
