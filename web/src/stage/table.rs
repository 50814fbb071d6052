//! The stage as tables: all that the picture says, for who cannot see it or wants to copy it.

use super::{
    draw::StageData,
    lane::{leads, out_of_sync},
    layout::condition,
    messages, pill,
};
use crate::{locale::Locale, text};
use leptos::prelude::*;
use naru_trace::{Actor, BrokerView, CellView, ClusterView};

/// Tables of partitions, clients and messages.
#[component]
pub fn Tables(data: StageData) -> impl IntoView {
    move || {
        let locale = data.locale.get();
        let view = data.view.get();
        view! {
            <div class="tables" data-testid="tables">
                {table(
                    &[text::partition(locale), text::broker(locale), text::state(locale), text::log_start_offset(locale),
                        text::high_watermark(locale), text::log_end_offset(locale), text::records(locale)],
                    partition_rows(&view, locale),
                )}
                {table(&[text::broker(locale), text::state(locale), text::epoch(locale)], broker_rows(&view, locale))}
                {table(
                    &[text::role(locale), text::name(locale), text::state(locale), text::position(locale)],
                    client_rows(&view, locale),
                )}
                {table(&[text::on_the_way(locale), "", ""], message_rows(&view, locale))}
            </div>
        }
    }
}

fn table(heads: &[&'static str], rows: Vec<Vec<String>>) -> Option<impl IntoView + use<>> {
    if rows.is_empty() {
        return None;
    }
    let heads: Vec<_> = heads.iter().map(|head| view! { <th scope="col">{*head}</th> }).collect();
    let row = |cells: Vec<String>| {
        let cells: Vec<_> = cells.into_iter().map(|cell| view! { <td>{cell}</td> }).collect();
        view! { <tr>{cells}</tr> }
    };
    let rows: Vec<_> = rows.into_iter().map(row).collect();
    Some(view! { <div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div> })
}

/// How the brokers are, where there are several, and what each knows of the quorum.
fn broker_rows(view: &ClusterView, locale: Locale) -> Vec<Vec<String>> {
    let row = |(id, broker): (&i32, &BrokerView)| {
        let mut state = condition(view, *id, broker, locale);
        if view.controller() == Some(*id) {
            state = format!("{}, {state}", text::controller(locale));
        }
        let epoch = broker.quorum.as_ref().map_or_else(String::new, |quorum| quorum.epoch.to_string());
        vec![id.to_string(), state, epoch]
    };
    view.brokers.iter().map(row).filter(|_| view.brokers.len() > 1).collect()
}

fn partition_rows(view: &ClusterView, locale: Locale) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (id, broker) in &view.brokers {
        for (topic, topic_view) in &broker.topics {
            for (number, replica) in topic_view.partitions.iter().filter(|(_, replica)| replica.role != "elsewhere") {
                let mut part = match (replica.online, leads(replica, *id)) {
                    (false, _) => text::offline(locale),
                    (true, true) => text::leader(locale),
                    (true, false) => text::follower(locale),
                }
                .to_string();
                if out_of_sync(view, topic, *number, *id) {
                    part = format!("{part}, {}", text::out_of_sync(locale));
                }
                rows.push(vec![
                    format!("{topic}-{number}"),
                    id.to_string(),
                    part,
                    replica.log_start_offset.to_string(),
                    replica.high_watermark.to_string(),
                    replica.log_end_offset.to_string(),
                    replica.cells.iter().map(|cell| record(cell, locale)).collect::<Vec<_>>().join("  ·  "),
                ]);
            }
        }
    }
    rows
}

fn record(cell: &CellView, locale: Locale) -> String {
    let words = |preview: &Option<naru_trace::Preview>| {
        preview.as_ref().map_or_else(|| text::null(locale).to_string(), |it| it.text.clone())
    };
    format!("{}: {} = {}", cell.offset, words(&cell.key), words(&cell.value))
}

fn client_rows(view: &ClusterView, locale: Locale) -> Vec<Vec<String>> {
    let (top, bottom) = pill::of_view(view, locale);
    (top.into_iter().chain(bottom))
        .map(|pill| {
            let client = view.clients.get(&pill.client);
            let positions = client.into_iter().flat_map(|client| {
                client.positions.iter().flat_map(|(topic, partitions)| {
                    partitions.iter().map(move |(partition, offset)| format!("{topic}-{partition}: {offset}"))
                })
            });
            let role = pill.role.map_or(text::connection(locale), |role| pill::role_word(role, locale));
            let name = client.map_or(pill.title.clone(), |client| client.name.clone());
            vec![role.to_string(), name, pill.detail, positions.collect::<Vec<_>>().join(", ")]
        })
        .collect()
}

fn message_rows(view: &ClusterView, locale: Locale) -> Vec<Vec<String>> {
    let name = |actor: Actor| match actor {
        Actor::World => String::new(),
        Actor::Broker(broker) => format!("{} {broker}", text::broker(locale)),
        Actor::Client(client) => view.clients.get(&client).map_or(client.to_string(), |client| client.name.clone()),
    };
    (view.in_flight.values())
        .map(|it| {
            vec![
                messages::words(&it.label),
                format!("{} → {}", name(it.from), name(it.to)),
                format!("{} {}", it.bytes, text::bytes(locale)),
            ]
        })
        .collect()
}
