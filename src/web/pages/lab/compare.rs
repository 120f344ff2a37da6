//! Any number of runs side by side: what they were asked to do differently, and what that came to.

use super::plots::{self, Named};
use super::run;
use super::series::Equity;
use crate::backtest::{FIGURES, Gap, Unit, comparison};
use crate::db::backtests;
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::pages::Query;
use crate::web::pages::insight::insight;
use crate::web::table::Table;
use crate::web::view::View;
use serde_json::{Map, Value, json};

/// (name, class) of the lines that are drawn; more could not be told apart, and stand in the tables only.
const LINES: [(&str, &str); 12] = [
    ("A, the baseline", "run1"),
    ("B", "run2"),
    ("C", "run3"),
    ("D", "run4"),
    ("E", "run5"),
    ("F", "run6"),
    ("G", "run1 dashed"),
    ("H", "run2 dashed"),
    ("I", "run3 dashed"),
    ("J", "run4 dashed"),
    ("K", "run5 dashed"),
    ("L", "run6 dashed"),
];

pub(super) async fn view(site: &Site, query: &Query) -> Result<View, PageError> {
    let ids = query.all("run");
    if ids.len() < 2 {
        return Err(PageError::bad_request(
            format!("{} runs were chosen", ids.len()),
            "Tick two runs or more in the lab's list; the first one is the baseline.",
        ));
    }
    let (usd, all) = (query.get("in") == Some("usd"), query.get("all").is_some());
    let mut documents = Vec::new();
    let mut lines: Vec<Named> = Vec::new();
    for (n, id) in ids.iter().enumerate() {
        let document = backtests::document(&site.ctx.db, id).await?;
        documents.push(document.ok_or_else(|| PageError::not_found("One of those runs"))?);
        if let Some((name, class)) = LINES.get(n) {
            let equity = backtests::equity(&site.ctx.db, id).await?;
            lines.push((name, class, Equity::of(&equity, usd).own));
        }
    }
    let compared = comparison(&documents, all);
    let runs: Vec<Value> = documents
        .iter()
        .enumerate()
        .map(|(n, run)| shown(n, run, query))
        .collect();
    let (settings, metrics) = (settings(&compared), metrics(&compared));
    let link = |changes: &[(&str, &str)]| query.with("/lab/compare", changes);
    let mut tables = tables(&ids, &settings, &metrics);
    let gaps: Vec<Gap> = documents.iter().flat_map(run::gaps).collect();
    let mut drawer = plots::Drawer::new(query, "/lab/compare", &mut tables).with_gaps(&gaps);
    let overlay = plots::overlay(&lines, usd, &mut drawer);
    let pair = &ids[..ids.len().min(2)];
    let insight = insight(site, "comparison", pair).await?;
    Ok(View {
        title: "Compare runs".to_owned(),
        name: "lab_compare",
        fragments: &["insight"],
        values: json!({
            "runs": runs, "settings": settings, "metrics": metrics, "same_data": compared["same_data"], "notices": notices(&compared),
            "overlay": overlay, "drawn": LINES.len(), "all": all, "usd": usd, "insight": insight,
            "all_link": link(&[("all", if all { "" } else { "1" })]),
            "see": {"coin": link(&[("in", "")]), "usd": link(&[("in", "usd")])},
        }),
        tables,
    })
}

/// A run's letter, the colour of its line, and the address at which it is the baseline.
fn shown(n: usize, run: &Value, query: &Query) -> Value {
    let id = run["id"].as_str().unwrap_or_default();
    let others = query.all("run").into_iter().filter(|other| *other != id);
    let order: Vec<(&str, &str)> = std::iter::once(id)
        .chain(others)
        .map(|id| ("run", id))
        .collect();
    json!({
        "run": run, "letter": letter(n), "class": LINES.get(n).map_or("", |line| line.1),
        "first": query.with("/lab/compare", &order),
    })
}

/// Notices with the letters of their runs.
fn notices(compared: &Value) -> Vec<Value> {
    let runs = compared["runs"].as_array().map_or(&[][..], Vec::as_slice);
    let notices = compared["notices"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let lettered = |notice: &Value| {
        let n = runs.iter().position(|id| *id == notice["run"]);
        json!({"letter": letter(n.unwrap_or_default()), "bad": notice["bad"], "text": notice["text"]})
    };
    notices.iter().map(lettered).collect()
}

/// A to Z, then AA, AB ..
fn letter(n: usize) -> String {
    let last = char::from(b'A' + (n % 26) as u8);
    match n / 26 {
        0 => last.to_string(),
        more => letter(more - 1) + &last.to_string(),
    }
}

fn settings(compared: &Value) -> Vec<Value> {
    let rows = compared["settings"].as_object().into_iter().flatten();
    let mut rows: Vec<Value> = rows
        .map(|(key, values)| {
            let all = values.as_array().map_or(&[][..], Vec::as_slice);
            let differs = all.windows(2).any(|pair| pair[0] != pair[1]);
            json!({"label": key, "values": values, "differs": differs})
        })
        .collect();
    rows.sort_by_key(|row| row["differs"] != true);
    rows
}

fn metrics(compared: &Value) -> Vec<Value> {
    FIGURES
        .iter()
        .map(|figure| {
            let of = &compared["metrics"][figure.name];
            let (kind, digits) = match figure.unit {
                Unit::Share => ("pct", 2),
                Unit::Ratio => ("n", 2),
                Unit::Count | Unit::Usd => ("n", 0),
                Unit::Days => ("days", 1),
                Unit::Coin => ("n", 5),
            };
            let label = match figure.unit {
                Unit::Coin if !figure.name.ends_with("coin") => format!("{}, coin", figure.name),
                _ => figure.name.to_owned(),
            };
            json!({
                "label": label, "kind": kind, "digits": digits,
                "values": of["values"], "deltas": of["differences"],
            })
        })
        .collect()
}

/// Columns are named by the ids of the runs.
fn tables(ids: &[&str], settings: &[Value], metrics: &[Value]) -> Vec<Table> {
    let mut plain = vec!["name".to_owned()];
    plain.extend(ids.iter().map(|id| (*id).to_owned()));
    let mut with_deltas = plain[..2].to_vec();
    for id in &ids[1..] {
        with_deltas.extend([(*id).to_owned(), away(id)]);
    }
    let row = |row: &Value| {
        let mut shown = Map::new();
        shown.insert("name".to_owned(), row["label"].clone());
        for (n, id) in ids.iter().enumerate() {
            shown.insert((*id).to_owned(), row["values"][n].clone());
            shown.insert(away(id), row["deltas"][n].clone());
        }
        Value::Object(shown)
    };
    vec![
        Table::of("settings", &plain, settings.iter().map(row)),
        Table::of("metrics", &with_deltas, metrics.iter().map(row)),
    ]
}

fn away(id: &str) -> String {
    format!("{id} less the baseline")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_go_on_after_z() {
        let of = [0, 1, 25, 26, 27, 52].map(letter);
        assert_eq!(of, ["A", "B", "Z", "AA", "AB", "BA"]);
    }
}
