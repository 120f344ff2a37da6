//! Trade and delivery fees of the Standard tier (deribit.md section 5.1).

use super::settlement::payoff_per_coin;
use crate::domain::instrument::{DAY_MS, Instrument, Style};
use crate::domain::money::{self, SCALE};
use rust_decimal::Decimal;

/// 0.03 % of the underlying, maker and taker alike.
const TRADE_RATE: Decimal = Decimal::from_parts(3, 0, 0, false, 4);
/// 0.015 % of the underlying.
const DELIVERY_RATE: Decimal = Decimal::from_parts(15, 0, 0, false, 5);
/// No fee exceeds 12.5 % of what the option costs or pays.
const CAP: Decimal = Decimal::from_parts(125, 0, 0, false, 3);

/// Fee of one trade in the quote currency, zero or above: 0.03 % of the underlying, at most 12.5 % of
/// the premium. `price` is quote currency per coin, `index` USD.
pub fn trade_fee(instrument: &Instrument, size: Decimal, price: Decimal, index: f64) -> Decimal {
    let underlying = match instrument.style {
        Style::Inverse => Decimal::ONE,
        Style::Linear => money::decimal(index).unwrap_or_default(),
    };
    let per_coin = (TRADE_RATE * underlying).min(CAP * price);
    (size.abs() * per_coin).round_dp(SCALE)
}

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
    fn trade_fee_is_capped_by_the_premium() {
        let check = |name: &str, size: &str, price: &str, fee: &str| {
            let contract: Instrument = name.parse().expect(name);
            let actual = trade_fee(&contract, decimal(size), decimal(price), 90_000.0);
            assert_eq!(actual, decimal(fee), "{name} {size} at {price}");
        };
        check("BTC-25DEC26-100000-C", "0.1", "0.0155", "0.00003");
        check("BTC-25DEC26-100000-C", "1", "0.0024", "0.0003");
        check("BTC-25DEC26-100000-C", "1", "0.0008", "0.0001");
        check("BTC-25DEC26-100000-C", "0.1", "0.0001", "0.00000125");
        check("BTC_USDC-25DEC26-100000-C", "0.1", "1400", "2.7");
        check("BTC_USDC-25DEC26-100000-C", "1", "40", "5");
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
