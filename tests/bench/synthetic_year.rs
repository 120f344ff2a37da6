//! A year of daily decisions on the synthetic market, pricing included, and what a scan of candidates costs.

use super::{milliseconds, print};
use std::sync::Arc;
use thetaq::backtest::{Data, Run, Setup, Snapshot, Strategy, run, synthetic};
use thetaq::clock::Stopwatch;
use thetaq::domain::chain::Chain;
use thetaq::domain::coin::Coin;
use thetaq::domain::context::Context;
use thetaq::domain::portfolio::Portfolio;
use thetaq::domain::pricing::black76;
use thetaq::domain::settings::{Mode, Settings};
use thetaq::fills;
use thetaq::market::candidates::qualified;
use thetaq::market::synthetic::Synthetic;

/// 2026-01-05 09:00 UTC.
const FROM_MS: i64 = 1_767_603_600_000;
const DAY_MS: i64 = 86_400_000;

/// A year of daily decisions on a synthetic market, beside pricing 35 contracts a day and nothing else.
pub(crate) fn year() {
    let to_ms = FROM_MS + 364 * DAY_MS;
    let setup = Setup {
        interval_ms: DAY_MS,
        dte_min: 5.0,
        dte_max: 12.0,
        ..Setup::default()
    };
    let bare = milliseconds(price_35_a_day);
    let reference = "pricing 35 contracts a day one by one";
    let watch = Stopwatch::start();
    let data = synthetic("bench", Coin::Btc, FROM_MS, to_ms, DAY_MS);
    let made = 1e3 * watch.elapsed().as_secs_f64();
    print("synthetic_year_made_whole", made, "ms", reference, bare);
    let whole = run(&data, &setup).unwrap();
    let value = milliseconds(|| run(&data, &setup).unwrap());
    print("synthetic_year_run", value, "ms", reference, bare);

    let market = Synthetic::new("bench");
    let mut contracts = 0;
    let mut year = || {
        contracts = 0;
        let mut going = Run::new(&data, &setup, Strategy::Policy).unwrap();
        let grid = |at_ms, book: &Portfolio| {
            let chain = day_grid(&market, at_ms, &setup, book);
            contracts += chain.quotes.len();
            chain
        };
        going.advance_on(grid).unwrap();
        going.finish()
    };
    assert_eq!(year().metrics, whole.metrics, "the grid lacks a quote");
    let value = milliseconds(&mut year);
    let contracts = contracts as f64 / 365.0;
    let name = format!("synthetic_year_priced_and_run_{contracts:.0}_contracts_a_day");
    print(&name, value, "ms", reference, bare);
}

/// Calls that a day's decision can look at: those of the band, and the expiry that is held below it.
fn day_grid(market: &Synthetic, at_ms: i64, setup: &Setup, book: &Portfolio) -> Chain {
    let days = book.positions().map(|held| held.instrument.dte(at_ms));
    let held = days.min_by(f64::total_cmp).unwrap_or(setup.dte_min);
    let bands = [(held, held), (setup.dte_min, setup.dte_max)];
    market.chain_bands(Coin::Btc, at_ms, &bands, true)
}

fn price_35_a_day() -> f64 {
    let mut sum = 0.0;
    for day in 0..365 {
        for strike in 0..35 {
            let forward = 90_000.0 + f64::from(day);
            let strike = 80_000.0 + 1_000.0 * f64::from(strike);
            sum += black76(true, forward, strike, 0.5, 7.0 / 365.0).price_usd;
        }
    }
    sum
}

/// A scan of whole chains, by bands of days, beside the same scan of chains that hold the band alone: a
/// ratio of 1 says that the rest of the chain costs nothing.
pub(crate) fn scans() {
    let market = Synthetic::new("bench");
    let data = synthetic("bench", Coin::Btc, FROM_MS, FROM_MS + 29 * DAY_MS, DAY_MS);
    for dte_max in [9.0, 21.0, 100.0] {
        let settings = Settings {
            dte_min: 1.0,
            dte_max,
            ..Settings::of(Mode::Research)
        };
        let band = |at_ms| market.chain_band(Coin::Btc, at_ms, 1.0, dte_max, true);
        let whole = contexts(&data, |snapshot| Arc::clone(&snapshot.chain));
        let alone = contexts(&data, |snapshot| Arc::new(band(snapshot.chain.at_ms)));
        let contracts: usize = alone.iter().map(|one| one.chain.quotes.len()).sum();
        let [whole, alone] = [whole, alone].map(|contexts| {
            let scan = || {
                let found = contexts.iter().map(|context| qualified(context, &settings));
                found.map(|calls| calls.len()).sum::<usize>()
            };
            1e6 * milliseconds(scan) / contracts as f64
        });
        let name = format!("candidate_scan_of_{}_calls_in_the_band", contracts / 30);
        print(
            &name,
            whole,
            "ns a contract of the band",
            "the band alone",
            alone,
        );
    }
}

fn contexts(data: &Data, chain: impl Fn(&Snapshot) -> Arc<Chain>) -> Vec<Context> {
    let context = |snapshot: &Snapshot| {
        let chain = chain(snapshot);
        Context {
            coin: chain.coin,
            as_of_ms: chain.at_ms,
            index_price: chain.index_price,
            account: fills::account(&Portfolio::default(), chain.coin, &chain),
            positions: Vec::new(),
            working: Vec::new(),
            features: snapshot.features.clone(),
            day_peak_equity: None,
            orders_last_minute: 0,
            chain,
        }
    };
    data.snapshots().iter().map(context).collect()
}
