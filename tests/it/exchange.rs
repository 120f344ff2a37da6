//! One conformance suite of the desk's questions, asked of the built-in exchange directly and over HTTP.

use crate::support::served::{START_MS, synthetic};
use crate::support::venue::Venue;
use rust_decimal::Decimal;
use thetaq::domain::chain::Quote;
use thetaq::domain::coin::Coin;
use thetaq::domain::order::{Fill, OrderState, Side};
use thetaq::exchange::error::ExchangeError;
use thetaq::exchange::facts::{OrderRequest, PostOnly, TimeInForce};

const COIN: Coin = Coin::Btc;

#[tokio::test]
async fn the_built_in_exchange_conforms() {
    conforms(Venue::direct(synthetic())).await;
}

#[tokio::test]
async fn the_built_in_exchange_conforms_over_http() {
    conforms(Venue::over_http(synthetic()).await).await;
}

async fn conforms(mut venue: Venue) {
    let call = market(&venue).await;
    venue.pass(1_000);
    let fill = sale(&venue, &call).await;
    venue.pass(1_000);
    resting_orders(&venue, &call).await;
    looked_up(&venue, &fill).await;
    account(&venue, &fill).await;
    too_much(&venue, &call).await;
    let expiry_ms = call.instrument.expiry_ms;
    venue.pass(expiry_ms - venue.now_ms + 60_000);
    expiry(&venue, &fill).await;
}

/// Chain, listings, index and history agree; gives a call that can be sold.
async fn market(venue: &Venue) -> Quote {
    let (exchange, now_ms) = (&venue.exchange, venue.now_ms);
    let chain = exchange.chain(COIN, now_ms).await.unwrap();
    assert!(chain.at_ms <= now_ms && chain.quotes.len() > 200);
    assert!(chain.quotes.is_sorted_by_key(|quote| quote.instrument));
    let listed = exchange.listings(COIN, now_ms).await.unwrap();
    assert_eq!(listed.len(), chain.quotes.len());
    let index = exchange.index_price(COIN, now_ms).await.unwrap();
    assert!((chain.index_price / index - 1.0).abs() < 1e-6);
    let history = exchange.history(COIN, now_ms).await.unwrap();
    assert!(history.closes.len() >= 201 && history.dvol.len() >= 300);
    assert!((0.1..3.0).contains(&history.dvol.last().unwrap().1));
    let for_sale = |quote: &&Quote| {
        quote.instrument.is_call()
            && (2.0..5.0).contains(&quote.instrument.dte(now_ms))
            && quote.delta.is_some_and(|delta| delta < 0.45)
            && quote.bid.is_some_and(|bid| bid > 0.001)
    };
    *chain.quotes.iter().find(for_sale).unwrap()
}

fn decimal(price: Option<f64>) -> Decimal {
    Decimal::try_from(price.unwrap()).unwrap().normalize()
}

fn order(call: &Quote, label: &str, price: Decimal) -> OrderRequest {
    OrderRequest {
        label: label.to_owned(),
        instrument: call.instrument,
        side: Side::Sell,
        size: Decimal::new(1, 1),
        price,
        time_in_force: TimeInForce::GoodTilDay,
        post_only: PostOnly::Off,
        reduce_only: false,
        valid_until_ms: Some(START_MS + 60_000),
    }
}

async fn sale(venue: &Venue, call: &Quote) -> Fill {
    let bid = decimal(call.bid);
    let request = order(call, "tq-c1-open", bid);
    let placed = venue.exchange.place(&request, venue.now_ms).await.unwrap();
    assert_eq!(placed.order.state, OrderState::Filled);
    assert_eq!(
        (placed.order.filled, placed.trades.len()),
        (Decimal::new(1, 1), 1)
    );
    let fill = placed.trades[0].fill.clone();
    assert!(fill.fee > Decimal::ZERO && fill.price >= bid);
    assert!(fill.index_price > Decimal::from(1_000));
    fill
}

/// An order that rests is found, edited, cancelled once, and swept away with the others.
async fn resting_orders(venue: &Venue, call: &Quote) {
    let (exchange, now_ms) = (&venue.exchange, venue.now_ms);
    let far = (decimal(call.ask) * Decimal::from(4)).round_dp(3);
    let placed = exchange
        .place(&order(call, "tq-c2-open", far), now_ms)
        .await
        .unwrap();
    assert_eq!(placed.order.state, OrderState::Open);
    let id = placed.order.order_id.as_str();
    let open = exchange.open_orders(COIN, now_ms).await.unwrap();
    assert_eq!(open, std::slice::from_ref(&placed.order));
    let found = exchange
        .order_by_label(COIN, "tq-c2-open", now_ms)
        .await
        .unwrap();
    assert_eq!(found.as_ref(), Some(&placed.order));
    let lower = placed.order.price - Decimal::new(1, 3);
    let edited = exchange
        .edit(id, placed.order.size, lower, now_ms)
        .await
        .unwrap();
    assert_eq!(edited.order.price, lower);
    let cancelled = exchange.cancel(id, now_ms).await.unwrap();
    assert_eq!(cancelled.state, OrderState::Cancelled);
    assert_eq!(cancelled.cancel_reason.as_deref(), Some("user_request"));
    let again = exchange.cancel(id, now_ms).await.unwrap_err();
    assert!(matches!(again, ExchangeError::Gone(_)), "{again}");
    exchange
        .place(&order(call, "tq-c3-open", far), now_ms)
        .await
        .unwrap();
    let ended = exchange.cancel_all(COIN, now_ms).await.unwrap();
    let labels: Vec<_> = ended.iter().map(|order| order.label.as_str()).collect();
    assert_eq!(labels, ["tq-c3-open"]);
}

async fn looked_up(venue: &Venue, fill: &Fill) {
    let (exchange, now_ms) = (&venue.exchange, venue.now_ms);
    let fills = exchange
        .fills_by_label(COIN, "tq-c1-open", now_ms)
        .await
        .unwrap();
    assert_eq!(
        fills.iter().map(|trade| &trade.fill).collect::<Vec<_>>(),
        [fill]
    );
    assert!(
        exchange
            .fills_by_label(COIN, "nobody", now_ms)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        exchange
            .order_by_label(COIN, "nobody", now_ms)
            .await
            .unwrap(),
        None
    );
}

/// Position and balances follow from the fill, and the identities of the account hold.
async fn account(venue: &Venue, fill: &Fill) {
    let (exchange, now_ms) = (&venue.exchange, venue.now_ms);
    let held = exchange.positions(COIN, now_ms).await.unwrap();
    assert_eq!((held.len(), held[0].size), (1, -fill.size));
    assert!(held[0].delta < 0.0 && held[0].theta > 0.0);
    let account = exchange.account(COIN, now_ms).await.unwrap();
    assert_eq!(account.balance, Decimal::from(2) + fill.cash());
    assert_eq!(account.equity, account.balance + account.options_value);
    assert_eq!(
        account.available_funds,
        account.margin_balance - account.initial_margin
    );
}

async fn too_much(venue: &Venue, call: &Quote) {
    let size = Decimal::from(1_000);
    let request = OrderRequest {
        size,
        ..order(call, "tq-c4-open", decimal(call.bid))
    };
    let error = venue
        .exchange
        .place(&request, venue.now_ms)
        .await
        .unwrap_err();
    assert!(matches!(error, ExchangeError::Funds(_)), "{error}");
}

/// The expiry is one delivery at the published price, and the log adds up to the balance.
async fn expiry(venue: &Venue, fill: &Fill) {
    let (exchange, now_ms) = (&venue.exchange, venue.now_ms);
    let expiry_ms = fill.instrument.expiry_ms;
    let price = exchange
        .delivery_price(COIN, expiry_ms, now_ms)
        .await
        .unwrap();
    let deliveries = exchange
        .deliveries(COIN, expiry_ms - 1, now_ms)
        .await
        .unwrap();
    assert_eq!(deliveries.len(), 1, "{deliveries:?}");
    let settled = &deliveries[0].settlement;
    assert_eq!(
        (settled.instrument, settled.size),
        (fill.instrument, -fill.size)
    );
    assert!((settled.delivery_price - price.unwrap().0).abs() < Decimal::new(1, 2));
    assert!(exchange.positions(COIN, now_ms).await.unwrap().is_empty());
    let account = exchange.account(COIN, now_ms).await.unwrap();
    let satoshis = Decimal::new(2, 8);
    let earned = account.balance - Decimal::from(2);
    assert!(
        (earned - fill.cash() - settled.cash()).abs() <= satoshis,
        "{settled:?}"
    );
    let log = exchange
        .transaction_log("BTC", fill.at_ms - 1, now_ms)
        .await
        .unwrap();
    let booked = log.iter().filter(|row| row.kind != "deposit");
    let changes: Decimal = booked.map(|row| row.change).sum();
    assert!((changes - earned).abs() <= satoshis, "{log:#?}");
}
