//! The head of a lab: what it is, and the buttons that concern the whole of it.

use crate::say::{say, told, when, yes_no};
use crate::{
    dom,
    locale::{self, Locale},
    state::{LabState, Phase},
    text,
};
use leptos::prelude::*;

/// Logo, title, rows, seed, and the buttons.
#[component]
pub fn Header(state: LabState) -> impl IntoView {
    let locale = state.locale;
    let crumb = move || {
        let locale = locale.get();
        let rows = state.lab.rows.join(", ");
        format!("{} {} · {} {rows}", text::lab(locale), state.lab.number, text::rows(locale))
    };
    let running = move || state.phase.get() == Phase::Running;
    let run = move |_| if running() { state.cancel() } else { state.run() };
    view! {
        <header class="head">
            <Logo />
            <div class="title">
                <h2>{told(locale, &state.lab.title)}</h2>
                <span class="crumb">{crumb} " · " <Seed state=state /></span>
            </div>
            <span class="spacer"></span>
            <div class="buttons">
                <Share state=state />
                <LanguageButton locale=locale />
                <ThemeButton locale=locale toggle=state.option_function("toggleTheme") />
                <button
                    class="icon"
                    data-testid="help"
                    title=say(locale, text::help)
                    aria-label=say(locale, text::help)
                    aria-expanded=yes_no(when(move || state.help.get()))
                    on:click=move |_| state.help.update(|open| *open = !*open)
                >
                    "?"
                </button>
                <button class="primary run" data-testid="run" aria-busy=yes_no(when(running)) on:click=run>
                    {move || if running() { text::cancel(locale.get()) } else { text::run(locale.get()) }}
                    <span aria-hidden="true">{move || if running() { " ■" } else { " ▸" }}</span>
                </button>
            </div>
        </header>
    }
}

/// Three waves: a river landing.
#[component]
pub fn Logo() -> impl IntoView {
    view! {
        <svg class="logo" width="26" height="26" viewBox="0 0 26 26" role="img" aria-label="Naru">
            <path
                d="M3 8c4-3 6 3 10 0s6 3 10 0M3 14c4-3 6 3 10 0s6 3 10 0M3 20c4-3 6 3 10 0s6 3 10 0"
                fill="none"
                stroke="currentColor"
                stroke-width="2.2"
                stroke-linecap="round"
            />
        </svg>
    }
}

#[component]
fn Seed(state: LabState) -> impl IntoView {
    let locale = state.locale;
    let on_input = move |event| {
        if let Ok(seed) = event_target_value(&event).parse() {
            state.seed.set(seed);
        }
    };
    view! {
        <label class="seed" title=say(locale, text::seed_title)>
            {say(locale, text::seed)}
            <input
                type="number"
                min="0"
                max="9007199254740991"
                data-testid="seed"
                prop:value=move || state.seed.get().to_string()
                on:change=on_input
            />
        </label>
    }
}

#[component]
fn Share(state: LabState) -> impl IntoView {
    let locale = state.locale;
    // None: not shared yet. Some(None): copied. Some(Some(link)): the clipboard refused, so the link is shown.
    let shared = RwSignal::new(None::<Option<String>>);
    let share = move |_| {
        let link = state.permalink();
        wasm_bindgen_futures::spawn_local(async move {
            let copied = dom::copy(&link).await;
            shared.set(Some((!copied).then_some(link)));
            if copied {
                dom::later(2500, move || {
                    let _ = shared.try_set(None);
                });
            }
        });
    };
    let word = move || match shared.get() {
        Some(None) => text::shared(locale.get()),
        _ => text::share(locale.get()),
    };
    let shown = move || {
        shared.get().flatten().map(|link| {
            view! { <input class="link" readonly=true data-testid="link" aria-label=text::share(locale.get()) prop:value=link /> }
        })
    };
    view! {
        {shown}
        <button data-testid="share" aria-live="polite" on:click=share>{word}</button>
    }
}

/// English or Korean.
#[component]
pub fn LanguageButton(locale: RwSignal<Locale>) -> impl IntoView {
    let change = move |_| {
        locale.update(|locale| *locale = locale::other(*locale));
        dom::save("naru-lang", locale::tag(locale.get_untracked()));
    };
    view! {
        <button data-testid="lang" lang=move || locale::tag(locale::other(locale.get()))
            title=say(locale, text::language_title) on:click=change>
            {say(locale, text::other_language)}
        </button>
    }
}

/// Light or dark; inside the book the book decides, and the button is not there.
#[component]
pub fn ThemeButton(locale: RwSignal<Locale>, toggle: Option<js_sys::Function>) -> impl IntoView {
    toggle.map(|toggle| {
        let toggle = StoredValue::new_local(toggle);
        let change = move |_| {
            let _ = toggle.with_value(|toggle| toggle.call0(&wasm_bindgen::JsValue::NULL));
        };
        view! {
            <button data-testid="theme" title=say(locale, text::theme_title) on:click=change>
                {say(locale, text::theme)}
            </button>
        }
    })
}

/// What to do now, in one line: predict, run, watch, repair.
#[component]
pub fn Guide(state: LabState) -> impl IntoView {
    let locale = state.locale;
    let step = move || {
        let predicted = state.picks.with(|picks| picks.len() >= state.lab.predictions.len());
        let passed = state.ran.with(|ran| ran.as_ref().is_some_and(|ran| ran.summary.passed));
        match state.phase.get() {
            Phase::Fresh if !predicted => 1,
            Phase::Fresh | Phase::Running => 2,
            Phase::Done if passed => 5,
            Phase::Done if state.playing.get() => 3,
            Phase::Done => 4,
        }
    };
    let item = move |number: u8, word: fn(Locale) -> &'static str, how: fn(Locale) -> &'static str| {
        view! {
            <li class:now=when(move || step() == number) class:done=when(move || { step() > number })
                aria-current=move || (step() == number).then_some("step")>
                <b>{say(locale, word)}</b>
                <span>{say(locale, how)}</span>
            </li>
        }
    };
    view! {
        <ol class="guide" data-testid="guide" data-step=move || step().to_string()>
            {(!state.lab.predictions.is_empty()).then(|| item(1, text::guide_predict, text::guide_predict_how))}
            {item(2, text::guide_run, text::guide_run_how)}
            {item(3, text::guide_watch, text::guide_watch_how)}
            {item(4, text::guide_repair, text::guide_repair_how)}
            <li class="all-met" class:hidden=when(move || step() != 5)>"✓ " {say(locale, text::guide_done)}</li>
        </ol>
    }
}
