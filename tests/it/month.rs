//! Two processes, as a person runs them: an accelerated exchange with faults, and a desk that lives in its
//! time, trades on it over HTTP and agrees with it to the satoshi.

use crate::support::served_process::Running;
use crate::support::terminal::Terminal;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use thetaq::clock::Stopwatch;

/// A day passes in six seconds.
const SPEED: &str = "14400";
/// Calls are held to expiry and short enough that some expire within the test.
const DESK: &str = "[desk]\ndry_run = false\nivrv_min = 0.1\ndte_max = 2.5\nspread_max = 0.5\n\
    [policy]\nroll_dte = 0.0\nroll_dte_itm = 0.0\nroll_dte_near = 0.0\n";
/// Far beyond what it takes, for a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(150);

fn count(here: &Terminal, sql: &str) -> i64 {
    let rows = here.json(&["sql", "--query", sql]);
    rows[0]
        .as_object()
        .unwrap()
        .values()
        .next()
        .unwrap()
        .as_i64()
        .unwrap()
}

/// Runs a job of both coins in this process or in the desk's; an attempt that meets a fault is repeated.
fn job(here: &Terminal, kind: &str) -> Vec<Value> {
    let of = |coin: &str| {
        let args = json!({ "underlying": coin }).to_string();
        let ran = here.json(&["enqueue", kind, "--args", &args, "--wait"]);
        ran["result"].clone()
    };
    ["BTC", "ETH"].map(of).to_vec()
}

/// Contracts and signed sizes as the desk's rows have them.
fn ours(here: &Terminal) -> BTreeMap<String, f64> {
    let held = here.json(&["positions"]);
    let rows = held.as_array().unwrap().iter();
    rows.map(|row| {
        (
            row["instrument"].as_str().unwrap().to_owned(),
            row["size"].as_f64().unwrap(),
        )
    })
    .collect()
}

async fn theirs(exchange: &Running) -> BTreeMap<String, f64> {
    let held = exchange
        .patiently(
            "private/get_positions",
            json!({ "currency": "any", "kind": "option" }),
        )
        .await;
    let rows = held.as_array().unwrap().iter();
    rows.map(|row| {
        (
            row["instrument_name"].as_str().unwrap().to_owned(),
            row["size"].as_f64().unwrap(),
        )
    })
    .filter(|(_, size)| *size != 0.0)
    .collect()
}

async fn cash_agrees(here: &Terminal, exchange: &Running, coin: &str) {
    let sql = format!(
        "select sum(amount) as balance from (select amount from v_deposits where currency = '{coin}' \
         union all select cash from v_positions where currency = '{coin}') as booked"
    );
    let ours = here.json(&["sql", "--query", &sql])[0]["balance"]
        .as_f64()
        .unwrap();
    let account = exchange
        .patiently("private/get_account_summary", json!({ "currency": coin }))
        .await;
    let theirs = account["balance"].as_f64().unwrap();
    assert!(
        (ours - theirs).abs() < 1e-8,
        "{coin}: {ours} here, {theirs} there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn days_of_trading_over_http_under_faults_end_reconciled() {
    let exchange = Running::start(&[
        "--memory", "--speed", SPEED, "--seed", "month", "--faults", "13",
    ]);
    let here = Terminal::new().at_exchange(
        &exchange.text("url"),
        &exchange.text("client_id"),
        &exchange.text("client_secret"),
    );
    here.write("workers.toml", DESK);
    let desk = here.open(&["up", "--bind", "127.0.0.1:0"]);
    let watch = Stopwatch::start();
    let enough = |here: &Terminal| {
        count(here, "select count(*) from v_settlements") >= 1
            && count(here, "select count(*) from v_fills") >= 3
    };
    while !enough(&here) {
        assert!(watch.elapsed() < PATIENCE, "too little was traded");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(desk.stop(), 0);

    // Time goes on at the exchange: what expired meanwhile is settled before the books are compared.
    for _ in 0..5 {
        job(&here, "settle");
        let compared = job(&here, "reconcile");
        if compared
            .iter()
            .all(|result| result["outcome"] == json!("agreed"))
            && ours(&here) == theirs(&exchange).await
        {
            break;
        }
    }
    assert_eq!(ours(&here), theirs(&exchange).await);
    cash_agrees(&here, &exchange, "BTC").await;
    cash_agrees(&here, &exchange, "ETH").await;
    let open = exchange
        .patiently("private/get_open_orders", json!({ "kind": "option" }))
        .await;
    assert_eq!(open, json!([]), "nothing rests while nobody works");
    let halted = "select count(*) from v_reconciliations where outcome <> 'agreed'";
    assert_eq!(count(&here, halted), 0);
    let unfinished = "select count(*) from v_orders where state in ('intended', 'open')";
    assert_eq!(count(&here, unfinished), 0);
    let status = here.json(&[
        "sql",
        "--query",
        "select state, speed from v_desks where id = 'live'",
    ]);
    assert_eq!(status[0], json!({ "state": "running", "speed": 14_400.0 }));
    let faults = exchange.stop();
    eprintln!("after {:?}: {faults}", watch.elapsed());
    let kinds = faults.matches(", ").count() + 1;
    assert!(
        kinds >= 4 && faults.contains("answer_lost"),
        "too little went wrong: {faults}"
    );
}
