//! `thetaq exchange`: the built-in exchange on a port, speaking Deribit's JSON-RPC.

use super::Usage;
use super::output::print;
use super::session::Session;
use super::work::stop_on_signal;
use crate::clock::Clock;
use crate::config::MarketKind;
use crate::db::feed::DbFeed;
use crate::db::venues::VenueKeeper;
use crate::db::{Db, chains};
use crate::domain::coin::Coin;
use crate::domain::instrument::DAY_MS;
use crate::exchange::sim::SimExchange;
use crate::exchange::sim::faults::{FaultPlan, Faults};
use crate::exchange::sim::http::{Calls, Key, Served, serve};
use crate::exchange::sim::keeper::{Keeper, MemoryKeeper};
use crate::exchange::sim::market::Market;
use crate::exchange::sim::venue::Retention;
use crate::market::synthetic::Synthetic;
use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serve the built-in exchange on a port of this machine, as Deribit's API
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq exchange --port 9901\n  thetaq exchange --port 9901 --market replay --speed 720\n  thetaq exchange --port 9901 --seed 7 --faults 7 --memory\n  thetaq exchange --port 9901 --history\n\nOne line says the address and the key. The book is kept in the database and goes on where it\nstopped; --memory forgets it. Only programs of this machine reach the port."
)]
pub(super) struct Exchange {
    /// Port on 127.0.0.1; 0 takes any free one
    #[arg(long, default_value_t = 9901)]
    port: u16,
    /// Prices: synthetic (from the seed) or replay (imported chains); [exchange] market when absent
    #[arg(long, value_enum)]
    market: Option<MarketName>,
    /// Exchange seconds per second; [exchange] speed when absent
    #[arg(long)]
    speed: Option<f64>,
    /// Seed of the synthetic market and of the key; [exchange] seed when absent
    #[arg(long)]
    seed: Option<String>,
    /// Inject faults by the plan of this seed
    #[arg(long, value_name = "SEED")]
    faults: Option<String>,
    /// Keep the book in memory
    #[arg(long)]
    memory: bool,
    /// Show all trades of the past, others' included, as Deribit's history host does
    #[arg(long)]
    history: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MarketName {
    Synthetic,
    Replay,
}

impl Exchange {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let config = &session.config.exchange;
        let speed = self.speed.unwrap_or(config.speed);
        if !(speed > 0.0 && speed <= 1e6) {
            return Err(Usage("--speed: must be above 0 and at most 1000000".to_owned()).into());
        }
        let seed = self.seed.clone().unwrap_or_else(|| config.seed.clone());
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let listener = TcpListener::bind(address).await;
        let listener = listener
            .with_context(|| format!("cannot serve on {address}; choose another --port"))?;
        let sim = self.exchange(session, &seed).await?;
        let faults = Faults::new(self.plan(speed));
        let served = Served {
            clock: clock(session, &sim, speed).await?,
            key: Key::from_seed(&seed),
            faults: faults.clone(),
            calls: Calls::default(),
            history: self.history,
            sim,
        };
        // Whoever reads the announcement may stop it at once.
        let stop = stop_on_signal()?;
        self.announce(session, &served, listener.local_addr()?, speed)?;
        let (sim, clock) = (served.sim.clone(), served.clock.clone());
        let serving = async {
            // Whatever ends one half ends the other.
            let _guard = stop.clone().drop_guard();
            serve(served, listener, stop.clone()).await
        };
        let (served, ()) = tokio::join!(serving, keep_time(&sim, &clock, &stop));
        served?;
        report(&faults);
        Ok(())
    }

    async fn exchange(&self, session: &Session, seed: &str) -> anyhow::Result<SimExchange> {
        let name = self.market_name(session);
        let needs_rows = name == MarketName::Replay || !self.memory;
        let db = if needs_rows {
            Some(session.db().await?)
        } else {
            None
        };
        let market = match (name, &db) {
            (MarketName::Replay, Some(db)) => {
                Market::Replay(Arc::new(DbFeed::new(db.clone(), chains::RECORDED)))
            }
            _ => Market::Synthetic(Synthetic::new(seed)),
        };
        let config = &session.config.exchange;
        let deposits = Coin::ALL.map(|coin| (coin.as_str().to_owned(), config.deposit(coin)));
        let keeper = self.keeper(db, name, seed);
        let sim = SimExchange::new(market, keeper, deposits.into_iter().collect());
        Ok(sim.remembering(ARCHIVE))
    }

    /// Every market and seed has a book of its own.
    fn keeper(&self, db: Option<Db>, market: MarketName, seed: &str) -> Arc<dyn Keeper> {
        let market = match market {
            MarketName::Synthetic => "synthetic",
            MarketName::Replay => "replay",
        };
        match db {
            Some(db) if !self.memory => {
                Arc::new(VenueKeeper::new(db, format!("exchange:{market}:{seed}")))
            }
            _ => Arc::new(MemoryKeeper::default()),
        }
    }

    fn market_name(&self, session: &Session) -> MarketName {
        let configured = match session.config.exchange.market {
            MarketKind::Synthetic => MarketName::Synthetic,
            MarketKind::Replay => MarketName::Replay,
        };
        self.market.unwrap_or(configured)
    }

    /// The settlement after 08:00 lasts as long on the wall at every speed, but never the whole morning.
    fn plan(&self, speed: f64) -> FaultPlan {
        match &self.faults {
            None => FaultPlan::calm(),
            Some(seed) => {
                let settlement_ms = (5_000.0 * speed) as i64;
                FaultPlan::from_seed(seed).settling_for(settlement_ms.min(DAY_MS / 48))
            }
        }
    }

    fn announce(
        &self,
        session: &Session,
        served: &Served,
        address: SocketAddr,
        speed: f64,
    ) -> anyhow::Result<()> {
        let url = format!("http://{address}/api/v2");
        let key = &served.key;
        let document = json!({
            "url": url,
            "client_id": key.client_id,
            "client_secret": key.client_secret,
            "now_ms": served.clock.now_ms(),
            "speed": speed,
            "faults": self.faults,
        });
        // One line in both forms: whoever started this reads a line and goes on.
        print(&if session.output.json {
            document.to_string()
        } else {
            let (id, secret) = (&key.client_id, &key.client_secret);
            format!("{url}  client_id {id}  client_secret {secret}")
        })
    }
}

/// Wall time between two notes of where the exchange's time is.
const KEEP_EVERY: Duration = Duration::from_secs(2);

/// Saves the book now and then and at the end: a client must not find time run back after a restart.
async fn keep_time(sim: &SimExchange, clock: &Clock, stop: &CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(KEEP_EVERY) => {}
            () = stop.cancelled() => {}
        }
        if let Err(error) = sim.keep_time(clock.now_ms()).await {
            tracing::warn!(%error, "the exchange's time was not saved; trying again");
        }
        if stop.is_cancelled() {
            return;
        }
    }
}

/// What a client may still ask for with `historical`, longer than any of its own looks back.
const ARCHIVE: Retention = Retention {
    orders_ms: 31 * DAY_MS,
    trades_ms: 62 * DAY_MS,
    deliveries_ms: 62 * DAY_MS,
    log_ms: 62 * DAY_MS,
};

/// A clock from the configured start, or from where the book was left.
async fn clock(session: &Session, sim: &SimExchange, speed: f64) -> anyhow::Result<Clock> {
    let start_ms = session.config.exchange.start_ms();
    let start_ms = start_ms.context("[exchange] start in workers.toml is not a time")?;
    let left_ms = sim.book_ms().await?.unwrap_or(start_ms);
    let wall_ms = Clock::real().wall_ms();
    Ok(Clock::scaled(left_ms.max(start_ms), wall_ms, speed))
}

/// One log line with what was injected.
fn report(faults: &Faults) {
    let injected = faults.injected();
    let struck: Vec<String> = injected
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| format!("{} {count}", kind.as_str()))
        .collect();
    tracing::info!(
        calls = faults.calls(),
        faults = struck.join(", "),
        "the exchange stops"
    );
}
