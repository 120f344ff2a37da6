//! The payoff of the open book: what its calls earn at every spot, today and at expiry.

use super::chains::coins;
use crate::db::equity::EquityRow;
use crate::domain::payoff::{Payoff, ShortCall, payoff};
use crate::web::chart::{self, Axis, Line, Mark, Plot};
use crate::web::format;
use serde_json::{Value, json};

/// One chart per underlying that has open calls, with its figures in words.
pub(super) fn figures(latest: &[EquityRow], open: &[&Value]) -> Vec<Value> {
    latest
        .iter()
        .filter_map(|row| figure(row, &calls(row, open)))
        .collect()
}

/// The open chains of a coin; one without a mark is valued at its intrinsic value on the index.
fn calls(row: &EquityRow, open: &[&Value]) -> Vec<ShortCall> {
    let of_coin = open
        .iter()
        .filter(|chain| chain["underlying"] == row.underlying.as_str());
    of_coin
        .filter_map(|chain| {
            let forward = chain["forward"].as_f64().unwrap_or(row.index_price);
            Some(ShortCall {
                instrument: chain["instrument"].as_str()?.parse().ok()?,
                size: coins(chain["size_e8"].as_i64()?),
                cash: chain["cash"].as_f64()?,
                vol: chain["iv"].as_f64(),
                basis: forward / row.index_price,
            })
        })
        .collect()
}

fn figure(row: &EquityRow, calls: &[ShortCall]) -> Option<Value> {
    let (coin, spot) = (&row.underlying, row.index_price);
    if calls.is_empty() {
        return None;
    }
    let found = payoff(calls, spot, row.at_ms);
    let title = format!("Payoff of the open {coin} calls over the {coin} price at expiry, USD");
    let line = |name: &'static str, class, values: &[f64]| Line {
        name: name.into(),
        class,
        points: found
            .spots
            .iter()
            .copied()
            .zip(values.iter().copied())
            .collect(),
    };
    let lines = [
        line("calls at expiry", "equity", &found.expiry),
        line("calls today", "today", &found.today),
        line("calls and covering coin at expiry", "hold", &found.covered),
    ];
    let mut drawn = chart::figure(&Plot {
        title: &title,
        unit: "USD",
        digits: 0,
        axis: Axis::Usd,
        lines: &lines,
        marks: &marks(&found, spot),
        zero: true,
        ..Plot::default()
    });
    drawn["facts"] = json!(facts(row, calls, &found));
    Some(drawn)
}

fn marks(found: &Payoff, spot: f64) -> Vec<Mark> {
    let upright = |at: f64, word: &str, class| Mark {
        at,
        label: format!("{word} {}", format::grouped(at, 0)),
        class,
        left: class == "spot",
    };
    let mut marks = vec![upright(spot, "spot", "spot")];
    marks.extend(
        found
            .break_evens
            .iter()
            .map(|at| upright(*at, "break-even", "even")),
    );
    marks
}

/// (what, figure, unit) of the book as lines of text.
fn facts(row: &EquityRow, calls: &[ShortCall], found: &Payoff) -> Vec<Value> {
    let list = |values: &[f64]| {
        let texts: Vec<String> = values.iter().map(|at| format::grouped(*at, 0)).collect();
        if texts.is_empty() {
            "none in view".to_owned()
        } else {
            texts.join(", ")
        }
    };
    let (spot, coin) = (row.index_price, &row.underlying);
    let at_spot = |curve: &[f64]| {
        let nearest = found.spots.iter().position(|at| *at >= spot);
        nearest
            .and_then(|n| curve.get(n))
            .map_or(format::NONE.to_owned(), |usd| format::grouped(*usd, 2))
    };
    let size: f64 = calls.iter().map(|call| call.size).sum();
    let strike = calls
        .iter()
        .map(|call| call.instrument.strike())
        .fold(f64::MAX, f64::min);
    let balance = coins(row.balance_e8);
    vec![
        json!(["Break-even of the calls", list(&found.break_evens), "USD"]),
        json!([
            "Break-even of the covered coin",
            list(&found.covered_break_evens),
            "USD"
        ]),
        json!(["Calls, marked today", at_spot(&found.today), "USD"]),
        json!(["Calls, expired at this spot", at_spot(&found.expiry), "USD"]),
        json!([
            format!("Upside given away above {}", format::grouped(strike, 0)),
            format!(
                "{} of {}",
                format::grouped(size, 2),
                format::grouped(balance, 4)
            ),
            coin,
        ]),
    ]
}
