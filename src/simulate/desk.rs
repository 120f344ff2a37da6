//! The desk of a simulation: one exchange that outlives the processes, and the process that runs now.

use super::Scenario;
use crate::clock::{Clock, Random, Time};
use crate::config::Config;
use crate::ctx::Ctx;
use crate::db::{Db, leases};
use crate::domain::coin::Coin;
use crate::exchange::Exchange;
use crate::exchange::sim::SimExchange;
use crate::exchange::sim::faults::{FaultPlan, Faults};
use crate::exchange::sim::keeper::MemoryKeeper;
use crate::exchange::sim::market::Market;
use crate::market::synthetic::Synthetic;
use std::sync::Arc;

/// 2026-01-05, one second after 08:00 UTC: ticks come every four hours, and the day's first one trades while
/// the exchange settles.
const START_MS: i64 = 1_767_600_001_000;
/// The desk of a simulation.
const DESK: &str = "simulation";

pub(super) struct Rig {
    /// The process: as the desk sees the world, faults included.
    pub(super) ctx: Ctx,
    /// The database as checkers see it: no process of theirs dies.
    pub(super) db: Db,
    /// The same exchange without faults, for checkers.
    pub(super) truth: SimExchange,
    pub(super) faults: Faults,
    seed: u64,
    config: Arc<Config>,
}

impl Rig {
    pub(super) async fn new(db: Db, scenario: &Scenario) -> anyhow::Result<Self> {
        let config = Arc::new(config(scenario.seed));
        let plan = match scenario.fail_call {
            Some(number) => FaultPlan::only(number, scenario.seed),
            None => FaultPlan::from_seed(&scenario.seed.to_string()),
        };
        let faults = Faults::new(plan);
        let market = Market::Synthetic(Synthetic::new(&config.exchange.seed));
        let deposits = Coin::ALL
            .into_iter()
            .map(|coin| (coin.as_str().to_owned(), config.exchange.deposit(coin)))
            .collect();
        let truth = SimExchange::new(market, Arc::new(MemoryKeeper::default()), deposits);
        let ctx = process(&db, &config, &truth, &faults, (START_MS, scenario.seed, 0));
        ctx.open().await?;
        Ok(Self {
            ctx,
            db,
            truth,
            faults,
            seed: scenario.seed,
            config,
        })
    }

    /// Another process takes over after the dead one's leases have run out; `number` counts processes.
    pub(super) async fn restart(&mut self, number: u64) -> anyhow::Result<()> {
        let now_ms = self.ctx.clock.now_ms() + self.config.queue.lease_ms + 1;
        let who = (now_ms, self.seed, number);
        self.ctx = process(&self.db, &self.config, &self.truth, &self.faults, who);
        leases::recover(&self.db, DESK, now_ms).await?;
        Ok(())
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.ctx.clock.now_ms()
    }
}

fn process(
    db: &Db,
    config: &Arc<Config>,
    truth: &SimExchange,
    faults: &Faults,
    (now_ms, seed, number): (i64, u64, u64),
) -> Ctx {
    let parts = [DESK, &seed.to_string(), &number.to_string()].map(str::to_owned);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let clock = Clock::manual(now_ms, &parts);
    clock.set(Time::Manual { now_ms });
    Ctx {
        exchange: Exchange::Sim(truth.clone().failing(faults.clone())),
        ..Ctx::with_clock(db.another_process(), DESK, clock, config.clone())
    }
}

/// Orders are sent; calls are short, so that rolls and expiries happen within a fortnight; the rest varies.
fn config(seed: u64) -> Config {
    let mut random = Random::from_numbers(seed, 8, 0);
    let mut config = Config::default();
    config.exchange.seed = format!("simulation {seed}");
    config.exchange.speed = 1.0;
    config.desk.dry_run = false;
    config.desk.ivrv_min = Some(0.1);
    config.desk.dte_max = Some(2.0 + 5.0 * random.unit());
    config.desk.walk_steps = 1 + random.below(5) as u32;
    config.desk.post_only = random.unit() < 0.2;
    config.desk.max_calls_per_underlying = Some(1 + random.below(3) as u32);
    config
}
