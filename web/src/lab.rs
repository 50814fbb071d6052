//! A lab on the page: the panels together, and the keys.

use crate::say::{say, when};
use crate::{
    disk::panel::{DiskData, Microscope, Source},
    dom,
    injection::Recorded,
    locale,
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
    state::{LabState, Phase, Tab},
    text,
};
use leptos::{ev, html, prelude::*};
use std::rc::Rc;
use wasm_bindgen::JsCast;

/// The whole lab.
#[component]
pub fn LabPage(state: LabState) -> impl IntoView {
    let editor = NodeRef::<html::Textarea>::new();
    let scope = microscope(state);
    let on_key = move |event: ev::KeyboardEvent| {
        // The book around the lab binds arrows, `s`, `/` and `?` to itself.
        event.stop_propagation();
        if belongs_to_element(&event) {
            return;
        }
        if event.key() == "d" && !event.ctrl_key() && !event.meta_key() && !event.alt_key() {
            event.prevent_default();
            scope.open.set(true);
            focus_later(&event, "[role=tree]");
        } else if event.key() == "e" && !event.ctrl_key() && !event.meta_key() && !event.alt_key() {
            event.prevent_default();
            if let Some(editor) = editor.get() {
                state.tab.set(crate::state::Tab::Script);
                let _ = editor.focus();
            }
        } else if help::on_key(state, &event) {
            event.prevent_default();
        }
    };
    let stage = NodeRef::<html::Section>::new();
    show_stage_after_run(state, stage);
    let data = StageData {
        view: state.view.into(),
        clock: state.clock.into(),
        keys: Memo::new(move |_| state.keys()).into(),
        touched: Memo::new(move |_| touched(state)).into(),
        locale: state.locale.into(),
        as_text: state.as_text,
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
            <div class="grid" class:with-disk=when(move || state.tab.get() == Tab::Disk)>
                <div class="column">
                    <section class="panel stage" node_ref=stage aria-label=say(state.locale, text::stage)>
                        <Stage data=data />
                    </section>
                    <Timeline state=state />
                    <Events state=state />
                </div>
                <div class="column">
                    <Goals state=state />
                    <Code state=state editor=editor scope=scope />
                </div>
            </div>
            <Chart state=state />
        </div>
    }
}

/// The microscope of a lab: its tab is open when it is.
fn microscope(state: LabState) -> Microscope {
    let moment = Memo::new(move |_| {
        // Two runs may have the same number of events.
        state.ran.track();
        state.shot.with(|shot| shot.as_ref().map_or(0, |shot| shot.frame.index as u64))
    });
    let source: Rc<dyn Source> = Rc::new(Recorded(state));
    let data = DiskData {
        view: state.view.into(),
        moment: moment.into(),
        locale: state.locale.into(),
        source: StoredValue::new_local(source),
        lab: Some(state),
    };
    let scope = Microscope::new(data);
    provide_context(scope);
    // Whoever opens it opens its tab; another tab closes it.
    Effect::new(move |_| {
        if scope.open.get() && state.tab.get_untracked() != Tab::Disk {
            state.tab.set(Tab::Disk);
        }
    });
    Effect::new(move |_| {
        if state.tab.get() != Tab::Disk && scope.open.get_untracked() {
            scope.open.set(false);
        }
    });
    scope
}

/// Puts the focus on an element that may only now come onto the page.
fn focus_later(event: &ev::KeyboardEvent, selector: &'static str) {
    let root = event.current_target().and_then(|it| it.dyn_into::<web_sys::Element>().ok());
    dom::later(0, move || {
        let found = root.and_then(|root| root.query_selector(selector).ok().flatten());
        if let Some(element) = found.and_then(|it| it.dyn_into::<web_sys::HtmlElement>().ok()) {
            let _ = element.focus();
        }
    });
}

/// In one column the stage may be below the window: a run that begins to play brings it into sight.
fn show_stage_after_run(state: LabState, stage: NodeRef<html::Section>) {
    Effect::new(move |_| {
        let (true, Some(stage)) = (state.playing.get(), stage.get_untracked()) else { return };
        if state.index.get_untracked() == 0 {
            dom::bring_into_sight(&stage);
        }
    });
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

/// A sentence that is not about an event: running, stopped, failed. Where the editor is far below the Run button, an error of
/// the script is said here too.
#[component]
fn Notice(state: LabState) -> impl IntoView {
    let error = move || {
        let error = state.ran.with(|ran| ran.as_ref()?.summary.error.clone())?;
        let locale = state.locale.get();
        let line = error.line.map_or(String::new(), |line| format!("{} {line}: ", text::line(locale)));
        Some(line + error.message.get(locale))
    };
    let script_error =
        move || error().map(|words| view! { <p class="notice script-error" aria-hidden="true">{words}</p> });
    let words = move || match (state.phase.get(), state.notice.get()) {
        (Phase::Running, _) => text::running(state.locale.get()),
        (_, Some(words)) => words(state.locale.get()),
        _ => "",
    };
    view! {
        <p class="notice" role="status" class:hidden=when(move || words().is_empty()) data-testid="notice">{words}</p>
        {script_error}
    }
}
