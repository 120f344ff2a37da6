//! Paper mode: the quotes of a real exchange, fills of our own, and not one call that needs an account.

use crate::support::served::{START_MS, Server};
use crate::support::terminal::Terminal;
use serde_json::Value;
use std::time::Duration;
use thetaq::clock::{Clock, Stopwatch};
use thetaq::exchange::sim::faults::FaultPlan;
use thetaq::exchange::sim::http::Key;

const SPEED: f64 = 7_200.0;
const PATIENCE: Duration = Duration::from_secs(90);
/// Orders are sent, to the account that the desk keeps itself; short calls, so that some expire.
const PAPER: &str = "[exchange]\nkind = \"paper\"\n[desk]\ndry_run = false\nivrv_min = 0.1\n\
    dte_max = 2.5\nspread_max = 0.5\n[policy]\nroll_dte = 0.0\nroll_dte_itm = 0.0\nroll_dte_near = 0.0\n";

fn count(here: &Terminal, table: &str) -> usize {
    let rows = here.json(&["sql", "--query", &format!("select * from {table}")]);
    rows.as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paper_desk_trades_and_settles_without_a_private_call() {
    let wall_ms = Clock::real().wall_ms();
    let clock = Clock::scaled(START_MS, wall_ms, SPEED);
    let server = Server::with(FaultPlan::calm(), clock, Key::from_seed("served")).await;
    // A key is at hand and must not be used.
    let key = &server.key;
    let here = Terminal::new().at_exchange(&server.root, &key.client_id, &key.client_secret);
    here.write("workers.toml", PAPER);
    let desk = here.open(&["up", "--bind", "127.0.0.1:0"]);
    let watch = Stopwatch::start();
    while count(&here, "v_settlements") == 0 {
        assert!(watch.elapsed() < PATIENCE, "nothing was traded and settled");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(desk.stop(), 0);
    let fills = here.json(&["sql", "--query", "select source, fee, price from v_fills"]);
    for fill in fills.as_array().unwrap() {
        assert_eq!(
            fill["source"], "exchange",
            "matched by the built-in account: {fill}"
        );
        assert!(fill["fee"].as_f64().unwrap() > 0.0 && fill["price"].as_f64().unwrap() > 0.0);
    }
    let chains = here.json(&[
        "sql",
        "--query",
        "select distinct snapshot_source from v_decisions",
    ]);
    let read_from = chains[0]["snapshot_source"].as_str().unwrap();
    assert!(read_from.starts_with("deribit:127.0.0.1:"), "{read_from}");
    let halted = "select * from v_reconciliations where outcome <> 'agreed'";
    assert_eq!(
        here.json(&["sql", "--query", halted]),
        Value::Array(Vec::new())
    );

    let calls = server.calls.all();
    assert!(
        calls["public/get_book_summary_by_currency"].calls >= 4,
        "{calls:?}"
    );
    for (method, count) in &calls {
        assert!(
            method.starts_with("public/") && *method != "public/auth",
            "{calls:?}"
        );
        assert_eq!(
            count.authorized, 0,
            "{method} was called with a key: {calls:?}"
        );
    }
}
