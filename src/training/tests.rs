//! Rows of walks over synthetic markets, and estimates made of them.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod judged_tests;
mod rows_tests;

use super::{Plan, Row, Walk, WalkState};
use crate::backtest::{Builder, Daily, Data, Series, Setup, synthetic};
use crate::domain::chain::Source;
use crate::domain::coin::Coin;
use crate::domain::instrument::DAY_MS;
use crate::domain::settings::ExitStyle;
use crate::policy::profiles::standard;

/// 2026-01-05T00:00:00Z.
const FROM_MS: i64 = 1_767_571_200_000;

fn market(seed: &str, coin: Coin, days: i64) -> Data {
    synthetic(seed, coin, FROM_MS, FROM_MS + days * DAY_MS, DAY_MS / 3)
}

fn plan(exit: ExitStyle, ladder: u32) -> Plan {
    let profiles = standard().map(|(name, profile)| (name.to_owned(), profile));
    Plan {
        underlyings: vec![Coin::Btc],
        profiles: profiles.to_vec(),
        ladder,
        train_share: 0.5,
        validation_share: 0.25,
        discount_per_day: 0.99,
        setup: Setup {
            exit,
            explore_prob: 0.5,
            interval_ms: DAY_MS / 3,
            open_interest_min: 0.0,
            ..Setup::default()
        },
    }
}

/// The whole walk, some snapshots at a time.
fn walk_in(data: &Data, plan: &Plan, slice: usize) -> Vec<Row> {
    let range = data.snapshots();
    let ends = (range[0].chain.at_ms, range[range.len() - 1].chain.at_ms);
    let splits = plan.splits(ends.0, ends.1);
    let (mut state, mut rows) = (WalkState::default(), Vec::new());
    loop {
        let walk = Walk::new(data, plan, splits);
        if walk.advance(&mut state, slice, &mut rows).unwrap() {
            return rows;
        }
        // As a checkpoint keeps it.
        let text = serde_json::to_string(&state).unwrap();
        let kept = crate::db::json::exact(&text).unwrap();
        state = serde_json::from_value(kept).unwrap();
    }
}

fn walk(data: &Data, plan: &Plan) -> Vec<Row> {
    walk_in(data, plan, usize::MAX)
}

/// The same market, of which nobody knows what contracts settle at.
fn without_deliveries(data: &Data) -> Data {
    let none = || Series {
        points: Vec::new(),
        source: Source::Missing,
    };
    let daily = Daily {
        closes: none(),
        dvol: none(),
        deliveries: none(),
    };
    let mut builder = Builder::new(data.coin, daily);
    for snapshot in data.snapshots() {
        builder.push((*snapshot.chain).clone(), "same", "synthetic");
    }
    builder.finish("synthetic")
}
