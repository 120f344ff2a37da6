//! Which history there is, as calendars: a month a line, a day a cell, and a button for what fills each gap.

use crate::db::coverage::days;
use crate::fetch::coverage::{Gap, Place, Source, fetched, gaps, sources};
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::pages::Query;
use crate::web::table::Table;
use crate::web::view::View;
use chrono::{Datelike, Months, NaiveDate};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Everything that is stored.
pub(super) async fn view(site: &Site, query: &Query) -> Result<View, PageError> {
    let kind = query.get("kind");
    let rows = days(&site.ctx.db, None, None).await?;
    let stored = sources(&rows);
    let mut found = gaps(&stored, &fetched(&site.ctx.db).await?);
    let mut kinds: Vec<&str> = stored.keys().map(|place| place.kind.as_str()).collect();
    kinds.dedup();
    let tab = |name: &str| {
        let address = query.with("/lab/coverage", &[("kind", name), ("notice", "")]);
        json!({"name": name, "address": address, "current": kind.unwrap_or_default() == name})
    };
    let tabs: Vec<Value> = std::iter::once("").chain(kinds).map(tab).collect();
    let wanted = |place: &Place| kind.is_none_or(|kind| kind == place.kind);
    found.retain(|gap| wanted(&gap.place));
    let shown = stored.iter().filter(|(place, _)| wanted(place));
    let calendars: Vec<Value> = shown
        .map(|(place, source)| calendar(place, source, &found))
        .collect();
    let absent = found.iter().filter(|gap| !stored.contains_key(&gap.place));
    let absent: Vec<Value> = absent.map(gap).collect();
    let flat: Vec<Value> = found.iter().map(gap).collect();
    let rows = rows
        .into_iter()
        .filter(|row| kind.is_none_or(|kind| row["kind"] == kind));
    Ok(View {
        title: "Coverage".to_owned(),
        name: "lab_coverage",
        fragments: &[],
        values: json!({"calendars": calendars, "absent": absent, "tabs": tabs}),
        tables: vec![
            Table::of("days", DAYS, rows),
            Table::of("gaps", GAPS, &flat),
        ],
    })
}

const DAYS: &[&str] = &[
    "kind",
    "source",
    "underlying",
    "resolution",
    "day",
    "snapshots",
    "quotes",
    "first_at",
    "last_at",
];
const GAPS: &[&str] = &[
    "kind",
    "source",
    "underlying",
    "resolution",
    "from",
    "to",
    "days",
    "fill",
];

/// Calendars of the chains, which runs are made of: the data picker's.
pub(super) async fn chains(site: &Site) -> Result<Vec<Value>, PageError> {
    let rows = days(&site.ctx.db, Some("chains"), None).await?;
    let stored = sources(&rows);
    let mut found = gaps(&stored, &fetched(&site.ctx.db).await?);
    found.retain(|gap| gap.place.kind == "chains");
    let shown = stored.iter();
    Ok(shown
        .map(|(place, source)| calendar(place, source, &found))
        .collect())
}

/// The longest gaps are named, each with its button; one button spans the rest.
const NAMED: usize = 6;

fn calendar(place: &Place, source: &Source, all: &[Gap]) -> Value {
    let (first, last) = source.ends();
    let mut own: Vec<&Gap> = all.iter().filter(|gap| gap.place == *place).collect();
    let missing: i64 = own.iter().map(|gap| gap.days).sum();
    let (span, count) = (span(place, &own), own.len());
    own.sort_by_key(|gap| -gap.days);
    own.truncate(NAMED);
    own.sort_by_key(|gap| gap.from);
    let most = source.days.values().copied().max().unwrap_or(1);
    json!({
        "place": place, "name": place.name(), "first": first, "last": last, "days": source.days.len(),
        "rows": source.days.values().sum::<i64>(), "quotes": source.quotes, "most": most, "missing": missing,
        "years": years(source, most, &|day| lacking(place, all, day)), "gaps": own.into_iter().map(gap).collect::<Vec<_>>(),
        "more": count.saturating_sub(NAMED), "span": if count > 1 { span } else { None },
    })
}

/// One job for all open gaps: what was fetched before is not asked for again.
fn span(place: &Place, gaps: &[&Gap]) -> Option<Value> {
    let open = || gaps.iter().filter(|gap| gap.fill.is_some());
    let (from, to) = (
        open().map(|gap| gap.from).min()?,
        open().map(|gap| gap.to).max()?,
    );
    let days = open().map(|gap| gap.days).sum();
    Some(gap(&Gap {
        place: place.clone(),
        from,
        to,
        days,
        fill: Some(place.fill(from, to)),
    }))
}

fn gap(gap: &Gap) -> Value {
    let mut shown = json!(gap);
    shown["name"] = gap.place.name().into();
    shown["file"] = matches!(gap.fill, Some(crate::fetch::coverage::Fill::Import)).into();
    shown
}

/// No source of the series has that day.
fn lacking(place: &Place, all: &[Gap], day: NaiveDate) -> bool {
    let of = |gap: &&Gap| gap.place.is_same_series(place) && gap.from <= day && day <= gap.to;
    all.iter().any(|gap| of(&gap))
}

/// Months by year: `[{year, months: [{name, cells}]}]`.
fn years(source: &Source, most: i64, lacks: &dyn Fn(NaiveDate) -> bool) -> Vec<Value> {
    let (first, last) = source.ends();
    let start = first.with_day(1).unwrap_or(first);
    let months = std::iter::successors(Some(start), |month| {
        month.checked_add_months(Months::new(1))
    });
    let mut years: BTreeMap<i32, Vec<Value>> = BTreeMap::new();
    for month in months.take_while(|month| *month <= last) {
        years
            .entry(month.year())
            .or_default()
            .push(month_of(source, month, most, lacks));
    }
    let year = |(year, months): (i32, Vec<Value>)| json!({"year": year, "months": months});
    years.into_iter().map(year).collect()
}

/// A month with one cell a day; a month in which all days are alike is told in one word as well.
fn month_of(
    source: &Source,
    start: NaiveDate,
    most: i64,
    lacks: &dyn Fn(NaiveDate) -> bool,
) -> Value {
    let (first, last) = source.ends();
    let days = start
        .iter_days()
        .take_while(|day| day.month() == start.month());
    let cells: Vec<Value> = days
        .map(|day| {
            let rows = source.days.get(&day).copied();
            let class = match rows {
                Some(rows) => shade(rows, most),
                None if day < first || day > last => "out",
                None if lacks(day) => "gap",
                // Another source of the series has it.
                None => "out",
            };
            json!({"day": day.day(), "rows": rows, "class": class})
        })
        .collect();
    let held = cells.iter().filter(|cell| cell["rows"].is_i64()).count();
    let lacking = cells.iter().filter(|cell| cell["class"] == "gap").count();
    json!({"name": start.format("%b").to_string(), "n": start.month(), "month": start.format("%Y-%m").to_string(),
        "cells": cells, "held": held, "lacking": lacking})
}

/// Four shades of fullness, by the fullest day.
fn shade(rows: i64, most: i64) -> &'static str {
    match rows * 4 / most.max(1) {
        4.. => "d4",
        3 => "d3",
        2 => "d2",
        _ => "d1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_cells_and_gaps_carry_what_fills_them() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a date");
        let source = Source {
            days: [(day("2026-01-30"), 4), (day("2026-02-02"), 1)].into(),
            quotes: 9,
        };
        let place = Place {
            kind: "chains".to_owned(),
            source: "rebuilt".to_owned(),
            underlying: "BTC".to_owned(),
            resolution: None,
        };
        let stored = BTreeMap::from([(place, source)]);
        let found = gaps(&stored, &BTreeMap::new());
        let (place, source) = stored.first_key_value().expect("one source");
        let shown = calendar(place, source, &found);
        let months = &shown["years"][0]["months"];
        let class = |month: usize, day: usize| months[month]["cells"][day - 1]["class"].clone();
        assert_eq!(
            [class(0, 29), class(0, 30), class(0, 31)],
            ["out", "d4", "gap"]
        );
        assert_eq!(
            [class(1, 1), class(1, 2), class(1, 3)],
            ["gap", "d1", "out"]
        );
        let text = shown["gaps"][0]["fill"].as_str().unwrap_or_default();
        assert!(
            text.contains("--rebuild 1h") && shown["gaps"][0]["file"] == false,
            "{shown}"
        );
        assert_eq!(
            (&shown["missing"], &shown["span"]),
            (&json!(2), &Value::Null)
        );
    }
    #[test]
    fn a_day_of_another_source_of_the_series_is_not_missing() {
        let of = |source: &str, days: &[&str]| {
            let place = Place {
                kind: "delivery_prices".to_owned(),
                source: source.to_owned(),
                underlying: "btc_usd".to_owned(),
                resolution: None,
            };
            let day = |text: &&str| (text.parse::<NaiveDate>().expect("a date"), 1);
            let days = days.iter().map(day).collect();
            (place, Source { days, quotes: 0 })
        };
        let files = of("recorded", &["2026-01-02", "2026-01-05"]);
        let stored = BTreeMap::from([files, of("deribit", &["2026-01-03"])]);
        let found = gaps(&stored, &BTreeMap::new());
        let (place, source) = stored.last_key_value().expect("two sources");
        let shown = calendar(place, source, &found);
        let cells = &shown["years"][0]["months"][0]["cells"];
        let classes = [1, 2, 3, 4].map(|n| cells[n]["class"].clone());
        assert_eq!(classes, ["d4", "out", "gap", "d4"]);
    }
}
