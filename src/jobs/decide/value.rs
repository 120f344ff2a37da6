//! Marks a book to market: the equity row and the marks that pages show.

use crate::db::equity::{EquityRow, MarkRow};
use crate::domain::account::Account;
use crate::domain::chain::{Chain, Quote};
use crate::domain::money::{self, float, to_e8};
use crate::domain::portfolio::Portfolio;
use crate::domain::pricing::black76;

/// The valuation row of one underlying.
pub(super) fn equity(
    desk: &str,
    portfolio: &Portfolio,
    account: &Account,
    chain: &Chain,
    at_ms: i64,
) -> EquityRow {
    let coin = chain.coin;
    let scaled = |value: f64| to_e8(money::decimal(value).unwrap_or_default());
    let deltas: f64 = portfolio
        .positions_of(coin)
        .filter_map(|held| Some(float(held.size) * chain.quote(&held.instrument)?.delta?))
        .fold(0.0, |sum, delta| sum + delta);
    EquityRow {
        desk: desk.to_owned(),
        underlying: coin.as_str().to_owned(),
        at_ms,
        balance_e8: to_e8(account.balance),
        option_value_e8: scaled(account.option_value),
        equity_e8: scaled(account.equity),
        index_price: chain.index_price,
        equity_usd: account.equity * chain.index_price,
        initial_margin: account.initial_margin,
        maintenance_margin: account.maintenance_margin,
        net_delta: float(account.balance) + deltas,
        short_calls_e8: to_e8(portfolio.short_calls(coin)),
    }
}

/// The quotes of what is held, with greeks.
pub(super) fn marks(desk: &str, portfolio: &Portfolio, chain: &Chain) -> Vec<MarkRow> {
    portfolio
        .positions_of(chain.coin)
        .filter_map(|held| Some(mark_row(desk, chain.quote(&held.instrument)?, chain)))
        .collect()
}

fn mark_row(desk: &str, quote: &Quote, chain: &Chain) -> MarkRow {
    let call = &quote.instrument;
    let years = call.years(chain.at_ms);
    let priced = quote.mark_iv.map(|vol| {
        black76(
            call.is_call(),
            quote.underlying_price,
            call.strike(),
            vol,
            years,
        )
    });
    MarkRow {
        desk: desk.to_owned(),
        instrument: call.name(),
        underlying: chain.coin.as_str().to_owned(),
        at_ms: chain.at_ms,
        mark: quote.mark.or_else(|| quote.mid()),
        bid: quote.bid,
        ask: quote.ask,
        mark_iv: quote.mark_iv,
        delta: quote.delta.or(priced.map(|priced| priced.delta)),
        gamma: priced.map(|priced| priced.gamma),
        vega: priced.map(|priced| priced.vega),
        theta: priced.map(|priced| priced.theta),
        underlying_price: Some(quote.underlying_price),
        source: chain.source.as_str().to_owned(),
    }
}
