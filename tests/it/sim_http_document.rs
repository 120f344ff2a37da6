//! Every method the built-in exchange serves, request and reply, against the published API document.

use crate::support::openapi::{Document, Problem};
use crate::support::served::{START_MS, Server};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use thetaq::exchange::sim::faults::FaultPlan;
use thetaq::exchange::sim::http::METHODS;

const DAY_MS: i64 = 86_400_000;
const END_MS: i64 = START_MS + 60 * DAY_MS;

/// (field, what the document says against it, why the exchange's wire is followed instead). A field
/// starting with `*` is the end of a path.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    // Empty sides and contracts that never traded: the tickers' own fields are nullable, these were
    // forgotten, and recorded summaries are full of nulls.
    ("*bid_price", "null", "no bid"),
    ("*ask_price", "null", "no ask"),
    ("*mid_price", "null", "one side is empty"),
    ("*last", "null", "never traded"),
    ("*high", "null", "no trade in 24 hours"),
    ("*low", "null", "no trade in 24 hours"),
    ("*price_change", "null", "no trade in 24 hours"),
    ("*matching_id", "null", "null on every recorded trade"),
    (
        "*continuation",
        "null",
        "null on the last page, as the documented examples have it",
    ),
    // Lists and types that recorded replies contradict.
    (
        "*quote_currency",
        "\"BTC\" is not in the list",
        "inverse options are quoted in coin",
    ),
    (
        "*settlement_period",
        "\"day\" is not in the list",
        "daily options are listed",
    ),
    (
        "*tick_size_steps",
        "not an object",
        "an array of steps on the wire",
    ),
    (
        "*underlying_index",
        "not of type \"number\"",
        "the name of a future",
    ),
    (
        "*post_only",
        "not of type \"string\"",
        "a boolean on every recorded trade",
    ),
    (
        "*reduce_only",
        "not of type \"string\"",
        "a boolean on every recorded trade",
    ),
    (
        "summaries[].fees",
        "not an object",
        "a list of index and kind in this method alone",
    ),
    (
        "resolution",
        "\"60\" is not in the list",
        "the list holds numbers, the type is string",
    ),
    (
        "resolution",
        "\"3600\" is not in the list",
        "the list holds numbers, the type is string",
    ),
    // Results of another shape than the document's, by its own examples and recorded replies.
    (
        "",
        "not an array",
        "get_expirations gives an object by currency and kind",
    ),
    (
        "[]",
        "not an object",
        "pairs of get_historical_volatility, plain names of indices",
    ),
    ("", "no schema", "the document leaves the result out"),
    // Fields on the wire that the document does not have.
    (
        "*user_id",
        "unknown field",
        "on every recorded order and trade",
    ),
    ("*self_trade", "unknown field", "on every recorded trade"),
    ("*volume_notional", "unknown field", "in recorded stats"),
    ("change_id", "unknown field", "in recorded order books"),
    (
        "estimated_delivery_price",
        "unknown field",
        "in recorded order books",
    ),
];

fn excused(problem: &Problem) -> Option<usize> {
    EXCEPTIONS.iter().position(|(path, what, _)| {
        let at = match path.strip_prefix('*') {
            Some(end) => problem.path.ends_with(end),
            None => problem.path == *path,
        };
        at && problem.what.starts_with(what)
    })
}

struct Checked {
    server: Server,
    document: Document,
    seen: BTreeSet<String>,
    used: BTreeSet<usize>,
    problems: BTreeSet<(String, Problem)>,
}

impl Checked {
    /// Calls by POST and, where it changes nothing, by GET; both must agree with the document.
    async fn call(&mut self, method: &str, params: Value) -> Value {
        let wrong = self.document.request(method, params.as_object().unwrap());
        self.note(method, wrong);
        let result = self.server.ok(method, params.clone()).await;
        let wrong = self.document.result(method, &result);
        self.note(method, wrong);
        let changes = ["buy", "sell", "edit", "cancel", "close", "logout", "auth"];
        let reads = changes.iter().all(|word| !method.contains(word));
        if reads {
            self.server.pass(250);
            let got = self.server.get(method, &params).await;
            assert_eq!(got.status, 200, "GET {method} {params}: {}", got.text);
            let wrong = self.document.result(method, &got.json()["result"]);
            self.note(method, wrong);
        }
        self.seen.insert(method.to_owned());
        result
    }

    fn note(&mut self, method: &str, problems: Vec<Problem>) {
        for problem in problems {
            match excused(&problem) {
                Some(at) => drop(self.used.insert(at)),
                None => drop(self.problems.insert((method.to_owned(), problem))),
            }
        }
    }
}

#[tokio::test]
async fn every_method_served_agrees_with_the_published_document() {
    let Some(document) = Document::load() else {
        return;
    };
    let mut checked = Checked {
        server: Server::start(FaultPlan::calm()).await,
        document,
        seen: BTreeSet::new(),
        used: BTreeSet::new(),
        problems: BTreeSet::new(),
    };
    market(&mut checked).await;
    trading(&mut checked).await;
    account(&mut checked).await;
    expiry(&mut checked).await;
    let served: BTreeSet<String> = METHODS
        .iter()
        .map(|method| method.name.to_owned())
        .collect();
    assert_eq!(checked.seen, served, "the test calls every method served");
    assert!(served.iter().all(|name| checked.document.has(name)));
    assert!(checked.problems.is_empty(), "{:#?}", checked.problems);
    for (at, exception) in EXCEPTIONS.iter().enumerate() {
        assert!(
            checked.used.contains(&at),
            "no longer needed: {exception:?}"
        );
    }
}

async fn market(checked: &mut Checked) {
    let key = checked.server.key.clone();
    let auth = checked
        .call(
            "public/auth",
            json!({
                "grant_type": "client_credentials", "client_id": key.client_id,
                "client_secret": key.client_secret, "scope": "session:test", "state": "s",
                // The document requires the parameters of every grant at once.
                "refresh_token": "", "timestamp": 0, "signature": "",
            }),
        )
        .await;
    assert_eq!(auth["state"], "s");
    for method in [
        "public/get_time",
        "public/test",
        "public/status",
        "public/get_currencies",
        "public/get_index_price_names",
    ] {
        checked.call(method, json!({})).await;
    }
    checked
        .call("public/get_supported_index_names", json!({"type": "all"}))
        .await;
    checked
        .call("public/get_index_price", json!({"index_name": "eth_usd"}))
        .await;
    for expired in [false, true] {
        let asked = json!({"currency": "BTC", "kind": "option", "expired": expired});
        let listed = checked.call("public/get_instruments", asked).await;
        assert!(!listed.as_array().unwrap().is_empty(), "expired: {expired}");
    }
    checked
        .call(
            "public/get_expirations",
            json!({"currency": "BTC", "kind": "option"}),
        )
        .await;
    let row = checked.server.call_to_sell().await;
    let named = json!({"instrument_name": row["instrument_name"]});
    for method in [
        "public/get_instrument",
        "public/get_contract_size",
        "public/get_book_summary_by_instrument",
        "public/ticker",
    ] {
        checked.call(method, named.clone()).await;
    }
    checked
        .call(
            "public/get_order_book",
            json!({"instrument_name": row["instrument_name"], "depth": 5}),
        )
        .await;
    for currency in ["BTC", "ETH", "USDC"] {
        let asked = json!({"currency": currency, "kind": "option"});
        checked
            .call("public/get_book_summary_by_currency", asked)
            .await;
    }
    history(checked, &row["instrument_name"]).await;
}

async fn history(checked: &mut Checked, contract: &Value) {
    let now_ms = checked.server.clock.now_ms();
    for resolution in ["60", "3600", "1D"] {
        let asked = json!({
            "currency": "BTC", "start_timestamp": now_ms - 2 * DAY_MS, "end_timestamp": now_ms,
            "resolution": resolution,
        });
        let index = checked
            .call("public/get_volatility_index_data", asked)
            .await;
        assert!(!index["data"].as_array().unwrap().is_empty());
        assert_eq!(
            index["continuation"].is_null(),
            resolution != "60",
            "1000 candles at most"
        );
    }
    checked
        .call(
            "public/get_historical_volatility",
            json!({"currency": "BTC"}),
        )
        .await;
    for name in [&json!("BTC-PERPETUAL"), contract] {
        let asked = json!({
            "instrument_name": name, "start_timestamp": now_ms - DAY_MS / 4, "end_timestamp": now_ms,
            "resolution": "60",
        });
        let chart = checked
            .call("public/get_tradingview_chart_data", asked)
            .await;
        assert_eq!(chart["status"], "ok");
        assert!(chart["ticks"].as_array().unwrap().len() >= 6);
    }
    checked
        .call(
            "public/get_delivery_prices",
            json!({"index_name": "btc_usd", "count": 5}),
        )
        .await;
}

async fn trading(checked: &mut Checked) {
    let row = checked.server.call_to_sell().await;
    let name = &row["instrument_name"];
    let (bid, ask) = (
        row["bid_price"].as_f64().unwrap(),
        row["ask_price"].as_f64().unwrap(),
    );
    let asked = |price: f64| {
        json!({
            "instrument_name": name, "amount": 0.1, "price": price, "label": "l", "type": "limit",
            "time_in_force": "good_til_cancelled", "post_only": false, "reject_post_only": false,
            "reduce_only": false, "valid_until": END_MS,
        })
    };
    let dear = ((ask / 0.0005).round() + 3.0) * 5.0 / 10_000.0;
    let rests = checked.call("private/sell", asked(dear)).await;
    let id = rests["order"]["order_id"].clone();
    checked.call("private/sell", asked(bid)).await;
    checked.call("private/buy", asked(ask)).await;
    checked.call("private/sell", asked(bid)).await;
    checked
        .call("private/get_open_orders", json!({"kind": "option"}))
        .await;
    checked
        .call(
            "private/get_open_orders_by_currency",
            json!({"currency": "BTC"}),
        )
        .await;
    checked
        .call(
            "private/get_open_orders_by_instrument",
            json!({"instrument_name": name}),
        )
        .await;
    checked
        .call(
            "private/get_open_orders_by_label",
            json!({"currency": "BTC", "label": "l"}),
        )
        .await;
    checked
        .call("private/get_order_margin_by_ids", json!({"ids": [id]}))
        .await;
    checked
        .call(
            "private/edit",
            json!({"order_id": id, "amount": 0.2, "price": dear}),
        )
        .await;
    let edit = json!({"instrument_name": name, "label": "l", "amount": 0.1, "price": dear});
    checked.call("private/edit_by_label", edit).await;
    checked
        .call("private/get_order_state", json!({"order_id": id}))
        .await;
    checked
        .call(
            "private/get_order_state_by_label",
            json!({"currency": "BTC", "label": "l"}),
        )
        .await;
    checked
        .call("private/cancel", json!({"order_id": id}))
        .await;
    checked.call("private/cancel_all", json!({})).await;
    checked
        .call(
            "private/cancel_all_by_currency",
            json!({"currency": "BTC", "kind": "option"}),
        )
        .await;
    checked
        .call(
            "private/cancel_all_by_instrument",
            json!({"instrument_name": name}),
        )
        .await;
    checked
        .call(
            "private/cancel_all_by_kind_or_type",
            json!({"currency": "any", "type": "all"}),
        )
        .await;
    checked
        .call(
            "private/cancel_by_label",
            json!({"label": "l", "currency": "BTC"}),
        )
        .await;
    let close = json!({"instrument_name": name, "type": "limit", "price": ask});
    checked.call("private/close_position", close).await;
    checked.call("private/sell", asked(bid)).await;
    let margins = json!({"instrument_name": name, "amount": 0.1, "price": bid});
    checked.call("private/get_margins", margins).await;
}

async fn account(checked: &mut Checked) {
    let btc = json!({"currency": "BTC"});
    let held = checked.call("private/get_positions", btc.clone()).await;
    let name = held[0]["instrument_name"].clone();
    let named = json!({"instrument_name": name});
    checked.call("private/get_position", named.clone()).await;
    checked
        .call(
            "private/get_account_summary",
            json!({"currency": "BTC", "extended": true}),
        )
        .await;
    checked
        .call("private/get_account_summaries", json!({"extended": true}))
        .await;
    let mode = json!({"mode": "reject_taker", "extended_to_subaccounts": false});
    checked.call("private/set_self_trading_config", mode).await;
    checked
        .call("private/get_order_history_by_currency", btc.clone())
        .await;
    checked
        .call("private/get_order_history_by_instrument", named.clone())
        .await;
    let (from, to) = (START_MS, START_MS + DAY_MS);
    let time = |mut params: Value| {
        params["start_timestamp"] = json!(from);
        params["end_timestamp"] = json!(to);
        params
    };
    for tape in ["public/get_last_trades", "private/get_user_trades"] {
        for (by, params) in [("by_currency", &btc), ("by_instrument", &named)] {
            let trades = checked.call(&format!("{tape}_{by}"), params.clone()).await;
            assert_eq!(trades["trades"].as_array().unwrap().len(), 5, "{tape}_{by}");
            let timed = checked
                .call(&format!("{tape}_{by}_and_time"), time(params.clone()))
                .await;
            let first = timed["trades"][0]["trade_id"].clone();
            assert_eq!(
                first, trades["trades"][4]["trade_id"],
                "oldest first from a start on"
            );
        }
    }
    let trades = checked
        .call("private/get_user_trades_by_currency", btc.clone())
        .await;
    let by_order = json!({"order_id": trades["trades"][0]["order_id"]});
    checked
        .call("private/get_user_trades_by_order", by_order)
        .await;
    checked.call("private/get_transaction_log", time(btc)).await;
}

async fn expiry(checked: &mut Checked) {
    checked.server.pass(5 * DAY_MS);
    let btc = json!({"currency": "BTC", "count": 3});
    let own = checked
        .call("private/get_settlement_history_by_currency", btc.clone())
        .await;
    let name = own["settlements"][0]["instrument_name"].clone();
    let all = checked
        .call("public/get_last_settlements_by_currency", btc.clone())
        .await;
    assert_eq!(all["continuation"], "3");
    let named = json!({"instrument_name": name});
    checked
        .call(
            "private/get_settlement_history_by_instrument",
            named.clone(),
        )
        .await;
    checked
        .call("public/get_last_settlements_by_instrument", named)
        .await;
    let log = json!({"currency": "BTC", "start_timestamp": 0, "end_timestamp": END_MS, "count": 2});
    let first = checked
        .call("private/get_transaction_log", log.clone())
        .await;
    let mut log = log;
    log["continuation"] = first["continuation"].clone();
    let second = checked.call("private/get_transaction_log", log).await;
    assert!(second["logs"][0]["id"].as_i64() < first["logs"][1]["id"].as_i64());
    checked.call("private/logout", json!({})).await;
}
