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
