//! A recording as a chart: records appended and delivered over time, or several readings side by side, each from its own
//! beginning.
//!
//! Drawn by `plotters` when the book is built. Its colours are fixed, so they are ones that show on light and dark pages
//! alike (Okabe and Ito's), and the page's own background shows through. The labs draw their chart themselves.

use crate::html;
use anyhow::{Result, anyhow, bail};
use naru_labs::{Player, Recording, Series, SeriesKind, facts::Facts};
use plotters::prelude::*;

const SIZE: (u32, u32) = (680, 240);
const COLOURS: [RGBColor; 5] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
];
const INK: RGBColor = RGBColor(0x80, 0x80, 0x80);
/// More points than this cannot be told apart at the chart's width.
const POINTS_MAX: usize = 300;

/// What a line counts, in words.
pub fn name(series: &Series) -> String {
    match series.kind {
        SeriesKind::Appended => format!("appended to {}", series.name),
        SeriesKind::Delivered => format!("delivered to {}", series.name),
    }
}

/// A line: its name, and how its count grew over time in microseconds.
struct Line {
    name: String,
    points: Vec<(u64, u64)>,
}

impl Line {
    fn total(&self) -> u64 {
        self.points.last().map_or(0, |point| point.1)
    }
}

/// The chart as SVG, with a sentence for those who cannot see it.
pub fn svg(recording: &Recording) -> Result<String> {
    let series = Player::new(recording.clone()).series(POINTS_MAX);
    let lines: Vec<Line> = series.into_iter().map(|it| Line { name: name(&it), points: it.points }).collect();
    let counts: Vec<String> = lines.iter().map(|line| format!("{} {}", line.total(), line.name)).collect();
    drawn(&lines, "milliseconds of simulated time", &format!("Records over time: {}", counts.join(", ")))
}

/// Every reading that got records, from its own beginning: who needed the disk is the flatter line.
pub fn race(recording: &Recording) -> Result<String> {
    let facts = Facts::of(&recording.events, &[]);
    let readings = facts.storage.readings.iter().filter(|it| it.records > 0);
    let lines = readings.map(|it| {
        let whence = match it.misses {
            0 => "all pages from memory".to_owned(),
            misses => format!("{misses} of {} pages from the disk", it.pages),
        };
        let steps = it.steps.iter().map(|(at, records)| (at.since(it.began), *records));
        let points = core::iter::once((0, 0)).chain(steps).collect();
        Line { name: format!("{}: {whence}", facts.name(it.client)), points }
    });
    let lines: Vec<Line> = lines.collect();
    if lines.len() < 2 {
        bail!("a race needs two readings, and there are {}", lines.len());
    }
    let ends = lines.iter().map(|line| {
        let took = line.points.last().map_or(0.0, |point| millis(point.0));
        format!("{}, {} records after {took:.1} ms", line.name, line.total())
    });
    let ends: Vec<String> = ends.collect();
    drawn(&lines, "milliseconds since the reader began", &format!("Records read over time: {}", ends.join("; ")))
}

fn drawn(lines: &[Line], x: &str, label: &str) -> Result<String> {
    let mut text = String::new();
    draw(lines, x, &mut text).map_err(|error| anyhow!("the chart cannot be drawn: {error}"))?;
    let label = html::escape(label);
    Ok(text.replacen("<svg", &format!("<svg class=\"naru-figure\" role=\"img\" aria-label=\"{label}\""), 1))
}

fn draw(lines: &[Line], x: &str, text: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let last = lines.iter().filter_map(|it| it.points.last());
    let ends_ms = last.clone().map(|point| millis(point.0)).fold(1.0, f64::max);
    let most = last.map(|point| point.1).max().unwrap_or(1).max(1);
    let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
    // Room for the legend above the lines.
    let top = most + 1 + most * lines.len() as u64 / 8;
    let mut chart = ChartBuilder::on(&area)
        .margin(10)
        .x_label_area_size(34)
        .y_label_area_size(40)
        .build_cartesian_2d(0.0..ends_ms * 1.02, 0..top)?;
    let words = ("sans-serif", 12).into_font().color(&INK);
    chart
        .configure_mesh()
        .disable_mesh()
        .axis_style(INK)
        .label_style(words.clone())
        .axis_desc_style(words.clone())
        .x_desc(x)
        .y_desc("records")
        .draw()?;
    for (it, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let line = LineSeries::new(steps(&it.points, ends_ms), colour.stroke_width(2));
        let swatch = |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2));
        chart.draw_series(line)?.label(it.name.clone()).legend(swatch);
    }
    chart.configure_series_labels().label_font(words).position(SeriesLabelPosition::UpperLeft).draw()?;
    area.present()?;
    Ok(())
}

/// A count stays what it is until it changes: corners, not slopes.
fn steps(points: &[(u64, u64)], ends_ms: f64) -> Vec<(f64, u64)> {
    let corners = points.windows(2).flat_map(|pair| [(millis(pair[0].0), pair[0].1), (millis(pair[1].0), pair[0].1)]);
    let end = points.last().into_iter().flat_map(|last| [(millis(last.0), last.1), (ends_ms, last.1)]);
    corners.chain(end).collect()
}

fn millis(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}
