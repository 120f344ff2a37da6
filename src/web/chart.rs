//! Line charts as SVG: axes with readable labels, first and last never clipped, data for the script.

use super::format;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// One series of (x, y), in the order of x; x is milliseconds on a time axis.
#[derive(Debug)]
pub(super) struct Line {
    pub name: &'static str,
    /// Its colour is the style's.
    pub class: &'static str,
    pub points: Vec<(f64, f64)>,
}

/// An upright line at a place of the x axis, with a word on it.
#[derive(Debug)]
pub(super) struct Mark {
    pub at: f64,
    pub label: String,
    pub class: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    Time,
    /// Prices in USD.
    Usd,
}

/// Lines that share one axis of values in `unit`; labels have `digits` decimals.
#[derive(Debug)]
pub(super) struct Plot<'a> {
    pub title: &'a str,
    pub unit: &'a str,
    pub digits: usize,
    pub axis: Axis,
    pub lines: &'a [Line],
    pub marks: &'a [Mark],
    /// Draws the line of zero and keeps it in view.
    pub zero: bool,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 92.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 30.0;
const ROWS: usize = 4;

/// What a template shows: the title, the legend and the drawing.
pub(super) fn figure(plot: &Plot<'_>) -> Value {
    let legend: Vec<Value> = plot
        .lines
        .iter()
        .map(|line| json!({"name": line.name, "class": line.class}))
        .collect();
    json!({"title": plot.title, "unit": plot.unit, "legend": legend, "svg": svg(plot)})
}

fn svg(plot: &Plot<'_>) -> String {
    let frame = Frame::of(plot);
    let title = plot.title;
    let mut text = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\" data-left=\"{LEFT}\" \
         data-right=\"{}\" data-from=\"{}\" data-to=\"{}\"><title>{title}</title><desc>{}</desc>",
        WIDTH - RIGHT,
        frame.from,
        frame.to,
        described(plot),
    );
    rows(&mut text, plot, &frame);
    columns(&mut text, plot, &frame);
    marks(&mut text, plot, &frame);
    for line in plot.lines {
        let path: Vec<String> = line
            .points
            .iter()
            .map(|(x, y)| format!("{:.1} {:.1}", frame.x(*x), frame.y(*y)))
            .collect();
        let class = line.class;
        let _ = write!(
            text,
            "<path class=\"line {class}\" d=\"M{}\"/>",
            path.join("L")
        );
    }
    let _ = write!(
        text,
        "<line class=\"cross\" y1=\"{TOP}\" y2=\"{}\" visibility=\"hidden\"/></svg>",
        HEIGHT - BOTTOM
    );
    text.push_str(&data(plot));
    text
}

/// Where values stand in the drawing.
struct Frame {
    from: f64,
    to: f64,
    low: f64,
    high: f64,
}

impl Frame {
    fn of(plot: &Plot<'_>) -> Self {
        let all = || plot.lines.iter().flat_map(|line| line.points.iter());
        let range = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::MAX, f64::MIN), |(low, high), value| {
                (low.min(value), high.max(value))
            })
        };
        let (from, to) = range(&mut all().map(|(x, _)| *x));
        let zero = plot.zero.then_some(0.0);
        let (low, high) = range(&mut all().map(|(_, y)| *y).chain(zero));
        let pad = ((high - low) * 0.06).max(high.abs() * 1e-6).max(1e-9);
        Self {
            from,
            to,
            low: low - pad,
            high: high + pad,
        }
    }

    fn x(&self, value: f64) -> f64 {
        let span = (self.to - self.from).max(f64::MIN_POSITIVE);
        LEFT + (value - self.from) / span * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        TOP + (self.high - value) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)
    }
}

fn rows(text: &mut String, plot: &Plot<'_>, frame: &Frame) {
    for row in 0..=ROWS {
        let value = frame.low + (frame.high - frame.low) * row as f64 / ROWS as f64;
        level(text, "grid", frame.y(value));
        let _ = write!(
            text,
            "<text class=\"tick end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT - 8.0,
            frame.y(value) + 4.0,
            format::grouped(value, plot.digits)
        );
    }
    if plot.zero {
        level(text, "zero", frame.y(0.0));
    }
}

fn level(text: &mut String, class: &str, at: f64) {
    let _ = write!(
        text,
        "<line class=\"{class}\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>",
        WIDTH - RIGHT
    );
}

fn columns(text: &mut String, plot: &Plot<'_>, frame: &Frame) {
    for (place, anchor) in [(0.0, "start"), (0.5, "middle"), (1.0, "end")] {
        let at = frame.from + (frame.to - frame.from) * place;
        let _ = write!(
            text,
            "<text class=\"tick {anchor}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            frame.x(at),
            HEIGHT - 8.0,
            label(plot.axis, at)
        );
    }
}

fn label(axis: Axis, at: f64) -> String {
    match axis {
        Axis::Time => format::stamp(at as i64, "%d %b %H:%M"),
        Axis::Usd => format::grouped(at, 0),
    }
}

/// Words beside their lines, each on a row of its own so that close ones do not cover each other.
fn marks(text: &mut String, plot: &Plot<'_>, frame: &Frame) {
    let inside = |mark: &&Mark| (frame.from..=frame.to).contains(&mark.at);
    for (row, mark) in plot.marks.iter().filter(inside).enumerate() {
        let (x, class) = (frame.x(mark.at), mark.class);
        let right = x > WIDTH * 0.6;
        let (anchor, shift) = if right { ("end", -5.0) } else { ("start", 5.0) };
        let _ = write!(
            text,
            "<line class=\"mark {class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>\
             <text class=\"tick {anchor}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            HEIGHT - BOTTOM,
            x + shift,
            HEIGHT - BOTTOM - 8.0 - 20.0 * row as f64,
            mark.label
        );
    }
}

/// The drawing in a sentence per line, for those who do not see it.
fn described(plot: &Plot<'_>) -> String {
    let sentence = |line: &Line| {
        let (first, last) = (line.points.first()?, line.points.last()?);
        let value = |y: f64| format::grouped(y, plot.digits);
        Some(format!(
            "{}: {} {} at {}, {} {} at {}.",
            line.name,
            value(first.1),
            plot.unit,
            label(plot.axis, first.0),
            value(last.1),
            plot.unit,
            label(plot.axis, last.0)
        ))
    };
    let sentences: Vec<String> = plot.lines.iter().filter_map(sentence).collect();
    sentences.join(" ")
}

/// The numbers for the crosshair's script: a data block, which no browser executes.
fn data(plot: &Plot<'_>) -> String {
    let lines: Vec<_> = plot
        .lines
        .iter()
        .map(|line| json!({"name": line.name, "points": line.points}))
        .collect();
    let axis = if plot.axis == Axis::Time {
        "time"
    } else {
        "usd"
    };
    let data = json!({"unit": plot.unit, "digits": plot.digits, "axis": axis, "lines": lines})
        .to_string()
        .replace('<', "\\u003c");
    format!("<script type=\"application/json\">{data}</script>")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot<'a>(lines: &'a [Line], marks: &'a [Mark]) -> Plot<'a> {
        Plot {
            title: "Flat",
            unit: "BTC",
            digits: 4,
            axis: Axis::Time,
            lines,
            marks,
            zero: false,
        }
    }

    #[test]
    fn a_flat_line_has_finite_coordinates() {
        let line = Line {
            name: "flat",
            class: "equity",
            points: vec![(0.0, 2.0), (1_000.0, 2.0)],
        };
        let text = svg(&plot(&[line], &[]));
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        assert!(text.contains("<path class=\"line equity\""));
    }

    #[test]
    fn marks_outside_of_the_drawing_are_left_out() {
        let line = Line {
            name: "flat",
            class: "equity",
            points: vec![(0.0, 2.0), (1_000.0, 3.0)],
        };
        let mark = |at: f64| Mark {
            at,
            label: format!("at {at}"),
            class: "spot",
        };
        let text = svg(&plot(&[line], &[mark(500.0), mark(2_000.0)]));
        assert!(
            text.contains("at 500") && !text.contains("at 2000"),
            "{text}"
        );
    }
}
