//! What can be done to a simulated disk at the moment on screen: change a byte, pull the plug, start again.
//!
//! Each deed becomes part of the run: it is made again with one more action, and shown from there.

use super::{panel::Microscope, text, window};
use crate::{
    say::{Word, say, when},
    state::LabState,
};
use leptos::{ev, html, prelude::*};
use naru_labs::Action;
use naru_trace::BrokerState;

/// The byte editor and the buttons.
#[component]
pub fn Faults(scope: Microscope, lab: LabState) -> impl IntoView {
    let locale = scope.data.locale;
    let is_up = when(move || {
        let broker = scope.broker();
        scope.data.view.with(|view| view.brokers.get(&broker).is_some_and(|it| it.state == BrokerState::Running))
    });
    let button = move |word: Word, title: Word, id: &'static str, needs_up: bool, action: fn(i32) -> Action| {
        let disabled = move || is_up.get() != needs_up;
        let act = move |_| lab.inject(action(untrack(|| scope.broker())));
        view! {
            <button class="small" data-testid=id title=say(locale, title) disabled=disabled on:click=act>
                {say(locale, word)}
            </button>
        }
    };
    view! {
        <section class="faults" aria-label=say(locale, text::faults) data-testid="faults">
            <h3>{say(locale, text::faults)}</h3>
            <ByteEditor scope=scope lab=lab />
            <div class="fault-buttons">
                {button(text::crash, text::crash_how, "inject-crash", true, |broker| Action::Crash { broker })}
                {button(text::power_loss, text::power_loss_how, "inject-power-loss", true, |broker| {
                    Action::PowerLoss { broker, torn: true }
                })}
                {button(text::start, text::start_how, "inject-start", false, |broker| Action::Restart { broker })}
                {button(text::drop_caches, text::drop_caches_how, "inject-drop-caches", true, |broker| {
                    Action::DropCaches { broker }
                })}
            </div>
        </section>
    }
}

/// The byte under the cursor, and what it is to become.
#[component]
fn ByteEditor(scope: Microscope, lab: LabState) -> impl IntoView {
    let locale = scope.data.locale;
    let typed = RwSignal::new(String::new());
    let input = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        if let (true, Some(input)) = (scope.edit_wanted.get() > 0, input.get()) {
            let _ = input.focus();
            input.select();
        }
    });
    let now = move || {
        let cursor = scope.cursor.get();
        scope.bytes.with(|bytes| {
            let bytes = bytes.as_ref()?;
            bytes.bytes.get(usize::try_from(cursor.checked_sub(bytes.position)?).ok()?).copied()
        })
    };
    let wanted = move || window::byte_typed(&typed.get());
    let is_same = move || now().is_some() && now() == wanted();
    let damage = move || {
        let (Some(_), Some(value), false) = untrack(|| (now(), wanted(), is_same())) else { return };
        let (broker, path) = untrack(|| (scope.broker(), scope.path.get()));
        lab.inject(Action::EditByte { broker, path, position: scope.cursor.get_untracked(), value });
        typed.set(String::new());
    };
    let on_key = move |event: ev::KeyboardEvent| {
        if event.key() == "Enter" {
            event.prevent_default();
            damage();
        }
    };
    let placeholder = move || now().map(|byte| format!("{byte:02x}"));
    view! {
        <div class="byte-editor" class:hidden=when(move || now().is_none())>
            <label>
                {say(locale, text::edit)} " " <b>{move || scope.cursor.get().to_string()}</b> " " {say(locale, text::edit_to)}
                <input type="text" size="3" maxlength="4" autocomplete="off" spellcheck="false" node_ref=input
                    data-testid="byte-value" placeholder=placeholder prop:value=move || typed.get()
                    on:input=move |event| typed.set(event_target_value(&event)) on:keydown=on_key />
            </label>
            <button class="small primary" data-testid="damage" disabled=move || wanted().is_none() || is_same()
                on:click=move |_| damage()>
                {say(locale, text::damage)}
            </button>
            <small class:hidden=when(move || !is_same())>{say(locale, text::same_value)}</small>
        </div>
    }
}

/// What was done by hand in this run, each with a button that takes it out again.
#[component]
pub fn Injected(lab: LabState) -> impl IntoView {
    let locale = lab.locale;
    let items = move || {
        let locale = locale.get();
        let item = |(number, injected): (usize, &naru_labs::InjectedAction)| {
            let what = injected.action.describe();
            let after =
                injected.after.map_or(String::new(), |seq| format!("{} {} · ", text::after_event(locale), seq + 1));
            let label = format!("{}: {what}", text::remove(locale));
            view! {
                <li data-testid="injected">
                    <span>{after} {what}</span>
                    <button class="small" aria-label=label on:click=move |_| lab.take_out(number)>{text::remove(locale)}</button>
                </li>
            }
        };
        lab.actions.with(|actions| actions.iter().enumerate().map(item).collect::<Vec<_>>())
    };
    view! {
        <div class="injected" class:hidden=when(move || lab.actions.with(Vec::is_empty))>
            <h3>{say(locale, text::injected)}</h3>
            <ul>{items}</ul>
        </div>
    }
}
