//! What every job is handed. Backtest, dry run and live differ in the `Ctx` that is built and in nothing else.

mod anchor;
mod open;

pub use anchor::Purpose;

use crate::clock::Clock;
use crate::config::{self, Config, ExchangeKind, MarketKind};
use crate::db::desks::{self, DeskRow, DeskState};
use crate::db::feed::DbFeed;
use crate::db::venues::VenueKeeper;
use crate::db::{Db, chains};
use crate::domain::chain::Source;
use crate::domain::coin::Coin;
use crate::domain::settings::Settings;
use crate::exchange::Exchange;
use crate::exchange::deribit::{self, DeribitClient, Host};
use crate::exchange::paper::PublicFeed;
use crate::exchange::sim::market::Market;
use crate::exchange::sim::{Deposits, SimExchange};
use crate::llm::Llm;
use crate::market::synthetic::Synthetic;
use anyhow::Context as _;
use std::sync::Arc;

/// The desk that `thetaq up`, `work` and `web` share.
pub const LIVE: &str = "live";

/// Stored with every decision: the version of this binary.
pub const CODE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Cheap to clone: handles only.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// `live`, or the name of a replay.
    pub desk: String,
    pub db: Db,
    pub clock: Clock,
    pub config: Arc<Config>,
    pub exchange: Exchange,
    /// `None` when no server is configured, and over a clock of the caller's.
    pub llm: Option<Arc<Llm>>,
}

impl Ctx {
    /// The live desk: makes its row and deposits when missing, takes over the configuration, and reads or
    /// moves the anchor of its clock.
    pub async fn live(db: Db, config: Arc<Config>, purpose: Purpose) -> anyhow::Result<Self> {
        let clock = Clock::real();
        let exchange = match config.exchange.kind {
            ExchangeKind::Sim => built_in(&db, LIVE, &config),
            ExchangeKind::Deribit => Exchange::Deribit(client(&config, &clock)?),
            ExchangeKind::Paper => paper(&db, LIVE, &config, &clock)?,
        };
        let llm = Llm::new(&config.llm, config::llm_key())?.map(Arc::new);
        let known = desks::get(&db, LIVE).await?;
        let config = anchor::meet(config, &exchange, &clock, known.as_ref(), purpose).await?;
        let row = open::live(&db, &config, &exchange, &clock, known, purpose).await?;
        anchor::set(&db, &clock, row, &config, purpose).await?;
        Ok(Self {
            desk: LIVE.to_owned(),
            db,
            clock,
            config,
            exchange,
            llm,
        })
    }

    /// A desk over a clock of the caller's, always with the built-in exchange: no other can be asked for
    /// an instant of the caller's. No model is asked, unless one is put in. Writes nothing.
    pub fn with_clock(db: Db, desk: &str, clock: Clock, config: Arc<Config>) -> Self {
        let exchange = built_in(&db, desk, &config);
        Self {
            desk: desk.to_owned(),
            db,
            clock,
            config,
            exchange,
            llm: None,
        }
    }

    /// Makes the desk's row and deposits at the clock's present if they are missing.
    pub async fn open(&self) -> anyhow::Result<DeskRow> {
        open::desk(&self.db, &self.desk, &self.config, &self.clock).await
    }

    /// Follows the anchor that another process may have moved; a watcher's time stands while nobody works.
    pub async fn refresh(&self, purpose: Purpose) -> anyhow::Result<()> {
        anchor::refresh(self, purpose).await
    }

    /// Listens to a simulated exchange whose time the desk follows, and keeps the row's anchor at it.
    pub async fn follow(&self) -> anyhow::Result<()> {
        anchor::follow(self).await
    }

    /// The desk's row; an error when it was never opened.
    pub async fn row(&self) -> anyhow::Result<DeskRow> {
        row(&self.db, &self.desk).await
    }

    /// The numbers of the configuration under the desk's controls: kill switch, close-only, pause.
    pub fn settings(&self, row: &DeskRow) -> Settings {
        let mut settings = self.config.settings();
        settings.kill_switch |= row.kill_switch;
        settings.close_only |= row.close_only;
        settings.paused = row.state() != DeskState::Running;
        settings
    }

    /// The name under which a chain of this source is found again: `recorded`, `synthetic:SEED`, and for
    /// chains read from an exchange which one that was: `deribit`, `deribit:test`, `sim:SEED` ..
    pub fn snapshot_source(&self, source: Source) -> String {
        let exchange = &self.config.exchange;
        match (source, exchange.kind) {
            (Source::Synthetic, _) => format!("synthetic:{}", exchange.seed),
            (Source::Live, ExchangeKind::Sim) => format!("sim:{}", exchange.seed),
            (Source::Live, ExchangeKind::Deribit | ExchangeKind::Paper) => read_from(&exchange.url),
            (other, _) => other.as_str().to_owned(),
        }
    }
}

/// Quotes of the testnet are not mixed with those of the main host.
fn read_from(url: &str) -> String {
    Host::parse(url).map_or_else(|_| chains::DERIBIT.to_owned(), |host| host.source())
}

async fn row(db: &Db, desk: &str) -> anyhow::Result<DeskRow> {
    let row = desks::get(db, desk).await?;
    row.with_context(|| format!("desk `{desk}` was never opened; start it with `thetaq up`"))
}

/// The client of the configured address, as whom the environment says; connects to nothing yet.
pub fn client(config: &Config, clock: &Clock) -> anyhow::Result<DeribitClient> {
    let settings = deribit::Settings {
        main_orders: config.main_orders(),
        ..deribit::Settings::new(Host::parse(&config.exchange.url)?, config::credentials()?)
    };
    Ok(DeribitClient::new(settings, clock)?)
}

/// A client of another address than the desk's, for public data; it calls as somebody only where the
/// configured account is at home.
pub fn client_of(config: &Config, host: Host, clock: &Clock) -> anyhow::Result<DeribitClient> {
    let at_home = Host::parse(&config.exchange.url).as_ref() == Ok(&host);
    let credentials = if at_home {
        config::credentials()?
    } else {
        None
    };
    Ok(DeribitClient::new(
        deribit::Settings::new(host, credentials),
        clock,
    )?)
}

/// Live public quotes over a book of our own.
fn paper(db: &Db, desk: &str, config: &Config, clock: &Clock) -> anyhow::Result<Exchange> {
    let feed = PublicFeed::new(Host::parse(&config.exchange.url)?, clock)?;
    Ok(venue(db, desk, config, Market::Replay(Arc::new(feed))))
}

fn built_in(db: &Db, desk: &str, config: &Config) -> Exchange {
    let market = match config.exchange.market {
        MarketKind::Synthetic => Market::Synthetic(Synthetic::new(&config.exchange.seed)),
        MarketKind::Replay => Market::Replay(Arc::new(DbFeed::new(db.clone(), chains::RECORDED))),
    };
    venue(db, desk, config, market)
}

fn venue(db: &Db, desk: &str, config: &Config, market: Market) -> Exchange {
    let keeper = VenueKeeper::new(db.clone(), desk);
    Exchange::Sim(SimExchange::new(market, Arc::new(keeper), deposits(config)))
}

fn deposits(config: &Config) -> Deposits {
    Coin::ALL
        .into_iter()
        .map(|coin| (coin.as_str().to_owned(), config.exchange.deposit(coin)))
        .collect()
}
