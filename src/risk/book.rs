//! What is held after a leg, priced as the exchange would: the state that limits are checked on.

use crate::domain::chain::Quote;
use crate::domain::context::Context;
use crate::domain::fees::trade_fee;
use crate::domain::instrument::{Instrument, Style};
use crate::domain::money::{self, float};
use crate::domain::order::Side;
use crate::domain::pricing::black76;
use crate::fills::initial_margin;
use rust_decimal::Decimal;

/// Coin, equity, margin and contracts; linear amounts are brought to coin at the index.
#[derive(Clone, Debug)]
pub(super) struct Book {
    /// (contract, signed coin), positions first, then sell orders still working as if filled.
    sizes: Vec<(Instrument, Decimal)>,
    /// Coin that covers calls: the balance, never the equity.
    pub(super) coin_held: Decimal,
    /// Coin.
    pub(super) equity: f64,
    /// Coin; `None` when the contract sold has no price to margin it at. Of orders still working it
    /// holds what the account's own figure does.
    pub(super) initial_margin: Option<f64>,
    /// Orders sent in the last minute and by the legs so far.
    pub(super) orders: u32,
}

impl Book {
    pub(super) fn of(context: &Context) -> Self {
        let held = context
            .positions
            .iter()
            .map(|held| (held.instrument, held.size));
        let sells = context
            .working
            .iter()
            .filter(|order| order.side == Side::Sell);
        Self {
            sizes: held
                .chain(sells.map(|order| (order.instrument, -order.remaining)))
                .collect(),
            coin_held: context.account.balance,
            equity: context.account.equity,
            initial_margin: Some(context.account.initial_margin),
            orders: context.orders_last_minute,
        }
    }

    /// After a sale. The premium is not counted as cover: it comes with the fill, not before it.
    pub(super) fn sell(mut self, context: &Context, call: &Instrument, size: Decimal) -> Self {
        let margin = margin(context, call, size);
        self.initial_margin = self
            .initial_margin
            .zip(margin)
            .map(|(held, new)| held + new);
        self.sizes.push((*call, -size));
        self.orders += 1;
        self
    }

    /// After a purchase at the ask with its fee.
    pub(super) fn buy_back(mut self, context: &Context, call: &Instrument, size: Decimal) -> Self {
        let freed = margin(context, call, size).unwrap_or(0.0);
        self.initial_margin = self.initial_margin.map(|held| (held - freed).max(0.0));
        if let Some(quote) = context.chain.quote(call) {
            self.pay(context, quote, size);
        }
        self.sizes.push((*call, size));
        self.orders += 1;
        self
    }

    /// Coin of calls sold: positions and working sell orders.
    pub(super) fn short_calls(&self) -> Decimal {
        self.net_short(|_| true)
    }

    /// As [`Book::short_calls`], of one underlying and one expiry.
    pub(super) fn short_calls_of(&self, call: &Instrument) -> Decimal {
        self.net_short(|other| other.coin == call.coin && other.expiry_ms == call.expiry_ms)
    }

    /// Coin: equity plus each contract's size times its net transaction delta, with the
    /// contracts whose delta is not known, which count as 0: a short call only lowers the sum.
    pub(super) fn net_delta(&self, context: &Context) -> (f64, Vec<Instrument>) {
        let mut unknown = Vec::new();
        let mut sum = self.equity;
        for (instrument, size) in &self.sizes {
            match context
                .chain
                .quote(instrument)
                .and_then(|quote| net_transaction_delta(quote, context))
            {
                Some(delta) => sum += float(*size) * delta,
                None => unknown.push(*instrument),
            }
        }
        (sum, unknown)
    }

    /// Sums per contract first, so that a purchase sets off the sale it closes and a long call covers nothing.
    fn net_short(&self, of: impl Fn(&Instrument) -> bool) -> Decimal {
        let mut sizes: Vec<_> = self
            .sizes
            .iter()
            .filter(|(instrument, _)| instrument.is_call() && of(instrument))
            .collect();
        sizes.sort();
        sizes
            .chunk_by(|one, next| one.0 == next.0)
            .map(|same| same.iter().map(|(_, size)| *size).sum::<Decimal>())
            .map(|net| (-net).max(Decimal::ZERO))
            .sum()
    }

    fn pay(&mut self, context: &Context, quote: &Quote, size: Decimal) {
        let Some(ask) = quote.ask.or(quote.mark).and_then(money::decimal) else {
            return;
        };
        let fee = trade_fee(&quote.instrument, size, ask, context.index_price);
        let cost = (size * ask).round_dp(money::SCALE) + fee;
        if quote.instrument.style == Style::Inverse {
            self.coin_held -= cost;
        }
        let mark = quote.mark.unwrap_or_else(|| float(ask));
        self.equity -= in_coin(
            float(cost) - float(size) * mark,
            quote.instrument.style,
            context,
        );
    }
}

/// N(d1) - mark for an inverse contract, whose premium is itself coin; N(d1) for a linear one. With equity
/// at the mark, equity + size x this is balance + size x N(d1): what the desk gains in coin per unit move.
fn net_transaction_delta(quote: &Quote, context: &Context) -> Option<f64> {
    let instrument = &quote.instrument;
    let years = instrument.years(context.as_of_ms);
    let model = |vol: f64| {
        let forward = quote.underlying_price;
        black76(
            instrument.is_call(),
            forward,
            instrument.strike(),
            vol,
            years,
        )
        .delta
    };
    let delta = quote.delta.or_else(|| quote.mark_iv.map(model))?;
    match instrument.style {
        Style::Inverse => Some(delta - quote.mark.or_else(|| quote.mid())?),
        Style::Linear => Some(delta),
    }
}

/// Initial margin of a short call of this size, coin, at the mark or, without one, at the dearer ask.
fn margin(context: &Context, call: &Instrument, size: Decimal) -> Option<f64> {
    let quote = context.chain.quote(call)?;
    let mark = quote.mark.or(quote.ask)?;
    let amount = initial_margin(call, -size, mark, context.index_price);
    Some(in_coin(float(amount), call.style, context))
}

fn in_coin(amount: f64, style: Style, context: &Context) -> f64 {
    match style {
        Style::Inverse => amount,
        Style::Linear => amount / context.index_price,
    }
}
