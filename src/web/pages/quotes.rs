//! Any stored snapshot as rows: recorded chains and what this desk recorded itself.

use super::query::Query;
use crate::db::chains;
use crate::db::pages::market;
use crate::domain::coin::Coin;
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::table::Table;
use crate::web::view::View;
use serde_json::json;
use std::collections::BTreeSet;

pub(super) async fn view(site: &Site, query: &Query) -> Result<View, PageError> {
    let db = &site.ctx.db;
    let sources = market::sources(db).await?;
    let coin: Coin = query
        .get("underlying")
        .unwrap_or("BTC")
        .parse()
        .map_err(|error| bad(&error))?;
    let first = sources.iter().find(|row| row.underlying == coin.as_str());
    let source = query
        .owned("source")
        .or_else(|| first.map(|row| row.source.clone()))
        .unwrap_or_default();
    let at_ms = at(query)?.unwrap_or(i64::MAX);
    let snapshot = chains::quotes(db, &source, coin, at_ms).await?;
    let held_ms = snapshot.as_ref().map_or(0, |snapshot| snapshot.at_ms);
    let expiries: BTreeSet<i64> = snapshot
        .iter()
        .flat_map(|snapshot| snapshot.quotes.iter().map(|quote| quote.expiry_ms))
        .collect();
    let asked = query
        .get("expiry")
        .and_then(|text| text.parse::<i64>().ok());
    let expiry = asked.or_else(|| {
        expiries
            .iter()
            .copied()
            .find(|expiry_ms| expiry_ms - held_ms > 86_400_000)
    });
    let rows: Vec<_> = snapshot
        .iter()
        .flat_map(|snapshot| snapshot.quotes.iter())
        .filter(|quote| Some(quote.expiry_ms) == expiry)
        .collect();
    let near = market::neighbours(db, &source, coin.as_str(), held_ms).await?;
    let link = |changes: &[(&str, &str)]| query.with("/quotes", changes);
    let moved =
        |to: Option<i64>| to.map(|at_ms| link(&[("at", &at_ms.to_string()), ("expiry", "")]));
    Ok(View {
        title: format!("Quotes {coin}"),
        name: "quotes",
        fragments: &[],
        values: json!({
            "sources": sources, "source": source, "underlying": coin, "at_ms": held_ms,
            "head": snapshot.as_ref().map(|snapshot| json!({
                "index_price": snapshot.index_price, "index_source": snapshot.index_source,
                "collection": snapshot.collection, "file": snapshot.file, "quotes": snapshot.quotes.len(),
            })),
            "expiries": expiries.iter().map(|expiry_ms| json!({
                "at_ms": expiry_ms, "current": Some(*expiry_ms) == expiry,
                "address": link(&[("expiry", &expiry_ms.to_string())]),
            })).collect::<Vec<_>>(),
            "rows": rows, "before": moved(near.before_ms), "after": moved(near.after_ms),
        }),
        tables: vec![Table::of("quotes", COLUMNS, rows.iter())],
    })
}

const COLUMNS: &[&str] = &[
    "instrument",
    "expiry_ms",
    "strike_usd",
    "option_type",
    "underlying_index",
    "underlying_price",
    "index_price",
    "bid",
    "bid_size",
    "ask",
    "ask_size",
    "mark",
    "mark_iv",
    "bid_iv",
    "ask_iv",
    "delta",
    "gamma",
    "vega",
    "theta",
    "rho",
    "open_interest",
    "volume",
    "volume_usd",
    "flag",
];

/// Milliseconds, or an ISO 8601 time.
fn at(query: &Query) -> Result<Option<i64>, PageError> {
    let Some(text) = query.get("at") else {
        return Ok(None);
    };
    let iso = || {
        chrono::DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|at| at.timestamp_millis())
    };
    text.parse().ok().or_else(iso).map(Some).ok_or_else(|| {
        PageError::bad_request(
            format!("`at`: {text} is no time"),
            "Use 2026-02-01T09:00:00Z, or milliseconds UTC.",
        )
    })
}

fn bad(error: &crate::domain::coin::UnknownCoin) -> PageError {
    PageError::bad_request(error.to_string(), "Change `underlying` in the address.")
}
