//! Credits: every class of calls spends from its own bucket, which refills with the machine's time.

use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Which bucket a call spends from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Everything that reaches no matching engine.
    Plain,
    Instruments,
    Log,
    /// Orders, edits, cancels of a new account.
    Matching,
    /// `cancel_all`, and cancelling by label in every currency.
    CancelAll,
}

/// A bucket's size, what a call costs, and what comes back per second.
#[derive(Clone, Copy, Debug)]
struct Rate {
    pool: f64,
    cost: f64,
    refill: f64,
}

impl Class {
    fn rate(self) -> Rate {
        let (pool, cost, refill) = match self {
            Self::Plain => (50_000.0, 500.0, 10_000.0),
            Self::Instruments => (500_000.0, 10_000.0, 10_000.0),
            Self::Log => (80_000.0, 10_000.0, 10_000.0),
            Self::Matching => (20.0, 1.0, 5.0),
            Self::CancelAll => (250.0, 1.0, 200.0),
        };
        Rate { pool, cost, refill }
    }

    fn burst_and_rate(self) -> Value {
        let rate = self.rate();
        json!({"burst": (rate.pool / rate.cost) as i64, "rate": (rate.refill / rate.cost) as i64})
    }
}

/// The `limits` of an account summary.
pub(super) fn limits() -> Value {
    let matching = Class::Matching.burst_and_rate();
    json!({
        "limits_per_currency": false,
        "non_matching_engine": Class::Plain.burst_and_rate(),
        "matching_engine": {
            "trading": {"total": matching},
            "cancel_all": Class::CancelAll.burst_and_rate(),
        },
    })
}

/// What is left in each bucket, for the account and for callers without a token.
#[derive(Debug, Default)]
pub(super) struct Credits(BTreeMap<(bool, Class), Bucket>);

#[derive(Debug)]
struct Bucket {
    left: f64,
    at_ms: i64,
}

impl Credits {
    /// Spends one call's credits; false when there are not enough, and nothing is spent then.
    pub(super) fn spend(&mut self, known: bool, class: Class, wall_ms: i64) -> bool {
        let rate = class.rate();
        let bucket = self.0.entry((known, class)).or_insert(Bucket {
            left: rate.pool,
            at_ms: wall_ms,
        });
        let waited_ms = (wall_ms - bucket.at_ms).max(0);
        let refilled = bucket.left + rate.refill * waited_ms as f64 / 1_000.0;
        bucket.left = refilled.min(rate.pool);
        bucket.at_ms = bucket.at_ms.max(wall_ms);
        let enough = bucket.left >= rate.cost;
        if enough {
            bucket.left -= rate.cost;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(credits: &mut Credits, class: Class, calls: usize, wall_ms: i64) -> usize {
        (0..calls)
            .filter(|_| credits.spend(true, class, wall_ms))
            .count()
    }

    #[test]
    fn bursts_and_refills_are_the_published_ones() {
        for (class, burst, per_second) in [
            (Class::Plain, 100, 20),
            (Class::Instruments, 50, 1),
            (Class::Log, 8, 1),
            (Class::Matching, 20, 5),
            (Class::CancelAll, 250, 200),
        ] {
            let mut credits = Credits::default();
            assert_eq!(passed(&mut credits, class, 1_000, 0), burst, "{class:?}");
            let refilled = passed(&mut credits, class, 1_000, 1_000);
            assert_eq!(refilled, per_second, "{class:?}");
            assert_eq!(passed(&mut credits, class, 1_000, 3_600_000), burst);
        }
    }

    #[test]
    fn callers_without_a_token_spend_their_own() {
        let mut credits = Credits::default();
        assert_eq!(passed(&mut credits, Class::Plain, 200, 0), 100);
        assert!(credits.spend(false, Class::Plain, 0));
    }
}
