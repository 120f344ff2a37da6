//! What a trade costs: the fee of the Standard tier.

use super::instrument::{Instrument, Style};
use super::money::{self, SCALE};
use rust_decimal::Decimal;

/// 0.03 % of the underlying, maker and taker alike.
const TRADE_RATE: Decimal = Decimal::from_parts(3, 0, 0, false, 4);
/// No fee exceeds 12.5 % of what the option costs or pays.
pub(crate) const CAP: Decimal = Decimal::from_parts(125, 0, 0, false, 3);

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

/// [`trade_fee`] of 1 coin, unrounded, for candidates: thousands are measured per step.
pub fn trade_fee_per_coin(style: Style, price: f64, index: f64) -> f64 {
    let underlying = match style {
        Style::Inverse => 1.0,
        Style::Linear => index,
    };
    (0.0003 * underlying).min(0.125 * price)
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
    fn the_fee_of_features_is_the_fee_of_fills() {
        for (name, price) in [
            ("BTC-25DEC26-100000-C", 0.0155),
            ("BTC-25DEC26-100000-C", 0.0008),
            ("ETH_USDC-25DEC26-4000-C", 40.0),
            ("ETH_USDC-25DEC26-4000-C", 3.0),
        ] {
            let contract: Instrument = name.parse().expect(name);
            let exact = trade_fee(
                &contract,
                Decimal::ONE,
                decimal(&price.to_string()),
                3_500.0,
            );
            let quick = trade_fee_per_coin(contract.style, price, 3_500.0);
            assert!((money::float(exact) - quick).abs() < 1e-8, "{name} {price}");
        }
    }
}
