//! One look-ahead check: every cut of the data, and the decisions that were made otherwise there.

use super::checks;
use crate::db::jobs::JobRow;
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::pages::{Query, job};
use crate::web::table::Table;
use crate::web::view::View;
use serde_json::{Value, json};

pub(super) async fn view(site: &Site, id: &str, query: &Query) -> Result<View, PageError> {
    let row = checks::named(site, "lookahead", id).await?;
    let result = row.result.clone().unwrap_or_default();
    let cuts = list(&result["cuts"]);
    let differences: Vec<Value> = cuts.iter().flat_map(differences).collect();
    let lines: Vec<Value> = cuts.iter().map(cut).collect();
    Ok(View {
        title: "Look-ahead check".to_owned(),
        name: "lab_lookahead",
        fragments: &["work", "result"],
        values: json!({
            "work": job::shown(&row), "check": checks::check(&row), "asked": asked(&row),
            "cuts": lines, "differences": differences, "run": query.get("run"),
        }),
        tables: vec![
            Table::of("cuts", &["at_ms", "decisions", "differing"], &lines),
            Table::of("differences", DIFFERENCE, &differences),
        ],
    })
}

const DIFFERENCE: &[&str] = &[
    "cut_ms",
    "at_ms",
    "of_cut",
    "of_whole",
    "cut_reason",
    "whole_reason",
];

/// What was checked: the market and the settings that are not the default.
pub(super) fn asked(row: &JobRow) -> Value {
    let settings = &row.args["settings"];
    let keys = crate::backtest::keys();
    let set: Vec<Value> = keys
        .iter()
        .filter_map(|key| Some((key, settings.get(key.key)?)))
        .filter(|(key, value)| **value != key.default)
        .map(|(key, value)| json!({"key": key.key, "value": value, "unit": key.unit}))
        .collect();
    json!({"source": row.args["source"], "market_seed": row.args["market_seed"], "settings": set})
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[][..], Vec::as_slice)
}

fn cut(cut: &Value) -> Value {
    json!({
        "at_ms": cut["at_ms"], "decisions": cut["decisions"], "differing": list(&cut["differences"]).len(),
    })
}

fn differences(cut: &Value) -> Vec<Value> {
    let one = |difference: &Value| {
        let [of_cut, of_whole] = ["cut", "whole"].map(|side| action(&difference[side]));
        json!({
            "cut_ms": cut["at_ms"], "at_ms": difference["at_ms"], "of_cut": of_cut, "of_whole": of_whole,
            "cut_reason": either(&difference["problem"], &difference["cut"]["reason"]), "whole_reason": difference["whole"]["reason"],
        })
    };
    list(&cut["differences"]).iter().map(one).collect()
}

fn either<'v>(first: &'v Value, second: &'v Value) -> &'v Value {
    if first.is_null() { second } else { first }
}

/// A decision in words: what was done, with which contracts, of what size.
fn action(taken: &Value) -> String {
    let last = &taken["final_action"];
    if last.is_null() {
        return "no decision".to_owned();
    }
    let word = |name: &str| match &last[name] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let words = ["action", "from", "to", "instrument", "size"]
        .into_iter()
        .filter_map(word);
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_difference_says_what_either_side_did() {
        let taken = |action: Value| json!({"final_action": action, "reason": "so"});
        let made = json!({"at_ms": 9, "decisions": 3, "differences": [
            {"at_ms": 5, "cut": taken(json!({"action": "DO_NOTHING"})),
             "whole": taken(json!({"action": "OPEN_COVERED_CALL", "instrument": "BTC-30JAN26-100000-C"}))},
            {"at_ms": 6, "cut": taken(json!({"action": "DO_NOTHING"})), "whole": null},
        ]});
        let found = differences(&made);
        assert_eq!(
            found[0]["of_whole"],
            "OPEN_COVERED_CALL BTC-30JAN26-100000-C"
        );
        assert_eq!(found[1]["of_whole"], "no decision");
        assert_eq!(
            (cut(&made)["differing"].as_i64(), &found[0]["cut_ms"]),
            (Some(2), &json!(9))
        );
    }
}
