//! The engine's own source, at the very line that emitted the event on screen.

use super::editor::stretches;
use crate::say::when;
use crate::{dom, state::LabState, text, tint};
use leptos::{html, prelude::*};
use naru_trace::Site;
use std::sync::Arc;

/// Lines before and after in the open tab. The page would become slow with whole files.
const AROUND_WHOLE: u32 = 70;
/// Lines before and after, below the script.
const AROUND_EXCERPT: u32 = 4;

/// What is shown: a stretch of a file.
#[derive(Debug, Clone, PartialEq)]
struct Excerpt {
    file: String,
    function: String,
    first: u32,
    lines: Vec<Vec<(tint::Tint, String)>>,
}

/// The source of the event on screen: `whole` in its own tab, otherwise a few lines of it.
#[component]
pub fn Engine(state: LabState, whole: Signal<bool>) -> impl IntoView {
    let locale = state.locale;
    let site = Memo::new(move |_| state.shot.with(|shot| shot.as_ref()?.frame.site.clone()));
    let line = Memo::new(move |_| site.with(|site| site.as_ref().map_or(0, |site| site.line)));
    let excerpt = Memo::new(move |_| {
        let sources = state.sources.get()?;
        let site = site.get()?;
        let source = sources.get(&*site.file)?;
        Some(Arc::new(excerpt(source, &site, whole.get())))
    });
    let scroll = NodeRef::<html::Div>::new();
    Effect::new(move |_| {
        excerpt.track();
        let (Some(scroll), number) = (scroll.get(), line.get()) else { return };
        if let Ok(Some(line)) = scroll.query_selector(&format!("[data-line=\"{number}\"]")) {
            dom::scroll_to(&scroll, &line);
        }
    });
    let path = move || {
        let site = site.get()?;
        let function = excerpt.get().map(|excerpt| excerpt.function.clone()).unwrap_or_default();
        let (file, line, place) = (site.file.to_string(), site.line, format!("{}:{} ", site.file, site.line));
        Some(view! {
            <div class="path" data-testid="site" data-file=file data-line=line>
                {place} <b>{function}</b>
            </div>
        })
    };
    let missing = move || {
        let words = match (site.get(), state.sources.get(), excerpt.get()) {
            (_, _, Some(_)) => return None,
            (None, ..) => text::engine_empty,
            (_, None, _) => text::loading,
            _ => text::engine_missing,
        };
        Some(view! { <p class="empty">{words(locale.get())}</p> })
    };
    let code = move || {
        let excerpt = excerpt.get()?;
        let numbered = excerpt.lines.iter().cloned().zip(excerpt.first..);
        let lines: Vec<_> = numbered
            .map(|(stretch, number)| {
                let now = move || line.get() == number;
                view! { <i class="line" class:now=now data-line=number>{stretches(stretch)} "\n"</i> }
            })
            .collect();
        Some(view! { <pre>{lines}</pre> })
    };
    view! {
        <div class="engine" class:whole=when(move || whole.get()) data-testid="engine">
            {path}
            {missing}
            <div class="source" node_ref=scroll tabindex="0">{code}</div>
        </div>
    }
}

/// The stretch of `source` around a line. In the open tab it begins at round numbers, so that it seldom changes.
fn excerpt(source: &str, site: &Site, whole: bool) -> Excerpt {
    let all: Vec<&str> = source.lines().collect();
    let count = all.len() as u32;
    let line = site.line.clamp(1, count.max(1));
    let (first, last) = if whole {
        let block = (line - 1) / AROUND_WHOLE * AROUND_WHOLE;
        (block.saturating_sub(AROUND_WHOLE / 2) + 1, (block + AROUND_WHOLE * 3 / 2).min(count))
    } else {
        (line.saturating_sub(AROUND_EXCERPT).max(1), (line + AROUND_EXCERPT).min(count))
    };
    let text = all[first as usize - 1..last as usize].join("\n");
    Excerpt { file: site.file.to_string(), function: function_of(&all, line), first, lines: tint::lines(&text) }
}

/// The name of the function that a line is in: the nearest `fn` above it.
fn function_of(lines: &[&str], line: u32) -> String {
    let above = lines[..line as usize].iter().rev();
    let mut names = above.filter_map(|line| {
        let line = line.trim_start();
        let (before, after) = line.split_once("fn ")?;
        let declares = before.is_empty() || before.ends_with(' ') && !before.contains("//");
        let name = &after[..after.find(['(', '<'])?];
        declares.then(|| name.to_string())
    });
    names.next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_around_a_line() {
        let lines = ["pub fn one(a: u8) {", "    a;", "}", "// a fn in words", "fn two<T>() {", "    b;", "}"];
        assert_eq!(function_of(&lines, 2), "one");
        assert_eq!(function_of(&lines, 4), "one");
        assert_eq!(function_of(&lines, 6), "two");
    }

    #[test]
    fn an_excerpt_holds_its_line() {
        let source = (1..=300).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n");
        for line in [1, 69, 70, 71, 140, 141, 299, 300] {
            for whole in [true, false] {
                let site = Site { file: "a.rs".into(), line };
                let excerpt = excerpt(&source, &site, whole);
                let stretches = &excerpt.lines[(line - excerpt.first) as usize];
                let shown: String = stretches.iter().map(|(_, text)| text.as_str()).collect();
                assert_eq!(shown, format!("line {line}"));
            }
        }
    }
}
