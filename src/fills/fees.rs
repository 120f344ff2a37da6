//! Delivery fees of the Standard tier.

use super::settlement::payoff_per_coin;
use crate::domain::fees::CAP;
use crate::domain::instrument::{DAY_MS, Instrument, Style};
use crate::domain::money::SCALE;
use rust_decimal::Decimal;

/// 0.015 % of the underlying.
const DELIVERY_RATE: Decimal = Decimal::from_parts(15, 0, 0, false, 5);

/// Fee of one delivery in the quote currency: 0.015 % of the underlying, at most 12.5 % of the
/// settlement value; nothing for daily options and for options that expire worthless.
pub fn delivery_fee(instrument: &Instrument, size: Decimal, delivery_price: Decimal) -> Decimal {
    if is_daily(instrument) {
        return Decimal::ZERO;
    }
    let underlying = match instrument.style {
        Style::Inverse => Decimal::ONE,
        Style::Linear => delivery_price,
    };
    let value = payoff_per_coin(instrument, delivery_price);
    (size.abs() * (DELIVERY_RATE * underlying).min(CAP * value)).round_dp(SCALE)
}

/// True for a daily option: weeklies, monthlies and quarterlies all expire on a Friday.
pub fn is_daily(instrument: &Instrument) -> bool {
    // 1970-01-01 was a Thursday, so day 1 of the epoch is the first Friday.
    instrument.expiry_ms.div_euclid(DAY_MS).rem_euclid(7) != 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().expect(text)
    }

    #[test]
    fn delivery_fee_is_capped_and_dailies_are_free() {
        let check = |name: &str, delivery: &str, fee: &str| {
            let contract: Instrument = name.parse().expect(name);
            let actual = delivery_fee(&contract, Decimal::NEGATIVE_ONE, decimal(delivery));
            assert_eq!(actual, decimal(fee), "{name} at {delivery}");
        };
        check("BTC-25DEC26-100000-C", "125000", "0.00015");
        // 100/100100 = 0.000999001 of value, an eighth of which is less than 0.00015.
        check("BTC-25DEC26-100000-C", "100100", "0.00012488");
        check("BTC-25DEC26-100000-C", "100000", "0");
        check("BTC-25DEC26-100000-C", "80000", "0");
        check("BTC-24DEC26-100000-C", "125000", "0");
        check("BTC_USDC-25DEC26-100000-C", "125000", "18.75");
        check("BTC_USDC-25DEC26-100000-C", "100100", "12.5");
    }

    #[test]
    fn only_fridays_are_not_daily() {
        let check = |name: &str, daily: bool| {
            assert_eq!(is_daily(&name.parse().expect(name)), daily, "{name}");
        };
        check("BTC-25DEC26-100000-C", false);
        check("BTC-26DEC26-100000-C", true);
        check("BTC-9JAN26-100000-C", false);
        check("BTC-8JAN26-100000-C", true);
    }
}
