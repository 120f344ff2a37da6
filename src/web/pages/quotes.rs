//! Any stored snapshot as an option chain: calls, strikes, puts; held strikes marked.

use super::query::Query;
use super::snapshot;
use crate::db::chains::{QuoteRow, Quotes};
use crate::db::pages::market::{self, Neighbours};
use crate::domain::coin::Coin;
use crate::domain::instrument::{DAY_MS, Style};
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::table::Table;
use crate::web::view::View;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) async fn view(site: &Site, query: &Query) -> Result<View, PageError> {
    let coin: Coin = query
        .get("underlying")
        .unwrap_or("BTC")
        .parse()
        .map_err(|error| bad(&error))?;
    let sources = snapshot::sources(site, coin).await?;
    let source = source(site, query, coin, &sources).await?;
    let found = snapshot::snapshot(site, &source, coin, at(query)?).await?;
    let (snapshot, near) = found.map_or((None, Neighbours::default()), |(quotes, near)| {
        (Some(quotes), near)
    });
    let held_ms = snapshot.as_ref().map_or(0, |snapshot| snapshot.at_ms);
    let picked = snapshot
        .as_ref()
        .map(|snapshot| Picked::of(snapshot, query))
        .unwrap_or_default();
    let held = held(site).await?;
    let link = |changes: &[(&str, &str)]| query.with("/quotes", changes);
    let moved = |to: Option<i64>| to.map(|at_ms| link(&[("at", &at_ms.to_string())]));
    let index = snapshot
        .as_ref()
        .map_or(0.0, |snapshot| snapshot.index_price);
    let tab = |expiry_ms: &i64| {
        let holds = held
            .keys()
            .any(|(at_ms, coin_held, _)| at_ms == expiry_ms && *coin_held == coin);
        json!({
            "at_ms": expiry_ms, "current": Some(*expiry_ms) == picked.expiry_ms, "held": holds,
            "dte": (*expiry_ms - held_ms) as f64 / DAY_MS as f64,
            "address": link(&[("expiry", &expiry_ms.to_string())]),
        })
    };
    Ok(View {
        title: format!("Quotes {coin}"),
        name: "quotes",
        fragments: &[],
        values: json!({
            "sources": sources, "source": source, "underlying": coin, "at_ms": held_ms,
            "asked_at": query.get("at"), "expiry": query.get("expiry"),
            "head": snapshot.as_ref().map(|snapshot| json!({
                "index_price": snapshot.index_price, "index_source": snapshot.index_source,
                "collection": snapshot.collection, "file": snapshot.file, "quotes": snapshot.quotes.len(),
            })),
            "expiries": picked.expiries.iter().map(tab).collect::<Vec<_>>(),
            "expiry_ms": picked.expiry_ms, "forward": picked.rows.iter().find_map(|quote| quote.underlying_price),
            "styles": picked.styles.iter().map(|style| json!({
                "name": style_name(*style), "current": *style == picked.style,
                "address": link(&[("style", style_name(*style))]),
            })).collect::<Vec<_>>(),
            "unit": if picked.style == Style::Inverse { coin.as_str() } else { "USDC" },
            "strikes": strikes(&picked.rows, &held, index),
            "before": moved(near.before_ms), "after": moved(near.after_ms),
            "newest": query.get("at").is_some().then(|| link(&[("at", "")])),
        }),
        tables: vec![Table::of("quotes", COLUMNS, picked.rows)],
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

/// The asked source, the one the desk saw last, or the first there is.
async fn source(
    site: &Site,
    query: &Query,
    coin: Coin,
    sources: &[market::SourceRow],
) -> Result<String, PageError> {
    let named = |name: &str| sources.iter().find(|row| row.source == name);
    let seen = market::seen_last(&site.ctx.db, &site.ctx.desk, coin.as_str()).await?;
    let found = query
        .get("source")
        .and_then(named)
        .or_else(|| seen.and_then(|(source, _)| named(&source)))
        .or(sources.first());
    Ok(found.map(|row| row.source.clone()).unwrap_or_default())
}

/// The part of a snapshot that is shown.
struct Picked<'a> {
    expiries: BTreeSet<i64>,
    expiry_ms: Option<i64>,
    styles: BTreeSet<Style>,
    style: Style,
    rows: Vec<&'a QuoteRow>,
}

impl Default for Picked<'_> {
    fn default() -> Self {
        Self {
            expiries: BTreeSet::new(),
            expiry_ms: None,
            styles: BTreeSet::new(),
            style: Style::Inverse,
            rows: Vec::new(),
        }
    }
}

impl<'a> Picked<'a> {
    /// The asked expiry, or the first that is more than a day away.
    fn of(snapshot: &'a Quotes, query: &Query) -> Self {
        let expiries: BTreeSet<i64> = snapshot
            .quotes
            .iter()
            .map(|quote| quote.expiry_ms)
            .collect();
        let asked = query
            .get("expiry")
            .and_then(|text| text.parse::<i64>().ok());
        let asked = asked.filter(|expiry_ms| expiries.contains(expiry_ms));
        let far = |expiry_ms: &&i64| **expiry_ms - snapshot.at_ms > DAY_MS;
        let expiry_ms = asked
            .or_else(|| expiries.iter().find(far).copied())
            .or_else(|| expiries.last().copied());
        let of_expiry = || {
            let quotes = snapshot.quotes.iter();
            quotes.filter(|quote| Some(quote.expiry_ms) == expiry_ms)
        };
        let styles: BTreeSet<Style> = of_expiry().map(|quote| quote.instrument.style).collect();
        let asked = styles
            .iter()
            .find(|style| query.get("style") == Some(style_name(**style)));
        let style = asked.or(styles.first()).copied().unwrap_or(Style::Inverse);
        let rows = of_expiry()
            .filter(|quote| quote.instrument.style == style)
            .collect();
        Self {
            expiries,
            expiry_ms,
            styles,
            style,
            rows,
        }
    }
}

fn style_name(style: Style) -> &'static str {
    match style {
        Style::Inverse => "coin",
        Style::Linear => "usdc",
    }
}

/// (expiry, coin, name) of what the desk holds, with the signed size in coin.
type Held = BTreeMap<(i64, Coin, String), f64>;

async fn held(site: &Site) -> Result<Held, PageError> {
    let book = crate::db::books::portfolio(&site.ctx.db, &site.ctx.desk).await?;
    let sized = book.positions().map(|held| {
        let call = held.instrument;
        let size = crate::domain::money::float(held.size);
        ((call.expiry_ms, call.coin, call.name()), size)
    });
    Ok(sized.filter(|(_, size)| *size != 0.0).collect())
}

/// One line per strike, with the place of the index among them.
fn strikes(rows: &[&QuoteRow], held: &Held, index: f64) -> Vec<Value> {
    let mut lines: BTreeMap<u32, Value> = BTreeMap::new();
    for quote in rows {
        let line = lines
            .entry(quote.strike_usd)
            .or_insert_with(|| json!({ "strike": quote.strike_usd }));
        let call = &quote.instrument;
        line[if call.is_call() { "call" } else { "put" }] = json!(quote);
        if let Some(size) = held.get(&(call.expiry_ms, call.coin, call.name())) {
            line["held"] = json!(size);
        }
    }
    let mut below = true;
    for (strike, line) in &mut lines {
        let above = f64::from(*strike) > index;
        line["above"] = json!(above);
        // The index stands above the first strike over it.
        line["index_here"] = json!(above && below);
        below = !above;
    }
    lines.into_values().collect()
}

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
