//! `thetaq doctor --exchange` before a simulated exchange: what it finds, what it advises, what it hides.

use crate::support::served::Server;
use crate::support::terminal::{Ran, Terminal};
use serde_json::{Value, json};
use thetaq::clock::{Clock, Time};
use thetaq::exchange::sim::faults::FaultPlan;
use thetaq::exchange::sim::http::Key;

const LINE: [&str; 2] = ["doctor", "--exchange"];

/// A calm exchange whose time is the wall's, and a key of some scope.
async fn exchange(scope: Option<&str>) -> Server {
    let now_ms = Clock::real().wall_ms();
    let mut key = Key::from_seed("served");
    if let Some(scope) = scope {
        scope.clone_into(&mut key.scope);
    }
    Server::with(FaultPlan::calm(), Clock::manual(now_ms, &["doctor"]), key).await
}

fn with_its_key(server: &Server) -> Terminal {
    let key = &server.key;
    Terminal::new().at_exchange(&server.root, &key.client_id, &key.client_secret)
}

/// The checks of a run that ended with this code.
fn checks(ran: &Ran, code: i32) -> Vec<Value> {
    assert_eq!(ran.code, code, "{ran:?}");
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let checks = document["checks"].as_array().unwrap().clone();
    for check in &checks {
        for field in ["name", "ok", "value", "threshold", "advice"] {
            assert!(check.get(field).is_some(), "{field} of {check}");
        }
        let advised = !check["advice"].as_str().unwrap().is_empty();
        assert_eq!(check["ok"] == json!(false), advised, "{check}");
    }
    checks
}

fn run(here: &Terminal) -> Ran {
    here.run(&[&LINE[..], &["--json"]].concat())
}

fn wrong(checks: &[Value]) -> Vec<&str> {
    let wrong = checks.iter().filter(|check| check["ok"] == json!(false));
    wrong.map(|check| check["name"].as_str().unwrap()).collect()
}

fn one<'a>(checks: &'a [Value], name: &str) -> &'a Value {
    let found = checks.iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("no check {name} in {checks:#?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_key_passes_every_check_and_is_never_printed() {
    let server = exchange(None).await;
    let here = with_its_key(&server);
    let ran = run(&here);
    let checks = checks(&ran, 0);
    let names: Vec<&str> = checks
        .iter()
        .filter_map(|check| check["name"].as_str())
        .collect();
    let expected = [
        "orders",
        "keys",
        "exchange",
        "clock",
        "authentication",
        "scopes",
        "balance_btc",
        "smallest_order_btc",
        "balance_eth",
        "smallest_order_eth",
        "credits",
    ];
    assert_eq!(names, expected);
    let order = one(&checks, "smallest_order_btc");
    assert_eq!(order["value"]["size"], json!("0.1"));
    assert!(
        order["value"]["instrument"]
            .as_str()
            .unwrap()
            .ends_with("-C"),
        "{order}"
    );
    assert_eq!(one(&checks, "balance_btc")["value"]["equity"], json!("2"));
    let orders = &one(&checks, "orders")["value"];
    assert_eq!(orders["sent"], json!(false));
    let missing = orders["missing_for_main"].as_array().unwrap().len();
    assert_eq!(missing, 3, "three settings of their own: {orders}");
    let said = format!("{}{}{}", ran.out, ran.err, here.text(&LINE));
    let key = &server.key;
    assert!(
        !said.contains(&key.client_secret) && !said.contains(&key.client_id),
        "{said}"
    );
    // Everything was read, nothing ordered.
    let orders = server
        .ok("private/get_open_orders", json!({"kind": "option"}))
        .await;
    assert_eq!(orders, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_the_variables_are_named() {
    let server = exchange(None).await;
    let here = Terminal::new().at_exchange(&server.root, "", "");
    let checks = checks(&run(&here), 1);
    assert_eq!(wrong(&checks), ["keys"]);
    let advice = one(&checks, "keys")["advice"].to_string();
    assert!(
        advice.contains("THETAQ_DERIBIT_CLIENT_ID")
            && advice.contains("THETAQ_DERIBIT_CLIENT_SECRET"),
        "{advice}"
    );
    let half = Terminal::new().at_exchange(&server.root, "an-id", "");
    let said = one(&self::checks(&run(&half), 1), "keys").to_string();
    assert!(
        said.contains("both or neither") && !said.contains("an-id"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_and_a_small_scope_are_told_apart() {
    let server = exchange(None).await;
    let id = server.key.client_id.clone();
    let ran = run(&Terminal::new().at_exchange(&server.root, &id, "not-the-secret"));
    let found = checks(&ran, 1);
    assert_eq!(wrong(&found), ["authentication"]);
    assert!(!ran.out.contains("not-the-secret"), "{}", ran.out);

    let reads = exchange(Some("account:read trade:read")).await;
    let found = checks(&run(&with_its_key(&reads)), 1);
    assert_eq!(wrong(&found), ["scopes"]);
    let scopes = one(&found, "scopes");
    assert!(
        scopes["advice"].to_string().contains("trade:read_write"),
        "{scopes}"
    );

    let blind = exchange(Some("trade:read_write")).await;
    let found = checks(&run(&with_its_key(&blind)), 1);
    assert_eq!(wrong(&found), ["scopes"]);
    assert!(
        one(&found, "scopes")["value"]
            .to_string()
            .contains("account:read")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skewed_clock_and_a_silent_exchange_are_said() {
    let server = exchange(None).await;
    let now_ms = Clock::real().wall_ms() + 60_000;
    server.clock.set(Time::Manual { now_ms });
    let found = checks(&run(&with_its_key(&server)), 1);
    assert_eq!(wrong(&found), ["clock"]);
    let ahead_ms = one(&found, "clock")["value"]["ahead_ms"].as_i64().unwrap();
    assert!((50_000..=60_000).contains(&ahead_ms), "{ahead_ms}");

    let gone = Terminal::new().at_exchange("http://127.0.0.1:1/api/v2", "an-id", "a-secret");
    let ran = run(&gone);
    let found = checks(&ran, 1);
    assert_eq!(wrong(&found), ["exchange"]);
    assert!(
        one(&found, "exchange")["value"]
            .to_string()
            .contains("127.0.0.1:1")
    );
    assert!(ran.err.contains("1 of 3 checks failed"), "{}", ran.err);
}

/// An exchange that lives in a time of its own is no exchange with a wrong clock.
#[tokio::test(flavor = "multi_thread")]
async fn an_accelerated_exchange_is_followed() {
    let wall_ms = Clock::real().wall_ms();
    let clock = Clock::scaled(crate::support::served::START_MS, wall_ms, 600.0);
    let server = Server::with(FaultPlan::calm(), clock, Key::from_seed("served")).await;
    let found = checks(&run(&with_its_key(&server)), 0);
    assert_eq!(one(&found, "exchange")["value"]["speed"], json!(600.0));
}
