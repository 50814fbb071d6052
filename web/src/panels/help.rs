//! The list of keys, and what they do.

use crate::say::{say, when};
use crate::{state::LabState, text};
use leptos::{ev, prelude::*};

/// The list, when it is open.
#[component]
pub fn Help(state: LabState) -> impl IntoView {
    let row = move |keys: &'static str, word: fn(naru_labs::Locale) -> &'static str| {
        let keys: Vec<_> = keys.split(' ').map(|key| view! { <kbd>{key}</kbd> }).collect();
        view! { <li>{keys} " " {say(state.locale, word)}</li> }
    };
    view! {
        <section class="panel help" class:hidden=when(move || !state.help.get()) data-testid="help-list">
            <h3>{say(state.locale, text::keys_heading)}</h3>
            <ul>
                {row("Space", text::keys_play)}
                {row("← →", text::keys_step)}
                {row("Shift+← Shift+→", text::keys_headline)}
                {row("Home End", text::keys_ends)}
                {row("r", text::keys_run)}
                {row("e", text::keys_editor)}
                {row("d", crate::disk::text::keys_disk)}
                {row("t", text::keys_text)}
                {row("?", text::keys_help)}
            </ul>
        </section>
    }
}

/// What a key does when the focus is inside the lab and not where keys have a meaning of their own. Returns whether it did.
pub fn on_key(state: LabState, event: &ev::KeyboardEvent) -> bool {
    if event.ctrl_key() || event.meta_key() || event.alt_key() {
        return false;
    }
    match (event.key().as_str(), event.shift_key()) {
        (" ", _) => state.toggle_play(),
        ("ArrowLeft", true) => state.previous_headline(),
        ("ArrowRight", true) => state.next_headline(),
        ("ArrowLeft", false) => state.step_back(),
        ("ArrowRight", false) => state.step_forward(),
        ("Home", _) => {
            state.playing.set(false);
            state.show(0);
        }
        ("End", _) => {
            state.playing.set(false);
            state.show(usize::MAX);
        }
        ("r", _) => state.run(),
        ("t", _) => state.as_text.update(|on| *on = !*on),
        ("?", _) => state.help.update(|open| *open = !*open),
        ("Escape", _) => {
            state.help.set(false);
            state.chain.set(None);
        }
        _ => return false,
    }
    true
}
