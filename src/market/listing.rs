//! Which expiries the exchange lists, and since when.
//!
//! Fitted to the 604 recorded snapshots of 2025-12-30 to 2026-05-31: the rules below give exactly the
//! expiries seen (11 to 13), the thirteenth on the Thursdays on which the next weekly is listed one day
//! before a weekly expires.

use crate::domain::instrument::{DAY_MS, EXPIRY_HOUR_MS};
use chrono::{DateTime, Datelike};

/// Which rule lists an expiry; one date may fall under several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cycle {
    /// Every day; four are listed.
    Daily,
    /// Fridays; three.
    Weekly,
    /// Last Friday of a month; three.
    Monthly,
    /// Last Friday of March, June, September, December; four, so up to a year away.
    Quarterly,
}

impl Cycle {
    const ALL: [Self; 4] = [Self::Daily, Self::Weekly, Self::Monthly, Self::Quarterly];

    fn listed_at_once(self) -> usize {
        match self {
            Self::Daily | Self::Quarterly => 4,
            Self::Weekly | Self::Monthly => 3,
        }
    }

    /// All but dailies are replaced on the day before one expires (Thursday for Friday).
    fn lead_ms(self) -> i64 {
        match self {
            Self::Daily => 0,
            Self::Weekly | Self::Monthly | Self::Quarterly => DAY_MS,
        }
    }

    fn contains(self, expiry_ms: i64) -> bool {
        match self {
            Self::Daily => true,
            Self::Weekly => is_friday(expiry_ms),
            Self::Monthly => is_last_friday(expiry_ms),
            Self::Quarterly => month(expiry_ms).is_multiple_of(3) && is_last_friday(expiry_ms),
        }
    }
}

/// The longest cycle an expiry belongs to: a quarterly stays a quarterly in its last week.
pub fn cycle(expiry_ms: i64) -> Cycle {
    let mut cycles = Cycle::ALL.into_iter().rev();
    cycles
        .find(|cycle| cycle.contains(expiry_ms))
        .unwrap_or(Cycle::Daily)
}

/// The expiries listed at an instant, ascending, each strictly later than it; 11 to 13.
pub fn expiries(at_ms: i64) -> Vec<i64> {
    let mut all: Vec<i64> = Cycle::ALL
        .iter()
        .flat_map(|cycle| cycle_expiries(*cycle, at_ms))
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn cycle_expiries(cycle: Cycle, at_ms: i64) -> Vec<i64> {
    let counted_from_ms = at_ms + cycle.lead_ms();
    let mut still_to_list = cycle.listed_at_once();
    let mut found = Vec::with_capacity(still_to_list + 1);
    let (mut expiry_ms, step_ms) = match cycle {
        Cycle::Daily => (next_expiry_hour(at_ms), DAY_MS),
        Cycle::Weekly | Cycle::Monthly | Cycle::Quarterly => (next_friday(at_ms), 7 * DAY_MS),
    };
    while still_to_list > 0 {
        if cycle.contains(expiry_ms) {
            found.push(expiry_ms);
            still_to_list -= usize::from(expiry_ms > counted_from_ms);
        }
        expiry_ms += step_ms;
    }
    found
}

/// When an expiry is listed first: the earliest instant at which [`expiries`] holds it.
pub fn listed_at_ms(expiry_ms: i64) -> i64 {
    let member_of = Cycle::ALL
        .iter()
        .filter(|cycle| cycle.contains(expiry_ms))
        .map(|cycle| cycle_listed_at_ms(*cycle, expiry_ms));
    member_of.min().unwrap_or(expiry_ms - 4 * DAY_MS)
}

fn cycle_listed_at_ms(cycle: Cycle, expiry_ms: i64) -> i64 {
    let mut earlier_ms = expiry_ms;
    for _ in 0..cycle.listed_at_once() {
        earlier_ms -= DAY_MS;
        while !cycle.contains(earlier_ms) {
            earlier_ms -= DAY_MS;
        }
    }
    earlier_ms - cycle.lead_ms()
}

/// The first 08:00 UTC strictly after an instant.
pub fn next_expiry_hour(at_ms: i64) -> i64 {
    (at_ms - EXPIRY_HOUR_MS).div_euclid(DAY_MS) * DAY_MS + DAY_MS + EXPIRY_HOUR_MS
}

/// The first expiry hour of a Friday strictly after an instant.
fn next_friday(at_ms: i64) -> i64 {
    let next_ms = next_expiry_hour(at_ms);
    let days = (1 - next_ms.div_euclid(DAY_MS)).rem_euclid(7);
    next_ms + days * DAY_MS
}

/// 1970-01-01 was a Thursday.
fn is_friday(at_ms: i64) -> bool {
    at_ms.div_euclid(DAY_MS).rem_euclid(7) == 1
}

fn is_last_friday(at_ms: i64) -> bool {
    is_friday(at_ms) && month(at_ms) != month(at_ms + 7 * DAY_MS)
}

fn month(at_ms: i64) -> u32 {
    DateTime::from_timestamp_millis(at_ms).map_or(0, |at| at.month())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::instrument::parse_expiry;

    const HOUR_MS: i64 = 3_600_000;

    #[test]
    fn the_first_day_of_the_year_lists_what_was_recorded() {
        let at_ms = parse_expiry("1JAN26").expect("a date") + HOUR_MS;
        let dates = [
            "2JAN26", "3JAN26", "4JAN26", "5JAN26", "9JAN26", "16JAN26", "30JAN26", "27FEB26",
            "27MAR26", "26JUN26", "25SEP26", "25DEC26",
        ];
        let mut expected: Vec<i64> = dates.iter().filter_map(|date| parse_expiry(date)).collect();
        // A Thursday: the weekly that replaces tomorrow's is there already.
        expected.insert(6, parse_expiry("23JAN26").expect("a date"));
        assert_eq!(expiries(at_ms), expected);
    }

    #[test]
    fn an_expiry_is_there_from_its_listing_to_its_end() {
        let mut hour_ms = 1_767_225_600_000;
        for _ in 0..400 {
            let listed = expiries(hour_ms);
            assert!((11..=14).contains(&listed.len()), "{} dates", listed.len());
            for expiry_ms in listed {
                let from_ms = listed_at_ms(expiry_ms);
                assert!(from_ms <= hour_ms && hour_ms < expiry_ms);
                assert!(expiries(from_ms).contains(&expiry_ms));
                assert!(!expiries(from_ms - 1).contains(&expiry_ms));
            }
            hour_ms += 13 * HOUR_MS;
        }
    }
}
