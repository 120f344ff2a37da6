//! The Live Agent: what the desk holds, what it decided, and the controls over it.

use super::chains::{chains, coins};
use super::payoff;
use super::query::Query;
use crate::backtest::gaps_between;
use crate::db::equity::EquityRow;
use crate::db::pages::{book, equity, feed};
use crate::domain::coin::Coin;
use crate::domain::instrument::DAY_MS;
use crate::web::Site;
use crate::web::chart::{self, Axis, Line, Plot, places};
use crate::web::error::PageError;
use crate::web::table::Table;
use crate::web::view::View;
use serde_json::{Value, json};

/// Decisions on the page, before quiet runs are folded; older ones are one click away.
const FEED: i64 = 120;
/// Roll chains that are looked at for open legs and the latest results.
const CHAINS: i64 = 60;
const CLOSED_SHOWN: usize = 8;
/// Points of the equity chart.
const POINTS: i64 = 400;

pub(super) async fn view(site: &Site, query: &Query) -> Result<View, PageError> {
    let (db, desk) = (&site.ctx.db, site.ctx.desk.as_str());
    let which = feed::Which {
        underlying: query.owned("underlying"),
        action: query.owned("action"),
        before: query.owned("before"),
        limit: FEED,
    };
    let rows = feed::feed(db, desk, &which).await?;
    let legs = book::legs(db, desk, CHAINS).await?;
    let settled = book::settled(db, desk, 200).await?;
    let marks = book::marks(db, desk).await?;
    let working = book::working(db, desk).await?;
    let latest = latest(site).await?;
    let index = |coin: &str| {
        Some(
            latest
                .iter()
                .find(|row| row.underlying == coin)?
                .index_price,
        )
    };
    let chains = chains(&legs, &settled, &marks, index);
    let (open, closed): (Vec<&Value>, Vec<&Value>) =
        chains.iter().partition(|chain| chain["open"] == true);
    let closed: Vec<&Value> = closed.into_iter().rev().take(CLOSED_SHOWN).collect();
    let older = rows.last().filter(|_| rows.len() as i64 == FEED);
    let older = older.map(|last| query.with("/", &[("before", &last.id), ("notice", "")]));
    Ok(View {
        title: "Live agent".to_owned(),
        name: "live",
        fragments: &[
            "controls",
            "cards",
            "charts",
            "payoffs",
            "positions",
            "feed",
        ],
        values: json!({
            "cards": cards(site, &latest, &open).await?,
            "payoffs": payoff::figures(&latest, &open),
            "open": open,
            "closed": closed,
            "working": working,
            "feed": folded(&rows),
            "older": older,
            "underlying": which.underlying, "action": which.action,
            "charts": charts(site).await?,
        }),
        tables: vec![
            Table::of("decisions", FEED_COLUMNS, &rows),
            Table::of("positions", POSITION_COLUMNS, &open),
            Table::of("legs", LEG_COLUMNS, &legs),
            Table::of("working", WORKING_COLUMNS, &working),
            Table::of("finished", POSITION_COLUMNS, &closed),
        ],
    })
}

const FEED_COLUMNS: &[&str] = &[
    "id",
    "as_of_ms",
    "underlying",
    "proposed_action",
    "final_action",
    "instrument",
    "rolled_from",
    "size_e8",
    "source",
    "policy",
    "propensity",
    "explored",
    "risk_verdict",
    "refusal",
    "error",
    "reason",
    "index_price",
    "regime",
    "orders",
    "orders_filled",
    "cash_e8",
    "job",
];
const POSITION_COLUMNS: &[&str] = &[
    "chain",
    "underlying",
    "instrument",
    "strike",
    "expiry_ms",
    "size_e8",
    "currency",
    "entry",
    "mark",
    "iv",
    "delta",
    "gamma",
    "vega",
    "theta",
    "pnl",
    "pnl_usd",
    "fees_e8",
    "rolls",
    "opened_ms",
    "decision",
];
const WORKING_COLUMNS: &[&str] = &[
    "id",
    "decision",
    "instrument",
    "leg",
    "side",
    "size_e8",
    "filled_e8",
    "limit_price_e8",
    "state",
    "created_ms",
];
const LEG_COLUMNS: &[&str] = &[
    "chain",
    "underlying",
    "instrument",
    "currency",
    "sold_e8",
    "bought_e8",
    "premium_in_e8",
    "premium_out_e8",
    "fees_e8",
    "cash_e8",
    "opened_ms",
    "last_ms",
];

/// The latest valuation of each underlying of the desk; one that was never valued is left out.
async fn latest(site: &Site) -> Result<Vec<EquityRow>, PageError> {
    let (ctx, now_ms) = (&site.ctx, site.ctx.clock.now_ms());
    let mut rows = Vec::new();
    for coin in &ctx.config.desk.underlyings {
        rows.extend(equity::latest(&ctx.db, &ctx.desk, coin.as_str(), now_ms).await?);
    }
    Ok(rows)
}

/// One card per underlying: index, equity, the day's change, drawdown, margin, cover, next expiry.
async fn cards(
    site: &Site,
    latest: &[EquityRow],
    open: &[&Value],
) -> Result<Vec<Value>, PageError> {
    let (db, desk) = (&site.ctx.db, &site.ctx.desk);
    let mut cards = Vec::new();
    for last in latest {
        let range = (last.at_ms - last.at_ms.rem_euclid(DAY_MS), last.at_ms);
        let day = equity::series(db, desk, &last.underlying, range, 2_000).await?;
        cards.push(card(last, &day, open));
    }
    Ok(cards)
}

fn card(last: &EquityRow, day: &[EquityRow], open: &[&Value]) -> Value {
    let equity = coins(last.equity_e8);
    let first = day.first().map_or(equity, |row| coins(row.equity_e8));
    let peak = day
        .iter()
        .map(|row| coins(row.equity_e8))
        .fold(equity, f64::max);
    let held: Vec<&Value> = open
        .iter()
        .copied()
        .filter(|chain| chain["underlying"] == last.underlying.as_str())
        .collect();
    let sum = |greek: &str| {
        held.iter()
            .filter_map(|chain| chain[greek].as_f64())
            .sum::<f64>()
    };
    let next = held
        .iter()
        .filter_map(|chain| chain["expiry_ms"].as_i64())
        .min();
    let cover = coins(last.short_calls_e8);
    json!({
        "coin": last.underlying, "index": last.index_price, "equity": equity, "equity_usd": last.equity_usd,
        "day": equity - first, "day_usd": (equity - first) * last.index_price,
        "drawdown": if peak > 0.0 { rounded(equity / peak - 1.0) } else { 0.0 },
        "margin": if equity > 0.0 { last.initial_margin / equity } else { 0.0 },
        "maintenance": if equity > 0.0 { last.maintenance_margin / equity } else { 0.0 },
        "delta": last.net_delta, "gamma": sum("gamma"), "vega": sum("vega"), "theta": sum("theta"),
        "cover": cover, "cover_share": if coins(last.balance_e8) > 0.0 { cover / coins(last.balance_e8) } else { 0.0 },
        "balance": coins(last.balance_e8), "next_expiry_ms": next, "at_ms": last.at_ms,
    })
}

/// To the hundredth of a percent that is shown, so that nothing is red that reads as zero.
fn rounded(fraction: f64) -> f64 {
    (fraction * 1e4).round() / 1e4
}

/// Runs of the same quiet outcome, and runs of failed ticks, become one line: the latest of the run, when
/// it began, and how many.
fn folded(rows: &[feed::FeedRow]) -> Vec<Value> {
    let mut lines: Vec<Value> = Vec::new();
    for row in rows {
        let quiet =
            row.final_action == "DO_NOTHING" && row.error.is_none() && row.refusal.is_none();
        let alike = |last: &&mut Value| {
            (quiet && last["quiet"] == true) || (row.error.is_some() && last["error"].is_string())
        };
        if let Some(last) = lines.last_mut().filter(alike) {
            last["count"] = json!(last["count"].as_i64().unwrap_or(1) + 1);
            last["from_ms"] = json!(row.as_of_ms);
            also(last, &row.underlying);
            continue;
        }
        let mut line = serde_json::to_value(row).unwrap_or_default();
        line["quiet"] = json!(quiet);
        line["count"] = json!(1);
        lines.push(line);
    }
    lines
}

/// Names a coin that a folded run speaks of, once.
fn also(line: &mut Value, coin: &str) {
    let named = line["underlying"].as_str().unwrap_or_default();
    if !named.contains(coin) {
        line["underlying"] = json!(format!("{named}, {coin}"));
    }
}

/// Equity against simply holding the deposit in coin, and the index, per underlying.
async fn charts(site: &Site) -> Result<Vec<Value>, PageError> {
    let (db, desk) = (&site.ctx.db, &site.ctx.desk);
    let mut charts = Vec::new();
    for coin in &site.ctx.config.desk.underlyings {
        let range = (i64::MIN, i64::MAX);
        let rows = equity::series(db, desk, coin.as_str(), range, POINTS).await?;
        if rows.len() > 1 {
            charts.push(equity_chart(*coin, &rows));
            charts.push(index_chart(*coin, &rows));
        }
    }
    Ok(charts)
}

fn equity_chart(coin: Coin, rows: &[EquityRow]) -> Value {
    let hold = rows.first().map_or(0.0, |row| coins(row.equity_e8));
    let lines = [
        line("equity", "equity", rows, |row| coins(row.equity_e8)),
        line("held coin", "hold", rows, |_| hold),
    ];
    let title = format!("Equity of the {coin} book, {coin}");
    time_chart(&title, coin.as_str(), 4, &lines)
}

fn index_chart(coin: Coin, rows: &[EquityRow]) -> Value {
    let lines = [line("index", "index", rows, |row| row.index_price)];
    time_chart(&format!("{coin} index, USD"), "USD", 0, &lines)
}

fn line(
    name: &'static str,
    class: &'static str,
    rows: &[EquityRow],
    value: impl Fn(&EquityRow) -> f64,
) -> Line {
    let points = rows.iter().map(|row| (row.at_ms as f64, value(row)));
    Line {
        name: name.into(),
        class,
        points: points.collect(),
    }
}

/// Stretches in which the desk did not value its book are no line.
fn time_chart(title: &str, unit: &str, digits: usize, lines: &[Line]) -> Value {
    let first = lines.first().map_or(&[][..], |line| &line.points);
    let instants: Vec<i64> = first.iter().map(|(at, _)| *at as i64).collect();
    chart::figure(&Plot {
        title,
        unit,
        digits,
        axis: Axis::Time,
        lines,
        gaps: &places(&gaps_between(&instants)),
        ..Plot::default()
    })
}
