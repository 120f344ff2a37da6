//! What a row is, step by step.

use super::{FROM_MS, market, plan, walk, walk_in, without_deliveries};
use crate::db::json;
use crate::domain::action::Action;
use crate::domain::coin::Coin;
use crate::domain::instrument::DAY_MS;
use crate::domain::money::float;
use crate::domain::settings::ExitStyle;
use crate::training::{FEATURES, Plan, Row, Split};
use std::collections::{BTreeMap, BTreeSet};

const DAYS: i64 = 40;

fn rows(exit: ExitStyle, ladder: u32) -> (Plan, Vec<Row>) {
    let plan = plan(exit, ladder);
    let rows = walk(&market("rows", Coin::Btc, DAYS), &plan);
    (plan, rows)
}

#[test]
fn a_walk_in_slices_through_checkpoints_gives_the_same_rows() {
    let data = market("rows", Coin::Btc, 12);
    let plan = plan(ExitStyle::TpAndRoll, 2);
    let whole = walk(&data, &plan);
    assert_eq!(walk_in(&data, &plan, 5), whole);
    assert_eq!(walk_in(&data, &plan, 1), whole);
    let mut other = plan.clone();
    "another".clone_into(&mut other.setup.seed);
    assert_ne!(walk(&data, &other), whole);
}

#[test]
fn mistake_10_the_rewards_of_every_exit_style_add_up_to_what_the_equity_gained() {
    let data = market("rows", Coin::Btc, DAYS);
    for exit in [
        ExitStyle::HoldToExpiry,
        ExitStyle::TpAndRoll,
        ExitStyle::Rules,
    ] {
        let plan = plan(exit, 1);
        let rows = walk(&data, &plan);
        for (name, _) in &plan.profiles {
            let own = || rows.iter().filter(|row| row.profile == *name);
            let first = own().next().unwrap().taken.as_ref().unwrap().worth;
            assert_eq!(first.equity, float(plan.setup.coin()));
            let gained: f64 = own()
                .map(|row| row.followed.as_ref().unwrap().rewards.coin)
                .sum();
            let last = own().next_back().unwrap();
            let seen: Vec<Option<f64>> = json::exact(&last.followed.as_ref().unwrap().observation)
                .map(|value| serde_json::from_value(value).unwrap())
                .unwrap();
            let place = FEATURES
                .iter()
                .position(|one| one.name == "equity")
                .unwrap();
            let equity = seen[place].unwrap();
            assert!(
                (first.equity + gained - equity).abs() < 1e-9,
                "{exit:?} {name}: {gained}"
            );
        }
    }
}

#[test]
fn a_reward_versus_holding_is_the_change_in_usd_without_that_of_the_coin() {
    let (_, rows) = rows(ExitStyle::TpAndRoll, 1);
    for row in &rows {
        let (before, followed) = (
            row.taken.as_ref().unwrap().worth,
            row.followed.as_ref().unwrap(),
        );
        let rewards = followed.rewards;
        let next_index =
            (before.equity * before.index_price + rewards.usd) / (before.equity + rewards.coin);
        let coin_alone = before.equity * (next_index - before.index_price);
        assert!((rewards.usd - coin_alone - rewards.versus_holding).abs() < 1e-6);
    }
}

#[test]
fn mistake_13_a_step_that_failed_is_an_error_and_not_a_reward_of_nothing() {
    let data = without_deliveries(&market("rows", Coin::Btc, DAYS));
    let mut plan = plan(ExitStyle::HoldToExpiry, 1);
    // Without closes there is no realised volatility, and profiles score nothing: trade the rules' band.
    plan.profiles.truncate(1);
    let failed = walk(&with_closes(&data), &plan);
    let errors: Vec<&Row> = failed.iter().filter(|row| row.error.is_some()).collect();
    assert!(!errors.is_empty(), "no call was held to a delivery");
    for row in &errors {
        assert_eq!(row.followed, None, "an error row has no reward");
        assert!(row.truncated && !row.terminated);
    }
    let without_action = errors.iter().filter(|row| row.taken.is_none());
    for row in without_action {
        assert_eq!(row.action_name(), "ERROR");
        assert!(row.error.as_ref().unwrap().contains("no delivery price"));
        assert!(row.observation.starts_with("[null,"));
    }
    // The steps after it go on with a fresh book, and there is a row for each of them.
    assert_eq!(failed.len(), data.snapshots().len());
    assert!(failed.last().unwrap().error.is_none());
}

/// The market with its closes, and without what contracts settle at.
fn with_closes(data: &crate::backtest::Data) -> crate::backtest::Data {
    use crate::backtest::{Builder, Daily, Series};
    use crate::domain::chain::Source;
    let start = FROM_MS - 40 * DAY_MS;
    let closes = (0..80).map(|day| {
        let wave = if day % 2 == 0 { 1.0 } else { 1.01 };
        (start + day * DAY_MS, 90_000.0 * wave)
    });
    let none = || Series {
        points: Vec::new(),
        source: Source::Missing,
    };
    let daily = Daily {
        closes: Series {
            points: closes.collect(),
            source: Source::Candle,
        },
        dvol: none(),
        deliveries: none(),
    };
    let mut builder = Builder::new(data.coin, daily);
    for snapshot in data.snapshots() {
        builder.push((*snapshot.chain).clone(), "same", "synthetic");
    }
    builder.finish("synthetic")
}

#[test]
fn what_is_not_known_is_null_and_never_zero() {
    // No closes: no realised volatility, no averages, no regime; no call held at the first step.
    let data = without_deliveries(&market("rows", Coin::Btc, 3));
    let rows = walk(&data, &plan(ExitStyle::TpAndRoll, 1));
    let seen: Vec<Option<f64>> = serde_json::from_str(&rows[0].observation).unwrap();
    assert_eq!(seen.len(), FEATURES.len());
    let of = |name: &str| seen[FEATURES.iter().position(|one| one.name == name).unwrap()];
    for name in [
        "return_7d",
        "distance_ma200",
        "dvol",
        "regime_bull",
        "held_dte",
        "held_delta",
    ] {
        assert_eq!(of(name), None, "{name}");
    }
    assert_eq!(of("calls_open"), Some(0.0));
    assert!(!rows[0].observation.contains("NaN"));
}

#[test]
fn mistake_16_every_decision_is_a_row_also_with_nothing_to_choose_from() {
    let data = market("rows", Coin::Btc, 10);
    let mut plan = plan(ExitStyle::TpAndRoll, 1);
    plan.setup.open_interest_min = 1e9;
    let rows = walk(&data, &plan);
    assert_eq!(rows.len(), 3 * data.snapshots().len());
    for row in &rows {
        let taken = row.taken.as_ref().unwrap();
        assert_eq!((taken.action, taken.propensity), (Action::DoNothing, 1.0));
        assert_eq!(row.legal.0, 1, "nothing else could be done");
        assert_eq!(row.followed.as_ref().unwrap().rewards.coin, 0.0);
        assert!(row.offers.is_empty() && row.error.is_none());
    }
}

#[test]
fn mistake_17_each_profile_has_its_own_call_verdict_and_fill() {
    for coin in [Coin::Btc, Coin::Eth] {
        let mut plan = plan(ExitStyle::TpAndRoll, 1);
        plan.underlyings = vec![coin];
        let rows = walk(&market("rows", coin, DAYS), &plan);
        let mut sold: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
        let mut traded = BTreeSet::new();
        for row in &rows {
            let taken = row.taken.as_ref().unwrap();
            assert_eq!(row.underlying, coin);
            let (Action::OpenCoveredCall { instrument, .. }
            | Action::RollCoveredCall { to: instrument, .. }) = taken.proposed
            else {
                continue;
            };
            assert_eq!(
                instrument.coin, coin,
                "a row holds its own underlying's call"
            );
            let fresh = sold.entry(row.at_ms).or_default().insert(instrument.name());
            assert!(fresh, "{instrument} is sold twice at {}", row.at_ms);
            if taken.action == taken.proposed {
                assert!(taken.fills > 0 && taken.fees > rust_decimal::Decimal::ZERO);
                traded.insert(row.profile.clone());
            }
        }
        assert_eq!(traded.len(), 3, "every profile traded {coin}");
    }
    // What one profile may do does not depend on what the others hold: alone it does the same.
    let data = market("rows", Coin::Btc, 12);
    let mut alone = plan(ExitStyle::HoldToExpiry, 1);
    let together = walk(&data, &alone);
    alone.profiles.truncate(1);
    let own = together.iter().filter(|row| row.profile == "conservative");
    assert!(own.eq(walk(&data, &alone).iter()));
}

#[test]
fn a_refused_action_is_a_row_that_says_so_and_trades_nothing() {
    let mut plan = plan(ExitStyle::TpAndRoll, 1);
    plan.setup.max_margin_used_pct = 0.001;
    let rows = walk(&market("rows", Coin::Btc, 10), &plan);
    let refused: Vec<&Row> = rows
        .iter()
        .filter(|row| row.taken.as_ref().unwrap().refusal.is_some())
        .collect();
    assert!(!refused.is_empty());
    for row in refused {
        let taken = row.taken.as_ref().unwrap();
        assert_ne!(taken.proposed, Action::DoNothing);
        assert_eq!((taken.action, taken.fills), (Action::DoNothing, 0));
        assert!(taken.propensity > 0.0 && row.chain.is_none());
    }
}

#[test]
fn what_was_done_was_legal_and_as_likely_as_the_row_says() {
    for ladder in [1, 2] {
        let (_, rows) = rows(ExitStyle::TpAndRoll, ladder);
        let mut drawn = 0;
        for row in &rows {
            let taken = row.taken.as_ref().unwrap();
            assert!(row.legal.allows(&taken.proposed), "{row:?}");
            assert!(row.legal.allows(&taken.action), "{row:?}");
            let sum: f64 = row.offers.iter().map(|offer| offer.call.propensity).sum();
            let Some(chosen) = row.offers.iter().find(|offer| offer.call.chosen) else {
                assert_eq!((sum, taken.propensity), (0.0, 1.0));
                continue;
            };
            drawn += 1;
            assert!((sum - 1.0).abs() < 1e-12 && chosen.legal);
            assert_eq!(chosen.call.propensity, taken.propensity);
            assert_eq!(taken.proposed.instrument(), Some(chosen.call.instrument));
        }
        assert!(drawn > 10, "{drawn}");
    }
}

#[test]
fn splits_follow_in_time_and_no_chain_and_no_episode_is_in_two() {
    for ladder in [1, 2] {
        let (_, rows) = rows(ExitStyle::TpAndRoll, ladder);
        let mut of: BTreeMap<&str, Split> = BTreeMap::new();
        for row in &rows {
            for name in [Some(&row.episode), row.chain.as_ref()]
                .into_iter()
                .flatten()
            {
                let split = of.entry(name).or_insert(row.split);
                assert_eq!(*split, row.split, "{name} is in two splits");
            }
        }
        for pair in Split::ALL.windows(2) {
            let of = |split| rows.iter().filter(move |row| row.split == split);
            let ends = of(pair[0])
                .filter_map(|row| Some(row.followed.as_ref()?.at_ms))
                .max();
            let begins = of(pair[1]).map(|row| row.at_ms).min();
            assert!(ends < begins, "{ends:?} {begins:?}");
            // Every book is empty where a split ends.
            let last = of(pair[0]).rfind(|row| row.truncated).unwrap();
            assert!(!last.taken.as_ref().unwrap().in_market);
        }
    }
}

#[test]
fn episodes_run_from_an_empty_book_to_an_empty_book() {
    let (plan, rows) = rows(ExitStyle::HoldToExpiry, 1);
    let mut ended = 0;
    for (name, _) in &plan.profiles {
        let own: Vec<&Row> = rows.iter().filter(|row| row.profile == *name).collect();
        for pair in own.windows(2) {
            let same = pair[0].episode == pair[1].episode;
            let over = pair[0].terminated || pair[0].truncated;
            assert_eq!(same, !over);
            assert_eq!(pair[1].step, if same { pair[0].step + 1 } else { 0 });
            let followed = pair[0].followed.as_ref().unwrap();
            if same {
                assert_eq!(followed.observation, pair[1].observation);
                assert_eq!(followed.at_ms, pair[1].at_ms);
            }
            ended += i32::from(pair[0].terminated);
        }
    }
    assert!(ended > 3, "{ended} chains ended");
}

#[test]
fn a_ladder_sells_twice_at_one_instant_each_with_a_row() {
    let (_, rows) = rows(ExitStyle::HoldToExpiry, 2);
    let mut seen: BTreeMap<(i64, &str), Vec<&Row>> = BTreeMap::new();
    for row in &rows {
        seen.entry((row.at_ms, &row.profile)).or_default().push(row);
    }
    let twice = seen.values().filter(|rows| rows.len() == 2);
    let sales = twice.filter(|rows| {
        let calls: BTreeSet<_> = rows
            .iter()
            .filter_map(|row| row.taken.as_ref().unwrap().proposed.instrument())
            .collect();
        calls.len() == 2 && rows[0].decision != rows[1].decision
    });
    assert!(sales.count() > 0);
    assert!(seen.values().all(|rows| rows.len() <= 2));
}
