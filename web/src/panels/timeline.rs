//! The timeline: play, step, jump, scrub. Every button has a key; the list of keys is in [`super::help`].

use crate::disk::faults::Injected;
use crate::say::say;
use crate::{locale::Locale, state::LabState, text};
use leptos::prelude::*;
use naru_labs::{Mark, MarkKind};

const SPEEDS: [(f64, &str); 5] = [(0.25, "¼×"), (0.5, "½×"), (1.0, "1×"), (2.0, "2×"), (4.0, "4×")];

/// Buttons, clock and scrubber.
#[component]
pub fn Timeline(state: LabState) -> impl IntoView {
    let locale = state.locale;
    let nothing = move || state.total() == 0;
    let clock = move || format!("{:.3} s", state.clock.get() / 1_000_000.0);
    let place = move || {
        let locale = locale.get();
        format!("{} {} {} {}", text::event(locale), state.index.get(), text::of_events(locale), state.total())
    };
    let play_word = move || {
        let word = if state.playing.get() { text::pause } else { text::play };
        format!("{} {}", if state.playing.get() { "❚❚" } else { "▶" }, word(locale.get()))
    };
    let step = move |words: &'static str, id, title: fn(Locale) -> &'static str, action: fn(LabState)| {
        view! {
            <button data-testid=id title=say(locale, title) aria-label=say(locale, title) disabled=nothing
                on:click=move |_| action(state)>
                {words}
            </button>
        }
    };
    let speed_options: Vec<_> = SPEEDS
        .iter()
        .enumerate()
        .map(|(place, (speed, word))| view! { <option value=place.to_string() selected=*speed == 1.0>{*word}</option> })
        .collect();
    let on_speed = move |event| {
        // Reading a fraction would take tables of 10 KiB.
        let place = event_target_value(&event).parse::<usize>().ok();
        if let Some((speed, _)) = place.and_then(|place| SPEEDS.get(place)) {
            state.speed.set(*speed);
        }
    };
    view! {
        <section class="panel time" aria-label=say(locale, text::timeline)>
            <div class="transport">
                {step("«", "previous-headline", text::previous_headline, LabState::previous_headline)}
                {step("‹", "step-back", text::step_back, LabState::step_back)}
                <button class="primary play" data-testid="play" disabled=nothing on:click=move |_| state.toggle_play()>
                    {play_word}
                </button>
                {step("›", "step-forward", text::step_forward, LabState::step_forward)}
                {step("»", "next-headline", text::next_headline, LabState::next_headline)}
                <label class="speed">
                    <span>{say(locale, text::speed)}</span>
                    <select data-testid="speed" on:change=on_speed>{speed_options}</select>
                </label>
                <span class="clock" data-testid="clock">{clock}</span>
                <span class="crumb" data-testid="place">{place}</span>
            </div>
            <Scrubber state=state />
            <Injected lab=state />
            <p class="now-sentence" aria-live="polite" data-testid="sentence">{sentence_on_screen(state)}</p>
        </section>
    }
}

/// The sentence of the event on screen. While it plays, only headlines are said: a screen reader could not keep up.
fn sentence_on_screen(state: LabState) -> impl Fn() -> String + Clone + 'static {
    let last_headline = StoredValue::new(String::new());
    move || {
        let Some(shot) = state.shot.get() else { return String::new() };
        let Some(row) = &shot.frame.current else { return String::new() };
        let said = !state.playing.get() || row.importance == naru_labs::Importance::Headline;
        if said {
            last_headline.set_value(row.text.clone());
        }
        last_headline.get_value()
    }
}

#[component]
fn Scrubber(state: LabState) -> impl IntoView {
    let locale = state.locale;
    let on_input = move |event| {
        if let Ok(index) = event_target_value(&event).parse::<usize>() {
            state.playing.set(false);
            state.show(index);
        }
    };
    let marks = move || {
        let Some(ran) = state.ran.get() else { return Vec::new() };
        let total = ran.times.len().max(1) as f64;
        ran.summary.marks.iter().map(|it| mark(it, total)).collect::<Vec<_>>()
    };
    let value_text = move || {
        let shot = state.shot.get();
        shot.and_then(|shot| shot.frame.current.as_ref().map(|row| row.text.clone())).unwrap_or_default()
    };
    view! {
        <div class="scrub">
            <input
                type="range"
                min="0"
                max=move || state.total().to_string()
                prop:value=move || state.index.get().to_string()
                disabled=move || state.total() == 0
                data-testid="scrubber"
                aria-label=say(locale, text::scrubber)
                aria-valuetext=value_text
                on:input=on_input
            />
            <svg class="marks" width="100%" height="12" preserveAspectRatio="none" aria-hidden="true">{marks}</svg>
        </div>
    }
}

fn mark(mark: &Mark, total: f64) -> impl IntoView + use<> {
    let class = match mark.kind {
        MarkKind::Refused | MarkKind::Injected => "mark bad",
        MarkKind::Broker => "mark broker",
        MarkKind::Delivered => "mark read",
        MarkKind::Printed => "mark said",
        MarkKind::Topic | MarkKind::Appended => "mark",
    };
    let x = format!("{:.2}%", mark.index as f64 / total * 100.0);
    view! { <rect class=class x=x y="1" width="2" height="9" rx="1" /> }
}
