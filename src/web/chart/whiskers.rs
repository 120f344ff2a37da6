//! Estimates with their intervals: groups over named places, a whisker for each way to estimate.

use super::frame::{digits, ticks};
use super::{BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH};
use crate::web::format;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// One estimate; its interval contains it.
#[derive(Clone, Debug)]
pub(in crate::web) struct Whisker {
    pub name: &'static str,
    /// Its colour is the style's.
    pub class: &'static str,
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// What stands over one place, and the level it is to be held against.
#[derive(Clone, Debug)]
pub(in crate::web) struct Group {
    pub label: String,
    pub level: Option<f64>,
    pub whiskers: Vec<Whisker>,
}

/// What a template shows: as [`super::figure`], of intervals. `level` says what the broken lines are.
pub(in crate::web) fn whiskers(
    title: &str,
    unit: &str,
    decimals: usize,
    level: &str,
    groups: &[Group],
) -> Value {
    let mut legend: Vec<Value> = Vec::new();
    for one in groups.iter().flat_map(|group| &group.whiskers) {
        let key = json!({"name": one.name, "class": one.class});
        if !legend.contains(&key) {
            legend.push(key);
        }
    }
    legend.push(json!({"name": level, "class": "hold"}));
    json!({
        "title": title, "unit": unit, "legend": legend, "svg": svg(title, decimals, groups),
        "numbers": numbers(title, unit, decimals, level, groups),
    })
}

fn svg(title: &str, decimals: usize, groups: &[Group]) -> String {
    let ends = groups.iter().flat_map(|group| {
        let ends = group.whiskers.iter().flat_map(|one| [one.low, one.high]);
        ends.chain(group.level)
    });
    let (low, high) = ends
        .filter(|end| end.is_finite())
        .fold((0.0_f64, 0.0_f64), |(low, high), end| {
            (low.min(end), high.max(end))
        });
    let pad = ((high - low) * 0.06).max(1e-9);
    let (low, high) = (low - pad, high + pad);
    let y = |value: f64| TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM);
    let height = HEIGHT + ROW * (words(groups).max(1) - 1) as f64;
    let mut text = format!(
        "<svg class=\"chart bars\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}\"><title>{title}</title>"
    );
    let levels = ticks(low, high, 3);
    // Only what tells the ticks apart: longer labels would be clipped on a phone.
    let shown = digits(&levels);
    for level in levels {
        let class = if level == 0.0 { "zero" } else { "grid" };
        let _ = write!(
            text,
            "<line class=\"{class}\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"tick end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            y(level) + 4.0,
            format::grouped(level, shown),
            at = y(level)
        );
    }
    let width = (WIDTH - LEFT - RIGHT) / groups.len().max(1) as f64;
    for (n, group) in groups.iter().enumerate() {
        let x = LEFT + n as f64 * width;
        place(&mut text, group, (x, width), decimals, &y);
    }
    text.push_str("</svg>");
    text
}

/// One group between `x` and `x + width`.
fn place(
    text: &mut String,
    group: &Group,
    (x, width): (f64, f64),
    decimals: usize,
    y: &impl Fn(f64) -> f64,
) {
    if let Some(level) = group.level.filter(|level| level.is_finite()) {
        let _ = write!(
            text,
            "<line class=\"line hold\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>",
            x + width * 0.1,
            x + width * 0.9,
            at = y(level)
        );
    }
    let step = (width * 0.6 / group.whiskers.len().max(1) as f64).min(44.0);
    let first = x + (width - step * (group.whiskers.len().max(1) - 1) as f64) / 2.0;
    for (n, one) in group.whiskers.iter().enumerate() {
        let at = first + n as f64 * step;
        let (low, value, high) = (y(one.low), y(one.value), y(one.high));
        let _ = write!(
            text,
            "<g class=\"whisker {}\"><title>{} {}: {}, {} to {}</title><path d=\"M{at:.1} {low:.1}V{high:.1}M{:.1} {low:.1}h10\
             M{:.1} {high:.1}h10\"/><circle cx=\"{at:.1}\" cy=\"{value:.1}\" r=\"4\"/></g>",
            one.class,
            group.label,
            one.name,
            format::grouped(one.value, decimals),
            format::grouped(one.low, decimals),
            format::grouped(one.high, decimals),
            at - 5.0,
            at - 5.0,
        );
    }
    for (n, word) in group.label.split(' ').enumerate() {
        let _ = write!(
            text,
            "<text class=\"tick middle\" x=\"{:.1}\" y=\"{:.1}\">{word}</text>",
            x + width / 2.0,
            HEIGHT - 8.0 + ROW * n as f64,
        );
    }
}

/// A word of a name stands below the other: side by side, names would cover each other on a phone.
const ROW: f64 = 20.0;

fn words(groups: &[Group]) -> usize {
    let words = groups.iter().map(|group| group.label.split(' ').count());
    words.max().unwrap_or(1)
}

fn numbers(title: &str, unit: &str, decimals: usize, level: &str, groups: &[Group]) -> String {
    let number = |value: f64| format::grouped(value, decimals);
    let mut rows = String::new();
    for group in groups {
        for one in &group.whiskers {
            let _ = write!(
                rows,
                "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td>\
                 <td class=\"num\">{}</td><td class=\"num\">{}</td></tr>",
                group.label,
                one.name,
                number(one.value),
                number(one.low),
                number(one.high),
                group.level.map_or_else(|| format::NONE.to_owned(), number)
            );
        }
    }
    format!(
        "<details class=\"numbers\" data-key=\"numbers {title}\"><summary>Numbers</summary><div class=\"scroll\"><table>\
         <caption>{title}</caption><thead><tr><th></th><th></th><th class=\"num\">{unit}</th><th class=\"num\">Low</th>\
         <th class=\"num\">High</th><th class=\"num\">{level}</th></tr></thead><tbody>{rows}</tbody></table></div></details>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_spans_its_ends_and_contains_its_estimate() {
        let one = |value: f64| Whisker {
            name: "DR",
            class: "run1",
            value,
            low: value - 1.0,
            high: value + 2.0,
        };
        let group = |label: &str, level, whiskers| Group {
            label: label.to_owned(),
            level,
            whiskers,
        };
        let groups = [
            group("greedy", Some(0.5), vec![one(1.0), one(-3.0)]),
            group("uniform", None, Vec::new()),
        ];
        let text = svg("Estimates", 2, &groups);
        assert!(text.contains("viewBox=\"0 0 720 220\""), "{text}");
        let long = [group("greedy BTC moderate", None, Vec::new())];
        let below = svg("Long names", 2, &long);
        assert!(
            below.contains(">BTC<") && below.contains("viewBox=\"0 0 720 260\""),
            "{below}"
        );
        assert_eq!(text.matches("<circle").count(), 2);
        assert_eq!(text.matches("class=\"line hold\"").count(), 1);
        assert!(text.contains("greedy DR: 1.00, 0.00 to 3.00"), "{text}");
        assert!(!text.contains("NaN") && !svg("Nothing", 2, &[]).contains("NaN"));
    }
}
