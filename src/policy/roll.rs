//! When a short call is due: too close to expiry for what it still earns, or in the way of the price.

use crate::domain::context::Context;
use crate::domain::instrument::Instrument;
use crate::domain::settings::Settings;

/// Why the call must be rolled now, or `None`. An expired call is not due: it settles by itself.
pub(super) fn due(call: &Instrument, context: &Context, settings: &Settings) -> Option<String> {
    let dte = call.dte(context.as_of_ms);
    let distance = (call.strike() - context.index_price) / context.index_price;
    if dte <= 0.0 {
        None
    } else if dte < settings.roll_dte {
        let limit = settings.roll_dte;
        Some(format!("{call} has {dte:.2} days to expiry, under {limit}"))
    } else if distance < 0.0 && dte <= settings.roll_dte_itm {
        let inside = -100.0 * distance;
        Some(format!(
            "{call} is {inside:.2} % in the money with {dte:.2} days to expiry"
        ))
    } else if (0.0..settings.roll_near).contains(&distance) && dte <= settings.roll_dte_near {
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
    use crate::domain::coin::Coin;
    use crate::domain::fixture;
    use crate::domain::instrument::DAY_MS;
    use crate::domain::settings::Mode;

    fn check(days: f64, index: f64, expect: Option<&str>) {
        let call: Instrument = "BTC-30JAN26-90000-C".parse().expect("name");
        let context = Context {
            as_of_ms: call.expiry_ms - (days * DAY_MS as f64) as i64,
            index_price: index,
            ..fixture::context(Coin::Btc)
        };
        let settings = Settings::of(Mode::Research);
        let due = due(&call, &context, &settings);
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

    #[test]
    fn without_thresholds_a_call_is_held_to_expiry() {
        let call: Instrument = "BTC-30JAN26-90000-C".parse().expect("name");
        let context = Context {
            as_of_ms: call.expiry_ms - 1,
            index_price: 95_000.0,
            ..fixture::context(Coin::Btc)
        };
        let settings = Settings {
            roll_dte: 0.0,
            roll_dte_itm: 0.0,
            roll_dte_near: 0.0,
            ..Settings::of(Mode::Research)
        };
        assert_eq!(due(&call, &context, &settings), None);
    }
}
