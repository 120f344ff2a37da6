//! The synthetic market beside the recorded chains: term structure, skew, spreads, missing bids, listings.

use crate::support::shared_data;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, TimestampMillisecondType};
use arrow_array::{Array as _, RecordBatch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::BTreeMap;
use std::fs::File;
use thetaq::domain::coin::Coin;
use thetaq::domain::instrument::{DAY_MS, Instrument};
use thetaq::market::listing::expiries;
use thetaq::market::synthetic::Synthetic;

/// One quote of either market, in the words both share.
struct Row {
    at_ms: i64,
    instrument: Instrument,
    forward: f64,
    bid: Option<f64>,
    ask: Option<f64>,
    iv: f64,
    delta: f64,
}

/// Edges of the buckets of days to expiry.
const DTE: [f64; 7] = [1.0, 4.0, 8.0, 16.0, 35.0, 130.0, 400.0];
/// Edges of the buckets of |delta| that are compared: out of the money and at it.
const DELTA: [f64; 5] = [0.02, 0.1, 0.2, 0.35, 0.5];
/// Every seventh snapshot is compared; all of them say the same, slower.
const EVERY: usize = 7;

#[test]
fn term_structure_is_that_of_the_recorded_chains() {
    each_coin(|found, recorded, made| {
        for bucket in 0..DTE.len() - 1 {
            let money = |rows: &[Row]| median(smiles(rows, bucket).map(|smile| smile.0));
            let (theirs, ours) = (money(recorded), money(made));
            let near = (theirs - ours).abs() < 0.05;
            found.compare(
                &format!("at the money, {}", days(bucket)),
                theirs,
                ours,
                near,
            );
        }
    });
}

#[test]
fn skew_and_wings_are_those_of_the_recorded_chains() {
    each_coin(|found, recorded, made| {
        for bucket in 0..DTE.len() - 1 {
            let skew = |rows: &[Row]| median(smiles(rows, bucket).map(|smile| smile.1));
            let (theirs, ours) = (skew(recorded), skew(made));
            let near = (theirs - ours).abs() < 0.015;
            found.compare(
                &format!("25-delta skew, {}", days(bucket)),
                theirs,
                ours,
                near,
            );
            let wings = |rows: &[Row]| median(smiles(rows, bucket).map(|smile| smile.2));
            let (theirs, ours) = (wings(recorded), wings(made));
            let near = (theirs - ours).abs() < 0.008;
            found.compare(
                &format!("25-delta wings, {}", days(bucket)),
                theirs,
                ours,
                near,
            );
        }
    });
}

#[test]
fn spreads_are_those_of_the_recorded_chains() {
    each_coin(|found, recorded, made| {
        for bucket in 0..DTE.len() - 1 {
            for (column, from) in DELTA[..DELTA.len() - 1].iter().enumerate() {
                let theirs = mean_ln(spreads(recorded, bucket, column));
                let ours = mean_ln(spreads(made, bucket, column));
                let near = (0.65..=1.5).contains(&(ours / theirs));
                let what = format!("spread, {}, |delta| from {from}", days(bucket));
                found.compare(&what, theirs, ours, near);
            }
        }
    });
}

#[test]
fn bids_are_missing_where_they_were_missing() {
    each_coin(|found, recorded, made| {
        for bucket in 0..DTE.len() - 1 {
            for (from, to, within) in [(0.0, 0.02, 0.25), (0.02, 0.1, 0.02), (0.1, 0.5, 0.01)] {
                let share = |rows: &[Row]| share_without_bid(rows, bucket, from, to);
                let (theirs, ours) = (share(recorded), share(made));
                let near = (theirs - ours).abs() < within;
                let what = format!("no bid, {}, |delta| from {from}", days(bucket));
                found.compare(&what, theirs, ours, near);
            }
        }
    });
}

#[test]
fn as_many_contracts_are_listed_as_were_listed() {
    each_coin(|found, recorded, made| {
        for bucket in 0..DTE.len() - 1 {
            let (theirs, ours) = (
                strikes_listed(recorded, bucket),
                strikes_listed(made, bucket),
            );
            let near = (0.6..=1.6).contains(&(ours / theirs));
            found.compare(&format!("strikes, {}", days(bucket)), theirs, ours, near);
        }
    });
}

#[test]
fn the_listing_rules_give_the_dates_that_were_listed() {
    each_coin(|found, recorded, _| {
        let mut seen: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for row in recorded {
            let dates = seen.entry(row.at_ms).or_default();
            dates.push(row.instrument.expiry_ms);
            dates.dedup();
        }
        let all = seen.len() as f64;
        let exact = seen
            .iter()
            .filter(|(at_ms, dates)| **dates == expiries(**at_ms));
        let exact = exact.count() as f64;
        found.compare(
            "snapshots with the dates of the rules",
            all,
            exact,
            exact > 0.9 * all,
        );
    });
}

/// Runs a comparison for both coins, or says why not.
fn each_coin(compare: impl Fn(&mut Found, &[Row], &[Row])) {
    let Some(folder) = shared_data("chains") else {
        return;
    };
    for coin in Coin::ALL {
        let mut found = Found::default();
        compare(&mut found, &recorded(&folder, coin), &made(coin));
        assert!(
            found.apart.is_empty(),
            "{coin}:\n{}",
            found.apart.join("\n")
        );
    }
}

/// What was compared and is too far apart.
#[derive(Default)]
struct Found {
    apart: Vec<String>,
}

impl Found {
    fn compare(&mut self, what: &str, theirs: f64, ours: f64, near: bool) {
        let line = format!("{what}: recorded {theirs:.5}, made {ours:.5}");
        eprintln!("{line}");
        if !near {
            self.apart.push(line);
        }
    }
}

fn recorded(folder: &std::path::Path, coin: Coin) -> Vec<Row> {
    let prefix = format!("deribit_chain_6h_{}_", coin.as_str().to_lowercase());
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|file| {
        file.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with(&prefix)
    });
    files.sort();
    let mut rows: Vec<Row> = files.iter().flat_map(|file| read(file)).collect();
    let mut times: Vec<i64> = rows.iter().map(|row| row.at_ms).collect();
    times.dedup();
    let kept: Vec<i64> = times.into_iter().step_by(EVERY).collect();
    rows.retain(|row| kept.binary_search(&row.at_ms).is_ok());
    rows
}

const COLUMNS: [&str; 7] = [
    "ts",
    "instrument_name",
    "underlying_price",
    "bid_price",
    "ask_price",
    "mark_iv",
    "delta",
];

fn read(file: &std::path::Path) -> Vec<Row> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
    let mask = ProjectionMask::columns(builder.parquet_schema(), COLUMNS);
    let reader = builder.with_projection(mask).build().unwrap();
    reader.flat_map(|batch| rows_of(&batch.unwrap())).collect()
}

fn rows_of(batch: &RecordBatch) -> Vec<Row> {
    let times = batch
        .column_by_name("ts")
        .unwrap()
        .as_primitive::<TimestampMillisecondType>();
    let names = batch
        .column_by_name("instrument_name")
        .unwrap()
        .as_string::<i32>();
    let number = |name: &str, row: usize| {
        let column = batch
            .column_by_name(name)
            .unwrap()
            .as_primitive::<Float64Type>();
        column.is_valid(row).then(|| column.value(row))
    };
    let row = |row: usize| {
        Some(Row {
            at_ms: times.value(row),
            instrument: names.value(row).parse().unwrap(),
            forward: number("underlying_price", row)?,
            bid: number("bid_price", row),
            ask: number("ask_price", row),
            iv: number("mark_iv", row)? / 100.0,
            delta: number("delta", row)?,
        })
    };
    (0..batch.num_rows()).filter_map(row).collect()
}

/// Snapshots of six seeds over three years, at irregular hours.
fn made(coin: Coin) -> Vec<Row> {
    let mut rows = Vec::new();
    for seed in 0..6 {
        let market = Synthetic::new(&format!("beside the recorded chains {seed}"));
        for step in 0..28 {
            let at_ms = 1_767_225_600_000
                + (step * 39 + seed) * DAY_MS
                + (step % 4) * 21_600_000
                + 1_234_567;
            let chain = market.chain(coin, at_ms);
            rows.extend(chain.quotes.iter().map(|quote| Row {
                at_ms: at_ms + seed,
                instrument: quote.instrument,
                forward: quote.underlying_price,
                bid: quote.bid,
                ask: quote.ask,
                iv: quote.mark_iv.unwrap(),
                delta: quote.delta.unwrap(),
            }));
        }
    }
    rows
}

/// Of each expiry in a bucket: volatility at the money, 25-delta put less call, and their mean less the money's.
fn smiles(rows: &[Row], bucket: usize) -> impl Iterator<Item = (f64, f64, f64)> {
    let mut calls: BTreeMap<(i64, i64), Vec<&Row>> = BTreeMap::new();
    for row in rows
        .iter()
        .filter(|row| row.instrument.is_call() && dte_bucket(row) == Some(bucket))
    {
        calls
            .entry((row.at_ms, row.instrument.expiry_ms))
            .or_default()
            .push(row);
    }
    calls.into_values().filter_map(|calls| {
        let money = across(&calls, |row| row.instrument.strike() / row.forward, 1.0)?;
        let put = across(&calls, |row| -row.delta, -0.75)?;
        let call = across(&calls, |row| -row.delta, -0.25)?;
        Some((money, put - call, f64::midpoint(put, call) - money))
    })
}

/// The volatility where a key that grows with the strike passes a value, straight between strikes.
fn across(calls: &[&Row], key: impl Fn(&Row) -> f64, value: f64) -> Option<f64> {
    let pair = calls
        .windows(2)
        .find(|pair| key(pair[0]) <= value && value < key(pair[1]))?;
    let along = (value - key(pair[0])) / (key(pair[1]) - key(pair[0]));
    Some(pair[0].iv + along * (pair[1].iv - pair[0].iv))
}

fn spreads(rows: &[Row], bucket: usize, column: usize) -> impl Iterator<Item = f64> {
    let range = DELTA[column]..DELTA[column + 1];
    rows.iter()
        .filter(move |row| dte_bucket(row) == Some(bucket) && range.contains(&row.delta.abs()))
        .filter_map(|row| Some(row.ask? - row.bid?))
}

fn share_without_bid(rows: &[Row], bucket: usize, from: f64, to: f64) -> f64 {
    let inside =
        |row: &&Row| dte_bucket(row) == Some(bucket) && (from..to).contains(&row.delta.abs());
    let all = rows.iter().filter(inside).count();
    let without = rows
        .iter()
        .filter(inside)
        .filter(|row| row.bid.is_none())
        .count();
    without as f64 / all as f64
}

/// Strikes per expiry, mean over the expiries of a bucket.
fn strikes_listed(rows: &[Row], bucket: usize) -> f64 {
    let mut counts: BTreeMap<(i64, i64), usize> = BTreeMap::new();
    for row in rows
        .iter()
        .filter(|row| row.instrument.is_call() && dte_bucket(row) == Some(bucket))
    {
        *counts
            .entry((row.at_ms, row.instrument.expiry_ms))
            .or_default() += 1;
    }
    counts.values().sum::<usize>() as f64 / counts.len() as f64
}

fn days(bucket: usize) -> String {
    format!("{} to {} days", DTE[bucket], DTE[bucket + 1])
}

/// The geometric mean: medians of numbers on ticks jump.
fn mean_ln(values: impl Iterator<Item = f64>) -> f64 {
    let logarithms: Vec<f64> = values.map(f64::ln).collect();
    assert!(
        logarithms.len() > 20,
        "only {} values to compare",
        logarithms.len()
    );
    (logarithms.iter().sum::<f64>() / logarithms.len() as f64).exp()
}

fn dte_bucket(row: &Row) -> Option<usize> {
    let dte = row.instrument.dte(row.at_ms);
    DTE.windows(2)
        .position(|edges| edges[0] < dte && dte <= edges[1])
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    assert!(values.len() > 20, "only {} values to compare", values.len());
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
