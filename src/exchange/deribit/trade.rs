//! The account: what it holds, its orders and its trades.

use super::{DeribitClient, Effect, convert};
use crate::domain::coin::Coin;
use crate::domain::instrument::{DAY_MS, Style};
use crate::domain::order::Side;
use crate::exchange::Result;
use crate::exchange::error::{ExchangeError, Reply};
use crate::exchange::facts::Trade;
use crate::exchange::facts::{
    Holding, Order, OrderRequest, Placed, PostOnly, Summary, TimeInForce,
};
use crate::exchange::wire::account::{AccountSummary, Margins, Position};
use crate::exchange::wire::orders::{self, OrderType, UserTrades};
use crate::exchange::wire::requests::{EditParams, OrderParams};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Longest label the exchange keeps.
const LABEL_MAX: usize = 64;
/// Trades older than a day are in an archive of their own; labels are fresh, so a month of it will do.
const ARCHIVE_MS: i64 = 31 * DAY_MS;
/// The archive lacks the latest trades, the recent list the older ones: both reach over the seam.
const RECENT_MS: i64 = DAY_MS;
/// Trades in one reply.
const TRADES_MAX: usize = 1_000;
/// Replies read for one question.
const PAGES_MAX: usize = 50;
/// Where contracts settled in USDC of every coin are found.
const LINEAR: &str = "USDC";

impl DeribitClient {
    /// One currency's account as the exchange tells it, with fees and request limits; these are adopted.
    pub async fn get_account_summary(&self, currency: &str) -> Result<AccountSummary> {
        let params = json!({ "currency": currency, "extended": true });
        let summary: AccountSummary = self.read("private/get_account_summary", params).await?;
        if let Some(limits) = &summary.limits {
            self.shared.credits.adopt(limits);
        }
        Ok(summary)
    }

    /// What an order of this size and price would bind, and the band its price must lie in.
    pub async fn get_margins(
        &self,
        name: &str,
        amount: Decimal,
        price: Decimal,
    ) -> Result<Margins> {
        let (amount, price) = (float(amount), float(price));
        let params = json!({ "instrument_name": name, "amount": amount, "price": price });
        self.read("private/get_margins", params).await
    }

    /// The scopes that the exchange granted, after authenticating if need be.
    pub async fn scope(&self) -> Result<String> {
        self.account(Coin::Btc).await?;
        Ok(self.shared.tokens.scope().await.unwrap_or_default())
    }

    pub(in crate::exchange) async fn account(&self, coin: Coin) -> Result<Summary> {
        let summary = self.get_account_summary(coin.as_str()).await?;
        Ok(convert::summary(&summary))
    }

    pub(in crate::exchange) async fn positions(&self, coin: Coin) -> Result<Vec<Holding>> {
        let params = json!({ "currency": "any", "kind": "option" });
        let positions: Vec<Position> = self.read("private/get_positions", params).await?;
        let held = positions.iter().filter_map(convert::holding);
        let mut held: Vec<Holding> = held.filter(|held| held.instrument.coin == coin).collect();
        held.sort_by_key(|held| held.instrument);
        Ok(held)
    }

    pub(in crate::exchange) async fn open_orders(&self, coin: Coin) -> Result<Vec<Order>> {
        let params = json!({ "kind": "option" });
        let orders: Vec<orders::Order> = self.read("private/get_open_orders", params).await?;
        Ok(of_coin(coin, &orders))
    }

    pub(in crate::exchange) async fn place(&self, request: &OrderRequest) -> Result<Placed> {
        let method = match request.side {
            Side::Buy => "private/buy",
            Side::Sell => "private/sell",
        };
        self.may_order(method)?;
        if request.label.is_empty() || request.label.len() > LABEL_MAX {
            let problem = "an order needs a label of 1 to 64 characters, or it cannot be looked up";
            return Err(refused(method, problem));
        }
        let name = request.instrument.name();
        let price = self
            .fitting(&name, request.size, request.price, request.side)
            .await?;
        let params = OrderParams {
            instrument_name: name,
            amount: request.size,
            order_type: OrderType::Limit,
            price,
            label: request.label.clone(),
            time_in_force: time_in_force(request.time_in_force),
            post_only: request.post_only != PostOnly::Off,
            reject_post_only: request.post_only == PostOnly::Reject,
            reduce_only: request.reduce_only,
            valid_until: self.on_their_clock(request.valid_until_ms).await?,
        };
        let placed = self.call(Effect::Order, method, params).await?;
        accepted(method, &placed)
    }

    /// The order's flags are read first and sent again: left out, they would fall back to defaults.
    pub(in crate::exchange) async fn edit(
        &self,
        order_id: &str,
        size: Decimal,
        price: Decimal,
    ) -> Result<Placed> {
        let method = "private/edit";
        self.may_order(method)?;
        let order = self.order_state(order_id).await?;
        let side = convert::side(&order.direction)
            .ok_or_else(|| refused(method, "the order is neither a purchase nor a sale"))?;
        let params = EditParams {
            order_id: order_id.to_owned(),
            amount: size,
            price: self
                .fitting(&order.instrument_name, size, price, side)
                .await?,
            post_only: order.post_only,
            reject_post_only: order.reject_post_only.unwrap_or(false),
            reduce_only: order.reduce_only,
        };
        let placed = self.call(Effect::Order, method, params).await?;
        accepted(method, &placed)
    }

    pub(in crate::exchange) async fn cancel(&self, order_id: &str) -> Result<Order> {
        let (method, params) = ("private/cancel", json!({ "order_id": order_id }));
        let cancelled: orders::Order = self.call(Effect::Order, method, params).await?;
        convert::order(&cancelled).ok_or_else(|| unknown(method, &cancelled))
    }

    /// Repeated until answered: cancelling twice does no harm. Gives back the orders that it ended.
    pub(in crate::exchange) async fn cancel_all(&self, coin: Coin) -> Result<Vec<Order>> {
        let open = self.open_orders(coin).await?;
        let method = "private/cancel_all_by_currency";
        let params = json!({ "currency": coin.as_str(), "kind": "option" });
        let _count: Value = self.call(Effect::Idempotent, method, params).await?;
        let mut ended = Vec::new();
        for order in open {
            // Other coins' contracts are settled in USDC too, so these are cancelled one by one.
            if order.instrument.style == Style::Linear {
                match self.cancel(&order.order_id).await {
                    Ok(_) | Err(ExchangeError::Gone(_) | ExchangeError::UnknownOutcome(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            let now = self.order_state(&order.order_id).await?;
            ended.extend(convert::order(&now).filter(|order| !order.is_open()));
        }
        Ok(ended)
    }

    pub(in crate::exchange) async fn order_by_label(
        &self,
        coin: Coin,
        label: &str,
    ) -> Result<Option<Order>> {
        for currency in [coin.as_str(), LINEAR] {
            let params = json!({ "currency": currency, "label": label });
            let method = "private/get_order_state_by_label";
            let orders: Vec<orders::Order> = self.read(method, params).await?;
            let found = of_coin(coin, &orders);
            let newest = found.into_iter().rfind(|order| order.label == label);
            if newest.is_some() {
                return Ok(newest);
            }
        }
        Ok(None)
    }

    pub(in crate::exchange) async fn fills_by_label(
        &self,
        coin: Coin,
        label: &str,
        at_ms: i64,
    ) -> Result<Vec<Trade>> {
        for currency in [coin.as_str(), LINEAR] {
            let mut found = BTreeMap::new();
            for (historical, since_ms) in [(false, at_ms - RECENT_MS), (true, at_ms - ARCHIVE_MS)] {
                let trades = self.user_trades(currency, historical, since_ms).await?;
                let ours = trades
                    .iter()
                    .filter(|trade| trade.label.as_deref() == Some(label));
                let ours = ours.filter_map(convert::trade);
                let ours = ours.filter(|trade| trade.fill.instrument.coin == coin);
                found.extend(ours.map(|trade| (trade.fill.trade_id.clone(), trade)));
            }
            if !found.is_empty() {
                let mut trades: Vec<Trade> = found.into_values().collect();
                trades.sort_by_key(|trade| trade.fill.at_ms);
                return Ok(trades);
            }
        }
        Ok(Vec::new())
    }

    /// The account's option trades from an instant on, oldest first.
    async fn user_trades(
        &self,
        currency: &str,
        historical: bool,
        since_ms: i64,
    ) -> Result<Vec<orders::UserTrade>> {
        let method = "private/get_user_trades_by_currency";
        let (mut from_ms, mut known) = (since_ms, BTreeMap::new());
        for _ in 0..PAGES_MAX {
            let params = json!({ "currency": currency, "kind": "option", "count": TRADES_MAX,
                "start_timestamp": from_ms, "sorting": "asc", "historical": historical });
            let page: UserTrades = self.read(method, params).await?;
            let before = known.len();
            from_ms = page
                .trades
                .iter()
                .map(|trade| trade.timestamp)
                .fold(from_ms, i64::max);
            let by_id = |trade: orders::UserTrade| (trade.trade_id.clone(), trade);
            known.extend(page.trades.into_iter().map(by_id));
            if !page.has_more || known.len() == before {
                return Ok(known.into_values().collect());
            }
        }
        Err(refused(
            method,
            "more trades than can be read; the oldest of a month reach too far",
        ))
    }

    async fn order_state(&self, order_id: &str) -> Result<orders::Order> {
        let params = json!({ "order_id": order_id });
        self.read("private/get_order_state", params).await
    }

    /// The price on the contract's own ticks; refuses a size that the exchange would refuse.
    async fn fitting(
        &self,
        name: &str,
        size: Decimal,
        price: Decimal,
        side: Side,
    ) -> Result<Decimal> {
        let contract = self.get_instrument(name).await?;
        if size < contract.min_trade_amount {
            let least = contract.min_trade_amount;
            return Err(refused(
                name,
                &format!("size {size} is below the least of {least}"),
            ));
        }
        Ok(convert::on_tick(price, contract.tick(price), side))
    }

    /// A deadline of the desk's clock on the exchange's, never later: once it has passed here, an order
    /// that is still on its way must be refused there, whatever their clocks show.
    async fn on_their_clock(&self, until_ms: Option<i64>) -> Result<Option<i64>> {
        match until_ms {
            Some(until_ms) => Ok(Some(until_ms + self.clock_ahead_ms().await?)),
            None => Ok(None),
        }
    }

    fn may_order(&self, method: &str) -> Result<()> {
        if self.shared.transport.is_production() && !self.shared.settings.main_orders {
            return Err(refused(method, NO_MAIN_ORDERS));
        }
        Ok(())
    }
}

const NO_MAIN_ORDERS: &str = "not sent: this is the production exchange, and orders go there only with \
     [desk] mode = \"production\", [desk] dry_run = false and [exchange] allow_main_host_orders = true";

/// Refused by this client: nothing was sent.
fn refused(method: &str, problem: &str) -> ExchangeError {
    let message = format!("{method}: {problem}");
    ExchangeError::Fatal(Reply { code: -1, message })
}

/// The exchange answered, but not with an order that this client can read: it may well be working.
fn unknown(method: &str, order: &orders::Order) -> ExchangeError {
    let name = &order.instrument_name;
    let message = format!(
        "{method}: order {} on {name} cannot be read",
        order.order_id
    );
    ExchangeError::UnknownOutcome(Reply { code: 0, message })
}

fn accepted(method: &str, placed: &orders::Placed) -> Result<Placed> {
    let order = convert::order(&placed.order).ok_or_else(|| unknown(method, &placed.order))?;
    let label = &order.label;
    let trades = placed
        .trades
        .iter()
        .filter_map(convert::trade)
        .map(|trade| Trade {
            label: label.clone(),
            ..trade
        });
    Ok(Placed {
        trades: trades.collect(),
        order,
    })
}

/// Options of a coin, oldest first.
fn of_coin(coin: Coin, orders: &[orders::Order]) -> Vec<Order> {
    let orders = orders.iter().filter_map(convert::order);
    let mut orders: Vec<Order> = orders
        .filter(|order| order.instrument.coin == coin)
        .collect();
    orders.sort_by(|a, b| (a.created_ms, &a.order_id).cmp(&(b.created_ms, &b.order_id)));
    orders
}

fn time_in_force(time: TimeInForce) -> orders::TimeInForce {
    match time {
        TimeInForce::GoodTilCancelled => orders::TimeInForce::GoodTilCancelled,
        TimeInForce::GoodTilDay => orders::TimeInForce::GoodTilDay,
        TimeInForce::ImmediateOrCancel => orders::TimeInForce::ImmediateOrCancel,
        TimeInForce::FillOrKill => orders::TimeInForce::FillOrKill,
    }
}

fn float(number: Decimal) -> f64 {
    crate::domain::money::float(number)
}
