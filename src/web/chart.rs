//! Line charts as SVG: axes with readable labels, first and last never clipped, data for the script.

mod bars;
mod frame;
mod heat;
mod numbers;
mod thin;

pub(super) use bars::{Bar, bars};
pub(super) use heat::{Heat, heat};

use super::format;
use frame::{Frame, digits, ticks};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::fmt::Write as _;

/// One series of (x, y), in the order of x; x is milliseconds on a time axis.
#[derive(Debug)]
pub(super) struct Line {
    pub name: Cow<'static, str>,
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
    /// The word stands to the left of the line.
    pub left: bool,
}

/// A level that stood from one place to another: a strike, while its call was open.
#[derive(Debug)]
pub(super) struct Span {
    pub from: f64,
    pub to: f64,
    /// Value.
    pub at: f64,
    /// A connector begins here when the span goes on from another one's level.
    pub after: Option<f64>,
    pub class: &'static str,
    /// Shown beside the pointer.
    pub label: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Axis {
    #[default]
    Time,
    /// Prices in USD.
    Usd,
}

/// Lines that share one axis of values in `unit`; labels have `digits` decimals.
#[derive(Debug, Default)]
pub(super) struct Plot<'a> {
    pub title: &'a str,
    pub unit: &'a str,
    pub digits: usize,
    pub axis: Axis,
    pub lines: &'a [Line],
    pub marks: &'a [Mark],
    pub spans: &'a [Span],
    /// Values are spaced by their ratio, when all are positive.
    pub log: bool,
    /// Draws the line of zero and keeps it in view.
    pub zero: bool,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 92.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 30.0;
const ROWS: usize = 3;
const COLUMNS: usize = 4;
/// Half of a wide label.
const EDGE: f64 = 45.0;

/// What a template shows: the title, the legend, the drawing and its numbers.
pub(super) fn figure(plot: &Plot<'_>) -> Value {
    let legend: Vec<Value> = plot
        .lines
        .iter()
        .map(|line| json!({"name": line.name, "class": line.class}))
        .collect();
    json!({"title": plot.title, "unit": plot.unit, "legend": legend, "svg": svg(plot),
        "numbers": numbers::numbers(plot)})
}

fn svg(plot: &Plot<'_>) -> String {
    let frame = Frame::of(plot);
    let title = plot.title;
    let mut text = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" tabindex=\"0\" aria-label=\"{title}\" \
         data-left=\"{LEFT}\" data-right=\"{}\" data-top=\"{TOP}\" data-bottom=\"{}\" data-from=\"{}\" data-to=\"{}\" \
         data-low=\"{}\" data-high=\"{}\" data-log=\"{}\"><title>{title}</title><desc>{}</desc>",
        WIDTH - RIGHT,
        HEIGHT - BOTTOM,
        frame.from,
        frame.to,
        frame.low,
        frame.high,
        u8::from(frame.log()),
        described(plot),
    );
    rows(&mut text, plot, &frame);
    columns(&mut text, plot, &frame);
    marks(&mut text, plot, &frame);
    spans(&mut text, plot, &frame);
    for line in plot.lines {
        let path: Vec<String> = thin::thin(&line.points)
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

fn rows(text: &mut String, plot: &Plot<'_>, frame: &Frame) {
    let ticks = frame.levels(ROWS);
    let digits = plot.digits.max(digits(&ticks));
    for value in ticks {
        level(text, "grid", frame.y(value));
        let _ = write!(
            text,
            "<text class=\"tick end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT - 8.0,
            frame.y(value) + 4.0,
            format::grouped(value, digits)
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
    let places = match plot.axis {
        Axis::Time => vec![frame.from, f64::midpoint(frame.from, frame.to), frame.to],
        Axis::Usd => ticks(frame.from, frame.to, COLUMNS),
    };
    for at in places {
        let x = frame.x(at);
        // A label never leaves the drawing.
        let anchor = if x < LEFT + EDGE {
            "start"
        } else if x > WIDTH - RIGHT - EDGE {
            "end"
        } else {
            "middle"
        };
        let _ = write!(
            text,
            "<text class=\"tick place {anchor}\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
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

/// Words beside their lines; those to the left stand lower, so that close ones do not cover each other.
fn marks(text: &mut String, plot: &Plot<'_>, frame: &Frame) {
    let inside = |mark: &&Mark| (frame.from..=frame.to).contains(&mark.at);
    for mark in plot.marks.iter().filter(inside) {
        let (x, class) = (frame.x(mark.at), mark.class);
        let left = mark.left || x > WIDTH * 0.75;
        let (anchor, shift) = if left { ("end", -5.0) } else { ("start", 5.0) };
        let _ = write!(
            text,
            "<g class=\"mark\" data-at=\"{}\" data-x=\"{x:.1}\"><line class=\"mark {class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" \
             y1=\"{TOP}\" y2=\"{:.1}\"/><text class=\"tick {anchor}\" x=\"{:.1}\" y=\"{:.1}\">{}</text></g>",
            mark.at,
            HEIGHT - BOTTOM,
            x + shift,
            HEIGHT - BOTTOM - if mark.left { 8.0 } else { 28.0 },
            mark.label
        );
    }
}

/// Strike lines with their connectors; the script moves both when the range changes.
fn spans(text: &mut String, plot: &Plot<'_>, frame: &Frame) {
    for span in plot.spans {
        let (from, to, y) = (frame.x(span.from), frame.x(span.to), frame.y(span.at));
        let rise = span.after.map_or(y, |after| frame.y(after));
        let _ = write!(
            text,
            "<path class=\"span {}\" data-from=\"{}\" data-to=\"{}\" data-y=\"{y:.1}\" data-rise=\"{rise:.1}\" \
             d=\"M{from:.1} {rise:.1}V{y:.1}H{to:.1}\"><title>{}</title></path>",
            span.class, span.from, span.to, span.label
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
        .map(|line| json!({"name": line.name, "points": thin::thin(&line.points)}))
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
            ..Plot::default()
        }
    }

    #[test]
    fn a_flat_line_has_finite_coordinates() {
        let line = Line {
            name: "flat".into(),
            class: "equity",
            points: vec![(0.0, 2.0), (1_000.0, 2.0)],
        };
        let text = svg(&plot(&[line], &[]));
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        assert!(text.contains("<path class=\"line equity\""));
    }

    #[test]
    fn ticks_are_round_and_told_apart() {
        let found = ticks(1.99987, 2.00004, 3);
        assert!(found.len() >= 3, "{found:?}");
        let labels: Vec<String> = found
            .iter()
            .map(|tick| format::grouped(*tick, digits(&found)))
            .collect();
        let mut distinct = labels.clone();
        distinct.dedup();
        assert_eq!(labels, distinct);
        assert_eq!(ticks(-620.0, 1_130.0, 3), [-500.0, 0.0, 500.0, 1_000.0]);
    }

    #[test]
    fn marks_outside_of_the_drawing_are_left_out() {
        let line = Line {
            name: "flat".into(),
            class: "equity",
            points: vec![(0.0, 2.0), (1_000.0, 3.0)],
        };
        let mark = |at: f64| Mark {
            at,
            label: format!("at {at}"),
            class: "spot",
            left: true,
        };
        let text = svg(&plot(&[line], &[mark(500.0), mark(2_000.0)]));
        assert!(
            text.contains("at 500") && !text.contains("at 2000"),
            "{text}"
        );
    }
}
