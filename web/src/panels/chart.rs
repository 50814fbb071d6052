//! Records appended and read over time, as steps. Closed until somebody opens it.
//!
//! Drawn as SVG like the stage: two lines and two axes do not need a library of charts, which would be a fiftieth of the
//! whole download.

use crate::say::{say, when};
use crate::{dom, state::LabState, text};
use leptos::{html, prelude::*};
use naru_labs::{Series, SeriesKind};

/// Height in pixels.
const HEIGHT: f64 = 150.0;
/// Room for the words at the left and below.
const LEFT: f64 = 40.0;
const BELOW: f64 = 22.0;
/// Room at the top and at the right.
const EDGE: f64 = 8.0;

/// The chart in a panel that can be folded.
#[component]
pub fn Chart(state: LabState) -> impl IntoView {
    let holder = NodeRef::<html::Div>::new();
    let width = RwSignal::new(600.0);
    Effect::new(move |_| {
        if let Some(holder) = holder.get() {
            dom::watch_width(&holder, move |now| {
                if now > 80.0 {
                    let _ = width.try_set(now.floor());
                }
            });
        }
    });
    let series =
        Memo::new(move |_| state.ran.with(|ran| ran.as_ref().map(|ran| ran.series.clone()).unwrap_or_default()));
    let scale = Memo::new(move |_| {
        let ends_at = state.ran.with(|ran| ran.as_ref().map_or(1, |ran| ran.summary.ends_at.0.max(1)));
        let most = series.with(|all| all.iter().filter_map(|it| it.points.last()).map(|point| point.1).max());
        Scale { width: width.get(), ends_at, most: most.unwrap_or(0).max(1) }
    });
    let lines = move || {
        let scale = scale.get();
        let line = |(place, it): (usize, &Series)| {
            let class = format!("chart-line k{}", place % crate::stage::keys::COLOURS);
            view! { <path class=class d=scale.steps(&it.points) /> }
        };
        series.with(|all| all.iter().enumerate().map(line).collect::<Vec<_>>())
    };
    let names = move || {
        let locale = state.locale.get();
        let name = |(place, it): (usize, &Series)| {
            let word = match it.kind {
                SeriesKind::Appended => text::chart_appended(locale),
                SeriesKind::Delivered => text::chart_delivered(locale),
            };
            let last = it.points.last().map_or(0, |point| point.1);
            let class = format!("swatch filled k{}", place % crate::stage::keys::COLOURS);
            view! { <span><i class=class></i> {format!("{} · {word} {last}", it.name)}</span> }
        };
        series.with(|all| all.iter().enumerate().map(name).collect::<Vec<_>>())
    };
    let now = move || scale.get().x(state.clock.get() as u64);
    view! {
        <details class="panel chart" class:hidden=when(move || series.with(|all| all.is_empty())) data-testid="chart">
            <summary>{say(state.locale, text::chart)}</summary>
            <div node_ref=holder>
                <svg class="stage-svg" width=move || width.get() height=HEIGHT role="img"
                    aria-label=say(state.locale, text::chart)>
                    {move || axes(scale.get())}
                    {lines}
                    <line class="chart-now" x1=now x2=now y1=EDGE y2=HEIGHT - BELOW />
                </svg>
            </div>
            <div class="legend">{names}</div>
        </details>
    }
}

/// From time and count to pixels.
#[derive(Clone, Copy, PartialEq)]
struct Scale {
    width: f64,
    ends_at: u64,
    most: u64,
}

impl Scale {
    fn x(&self, at: u64) -> f64 {
        LEFT + (self.width - LEFT - EDGE).max(1.0) * at as f64 / self.ends_at as f64
    }

    fn y(&self, count: u64) -> f64 {
        HEIGHT - BELOW - (HEIGHT - BELOW - EDGE) * count as f64 / self.most as f64
    }

    /// Counts jump: a straight line between two points would claim that records came in between.
    fn steps(&self, points: &[(u64, u64)]) -> String {
        let mut path = format!("M{LEFT:.0} {:.0}", self.y(0));
        for (at, count) in points {
            path += &format!(" H{:.1} V{:.1}", self.x(*at), self.y(*count));
        }
        path += &format!(" H{:.1}", self.x(self.ends_at));
        path
    }
}

/// Rules with their counts, and a few times below.
fn axes(scale: Scale) -> impl IntoView {
    let step = scale.most.div_ceil(4).max(1);
    let counts = (0..=scale.most / step).map(|rule| rule * step);
    let rules: Vec<_> = counts
        .map(|count| {
            let y = scale.y(count);
            view! {
                <line class="chart-rule" x1=LEFT x2=scale.width - EDGE y1=y y2=y />
                <text class="s m" x=LEFT - 6.0 y=y + 4.0 text-anchor="end">{count}</text>
            }
        })
        .collect();
    let times: Vec<_> = (0..=4)
        .map(|quarter| {
            let at = scale.ends_at * quarter / 4;
            let anchor = ["start", "middle", "middle", "middle", "end"][quarter as usize];
            let words = format!("{:.3} s", at as f64 / 1e6);
            view! { <text class="s m" x=scale.x(at) y=HEIGHT - 6.0 text-anchor=anchor>{words}</text> }
        })
        .collect();
    view! { {rules} {times} }
}

#[cfg(test)]
mod tests {
    use super::Scale;

    #[test]
    fn a_line_stays_level_until_it_jumps() {
        let scale = Scale { width: 148.0, ends_at: 100, most: 4 };
        assert_eq!(scale.steps(&[(50, 4)]), "M40 128 H90.0 V8.0 H140.0");
    }
}
