//! History from the exchange over real HTTP: whole, once, under faults, and on after a kill.

use crate::support::served::{START_MS, Server};
use crate::support::{TestDb, each_db, sqlite, thetaq};
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use thetaq::clock::{Clock, Stopwatch};
use thetaq::config::Config;
use thetaq::ctx::Ctx;
use thetaq::db::{backtests, chains, coverage, history, jobs, prints};
use thetaq::domain::chain::Source;
use thetaq::domain::coin::Coin;
use thetaq::domain::tape::Print;
use thetaq::exchange::sim::faults::{FaultKind, FaultPlan};
use thetaq::jobs::drain::run_inline;
use thetaq::jobs::{Options, registry};
use thetaq::market::synthetic::Synthetic;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Midnight of the server's second day back.
const FROM_MS: i64 = START_MS - 9 * HOUR_MS - 2 * DAY_MS;

/// A desk whose exchange is the server.
fn desk(test: &TestDb, server: &Server) -> Ctx {
    let mut config = Config::default();
    config.set_exchange_url(&server.root).unwrap();
    let clock = Clock::manual(START_MS, &["fetch", &server.root]);
    Ctx::with_clock(test.db.clone(), "test", clock, Arc::new(config))
}

/// Runs a fetch to its end and gives its row.
async fn run(ctx: &Ctx, args: Value) -> jobs::JobRow {
    run_of(ctx, "fetch_history", args).await
}

async fn run_of(ctx: &Ctx, kind: &str, args: Value) -> jobs::JobRow {
    let registry = registry::all();
    let options = Options::default();
    let job = registry.enqueue_alone(ctx, kind, args, options);
    let id = job.await.unwrap().id;
    run_inline(ctx, &registry, &id).await.unwrap().unwrap()
}

async fn fetched(ctx: &Ctx, args: Value) -> Value {
    let row = run(ctx, args).await;
    assert_eq!(row.state, "succeeded", "{:?}", row.error);
    row.result.unwrap()
}

fn args(from_ms: i64, to_ms: i64) -> Value {
    json!({"underlying": "BTC", "from_ms": from_ms, "to_ms": to_ms})
}

fn part<'a>(report: &'a Value, what: &str) -> &'a Value {
    let parts = report["parts"].as_array().unwrap();
    parts.iter().find(|part| part["what"] == what).unwrap()
}

/// The tape as the server itself lists it, newest first in pages of an odd size, with a client of its own.
async fn tape(server: &Server, from_ms: i64, to_ms: i64) -> Vec<Value> {
    let (mut end_ms, mut found) = (to_ms - 1, Vec::<Value>::new());
    loop {
        let params = json!({"currency": "BTC", "kind": "option", "start_timestamp": from_ms,
            "end_timestamp": end_ms, "count": 337, "sorting": "desc"});
        let method = "public/get_last_trades_by_currency_and_time";
        let page = server.ok(method, params).await;
        for trade in page["trades"].as_array().unwrap() {
            if !found.contains(trade) {
                found.push(trade.clone());
            }
        }
        if page["has_more"] != true {
            found.reverse();
            return found;
        }
        end_ms = found.last().unwrap()["timestamp"].as_i64().unwrap();
    }
}

fn assert_same(stored: &[Print], listed: &[Value]) {
    assert_eq!(stored.len(), listed.len());
    for (print, trade) in stored.iter().zip(listed) {
        let iv = print.iv.map_or(0.0, |iv| (iv * 1e4).round() / 100.0);
        let shown = json!([
            print.trade_id,
            print.at_ms,
            print.instrument.name(),
            print.side.as_str(),
            print.price,
            print.amount,
            iv,
            print.mark_price,
            print.index_price,
        ]);
        let names = [
            "trade_id",
            "timestamp",
            "instrument_name",
            "direction",
            "price",
            "amount",
            "iv",
            "mark_price",
            "index_price",
        ];
        assert_eq!(
            shown,
            Value::from(names.map(|name| trade[name].clone()).to_vec())
        );
        assert!(!print.is_block && !print.is_liquidation);
    }
}

async fn stored(test: &TestDb, server: &Server, to_ms: i64) -> Vec<Print> {
    let source = source(server);
    prints::between(&test.db, &source, Coin::Btc, 0, to_ms)
        .await
        .unwrap()
}

fn source(server: &Server) -> String {
    format!("deribit:{}", server.root.strip_prefix("http://").unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_the_exchange_shows_is_stored_once_and_only_what_is_missing_is_asked_for() {
    each_db(async |test| {
        let server = Server::history(FaultPlan::calm()).await;
        let ctx = desk(&test, &server);
        let end_ms = START_MS - 12 * HOUR_MS;
        let first = fetched(&ctx, args(FROM_MS, end_ms)).await;
        let listed = tape(&server, FROM_MS, end_ms).await;
        assert!(listed.len() > 1_000, "more than a page: {}", listed.len());
        assert_same(&stored(&test, &server, i64::MAX).await, &listed);
        let trades = part(&first, "trades");
        assert_eq!(trades["inserted"], listed.len());
        let pages = trades["pages"].as_i64().unwrap();
        assert_eq!(
            trades["rows"].as_i64().unwrap(),
            listed.len() as i64 + pages - 1
        );

        let calls = server.faults.calls();
        let again = fetched(&ctx, args(FROM_MS, end_ms)).await;
        assert_eq!(
            server.faults.calls(),
            calls + 1,
            "the time, and nothing else"
        );
        assert_eq!(part(&again, "trades")["pages"], 0);

        // Longer on both sides: two more gaps, and nothing of the running hour.
        let longer = fetched(&ctx, args(FROM_MS - DAY_MS, START_MS + DAY_MS)).await;
        assert_eq!(part(&longer, "trades")["existing"], 0);
        let whole_ms = START_MS - HOUR_MS;
        assert_eq!(part(&longer, "trades")["to_ms"], whole_ms);
        let listed = tape(&server, FROM_MS - DAY_MS, whole_ms).await;
        assert_same(&stored(&test, &server, i64::MAX).await, &listed);
        series_are_the_servers_own(&test, &server).await;
        let rows = coverage::coverage(&test.db).await.unwrap();
        let days = rows.iter().filter(|row| row.kind == "trades");
        assert_eq!(
            days.map(|row| row.snapshots).sum::<i64>(),
            listed.len() as i64
        );
        test.db.close().await;
    })
    .await;
}

/// Delivery prices, closes and candles of `[FROM_MS - DAY_MS, START_MS)`, asked for once more by hand.
async fn series_are_the_servers_own(test: &TestDb, server: &Server) {
    let from_ms = FROM_MS - DAY_MS;
    let prices = json!({"index_name": "btc_usd", "count": 20});
    let prices = server.ok("public/get_delivery_prices", prices).await;
    let closes = history::closes(&test.db, Coin::Btc, i64::MAX)
        .await
        .unwrap();
    assert_eq!(closes.len(), 3, "{closes:?}");
    for (price, (at_ms, stored)) in prices["data"].as_array().unwrap()[1..]
        .iter()
        .zip(closes.iter().rev())
    {
        assert_eq!(price["delivery_price"], json!(stored));
        let day = chrono::DateTime::from_timestamp_millis(*at_ms).unwrap();
        assert_eq!(price["date"], day.format("%Y-%m-%d").to_string());
    }
    let dvol = json!({"currency": "BTC", "start_timestamp": from_ms,
        "end_timestamp": START_MS - DAY_MS, "resolution": "1D"});
    let dvol = server.ok("public/get_volatility_index_data", dvol).await;
    let closes: Vec<Value> = history::volatility_index(&test.db, Coin::Btc, i64::MAX)
        .await
        .unwrap()
        .iter()
        .map(|(end_ms, close)| json!([end_ms - DAY_MS, (close * 1e4).round() / 100.0]))
        .collect();
    let shown = dvol["data"].as_array().unwrap().iter();
    assert_eq!(
        closes,
        shown.map(|day| json!([day[0], day[4]])).collect::<Vec<_>>()
    );
    let rows = coverage::coverage(&test.db).await.unwrap();
    let candles = rows.iter().filter(|row| row.kind == "candles");
    let hours: i64 = candles.map(|row| row.snapshots).sum();
    assert_eq!(hours, (START_MS - HOUR_MS - from_ms) / HOUR_MS);
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_cost_time_and_not_a_single_row() {
    let end_ms = START_MS - 8 * HOUR_MS;
    let whole = Server::history(FaultPlan::calm()).await;
    let listed = tape(&whole, FROM_MS - 2 * DAY_MS, end_ms).await;
    for seed in ["1", "2", "3"] {
        let test = sqlite().await;
        let mut plan = FaultPlan::from_seed(seed).late_by_at_most(50);
        for kind in [
            FaultKind::AnswerLost,
            FaultKind::Truncated,
            FaultKind::Html,
            FaultKind::ServerError,
        ] {
            plan = plan.with(kind, 0.08);
        }
        let server = Server::history(plan).await;
        let ctx = desk(&test, &server);
        let report = fetched(&ctx, args(FROM_MS - 2 * DAY_MS, end_ms)).await;
        assert_eq!(
            part(&report, "trades")["inserted"],
            listed.len(),
            "seed {seed}"
        );
        assert_same(&stored(&test, &server, i64::MAX).await, &listed);
        let struck: u64 = server
            .faults
            .injected()
            .iter()
            .map(|(_, count)| count)
            .sum();
        assert!(struck > 0, "seed {seed} struck nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_forgot_is_not_believed_and_markets_are_not_mixed() {
    let test = sqlite().await;
    let server = Server::start(FaultPlan::calm()).await;
    let ctx = desk(&test, &server);
    let row = run(&ctx, args(FROM_MS, START_MS)).await;
    let error = row.error.unwrap();
    assert_eq!(row.state, "discarded");
    assert!(
        error.contains("keeps only the last day") && error.contains("--history"),
        "{error}"
    );
    assert_eq!(stored(&test, &server, i64::MAX).await, []);

    let other = Server::history(FaultPlan::calm()).await;
    let ctx = desk(&test, &other);
    let row = run(&ctx, args(FROM_MS, START_MS)).await;
    let error = row.error.unwrap();
    assert_eq!(row.state, "discarded");
    assert!(
        error.contains("another market's") && error.contains("--database-url"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_fetch_keeps_its_pages() {
    let test = sqlite().await;
    let server = Server::history(late()).await;
    let ctx = desk(&test, &server);
    let registry = registry::all();
    let options = Options::default();
    let wanted = args(FROM_MS - 20 * DAY_MS, START_MS);
    let job = registry.enqueue_alone(&ctx, "fetch_history", wanted, options);
    let id = job.await.unwrap().id;
    let stop = async {
        while stored(&test, &server, i64::MAX).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut tx = test.db.begin().await.unwrap();
        thetaq::db::jobs_control::cancel(&mut tx, &ctx.clock, &id)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    };
    let (row, ()) = tokio::join!(run_inline(&ctx, &registry, &id), stop);
    assert_eq!(row.unwrap().unwrap().state, "cancelled");
    let kept = stored(&test, &server, i64::MAX).await;
    server.faults.stop();
    assert_eq!(kept, stored(&test, &server, i64::MAX).await);
    assert!(
        kept.len()
            < tape(&server, FROM_MS - 20 * DAY_MS, START_MS - HOUR_MS)
                .await
                .len()
    );
}

/// Every answer takes a while.
fn late() -> FaultPlan {
    FaultPlan::calm()
        .with(FaultKind::AnswerLate, 1.0)
        .late_by_at_most(400)
}

/// The real program, killed as by `kill -9` when the first trades are stored.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_fetch_goes_on_after_its_last_page() {
    each_db(async |test| {
        let server = Server::history(late()).await;
        let folder = tempfile::tempdir().unwrap();
        let mut child = program(&test, &server, folder.path()).spawn().unwrap();
        let watch = Stopwatch::start();
        while stored(&test, &server, i64::MAX).await.len() < 1_500 {
            assert!(watch.elapsed() < Duration::from_mins(1), "nothing comes");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        kill(&mut child);
        let before = stored(&test, &server, i64::MAX).await;
        server.faults.stop();
        let listed = tape(&server, FROM_MS - 8 * DAY_MS, START_MS - 9 * HOUR_MS).await;
        assert!(before.len() < listed.len(), "it was killed in the middle");
        let mut command = program(&test, &server, folder.path());
        let done = tokio::task::spawn_blocking(move || command.stdout(Stdio::piped()).output());
        let done = done.await.unwrap().unwrap();
        assert!(done.status.success());
        let report: Value = serde_json::from_slice(&done.stdout).unwrap();
        let trades = part(&report, "trades");
        // The trade that ended the last page begins the next one.
        assert_eq!(
            trades["existing"].as_i64(),
            Some(trades["pages"].as_i64().unwrap())
        );
        assert_eq!(trades["inserted"], listed.len() - before.len());
        assert_same(&stored(&test, &server, i64::MAX).await, &listed);
        test.db.close().await;
    })
    .await;
}

fn program(test: &TestDb, server: &Server, folder: &std::path::Path) -> Command {
    let mut command = thetaq();
    command
        .current_dir(folder)
        .args([
            "fetch-history",
            "--underlying",
            "BTC",
            "--json",
            "--database-url",
            &test.url,
        ])
        .args([
            "--url",
            &server.root,
            "--from",
            "2025-12-26",
            "--to",
            "2026-01-04",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Chains of the trades are read like any other source, stand in for what was quoted, and are made once.
#[tokio::test(flavor = "multi_thread")]
async fn chains_are_rebuilt_from_the_trades_and_read_like_any_other() {
    each_db(async |test| {
        let server = Server::history(FaultPlan::calm()).await;
        let ctx = desk(&test, &server);
        let from_ms = FROM_MS - 2 * DAY_MS;
        let mut wanted = args(from_ms, FROM_MS + DAY_MS);
        wanted["rebuild_ms"] = json!(6 * HOUR_MS);
        let report = fetched(&ctx, wanted.clone()).await;
        let made = &report["rebuilt"];
        let rebuilt = source(&server).replace("deribit", chains::REBUILT);
        assert_eq!(made["source"], rebuilt);
        assert_eq!(
            (&made["existing"], made["chains"].as_i64()),
            (&json!(0), Some(12)),
            "{made}"
        );
        assert_eq!(made["without"], 1, "nothing is known at the first instant");
        assert!(
            made["from_prints"].as_i64() > Some(0)
                && made["from_prints"].as_i64() < made["quotes"].as_i64()
        );

        let last_ms = FROM_MS + DAY_MS;
        let mut scan = chains::scan(&test.db, &rebuilt, Coin::Btc, from_ms, last_ms);
        let (mut times, mut misses) = (Vec::new(), Vec::new());
        let market = Synthetic::new("served");
        while let Some(chain) = scan.next().await {
            let chain = chain.unwrap();
            assert_eq!(chain.source, Source::Model);
            times.push(chain.at_ms);
            let real = market.chain(Coin::Btc, chain.at_ms);
            for quote in chain.dte_band(2.0, 30.0) {
                let shown = real.quote(&quote.instrument).expect("listed by then");
                if (0.15..0.5).contains(&shown.delta.unwrap().abs()) {
                    misses.push((quote.mark_iv.unwrap() - shown.mark_iv.unwrap()).abs());
                }
            }
        }
        assert!(times.is_sorted() && times.last() == Some(&last_ms) && times.len() == 12);
        misses.sort_by(f64::total_cmp);
        assert!(
            misses[misses.len() / 2] < 0.015,
            "median of {}: {}",
            misses.len(),
            misses[misses.len() / 2]
        );
        let rows = chains::quotes(&test.db, &rebuilt, Coin::Btc, last_ms)
            .await
            .unwrap()
            .unwrap();
        let flags: std::collections::BTreeSet<&str> = rows
            .quotes
            .iter()
            .filter_map(|row| row.flag.as_deref())
            .collect();
        assert!(flags.iter().copied().eq(["model", "print"]));
        assert_eq!(rows.index_source, "model");

        let again = fetched(&ctx, wanted.clone()).await;
        let made = &again["rebuilt"];
        assert_eq!(
            (&made["chains"], &made["existing"]),
            (&json!(0), &json!(12))
        );

        assert_sells(&ctx, &rebuilt, (from_ms, last_ms)).await;

        let other = json!({"underlying": "BTC", "from_ms": from_ms - DAY_MS, "to_ms": from_ms,
            "what": ["deliveries"], "rebuild_ms": HOUR_MS});
        let row = run(&ctx, other).await;
        assert_eq!(row.state, "discarded");
        assert!(row.error.unwrap().contains("add trades to --what"));
        test.db.close().await;
    })
    .await;
}

/// Nobody knows the open interest of a rebuilt chain: a limit on it keeps every call, none keeps nothing.
async fn assert_sells(ctx: &Ctx, source: &str, (from_ms, to_ms): (i64, i64)) {
    for (limit, sells) in [(50.0, false), (0.0, true)] {
        let settings = json!({"from_ms": from_ms, "to_ms": to_ms, "exit": "hold_to_expiry",
            "policy": "always", "spread_max": 2.0, "open_interest_min": limit});
        let args = json!({"source": source, "settings": settings});
        let row = run_of(ctx, "backtest", args).await;
        assert_eq!(row.state, "succeeded", "{:?}", row.error);
        let done = row.result.unwrap();
        let chains = done["chains"].as_i64().unwrap();
        assert_eq!(chains > 0, sells, "{chains} chains with a limit of {limit}");
        let id = done["backtest"].as_str().unwrap();
        let run = backtests::document(&ctx.db, id).await.unwrap().unwrap();
        let why = &run["metrics"]["obstacles"][0];
        assert_eq!(why["what"] == "open_interest", !sells, "{why}");
        let named = why["text"].as_str().unwrap_or_default();
        assert_eq!(
            named.contains("--set open_interest_min=0"),
            !sells,
            "{named}"
        );
    }
}
