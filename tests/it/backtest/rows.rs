//! Conservation out of the stored rows alone, in whole units of 1e-8 coin.

use crate::support::TestDb;
use thetaq::backtest::{Data, Outcome, baselines};
use thetaq::db::backtests::{self, EquityRow, LegRow, NewBacktest};
use thetaq::domain::instrument::Instrument;
use thetaq::domain::money::{decimal, from_e8, to_e8};
use thetaq::fills::settle;

/// Stores the run and adds its rows up again: change of equity = premium - fees - purchases - settlements
/// + what is open at its mark.
pub(super) async fn conserve(test: &TestDb, data: &Data, run: &Outcome, id: &str) {
    store(test, data, run, id).await;
    let equity = backtests::equity(&test.db, id).await.unwrap();
    let legs = backtests::legs(&test.db, id).await.unwrap();
    assert!(!legs.is_empty(), "{id}: nothing was sold");
    let start = to_e8(run.setup.coin());
    let (mut cash, mut open) = (0, 0);
    for leg in &legs {
        let premium = times(leg.size_e8, leg.open_price_e8);
        let rest = premium - leg.fees_e8 - leg.pnl_e8;
        // What is open is only valued: it is in the legs' result and not in the balance.
        if leg.ended_by == "end_of_data" {
            open += rest;
            cash += premium - leg.fees_e8;
            continue;
        }
        assert_eq!(rest, paid(data, leg), "{id} {leg:?}");
        cash += premium - leg.fees_e8 - rest;
    }
    let last = equity.last().unwrap();
    assert_eq!(last.balance_e8, start + cash, "{id}");
    assert!((last.option_value_e8 + open).abs() <= 1, "{id}: {open}");
    assert!(
        (last.equity_e8 - start - cash + open).abs() <= 1,
        "{id}: {last:?}"
    );
    quiet_steps_change_nothing(id, start, &equity, &legs);
}

/// What a leg cost at its end: the purchase, or the payoff at the delivery price.
fn paid(data: &Data, leg: &LegRow) -> i64 {
    if leg.ended_by != "expiry" {
        return times(leg.size_e8, leg.close_price_e8);
    }
    let call: Instrument = leg.instrument.parse().unwrap();
    let price = decimal(data.delivery(call.expiry_ms).unwrap()).unwrap();
    -to_e8(settle(&call, -from_e8(leg.size_e8), price).payoff)
}

/// Equity is balance + option value in every row, and money moves only where a leg begins or ends.
fn quiet_steps_change_nothing(id: &str, start: i64, equity: &[EquityRow], legs: &[LegRow]) {
    let (mut balance, mut before_ms) = (start, i64::MIN);
    for row in equity {
        let sum = row.balance_e8 + row.option_value_e8;
        assert!((row.equity_e8 - sum).abs() <= 1, "{id} {row:?}");
        let within = |at_ms: i64| at_ms > before_ms && at_ms <= row.at_ms;
        let moved = legs
            .iter()
            .any(|leg| within(leg.opened_ms) || within(leg.closed_ms));
        assert!(moved || row.balance_e8 == balance, "{id} {row:?}");
        (balance, before_ms) = (row.balance_e8, row.at_ms);
    }
}

/// A product of two scaled amounts; venue sizes and ticks leave nothing to round.
fn times(size_e8: i64, price_e8: i64) -> i64 {
    let product = i128::from(size_e8) * i128::from(price_e8);
    assert_eq!(product % 100_000_000, 0, "{size_e8} x {price_e8}");
    i64::try_from(product / 100_000_000).unwrap()
}

async fn store(test: &TestDb, data: &Data, run: &Outcome, id: &str) {
    let new = NewBacktest {
        id,
        job: id,
        parent: None,
        setup: &run.setup,
        data: &data.stamp,
        model: None,
        range: (run.setup.from_ms, run.setup.to_ms),
        steps: run.points.len() as u64,
        code_version: "test",
        at_ms: 1,
    };
    let (found, weekly) = baselines(data, run).unwrap();
    let mut tx = test.db.begin().await.unwrap();
    backtests::begin(&mut tx, &new).await.unwrap();
    let end = backtests::End::Done;
    backtests::end(&mut tx, id, run, &found, &weekly, end, 2)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}
