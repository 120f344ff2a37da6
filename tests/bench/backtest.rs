//! Backtests over the recorded chains and over a synthetic year, against bare loops over the same quotes
//! in the same run. One JSON line per figure.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and fails by panicking"
)]

mod synthetic_year;

use serde_json::json;
use std::hint::black_box;
use std::path::PathBuf;
use thetaq::backtest::{Data, Policy, Setup, baselines, run};
use thetaq::clock::Stopwatch;
use thetaq::db::{Db, backtest_data, chains};
use thetaq::domain::coin::Coin;
use thetaq::domain::settings::ExitStyle;
use thetaq::import::{Silent, import};

const RANGE: (i64, i64) = (0, i64::MAX);

#[tokio::main]
async fn main() {
    synthetic_year::year();
    synthetic_year::scans();
    let shared = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    if !shared.exists() {
        eprintln!("skipped: {} is not there", shared.display());
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let db = Db::open(&format!(
        "sqlite://{}",
        home.path().join("bench.db").display()
    ))
    .await
    .unwrap();
    db.migrate().await.unwrap();
    let mut paths = vec![shared.join("settlement"), shared.join("dvol")];
    let files = std::fs::read_dir(shared.join("chains")).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    paths.extend(files.filter(|path| path.display().to_string().contains("6h_btc")));
    import(&db, &paths, &mut Silent).await.unwrap();
    let data = load(&db).await;
    recorded(&data);
    db.close().await;
}

/// Chains, features and fingerprint from SQLite, beside decoding alone.
async fn load(db: &Db) -> Data {
    let (mut best, mut bare) = (f64::MAX, f64::MAX);
    let mut data = None;
    for _ in 0..3 {
        let watch = Stopwatch::start();
        let mut quotes = 0;
        let mut scan = chains::scan(db, chains::RECORDED, Coin::Btc, RANGE.0, RANGE.1);
        while let Some(chain) = scan.next().await {
            quotes += chain.unwrap().quotes.len();
        }
        bare = bare.min(watch.elapsed().as_secs_f64() / quotes as f64);
        let watch = Stopwatch::start();
        let loaded = backtest_data::load(db, chains::RECORDED, Coin::Btc, RANGE, |_, _| true);
        let loaded = loaded.await.unwrap().unwrap();
        best = best.min(watch.elapsed().as_secs_f64() / loaded.stamp.quotes as f64);
        data = Some(loaded);
    }
    print(
        "load_quotes_per_second",
        1.0 / best,
        "quotes/s",
        "decoding alone",
        1.0 / bare,
    );
    data.unwrap()
}

fn recorded(data: &Data) {
    let setup = Setup::default();
    let bare = milliseconds(|| bare_loop(data, &setup));
    let named = [
        ("tp_and_roll", setup.clone()),
        (
            "hold_to_expiry",
            Setup {
                exit: ExitStyle::HoldToExpiry,
                ..setup.clone()
            },
        ),
        (
            "rules_v2",
            Setup {
                policy: Policy::RulesV2,
                exit: ExitStyle::Rules,
                ..setup.clone()
            },
        ),
        // Nothing ever qualifies: the band is scanned at every step.
        (
            "scanning_always",
            Setup {
                ivrv_min: 99.0,
                ..setup.clone()
            },
        ),
    ];
    for (name, setup) in named {
        let value = milliseconds(|| run(data, &setup).unwrap());
        let name = format!("five_months_{name}");
        print(
            &name,
            value,
            "ms",
            "bare loop over the band, marks and best premium",
            bare,
        );
    }
    let whole = milliseconds(|| {
        let outcome = run(data, &setup).unwrap();
        baselines(data, &outcome).unwrap()
    });
    print(
        "five_months_with_baselines",
        whole,
        "ms",
        "bare loop over the band, marks and best premium",
        bare,
    );
}

/// The least that a backtest does: the best premium in the band when flat, the mark of what is held else.
fn bare_loop(data: &Data, setup: &Setup) -> f64 {
    let (mut equity, mut held) = (1.0, None);
    for snapshot in data.snapshots() {
        let chain = &snapshot.chain;
        if let Some((call, _)) = held {
            match chain.quote(&call) {
                Some(quote) => equity += black_box(quote.mark.unwrap_or(0.0)) * 1e-12,
                None => held = None,
            }
        }
        if held.is_none() {
            let band = chain.dte_band(setup.dte_min, setup.dte_max).iter();
            let calls = band.filter_map(|quote| Some((quote.instrument, quote.delta?, quote.bid?)));
            let best = calls
                .filter(|(_, delta, _)| (setup.delta_min..=setup.delta_max).contains(delta))
                .max_by(|one, other| one.2.total_cmp(&other.2));
            held = best.map(|(call, _, bid)| (call, bid));
            equity += held.map_or(0.0, |(_, bid)| 0.1 * bid);
        }
    }
    equity
}

/// Median of repeated runs.
fn milliseconds<T>(mut work: impl FnMut() -> T) -> f64 {
    let mut times: Vec<f64> = (0..21)
        .map(|_| {
            let watch = Stopwatch::start();
            black_box(work());
            1e3 * watch.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn print(bench: &str, value: f64, unit: &str, reference: &str, reference_value: f64) {
    let line = json!({
        "bench": bench, "value": value, "unit": unit, "reference": reference,
        "reference_value": reference_value, "ratio": value / reference_value,
    });
    println!("{line}");
}
