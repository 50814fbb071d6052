//! Goals: what is to be reached, how it stands after the run, and what to try next.

use super::predictions::Predictions;
use crate::say::{say, told, when};
use crate::{state::LabState, text};
use leptos::prelude::*;
use naru_labs::{Goal, GoalResult};

/// The lab's introduction, its predictions and its goals.
#[component]
pub fn Goals(state: LabState) -> impl IntoView {
    let goals: Vec<_> = state.lab.goals.iter().map(|goal| view! { <OneGoal state=state goal=goal /> }).collect();
    let count = move || {
        let ran = state.ran.get()?;
        let met = ran.summary.goals.iter().filter(|goal| goal.met).count();
        Some(format!("{met}/{}", ran.summary.goals.len()))
    };
    view! {
        <section class="panel goals" aria-label=say(state.locale, text::goals)>
            <p class="intro">{told(state.locale, &state.lab.intro)}</p>
            <Predictions state=state />
            <h3>{say(state.locale, text::goals)} " " <span class="count">{count}</span></h3>
            <ul>{goals}</ul>
        </section>
    }
}

#[component]
fn OneGoal(state: LabState, goal: &'static Goal) -> impl IntoView {
    let result = Memo::new(move |_| -> Option<GoalResult> {
        let ran = state.ran.get()?;
        ran.summary.goals.iter().find(|result| result.id == goal.id).cloned()
    });
    let met = move || result.with(|result| result.as_ref().map(|result| result.met));
    let mark = move || match met() {
        Some(true) => "✓",
        Some(false) => "✗",
        None => "○",
    };
    let state_word = move || match met() {
        Some(true) => text::met(state.locale.get()),
        Some(false) => text::unmet(state.locale.get()),
        None => text::open(state.locale.get()),
    };
    let detail = move || {
        let result = result.get()?;
        let words = result.detail.get(state.locale.get()).to_string();
        (!words.is_empty()).then(|| view! { <span class="detail" data-testid="goal-detail">{words}</span> })
    };
    let hint = move || {
        let words = result.get()?.hint?.get(state.locale.get()).to_string();
        let word = text::hint(state.locale.get());
        // Only the first open goal shows its hint; the others wait to be asked, so that the script stays near.
        let first = state.ran.with(|ran| {
            let unmet = ran.as_ref()?.summary.goals.iter().find(|goal| !goal.met)?;
            Some(unmet.id == goal.id)
        });
        Some(view! {
            <details class="hint" open=first.unwrap_or_default()>
                <summary>{word}</summary>
                <span data-testid="hint">{words}</span>
            </details>
        })
    };
    view! {
        <li
            class="goal"
            class:met=when(move || met() == Some(true))
            class:unmet=when(move || met() == Some(false))
            data-testid=format!("goal-{}", goal.id)
            data-met=move || met().map_or("unknown".to_string(), |met| met.to_string())
        >
            <span class="mark" role="img" aria-label=state_word>{mark}</span>
            <div>
                <span>{told(state.locale, &goal.title)}</span>
                {detail}
                {hint}
            </div>
        </li>
    }
}
