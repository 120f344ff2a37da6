//! A heat map as a table: readable without colours, by a screen reader, and on a phone.

use crate::web::format;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Values over two named axes; `None` where nothing is known.
#[derive(Clone, Debug)]
pub(in crate::web) struct Heat<'a> {
    pub title: &'a str,
    /// What the rows and the columns are; the second is empty where there is one column for all.
    pub axes: [&'a str; 2],
    pub columns: Vec<String>,
    pub rows: Vec<(String, Vec<Option<f64>>)>,
    pub decimals: usize,
    /// Values are fractions and shown as percent.
    pub percent: bool,
    /// Colours tell gains from losses around zero; otherwise low from high.
    pub signed: bool,
    /// Low is what one wants: the colours change sides.
    pub low_is_good: bool,
}

/// Shades on either side.
const SHADES: f64 = 4.0;

/// What a template shows.
pub(in crate::web) fn heat(map: &Heat<'_>) -> Value {
    json!({"title": map.title, "table": table(map)})
}

fn table(map: &Heat<'_>) -> String {
    let [down, across] = map.axes;
    let across = Some(across).filter(|across| !across.is_empty());
    let across = across.map_or_else(String::new, |across| format!(" \\ {across}"));
    let mut text = format!(
        "<div class=\"scroll\"><table class=\"heat\"><caption>{}</caption><thead><tr><th>{down}{across}</th>",
        map.title
    );
    for column in &map.columns {
        let _ = write!(text, "<th class=\"num\" scope=\"col\">{column}</th>");
    }
    text.push_str("</tr></thead><tbody>");
    let range = range(map);
    for (name, values) in &map.rows {
        let _ = write!(text, "<tr><th scope=\"row\">{name}</th>");
        for value in values {
            let class = value.map_or_else(String::new, |value| shade(map, range, value));
            let _ = write!(
                text,
                "<td class=\"num {class}\">{}</td>",
                shown(map, *value)
            );
        }
        text.push_str("</tr>");
    }
    text.push_str("</tbody></table></div>");
    text
}

fn range(map: &Heat<'_>) -> (f64, f64) {
    let values = map.rows.iter().flat_map(|(_, values)| values);
    let known = values.flatten().copied().filter(|value| value.is_finite());
    known.fold((f64::MAX, f64::MIN), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}

/// `g1` to `g4` for gains or the upper half, `l1` to `l4` for losses or the lower one.
fn shade(map: &Heat<'_>, (low, high): (f64, f64), value: f64) -> String {
    let (middle, reach) = if map.signed {
        (0.0, low.abs().max(high.abs()))
    } else {
        (f64::midpoint(low, high), (high - low) / 2.0)
    };
    let side = if map.low_is_good { -1.0 } else { 1.0 };
    let share = side * (value - middle) / reach;
    if !share.is_finite() || share == 0.0 {
        return String::new();
    }
    let level = (share.abs() * SHADES).ceil().clamp(1.0, SHADES);
    format!("{}{level:.0}", if share > 0.0 { 'g' } else { 'l' })
}

fn shown(map: &Heat<'_>, value: Option<f64>) -> String {
    match value {
        None => String::new(),
        Some(value) if map.percent => format!("{} %", format::grouped(value * 100.0, map.decimals)),
        Some(value) => format::grouped(value, map.decimals),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_follow_the_sign_or_the_middle() {
        let map = |signed: bool| Heat {
            title: "Months",
            axes: ["year", "month"],
            columns: vec!["Jan".to_owned(), "Feb".to_owned(), "Mar".to_owned()],
            rows: vec![("2026".to_owned(), vec![Some(0.04), Some(0.01), None])],
            decimals: 1,
            percent: true,
            signed,
            low_is_good: false,
        };
        let signed = table(&map(true));
        assert!(
            signed.contains("g4\">4.0 %") && signed.contains("g1\">1.0 %"),
            "{signed}"
        );
        assert!(table(&map(false)).contains("l4\">1.0 %"));
    }
}
