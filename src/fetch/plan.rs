//! Which stretches are worth asking for: whole hours or days that are over, less what was fetched before. Pure.

use super::What;
use crate::domain::instrument::DAY_MS;

const HOUR_MS: i64 = 3_600_000;
/// The exchange may show what happened so long ago only later, or say a time that is a little off.
const SETTLED_MS: i64 = 600_000;

/// The part of `[from_ms, to_ms)` that is complete at the exchange's `now_ms`, on the series' own grid; empty
/// (its end not after its start) when nothing is.
pub(super) fn ready(what: What, (from_ms, to_ms): (i64, i64), now_ms: i64) -> (i64, i64) {
    let step_ms = match what {
        What::Dvol => DAY_MS,
        What::Trades | What::Deliveries | What::Candles => HOUR_MS,
    };
    let down = |at_ms: i64| at_ms.div_euclid(step_ms) * step_ms;
    let up = |at_ms: i64| down(at_ms + step_ms - 1);
    (down(from_ms), up(to_ms).min(down(now_ms - SETTLED_MS)))
}

/// What of `wanted` no known stretch covers, in the order of time. `known` is sorted by its starts.
pub(super) fn gaps(wanted: (i64, i64), known: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let (mut next_ms, end_ms) = wanted;
    let mut gaps = Vec::new();
    for (from_ms, to_ms) in known {
        if *from_ms > next_ms && next_ms < end_ms {
            gaps.push((next_ms, (*from_ms).min(end_ms)));
        }
        next_ms = next_ms.max(*to_ms);
    }
    if next_ms < end_ms {
        gaps.push((next_ms, end_ms));
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_fetched_is_not_asked_for_again() {
        assert_eq!(gaps((10, 20), &[]), [(10, 20)]);
        assert_eq!(gaps((10, 20), &[(10, 20)]), []);
        assert_eq!(
            gaps((10, 20), &[(0, 12), (11, 13), (15, 18)]),
            [(13, 15), (18, 20)]
        );
        assert_eq!(gaps((10, 20), &[(0, 5), (25, 30)]), [(10, 20)]);
        assert_eq!(gaps((10, 20), &[(0, 30)]), []);
        assert_eq!(gaps((20, 10), &[]), []);
    }

    #[test]
    fn only_hours_and_days_that_are_over_are_complete() {
        let now_ms = 10 * DAY_MS + 5 * HOUR_MS + SETTLED_MS;
        let range = (DAY_MS + 1, 20 * DAY_MS);
        assert_eq!(
            ready(What::Trades, range, now_ms),
            (DAY_MS, 10 * DAY_MS + 5 * HOUR_MS)
        );
        assert_eq!(
            ready(What::Trades, range, now_ms - 1),
            (DAY_MS, 10 * DAY_MS + 4 * HOUR_MS)
        );
        assert_eq!(ready(What::Dvol, range, now_ms), (DAY_MS, 10 * DAY_MS));
        assert_eq!(
            ready(What::Candles, (0, HOUR_MS + 1), now_ms),
            (0, 2 * HOUR_MS)
        );
    }

    proptest! {
        /// Gaps and known stretches together cover what was wanted; no gap touches a known instant.
        #[test]
        fn gaps_are_exactly_what_is_not_known(
            mut known in proptest::collection::vec((0..60_i64, 1..20_i64), 0..8),
            from in 0..60_i64,
            length in 0..40_i64,
        ) {
            known.sort_unstable();
            let known: Vec<_> = known.into_iter().map(|(from, length)| (from, from + length)).collect();
            let found = gaps((from, from + length), &known);
            let inside = |list: &[(i64, i64)], at: i64| list.iter().any(|(from, to)| (*from..*to).contains(&at));
            for at in 0..120 {
                let wanted = (from..from + length).contains(&at);
                prop_assert_eq!(inside(&found, at), wanted && !inside(&known, at), "{}", at);
            }
        }
    }
}
