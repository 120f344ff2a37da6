//! Line charts as SVG: axes with readable labels, first and last never clipped, data for the script.

use super::format;
use serde_json::json;
use std::fmt::Write as _;

/// One series: (at_ms, value), oldest first.
#[derive(Debug)]
pub(super) struct Line {
    pub name: &'static str,
    /// Its colour is the style's.
    pub class: &'static str,
    pub points: Vec<(i64, f64)>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 26.0;
const ROWS: usize = 4;

/// The chart of lines that share one axis in `unit`; labels have `digits` decimals.
pub(super) fn svg(title: &str, unit: &str, digits: usize, lines: &[Line]) -> String {
    let all = || lines.iter().flat_map(|line| line.points.iter());
    let (from_ms, to_ms) = all().fold((i64::MAX, i64::MIN), |(low, high), (at_ms, _)| {
        (low.min(*at_ms), high.max(*at_ms))
    });
    let (low, high) = all().fold((f64::MAX, f64::MIN), |(low, high), (_, value)| {
        (low.min(*value), high.max(*value))
    });
    let pad = ((high - low) * 0.06).max(high.abs() * 1e-6).max(1e-9);
    let (low, high) = (low - pad, high + pad);
    let x = |at_ms: i64| {
        LEFT + (at_ms - from_ms) as f64 / ((to_ms - from_ms).max(1)) as f64 * (WIDTH - LEFT - RIGHT)
    };
    let y = |value: f64| TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM);
    let mut text = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\" data-left=\"{LEFT}\" \
         data-right=\"{}\" data-from=\"{from_ms}\" data-to=\"{to_ms}\"><title>{title}</title>",
        WIDTH - RIGHT
    );
    for row in 0..=ROWS {
        let value = low + (high - low) * row as f64 / ROWS as f64;
        let at = y(value);
        let _ = write!(
            text,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text class=\"tick end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            at + 4.0,
            format::grouped(value, digits)
        );
    }
    for (place, anchor) in [(0.0, "start"), (0.5, "middle"), (1.0, "end")] {
        let at_ms = from_ms + ((to_ms - from_ms) as f64 * place) as i64;
        let _ = write!(
            text,
            "<text class=\"tick {anchor}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            x(at_ms),
            HEIGHT - 6.0,
            format::stamp(at_ms, "%d %b %y %H:%M")
        );
    }
    for line in lines {
        let path: Vec<String> = line
            .points
            .iter()
            .map(|(at_ms, value)| format!("{:.1} {:.1}", x(*at_ms), y(*value)))
            .collect();
        let _ = write!(
            text,
            "<path class=\"line {}\" d=\"M{}\"/>",
            line.class,
            path.join("L")
        );
    }
    text.push_str("<line class=\"cross\" y1=\"10\" y2=\"174\" visibility=\"hidden\"/></svg>");
    let data: Vec<_> = lines
        .iter()
        .map(|line| json!({"name": line.name, "points": line.points}))
        .collect();
    let data = json!({"unit": unit, "digits": digits, "lines": data})
        .to_string()
        .replace('<', "\\u003c");
    let _ = write!(text, "<script type=\"application/json\">{data}</script>");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_line_has_finite_coordinates() {
        let line = Line {
            name: "flat",
            class: "equity",
            points: vec![(0, 2.0), (1_000, 2.0)],
        };
        let text = svg("Flat", "BTC", 4, &[line]);
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        assert!(text.contains("<path class=\"line equity\""));
    }
}
