//! Mistakes of the earlier system that only a whole desk can show; the others stand beside their module.

use crate::support::each_db;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use thetaq::clock::Clock;
use thetaq::config::Config;
use thetaq::ctx::Ctx;
use thetaq::db::{Db, decisions, equity, risk_lines};
use thetaq::domain::chain::Chain;
use thetaq::domain::coin::Coin;
use thetaq::domain::context::History;
use thetaq::exchange::Exchange;
use thetaq::exchange::sim::SimExchange;
use thetaq::exchange::sim::feed::{Answer, Feed};
use thetaq::exchange::sim::keeper::MemoryKeeper;
use thetaq::exchange::sim::market::Market;
use thetaq::jobs::drain::{Advance, run_until_idle};
use thetaq::jobs::tick::Tick;
use thetaq::jobs::{Options, enqueue, registry};
use thetaq::market::synthetic::Synthetic;

/// 2026-01-05 09:00 UTC.
const START_MS: i64 = 1_767_603_600_000;
const HOUR_MS: i64 = 3_600_000;

async fn tick(ctx: &Ctx, underlying: Coin) {
    let tick = Tick {
        underlying,
        as_of_ms: None,
    };
    let mut tx = ctx.db.begin().await.unwrap();
    enqueue(&mut tx, ctx, &tick, Options::default())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    run_until_idle(ctx, &registry::all(), Advance::Stay)
        .await
        .unwrap();
}

/// The synthetic market, counting how often it is asked for quotes.
#[derive(Debug)]
struct Counting {
    market: Synthetic,
    chains: AtomicUsize,
    contracts: AtomicUsize,
}

impl Feed for Counting {
    fn chain(&self, coin: Coin, at_ms: i64) -> Answer<'_, Option<Chain>> {
        let chain = self.market.chain(coin, at_ms);
        self.chains.fetch_add(1, Ordering::Relaxed);
        self.contracts.store(chain.quotes.len(), Ordering::Relaxed);
        Box::pin(async move { Ok(Some(chain)) })
    }

    fn times(&self, _: Coin, _: i64, _: i64) -> Answer<'_, Vec<i64>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn history(&self, coin: Coin, as_of_ms: i64) -> Answer<'_, History> {
        let history = self.market.history(coin, as_of_ms);
        Box::pin(async move { Ok(history) })
    }

    fn delivery_price(&self, coin: Coin, expiry_ms: i64) -> Answer<'_, Option<f64>> {
        let price = self.market.delivery_price(coin, expiry_ms);
        Box::pin(async move { Ok(Some(price)) })
    }
}

/// Mistake 22 of the earlier system: one ticker call per instrument, about 700 a tick.
#[tokio::test(flavor = "multi_thread")]
async fn mistake_22_a_tick_asks_for_the_whole_chain_at_once() {
    each_db(async |test| {
        let feed = Arc::new(Counting {
            market: Synthetic::new("counted"),
            chains: AtomicUsize::new(0),
            contracts: AtomicUsize::new(0),
        });
        let market = Market::Replay(feed.clone());
        let sim = SimExchange::new(
            market,
            Arc::new(MemoryKeeper::default()),
            BTreeMap::default(),
        );
        let clock = Clock::manual(START_MS, &["counted"]);
        let config = Arc::new(Config::default());
        let ctx = Ctx {
            exchange: Exchange::Sim(sim),
            ..Ctx::with_clock(test.db.clone(), "test", clock, config)
        };
        ctx.open().await.unwrap();
        tick(&ctx, Coin::Btc).await;
        let row = &decisions::all(&ctx.db, "test").await.unwrap()[0];
        assert_eq!(
            (row.error.as_ref(), row.candidates > 100),
            (None, true),
            "{row:?}"
        );
        let asked = feed.chains.load(Ordering::Relaxed);
        let contracts = feed.contracts.load(Ordering::Relaxed);
        assert!(
            asked <= 2 && contracts > 300,
            "{asked} calls for {contracts} contracts"
        );
    })
    .await;
}

/// Ticks every two hours; with `restarts`, each in a process of its own as far as memory goes.
async fn day(url: &str, desk: &str, restarts: bool) -> Vec<(String, String, Vec<String>)> {
    let config = Config::parse("[desk]\ndaily_drawdown_limit = 0.002", "test").unwrap();
    let open = async |now_ms: i64| {
        let clock = Clock::manual(now_ms, &["day", desk, &now_ms.to_string()]);
        let db = Db::open(url).await.unwrap();
        let ctx = Ctx::with_clock(db, desk, clock, Arc::new(config.clone()));
        ctx.open().await.unwrap();
        ctx
    };
    let mut ctx = open(START_MS).await;
    for n in 0..7 {
        let now_ms = START_MS + n * 2 * HOUR_MS;
        ctx = if restarts {
            open(now_ms).await
        } else {
            ctx.clock.set(thetaq::clock::Time::Manual { now_ms });
            ctx
        };
        tick(&ctx, Coin::Btc).await;
    }
    let mut said = Vec::new();
    for row in decisions::all(&ctx.db, desk).await.unwrap() {
        let lines = risk_lines::of_decision(&ctx.db, &row.id).await.unwrap();
        let lines = lines
            .iter()
            .map(|line| format!("{} {:?}", line.check_name, line.value));
        said.push((row.final_action, row.reason, lines.collect()));
    }
    let peak = equity::peak_e8(&ctx.db, desk, Coin::Btc, 0, i64::MAX)
        .await
        .unwrap();
    said.push(("peak".to_owned(), format!("{peak:?}"), Vec::new()));
    said
}

/// Mistake 23 of the earlier system: status, peaks and runs were kept in memory and gone after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn mistake_23_a_desk_restarted_at_every_tick_decides_as_if_it_never_stopped() {
    each_db(async |test| {
        let steady = day(&test.url, "steady", false).await;
        let restarted = day(&test.url, "restarted", true).await;
        assert_eq!(steady.len(), 8);
        assert!(
            steady
                .iter()
                .any(|(_, _, lines)| lines.iter().any(|line| line.contains("drawdown")))
        );
        assert_eq!(steady, restarted);
    })
    .await;
}
