//! Plans and judgements by hand.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;
use crate::backtest::{Builder, Policy, synthetic, synthetic_daily};
use crate::clock::Random;
use crate::domain::coin::Coin;
use crate::domain::instrument::DAY_MS;
use crate::market::synthetic::Synthetic;
use serde_json::{Map, Value, json};

/// 2026-01-05.
const FROM_MS: i64 = 1_767_571_200_000;

fn plan(axes: &[&str], draws: Option<usize>) -> Plan {
    Plan {
        axes: axes.iter().map(|text| Axis::parse(text).unwrap()).collect(),
        draws,
        seed: "test".to_owned(),
    }
}

fn base() -> Map<String, Value> {
    Map::new()
}

#[test]
fn a_grid_is_every_combination_with_exact_decimals() {
    let plan = plan(
        &["delta_target=0.1..0.3/0.1", "policy=rules_v1,never"],
        None,
    );
    let trials = plan.trials(&base()).unwrap();
    let shown: Vec<String> = trials
        .points
        .iter()
        .map(|one| Value::Object(one.values.clone()).to_string())
        .collect();
    assert_eq!(shown.len(), 6);
    assert_eq!(shown[0], r#"{"delta_target":0.1,"policy":"rules_v1"}"#);
    assert_eq!(shown[5], r#"{"delta_target":0.3,"policy":"never"}"#);
    assert_eq!(trials.points[5].setup.policy, Policy::Never);
    assert_eq!(
        plan.axes.iter().map(Axis::text).collect::<Vec<_>>(),
        ["delta_target=0.1..0.3/0.1", "policy=rules_v1,never"]
    );
}

#[test]
fn combinations_that_are_no_settings_are_counted_and_left_out() {
    let crossed = plan(&["delta_min=0.1,0.3", "delta_max=0.2,0.4"], None)
        .trials(&base())
        .unwrap();
    assert_eq!((crossed.points.len(), crossed.refused), (3, 1));
    let none = plan(&["delta_min=0.3,0.35", "delta_max=0.2,0.25"], None)
        .trials(&base())
        .unwrap_err();
    assert_eq!(none.key, "delta_min");
}

#[test]
fn draws_are_of_the_seed_and_never_twice_the_same() {
    let drawn = |seed: &str| {
        Plan {
            seed: seed.to_owned(),
            ..plan(&["delta_target=0.1..0.4", "rolls_max=0..5"], Some(200))
        }
        .trials(&base())
        .unwrap()
    };
    assert_eq!(drawn("a"), drawn("a"));
    assert_ne!(drawn("a"), drawn("b"));
    let shown: std::collections::BTreeSet<String> = drawn("a")
        .points
        .iter()
        .map(|one| format!("{:?}", one.values))
        .collect();
    assert_eq!(shown.len(), 200);
    assert!(
        drawn("a")
            .points
            .iter()
            .all(|one| (0.1..=0.4).contains(&one.setup.delta_target) && one.setup.rolls_max <= 5)
    );
    let small = plan(&["rolls_max=0..2"], Some(50)).trials(&base()).unwrap();
    assert_eq!(small.points.len(), 3, "there are no more points");
}

#[test]
fn what_is_no_plan_says_why() {
    let refused = |axes: &[&str], draws, expect: &str| {
        let error = plan(axes, draws).trials(&base()).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    };
    refused(&[], None, "axes: a sweep varies at least one setting");
    refused(&["colour=1"], None, "colour: there is no such setting");
    refused(&["from_ms=0,1"], None, "from_ms: says which market");
    refused(
        &["delta_target=0.1..0.4"],
        None,
        "delta_target: a grid needs a step",
    );
    refused(
        &["delta_target=0.1..0.4/0"],
        None,
        "delta_target: a step of 0",
    );
    refused(&["exit=1..2/1"], None, "exit: is not a number");
    refused(
        &["delta_target=0.4..0.1/0.1"],
        None,
        "delta_target: give values, or from below to",
    );
    refused(
        &["delta_target=0.1,7"],
        None,
        "delta_target: `7` is not a number from 0 to 1",
    );
    refused(
        &["delta_target=0.1", "delta_target=0.2"],
        None,
        "delta_target: varies twice",
    );
    refused(
        &["delta_target=0..1/0.001", "take_profit=0..1/0.01"],
        None,
        "axes: the grid has more than 10000",
    );
    refused(&["delta_target=0.1"], Some(0), "draws: 0 is not from 1");
    assert!(
        Axis::parse("delta")
            .unwrap_err()
            .to_string()
            .contains("KEY=A,B,C")
    );
    assert!(
        Axis::parse("delta=a..b")
            .unwrap_err()
            .to_string()
            .contains("`a` is not a number")
    );
}

#[test]
fn a_run_has_a_return_for_every_day_and_they_make_its_result() {
    let data = synthetic(
        "sweep",
        Coin::Btc,
        FROM_MS,
        FROM_MS + 40 * DAY_MS,
        DAY_MS / 3,
    );
    let setup = Setup {
        score_min: 0.0,
        ivrv_min: 0.0,
        ..Setup::default()
    };
    let tried = try_one(&data, &setup).unwrap();
    assert_eq!(
        (tried.returns_coin.len(), tried.returns_usd.len()),
        (41, 41)
    );
    let of = |returns: &[f64]| super::statistic::total_return(returns).unwrap();
    assert!((of(&tried.returns_coin) - tried.metrics.coin.total_return).abs() < 1e-12);
    assert!((of(&tried.returns_usd) - tried.metrics.usd.total_return).abs() < 1e-12);
    assert!(tried.metrics.chains > 0);
}

/// Runs of given daily returns.
fn made(rows: &[Vec<f64>]) -> (Vec<(usize, Tried)>, Vec<i64>) {
    let data = synthetic("sweep", Coin::Btc, FROM_MS, FROM_MS + DAY_MS, DAY_MS);
    let metrics = try_one(
        &data,
        &Setup {
            policy: Policy::Never,
            ..Setup::default()
        },
    )
    .unwrap()
    .metrics;
    let tried = |row: &Vec<f64>| Tried {
        metrics: metrics.clone(),
        returns_coin: row.clone(),
        returns_usd: row.clone(),
    };
    let days = (0..rows[0].len() as i64)
        .map(|day| FROM_MS + day * DAY_MS)
        .collect();
    (rows.iter().map(tried).enumerate().collect(), days)
}

#[test]
fn the_ranking_prefers_what_is_good_in_every_span_to_one_lucky_span() {
    let mut random = Random::from_parts(&["ranking"]);
    let mut noise = |drift: f64| {
        (0..60)
            .map(|_| drift + 0.01 * random.normal())
            .collect::<Vec<f64>>()
    };
    let (steady, mut lucky, poor) = (noise(0.006), noise(-0.004), noise(-0.004));
    lucky[..10].iter_mut().for_each(|one| *one += 0.2);
    let (runs, days) = made(&[poor, lucky, steady]);
    let found = judge(&runs, &days, Currency::Coin, None, "seed").unwrap();
    assert_eq!(found.ranking[0], 2);
    let lucky = super::statistic::total_return(&runs[1].1.returns_coin);
    let steady = super::statistic::total_return(&runs[2].1.returns_coin);
    assert!(lucky > steady, "the lucky one earned more");
    let best = &found.best[0];
    assert_eq!((best.n, best.place), (2, 1));
    assert!(best.mean_rank < 1.6, "{}", best.mean_rank);
    let sharpe = best.sharpe.unwrap();
    assert!(sharpe.low < sharpe.estimate && sharpe.estimate < sharpe.high);
}

#[test]
fn luck_among_many_is_called_luck() {
    let mut random = Random::from_parts(&["luck"]);
    let rows: Vec<Vec<f64>> = (0..60)
        .map(|_| (0..120).map(|_| 0.01 * random.normal()).collect())
        .collect();
    let (runs, days) = made(&rows);
    let found = judge(&runs, &days, Currency::Usd, None, "seed").unwrap();
    assert!(found.deflated_sharpe.unwrap() < 0.95, "{found:?}");
    assert!(found.overfit_probability.unwrap() > 0.2, "{found:?}");
    assert_eq!(
        (found.runs, found.days, found.blocks, found.best.len()),
        (60, 120, 16, 10)
    );
    let again = judge(&runs, &days, Currency::Usd, None, "seed").unwrap();
    assert_eq!(found, again, "the same seed, the same intervals");
}

#[test]
fn walk_forward_judges_where_it_did_not_choose() {
    // The first run gains in the first ten days and loses after; the second the reverse.
    let turn = |sign: f64| {
        (0..20)
            .map(|day| if day < 10 { sign } else { -sign })
            .map(|x: f64| x * 0.01)
            .collect::<Vec<_>>()
    };
    let mut rows = vec![turn(1.0), turn(-1.0)];
    for row in &mut rows {
        row.iter_mut().step_by(2).for_each(|x| *x *= 1.5);
    }
    let (runs, days) = made(&rows);
    let plan = WalkForwardDays {
        train_days: 10,
        test_days: 5,
        gap_days: 0,
        anchored: false,
    };
    let found = judge(&runs, &days, Currency::Coin, Some(&plan), "seed")
        .unwrap()
        .walk_forward
        .unwrap();
    let chosen: Vec<usize> = found.windows.iter().map(|window| window.n).collect();
    assert_eq!(chosen.len(), 2);
    assert_eq!(chosen[0], 0);
    assert!(found.windows[0].train_sharpe > Some(0.0) && found.windows[0].test_sharpe < Some(0.0));
    assert_eq!(found.together.days, 10);
    let too_long = WalkForwardDays {
        train_days: 30,
        ..plan
    };
    let error = judge(&runs, &days, Currency::Coin, Some(&too_long), "seed").unwrap_err();
    assert!(error.to_string().contains("need"), "{error}");
}

#[test]
fn what_cannot_be_judged_is_null() {
    let (runs, days) = made(&[vec![0.0; 3]]);
    let found = judge(&runs, &days, Currency::Coin, None, "seed").unwrap();
    assert_eq!(
        (
            found.deflated_sharpe,
            found.overfit_probability,
            found.blocks
        ),
        (None, None, 0)
    );
    let none = judge(&[], &[], Currency::Coin, None, "seed").unwrap();
    assert_eq!((none.runs, none.best.len()), (0, 0));
    let value = json!(none);
    assert_eq!(value["best"], json!([]));
}

/// Thirty days, a year of nothing, thirty days: what the coin did in that year is in no daily return, so that it
/// ranks nothing, and days and returns still stand side by side.
#[test]
fn the_return_across_a_gap_ranks_nothing() {
    let market = Synthetic::new("hole");
    let day_ms = |day: i64| FROM_MS + day * DAY_MS + DAY_MS / 3;
    let mut builder = Builder::new(Coin::Btc, synthetic_daily(&market, Coin::Btc, day_ms(430)));
    let days: Vec<i64> = (0..30).chain(400..430).collect();
    for day in &days {
        builder.push(market.chain(Coin::Btc, day_ms(*day)), "hole", "synthetic");
    }
    let data = builder.finish("hole");
    let index = |day: usize| data.snapshots()[day].chain.index_price;
    let crossed = index(30) / index(29) - 1.0;
    let held = Setup {
        policy: Policy::Never,
        ..Setup::default()
    };
    let tried = try_one(&data, &held).unwrap();
    assert_eq!(
        (tried.returns_usd.len(), tried.returns_coin.len()),
        (60, 60)
    );
    assert!(
        tried
            .returns_usd
            .iter()
            .all(|one| (one - crossed).abs() > 1e-3),
        "the year came to {crossed} and is no day: {:?}",
        tried.returns_usd
    );
    assert_eq!(tried.returns_usd[30], 0.0, "behind it a day begins");

    // What the ranking counts is what the metrics of the run count.
    let starts: Vec<i64> = days.iter().map(|day| FROM_MS + day * DAY_MS).collect();
    let stated = tried.metrics.usd.sharpe.unwrap();
    let plan = WalkForwardDays {
        train_days: 10,
        test_days: 5,
        gap_days: 0,
        anchored: false,
    };
    let found = judge(&[(0, tried)], &starts, Currency::Usd, Some(&plan), "hole").unwrap();
    let ranked = found.best[0].sharpe.as_ref().unwrap().estimate;
    assert!((ranked - stated).abs() < 1e-9, "{ranked} {stated}");
    let ahead = found.walk_forward.unwrap();
    let most = ahead.windows.iter().filter_map(|window| window.test_return);
    assert!(most.clone().count() > 2 && most.fold(0.0, |a: f64, b| a.max(b.abs())) < crossed.abs());
}
