//! Upright bars over named places: histograms, attribution, results by bucket.

use super::frame::{digits, ticks};
use super::{BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH};
use crate::web::format;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// One bar; `label` stands under it, `note` beside the pointer.
#[derive(Clone, Debug)]
pub(in crate::web) struct Bar {
    pub label: String,
    pub value: f64,
    pub note: String,
}

/// Labels under the axis at most; more would cover each other.
const LABELS_MAX: usize = 8;

/// What a template shows: as [`super::figure`], of bars.
pub(in crate::web) fn bars(title: &str, unit: &str, decimals: usize, bars: &[Bar]) -> Value {
    let numbers = numbers(title, unit, decimals, bars);
    json!({"title": title, "unit": unit, "legend": [], "svg": svg(title, decimals, bars), "numbers": numbers})
}

fn svg(title: &str, decimals: usize, bars: &[Bar]) -> String {
    let values = || {
        bars.iter()
            .map(|bar| bar.value)
            .filter(|value| value.is_finite())
    };
    let high = values().fold(0.0, f64::max);
    let low = values().fold(0.0, f64::min);
    let pad = ((high - low) * 0.06).max(1e-9);
    let (low, high) = (if low < 0.0 { low - pad } else { 0.0 }, high + pad);
    let y = |value: f64| TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM);
    let mut text = format!(
        "<svg class=\"chart bars\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\"><title>{title}</title>"
    );
    let levels = ticks(low, high, 3);
    let shown = decimals.max(digits(&levels));
    for level in levels {
        let _ = write!(
            text,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"tick end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            y(level) + 4.0,
            format::grouped(level, shown),
            at = y(level)
        );
    }
    let width = (WIDTH - LEFT - RIGHT) / bars.len().max(1) as f64;
    let every = bars.len().div_ceil(LABELS_MAX).max(1);
    for (n, bar) in bars
        .iter()
        .enumerate()
        .filter(|(_, bar)| bar.value.is_finite())
    {
        let (x, zero) = (LEFT + n as f64 * width, y(0.0));
        let (top, class) = if bar.value < 0.0 {
            (zero, "loss")
        } else {
            (y(bar.value), "gain")
        };
        let _ = write!(
            text,
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{}: {} {}</title></rect>",
            x + width * 0.1,
            width * 0.8,
            (y(bar.value) - zero).abs(),
            bar.label,
            format::grouped(bar.value, decimals),
            bar.note
        );
        if n % every == 0 {
            let _ = write!(
                text,
                "<text class=\"tick middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                x + width / 2.0,
                HEIGHT - 8.0,
                bar.label
            );
        }
    }
    let _ = write!(
        text,
        "<line class=\"zero\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/></svg>",
        WIDTH - RIGHT,
        at = y(0.0)
    );
    text
}

fn numbers(title: &str, unit: &str, decimals: usize, bars: &[Bar]) -> String {
    let mut rows = String::new();
    for bar in bars {
        let value = format::grouped(bar.value, decimals);
        let (label, note) = (&bar.label, &bar.note);
        let _ = write!(
            rows,
            "<tr><th scope=\"row\">{label}</th><td class=\"num\">{value}</td><td>{note}</td></tr>"
        );
    }
    format!(
        "<details class=\"numbers\" data-key=\"numbers {title}\"><summary>Numbers</summary><div class=\"scroll\"><table>\
         <caption>{title}</caption><thead><tr><th></th><th class=\"num\">{unit}</th><th></th></tr></thead>\
         <tbody>{rows}</tbody></table></div></details>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_stand_above_zero_and_losses_hang_below() {
        let bar = |label: &str, value: f64| Bar {
            label: label.to_owned(),
            value,
            note: String::new(),
        };
        let text = svg(
            "Result",
            2,
            &[bar("a", 2.0), bar("b", -1.0), bar("c", f64::NAN)],
        );
        assert_eq!(text.matches("<rect class=\"gain\"").count(), 1);
        assert_eq!(text.matches("<rect class=\"loss\"").count(), 1);
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        assert!(!svg("Nothing", 2, &[]).contains("NaN"));
    }
}
