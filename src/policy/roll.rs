//! When a short call is due: too close to expiry for what it still earns, or in the way of the price.

use crate::domain::instrument::Instrument;

/// Any call is rolled with less than this to go.
const DAYS_ANY: f64 = 1.0;
/// An in-the-money call is rolled with at most this to go.
const DAYS_IN_THE_MONEY: f64 = 2.0;
/// A call out of the money by less than `NEAR` is rolled with at most this to go.
const DAYS_NEAR: f64 = 1.0;
/// Share of the index.
const NEAR: f64 = 0.02;

/// Why the call must be rolled now, or `None`. An expired call is not due: it settles by itself.
pub(super) fn due(call: &Instrument, index_price: f64, as_of_ms: i64) -> Option<String> {
    let dte = call.dte(as_of_ms);
    let distance = (call.strike() - index_price) / index_price;
    if dte <= 0.0 {
        None
    } else if dte < DAYS_ANY {
        Some(format!("{call} has {dte:.2} days to expiry, under 1"))
    } else if distance < 0.0 && dte <= DAYS_IN_THE_MONEY {
        let inside = -100.0 * distance;
        Some(format!(
            "{call} is {inside:.2} % in the money with {dte:.2} days to expiry"
        ))
    } else if (0.0..NEAR).contains(&distance) && dte <= DAYS_NEAR {
        let outside = 100.0 * distance;
        Some(format!(
            "{call} is only {outside:.2} % out of the money with {dte:.2} days to expiry"
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::instrument::DAY_MS;

    fn check(days: f64, index: f64, expect: Option<&str>) {
        let call: Instrument = "BTC-30JAN26-90000-C".parse().expect("name");
        let as_of_ms = call.expiry_ms - (days * DAY_MS as f64) as i64;
        let due = due(&call, index, as_of_ms);
        match expect {
            None => assert_eq!(due, None, "{days} days at {index}"),
            Some(part) => {
                let text = due.unwrap_or_else(|| panic!("{days} days at {index} is due"));
                assert!(text.contains(part), "{text}");
            }
        }
    }

    #[test]
    fn a_call_is_due_by_days_and_moneyness() {
        check(5.0, 100_000.0, None);
        check(2.1, 91_000.0, None);
        check(2.0, 90_001.0, Some("in the money"));
        check(1.5, 90_001.0, Some("in the money"));
        check(2.0, 90_000.0, None);
        check(1.5, 89_500.0, None);
        check(1.0, 88_500.0, Some("only 1.69 % out of the money"));
        check(1.0, 88_000.0, None);
        check(0.99, 50_000.0, Some("under 1"));
        check(0.0, 95_000.0, None);
        check(-0.1, 95_000.0, None);
    }
}
