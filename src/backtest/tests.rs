//! Runs against numbers worked out by hand, and what must hold of every run.

mod by_hand;
mod mistakes;
mod truths;

use super::*;
use crate::domain::money::float;
use rust_decimal::Decimal;

/// The cash flows are the balance, the marks are the equity, the causes are its change.
pub(super) fn conserves(run: &Outcome) {
    let (start, flows) = (run.setup.coin(), run.flows);
    let last = run.points.last().expect("a run has steps");
    let balance = start + flows.premium - flows.paid - flows.fees - flows.settlements;
    assert_eq!(balance, last.balance, "{flows:?}");
    for point in &run.points {
        let equity = float(point.balance) + point.option_value;
        assert!((equity - point.equity).abs() < 1e-12, "{point:?}");
    }
    let change = last.equity - float(start);
    let explained = run.attribution.coin.sum();
    assert!((explained - change).abs() < 1e-7, "{explained} of {change}");
    let usd = last.equity_usd() - float(start) * run.points[0].index_price;
    let explained = run.attribution.usd.sum();
    assert!((explained - usd).abs() < 1e-2, "{explained} of {usd} USD");
    let chains: Decimal = run.chains.iter().map(|chain| chain.pnl).sum();
    assert!(
        (float(chains) - change).abs() < 1e-7,
        "{chains} of {change}"
    );
}
