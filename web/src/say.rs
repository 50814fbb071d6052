//! Values that follow a signal, of few types.
//!
//! Every closure in a view has a type of its own, and everything that Leptos does with it is compiled once more for each of
//! them. What stands in dozens of places goes through these functions instead: one type, a smaller download.

use crate::locale::Locale;
use leptos::prelude::*;
use naru_labs::Text;

/// A text in both languages: a function of [`crate::text`].
pub type Word = fn(Locale) -> &'static str;

/// A text that follows the language.
pub fn say(locale: impl Into<Signal<Locale>>, word: Word) -> impl Fn() -> &'static str + Copy + Send + Sync + 'static {
    spoken(locale.into(), word)
}

fn spoken(locale: Signal<Locale>, word: Word) -> impl Fn() -> &'static str + Copy + Send + Sync + 'static {
    move || word(locale.get())
}

/// A lab's own words, in the language of the page.
pub fn told(locale: RwSignal<Locale>, text: &'static Text) -> impl Fn() -> &'static str + Copy + Send + Sync + 'static {
    move || text.get(locale.get())
}

/// A condition: for classes, and for [`yes_no`].
pub fn when(condition: impl Fn() -> bool + Send + Sync + 'static) -> Signal<bool> {
    Signal::derive(condition)
}

/// A condition as attributes of accessibility want it.
pub fn yes_no(condition: Signal<bool>) -> impl Fn() -> &'static str + Copy + Send + Sync + 'static {
    move || if condition.get() { "true" } else { "false" }
}
