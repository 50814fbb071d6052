//! "What happened": every event as a sentence, and the chain of causes behind each.

use crate::say::{say, when, yes_no};
use crate::{dom, state::LabState, text};
use leptos::{html, prelude::*};
use naru_labs::{EventRow, Importance};
use std::sync::Arc;

/// How many sentences stand in the list at once. The page would become slow with thousands.
const CHUNK: usize = 150;

/// The list of sentences.
#[component]
pub fn Events(state: LabState) -> impl IntoView {
    let locale = state.locale;
    let least = RwSignal::new(Importance::Headline);
    let chunk = RwSignal::new(0usize);
    let rows = RwSignal::new(Arc::new(Vec::<EventRow>::new()));
    follow_moment(state, least, chunk);
    load_rows(state, least, chunk, rows);
    let count = Memo::new(move |_| match least.get() {
        Importance::Detail => state.total(),
        Importance::Headline => state.ran.with(|ran| ran.as_ref().map_or(0, |ran| ran.headlines.len())),
    });
    let filter = move |to: Importance, id: &'static str, word: fn(naru_labs::Locale) -> &'static str| {
        view! {
            <button class="chip" class:on=when(move || least.get() == to) aria-pressed=yes_no(when(move || least.get() == to))
                data-testid=id on:click=move |_| least.set(to)>
                {say(locale, word)}
            </button>
        }
    };
    let more = move |later: bool| {
        let there = move || if later { (chunk.get() + 1) * CHUNK < count.get() } else { chunk.get() > 0 };
        let go = move |_| {
            state.playing.set(false);
            chunk.update(|chunk| if later { *chunk += 1 } else { *chunk -= 1 });
        };
        view! {
            <Show when=there fallback=|| ()>
                <li class="more">
                    <button on:click=go>{move || if later { text::later(locale.get()) } else { text::earlier(locale.get()) }}</button>
                </li>
            </Show>
        }
    };
    let list = NodeRef::<html::Ol>::new();
    keep_current_in_sight(state, list, rows);
    view! {
        <section class="panel events" aria-label=say(locale, text::what_happened)>
            <div class="events-head">
                <h3>{say(locale, text::what_happened)}</h3>
                <div role="group">
                    {filter(Importance::Headline, "filter-headline", text::filter_headline)}
                    {filter(Importance::Detail, "filter-all", text::filter_all)}
                </div>
            </div>
            <Show when=move || state.total() == 0 fallback=|| ()>
                <p class="empty">{say(locale, text::events_empty)}</p>
            </Show>
            <Chain state=state />
            <ol node_ref=list tabindex="-1">
                {more(false)}
                {move || list_of(state, &rows.get())}
                {more(true)}
            </ol>
        </section>
    }
}

/// The list turns its page when the moment on screen leaves it.
fn follow_moment(state: LabState, least: RwSignal<Importance>, chunk: RwSignal<usize>) {
    Effect::new(move |_| {
        let index = state.index.get();
        let place = match least.get() {
            Importance::Detail => index.saturating_sub(1),
            Importance::Headline => state.ran.with(|ran| {
                ran.as_ref().map_or(0, |ran| ran.headlines.partition_point(|seq| *seq < index).saturating_sub(1))
            }),
        };
        if chunk.get_untracked() != place / CHUNK {
            chunk.set(place / CHUNK);
        }
    });
}

fn load_rows(state: LabState, least: RwSignal<Importance>, chunk: RwSignal<usize>, rows: RwSignal<Arc<Vec<EventRow>>>) {
    Effect::new(move |_| {
        let (least, chunk, _) = (least.get(), chunk.get(), state.locale.get());
        let Some(ran) = state.ran.get() else {
            rows.set(Arc::default());
            return;
        };
        let (first, last) = (chunk * CHUNK, (chunk + 1) * CHUNK);
        let (from, to) = match least {
            Importance::Detail => (first, last.min(ran.times.len())),
            Importance::Headline => {
                let seqs = &ran.headlines;
                let to = seqs.get(last).copied().unwrap_or(ran.times.len());
                (seqs.get(first).copied().unwrap_or(to), to)
            }
        };
        state.rows(from, to, least, move |loaded| rows.set(Arc::new(loaded)));
    });
}

/// The seq of the event on screen.
fn current(state: LabState) -> Option<u64> {
    (state.index.get() as u64).checked_sub(1)
}

/// The list follows the moment on screen, also when the stage above it grows and leaves it less room.
fn keep_current_in_sight(state: LabState, list: NodeRef<html::Ol>, rows: RwSignal<Arc<Vec<EventRow>>>) {
    let size = RwSignal::new(0);
    Effect::new(move |_| {
        if let Some(list) = list.get() {
            let measured = list.clone();
            dom::watch_size(&list, move || {
                let _ = size.try_set(measured.client_height());
            });
        }
    });
    Effect::new(move |_| {
        size.track();
        let (Some(list), Some(now)) = (list.get(), current(state)) else { return };
        let shown = rows.with(|rows| rows.iter().rev().find(|row| row.seq <= now).map(|row| row.seq));
        let Some(seq) = shown else { return };
        if let Ok(Some(row)) = list.query_selector(&format!("[data-seq=\"{seq}\"]")) {
            dom::scroll_to(&list, &row);
        }
    });
}

/// The sentences; each is the current one until the next one's turn has come.
fn list_of(state: LabState, rows: &[EventRow]) -> Vec<impl IntoView + use<>> {
    let next = rows.iter().skip(1).map(|row| row.seq).chain([u64::MAX]);
    rows.iter().zip(next).map(|(row, next)| event_row(state, row, next)).collect()
}

fn event_row(state: LabState, row: &EventRow, next: u64) -> impl IntoView + use<> {
    let seq = row.seq;
    let now = move || current(state).is_some_and(|current| current >= seq && current < next);
    let future = move || current(state).is_none_or(|current| seq > current);
    let go = move |_| {
        state.playing.set(false);
        state.show(seq as usize + 1);
    };
    let has_cause = row.cause.is_some();
    let why = has_cause.then(|| {
        view! {
            <button class="why" data-testid="why" on:click=move |_| state.ask_why(seq)>
                {say(state.locale, text::why)}
            </button>
        }
    });
    let detail = row.importance == Importance::Detail;
    view! {
        <li class="event" class:now=now class:future=future class:detail=detail data-testid="event-row" data-seq=seq
            data-kind=row.kind.clone() aria-current=move || now().then_some("true")>
            <time>{format!("{:.3}", row.at.0 as f64 / 1_000_000.0)}</time>
            <span class="sentence"><button class="go" on:click=go>{row.text.clone()}</button> " " {why}</span>
        </li>
    }
}

/// The chain of causes of one event.
#[component]
fn Chain(state: LabState) -> impl IntoView {
    move || {
        let chain = state.chain.get()?;
        let locale = state.locale.get();
        let rows: Vec<_> = (chain.iter().enumerate())
            .map(|(place, row)| {
                let seq = row.seq;
                let last = place + 1 == chain.len();
                let go = move |_| {
                    state.playing.set(false);
                    state.show(seq as usize + 1);
                };
                view! {
                    <li class:last=last>
                        <time>{format!("{:.3}", row.at.0 as f64 / 1_000_000.0)}</time>
                        <span class="who">{row.actor_name.clone()}</span>
                        <button class="go" on:click=go>{row.text.clone()}</button>
                    </li>
                }
            })
            .collect();
        Some(view! {
            <div class="chain" data-testid="chain">
                <div class="chain-head">
                    <b>{text::why_heading(locale)}</b>
                    <button class="icon" aria-label=text::close(locale) on:click=move |_| state.chain.set(None)>"×"</button>
                </div>
                <ol>{rows}</ol>
            </div>
        })
    }
}
