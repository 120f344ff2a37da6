//! The desk's questions to the exchange as the client asks them, answered by a scripted server.

use crate::support::deribit::{Answer, Script};
use crate::support::deribit_words::{
    AHEAD_MS, AT_MS, CALL, account, client, exchange, market, order, settings, working,
};
use crate::support::document::Document;
use crate::support::sqlite;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use thetaq::clock::Clock;
use thetaq::config::Config;
use thetaq::ctx::{Ctx, Purpose};
use thetaq::domain::coin::Coin;
use thetaq::domain::order::{OrderState, Side};
use thetaq::exchange::Exchange;
use thetaq::exchange::deribit::{DeribitClient, Settings};
use thetaq::exchange::facts::{OrderRequest, PostOnly};

#[tokio::test]
async fn an_order_says_everything_and_sits_on_the_contract_s_own_tick() {
    let script = market().await;
    let trade = json!({ "trade_id": "9", "trade_seq": 3, "instrument_name": CALL, "timestamp": AT_MS,
        "order_id": "77", "direction": "sell", "price": 0.0155, "amount": 0.1, "fee": 3e-5,
        "fee_currency": "BTC", "liquidity": "T", "index_price": 95_000.12, "matching_id": null });
    let filled = json!({ "order": working("filled", 0.1), "trades": [trade] });
    script.always("private/sell", Answer::result(filled));
    let request = OrderRequest {
        price: Decimal::new(151, 4),
        ..order()
    };
    let placed = exchange(&script).place(&request, AT_MS).await.unwrap();
    assert_eq!(
        script.calls("private/sell")[0],
        json!({ "instrument_name": CALL, "amount": 0.1, "type": "limit", "price": 0.0155,
            "label": "tq-1-open", "time_in_force": "good_til_day", "post_only": false,
            "reject_post_only": false, "reduce_only": false, "valid_until": AT_MS + 5_000 + AHEAD_MS }),
        "a sale at 0.0151 asks 0.0155 where the tick is 0.0005, and post_only is never left to a default; \
         the deadline is on the exchange's clock"
    );
    assert_eq!(placed.order.state, OrderState::Filled);
    let fill = &placed.trades[0];
    assert_eq!(
        (fill.fill.fee, fill.label.as_str(), fill.maker),
        (Decimal::new(3, 5), "tq-1-open", false)
    );
    let small = OrderRequest {
        size: Decimal::new(5, 2),
        ..order()
    };
    let error = exchange(&script).place(&small, AT_MS).await.unwrap_err();
    assert!(error.to_string().contains("least of 0.1"), "{error}");
}

#[tokio::test]
async fn an_edit_keeps_the_flags_of_its_order() {
    let script = market().await;
    let mut resting = working("open", 0.0);
    resting["post_only"] = json!(true);
    resting["reduce_only"] = json!(true);
    script.always("private/get_order_state", Answer::result(resting.clone()));
    script.always(
        "private/edit",
        Answer::result(json!({ "order": resting, "trades": [] })),
    );
    let (size, price) = (Decimal::new(1, 1), Decimal::new(15, 3));
    exchange(&script)
        .edit("77", size, price, AT_MS)
        .await
        .unwrap();
    let sent = script.calls("private/edit")[0].clone();
    let flags = json!({ "order_id": "77", "amount": 0.1, "price": 0.015, "post_only": true,
        "reject_post_only": false, "reduce_only": true });
    assert_eq!(sent, flags);
}

#[tokio::test]
async fn orders_go_to_production_only_when_allowed() {
    let script = market().await;
    script.say_production();
    script.always(
        "private/sell",
        Answer::result(json!({ "order": working("open", 0.0), "trades": [] })),
    );
    let watching = exchange(&script);
    watching.index_price(Coin::Btc, AT_MS).await.unwrap_err();
    let error = watching.place(&order(), AT_MS).await.unwrap_err();
    assert!(
        error.to_string().contains("allow_main_host_orders"),
        "{error}"
    );
    assert_eq!(script.count("private/sell"), 0);
    let allowed = Settings {
        main_orders: true,
        ..settings(&script)
    };
    let allowed = Exchange::Deribit(DeribitClient::new(allowed, &Clock::real()).unwrap());
    allowed.place(&order(), AT_MS).await.unwrap();
}

#[tokio::test]
async fn a_chain_is_two_calls_whatever_its_length() {
    let script = Script::start().await;
    script.always(
        "public/get_index_price",
        Answer::result(json!({ "index_price": 95_000.5 })),
    );
    let row = |name: &str, bid: Value| {
        json!({ "instrument_name": name, "creation_timestamp": AT_MS - 1_500,
        "bid_price": bid, "ask_price": 0.021, "mark_price": 0.0201, "mark_iv": 45.5, "underlying_price": 95_500.0,
        "open_interest": 12.5, "volume": 0, "base_currency": "BTC", "quote_currency": "BTC" })
    };
    script.always(
        "public/get_book_summary_by_currency",
        Answer::result(json!([
            row("BTC-25DEC26-110000-C", json!(null)),
            row(CALL, json!(0.0195)),
            row("BTC-25DEC26-90000-P", json!(0)),
            row("BTC-25DEC20-90000-P", json!(0.1)),
            row("BTC-FS-25DEC26_PERP", json!(1)),
        ])),
    );
    let chain = exchange(&script).chain(Coin::Btc, AT_MS).await.unwrap();
    let names: Vec<_> = chain
        .quotes
        .iter()
        .map(|quote| quote.instrument.name())
        .collect();
    assert_eq!(
        names,
        ["BTC-25DEC26-90000-P", CALL, "BTC-25DEC26-110000-C"],
        "in chain order, unexpired"
    );
    let bids: Vec<_> = chain.quotes.iter().map(|quote| quote.bid).collect();
    assert_eq!(
        bids,
        [None, Some(0.0195), None],
        "null and 0 are both no quote"
    );
    assert_eq!((chain.at_ms, chain.index_price), (AT_MS - 1_500, 95_000.5));
    let delta = chain.quotes[1].delta.unwrap();
    assert!((0.2..0.6).contains(&delta), "from our pricing: {delta}");
    assert_eq!(script.count_all() - script.count("public/auth"), 2);
    let past = exchange(&script)
        .chain(Coin::Btc, AT_MS - 3_600_000)
        .await
        .unwrap_err();
    assert!(past.to_string().contains("cannot show"), "{past}");
}

#[tokio::test]
async fn history_is_delivery_prices_and_the_volatility_index_up_to_the_instant() {
    let script = Script::start().await;
    // 2026-09-21 14:13 UTC.
    script.always("public/get_delivery_prices", Answer::result(json!({ "records_total": 3, "data": [
        { "date": "2026-09-22", "delivery_price": 96_000 }, { "date": "2026-09-21", "delivery_price": 95_100.25 },
        { "date": "2026-09-20", "delivery_price": 94_900.5 }] })));
    let day = 1_789_948_800_000_i64;
    let page =
        |days: Value, next: Value| Answer::result(json!({ "data": days, "continuation": next }));
    script.next(
        "public/get_volatility_index_data",
        page(
            json!([
                [day - 86_400_000, 40, 41, 39, 40.5],
                [day, 40, 42, 40, 41.5]
            ]),
            json!(day - 100_000_000),
        ),
    );
    script.next(
        "public/get_volatility_index_data",
        page(json!([[day - 172_800_000, 40, 41, 39, 39.5]]), json!(null)),
    );
    let history = exchange(&script).history(Coin::Btc, AT_MS).await.unwrap();
    let closes: Vec<_> = history.closes.iter().map(|(_, close)| *close).collect();
    assert_eq!(
        closes,
        [94_900.5, 95_100.25],
        "oldest first, nothing of the future"
    );
    assert!(
        history
            .closes
            .iter()
            .all(|(at_ms, _)| at_ms % 86_400_000 == 8 * 3_600_000)
    );
    assert_eq!(
        history.dvol,
        [(day - 86_400_000, 0.395), (day, 0.405), (AT_MS, 0.415)]
    );
    let price = exchange(&script)
        .delivery_price(Coin::Btc, 1_789_977_600_000, AT_MS)
        .await
        .unwrap();
    assert_eq!(price.unwrap().0, Decimal::new(9_510_025, 2));
    let future = exchange(&script)
        .delivery_price(Coin::Btc, AT_MS + 1, AT_MS)
        .await
        .unwrap();
    assert_eq!(future, None);
}

#[tokio::test]
async fn fills_are_found_by_label_in_the_recent_list_and_in_the_archive() {
    let script = Script::start().await;
    let trade = |id: &str, label: &str, at_ms: i64| {
        json!({ "trade_id": id, "trade_seq": 1,
        "instrument_name": CALL, "timestamp": at_ms, "order_id": "77", "direction": "sell", "price": 0.0155,
        "amount": 0.1, "fee": 3e-5, "fee_currency": "BTC", "liquidity": "M", "index_price": 95_000.0, "label": label })
    };
    let page =
        |trades: Value, more: bool| Answer::result(json!({ "trades": trades, "has_more": more }));
    let method = "private/get_user_trades_by_currency";
    script.next(
        method,
        page(
            json!([
                trade("5", "tq-1-open", AT_MS - 50),
                trade("6", "other", AT_MS - 40)
            ]),
            true,
        ),
    );
    script.next(
        method,
        page(
            json!([
                trade("6", "other", AT_MS - 40),
                trade("7", "tq-1-open", AT_MS - 30)
            ]),
            false,
        ),
    );
    script.next(
        method,
        page(
            json!([
                trade("2", "tq-1-open", AT_MS - 90_000_000),
                trade("5", "tq-1-open", AT_MS - 50)
            ]),
            false,
        ),
    );
    let fills = exchange(&script)
        .fills_by_label(Coin::Btc, "tq-1-open", AT_MS)
        .await
        .unwrap();
    let ids: Vec<_> = fills
        .iter()
        .map(|trade| trade.fill.trade_id.as_str())
        .collect();
    assert_eq!(ids, ["2", "5", "7"], "each once, oldest first");
    let asked = script.calls(method);
    assert_eq!(
        asked[1]["start_timestamp"],
        AT_MS - 40,
        "the next page starts where the last ended"
    );
    assert_eq!(asked[2]["historical"], true);
}

#[tokio::test]
async fn an_account_reads_to_the_last_satoshi() {
    let script = Script::start().await;
    script.always("private/get_account_summary", Answer::result(account()));
    let summary = exchange(&script).account(Coin::Btc, AT_MS).await.unwrap();
    assert_eq!(summary.balance, Decimal::new(200_000_001, 8));
    assert_eq!(
        (summary.options_value, summary.delta_total),
        (Decimal::new(-2, 2), Decimal::new(-28, 2))
    );
    let position = json!({ "instrument_name": CALL, "kind": "option", "direction": "sell", "size": -0.1,
        "average_price": 0.0155, "mark_price": 0.0201, "index_price": 95_000.5, "delta": -3.0e-2, "gamma": -1e-5,
        "vega": -9.1, "theta": 4.2, "floating_profit_loss": -0.00046, "initial_margin": 0.0152,
        "maintenance_margin": 0.0095, "leverage": 12.5, "estimated_liquidation_price": null });
    let mut flat = position.clone();
    flat["size"] = json!(0);
    flat["direction"] = json!("zero");
    let perpetual = json!({ "instrument_name": "BTC-PERPETUAL", "kind": "future", "direction": "buy", "size": 50,
        "average_price": 7440.18, "mark_price": 7476.65, "index_price": 7466.79, "floating_profit_loss": 0,
        "initial_margin": 0, "maintenance_margin": 0 });
    script.always(
        "private/get_positions",
        Answer::result(json!([flat, position, perpetual])),
    );
    let held = exchange(&script).positions(Coin::Btc, AT_MS).await.unwrap();
    assert_eq!(held.len(), 1, "neither flat positions nor futures");
    assert_eq!((held[0].size, held[0].theta), (Decimal::new(-1, 1), 4.2));
    assert!(
        exchange(&script)
            .positions(Coin::Eth, AT_MS)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn an_expiry_is_read_from_the_log_the_settlements_and_the_delivery_price() {
    let script = Script::start().await;
    // 2026-09-21 08:00 UTC.
    let expiry_ms = 1_789_977_600_000_i64;
    let row = |id: u64, name: &str, side: &str, cash: f64, fee: f64| {
        json!({ "id": id, "currency": "BTC",
        "timestamp": expiry_ms + 90, "type": "exercise", "instrument_name": name, "side": side, "amount": 0.2,
        "commission": fee, "cashflow": cash, "change": cash - fee, "balance": 1.9, "price": null })
    };
    let page =
        |rows: Value, next: Value| Answer::result(json!({ "logs": rows, "continuation": next }));
    script.next(
        "private/get_transaction_log",
        page(
            json!([
                row(13, "BTC-21SEP26", "close buy", -0.04, 0.0),
                row(12, "BTC-21SEP26-80000-C", "-", 0.0, 0.00003)
            ]),
            json!(4_711),
        ),
    );
    script.next("private/get_transaction_log", page(
        json!([{ "id": 9, "currency": "BTC", "timestamp": AT_MS - 1, "type": "deposit", "change": 0.5, "cashflow": 0.5,
            "balance": 1.5, "commission": 0, "instrument_name": null }]), json!(null)));
    script.always("private/get_transaction_log", page(json!([]), json!(null)));
    script.always("private/get_settlement_history_by_currency", Answer::result(json!({ "continuation": "x",
        "settlements": [{ "type": "delivery", "timestamp": expiry_ms + 90, "position": -0.2, "mark_price": 0.2,
            "instrument_name": "BTC-21SEP26-80000-C", "index_price": 100_000, "profit_loss": -0.04 }] })));
    script.always(
        "public/get_delivery_prices",
        Answer::result(json!({ "records_total": 1, "data": [
        { "date": "2026-09-21", "delivery_price": 1e5 }] })),
    );
    let deliveries = exchange(&script)
        .deliveries(Coin::Btc, expiry_ms - 1, AT_MS)
        .await
        .unwrap();
    assert_eq!(deliveries.len(), 1);
    let settled = &deliveries[0].settlement;
    assert_eq!(
        (settled.size, settled.payoff),
        (Decimal::new(-2, 1), Decimal::new(-4, 2))
    );
    assert_eq!(
        (settled.fee, settled.at_ms),
        (Decimal::new(3, 5), expiry_ms)
    );
    assert_eq!(
        script.calls("private/get_transaction_log")[1]["continuation"],
        4_711
    );
}

/// `kind = deribit`: the desk lives in real time, starts with the money it finds, and never shares a book
/// with another exchange.
#[tokio::test]
async fn a_live_desk_on_the_exchange_opens_with_what_it_finds() {
    let script = Script::start().await;
    script.always(
        "public/get_index_price",
        Answer::result(json!({ "index_price": 95_000.5 })),
    );
    let mut config =
        Config::parse("[desk]\nunderlyings = [\"BTC\"]\ndry_run = false", "test").unwrap();
    config.set_exchange_url(&script.base_url()).unwrap();
    let db = sqlite().await;
    let ctx = Ctx::live(db.db.clone(), Arc::new(config.clone()), Purpose::Work).await;
    let error = format!("{:#}", ctx.unwrap_err());
    assert!(
        error.contains("THETAQ_DERIBIT_CLIENT_ID"),
        "without a key there is no account: {error}"
    );
    config.desk.dry_run = true;
    let mut sending = config.clone();
    let ctx = Ctx::live(db.db.clone(), Arc::new(config), Purpose::Work)
        .await
        .unwrap();
    let row = ctx.row().await.unwrap();
    assert_eq!(
        (row.exchange.as_str(), row.market.as_str()),
        ("deribit", "live")
    );
    assert!((ctx.clock.now_ms() - Clock::real().now_ms()).abs() < 1_000);
    assert_eq!(
        ctx.exchange.index_price(Coin::Btc, AT_MS).await,
        Ok(95_000.5)
    );
    assert_eq!(
        script.last_bearer("public/get_index_price"),
        "",
        "public data needs no key"
    );
    sending.desk.dry_run = false;
    let sends = Ctx::live(db.db.clone(), Arc::new(sending), Purpose::Work).await;
    let error = sends.unwrap_err().to_string();
    assert!(
        error.contains("book of a dry run") && error.contains("adopt"),
        "{error}"
    );
    let simulated = Ctx::live(db.db.clone(), Arc::new(Config::default()), Purpose::Work).await;
    let error = simulated.unwrap_err().to_string();
    assert!(
        error.contains("`deribit`") && error.contains("--database-url"),
        "{error}"
    );
}

#[tokio::test]
async fn all_orders_of_a_coin_are_cancelled_and_read_back() {
    let script = market().await;
    let mut theirs = working("open", 0.0);
    theirs["instrument_name"] = json!("ETH-25DEC26-4000-C");
    script.always(
        "private/get_open_orders",
        Answer::result(json!([working("open", 0.0), theirs])),
    );
    script.next("private/cancel_all_by_currency", Answer::Hangup);
    script.always("private/cancel_all_by_currency", Answer::result(json!(1)));
    script.always(
        "private/get_order_state",
        Answer::result(working("cancelled", 0.0)),
    );
    let ended = exchange(&script)
        .cancel_all(Coin::Btc, AT_MS)
        .await
        .unwrap();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].state, OrderState::Cancelled);
    assert_eq!(
        script.count("private/cancel_all_by_currency"),
        2,
        "repeating a cancel does no harm"
    );
}

#[tokio::test]
async fn every_call_is_one_that_the_published_document_describes() {
    let Some(document) = Document::read() else {
        return;
    };
    let script = market().await;
    let (client, exchange) = (client(&script), exchange(&script));
    script.always(
        "private/get_open_orders",
        Answer::result(json!([working("open", 0.0)])),
    );
    script.always(
        "private/get_order_state",
        Answer::result(working("open", 0.0)),
    );
    script.always(
        "private/get_order_state_by_label",
        Answer::result(json!([])),
    );
    script.always("private/cancel_all_by_currency", Answer::result(json!(1)));
    let nothing = json!({ "trades": [], "has_more": false, "logs": [], "continuation": null });
    script.always(
        "private/get_user_trades_by_currency",
        Answer::result(nothing.clone()),
    );
    let expired = json!({ "id": 1, "currency": "BTC", "timestamp": AT_MS, "type": "delivery", "amount": 0.1,
        "instrument_name": "BTC-21SEP26-80000-C", "side": "-", "cashflow": 0, "change": 0, "commission": 0 });
    script.next(
        "private/get_transaction_log",
        Answer::result(json!({ "logs": [expired], "continuation": 7 })),
    );
    script.always("private/get_transaction_log", Answer::result(nothing));
    let limited = OrderRequest {
        post_only: PostOnly::Reject,
        ..order()
    };
    let (size, price) = (Decimal::new(1, 1), Decimal::new(155, 4));
    let coin = Coin::Btc;
    // Most answers are refusals; what counts here is what was asked.
    let _asked = (
        client.get_time().await,
        client.get_margins(CALL, size, price).await,
        client.get_order_book(CALL, 5).await,
        exchange.listings(coin, AT_MS).await,
        exchange.chain(coin, AT_MS).await,
        exchange.history(coin, AT_MS).await,
        exchange.account(coin, AT_MS).await,
        exchange.positions(coin, AT_MS).await,
        exchange.place(&order(), AT_MS).await,
    );
    let _asked = (
        exchange
            .place(
                &OrderRequest {
                    side: Side::Buy,
                    ..limited
                },
                AT_MS,
            )
            .await,
        exchange.edit("77", size, price, AT_MS).await,
        exchange.cancel("77", AT_MS).await,
        exchange.cancel_all(coin, AT_MS).await,
        exchange.order_by_label(coin, "tq-1-open", AT_MS).await,
        exchange.fills_by_label(coin, "tq-1-open", AT_MS).await,
        exchange.deliveries(coin, AT_MS - 1, AT_MS).await,
        exchange.delivery_price(coin, AT_MS, AT_MS).await,
    );
    let calls = script.all_calls();
    let methods: BTreeSet<&str> = calls.iter().map(|(method, _)| method.as_str()).collect();
    assert_eq!(methods.len(), 23, "{methods:#?}");
    let problems = calls
        .iter()
        .flat_map(|(method, params)| document.problems(method, params));
    let problems: BTreeSet<String> = problems.collect();
    assert!(problems.is_empty(), "{problems:#?}");
    let wrong = document.problems("private/cancel", &json!({ "orderid": 7 }));
    assert_eq!(
        wrong.len(),
        2,
        "the document is asked in earnest: {wrong:?}"
    );
}
