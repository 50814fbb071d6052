//! The legend: each mark on the stage is said in words, and only the marks that are there.

use crate::say::say;
use crate::{
    stage::{draw::StageData, keys::COLOURS, layout::Scene},
    text,
};
use leptos::prelude::*;
use naru_trace::SortedSet;
use std::sync::Arc;

/// Words for the marks on screen.
#[component]
pub fn Legend(data: StageData, picture: Memo<Arc<Scene>>) -> impl IntoView {
    let items = Memo::new(move |_| {
        let locale = data.locale.get();
        picture.with(|scene| {
            let cells = || scene.lanes.iter().flat_map(|lane| &lane.cells);
            let marks = [
                (cells().any(|cell| cell.filled && cell.colour.is_some()), "k0 filled", text::legend_leader(locale)),
                (cells().any(|cell| cell.colour.is_none()), "k-none filled", text::legend_no_key(locale)),
                (cells().any(|cell| !cell.filled), "k0 hollow", text::legend_follower(locale)),
                (scene.lanes.iter().any(|lane| !lane.batches.is_empty()), "batch", text::legend_batch(locale)),
                (cells().any(|cell| !cell.readable), "k1 faint", text::legend_unread(locale)),
                (!scene.lanes.is_empty(), "next", text::legend_end(locale)),
                (scene.lanes.iter().any(|lane| lane.high_watermark.is_some()), "hw", text::legend_hw(locale)),
                (scene.lanes.iter().any(|lane| lane.out), "late", text::legend_out(locale)),
                (scene.lanes.iter().any(|lane| !lane.epochs.is_empty()), "epoch", text::legend_epoch(locale)),
                (scene.lanes.iter().any(|lane| !lane.markers.is_empty()), "position", text::legend_position(locale)),
                (scene.cards.iter().any(|card| card.down), "down", text::legend_stopped(locale)),
            ];
            marks.into_iter().filter(|it| it.0).map(|it| (it.1, it.2)).collect::<Vec<_>>()
        })
    });
    let keys = Memo::new(move |_| {
        let keys = data.keys.get();
        let here: SortedSet<String> = picture.with(|scene| {
            let records = scene.lanes.iter().flat_map(|lane| &lane.cells).filter_map(|cell| cell.record.key.as_ref());
            records.map(|key| key.text.clone()).collect()
        });
        let shown = keys.names().iter().filter(|key| here.contains(*key)).take(COLOURS * 2);
        shown.map(|key| (keys.colour(key), key.clone())).collect::<Vec<_>>()
    });
    view! {
        <div class="legend" data-testid="legend">
            {move || {
                let item = |(class, words): (&str, &'static str)| {
                    view! { <span><i class=format!("swatch {class}")></i> {words}</span> }
                };
                items.get().into_iter().map(item).collect::<Vec<_>>()
            }}
            <Show when=move || keys.with(|keys| !keys.is_empty()) fallback=|| ()>
                <span class="keys">
                    {say(data.locale, text::legend_keys)} ":"
                    {move || {
                        let item = |(colour, key): (usize, String)| {
                            view! { <span><i class=format!("swatch filled k{colour}")></i> {key}</span> }
                        };
                        keys.get().into_iter().map(item).collect::<Vec<_>>()
                    }}
                </span>
            </Show>
        </div>
    }
}
