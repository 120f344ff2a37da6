//! Positions and cash folded from deposits, fills and settlements; never stored twice.

use super::account::Position;
use super::coin::Coin;
use super::instrument::{Instrument, Style};
use super::order::{Fill, Settlement};
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// One book: cash per currency (`BTC`, `ETH`, `USDC`) and open positions. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Portfolio {
    cash: BTreeMap<&'static str, Decimal>,
    positions: BTreeMap<Instrument, Position>,
}

/// The currency in which a contract's premium, fee and settlement are paid.
pub fn currency(instrument: &Instrument) -> &'static str {
    match instrument.style {
        Style::Inverse => instrument.coin.as_str(),
        Style::Linear => "USDC",
    }
}

impl Portfolio {
    pub fn deposit(&mut self, currency: &'static str, amount: Decimal) {
        *self.cash.entry(currency).or_default() += amount;
    }

    /// Folds one fill that belongs to roll chain `chain`, which had `rolls` rolls when it was made.
    pub fn fill(&mut self, fill: &Fill, chain: &str, rolls: u32) {
        self.deposit(currency(&fill.instrument), fill.cash());
        let signed = fill.side.sign() * fill.size;
        let position = self
            .positions
            .entry(fill.instrument)
            .or_insert_with(|| Position {
                instrument: fill.instrument,
                size: Decimal::ZERO,
                average_price: Decimal::ZERO,
                fees: Decimal::ZERO,
                opened_ms: fill.at_ms,
                chain: chain.to_owned(),
                rolls,
            });
        merge(position, signed, fill.price, fill.fee);
        if position.size.is_zero() {
            self.positions.remove(&fill.instrument);
        }
    }

    /// Folds an expiry: the position is gone, the cash is its payoff less the delivery fee.
    pub fn settle(&mut self, settlement: &Settlement) {
        self.deposit(currency(&settlement.instrument), settlement.cash());
        self.positions.remove(&settlement.instrument);
    }

    pub fn cash(&self, currency: &str) -> Decimal {
        self.cash.get(currency).copied().unwrap_or_default()
    }

    /// Every open position, in chain order.
    pub fn positions(&self) -> impl Iterator<Item = &Position> {
        self.positions.values()
    }

    pub fn positions_of(&self, coin: Coin) -> impl Iterator<Item = &Position> {
        self.positions
            .values()
            .filter(move |position| position.instrument.coin == coin)
    }

    pub fn position(&self, instrument: &Instrument) -> Option<&Position> {
        self.positions.get(instrument)
    }

    /// Coin of calls sold and still open on one underlying, both styles.
    pub fn short_calls(&self, coin: Coin) -> Decimal {
        self.positions_of(coin)
            .filter(|position| position.instrument.is_call() && position.size < Decimal::ZERO)
            .map(|position| -position.size)
            .sum()
    }
}

/// Adds a signed size: growing averages the price, shrinking keeps it, crossing zero starts afresh.
fn merge(position: &mut Position, signed: Decimal, price: Decimal, fee: Decimal) {
    let before = position.size;
    let after = before + signed;
    if before.is_zero() || before.is_sign_positive() == signed.is_sign_positive() {
        position.average_price = (before * position.average_price + signed * price) / after;
        position.fees += fee;
    } else if after.is_zero() || after.is_sign_positive() == before.is_sign_positive() {
        position.fees = position.fees * after / before;
    } else {
        position.average_price = price;
        position.fees = fee * (after / signed);
    }
    position.size = after;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::{decimal, named};
    use crate::domain::order::Side;
    use proptest::prelude::*;

    const CALL: &str = "BTC-30JAN26-97200-C";

    fn fill(side: Side, size: Decimal, price: Decimal, at_ms: i64) -> Fill {
        Fill {
            instrument: named(CALL),
            side,
            size,
            price,
            fee: size * decimal("0.0003"),
            index_price: decimal("90000"),
            at_ms,
            trade_id: format!("trade-{at_ms}"),
        }
    }

    #[test]
    fn a_sale_and_its_purchase_leave_only_cash() {
        let mut book = Portfolio::default();
        book.deposit("BTC", decimal("2"));
        book.fill(
            &fill(Side::Sell, decimal("0.2"), decimal("0.02"), 1),
            "chain",
            0,
        );
        let short = book.position(&named(CALL)).expect("held");
        assert_eq!(
            (short.size, short.fees),
            (decimal("-0.2"), decimal("0.00006"))
        );
        assert_eq!(book.short_calls(Coin::Btc), decimal("0.2"));
        book.fill(
            &fill(Side::Buy, decimal("0.2"), decimal("0.01"), 2),
            "chain",
            0,
        );
        assert_eq!(book.positions().count(), 0);
        assert_eq!(book.cash("BTC"), decimal("2.00188"));
    }

    #[test]
    fn growing_averages_the_price_and_crossing_zero_starts_afresh() {
        let mut book = Portfolio::default();
        book.fill(
            &fill(Side::Sell, decimal("0.1"), decimal("0.02"), 1),
            "chain",
            0,
        );
        book.fill(
            &fill(Side::Sell, decimal("0.3"), decimal("0.01"), 2),
            "chain",
            0,
        );
        let average = |book: &Portfolio| book.position(&named(CALL)).map(|held| held.average_price);
        assert_eq!(average(&book), Some(decimal("0.0125")));
        book.fill(
            &fill(Side::Buy, decimal("0.1"), decimal("0.05"), 3),
            "chain",
            0,
        );
        assert_eq!(average(&book), Some(decimal("0.0125")));
        book.fill(
            &fill(Side::Buy, decimal("0.5"), decimal("0.03"), 4),
            "chain",
            0,
        );
        assert_eq!(average(&book), Some(decimal("0.03")));
    }

    /// Mistake 7 of the earlier system: amounts of two currencies were added up.
    #[test]
    fn mistake_7_linear_premium_is_usdc_and_inverse_premium_is_coin() {
        let mut book = Portfolio::default();
        let mut linear = fill(Side::Sell, decimal("0.1"), decimal("900"), 1);
        linear.instrument = named("BTC_USDC-30JAN26-97200-C");
        linear.fee = decimal("2.7");
        book.fill(&linear, "chain", 0);
        assert_eq!(
            (book.cash("USDC"), book.cash("BTC")),
            (decimal("87.3"), Decimal::ZERO)
        );
    }

    proptest! {
        /// Sizes are multiples of the venue's step and prices of its tick, as every real fill's are.
        #[test]
        fn folding_fills_in_any_split_gives_the_same_portfolio(
            trades in prop::collection::vec((any::<bool>(), 1_i64..20, 1_i64..400, 1_i64..20), 1..12),
        ) {
            let (mut whole, mut split) = (Portfolio::default(), Portfolio::default());
            for (at_ms, (buys, tenths, ticks, first)) in (0..).zip(trades) {
                let side = if buys { Side::Buy } else { Side::Sell };
                let price = Decimal::new(ticks, 4);
                let first = first.min(tenths);
                whole.fill(&fill(side, Decimal::new(tenths, 1), price, at_ms), "chain", 0);
                for part in [first, tenths - first].into_iter().filter(|part| *part > 0) {
                    split.fill(&fill(side, Decimal::new(part, 1), price, at_ms), "chain", 0);
                }
            }
            prop_assert_eq!(whole.cash("BTC"), split.cash("BTC"));
            let (whole, split) = (whole.position(&named(CALL)), split.position(&named(CALL)));
            prop_assert_eq!(whole.map(|held| held.size), split.map(|held| held.size));
            if let (Some(whole), Some(split)) = (whole, split) {
                let near = |one: Decimal, other: Decimal| (one - other).abs() < decimal("0.000000000001");
                prop_assert!(near(whole.average_price, split.average_price));
                prop_assert!(near(whole.fees, split.fees));
            }
        }
    }
}
