//! A client of the scripted exchange, the order it sends and what the exchange answers to it.

use super::deribit::{Answer, Script};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::time::Duration;
use thetaq::clock::Clock;
use thetaq::domain::order::Side;
use thetaq::exchange::Exchange;
use thetaq::exchange::deribit::{Credentials, DeribitClient, Host, Settings, Timeouts};
use thetaq::exchange::facts::{OrderRequest, PostOnly, TimeInForce};

pub(crate) const CLIENT_ID: &str = "key-7f3a";
pub(crate) const CLIENT_SECRET: &str = "hush-2c9d1e";
pub(crate) const CALL: &str = "BTC-25DEC26-100000-C";
pub(crate) const AT_MS: i64 = 1_790_000_000_000;
/// The scripted exchange's clock runs ahead of the desk's.
pub(crate) const AHEAD_MS: i64 = 90_000;

pub(crate) fn settings(script: &Script) -> Settings {
    let host = Host::parse(&script.base_url()).unwrap();
    Settings {
        timeouts: Timeouts {
            connect: Duration::from_millis(500),
            read: Duration::from_millis(400),
            overall: Duration::from_millis(1_500),
        },
        ..Settings::new(host, Some(Credentials::new(CLIENT_ID, CLIENT_SECRET)))
    }
}

pub(crate) fn client(script: &Script) -> DeribitClient {
    DeribitClient::new(settings(script), &Clock::manual(AT_MS, &["test"])).unwrap()
}

pub(crate) fn exchange(script: &Script) -> Exchange {
    Exchange::Deribit(client(script))
}

pub(crate) fn order() -> OrderRequest {
    OrderRequest {
        label: "tq-1-open".to_owned(),
        instrument: CALL.parse().unwrap(),
        side: Side::Sell,
        size: Decimal::new(1, 1),
        price: Decimal::new(155, 4),
        time_in_force: TimeInForce::GoodTilDay,
        post_only: PostOnly::Off,
        reduce_only: false,
        valid_until_ms: Some(AT_MS + 5_000),
    }
}

/// An order of the exchange's as it would answer [`order`].
pub(crate) fn working(state: &str, filled: f64) -> Value {
    json!({ "order_id": "77", "order_state": state, "order_type": "limit", "time_in_force": "good_til_day",
        "instrument_name": CALL, "direction": "sell", "price": 1.55e-2, "amount": 0.1, "filled_amount": filled,
        "average_price": 0.0, "label": "tq-1-open", "post_only": false, "reject_post_only": false,
        "reduce_only": false, "api": true, "replaced": false, "creation_timestamp": AT_MS,
        "last_update_timestamp": AT_MS, "novelty": { "of": 2027 } })
}

pub(crate) fn contract() -> Value {
    json!({ "instrument_name": CALL, "kind": "option", "is_active": true, "state": "open",
        "option_type": "call", "strike": 1e5, "expiration_timestamp": 1_798_185_600_000_i64,
        "creation_timestamp": 1, "base_currency": "BTC", "quote_currency": "BTC", "tick_size": 1e-4,
        "tick_size_steps": [{ "above_price": 5e-3, "tick_size": 5e-4 }], "contract_size": 1.0,
        "min_trade_amount": 0.1, "maker_commission": 3e-4, "taker_commission": 3e-4 })
}

pub(crate) fn account() -> Value {
    let many = json!({ "burst": 1_000, "rate": 1_000 });
    json!({ "currency": "BTC", "balance": 2.000_000_01, "equity": 1.98, "margin_balance": 2.0,
        "available_funds": 1.8, "initial_margin": 0.2, "maintenance_margin": 9.75e-2,
        "options_value": -2e-2, "options_delta": -0.3, "delta_total": -0.28, "novelty": null,
        "limits": { "non_matching_engine": many, "matching_engine": {
            "trading": { "total": many }, "cancel_all": many } } })
}

/// A script that lets orders through to what is scripted for `private/sell`.
pub(crate) async fn market() -> Script {
    let script = Script::start().await;
    script.always("public/get_instrument", Answer::result(contract()));
    script.always("public/get_time", Answer::result(json!(AT_MS + AHEAD_MS)));
    script
}
