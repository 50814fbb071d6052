//! The code panel: the learner's script in an editor, and the engine's source in a second tab.
//!
//! The editor is a plain `<textarea>` with transparent text over a coloured copy of itself: spelling, undo, input methods and
//! screen readers work as everywhere. The copy decides the size, so that the two never scroll apart.

use super::engine::Engine;
use crate::disk::{
    panel::{Disk, Microscope},
    text as disk_text,
};
use crate::say::{say, when, yes_no};
use crate::{
    dom,
    state::{LabState, Tab},
    text, tint,
};
use leptos::{ev, html, prelude::*};
use naru_labs::ScriptError;

/// Script, engine, output.
#[component]
pub fn Code(state: LabState, editor: NodeRef<html::Textarea>, scope: Microscope) -> impl IntoView {
    let locale = state.locale;
    let tab = move |which: Tab, id: &'static str, word: fn(naru_labs::Locale) -> &'static str| {
        let open = move || state.tab.get() == which;
        let choose = move |_| {
            state.tab.set(which);
            scope.open.set(which == Tab::Disk);
            state.load_sources();
        };
        view! {
            <button role="tab" class="tab" class:on=open aria-selected=yes_no(when(open)) data-testid=id on:click=choose>
                {say(locale, word)}
            </button>
        }
    };
    let script_tab = move || state.tab.get() == Tab::Script;
    let disk_tab = move || state.tab.get() == Tab::Disk;
    let shows_disk = move || state.lab.disk || scope.has_disk();
    view! {
        <section class="panel code" aria-label=say(locale, text::code)>
            <div class="tabs" role="tablist">
                {tab(Tab::Script, "tab-script", text::script_tab)}
                {tab(Tab::Engine, "tab-engine", text::engine_tab)}
                <span class:hidden=when(move || !shows_disk())>{tab(Tab::Disk, "tab-disk", disk_text::disk)}</span>
                <span class="spacer"></span>
                <button class="small primary" data-testid="run-again" class:hidden=when(move || !state.is_edited())
                    on:click=move |_| state.run()>
                    {say(locale, text::run_again)}
                    <span aria-hidden="true">" ▸"</span>
                </button>
                <button class="small" data-testid="reset" class:hidden=when(move || !script_tab() || !differs(state))
                    on:click=move |_| state.reset()>
                    {say(locale, text::reset)}
                </button>
            </div>
            <div class:hidden=when(move || !script_tab())>
                <ErrorBox state=state />
                <Editor state=state area=editor />
                <Printed state=state />
            </div>
            <div class:hidden=when(disk_tab)>
                <Engine state=state whole=Signal::derive(move || !script_tab()) />
            </div>
            <Show when=disk_tab fallback=|| ()><Disk scope=scope /></Show>
        </section>
    }
}

fn differs(state: LabState) -> bool {
    state.script.with(|script| *script != state.lab.start)
        || state.seed.get() != state.lab.seed
        || !state.actions.with(Vec::is_empty)
}

fn error_of(state: LabState) -> Option<ScriptError> {
    state.ran.with(|ran| ran.as_ref()?.summary.error.clone())
}

#[component]
fn Editor(state: LabState, area: NodeRef<html::Textarea>) -> impl IntoView {
    let scroll = NodeRef::<html::Div>::new();
    let script_line = Memo::new(move |_| {
        let unchanged = state.ran_script.with(|ran| state.script.with(|script| ran == script));
        let shot = state.shot.get().filter(|_| unchanged)?;
        shot.frame.script_line
    });
    let error_line = Memo::new(move |_| error_of(state).filter(|_| !state.is_edited()).and_then(|error| error.line));
    let coloured = move || {
        let lines = state.script.with(|script| tint::lines(script));
        (lines.into_iter().zip(1u32..))
            .map(|(line, number)| {
                let now = move || script_line.get() == Some(number);
                let wrong = move || error_line.get() == Some(number);
                view! { <i class="line" class:now=now class:wrong=wrong data-line=number>{stretches(line)} "\n"</i> }
            })
            .collect::<Vec<_>>()
    };
    Effect::new(move |_| {
        let (Some(scroll), Some(number)) = (scroll.get(), script_line.get()) else { return };
        if let Ok(Some(line)) = scroll.query_selector(&format!("[data-line=\"{number}\"]")) {
            dom::scroll_to(&scroll, &line);
        }
    });
    let on_key = move |event: ev::KeyboardEvent| {
        if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
            event.prevent_default();
            state.run();
        } else if event.key() == "Escape"
            && let Some(area) = area.get()
        {
            let _ = area.blur();
            focus_root(&area);
        }
    };
    view! {
        <div class="editor" node_ref=scroll>
            <div class="sheet">
                <pre aria-hidden="true">{coloured}</pre>
                <textarea
                    node_ref=area
                    data-testid="editor"
                    spellcheck="false"
                    autocomplete="off"
                    autocapitalize="off"
                    wrap="off"
                    aria-label=say(state.locale, text::editor)
                    prop:value=move || state.script.get()
                    on:input=move |event| state.script.set(event_target_value(&event))
                    on:keydown=on_key
                ></textarea>
            </div>
        </div>
    }
}

/// Leaves the editor for the lab around it, where keys play and step.
fn focus_root(area: &web_sys::HtmlTextAreaElement) {
    use wasm_bindgen::JsCast;
    if let Ok(Some(root)) = area.closest(".naru")
        && let Some(root) = root.dyn_ref::<web_sys::HtmlElement>()
    {
        let _ = root.focus();
    }
}

/// Coloured stretches of a line.
pub fn stretches(line: Vec<(tint::Tint, String)>) -> impl IntoView {
    let stretch = |(tint, text): (tint::Tint, String)| view! { <span class=tint.class()>{text}</span> };
    line.into_iter().map(stretch).collect::<Vec<_>>()
}

#[component]
fn ErrorBox(state: LabState) -> impl IntoView {
    move || {
        let error = error_of(state)?;
        let locale = state.locale.get();
        let place = error.line.map(|line| format!("{} {line}: ", text::line(locale)));
        let help = error.help.as_ref().map(|help| help.get(locale).to_string());
        Some(view! {
            <div class="error" role="alert" data-testid="error" data-line=error.line data-kafka=error.kafka.clone()>
                <b>{place}</b>
                {error.message.get(locale).to_string()}
                {help.map(|help| view! { <p>{help}</p> })}
            </div>
        })
    }
}

#[component]
fn Printed(state: LabState) -> impl IntoView {
    move || {
        let ran = state.ran.get()?;
        let locale = state.locale.get();
        let seen = state.index.get() as u64;
        let lines: Vec<_> = (ran.summary.printed.iter())
            .map(|line| {
                let future = line.seq.is_some_and(|seq| seq >= seen);
                view! { <div class:future=future data-testid="printed-line">{line.text.clone()}</div> }
            })
            .collect();
        let nothing = lines.is_empty().then(|| view! { <div class="m">{text::printed_nothing(locale)}</div> });
        Some(view! {
            <div class="printed" data-testid="printed">
                <h3>{text::printed(locale)}</h3>
                <div class="out">{lines} {nothing}</div>
            </div>
        })
    }
}
