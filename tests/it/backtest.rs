//! Backtests over stored chains: what must hold of each recorded month, and the live desk's own decisions.

mod job;
mod rows;
mod sweep;

use crate::support::{TestDb, each_db, shared_data, sqlite};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::LazyLock;
use thetaq::backtest::{Data, Outcome, Policy, Setup, run};
use thetaq::clock::iso;
use thetaq::config::Config;
use thetaq::db::chains::{self, SnapshotRow};
use thetaq::db::series::{self, Origin, Point, Series};
use thetaq::db::{backtest_data, decisions};
use thetaq::domain::chain::Source;
use thetaq::domain::coin::Coin;
use thetaq::domain::settings::ExitStyle;
use thetaq::import::{Silent, import};
use thetaq::market::synthetic::Synthetic;
use thetaq::replay::{ReplayMarket, replay_market};

/// 2026-01-05 00:00 UTC.
pub(crate) const FROM_MS: i64 = 1_767_571_200_000;
pub(crate) const DAY_MS: i64 = 86_400_000;

pub(super) async fn load(test: &TestDb, coin: Coin, range: (i64, i64)) -> Data {
    let loaded = backtest_data::load(&test.db, chains::RECORDED, coin, range, |_, _| true);
    loaded.await.unwrap().unwrap()
}

/// Days of synthetic chains, three a day, and their delivery prices, stored as if they had been recorded.
pub(crate) async fn record(test: &TestDb, days: i64) {
    chains_alone(test, days).await;
    prices(test, days).await;
}

/// As [`record`], without the chains of some days.
pub(crate) async fn record_with_hole(test: &TestDb, days: i64, hole: Range<i64>) {
    chains_of(test, (0..days).filter(|day| !hole.contains(day))).await;
    prices(test, days).await;
}

async fn prices(test: &TestDb, days: i64) {
    let mut tx = test.db.begin().await.unwrap();
    for coin in Coin::ALL {
        let index_name = coin.index_name().to_owned();
        let closes: Vec<Point> = (-240..=days)
            .map(|day| FROM_MS + day * DAY_MS + DAY_MS / 3)
            .map(|at_ms| Point::new(at_ms, [Some(MADE.delivery_price(coin, at_ms))]))
            .collect();
        let series = Series::DeliveryPrices { index_name };
        series::insert(&mut tx, &series, Origin::of_file("test"), &closes)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
}

static MADE: LazyLock<Synthetic> = LazyLock::new(|| Synthetic::new("recorded"));

/// The chains without the prices that they settle at.
pub(super) async fn chains_alone(test: &TestDb, days: i64) {
    chains_of(test, 0..days).await;
}

async fn chains_of(test: &TestDb, days: impl Iterator<Item = i64>) {
    let mut tx = test.db.begin().await.unwrap();
    for n in days.flat_map(|day| 3 * day..3 * day + 3) {
        for coin in Coin::ALL {
            let mut chain = MADE.chain(coin, FROM_MS + n * DAY_MS / 3);
            chain.source = Source::Recorded;
            let row = SnapshotRow::of_chain(chains::RECORDED, &chain);
            chains::insert(&mut tx, &row).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
}

/// Quotes are counted while they are read, up to all there are, and the data say whose their prices are.
#[tokio::test(flavor = "multi_thread")]
async fn reading_tells_how_many_quotes_of_all() {
    each_db(async |test| {
        record(&test, 2).await;
        let mut heard = Vec::new();
        let range = (FROM_MS, FROM_MS + 2 * DAY_MS);
        let tell = |read, all| {
            heard.push((read, all));
            true
        };
        let loaded = backtest_data::load(&test.db, chains::RECORDED, Coin::Btc, range, tell);
        let data = loaded.await.unwrap().unwrap();
        let all = data.stamp.quotes as i64;
        assert!(heard.len() == 6 && heard.iter().all(|(_, whole)| *whole == all));
        assert!(
            heard.is_sorted() && heard[0].0 > 0 && heard[5] == (all, all),
            "{heard:?}"
        );
        let whose = &data.stamp.prices["delivery"];
        assert_eq!(whose, "delivery_price of recorded (242)");
    })
    .await;
}

/// The live tick loop over the same chains with the same settings decides the same, instant by instant.
#[tokio::test(flavor = "multi_thread")]
async fn the_live_desk_and_the_backtester_decide_alike() {
    let days = 6;
    each_db(async |test| {
        record(&test, days).await;
        for text in [
            "[desk]\nivrv_min = 0.1\ndte_max = 3",
            "[desk]\nivrv_min = 0.1\nmax_calls_per_underlying = 3\ndaily_drawdown_limit = 0.001\n[policy]\nname = \"rules_v1\"\nexplore_prob = 0.9\npremium_min_usd = 5",
        ] {
            let config = Config::parse(text, "test").unwrap();
            let to_ms = FROM_MS + days * DAY_MS;
            let wanted = ReplayMarket {
                from_ms: FROM_MS,
                to_ms,
                seed: Some("7".to_owned()),
                desk: Some("replay".to_owned()),
                underlyings: Vec::new(),
            };
            replay_market(&test.db, &config, &wanted, |_, _| {}).await.unwrap();
            let rows = decisions::all(&test.db, "replay").await.unwrap();
            for coin in Coin::ALL {
                let setup = Setup {
                    from_ms: FROM_MS,
                    to_ms,
                    initial_coin: config.exchange.deposit(coin),
                    ..Setup::of_desk(&config.settings(), coin, "7")
                };
                let data = load(&test, coin, (FROM_MS, to_ms)).await;
                let again = run(&data, &setup).unwrap();
                let live: Vec<_> = rows
                    .iter()
                    .filter(|row| row.underlying == coin.as_str())
                    .map(|row| {
                        let named = row.instrument.clone().filter(|_| row.final_action != "DO_NOTHING");
                        (row.as_of_ms, row.proposed_action.clone(), row.final_action.clone(), named, row.propensity, row.explored, row.refusal.clone())
                    })
                    .collect();
                let ours: Vec<_> = again
                    .taken
                    .iter()
                    .map(|one| {
                        let named = one.final_action.instrument().map(|call| call.name());
                        (one.at_ms, one.proposed.name().to_owned(), one.final_action.name().to_owned(), named, one.propensity, one.explored, one.refusal.clone())
                    })
                    .collect();
                assert_eq!(live, ours, "{coin} {text}");
                assert!(again.metrics.legs >= 2, "{:?}", again.metrics);
            }
        }
    })
    .await;
}

/// The cash flows are the balance to the last satoshi, and the causes add up to the change of equity.
fn conserves(run: &Outcome) {
    let flows = run.flows;
    let last = run.points.last().unwrap();
    let balance = run.setup.coin() + flows.premium - flows.paid - flows.fees - flows.settlements;
    assert_eq!(balance, last.balance);
    let start: f64 = run.setup.coin().to_string().parse().unwrap();
    let held: f64 = last.balance.to_string().parse().unwrap();
    assert!((held + last.option_value - last.equity).abs() < 1e-8);
    let change = last.equity - start;
    assert!((run.attribution.coin.sum() - change).abs() < 1e-7);
    let pnl: Decimal = run.chains.iter().map(|chain| chain.pnl).sum();
    let pnl: f64 = pnl.to_string().parse().unwrap();
    assert!((pnl - change).abs() < 1e-7, "{pnl} of {change}");
    let usd = last.equity_usd() - start * run.points[0].index_price;
    assert!((run.attribution.usd.sum() - usd).abs() < 1e-2);
}

/// Imports the delivery prices, the volatility index and the chain files whose name has one of `parts`.
pub(crate) async fn shared(test: &TestDb, parts: &[&str]) -> bool {
    let (Some(chains), Some(prices), Some(dvol)) = (
        shared_data("chains"),
        shared_data("settlement"),
        shared_data("dvol"),
    ) else {
        return false;
    };
    let mut paths: Vec<PathBuf> = vec![prices, dvol];
    for entry in std::fs::read_dir(chains).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if parts.iter().any(|part| name.contains(part)) {
            paths.push(path);
        }
    }
    import(&test.db, &paths, &mut Silent).await.unwrap();
    true
}

/// Every recorded month of every underlying under each exit style, from the rows that are stored.
#[tokio::test(flavor = "multi_thread")]
async fn equity_is_conserved_on_every_recorded_month() {
    let test = sqlite().await;
    if !shared(&test, &["6h_", "eod_"]).await {
        return;
    }
    let mut seen = Vec::new();
    for coin in Coin::ALL {
        let range = (0, i64::MAX);
        let data = load(&test, coin, range).await;
        let month = |at_ms: i64| iso(at_ms)[..7].to_owned();
        let times = data.snapshots().iter().map(|one| one.chain.at_ms);
        let mut months: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for at_ms in times {
            months.entry(month(at_ms)).or_insert((at_ms, at_ms)).1 = at_ms;
        }
        for (name, (from_ms, to_ms)) in months {
            for exit in [
                ExitStyle::HoldToExpiry,
                ExitStyle::TpAndRoll,
                ExitStyle::Rules,
            ] {
                let setup = Setup {
                    underlying: coin,
                    from_ms,
                    to_ms,
                    exit,
                    policy: Policy::Always,
                    ..Setup::default()
                };
                let run = run(&data, &setup).unwrap();
                conserves(&run);
                assert!(run.data.shares["recorded"] == 1.0 && run.metrics.chains > 0);
                let id = format!("{coin} {name} {}", exit.as_str());
                rows::conserve(&test, &data, &run, &id).await;
            }
            seen.push(format!("{coin} {name}"));
        }
    }
    assert!(seen.len() >= 17, "{seen:?}");
}
