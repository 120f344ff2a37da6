//! Line charts as SVG: axes with readable labels, first and last never clipped, data for the script.

mod bars;
mod frame;
mod gaps;
mod heat;
mod numbers;
mod thin;
mod whiskers;

pub(super) use bars::{Bar, bars};
pub(super) use gaps::{places, stretches};
pub(super) use heat::{Heat, heat};
pub(super) use whiskers::{Group, Whisker, whiskers};

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
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Plot<'a> {
    pub title: &'a str,
    pub unit: &'a str,
    pub digits: usize,
    pub axis: Axis,
    pub lines: &'a [Line],
    pub marks: &'a [Mark],
    pub spans: &'a [Span],
    /// Stretches of the x axis without data: shaded, and no line is drawn across one.
    pub gaps: &'a [(f64, f64)],
    /// Values are spaced by their ratio, when all are positive.
    pub log: bool,
    /// Draws the line of zero and keeps it in view.
    pub zero: bool,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 104.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 30.0;
const ROWS: usize = 3;
const COLUMNS: usize = 4;
/// Half of a wide label.
const EDGE: f64 = 45.0;

/// What a template shows: the title, the legend, the drawing and its numbers.
pub(super) fn figure(plot: &Plot<'_>) -> Value {
    let line = |line: &Line| json!({"name": line.name, "class": line.class});
    let torn = gaps::inside(plot).next().is_some();
    let gap = torn.then(|| json!({"name": "no data", "class": "gap"}));
    let legend: Vec<Value> = plot.lines.iter().map(line).chain(gap).collect();
    json!({"title": plot.title, "unit": plot.unit, "legend": legend, "svg": svg(plot, None),
        "numbers": numbers::numbers(plot)})
}

/// [`figure`] whose script asks `source` for more when it zooms into a line that was thinned.
pub(super) fn figure_with_more(plot: &Plot<'_>, source: &str) -> Value {
    let thinned = plot.lines.iter().any(|line| thin::is_thinned(&line.points));
    let mut figure = figure(plot);
    figure["svg"] = svg(plot, thinned.then_some(source)).into();
    figure
}

/// `{line, at, value}` of every line within a range and next to it, thinned as a drawing of that range is.
pub(super) fn points(plot: &Plot<'_>, (from, to): (f64, f64)) -> Vec<Value> {
    let place = |at: f64| match plot.axis {
        Axis::Time => json!(at as i64),
        Axis::Usd => json!(at),
    };
    let of = |line: &Line| {
        let first = line.points.partition_point(|(x, _)| *x < from);
        let last = line.points.partition_point(|(x, _)| *x <= to);
        // The points outside tell where the line enters and leaves.
        let reach = first.saturating_sub(1)..(last + 1).min(line.points.len());
        let kept = line
            .points
            .get(reach)
            .map_or_else(Vec::new, |points| thin::thin(points, plot.gaps));
        let name = &line.name;
        let row = |(at, value)| json!({"line": name, "at": place(at), "value": value});
        kept.into_iter().map(row).collect::<Vec<_>>()
    };
    plot.lines.iter().flat_map(of).collect()
}

fn svg(plot: &Plot<'_>, more: Option<&str>) -> String {
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
    gaps::shades(&mut text, plot, &frame);
    rows(&mut text, plot, &frame);
    columns(&mut text, plot, &frame);
    marks(&mut text, plot, &frame);
    spans(&mut text, plot, &frame);
    for line in plot.lines {
        let points = thin::thin(&line.points, plot.gaps);
        let path: String = gaps::stretches(&points, plot.gaps)
            .map(|points| path(points, &frame))
            .collect();
        let class = line.class;
        let _ = write!(text, "<path class=\"line {class}\" d=\"{path}\"/>");
    }
    let _ = write!(
        text,
        "<line class=\"cross\" y1=\"{TOP}\" y2=\"{}\" visibility=\"hidden\"/></svg>",
        HEIGHT - BOTTOM
    );
    text.push_str(&data(plot, more));
    text
}

/// What lies between two gaps; a single point is a dot.
fn path(points: &[(f64, f64)], frame: &Frame) -> String {
    let place = |(x, y): &(f64, f64)| format!("{:.1} {:.1}", frame.x(*x), frame.y(*y));
    let places: Vec<String> = points.iter().map(place).collect();
    let dot = if points.len() == 1 { "h0" } else { "" };
    format!("M{}{dot}", places.join("L"))
}

fn rows(text: &mut String, plot: &Plot<'_>, frame: &Frame) {
    let ticks = frame.levels(ROWS);
    let digits = plot.digits.max(digits(&ticks));
    let percent = if plot.unit.starts_with('%') { " %" } else { "" };
    for value in ticks {
        level(text, "grid", frame.y(value));
        let _ = write!(
            text,
            "<text class=\"tick end\" x=\"{:.1}\" y=\"{:.1}\">{}{percent}</text>",
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
            label(plot.axis, at, frame.to - frame.from)
        );
    }
}

/// A range of months is told by its days.
const MONTHS_MS: f64 = 60.0 * 86_400_000.0;

fn label(axis: Axis, at: f64, range: f64) -> String {
    match axis {
        Axis::Time if range > MONTHS_MS => format::stamp(at as i64, "%d %b %Y"),
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
        let label = |at: f64| label(plot.axis, at, last.0 - first.0);
        Some(format!(
            "{}: {} {} at {}, {} {} at {}.",
            line.name,
            value(first.1),
            plot.unit,
            label(first.0),
            value(last.1),
            plot.unit,
            label(last.0)
        ))
    };
    let lines = plot.lines.iter().filter_map(sentence);
    let gaps = gaps::inside(plot).map(|gap| format!("{}.", gaps::words(gap)));
    lines.chain(gaps).collect::<Vec<_>>().join(" ")
}

/// The numbers for the crosshair's script: a data block, which no browser executes.
fn data(plot: &Plot<'_>, more: Option<&str>) -> String {
    let lines: Vec<_> = plot
        .lines
        .iter()
        .map(|line| json!({"name": line.name, "points": thin::thin(&line.points, plot.gaps)}))
        .collect();
    let axis = if plot.axis == Axis::Time {
        "time"
    } else {
        "usd"
    };
    let data = json!({"unit": plot.unit, "digits": plot.digits, "axis": axis, "lines": lines, "gaps": plot.gaps, "more": more})
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
        let text = svg(&plot(&[line], &[]), None);
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        assert!(text.contains("<path class=\"line equity\""));
    }

    #[test]
    fn a_long_line_is_thinned_and_tells_where_there_is_more() {
        let line = |count: u32| Line {
            name: "long".into(),
            class: "equity",
            points: (0..count)
                .map(|n| (f64::from(n), f64::from(n % 7)))
                .collect(),
        };
        let (long, short) = ([line(9_000)], [line(90)]);
        let more =
            |lines| figure_with_more(&plot(lines, &[]), "/lab/x?table=long")["svg"].to_string();
        assert!(more(&long).contains("/lab/x?table=long") && !more(&short).contains("/lab/x"));
        let all = points(&plot(&long, &[]), (f64::MIN, f64::MAX));
        assert!(all.len() <= 2_000, "{}", all.len());
        let some = points(&plot(&long, &[]), (1_000.5, 1_009.5));
        let at: Vec<f64> = some.iter().filter_map(|row| row["at"].as_f64()).collect();
        assert_eq!(at, (1_000..=1_010).map(f64::from).collect::<Vec<_>>());
        assert!(points(&plot(&short, &[]), (500.0, 600.0)).len() <= 1);
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
        let text = svg(&plot(&[line], &[mark(500.0), mark(2_000.0)]), None);
        assert!(
            text.contains("at 500") && !text.contains("at 2000"),
            "{text}"
        );
    }
}
