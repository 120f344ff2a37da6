//! Roll chains as the Live page shows them: legs folded from fills and settlements, marked to market.

use crate::db::equity::MarkRow;
use crate::db::pages::book;
use crate::domain::instrument::Instrument;
use crate::domain::money;
use serde_json::{Value, json};

/// Roll chains with their legs, oldest first; the open leg carries its mark.
pub(super) fn chains(
    legs: &[book::LegRow],
    settled: &[book::SettledRow],
    marks: &[MarkRow],
    index: impl Fn(&str) -> Option<f64>,
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
            chain(name, &own, settled, marks, &index)
        })
        .collect()
}

fn chain(
    name: &str,
    legs: &[&book::LegRow],
    settled: &[book::SettledRow],
    marks: &[MarkRow],
    index: &impl Fn(&str) -> Option<f64>,
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
    let greek =
        |of: fn(&MarkRow) -> Option<f64>| mark.and_then(of).map(|greek| -greek * coins(size));
    let pnl = if open.is_some() {
        value.map(|value| value + coins(cash))
    } else {
        Some(coins(cash))
    };
    // A coin's result is worth its index; USDC is USD already.
    let rate = if leg.currency == leg.underlying {
        index(&leg.underlying)
    } else {
        Some(1.0)
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
        "pnl": pnl, "pnl_usd": pnl.zip(rate).map(|(pnl, rate)| pnl * rate), "cash": coins(cash),
        "forward": mark.and_then(|mark| mark.underlying_price),
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

/// A scaled integer of a row as a float, for what is only shown.
pub(super) fn coins(units: i64) -> f64 {
    money::float(money::from_e8(units))
}
