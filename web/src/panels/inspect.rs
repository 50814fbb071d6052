//! A look into one record.

use crate::{
    disk::{panel::Microscope, text as disk_text},
    locale::Locale,
    stage::draw::{Picked, StageData},
    text,
};
use leptos::prelude::*;
use naru_trace::{CellView, ClusterView, Preview};

/// The record that the reader clicked or moved to, or how to do that.
#[component]
pub fn Inspect(data: StageData, picked: RwSignal<Picked>) -> impl IntoView {
    // Where a disk can be looked at, the record's bytes are one step away.
    let scope = use_context::<Microscope>();
    move || {
        let (topic, partition, offset) = picked.get()?;
        let place = topic.clone();
        let see = scope.filter(|scope| scope.has_disk()).map(|scope| {
            view! {
                <button class="small" data-testid="see-bytes" on:click=move |_| scope.show_record(&place, partition, offset)>
                    {disk_text::see_bytes(data.locale.get())}
                </button>
            }
        });
        let locale = data.locale.get();
        let cell = data.view.with(|view| find(view, &topic, partition, offset))?;
        let row = |word: &'static str, value: String| view! { <div><dt>{word}</dt><dd>{value}</dd></div> };
        Some(view! {
            <div class="inspect" data-testid="inspect" role="status">
                <b>{format!("{} {topic}-{partition} @ {offset}", text::record(locale))}</b>
                <dl>
                    {row(text::offset(locale), offset.to_string())}
                    {row(text::key(locale), preview(&cell.key, locale))}
                    {row(text::value(locale), preview(&cell.value, locale))}
                    {row(text::timestamp(locale), timestamp(cell.timestamp_ms))}
                    {row(text::batch(locale), format!("{} {}", text::batch_from(locale), cell.batch))}
                </dl>
                {see}
                <button class="icon" aria-label=text::close(locale) on:click=move |_| picked.set(None)>"×"</button>
            </div>
        })
    }
}

fn find(view: &ClusterView, topic: &str, partition: i32, offset: i64) -> Option<CellView> {
    let replicas = view.brokers.values().filter_map(|broker| broker.topics.get(topic)?.partitions.get(&partition));
    replicas.flat_map(|replica| &replica.cells).find(|cell| cell.offset == offset).cloned()
}

fn preview(preview: &Option<Preview>, locale: Locale) -> String {
    match preview {
        None => text::null(locale).to_string(),
        Some(it) if it.text.len() < it.length as usize => {
            format!("{}… ({} {})", it.text, it.length, text::bytes(locale))
        }
        Some(it) => format!("{} ({} {})", it.text, it.length, text::bytes(locale)),
    }
}

fn timestamp(ms: i64) -> String {
    let date = js_sys::Date::new(&(ms as f64).into());
    let iso = if date.get_time().is_nan() { String::new() } else { String::from(date.to_iso_string()) };
    format!("{ms} ({iso})")
}
