//! The built-in exchange over real HTTP: life of an order, tokens, credits, retention, expiry.

use crate::support::served::{Heard, START_MS, Server};
use crate::support::{sqlite, thetaq};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use thetaq::exchange::sim::faults::FaultPlan;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
/// 2026-01-09 08:00 UTC.
const EXPIRY_MS: i64 = START_MS + 4 * DAY_MS - 3_600_000;

async fn calm() -> Server {
    Server::start(FaultPlan::calm()).await
}

fn name(row: &Value) -> &str {
    row["instrument_name"].as_str().unwrap()
}

fn order(row: &Value, amount: f64, price: f64, label: &str) -> Value {
    json!({
        "instrument_name": name(row), "amount": amount, "price": price, "label": label,
        "type": "limit", "time_in_force": "good_til_cancelled",
    })
}

fn with(mut params: Value, name: &str, value: impl Into<Value>) -> Value {
    params[name] = value.into();
    params
}

fn bid(row: &Value) -> f64 {
    row["bid_price"].as_f64().unwrap()
}

fn ask(row: &Value) -> f64 {
    row["ask_price"].as_f64().unwrap()
}

/// A price on the coarse tick, so many of them above another.
fn above(price: f64, ticks: i32) -> f64 {
    ((price / 0.0005).round() + f64::from(ticks)) * 5.0 / 10_000.0
}

#[tokio::test]
async fn an_order_lives_from_resting_to_filled_and_is_found_by_its_label() {
    let server = calm().await;
    let call = server.call_to_sell().await;
    let resting = order(&call, 0.3, above(ask(&call), 2), "cc1-rests");
    let placed = server.ok("private/sell", resting).await;
    assert_eq!(placed["trades"], json!([]));
    let id = placed["order"]["order_id"].as_str().unwrap().to_owned();
    assert_eq!(placed["order"]["order_state"], "open");
    assert_eq!(placed["order"]["replaced"], false);
    let open = server
        .ok(
            "private/get_open_orders_by_label",
            json!({"currency": "BTC", "label": "cc1-rests"}),
        )
        .await;
    assert_eq!(open, json!([placed["order"]]));

    let edited = server
        .ok(
            "private/edit",
            json!({"order_id": id, "amount": 0.2, "price": bid(&call)}),
        )
        .await;
    assert_eq!(edited["order"]["replaced"], true);
    assert_eq!(edited["order"]["order_state"], "filled");
    let trade = &edited["trades"][0];
    assert_eq!(trade["order_id"], json!(id));
    assert_eq!(trade["label"], "cc1-rests");
    assert_eq!(trade["liquidity"], "T");
    assert_eq!(trade["fee_currency"], "BTC");
    // 0.2 x min(0.0003, 0.125 x price)
    let fee = 0.2 * 0.0003_f64.min(0.125 * bid(&call));
    assert!((trade["fee"].as_f64().unwrap() - fee).abs() < 1e-12);
    assert_eq!(
        server
            .refused("private/cancel", json!({"order_id": id}))
            .await,
        11_044
    );

    let state = server
        .ok("private/get_order_state", json!({"order_id": id}))
        .await;
    assert_eq!(state, edited["order"]);
    let trades = server
        .ok("private/get_user_trades_by_order", json!({"order_id": id}))
        .await;
    assert_eq!(trades, edited["trades"]);
    let position = server
        .ok(
            "private/get_position",
            json!({"instrument_name": name(&call)}),
        )
        .await;
    assert_eq!(
        (&position["size"], &position["direction"]),
        (&json!(-0.2), &json!("sell"))
    );
}

#[tokio::test]
async fn times_in_force_and_post_only_do_what_they_say() {
    let server = calm().await;
    let call = server.call_to_sell().await;
    let (bid, ask) = (bid(&call), ask(&call));
    let kinds = [
        ("immediate_or_cancel", above(ask, 1), "cancelled", 0.0),
        ("fill_or_kill", above(ask, 1), "cancelled", 0.0),
        ("fill_or_kill", bid, "filled", 0.1),
        ("good_til_day", above(ask, 60), "open", 0.0),
    ];
    for (kind, price, state, filled) in kinds {
        let asked = with(order(&call, 0.1, price, kind), "time_in_force", kind);
        let placed = server.ok("private/sell", asked).await;
        let placed = &placed["order"];
        assert_eq!(placed["order_state"], state, "{kind} at {price}");
        assert_eq!(placed["filled_amount"], filled, "{kind} at {price}");
        assert!(placed.get("cancel_reason").is_none(), "{placed}");
    }
    let post_only = with(order(&call, 0.1, bid, "p"), "post_only", true);
    let shifted = server.ok("private/sell", post_only.clone()).await;
    let price = shifted["order"]["price"].as_f64().unwrap();
    assert!(price > bid && shifted["trades"] == json!([]), "{shifted}");
    let reject = with(post_only.clone(), "reject_post_only", true);
    assert_eq!(server.refused("private/sell", reject).await, 11_054);
    let day = with(post_only, "time_in_force", "good_til_day");
    assert_eq!(server.refused("private/sell", day).await, 11_055);
    // The day ends at 08:00 UTC.
    server.set(START_MS + DAY_MS - 3_600_000);
    let state = json!({"currency": "BTC", "label": "good_til_day"});
    let ended = server.ok("private/get_order_state_by_label", state).await;
    assert_eq!(ended[0]["order_state"], "cancelled");
    assert_eq!(ended[0]["cancel_reason"], "settlement");
}

#[tokio::test]
async fn refusals_carry_codes_reasons_and_names() {
    let server = calm().await;
    let call = server.call_to_sell().await;
    let (good, bid) = (order(&call, 0.1, bid(&call), "x"), bid(&call));
    let many = with(good.clone(), "amount", 100);
    let cases = [
        (10_009, many),
        (10_043, with(good.clone(), "price", bid + 0.00013)),
        (10_002, with(good.clone(), "amount", 0.05)),
        (10_021, with(good.clone(), "amount", 0.15)),
        (13_888, with(good.clone(), "valid_until", START_MS - 1)),
        (11_030, with(good.clone(), "reduce_only", true)),
        (
            10_009,
            with(with(good.clone(), "amount", 100), "price", bid * 2.0),
        ),
        (
            10_020,
            with(good.clone(), "instrument_name", "BTC-9JAN26-1-C"),
        ),
        (
            10_012,
            with(good.clone(), "instrument_name", "BTC-2JAN26-90000-C"),
        ),
        (
            -32_602,
            with(good.clone(), "instrument_name", "BTC-PERPETUAL"),
        ),
        (-32_602, with(good.clone(), "type", "market")),
        (-32_602, with(good.clone(), "amount", "0.1")),
        (-32_602, with(good.clone(), "label", "x".repeat(65))),
        (-32_602, with(good.clone(), "contracts", 0.2)),
        (-32_602, with(good.clone(), "time_in_force", "for_ever")),
        (-32_602, with(good.clone(), "advanced", "usd")),
    ];
    for (code, params) in cases {
        assert_eq!(
            server.refused("private/sell", params.clone()).await,
            code,
            "{params}"
        );
    }
    let heard = server.post("public/ticker", &json!({})).await;
    let data = json!({"reason": "value is required", "param": "instrument_name"});
    assert_eq!(heard.json()["error"]["data"], data);
    let heard = server
        .post("public/ticker", &json!({"instrument_name": "BTC-X"}))
        .await;
    assert_eq!(
        heard.json()["error"]["data"]["reason"],
        "instrument not found"
    );
    let heard = server
        .post("private/get_positions", &json!({"currency": "DOGE"}))
        .await;
    assert_eq!(heard.json()["error"]["data"]["reason"], "invalid currency");
}

#[tokio::test]
async fn own_orders_do_not_trade_with_each_other() {
    let server = calm().await;
    let call = server.call_to_sell().await;
    let price = above(bid(&call), 1);
    let rests = server
        .ok("private/sell", order(&call, 0.1, price, "s"))
        .await;
    assert_eq!(
        rests["order"]["order_state"], "open",
        "it stands between the sides"
    );
    let meets = order(&call, 0.1, price, "b");
    assert_eq!(server.refused("private/buy", meets.clone()).await, 10_003);
    let mode = json!({"mode": "cancel_maker", "extended_to_subaccounts": false});
    server.ok("private/set_self_trading_config", mode).await;
    let bought = server.ok("private/buy", meets).await;
    assert_eq!(bought["order"]["order_state"], "open");
    let state = json!({"order_id": rests["order"]["order_id"]});
    let gone = server.ok("private/get_order_state", state).await;
    assert_eq!(gone["order_state"], "cancelled");
}

#[tokio::test]
async fn labels_are_not_unique_and_edits_by_label_say_so() {
    let server = calm().await;
    let call = server.call_to_sell().await;
    let price = above(ask(&call), 4);
    let edit =
        json!({"instrument_name": name(&call), "label": "same", "amount": 0.2, "price": price});
    assert_eq!(
        server.refused("private/edit_by_label", edit.clone()).await,
        10_004
    );
    server
        .ok("private/sell", order(&call, 0.1, price, "same"))
        .await;
    let edited = server.ok("private/edit_by_label", edit.clone()).await;
    assert_eq!(edited["order"]["amount"], 0.2);
    server
        .ok("private/sell", order(&call, 0.1, price, "same"))
        .await;
    assert_eq!(server.refused("private/edit_by_label", edit).await, 13_032);
    assert_eq!(
        server
            .ok("private/cancel_by_label", json!({"label": "other"}))
            .await,
        0
    );
    assert_eq!(
        server
            .ok("private/cancel_by_label", json!({"label": "same"}))
            .await,
        2
    );
}

#[tokio::test]
async fn what_is_recent_is_shown_and_what_is_older_is_in_the_archive() {
    let server = calm().await;
    let call = server.call_to_sell().await;
    let sold = server
        .ok("private/sell", order(&call, 0.1, bid(&call), "kept"))
        .await;
    let id = json!({"order_id": sold["order"]["order_id"]});
    let btc = json!({"currency": "BTC"});
    let archive = with(btc.clone(), "historical", true);
    let orders = async |params: &Value| {
        let found = server
            .ok("private/get_order_history_by_currency", params.clone())
            .await;
        found.as_array().unwrap().len()
    };
    let trades = async |params: &Value| {
        let found = server
            .ok("private/get_user_trades_by_currency", params.clone())
            .await;
        found["trades"].as_array().unwrap().len()
    };
    assert_eq!(
        (orders(&btc).await, orders(&archive).await),
        (1, 0),
        "indexing takes a while"
    );
    assert_eq!((trades(&btc).await, trades(&archive).await), (1, 0));
    server.pass(31 * MINUTE_MS);
    assert_eq!((orders(&btc).await, orders(&archive).await), (0, 1));
    assert_eq!((trades(&btc).await, trades(&archive).await), (1, 1));
    assert_eq!(
        server.refused("private/get_order_state", id.clone()).await,
        10_004
    );
    server.pass(DAY_MS);
    assert_eq!((trades(&btc).await, trades(&archive).await), (0, 1));
    let by_order = server
        .ok(
            "private/get_user_trades_by_order",
            with(id, "historical", true),
        )
        .await;
    assert_eq!(by_order.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_expiry_settles_into_cash_with_its_rows_and_its_price() {
    let server = calm().await;
    // Deep in the money, so that it is assigned whatever the market does.
    let summaries = server
        .ok(
            "public/get_book_summary_by_currency",
            json!({"currency": "BTC"}),
        )
        .await;
    let deep = summaries.as_array().unwrap().iter().find(|row| {
        let name = name(row);
        name.contains("-9JAN26-") && name.ends_with("-C") && row["bid_price"].as_f64() > Some(0.1)
    });
    let deep = deep.expect("a call far in the money is bid").clone();
    server
        .ok("private/sell", order(&deep, 0.1, bid(&deep), "itm"))
        .await;
    let account = json!({"currency": "BTC"});
    let before = server
        .ok("private/get_account_summary", account.clone())
        .await;
    identities(&before);
    server.set(EXPIRY_MS + 1_000);
    let after = server
        .ok("private/get_account_summary", account.clone())
        .await;
    identities(&after);
    assert_eq!(after["options_value"], 0.0);
    let prices = server
        .ok(
            "public/get_delivery_prices",
            json!({"index_name": "btc_usd", "count": 1}),
        )
        .await;
    assert_eq!(prices["data"][0]["date"], "2026-01-09");
    let price = prices["data"][0]["delivery_price"].as_f64().unwrap();
    let strike: f64 = name(&deep).split('-').nth(2).unwrap().parse().unwrap();
    let expected = -0.1 * (price - strike) / price - 0.1 * 0.00015;
    let change = after["balance"].as_f64().unwrap() - before["balance"].as_f64().unwrap();
    assert!((change - expected).abs() < 2e-8, "{change} {expected}");

    let log =
        json!({"currency": "BTC", "start_timestamp": EXPIRY_MS, "end_timestamp": EXPIRY_MS + 1});
    let log = server.ok("private/get_transaction_log", log).await;
    let rows: Vec<&str> = log["logs"].as_array().unwrap().iter().map(name).collect();
    // Newest first: the future's delivery, then the option's turning into it.
    assert_eq!(rows, ["BTC-9JAN26", name(&deep)]);
    let history = server
        .ok("private/get_settlement_history_by_currency", account)
        .await;
    assert_eq!(history["settlements"][0]["position"], -0.1);
    let settled = json!({"instrument_name": name(&deep)});
    let public = server
        .ok("public/get_last_settlements_by_instrument", settled)
        .await;
    assert_eq!(public["settlements"][0]["index_price"], price);
    assert_eq!(
        server
            .refused("public/ticker", json!({"instrument_name": name(&deep)}))
            .await,
        -32_602
    );
}

/// The identities of segregated standard margin, to 1e-8.
fn identities(account: &Value) {
    let of = |field: &str| account[field].as_f64().unwrap();
    let equal = |left: f64, right: f64| assert!((left - right).abs() < 1e-8, "{account}");
    let sessions = of("futures_session_upl") + of("session_rpl");
    equal(of("equity"), of("balance") + sessions + of("options_value"));
    equal(of("margin_balance"), of("equity") - of("options_value"));
    equal(
        of("available_funds"),
        of("margin_balance") - of("initial_margin"),
    );
    equal(of("total_pl"), of("futures_pl") + of("options_pl"));
}

#[tokio::test]
async fn positions_close_by_limit_orders() {
    let server = calm().await;
    let call = server.call_to_sell().await;
    let close = json!({"instrument_name": name(&call), "type": "limit", "price": ask(&call)});
    assert_eq!(
        server
            .refused("private/close_position", close.clone())
            .await,
        11_030
    );
    server
        .ok("private/sell", order(&call, 0.2, bid(&call), "c"))
        .await;
    let market = with(close.clone(), "type", "market");
    assert_eq!(
        server.refused("private/close_position", market).await,
        -32_602
    );
    let closed = server.ok("private/close_position", close).await;
    assert_eq!(closed["order"]["reduce_only"], true);
    assert_eq!(closed["order"]["amount"], 0.2);
    let flat = server
        .ok(
            "private/get_position",
            json!({"instrument_name": name(&call)}),
        )
        .await;
    assert_eq!(
        (&flat["size"], &flat["direction"]),
        (&json!(0.0), &json!("zero"))
    );
    assert!(
        closed["trades"][0]["profit_loss"].as_f64().unwrap() < 0.0,
        "the spread was paid"
    );
}

#[tokio::test]
async fn tokens_expire_refresh_once_and_reach_as_far_as_their_scope() {
    let server = calm().await;
    let login = async |scope: &str| {
        let auth = json!({
            "grant_type": "client_credentials", "client_id": server.key.client_id,
            "client_secret": server.key.client_secret, "scope": scope,
        });
        server.ok("public/auth", auth).await
    };
    let positions = async |token: &Value| {
        let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
        let body = json!({"jsonrpc": "2.0", "id": 1, "params": {}});
        server
            .raw("/private/get_positions", body.to_string(), bearer)
            .await
    };
    let token = login("session:desk account:read trade:read_write wallet:none expires:60").await;
    assert_eq!(token["expires_in"], 60);
    assert_eq!(token["sid"], "desk");
    assert_eq!(
        token["scope"],
        "session:desk account:read trade:read_write wallet:none mainaccount"
    );
    assert_eq!(positions(&token).await.status, 200);
    server.pass(60_000);
    let expired = positions(&token).await;
    assert_eq!((expired.status, expired.code()), (400, 13_009));
    assert_eq!(expired.json()["error"]["data"]["reason"], "invalid_token");
    let refresh = json!({"grant_type": "refresh_token", "refresh_token": token["refresh_token"]});
    let fresh = server.ok("public/auth", refresh.clone()).await;
    assert_eq!(fresh["scope"], token["scope"]);
    assert_eq!(positions(&fresh).await.status, 200);
    assert_eq!(
        server.refused("public/auth", refresh).await,
        13_009,
        "used up"
    );

    let small = login("account:read").await;
    assert_eq!(positions(&small).await.code(), 13_403);
    let wrong = json!({
        "grant_type": "client_credentials", "client_id": server.key.client_id, "client_secret": "no",
    });
    assert_eq!(server.refused("public/auth", wrong).await, 13_004);
    let nobody = server.raw(
        "/private/get_positions",
        "{\"jsonrpc\":\"2.0\"}".to_owned(),
        String::new(),
    );
    assert_eq!(nobody.await.code(), 13_009);
}

#[tokio::test]
async fn credits_run_out_close_the_connection_and_refill() {
    let server = calm().await;
    let burst = async |method: &str, params: &Value, calls: usize| {
        let mut passed = 0;
        let mut last = None;
        for _ in 0..calls {
            let heard = server.post(method, params).await;
            passed += usize::from(heard.code() != 10_028);
            last = Some(heard);
        }
        (passed, last.unwrap())
    };
    let (passed, over) = burst("public/get_time", &json!({}), 103).await;
    assert_eq!(passed, 100);
    assert_eq!((over.status, over.code(), over.closes), (400, 10_028, true));
    server.pass(50);
    assert_eq!(burst("public/get_time", &json!({}), 3).await.0, 1);
    let unknown = json!({"order_id": "1"});
    assert_eq!(
        burst("private/cancel", &unknown, 25).await.0,
        20,
        "orders spend their own"
    );
    server.pass(1_000);
    assert_eq!(burst("private/cancel", &unknown, 25).await.0, 5);
    let log = json!({"currency": "BTC", "start_timestamp": 0, "end_timestamp": START_MS});
    assert_eq!(burst("private/get_transaction_log", &log, 10).await.0, 8);
}

#[tokio::test]
async fn every_form_of_request_is_answered_in_its_envelope() {
    let server = calm().await;
    let posted = server.post("public/get_time", &json!({})).await;
    let reply = posted.json();
    assert_eq!(posted.kind, "application/json");
    assert_eq!(
        (&reply["id"], &reply["result"]),
        (&json!(7), &json!(START_MS))
    );
    assert_eq!(reply["testnet"], true);
    assert_eq!(
        reply["usDiff"],
        json!(reply["usOut"].as_i64().unwrap() - reply["usIn"].as_i64().unwrap())
    );
    let got = server
        .get("public/get_index_price", &json!({"index_name": "btc_usd"}))
        .await;
    assert!(got.json().get("id").is_none() && got.json()["result"]["index_price"].is_f64());
    let by_path = server.raw(
        "/public/get_time",
        "{\"jsonrpc\":\"2.0\",\"id\":\"a\"}".to_owned(),
        String::new(),
    );
    assert_eq!(by_path.await.json()["id"], "a");

    let body =
        async |path: &str, body: &str| server.raw(path, body.to_owned(), server.basic()).await;
    let check = |heard: &Heard, code: i64| {
        assert_eq!((heard.status, heard.code()), (400, code), "{heard:?}");
    };
    let broken = body("", "{\"jsonrpc\":").await;
    check(&broken, 11_050);
    assert_eq!(broken.json()["error"]["data"], "invalid json");
    check(&body("", &" ".repeat(33 * 1024)).await, -32_600);
    check(&body("", "[]").await, -32_600);
    check(
        &body("", "{\"jsonrpc\":\"2.0\",\"method\":\"public/none\"}").await,
        -32_601,
    );
    check(
        &body("/public/subscribe", "{\"jsonrpc\":\"2.0\"}").await,
        10_030,
    );
    check(
        &body("/public/get_time", "{\"jsonrpc\":\"2.0\",\"params\":[1]}").await,
        -32_602,
    );
    check(
        &body(
            "/public/test",
            "{\"jsonrpc\":\"2.0\",\"params\":{\"expected_result\":\"exception\"}}",
        )
        .await,
        10_001,
    );
    // Numbers in exponent form are numbers.
    let call = server.call_to_sell().await;
    let text = format!(
        "{{\"jsonrpc\":\"2.0\",\"params\":{{\"instrument_name\":\"{}\",\"amount\":1e-1,\"price\":1.5E-2}}}}",
        name(&call)
    );
    let margins = body("/private/get_margins", &text).await;
    assert_eq!(margins.status, 200, "{margins:?}");
    let buy = margins.json()["result"]["buy"].as_f64().unwrap();
    assert!((buy - (0.0015 + 0.00003)).abs() < 1e-12, "{buy}");
}

/// A running `thetaq exchange` and the line it said.
struct Running {
    child: Child,
    said: Value,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut command = thetaq();
        command.args([
            "exchange", "--port", "0", "--json", "--seed", "command", "--speed", "1",
        ]);
        command.args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let said = serde_json::from_str(&line).unwrap();
        Self { child, said }
    }

    async fn call(&self, method: &str, params: Value) -> Value {
        let text = |name: &str| self.said[name].as_str().unwrap().to_owned();
        let http = crate::support::http().build().unwrap();
        let call = async |token: Option<&str>, method: &str, params: Value| {
            let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
            let mut request = http.post(text("url")).json(&body);
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let reply: Value = request.send().await.unwrap().json().await.unwrap();
            assert!(reply.get("error").is_none(), "{method}: {reply}");
            reply["result"].clone()
        };
        let auth = json!({
            "grant_type": "client_credentials", "client_id": text("client_id"),
            "client_secret": text("client_secret"),
        });
        let token = call(None, "public/auth", auth).await;
        call(token["access_token"].as_str(), method, params).await
    }

    /// SIGTERM, which must end it well.
    fn stop(mut self) {
        let id = self.child.id().to_string();
        Command::new("kill").arg(&id).status().unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_serves_until_it_is_stopped_and_keeps_its_book() {
    let rows = sqlite().await;
    let database = ["--database-url", &rows.url];
    let first = Running::start(&database);
    let summaries = first
        .call(
            "public/get_book_summary_by_currency",
            json!({"currency": "BTC"}),
        )
        .await;
    let bought = summaries
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["ask_price"].is_f64())
        .unwrap();
    let order = order(bought, 0.1, ask(bought), "kept");
    let placed = first.call("private/buy", order).await;
    assert_eq!(placed["order"]["order_state"], "filled");
    first.stop();
    let again = Running::start(&database);
    let held = again
        .call("private/get_positions", json!({"currency": "BTC"}))
        .await;
    assert_eq!(held[0]["size"], 0.1);
    again.stop();
    let forgetful = Running::start(&["--memory", "--faults", "9"]);
    assert_eq!(forgetful.said["faults"], "9");
    forgetful.stop();
}

#[test]
fn the_command_says_what_is_wrong_with_its_port() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = thetaq()
        .args(["exchange", "--memory", "--port", &port])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains(&port) && said.contains("--port"), "{said}");
}
