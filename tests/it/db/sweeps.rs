//! Sweeps and their runs, written and read on both engines.

use super::{Pair, START_MS};
use serde_json::{Map, Value, json};
use thetaq::backtest::sweep::{
    Axis, Currency, Plan, Trial, Tried, WalkForwardDays, judge, try_one,
};
use thetaq::backtest::{Data, synthetic};
use thetaq::db::Db;
use thetaq::db::sweeps::{self, End, NewRun, NewSweep};
use thetaq::domain::coin::Coin;

const DAY_MS: i64 = 86_400_000;
const DAYS: i64 = 24;

fn market() -> Data {
    synthetic(
        "sweeps",
        Coin::Btc,
        START_MS,
        START_MS + DAYS * DAY_MS,
        DAY_MS / 2,
    )
}

/// Six settings, of which the last cannot be run.
fn tried(data: &Data, trials: &[Trial]) -> Vec<Result<Tried, String>> {
    let one = |(n, trial): (usize, &Trial)| match n {
        5 => Err("no delivery price".to_owned()),
        _ => Ok(try_one(data, &trial.setup).unwrap()),
    };
    trials.iter().enumerate().map(one).collect()
}

fn plan() -> Plan {
    let axes = ["delta_target=0.1..0.3/0.1", "take_profit=0.5,0.8"];
    Plan {
        axes: axes.iter().map(|text| Axis::parse(text).unwrap()).collect(),
        ..Plan::default()
    }
}

fn settings() -> Map<String, Value> {
    let free = ["score_min", "ivrv_min"].map(|key| (key.to_owned(), json!(0)));
    Map::from_iter(free)
}

const AHEAD: WalkForwardDays = WalkForwardDays {
    train_days: 10,
    test_days: 5,
    gap_days: 0,
    anchored: false,
};

fn new_sweep<'a>(
    data: &'a Data,
    plan: &'a Plan,
    settings: &'a Map<String, Value>,
    runs: usize,
) -> NewSweep<'a> {
    NewSweep {
        id: "sweep",
        job: "job",
        source: "synthetic",
        market_seed: Some("sweeps"),
        underlying: "BTC",
        plan,
        settings,
        currency: Currency::Coin,
        walk_forward: Some(&AHEAD),
        data: &data.stamp,
        range: (START_MS, START_MS + DAYS * DAY_MS),
        runs,
        refused: 1,
        code_version: "test",
        at_ms: 7,
    }
}

fn new_runs<'a>(trials: &'a [Trial], found: &'a [Result<Tried, String>]) -> Vec<NewRun<'a>> {
    let pairs = trials.iter().zip(found).enumerate();
    pairs
        .map(|(n, (trial, tried))| NewRun {
            n,
            values: &trial.values,
            setup: &trial.setup,
            tried: tried.as_ref().map_err(Clone::clone),
        })
        .collect()
}

fn days() -> Vec<i64> {
    let first = START_MS.div_euclid(DAY_MS) * DAY_MS;
    (0..=DAYS).map(|day| first + day * DAY_MS).collect()
}

/// A whole sweep with its judgement, for tests that only read it.
pub(super) async fn store(db: &Db) {
    let (data, plan, settings) = (market(), plan(), settings());
    let trials = plan.trials(&settings).unwrap().points;
    let found = tried(&data, &trials);
    let mut tx = db.begin().await.unwrap();
    let new = new_sweep(&data, &plan, &settings, trials.len());
    sweeps::begin(&mut tx, &new).await.unwrap();
    let runs = new_runs(&trials, &found);
    sweeps::insert_runs(&mut tx, "sweep", &runs, 8)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let stored = sweeps::tried(db, "sweep").await.unwrap();
    let judged = judge(&stored, &days(), Currency::Coin, Some(&AHEAD), "seed").unwrap();
    let mut tx = db.begin().await.unwrap();
    sweeps::judged(&mut tx, "sweep", &judged, End::Done, 9)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_from_its_beginning_to_its_judgement() {
    let pair = Pair::empty().await;
    let data = market();
    let (plan, settings) = (plan(), settings());
    let trials = plan.trials(&settings).unwrap().points;
    let ahead = AHEAD;
    let new = new_sweep(&data, &plan, &settings, trials.len());
    pair.change(async |tx| Ok(sweeps::begin(tx, &new).await?))
        .await;
    let found = tried(&data, &trials);
    let runs = new_runs(&trials, &found);
    pair.change(async |tx| Ok(sweeps::insert_runs(tx, "sweep", &runs[..4], 8).await?))
        .await;
    pair.change(async |tx| Ok(sweeps::insert_runs(tx, "sweep", &runs[4..], 9).await?))
        .await;
    let there = pair
        .same(async |db| Ok(sweeps::numbers(db, "sweep", 1, 4).await?))
        .await;
    assert_eq!(there, [1, 2, 3]);
    let stored = pair
        .same(async |db| Ok(sweeps::tried(db, "sweep").await?))
        .await;
    let expect: Vec<(usize, Tried)> = (0..5).map(|n| (n, found[n].clone().unwrap())).collect();
    assert_eq!(stored, expect, "to the last bit");
    let days = days();
    let judged = judge(&stored, &days, Currency::Coin, Some(&ahead), "seed").unwrap();
    assert_eq!(judged.runs, 5);
    pair.change(async |tx| Ok(sweeps::judged(tx, "sweep", &judged, End::Stopped, 10).await?))
        .await;
    pair.change(async |tx| Ok(sweeps::set_stopped(tx, "sweep", false, 11).await?))
        .await;
    pair.change(async |tx| Ok(sweeps::judged(tx, "sweep", &judged, End::Done, 12).await?))
        .await;
    let row = pair
        .same(async |db| {
            Ok(sweeps::get(db, "sweep").await?.map(|row| {
                (
                    row.state,
                    row.runs_done,
                    row.runs_failed,
                    row.refused,
                    row.finished_ms,
                )
            }))
        })
        .await;
    assert_eq!(row, Some(("done".to_owned(), 6, 1, 1, Some(12))));
    let of_job = pair
        .same(async |db| Ok(sweeps::of_job(db, "job").await?.map(|row| row.id)))
        .await;
    assert_eq!(of_job.as_deref(), Some("sweep"));
    let ranked = pair
        .same(async |db| {
            Ok(sweeps::runs(db, "sweep", 10)
                .await?
                .iter()
                .map(|run| (run.place, run.n))
                .collect::<Vec<_>>())
        })
        .await;
    let expect: Vec<(Option<i64>, i64)> = (1..)
        .zip(&judged.ranking)
        .map(|(place, n)| (Some(place), *n as i64))
        .chain([(None, 5)])
        .collect();
    assert_eq!(ranked, expect);
    let failed = pair
        .same(async |db| Ok(sweeps::run(db, "sweep", 5).await?.unwrap().error))
        .await;
    assert_eq!(failed.as_deref(), Some("no delivery price"));
    let document = pair
        .same(async |db| Ok(sweeps::document(db, "sweep", 3).await?.unwrap().to_string()))
        .await;
    assert!(document.contains("\"deflated_sharpe\""));
    let listed = pair
        .same(async |db| Ok(sweeps::list(db, 5).await?.len()))
        .await;
    assert_eq!(listed, 1);
    pair.change(async |tx| Ok(sweeps::fail(tx, "sweep", "broken", 13).await?))
        .await;
    let row = pair
        .same(async |db| {
            Ok(sweeps::get(db, "sweep")
                .await?
                .map(|row| (row.state, row.error)))
        })
        .await;
    assert_eq!(row, Some(("failed".to_owned(), Some("broken".to_owned()))));
    assert!(
        pair.change(async |tx| Ok(sweeps::delete(tx, "sweep").await?))
            .await
    );
    let left = pair
        .same(async |db| Ok(sweeps::runs(db, "sweep", 10).await?.len()))
        .await;
    assert_eq!(left, 0, "the runs go with it");
}
