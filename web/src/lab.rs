//! A lab on the page: the panels together, and the keys.

use crate::{
    locale::{self, Locale},
    panels::{
        chart::Chart,
        editor::Code,
        events::Events,
        goals::Goals,
        header::{Guide, Header},
        help::{self, Help},
        timeline::Timeline,
    },
    stage::draw::{Stage, StageData, Touched},
    state::{LabState, Phase},
    text,
};
use leptos::{ev, html, prelude::*};
use wasm_bindgen::JsCast;

/// The whole lab.
#[component]
pub fn LabPage(state: LabState) -> impl IntoView {
    let editor = NodeRef::<html::Textarea>::new();
    let on_key = move |event: ev::KeyboardEvent| {
        // The book around the lab binds arrows, `s`, `/` and `?` to itself.
        event.stop_propagation();
        if belongs_to_element(&event) {
            return;
        }
        if event.key() == "e" && !event.ctrl_key() && !event.meta_key() && !event.alt_key() {
            event.prevent_default();
            if let Some(editor) = editor.get() {
                state.tab.set(crate::state::Tab::Script);
                let _ = editor.focus();
            }
        } else if help::on_key(state, &event) {
            event.prevent_default();
        }
    };
    let data = StageData {
        view: state.view.into(),
        clock: state.clock.into(),
        keys: Memo::new(move |_| state.keys()).into(),
        touched: Memo::new(move |_| touched(state)).into(),
        locale: state.locale.into(),
        as_text: state.as_text.into(),
        empty: text::stage_empty,
    };
    view! {
        <div class="naru" lang=move || locale::tag(state.locale.get()) tabindex="-1" data-testid="lab"
            data-lab=state.lab.number.clone()
            data-phase=move || phase_word(state.phase.get())
            data-hash=move || state.ran.with(|ran| ran.as_ref().map(|ran| ran.summary.hash.clone()))
            on:keydown=on_key on:keyup=|event| event.stop_propagation() on:keypress=|event| event.stop_propagation()>
            <Header state=state />
            <Guide state=state />
            <Notice state=state />
            <Help state=state />
            <div class="grid">
                <Goals state=state />
                <section class="panel stage" aria-label=move || text::stage(state.locale.get())>
                    <AsText locale=state.locale as_text=state.as_text />
                    <Stage data=data />
                </section>
                <Timeline state=state />
                <Code state=state editor=editor />
                <Events state=state />
            </div>
            <Chart state=state />
        </div>
    }
}

fn touched(state: LabState) -> Touched {
    state.shot.with(|shot| {
        let Some(shot) = shot else { return Touched::default() };
        let actor = shot.frame.current.as_ref().map(|row| row.actor);
        actor.zip(shot.kind.as_ref()).map(|(actor, kind)| Touched::by(actor, kind)).unwrap_or_default()
    })
}

fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Fresh => "fresh",
        Phase::Running => "running",
        Phase::Done => "done",
    }
}

/// Whether a key has a meaning where the focus is: text fields take all of them, buttons take those that press them.
fn belongs_to_element(event: &ev::KeyboardEvent) -> bool {
    let target = event.target().and_then(|it| it.dyn_into::<web_sys::Element>().ok());
    let Some(target) = target else { return false };
    let key = event.key();
    match (target.tag_name().to_lowercase().as_str(), target.get_attribute("type").as_deref()) {
        ("input", Some("range")) => !matches!(key.as_str(), " " | "r" | "e" | "t" | "?"),
        ("input" | "textarea" | "select", _) => true,
        ("button" | "summary" | "a", _) => key == " " || key == "Enter",
        _ => false,
    }
}

/// Picture or tables.
#[component]
pub fn AsText(locale: RwSignal<Locale>, as_text: RwSignal<bool>) -> impl IntoView {
    view! {
        <button class="small as-text" data-testid="as-text" aria-pressed=move || as_text.get().to_string()
            on:click=move |_| as_text.update(|on| *on = !*on)>
            {move || if as_text.get() { text::as_picture(locale.get()) } else { text::as_text(locale.get()) }}
        </button>
    }
}

/// A sentence that is not about an event: running, stopped, failed.
#[component]
fn Notice(state: LabState) -> impl IntoView {
    let words = move || match (state.phase.get(), state.notice.get()) {
        (Phase::Running, _) => text::running(state.locale.get()),
        (_, Some(words)) => words(state.locale.get()),
        _ => "",
    };
    view! {
        <p class="notice" role="status" class:hidden=move || words().is_empty() data-testid="notice">{words}</p>
    }
}
