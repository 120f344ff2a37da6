//! A book marked to market: the account of a dry run and of a backtest.

use super::margins;
use crate::domain::account::Account;
use crate::domain::chain::{Chain, Quote};
use crate::domain::coin::Coin;
use crate::domain::instrument::{Instrument, Style};
use crate::domain::money::float;
use crate::domain::portfolio::Portfolio;
use crate::domain::pricing::black76;

/// The account of one coin folded from its fills. Linear contracts are brought to coin at the index.
pub fn account(portfolio: &Portfolio, coin: Coin, chain: &Chain) -> Account {
    let balance = portfolio.cash(coin.as_str());
    let mut account = Account {
        balance,
        option_value: 0.0,
        equity: float(balance),
        initial_margin: 0.0,
        maintenance_margin: 0.0,
        source: chain.source,
    };
    for held in portfolio.positions_of(coin) {
        let Some(mark) = mark(&held.instrument, chain) else {
            continue;
        };
        let index = chain.index_price;
        let coin_per_quote = match held.instrument.style {
            Style::Inverse => 1.0,
            Style::Linear => 1.0 / index,
        };
        let (initial, maintenance) = margins(&held.instrument, held.size, mark, index);
        account.option_value += float(held.size) * mark * coin_per_quote;
        account.initial_margin += float(initial) * coin_per_quote;
        account.maintenance_margin += float(maintenance) * coin_per_quote;
    }
    account.equity += account.option_value;
    account
}

/// The exchange's mark; without one the midpoint, without both sides Black-76 at the mark volatility.
/// Quote currency per coin; `None` for a contract that the chain does not have.
pub fn mark(contract: &Instrument, chain: &Chain) -> Option<f64> {
    let quote = chain.quote(contract)?;
    quote
        .mark
        .or_else(|| quote.mid())
        .or_else(|| model(quote, chain.at_ms))
}

fn model(quote: &Quote, at_ms: i64) -> Option<f64> {
    let (call, forward) = (&quote.instrument, quote.underlying_price);
    let vol = quote.mark_iv.filter(|_| forward > 0.0)?;
    let years = call.years(at_ms);
    let usd = black76(call.is_call(), forward, call.strike(), vol, years).price_usd;
    Some(match call.style {
        Style::Inverse => usd / forward,
        Style::Linear => usd,
    })
}
