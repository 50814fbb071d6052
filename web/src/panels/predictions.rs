//! Predictions: chosen before the run, judged by the engine after it.

use crate::say::{say, told, when, yes_no};
use crate::{
    state::{LabState, Phase},
    text,
};
use leptos::prelude::*;
use naru_labs::{Choice, Prediction, PredictionResult};

/// All questions of the lab.
#[component]
pub fn Predictions(state: LabState) -> impl IntoView {
    if state.lab.predictions.is_empty() {
        return ().into_any();
    }
    let heading = move || match state.phase.get() {
        Phase::Done => text::predicted(state.locale.get()),
        _ => text::predict_first(state.locale.get()),
    };
    let questions: Vec<_> = state.lab.predictions.iter().map(|it| view! { <Question state=state it=it /> }).collect();
    view! {
        <section class="predictions" data-testid="predictions">
            <h3>{heading}</h3>
            <p class="why-predict" class:hidden=when(move || state.phase.get() == Phase::Done)>
                {say(state.locale, text::why_predict)}
            </p>
            {questions}
        </section>
    }
    .into_any()
}

fn result_of(state: LabState, id: &'static str) -> Option<PredictionResult> {
    let ran = state.ran.get()?;
    ran.summary.predictions.iter().find(|result| result.id == id).cloned()
}

#[component]
fn Question(state: LabState, it: &'static Prediction) -> impl IntoView {
    let result = Memo::new(move |_| result_of(state, &it.id));
    let choices: Vec<_> =
        it.choices.iter().map(|choice| view! { <Chip state=state it=it choice=choice result=result /> }).collect();
    let reply = move || {
        let locale = state.locale.get();
        let result = result.get()?;
        let chosen = result.chosen.is_some();
        let words = match &result.correct {
            Some(_) => result.reply.get(locale).to_string(),
            None => text::not_measured(locale).to_string(),
        };
        let mark = match result.right {
            Some(true) => format!("✓ {}. ", text::right(locale)),
            Some(false) => format!("✗ {}. ", text::wrong(locale)),
            None if !chosen && result.correct.is_some() => format!("{} ", text::not_predicted(locale)),
            None => String::new(),
        };
        let class = match result.right {
            Some(true) => "reply right",
            Some(false) => "reply wrong",
            None => "reply",
        };
        Some(view! { <p class=class><b>{mark}</b>{words}</p> })
    };
    view! {
        <div class="question" role="group" aria-label=told(state.locale, &it.question)
            data-testid=format!("prediction-{}", it.id)
            data-right=move || result.with(|it| it.as_ref().map(|it| right_word(it.right)))>
            <p class="ask">{told(state.locale, &it.question)}</p>
            <div class="choices">{choices}</div>
            <div aria-live="polite">{reply}</div>
        </div>
    }
}

fn right_word(right: Option<bool>) -> &'static str {
    match right {
        Some(true) => "true",
        Some(false) => "false",
        None => "unknown",
    }
}

#[component]
fn Chip(
    state: LabState,
    it: &'static Prediction,
    choice: &'static Choice,
    result: Memo<Option<PredictionResult>>,
) -> impl IntoView {
    let picked = move || state.picks.with(|picks| picks.get(&it.id) == Some(&choice.id));
    let correct = move || result.with(|it| it.as_ref().is_some_and(|it| it.correct.as_ref() == Some(&choice.id)));
    // Once the engine has answered, a choice is no prediction any more.
    let answered = move || result.with(|it| it.as_ref().is_some_and(|it| it.correct.is_some()));
    let wrong = move || answered() && picked() && !correct();
    let frozen = move || answered() || state.phase.get() == Phase::Running;
    let pick = move |_| {
        if !frozen() {
            state.picks.update(|picks| {
                picks.insert(it.id.clone(), choice.id.clone());
            });
        }
    };
    let mark = move || match (correct(), wrong()) {
        (true, _) => " ✓",
        (_, true) => " ✗",
        _ => "",
    };
    view! {
        <button
            class="chip"
            class:on=picked
            class:correct=correct
            class:wrong=wrong
            aria-pressed=yes_no(when(picked))
            aria-disabled=yes_no(when(frozen))
            data-testid=format!("prediction-{}-{}", it.id, choice.id)
            on:click=pick
        >
            {told(state.locale, &choice.text)}
            {mark}
        </button>
    }
}
