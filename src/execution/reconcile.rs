//! Compares our folded positions and cash with the exchange's; every difference is named and valued.

use crate::domain::instrument::Instrument;
use crate::domain::money;
use rust_decimal::Decimal;
use serde::Serialize;
use std::collections::BTreeMap;

/// One side's view of a coin's book.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Book {
    /// Currency (`BTC`, `ETH`, `USDC`) to balance.
    pub cash: BTreeMap<String, Decimal>,
    /// Contract to signed coin; absent is flat.
    pub positions: BTreeMap<Instrument, Decimal>,
}

/// What to do about differences above the tolerance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDifference {
    /// Stop trading and say so.
    Halt,
    /// Take the exchange's view.
    Adopt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing differs by more than the tolerance in sum.
    Agreed,
    Halted,
    Adopted,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Halted => "halted",
            Self::Adopted => "adopted",
        }
    }
}

/// One thing the two books do not agree on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// A currency or a contract.
    pub what: String,
    pub ours: Decimal,
    pub theirs: Decimal,
    /// |difference| in USD; a position counts with its whole underlying, which it may come to move with.
    pub value_usd: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reconciliation {
    pub outcome: Outcome,
    pub difference_usd: f64,
    /// Also those within the tolerance.
    pub differences: Vec<Difference>,
}

/// Compares two books of one coin. `index_price` is USD; differences that sum to at most
/// `tolerance_usd` agree.
pub fn reconcile(
    ours: &Book,
    theirs: &Book,
    index_price: f64,
    tolerance_usd: f64,
    policy: OnDifference,
) -> Reconciliation {
    let usd = |currency: &str| if currency == "USDC" { 1.0 } else { index_price };
    let mut differences: Vec<Difference> = union(&ours.cash, &theirs.cash)
        .filter_map(|(currency, a, b)| difference(currency.clone(), a, b, usd(currency)))
        .collect();
    differences.extend(
        union(&ours.positions, &theirs.positions)
            .filter_map(|(instrument, a, b)| difference(instrument.name(), a, b, index_price)),
    );
    // Not by sum(), whose start is -0.
    let difference_usd = differences
        .iter()
        .map(|difference| difference.value_usd)
        .fold(0.0, |sum, value_usd| sum + value_usd);
    let outcome = match policy {
        _ if difference_usd <= tolerance_usd => Outcome::Agreed,
        OnDifference::Halt => Outcome::Halted,
        OnDifference::Adopt => Outcome::Adopted,
    };
    Reconciliation {
        outcome,
        difference_usd,
        differences,
    }
}

/// Every key of either map with both values, missing ones zero, in key order.
fn union<'a, K: Ord>(
    ours: &'a BTreeMap<K, Decimal>,
    theirs: &'a BTreeMap<K, Decimal>,
) -> impl Iterator<Item = (&'a K, Decimal, Decimal)> {
    let mut keys: Vec<&K> = ours.keys().chain(theirs.keys()).collect();
    keys.sort();
    keys.dedup();
    let value = |map: &BTreeMap<K, Decimal>, key: &K| map.get(key).copied().unwrap_or_default();
    keys.into_iter()
        .map(move |key| (key, value(ours, key), value(theirs, key)))
}

fn difference(what: String, ours: Decimal, theirs: Decimal, usd: f64) -> Option<Difference> {
    (ours != theirs).then(|| Difference {
        what,
        ours,
        theirs,
        value_usd: money::float((ours - theirs).abs()) * usd,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(cash: &str, position: Option<&str>) -> Book {
        let decimal = |text: &str| text.parse().expect(text);
        let instrument = "BTC-25DEC26-100000-C".parse().expect("name");
        Book {
            cash: BTreeMap::from([("BTC".to_owned(), decimal(cash))]),
            positions: position
                .map(|size| (instrument, decimal(size)))
                .into_iter()
                .collect(),
        }
    }

    fn check(theirs: &Book, policy: OnDifference, outcome: Outcome, usd: f64) {
        let ours = book("2.001", Some("-0.1"));
        let actual = reconcile(&ours, theirs, 100_000.0, 10.0, policy);
        assert_eq!(actual.outcome, outcome);
        assert!((actual.difference_usd - usd).abs() < 1e-6, "{actual:?}");
    }

    #[test]
    fn differences_are_named_valued_and_judged() {
        use OnDifference::{Adopt, Halt};
        check(&book("2.001", Some("-0.1")), Halt, Outcome::Agreed, 0.0);
        check(&book("2.00105", Some("-0.1")), Halt, Outcome::Agreed, 5.0);
        check(&book("2.0012", Some("-0.1")), Halt, Outcome::Halted, 20.0);
        check(&book("2.0012", Some("-0.1")), Adopt, Outcome::Adopted, 20.0);
        check(&book("2.001", None), Halt, Outcome::Halted, 10_000.0);
        let theirs = book("2.001", Some("-0.2"));
        let actual = reconcile(&book("2.001", None), &theirs, 1.0, 0.0, Halt);
        assert_eq!(actual.differences[0].what, "BTC-25DEC26-100000-C");
    }
}
