//! Their shapes into the desk's words. What is no option of BTC or ETH is `None`: the desk does not hold it.

use crate::domain::chain::Quote;
use crate::domain::instrument::Instrument;
use crate::domain::order::{Fill, OrderState, Side};
use crate::domain::pricing::{Priced, black76};
use crate::exchange::facts;
use crate::exchange::wire::account::{AccountSummary, Position};
use crate::exchange::wire::log::LogEntry;
use crate::exchange::wire::market::BookSummary;
use crate::exchange::wire::number::quoted;
use crate::exchange::wire::{Direction, orders};
use rust_decimal::Decimal;

/// A row of a book summary; delta comes from our pricing, since the row has no greeks.
pub(super) fn quote(summary: &BookSummary) -> Option<Quote> {
    let instrument: Instrument = summary.instrument_name.parse().ok()?;
    let underlying_price = quoted(summary.underlying_price)?;
    let mark_iv = quoted(summary.mark_iv).map(|percent| percent / 100.0);
    let priced = mark_iv.map(|vol| priced(&instrument, underlying_price, vol, summary));
    Some(Quote {
        instrument,
        underlying_price,
        bid: quoted(summary.bid_price),
        ask: quoted(summary.ask_price),
        bid_size: None,
        ask_size: None,
        mark: quoted(summary.mark_price),
        mark_iv,
        delta: priced.map(|priced| priced.delta),
        open_interest: summary.open_interest,
        volume: summary.volume,
    })
}

fn priced(instrument: &Instrument, forward: f64, vol: f64, summary: &BookSummary) -> Priced {
    let years = instrument.years(summary.creation_timestamp);
    black76(
        instrument.is_call(),
        forward,
        instrument.strike(),
        vol,
        years,
    )
}

pub(super) fn summary(account: &AccountSummary) -> facts::Summary {
    facts::Summary {
        currency: account.currency.clone(),
        balance: account.balance,
        options_value: account.options_value.unwrap_or_default(),
        equity: account.equity,
        margin_balance: account.margin_balance,
        initial_margin: account.initial_margin,
        maintenance_margin: account.maintenance_margin,
        available_funds: account.available_funds,
        options_delta: account.options_delta.unwrap_or_default(),
        delta_total: account.delta_total.unwrap_or_default(),
    }
}

/// `None` for a flat position too.
pub(super) fn holding(position: &Position) -> Option<facts::Holding> {
    let instrument = position.instrument_name.parse().ok()?;
    (!position.size.is_zero()).then(|| facts::Holding {
        instrument,
        size: signed(position),
        average_price: position.average_price,
        mark_price: position.mark_price,
        index_price: position.index_price,
        delta: position.delta,
        gamma: position.gamma.unwrap_or_default(),
        vega: position.vega.unwrap_or_default(),
        theta: position.theta.unwrap_or_default(),
        floating_profit_loss: position.floating_profit_loss,
        initial_margin: position.initial_margin,
        maintenance_margin: position.maintenance_margin,
    })
}

/// The size is signed already; should a reply ever give it bare, the direction has the last word.
fn signed(position: &Position) -> Decimal {
    match position.direction {
        Direction::Sell => -position.size.abs(),
        Direction::Buy => position.size.abs(),
        Direction::Zero | Direction::Other(_) => position.size,
    }
}

pub(super) fn order(order: &orders::Order) -> Option<facts::Order> {
    Some(facts::Order {
        order_id: order.order_id.clone(),
        label: order.label.clone(),
        instrument: order.instrument_name.parse().ok()?,
        side: side(&order.direction)?,
        size: order.amount,
        filled: order.filled_amount.unwrap_or_default(),
        average_price: order.average_price.unwrap_or_default(),
        price: order.price.number().unwrap_or_default(),
        state: state(&order.order_state),
        time_in_force: time_in_force(&order.time_in_force),
        post_only: post_only(order),
        reduce_only: order.reduce_only,
        cancel_reason: order.cancel_reason.clone(),
        created_ms: order.creation_timestamp,
        updated_ms: order.last_update_timestamp,
    })
}

/// An order in a state this version does not know may still fill, so it counts as open.
fn state(state: &orders::OrderState) -> OrderState {
    match state {
        orders::OrderState::Filled => OrderState::Filled,
        orders::OrderState::Rejected => OrderState::Rejected,
        orders::OrderState::Cancelled => OrderState::Cancelled,
        orders::OrderState::Open
        | orders::OrderState::Untriggered
        | orders::OrderState::Triggered
        | orders::OrderState::Other(_) => OrderState::Open,
    }
}

fn time_in_force(time: &orders::TimeInForce) -> facts::TimeInForce {
    match time {
        orders::TimeInForce::GoodTilDay => facts::TimeInForce::GoodTilDay,
        orders::TimeInForce::FillOrKill => facts::TimeInForce::FillOrKill,
        orders::TimeInForce::ImmediateOrCancel => facts::TimeInForce::ImmediateOrCancel,
        orders::TimeInForce::GoodTilCancelled | orders::TimeInForce::Other(_) => {
            facts::TimeInForce::GoodTilCancelled
        }
    }
}

fn post_only(order: &orders::Order) -> facts::PostOnly {
    match (order.post_only, order.reject_post_only) {
        (false, _) => facts::PostOnly::Off,
        (true, Some(true)) => facts::PostOnly::Reject,
        (true, _) => facts::PostOnly::Shift,
    }
}

pub(super) fn side(direction: &Direction) -> Option<Side> {
    match direction {
        Direction::Buy => Some(Side::Buy),
        Direction::Sell => Some(Side::Sell),
        Direction::Zero | Direction::Other(_) => None,
    }
}

pub(super) fn trade(trade: &orders::UserTrade) -> Option<facts::Trade> {
    Some(facts::Trade {
        fill: Fill {
            instrument: trade.instrument_name.parse().ok()?,
            side: side(&trade.direction)?,
            size: trade.amount,
            price: trade.price,
            fee: trade.fee,
            index_price: trade.index_price.unwrap_or_default(),
            at_ms: trade.timestamp,
            trade_id: trade.trade_id.clone(),
        },
        order_id: trade.order_id.clone(),
        label: trade.label.clone().unwrap_or_default(),
        maker: trade.liquidity == "M",
    })
}

pub(super) fn log_row(entry: &LogEntry) -> facts::LogRow {
    let commission = entry.commission.unwrap_or_default();
    let change = entry.change.unwrap_or_default();
    facts::LogRow {
        id: entry.id,
        currency: entry.currency.clone(),
        at_ms: entry.timestamp,
        kind: word(&entry.log_type),
        instrument: entry.instrument_name.clone().unwrap_or_default(),
        size: entry.amount.unwrap_or_default() * changed_hands(entry),
        price: entry.price.unwrap_or_default(),
        commission,
        cashflow: entry.cashflow.unwrap_or(change + commission),
        change,
        balance: entry.balance.unwrap_or_default(),
        order_id: entry.order_id.clone(),
        trade_id: entry.trade_id.clone(),
    }
}

fn word(log_type: &impl serde::Serialize) -> String {
    let word = serde_json::to_value(log_type).ok();
    let word = word.and_then(|word| word.as_str().map(str::to_owned));
    word.unwrap_or_default()
}

/// +1 when the account bought, -1 when it sold, by the words of `side`: `open sell`, `close buy`; a
/// position that was `short` is closed by buying.
pub(super) fn changed_hands(entry: &LogEntry) -> Decimal {
    let side = entry.side.as_deref().unwrap_or_default();
    let has = |word: &str| side.contains(word);
    if has("buy") || has("short") {
        Decimal::ONE
    } else if has("sell") || has("long") {
        Decimal::NEGATIVE_ONE
    } else {
        Decimal::ZERO
    }
}

/// A wire price on a coarser step, never worse for us: a sale asks no less, a purchase pays no more.
pub(super) fn on_tick(price: Decimal, tick: Decimal, side: Side) -> Decimal {
    let steps = price / tick;
    let whole = match side {
        Side::Sell => steps.ceil(),
        Side::Buy => steps.floor(),
    };
    (whole * tick).max(tick).normalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().expect(text)
    }

    #[test]
    fn prices_move_to_the_exchange_s_tick_in_our_favour() {
        let check = |price: &str, tick: &str, sell: &str, buy: &str| {
            let (price, tick) = (number(price), number(tick));
            assert_eq!(on_tick(price, tick, Side::Sell), number(sell), "{price}");
            assert_eq!(on_tick(price, tick, Side::Buy), number(buy), "{price}");
        };
        check("0.0031", "0.0005", "0.0035", "0.003");
        check("0.0155", "0.0005", "0.0155", "0.0155");
        check("0.0001", "0.0005", "0.0005", "0.0005");
    }

    #[test]
    fn the_words_of_a_log_row_say_who_bought() {
        let check = |side: &str, expect: i64| {
            let json = format!(
                r#"{{"id":1,"currency":"BTC","timestamp":1,"type":"trade","side":"{side}","amount":0.5}}"#
            );
            let entry: LogEntry = serde_json::from_str(&json).expect(&json);
            assert_eq!(changed_hands(&entry), Decimal::from(expect), "{side}");
        };
        check("open sell", -1);
        check("close buy", 1);
        check("short", 1);
        check("long", -1);
        check("-", 0);
    }
}
