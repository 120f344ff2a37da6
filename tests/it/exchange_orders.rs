//! What becomes of orders, on a thin market written by hand: the same asked of the built-in exchange
//! directly and over HTTP.

use crate::support::served::START_MS;
use crate::support::venue::Venue;
use rust_decimal::Decimal;
use std::sync::Arc;
use thetaq::domain::chain::{Chain, Quote, Source};
use thetaq::domain::coin::Coin;
use thetaq::domain::context::History;
use thetaq::domain::order::{OrderState, Side};
use thetaq::exchange::Result;
use thetaq::exchange::error::ExchangeError;
use thetaq::exchange::facts::{Order, OrderRequest, Placed, PostOnly, TimeInForce};
use thetaq::exchange::sim::feed::{Answer, Feed};
use thetaq::exchange::sim::market::Market;

const COIN: Coin = Coin::Btc;
const CALL: &str = "BTC-30JAN26-100000-C";
const LINEAR: &str = "BTC_USDC-30JAN26-100000-C";
const MINUTE_MS: i64 = 60_000;
/// Until 08:00 UTC of the next day.
const TO_EIGHT_MS: i64 = 23 * 60 * MINUTE_MS;

/// One snapshot a minute with 0.1 coin on each side; after the first minute everything is dearer.
#[derive(Debug)]
struct Thin;

impl Thin {
    fn quotes(at_ms: i64) -> Chain {
        let rise = if at_ms < START_MS + MINUTE_MS {
            0.0
        } else {
            0.0025
        };
        let mut quotes = vec![
            quote(CALL, 0.01 + rise, 0.0125 + rise),
            quote(LINEAR, 900.0, 1_100.0),
        ];
        quotes.sort_by_key(|quote| quote.instrument);
        Chain {
            coin: COIN,
            at_ms,
            source: Source::Recorded,
            index_price: 90_000.0,
            quotes,
        }
    }
}

fn quote(name: &str, bid: f64, ask: f64) -> Quote {
    Quote {
        instrument: name.parse().unwrap(),
        underlying_price: 90_000.0,
        bid: Some(bid),
        ask: Some(ask),
        bid_size: Some(0.1),
        ask_size: Some(0.1),
        mark: Some(f64::midpoint(bid, ask)),
        mark_iv: Some(0.5),
        delta: Some(0.25),
        open_interest: Some(500.0),
        volume: Some(10.0),
    }
}

fn minute(at_ms: i64) -> i64 {
    at_ms - at_ms.rem_euclid(MINUTE_MS)
}

impl Feed for Thin {
    fn chain(&self, coin: Coin, at_ms: i64) -> Answer<'_, Option<Chain>> {
        let chain = (coin == COIN).then(|| Self::quotes(minute(at_ms)));
        Box::pin(async move { Ok(chain) })
    }

    fn times(&self, _: Coin, from_ms: i64, to_ms: i64) -> Answer<'_, Vec<i64>> {
        let first = minute(from_ms + MINUTE_MS - 1);
        let times = (first..=to_ms).step_by(MINUTE_MS as usize).collect();
        Box::pin(async move { Ok(times) })
    }

    fn history(&self, _: Coin, _: i64) -> Answer<'_, History> {
        let history = History {
            closes: Vec::new(),
            closes_source: Source::Missing,
            dvol: Vec::new(),
            dvol_source: Source::Missing,
        };
        Box::pin(async move { Ok(history) })
    }

    fn delivery_price(&self, _: Coin, _: i64) -> Answer<'_, Option<f64>> {
        Box::pin(async { Ok(Some(90_000.0)) })
    }
}

#[tokio::test]
async fn orders_conform() {
    conform(Venue::direct(Market::Replay(Arc::new(Thin)))).await;
}

#[tokio::test]
async fn orders_conform_over_http() {
    conform(Venue::over_http(Market::Replay(Arc::new(Thin))).await).await;
}

async fn conform(mut venue: Venue) {
    at_once_or_not_at_all(&venue).await;
    post_only(&venue).await;
    refusals(&venue).await;
    queue(&mut venue).await;
    buying_back(&venue).await;
    until_the_day_ends(&mut venue).await;
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn sale(label: &str, size: &str, price: &str) -> OrderRequest {
    OrderRequest {
        label: label.to_owned(),
        instrument: CALL.parse().unwrap(),
        side: Side::Sell,
        size: decimal(size),
        price: decimal(price),
        time_in_force: TimeInForce::GoodTilCancelled,
        post_only: PostOnly::Off,
        reduce_only: false,
        valid_until_ms: None,
    }
}

impl Venue {
    async fn place(&self, request: &OrderRequest) -> Result<Placed> {
        self.exchange.place(request, self.now_ms).await
    }

    async fn labelled(&self, label: &str) -> Order {
        let found = self.exchange.order_by_label(COIN, label, self.now_ms).await;
        found.unwrap().unwrap()
    }

    async fn cancel(&self, order: &Order) {
        let cancelled = self.exchange.cancel(&order.order_id, self.now_ms).await;
        assert_eq!(cancelled.unwrap().state, OrderState::Cancelled);
    }
}

/// Only what is shown fills, and only once; the rest of such an order is cancelled.
async fn at_once_or_not_at_all(venue: &Venue) {
    let cases = [
        (TimeInForce::FillOrKill, "all", "0.01", "0"),
        (TimeInForce::ImmediateOrCancel, "part", "0.01", "0.1"),
        (TimeInForce::ImmediateOrCancel, "none", "0.01", "0"),
    ];
    for (time_in_force, label, price, filled) in cases {
        let request = OrderRequest {
            time_in_force,
            ..sale(label, "0.3", price)
        };
        let placed = venue.place(&request).await.unwrap();
        assert_eq!(placed.order.state, OrderState::Cancelled, "{label}");
        assert_eq!(placed.order.filled, decimal(filled), "{label}");
        let sold: Decimal = placed.trades.iter().map(|trade| trade.fill.size).sum();
        assert_eq!(sold, decimal(filled), "{label}");
        assert_eq!(venue.labelled(label).await.filled, decimal(filled));
    }
}

async fn post_only(venue: &Venue) {
    let shift = OrderRequest {
        post_only: PostOnly::Shift,
        ..sale("shift", "0.1", "0.0095")
    };
    let shifted = venue.place(&shift).await.unwrap().order;
    assert_eq!(
        (shifted.price, shifted.state),
        (decimal("0.0105"), OrderState::Open)
    );
    venue.cancel(&shifted).await;
    let reject = OrderRequest {
        post_only: PostOnly::Reject,
        label: "reject".to_owned(),
        ..shift
    };
    let refused = venue.place(&reject).await.unwrap_err();
    assert!(matches!(refused, ExchangeError::Reprice(_)), "{refused}");
    assert_eq!(refused.code(), 11_054);
}

/// Each with its decision: come back, another price, never.
async fn refusals(venue: &Venue) {
    let late = OrderRequest {
        valid_until_ms: Some(venue.now_ms - 1),
        ..sale("late", "0.1", "0.0125")
    };
    let refused = venue.place(&late).await.unwrap_err();
    assert!(
        refused.is_retryable() && refused.code() == 13_888,
        "{refused}"
    );
    // Beyond the band an inverse order moves to its edge, a linear one is refused.
    let eager = OrderRequest {
        side: Side::Buy,
        time_in_force: TimeInForce::FillOrKill,
        ..sale("eager", "1", "0.9")
    };
    let moved = venue.place(&eager).await.unwrap().order;
    assert!(
        moved.price > decimal("0.02") && moved.price < decimal("0.5"),
        "{moved:?}"
    );
    let linear = OrderRequest {
        instrument: LINEAR.parse().unwrap(),
        price: decimal("80000"),
        ..eager
    };
    let refused = venue.place(&linear).await.unwrap_err();
    assert!(matches!(refused, ExchangeError::Reprice(_)), "{refused}");
    // An order that would meet the account's own is refused.
    let own = venue
        .place(&sale("own", "0.1", "0.012"))
        .await
        .unwrap()
        .order;
    let meets = OrderRequest {
        side: Side::Buy,
        ..sale("meets", "0.1", "0.012")
    };
    assert_eq!(venue.place(&meets).await.unwrap_err().code(), 10_003);
    venue.cancel(&own).await;
    let unknown = venue
        .exchange
        .cancel("BTC-1", venue.now_ms)
        .await
        .unwrap_err();
    assert!(matches!(unknown, ExchangeError::Gone(_)), "{unknown}");
}

/// An order keeps its place while it only shrinks; one that grows goes behind those of its price.
async fn queue(venue: &mut Venue) {
    let first = venue
        .place(&sale("first", "0.2", "0.0115"))
        .await
        .unwrap()
        .order;
    let second = venue
        .place(&sale("second", "0.1", "0.0115"))
        .await
        .unwrap()
        .order;
    edit(venue, &first, "0.1").await;
    venue.pass(MINUTE_MS);
    assert_eq!(venue.labelled("first").await.state, OrderState::Filled);
    assert_eq!(venue.labelled("second").await.state, OrderState::Open);
    let edited = edit(venue, &second, "0.2").await;
    assert_eq!(
        (edited.order_id, edited.created_ms),
        (second.order_id, second.created_ms)
    );
    let fills = venue
        .exchange
        .fills_by_label(COIN, "first", venue.now_ms)
        .await
        .unwrap();
    assert!(fills.len() == 1 && fills[0].maker, "{fills:?}");
    assert_eq!(fills[0].fill.price, decimal("0.0115"), "at its own price");
    venue.pass(MINUTE_MS);
    let second = venue.labelled("second").await;
    assert_eq!(
        (second.state, second.filled),
        (OrderState::Open, decimal("0.1"))
    );
    venue.cancel(&second).await;
}

async fn edit(venue: &Venue, order: &Order, size: &str) -> Order {
    let edited = venue
        .exchange
        .edit(&order.order_id, decimal(size), order.price, venue.now_ms);
    edited.await.unwrap().order
}

/// A reduce-only purchase is cut to what is held short.
async fn buying_back(venue: &Venue) {
    let held = venue.exchange.positions(COIN, venue.now_ms).await.unwrap();
    assert_eq!(held[0].size, decimal("-0.3"));
    let purchase = OrderRequest {
        side: Side::Buy,
        reduce_only: true,
        ..sale("back", "1", "0.0125")
    };
    let placed = venue.place(&purchase).await.unwrap().order;
    assert_eq!(
        (placed.size, placed.state),
        (decimal("0.3"), OrderState::Open)
    );
    venue.cancel(&placed).await;
}

/// The dead-man rule: nobody came back, and the order is gone at 08:00; its label still finds it.
async fn until_the_day_ends(venue: &mut Venue) {
    let request = OrderRequest {
        time_in_force: TimeInForce::GoodTilDay,
        ..sale("day", "0.1", "0.0175")
    };
    assert_eq!(
        venue.place(&request).await.unwrap().order.state,
        OrderState::Open
    );
    venue.pass(TO_EIGHT_MS - 3 * MINUTE_MS);
    assert_eq!(venue.labelled("day").await.state, OrderState::Open);
    venue.pass(10 * MINUTE_MS);
    let day = venue.labelled("day").await;
    assert_eq!(day.state, OrderState::Cancelled);
    assert_eq!(day.cancel_reason.as_deref(), Some("settlement"));
    assert!(
        venue
            .exchange
            .open_orders(COIN, venue.now_ms)
            .await
            .unwrap()
            .is_empty()
    );
}
