//! Messages on their way: a label that moves along its route from the time it was sent to the time it arrives.

use super::{
    draw::StageData,
    layout::{Scene, text_width},
};
use crate::dom;
use leptos::{either::Either, prelude::*};
use naru_trace::{Actor, MessageLabel, MessageView, MessageWay};
use std::sync::Arc;

/// All messages on their way.
#[component]
pub fn Messages(data: StageData, picture: Memo<Arc<Scene>>) -> impl IntoView {
    let still = dom::reduced_motion();
    move || {
        let clock = data.clock.get();
        let (view, scene) = (data.view.get(), picture.get());
        (view.in_flight.iter())
            .filter_map(|(number, message)| {
                let share = if still { 0.5 } else { share(message, clock) };
                draw(*number, message, share, &scene)
            })
            .collect::<Vec<_>>()
    }
}

/// How much of its way a message has behind it, from 0 to 1.
fn share(message: &MessageView, clock: f64) -> f64 {
    let (from, to) = (message.sent_at.0 as f64, message.arrives_at.0 as f64);
    if to <= from { 1.0 } else { ((clock - from) / (to - from)).clamp(0.0, 1.0) }
}

fn draw(number: u64, message: &MessageView, share: f64, scene: &Scene) -> Option<impl IntoView + use<>> {
    let route = scene.route(message.from, message.to)?;
    let (x, y) = along(&route, share);
    if is_quiet(message) {
        let dot = view! { <circle cx=x cy=y r="2.5" /> };
        return Some(Either::Left(view! { <g class="message quiet" data-testid="quiet-message">{dot}</g> }));
    }
    let words = words(&message.label);
    let width = text_width(&words, 11.0) + 20.0;
    let x = x.clamp(width / 2.0 + 1.0, (scene.width - width / 2.0 - 1.0).max(width / 2.0 + 1.0));
    let corner = |(i, (x, y)): (usize, &(f64, f64))| format!("{}{x:.0} {y:.0} ", if i == 0 { "M" } else { "L" });
    let d: String = route.iter().enumerate().map(corner).collect();
    let class = match (message.label.error.is_some(), message.label.way) {
        (true, _) => "message error",
        (false, MessageWay::Request) => "message request",
        (false, MessageWay::Response) => "message response",
    };
    Some(Either::Right(view! {
        <g class=class data-testid="message" data-message=number>
            <path d=d />
            <g transform=format!("translate({x:.1} {y:.1})")>
                <rect x=-width / 2.0 y="-10" width=width height="20" rx="10" />
                <text class="s b" y="4" text-anchor="middle">{words}</text>
            </g>
        </g>
    }))
}

/// Brokers talk to each other all the time: of what keeps them together only a dot is seen, unless something comes of it.
fn is_quiet(message: &MessageView) -> bool {
    let label = &message.label;
    matches!((message.from, message.to), (Actor::Broker(_), Actor::Broker(_)))
        && matches!(&*label.api, "Fetch" | "BrokerHeartbeat" | "ApiVersions")
        && label.records == 0
        && label.error.is_none()
}

/// The few words on a message: the API, what it is about, a small square for every record, how it went.
pub fn words(label: &MessageLabel) -> String {
    let mut words = label.api.to_string();
    if let (MessageWay::Request, Some(topic)) = (label.way, &label.topic) {
        words += &format!(" {topic}");
        if let Some(partition) = label.partition {
            words += &format!("-{partition}");
        }
    }
    match (&label.error, label.records) {
        (Some(error), _) => words += &format!(" ✗ {error}"),
        (None, 0) if label.way == MessageWay::Response => words += " ✓",
        (None, 0) => {}
        (None, records @ 1..=4) => words += &format!(" {}", "■".repeat(records as usize)),
        (None, records) => words += &format!(" ■×{records}"),
    }
    words
}

/// The point at a share of the way.
fn along(route: &[(f64, f64)], share: f64) -> (f64, f64) {
    let length = |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).hypot(a.1 - b.1);
    let whole: f64 = route.windows(2).map(|pair| length(pair[0], pair[1])).sum();
    let mut left = whole * share;
    for pair in route.windows(2) {
        let part = length(pair[0], pair[1]);
        if left <= part && part > 0.0 {
            let t = left / part;
            return (pair[0].0 + (pair[1].0 - pair[0].0) * t, pair[0].1 + (pair[1].1 - pair[0].1) * t);
        }
        left -= part;
    }
    route.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::along;

    #[test]
    fn a_message_goes_round_the_corner() {
        let route = [(0.0, 0.0), (0.0, 10.0), (30.0, 10.0)];
        assert_eq!(along(&route, 0.0), (0.0, 0.0));
        assert_eq!(along(&route, 0.25), (0.0, 10.0));
        assert_eq!(along(&route, 0.5), (10.0, 10.0));
        assert_eq!(along(&route, 1.0), (30.0, 10.0));
    }
}
