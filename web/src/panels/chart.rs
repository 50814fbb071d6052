//! Records appended and read over time, drawn with plotters on a canvas. Closed until somebody opens it.

use crate::{dom, state::LabState, text};
use leptos::{html, prelude::*};
use naru_labs::{Series, SeriesKind};
use plotters::prelude::*;
use plotters_canvas::CanvasBackend;

/// Height of the canvas in pixels.
const HEIGHT: u32 = 150;

/// The chart in a panel that can be folded.
#[component]
pub fn Chart(state: LabState) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    let open = RwSignal::new(false);
    let width = RwSignal::new(0.0);
    let series = move || state.ran.with(|ran| ran.as_ref().map(|ran| ran.series.clone()).unwrap_or_default());
    Effect::new(move |_| {
        let (Some(canvas), true) = (canvas.get(), open.get()) else { return };
        if width.get_untracked() == 0.0
            && let Some(parent) = canvas.parent_element()
        {
            dom::watch_width(&parent, move |now| {
                let _ = width.try_set(now.floor());
            });
        }
        let ends_at = state.ran.with(|ran| ran.as_ref().map_or(1, |ran| ran.summary.ends_at.0.max(1)));
        let width = width.get() as u32;
        if width > 80 {
            canvas.set_width(width);
            canvas.set_height(HEIGHT);
            let clock = state.clock.get();
            // A chart that cannot be drawn leaves an empty canvas; the table of events says the same.
            let _ = draw(&canvas, &series(), ends_at, clock);
        }
    });
    let names = move || {
        let locale = state.locale.get();
        let name = |(place, it): (usize, &Series)| {
            let word = match it.kind {
                SeriesKind::Appended => text::chart_appended(locale),
                SeriesKind::Delivered => text::chart_delivered(locale),
            };
            let last = it.points.last().map_or(0, |point| point.1);
            let colour = colour(place);
            let style = format!("background:rgb({},{},{})", colour.0, colour.1, colour.2);
            view! { <span><i class="swatch" style=style></i> {format!("{} · {word} {last}", it.name)}</span> }
        };
        series().iter().enumerate().map(name).collect::<Vec<_>>()
    };
    let on_toggle = move |_| open.update(|open| *open = !*open);
    view! {
        <details class="panel chart" class:hidden=move || series().is_empty() on:toggle=on_toggle data-testid="chart">
            <summary>{move || text::chart(state.locale.get())}</summary>
            <div><canvas node_ref=canvas role="img" aria-label=move || text::chart(state.locale.get())></canvas></div>
            <div class="legend">{names}</div>
        </details>
    }
}

/// The palette of the stage, in one order for all themes.
fn colour(place: usize) -> RGBColor {
    const PALETTE: [(u8, u8, u8); 6] =
        [(0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0)];
    let (r, g, b) = PALETTE[place % PALETTE.len()];
    RGBColor(r, g, b)
}

type DrawResult = Result<(), Box<dyn std::error::Error>>;

fn draw(canvas: &web_sys::HtmlCanvasElement, series: &[Series], ends_at: u64, clock: f64) -> DrawResult {
    let grey = RGBColor(128, 138, 150);
    let area = CanvasBackend::with_canvas_object(canvas.clone()).ok_or("no canvas")?.into_drawing_area();
    let most = series.iter().filter_map(|it| it.points.last()).map(|point| point.1).max().unwrap_or(1).max(1);
    let seconds = |us: u64| us as f64 / 1e6;
    let style = ("sans-serif", 11).into_font().color(&grey);
    let mut chart = ChartBuilder::on(&area)
        .margin(6)
        .x_label_area_size(22)
        .y_label_area_size(34)
        .build_cartesian_2d(0.0..seconds(ends_at), 0u64..most + most.div_ceil(10))?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(grey.mix(0.25))
        .axis_style(grey)
        .label_style(style)
        .x_label_formatter(&|at| format!("{at:.2} s"))
        .x_labels(6)
        .y_labels(4)
        .draw()?;
    for (place, it) in series.iter().enumerate() {
        let steps = steps(&it.points, ends_at).into_iter().map(|(at, count)| (seconds(at), count));
        chart.draw_series(LineSeries::new(steps, colour(place).stroke_width(2)))?;
    }
    let now = [(clock / 1e6, 0), (clock / 1e6, most + most.div_ceil(10))];
    chart.draw_series(LineSeries::new(now, grey.stroke_width(1)))?;
    area.present()?;
    Ok(())
}

/// Counts jump; a straight line between two points would claim that records came in between.
fn steps(points: &[(u64, u64)], ends_at: u64) -> Vec<(u64, u64)> {
    let mut steps = vec![(0, 0)];
    for (at, count) in points {
        let before = steps.last().map_or(0, |step| step.1);
        steps.push((*at, before));
        steps.push((*at, *count));
    }
    let last = steps.last().map_or(0, |step| step.1);
    steps.push((ends_at, last));
    steps
}
