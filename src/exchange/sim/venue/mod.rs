//! The book of the built-in exchange: one account's money, positions, orders and history. Pure data.
//!
//! It has no clock and no market of its own: `super::SimExchange` brings quotes and delivery prices and
//! says what time it is. The same commands in the same order give the same bytes when serialised.

pub(in crate::exchange::sim) mod band;
mod expiry;
mod history;
mod margin;
mod matching;
mod orders;
mod records;
#[cfg(test)]
mod tests;

pub use history::Retention;
pub use orders::Amendment;
pub use records::{Booked, Detail, Entry, Print, SelfTrade};

use super::Deposits;
use super::quotes::Quotes;
use crate::domain::chain::Quote;
use crate::domain::coin::Coin;
use crate::domain::instrument::{Instrument, Style};
use crate::domain::order::Side;
use crate::domain::portfolio::currency;
use crate::exchange::error::ExchangeError;
use crate::exchange::facts::{Delivery, LogRow, Order};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Coin held, and coin of calls that are sold and offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cover {
    pub held: Decimal,
    pub short: Decimal,
    pub offered: Decimal,
}

/// Everything the exchange knows about one account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Venue {
    /// The latest instant the book was brought to; it only grows.
    now_ms: i64,
    /// Source of order, trade and log ids.
    counter: u64,
    ledgers: BTreeMap<String, Ledger>,
    positions: BTreeMap<Instrument, Held>,
    /// Open and recently final, oldest first.
    orders: Vec<Booked>,
    trades: Vec<Print>,
    deliveries: Vec<Delivery>,
    log: Vec<Entry>,
    /// What our fills took out of a snapshot's top of book; it is not shown to us twice.
    taken: Vec<Taken>,
    /// What happens to an order that would meet one of the account's own.
    #[serde(default)]
    self_trade: SelfTrade,
    /// Something besides the time changed since it was loaded.
    #[serde(skip)]
    touched: bool,
}

/// Money of one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Ledger {
    deposits: Decimal,
    cash: Decimal,
}

/// A position; `size` is signed coin, prices are quote currency per coin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Held {
    size: Decimal,
    average_price: Decimal,
    /// Stands in when the market shows no mark.
    last_mark: Decimal,
}

/// Coin taken from one side of one quote of the snapshot at `at_ms`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Taken {
    instrument: Instrument,
    /// True when bids were sold into.
    bid: bool,
    at_ms: i64,
    size: Decimal,
}

impl Venue {
    /// A fresh account with its deposits, opened at `at_ms`.
    pub fn open(at_ms: i64, deposits: &Deposits) -> Self {
        let mut venue = Self {
            now_ms: at_ms,
            counter: 0,
            ledgers: BTreeMap::new(),
            positions: BTreeMap::new(),
            orders: Vec::new(),
            trades: Vec::new(),
            deliveries: Vec::new(),
            log: Vec::new(),
            taken: Vec::new(),
            self_trade: SelfTrade::default(),
            touched: true,
        };
        for (currency, amount) in deposits {
            venue.deposit(currency, *amount);
        }
        venue
    }

    /// The book of a saved state; the message says what is wrong with it.
    pub fn from_json(state: &str) -> Result<Self, String> {
        serde_json::from_str(state).map_err(|error| error.to_string())
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a book holds only numbers, texts and string keys")
    }

    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// True when it must be saved.
    /// Has the book saved although nothing happened but that time passed.
    pub fn touch(&mut self) {
        self.touched = true;
    }

    pub fn is_touched(&self) -> bool {
        self.touched
    }

    /// Moves the time on; never back.
    pub fn pass_to(&mut self, at_ms: i64) {
        self.now_ms = self.now_ms.max(at_ms);
    }

    /// What calls sold and offered take of the coin held.
    pub fn cover(&self, coin: Coin) -> Cover {
        let calls = self.positions.iter();
        let short = |(contract, held): &(&Instrument, &Held)| {
            contract.coin == coin && contract.is_call() && held.size < Decimal::ZERO
        };
        let offers = self.working().filter(|order| {
            order.instrument.coin == coin && order.instrument.is_call() && order.side == Side::Sell
        });
        Cover {
            held: self.cash(coin.as_str()),
            short: calls.filter(short).map(|(_, held)| -held.size).sum(),
            offered: offers.map(Order::remaining).sum(),
        }
    }

    /// Coins with a position or an open order, for the quotes a command needs.
    pub fn coins_with_open_orders(&self) -> Vec<Coin> {
        let has = |coin: &Coin| self.working().any(|order| order.instrument.coin == *coin);
        Coin::ALL.into_iter().filter(has).collect()
    }

    fn working(&self) -> impl Iterator<Item = &Order> {
        let orders = self.orders.iter().map(|booked| &booked.order);
        orders.filter(|order| order.is_open())
    }

    fn deposit(&mut self, currency: &str, amount: Decimal) {
        self.ledgers
            .entry(currency.to_owned())
            .or_default()
            .deposits += amount;
        let row = LogRow {
            id: 0,
            currency: currency.to_owned(),
            at_ms: self.now_ms,
            kind: "deposit".to_owned(),
            instrument: String::new(),
            size: Decimal::ZERO,
            price: Decimal::ZERO,
            commission: Decimal::ZERO,
            cashflow: amount,
            change: amount,
            balance: Decimal::ZERO,
            order_id: None,
            trade_id: None,
        };
        self.book_change(row, Detail::default());
    }

    /// The only place where cash changes: moves the balance by `row.change` and logs it.
    fn book_change(&mut self, mut row: LogRow, detail: Detail) {
        assert_eq!(
            row.change,
            row.cashflow - row.commission,
            "a balance changes by the cash flow less the fee"
        );
        let ledger = self.ledgers.entry(row.currency.clone()).or_default();
        ledger.cash += row.change;
        row.balance = ledger.cash;
        row.id = self.next_id();
        self.log.push(Entry { row, detail });
        self.touched = true;
    }

    fn next_id(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn cash(&self, currency: &str) -> Decimal {
        self.ledgers
            .get(currency)
            .map_or(Decimal::ZERO, |ledger| ledger.cash)
    }

    fn size_of(&self, instrument: &Instrument) -> Decimal {
        self.positions
            .get(instrument)
            .map_or(Decimal::ZERO, |held| held.size)
    }

    /// Positions paid in a currency.
    fn held_in<'a>(&'a self, paid_in: &'a str) -> impl Iterator<Item = (&'a Instrument, &'a Held)> {
        self.positions
            .iter()
            .filter(move |(instrument, _)| currency(instrument) == paid_in)
    }
}

/// Ids as the exchange writes them: bare digits in BTC books, a prefix in the others.
fn book_id(instrument: &Instrument, number: u64) -> String {
    match (instrument.style, instrument.coin) {
        (Style::Linear, _) => format!("USDC-{number}"),
        (Style::Inverse, Coin::Btc) => number.to_string(),
        (Style::Inverse, Coin::Eth) => format!("ETH-{number}"),
    }
}

/// The quote of a contract, or the refusal of one that is not listed or has expired.
fn listed<'a>(
    quotes: &'a Quotes,
    instrument: &Instrument,
    now_ms: i64,
) -> Result<&'a Quote, ExchangeError> {
    if instrument.expiry_ms <= now_ms {
        return Err(ExchangeError::from_code(
            10_012,
            format!("book_closed: {instrument} has expired"),
        ));
    }
    quotes.quote(instrument).ok_or_else(|| {
        let message = format!("invalid_or_unsupported_instrument: {instrument}");
        ExchangeError::from_code(10_020, message)
    })
}
