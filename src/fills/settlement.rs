//! Expiry: what a position pays or receives at the delivery price.

use super::fees::delivery_fee;
use crate::domain::instrument::{Instrument, Style};
use crate::domain::money::SCALE;
use crate::domain::order::Settlement;
use rust_decimal::Decimal;

/// Intrinsic value of one coin of the option in its quote currency, unrounded: USDC when linear,
/// coin (USD value / delivery price) when inverse.
pub fn payoff_per_coin(instrument: &Instrument, delivery_price: Decimal) -> Decimal {
    let strike = Decimal::from(instrument.strike_usd);
    let usd = if instrument.is_call() {
        delivery_price - strike
    } else {
        strike - delivery_price
    };
    let usd = usd.max(Decimal::ZERO);
    match instrument.style {
        Style::Linear => usd,
        // A delivery price of zero would be no price; the option is then taken as worthless.
        Style::Inverse => usd.checked_div(delivery_price).unwrap_or_default(),
    }
}

/// The expiry of a position of `size` coin (negative when short) at `delivery_price` USD.
pub fn settle(instrument: &Instrument, size: Decimal, delivery_price: Decimal) -> Settlement {
    Settlement {
        instrument: *instrument,
        size,
        delivery_price,
        payoff: (size * payoff_per_coin(instrument, delivery_price)).round_dp(SCALE),
        fee: delivery_fee(instrument, size, delivery_price),
        at_ms: instrument.expiry_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().expect(text)
    }

    fn check(name: &str, size: &str, delivery: &str, payoff: &str, cash: &str) {
        let contract: Instrument = name.parse().expect(name);
        let settlement = settle(&contract, decimal(size), decimal(delivery));
        assert_eq!(settlement.payoff, decimal(payoff), "{name} at {delivery}");
        assert_eq!(settlement.cash(), decimal(cash), "{name} at {delivery}");
        assert_eq!(settlement.at_ms, contract.expiry_ms);
    }

    #[test]
    fn worked_examples_by_hand() {
        // (125000 - 100000) / 125000 = 0.2 coin; fee 0.00015 coin.
        check("BTC-25DEC26-100000-C", "-1", "125000", "-0.2", "-0.20015");
        check(
            "BTC-25DEC26-100000-C",
            "-0.1",
            "125000",
            "-0.02",
            "-0.020015",
        );
        check("BTC-25DEC26-100000-C", "1", "125000", "0.2", "0.19985");
        check("BTC-25DEC26-100000-C", "-1", "99999.99", "0", "0");
        check("ETH-25DEC26-4000-P", "-2", "3200", "-0.5", "-0.5003");
        check(
            "BTC_USDC-25DEC26-100000-C",
            "-0.1",
            "125000",
            "-2500",
            "-2501.875",
        );
        // 1/3 of a coin does not end: half to even at the eighth decimal.
        check(
            "BTC-24DEC26-100000-C",
            "-1",
            "150000",
            "-0.33333333",
            "-0.33333333",
        );
    }

    /// Mistake 7 of the earlier system: linear contracts were priced as inverse.
    #[test]
    fn mistake_7_linear_pays_usdc_and_inverse_pays_coin() {
        let payoff = |name: &str| payoff_per_coin(&name.parse().expect(name), decimal("125000"));
        assert_eq!(payoff("BTC-25DEC26-100000-C"), decimal("0.2"));
        assert_eq!(payoff("BTC_USDC-25DEC26-100000-C"), decimal("25000"));
    }
}
