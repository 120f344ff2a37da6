//! The Live Agent: what the desk holds, what it decided, and the controls over it.

use super::query::Query;
use crate::db::equity::EquityRow;
use crate::db::pages::{book, equity, feed};
use crate::domain::coin::Coin;
use crate::domain::instrument::{DAY_MS, Instrument};
use crate::domain::money;
use crate::web::Site;
use crate::web::chart::{self, Line};
use crate::web::error::PageError;
use crate::web::table::Table;
use crate::web::view::View;
use serde_json::{Value, json};

/// Decisions on the page; older ones are one click away.
const FEED: i64 = 40;
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
    let chains = chains(&legs, &settled, &marks);
    let (open, closed): (Vec<&Value>, Vec<&Value>) =
        chains.iter().partition(|chain| chain["open"] == true);
    let older = rows.last().filter(|_| rows.len() as i64 == FEED);
    let older = older.map(|last| query.with("/", &[("before", &last.id), ("notice", "")]));
    Ok(View {
        title: "Live agent".to_owned(),
        name: "live",
        fragments: &["controls", "cards", "charts", "positions", "feed"],
        values: json!({
            "cards": cards(site, &open).await?,
            "open": open,
            "closed": closed.iter().rev().take(CLOSED_SHOWN).collect::<Vec<_>>(),
            "working": working,
            "feed": folded(&rows),
            "older": older,
            "underlying": which.underlying, "action": which.action,
            "charts": charts(site).await?,
        }),
        tables: vec![
            Table::of("decisions", FEED_COLUMNS, &rows),
            Table::of("legs", LEG_COLUMNS, &legs),
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

/// One card per underlying: index, equity, the day's change, drawdown, margin, cover, next expiry.
async fn cards(site: &Site, open: &[&Value]) -> Result<Vec<Value>, PageError> {
    let mut cards = Vec::new();
    for coin in &site.ctx.config.desk.underlyings {
        let now_ms = site.ctx.clock.now_ms();
        let Some(last) =
            equity::latest(&site.ctx.db, &site.ctx.desk, coin.as_str(), now_ms).await?
        else {
            continue;
        };
        let day_ms = last.at_ms - last.at_ms.rem_euclid(DAY_MS);
        let range = (day_ms, last.at_ms);
        let day = equity::series(&site.ctx.db, &site.ctx.desk, coin.as_str(), range, 2_000).await?;
        cards.push(card(*coin, &last, &day, open));
    }
    Ok(cards)
}

fn card(coin: Coin, last: &EquityRow, day: &[EquityRow], open: &[&Value]) -> Value {
    let equity = coins(last.equity_e8);
    let first = day.first().map_or(equity, |row| coins(row.equity_e8));
    let peak = day
        .iter()
        .map(|row| coins(row.equity_e8))
        .fold(equity, f64::max);
    let held: Vec<&Value> = open
        .iter()
        .copied()
        .filter(|chain| chain["underlying"] == coin.as_str())
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
        "coin": coin, "index": last.index_price, "equity": equity, "equity_usd": last.equity_usd,
        "day": equity - first, "day_usd": (equity - first) * last.index_price,
        "drawdown": if peak > 0.0 { equity / peak - 1.0 } else { 0.0 },
        "margin": if equity > 0.0 { last.initial_margin / equity } else { 0.0 },
        "maintenance": if equity > 0.0 { last.maintenance_margin / equity } else { 0.0 },
        "delta": last.net_delta, "gamma": sum("gamma"), "vega": sum("vega"), "theta": sum("theta"),
        "cover": cover, "cover_share": if coins(last.balance_e8) > 0.0 { cover / coins(last.balance_e8) } else { 0.0 },
        "balance": coins(last.balance_e8), "next_expiry_ms": next, "at_ms": last.at_ms,
    })
}

fn coins(units: i64) -> f64 {
    money::float(money::from_e8(units))
}

/// Roll chains with their legs, oldest first; the open leg carries its mark.
fn chains(
    legs: &[book::LegRow],
    settled: &[book::SettledRow],
    marks: &[crate::db::equity::MarkRow],
) -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    for leg in legs {
        if !names.contains(&leg.chain.as_str()) {
            names.push(&leg.chain);
        }
    }
    names
        .into_iter()
        .map(|name| {
            let own: Vec<&book::LegRow> = legs.iter().filter(|leg| leg.chain == name).collect();
            chain(name, &own, settled, marks)
        })
        .collect()
}

fn chain(
    name: &str,
    legs: &[&book::LegRow],
    settled: &[book::SettledRow],
    marks: &[crate::db::equity::MarkRow],
) -> Value {
    let ended = |leg: &book::LegRow| {
        settled
            .iter()
            .find(|row| row.chain == name && row.instrument == leg.instrument)
    };
    let held = |leg: &book::LegRow| {
        if ended(leg).is_some() {
            0
        } else {
            leg.sold_e8 - leg.bought_e8
        }
    };
    let cash: i64 = legs
        .iter()
        .map(|leg| leg.cash_e8 + ended(leg).map_or(0, |row| row.cash_e8))
        .sum();
    let fees: i64 = legs
        .iter()
        .map(|leg| leg.fees_e8 + ended(leg).map_or(0, |row| row.fee_e8))
        .sum();
    let open = legs.iter().find(|leg| held(leg) > 0);
    let shown = open.or(legs.last());
    let Some(leg) = shown else { return json!({}) };
    let instrument: Option<Instrument> = leg.instrument.parse().ok();
    let size = held(leg);
    let mark = open.and_then(|leg| marks.iter().find(|mark| mark.instrument == leg.instrument));
    let value = mark
        .and_then(|mark| mark.mark)
        .map(|price| -price * coins(size));
    let greek = |of: fn(&crate::db::equity::MarkRow) -> Option<f64>| {
        mark.and_then(of).map(|greek| -greek * coins(size))
    };
    json!({
        "chain": name, "underlying": leg.underlying, "open": open.is_some(), "currency": leg.currency,
        "instrument": leg.instrument, "rolls": legs.len().saturating_sub(1),
        "strike": instrument.map(|instrument| instrument.strike()),
        "expiry_ms": instrument.map(|instrument| instrument.expiry_ms),
        "size_e8": if open.is_some() { size } else { leg.sold_e8 },
        "entry": average(leg.premium_in_e8, leg.sold_e8),
        "mark": mark.and_then(|mark| mark.mark), "iv": mark.and_then(|mark| mark.mark_iv),
        "delta": greek(|mark| mark.delta), "gamma": greek(|mark| mark.gamma),
        "vega": greek(|mark| mark.vega), "theta": greek(|mark| mark.theta),
        "mark_at_ms": mark.map(|mark| mark.at_ms),
        "pnl": if open.is_some() { value.map(|value| value + coins(cash)) } else { Some(coins(cash)) },
        "fees_e8": fees, "opened_ms": legs.first().map(|leg| leg.opened_ms), "decision": leg.decision,
        "legs": legs.iter().map(|leg| leg_value(leg, ended(leg))).collect::<Vec<_>>(),
    })
}

fn leg_value(leg: &book::LegRow, ended: Option<&book::SettledRow>) -> Value {
    let outcome = match ended {
        Some(row) if row.payoff_e8 != 0 => "assigned",
        Some(_) => "expired worthless",
        None if leg.bought_e8 >= leg.sold_e8 => "bought back",
        None => "open",
    };
    json!({
        "instrument": leg.instrument, "outcome": outcome, "sold_e8": leg.sold_e8,
        "entry": average(leg.premium_in_e8, leg.sold_e8), "exit": average(leg.premium_out_e8, leg.bought_e8),
        "delivery_price": ended.map(|row| coins(row.delivery_price_e8)),
        "cash_e8": leg.cash_e8 + ended.map_or(0, |row| row.cash_e8), "opened_ms": leg.opened_ms,
        "closed_ms": ended.map_or(leg.last_ms, |row| row.at_ms), "decision": leg.decision,
    })
}

fn average(amount_e8: i64, size_e8: i64) -> Option<f64> {
    (size_e8 != 0).then(|| amount_e8 as f64 / size_e8 as f64)
}

/// Runs of the same quiet outcome become one line: first and last of the run, and how many.
fn folded(rows: &[feed::FeedRow]) -> Vec<Value> {
    let mut lines: Vec<Value> = Vec::new();
    for row in rows {
        let quiet =
            row.final_action == "DO_NOTHING" && row.error.is_none() && row.refusal.is_none();
        let same = lines
            .last_mut()
            .filter(|last| quiet && last["quiet"] == true);
        if let Some(last) = same {
            last["count"] = json!(last["count"].as_i64().unwrap_or(1) + 1);
            last["from_ms"] = json!(row.as_of_ms);
            continue;
        }
        let mut line = serde_json::to_value(row).unwrap_or_default();
        line["quiet"] = json!(quiet);
        line["count"] = json!(1);
        lines.push(line);
    }
    lines
}

/// Equity against simply holding the deposit, both in coin, per underlying.
async fn charts(site: &Site) -> Result<Vec<Value>, PageError> {
    let mut charts = Vec::new();
    for coin in &site.ctx.config.desk.underlyings {
        let range = (i64::MIN, i64::MAX);
        let rows =
            equity::series(&site.ctx.db, &site.ctx.desk, coin.as_str(), range, POINTS).await?;
        if rows.len() < 2 {
            continue;
        }
        let points =
            |of: fn(&EquityRow) -> f64| rows.iter().map(|row| (row.at_ms, of(row))).collect();
        let hold = rows.first().map_or(0.0, |row| coins(row.equity_e8));
        let lines = [
            Line {
                name: "equity",
                class: "equity",
                points: points(|row| coins(row.equity_e8)),
            },
            Line {
                name: "start",
                class: "hold",
                points: rows.iter().map(|row| (row.at_ms, hold)).collect(),
            },
        ];
        let title = format!("Equity of the {coin} book in {coin}");
        charts.push(json!({ "coin": coin, "title": title, "svg": chart::svg(&title, coin.as_str(), 4, &lines) }));
        let index = [Line {
            name: "index",
            class: "index",
            points: points(|row| row.index_price),
        }];
        let title = format!("Index of {coin} in USD");
        charts.push(
            json!({ "coin": coin, "title": title, "svg": chart::svg(&title, "USD", 0, &index) }),
        );
    }
    Ok(charts)
}
