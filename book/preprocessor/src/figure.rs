//! A still picture of how a recording ends: the same fold over the same events that moves on screen, drawn once as SVG.
//!
//! It uses the stage's grammar: a row is a partition, x is the order of offsets, the colour is the key, a line is the border of
//! two segments.

use crate::html::escape;
use naru_labs::Recording;
use naru_trace::{CellView, ClientRole, ClientView, ClusterView, PartitionView, Preview};
use std::{collections::BTreeSet, fmt::Write};

const WIDTH: usize = 720;
const LABEL: usize = 128;
const CELL: usize = 30;
const ROW: usize = 46;
/// How many colours the style sheet has for keys.
const COLOURS: usize = 6;
/// How many of a partition's newest records are drawn.
const CELLS_MAX: usize = (WIDTH - LABEL - 90) / CELL;

/// The view after the last event.
pub fn final_view(recording: &Recording) -> ClusterView {
    let mut view = ClusterView::default();
    recording.events.iter().for_each(|event| view.apply(event));
    view
}

/// What the picture shows, in one sentence.
pub fn caption(recording: &Recording) -> String {
    let view = final_view(recording);
    let mut parts = Vec::new();
    for (name, it) in partitions(&view) {
        parts.push(format!("<code>{}</code> ends at offset {}", escape(&name), it.log_end_offset));
    }
    for client in view.clients.values().filter(|client| client.role == ClientRole::Consumer) {
        parts.push(format!("{} got {} records", escape(&client.name), client.delivered));
    }
    if parts.is_empty() { "nothing was stored.".into() } else { format!("{}.", parts.join(", ")) }
}

/// The picture, on one line so that Markdown leaves it whole.
pub fn svg(recording: &Recording) -> String {
    let view = final_view(recording);
    let rows: Vec<_> = partitions(&view).collect();
    let clients: Vec<&ClientView> = view.clients.values().filter(|client| client.role != ClientRole::Admin).collect();
    let height = 12 + rows.len() * ROW + clients.len().div_ceil(2) * 30 + 8;
    let mut out = String::new();
    let _ = write!(
        out,
        "<svg class=\"naru-figure\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"The partitions and their \
         records when the script has ended\">"
    );
    let keys: BTreeSet<&str> = rows.iter().flat_map(|(_, it)| &it.cells).filter_map(key_of).collect();
    let keys: Vec<&str> = keys.into_iter().collect();
    for (index, (name, it)) in rows.iter().enumerate() {
        lane(&mut out, 12 + index * ROW, name, it, &keys);
    }
    for (index, client) in clients.iter().enumerate() {
        let x = 8 + (index % 2) * (WIDTH / 2);
        pill(&mut out, x, 12 + rows.len() * ROW + (index / 2) * 30, client);
    }
    out.push_str("</svg>");
    out
}

/// Every log, by its partition's name, and that of its broker where there are several.
fn partitions(view: &ClusterView) -> impl Iterator<Item = (String, &PartitionView)> {
    let several = view.brokers.len() > 1;
    let topics = view.brokers.iter().flat_map(|(id, broker)| broker.topics.iter().map(move |it| (*id, it)));
    let logs =
        topics.flat_map(|(id, (topic, it))| it.partitions.iter().map(move |(number, it)| (id, topic, number, it)));
    logs.filter(|(.., it)| it.role != "elsewhere").map(move |(id, topic, number, it)| {
        let on = if several { format!(" on {id}") } else { String::new() };
        (format!("{topic}-{number}{on}"), it)
    })
}

fn lane(out: &mut String, y: usize, name: &str, partition: &PartitionView, keys: &[&str]) {
    let _ = write!(out, "<text class=\"name\" x=\"8\" y=\"{}\">{}</text>", y + 20, escape(name));
    let hidden = partition.cells.len().saturating_sub(CELLS_MAX);
    borders(out, y, partition, hidden);
    for (index, cell) in partition.cells.iter().skip(hidden).enumerate() {
        draw_cell(out, LABEL + index * CELL, y, cell, keys);
    }
    let end = LABEL + (partition.cells.len() - hidden) * CELL + 4;
    let _ = write!(out, "<line class=\"end\" x1=\"{end}\" x2=\"{end}\" y1=\"{}\" y2=\"{}\"/>", y - 2, y + 32);
    let _ =
        write!(out, "<text class=\"small\" x=\"{}\" y=\"{}\">end {}</text>", end + 6, y + 19, partition.log_end_offset);
}

/// A line where a segment begins, if records of the one before are drawn.
fn borders(out: &mut String, y: usize, partition: &PartitionView, hidden: usize) {
    for segment in partition.segments.iter().skip(1) {
        let before = partition.cells.iter().skip(hidden).take_while(|cell| cell.offset < segment.base_offset).count();
        if before > 0 {
            let x = LABEL + before * CELL - 2;
            let _ = write!(out, "<line class=\"segment\" x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{}\"/>", y - 4, y + 30);
        }
    }
}

fn key_of(cell: &CellView) -> Option<&str> {
    cell.key.as_ref().map(|key| key.text.as_str())
}

fn draw_cell(out: &mut String, x: usize, y: usize, cell: &CellView, keys: &[&str]) {
    let text = |preview: &Option<Preview>| preview.as_ref().map_or("none".into(), |it| escape(&it.text));
    let title = format!("offset {}, key {}, value {}", cell.offset, text(&cell.key), text(&cell.value));
    // Equal keys have equal colours; with more than six keys some colours stand for two.
    let number = key_of(cell).and_then(|key| keys.iter().position(|it| *it == key));
    let class = number.map_or("nokey".into(), |number| format!("k{}", number % COLOURS));
    let _ = write!(
        out,
        "<g class=\"cell {class}\"><title>{title}</title><rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"26\" rx=\"5\"/>\
         <text x=\"{}\" y=\"{}\">{}</text></g>",
        CELL - 4,
        x + (CELL - 4) / 2,
        y + 18,
        cell.offset
    );
}

fn pill(out: &mut String, x: usize, y: usize, client: &ClientView) {
    let what = match client.role {
        ClientRole::Producer => format!("{} acknowledged", client.acknowledged),
        _ => format!("got {} records", client.delivered),
    };
    let _ = write!(
        out,
        "<rect class=\"pill\" x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"24\" rx=\"12\"/><text class=\"small\" x=\"{}\" \
         y=\"{}\"><tspan class=\"name\">{}</tspan> {what}</text>",
        WIDTH / 2 - 16,
        x + 12,
        y + 16,
        escape(&client.name)
    );
}
