//! Request credits: how long a call has to wait so that the exchange never answers 10028.
//!
//! The exchange keeps a bucket per class of methods. These mirror them a little
//! smaller, since the network may bring two calls closer together than they were sent.

use crate::clock::Stopwatch;
use crate::exchange::wire::account::{Limit, Limits};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Methods that share a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    NonMatching,
    Instruments,
    TransactionLog,
    /// Orders, edits, cancels.
    Matching,
    CancelAll,
}

/// Of the exchange's burst and rate this share is used.
const SHARE: f64 = 0.9;

impl Class {
    /// The class of a method.
    pub fn of(method: &str) -> Self {
        match method {
            "public/get_instruments" => Self::Instruments,
            "private/get_transaction_log" => Self::TransactionLog,
            "private/buy" | "private/sell" | "private/edit" | "private/cancel" => Self::Matching,
            _ if method.starts_with("private/cancel_all") => Self::CancelAll,
            _ => Self::NonMatching,
        }
    }

    /// The limit of a new account; an account's own may be higher and is adopted when it is read.
    pub fn limit(self) -> Limit {
        let (burst, rate) = match self {
            Self::NonMatching => (100.0, 20.0),
            Self::Instruments => (50.0, 1.0),
            Self::TransactionLog => (8.0, 1.0),
            Self::Matching | Self::CancelAll => (20.0, 5.0),
        };
        Limit { burst, rate }
    }
}

/// A token bucket; a pure function of the times it is told. One credit is one call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    limit: Limit,
    /// Below zero when calls were promised a later turn.
    credits: f64,
    at: Duration,
}

impl Bucket {
    /// A full bucket at time zero. Panics when a limit lets nothing through.
    pub fn new(limit: Limit) -> Self {
        assert!(
            limit.burst >= 1.0 && limit.rate > 0.0,
            "{limit:?} lets nothing through"
        );
        Self {
            limit,
            credits: limit.burst,
            at: Duration::ZERO,
        }
    }

    /// Takes one credit: how long to wait before the call, or `None`, with nothing taken, when that
    /// would be longer than `patience`. Turns are given in the order of asking.
    pub fn take(&mut self, now: Duration, patience: Duration) -> Option<Duration> {
        self.refill(now);
        let missing = (1.0 - self.credits).max(0.0);
        let wait = Duration::from_secs_f64(missing / self.limit.rate);
        if wait > patience {
            return None;
        }
        self.credits -= 1.0;
        Some(wait)
    }

    /// The exchange said that nothing is left.
    pub fn drain(&mut self, now: Duration) {
        self.refill(now);
        self.credits = self.credits.min(0.0);
    }

    /// Goes on with another limit; what was taken stays taken.
    pub fn adopt(&mut self, now: Duration, limit: Limit) {
        self.refill(now);
        if limit != self.limit {
            let used = self.limit.burst - self.credits;
            *self = Self {
                credits: limit.burst - used,
                limit,
                ..*self
            };
        }
    }

    fn refill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.credits = (self.credits + passed * self.limit.rate).min(self.limit.burst);
        self.at = self.at.max(now);
    }
}

/// The buckets of one account in this process; clones share them.
#[derive(Clone, Debug)]
pub struct Credits {
    buckets: Arc<Mutex<[Bucket; 5]>>,
    since_start: Stopwatch,
}

impl Default for Credits {
    fn default() -> Self {
        use Class::{CancelAll, Instruments, Matching, NonMatching, TransactionLog};
        let bucket = |class: Class| Bucket::new(used(class.limit()));
        let classes = [
            NonMatching,
            Instruments,
            TransactionLog,
            Matching,
            CancelAll,
        ];
        Self {
            buckets: Arc::new(Mutex::new(classes.map(bucket))),
            since_start: Stopwatch::start(),
        }
    }
}

impl Credits {
    /// Waits for a turn; false when it would not come within `patience`.
    pub async fn turn(&self, class: Class, patience: Duration) -> bool {
        let wait = self.with(class, |bucket, now| bucket.take(now, patience));
        match wait {
            Some(wait) if wait > Duration::ZERO => {
                tokio::time::sleep(wait).await;
                true
            }
            Some(_) => true,
            None => false,
        }
    }

    pub fn drain(&self, class: Class) {
        self.with(class, Bucket::drain);
    }

    /// Takes over the limits that an account summary names.
    pub fn adopt(&self, limits: &Limits) {
        let matching = limits.matching_engine.clone().unwrap_or_default();
        let trading = matching.trading.and_then(|trading| trading.total);
        let named = [
            (Class::NonMatching, limits.non_matching_engine),
            (Class::Matching, trading),
            (Class::CancelAll, matching.cancel_all),
        ];
        for (class, limit) in named {
            if let Some(limit) = limit.filter(|limit| limit.burst >= 2.0 && limit.rate > 0.0) {
                self.with(class, |bucket, now| bucket.adopt(now, used(limit)));
            }
        }
    }

    fn with<T>(&self, class: Class, ask: impl FnOnce(&mut Bucket, Duration) -> T) -> T {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.since_start.elapsed();
        ask(&mut buckets[class as usize], now)
    }
}

fn used(limit: Limit) -> Limit {
    Limit {
        burst: (limit.burst * SHARE).max(1.0),
        rate: limit.rate * SHARE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LONG: Duration = Duration::from_hours(1);

    fn bucket(burst: f64, rate: f64) -> Bucket {
        Bucket::new(Limit { burst, rate })
    }

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let mut bucket = bucket(3.0, 2.0);
        let now = seconds(10.0);
        let waits: Vec<f64> = (0..6)
            .map(|_| bucket.take(now, LONG).expect("patient").as_secs_f64())
            .collect();
        assert_eq!(waits, [0.0, 0.0, 0.0, 0.5, 1.0, 1.5]);
        assert_eq!(bucket.take(seconds(11.5), LONG), Some(seconds(0.5)));
        assert_eq!(bucket.take(seconds(60.0), LONG), Some(Duration::ZERO));
    }

    #[test]
    fn the_impatient_take_nothing_and_a_drained_bucket_makes_wait() {
        let mut bucket = bucket(1.0, 1.0);
        assert_eq!(
            bucket.take(Duration::ZERO, seconds(0.5)),
            Some(Duration::ZERO)
        );
        assert_eq!(bucket.take(Duration::ZERO, seconds(0.5)), None);
        assert_eq!(bucket.take(seconds(0.6), seconds(0.5)), Some(seconds(0.4)));
        bucket.drain(seconds(100.0));
        assert_eq!(bucket.take(seconds(100.0), LONG), Some(seconds(1.0)));
    }

    #[test]
    fn another_limit_keeps_what_was_taken() {
        let mut bucket = bucket(20.0, 5.0);
        for _ in 0..20 {
            bucket.take(Duration::ZERO, LONG);
        }
        bucket.adopt(
            Duration::ZERO,
            Limit {
                burst: 30.0,
                rate: 10.0,
            },
        );
        let free = (0..11).filter(|_| bucket.take(Duration::ZERO, LONG) == Some(Duration::ZERO));
        assert_eq!(free.count(), 10);
    }

    #[test]
    fn methods_have_the_class_that_the_exchange_charges() {
        assert_eq!(Class::of("private/sell"), Class::Matching);
        assert_eq!(Class::of("private/cancel"), Class::Matching);
        assert_eq!(
            Class::of("private/cancel_all_by_currency"),
            Class::CancelAll
        );
        assert_eq!(Class::of("public/get_instruments"), Class::Instruments);
        assert_eq!(Class::of("public/get_instrument"), Class::NonMatching);
        assert_eq!(
            Class::of("private/get_transaction_log"),
            Class::TransactionLog
        );
        assert_eq!(Class::of("private/get_positions"), Class::NonMatching);
    }

    proptest! {
        /// No window of any length holds more calls than its burst and its refill.
        #[test]
        fn a_bucket_never_lets_more_through_than_its_rate(
            gaps in proptest::collection::vec(0.0..0.4_f64, 1..200),
            burst in 1.0..20.0_f64,
            rate in 0.5..20.0_f64,
        ) {
            let mut bucket = bucket(burst, rate);
            let (mut now, mut sent) = (0.0, Vec::new());
            for gap in gaps {
                now += gap;
                let wait = bucket.take(seconds(now), LONG).expect("patient");
                sent.push(now + wait.as_secs_f64());
            }
            for (first, from) in sent.iter().enumerate() {
                for (last, to) in sent.iter().enumerate().skip(first) {
                    let calls = (last - first + 1) as f64;
                    let allowed = burst + (to - from) * rate;
                    prop_assert!(calls <= allowed + 1e-6, "{calls} in {} s", to - from);
                }
            }
        }
    }
}
