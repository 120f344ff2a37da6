//! Market history from the exchange's public API, page by page: trades, delivery prices, volatility index, candles.
//!
//! ```text
//! stretches wanted - stretches fetched -> gaps -> page -> rows + longer stretch, one transaction -> page ..
//! ```
//!
//! The stretch in the database is the cursor: a fetch that was cut off, even by a kill, goes on after the last
//! page that was stored, and one that is repeated asks for nothing. What is younger than the last whole hour
//! (or day, for daily series) is left for later, since the exchange still adds to it.

pub mod coverage;
mod page;
mod plan;
mod rebuild;
mod report;

pub use page::Hosts;
pub use rebuild::{STEP_MS, rebuild};
pub(crate) use report::left;
pub use report::{Part, RebuiltReport, Report};

use crate::clock::{Clock, Stopwatch};
use crate::db::{self, Db, fetched};
use crate::domain::coin::Coin;
use crate::exchange::error::ExchangeError;
use crate::import::{Progress, Stopped};
use page::Page;
use plan::{gaps, ready};
use report::Meter;
use serde::{Deserialize, Serialize};

/// One kind of history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Trades of inverse options with their volatility, mark and index.
    Trades,
    Deliveries,
    /// Daily closes of the volatility index.
    Dvol,
    /// Hourly candles of the perpetual future.
    Candles,
}

impl What {
    pub const ALL: [Self; 4] = [Self::Deliveries, Self::Dvol, Self::Candles, Self::Trades];

    /// The word of the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::Deliveries => "deliveries",
            Self::Dvol => "dvol",
            Self::Candles => "candles",
        }
    }

    /// The name in `thetaq coverage`.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::Deliveries => "delivery_prices",
            Self::Dvol => "volatility_index",
            Self::Candles => "candles",
        }
    }
}

/// What to fetch: everything of `[from_ms, to_ms)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub coin: Coin,
    pub from_ms: i64,
    pub to_ms: i64,
    pub what: Vec<What>,
}

/// Why a fetch ended early; what it had stored stays.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("fetching {0}: {1}")]
    Exchange(&'static str, ExchangeError),
    #[error("fetch: {0}")]
    Database(#[from] db::Error),
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// Repeating changes nothing; the text says what to do.
    #[error("{0}")]
    Refused(String),
}

impl FetchError {
    /// True when the same fetch may succeed a little later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Exchange(_, error) => error.is_retryable(),
            Self::Database(_) => true,
            Self::Stopped(_) | Self::Refused(_) => false,
        }
    }
}

/// Fetches what is missing of a request. `progress` is told after every page and may stop it there.
pub async fn fetch(
    db: &Db,
    hosts: &Hosts,
    request: &Request,
    clock: &Clock,
    progress: &mut dyn Progress,
) -> Result<Report, FetchError> {
    let watch = Stopwatch::start();
    let source = hosts.source();
    let now_ms = hosts.now_ms().await?;
    let mut work = Vec::new();
    for what in What::ALL {
        if request.what.contains(&what) {
            page::refuse_mixing(db, &source, what, request.coin).await?;
            let wanted = ready(what, (request.from_ms, request.to_ms), now_ms);
            let known = fetched::stretches(db, &source, what.kind(), request.coin).await?;
            work.push((what, wanted, gaps(wanted, &known)));
        }
    }
    let mut fetch = Fetch {
        db,
        hosts,
        source: &source,
        coin: request.coin,
        clock,
        meter: Meter::new(work.iter().map(|(what, _, gaps)| (*what, gaps.as_slice()))),
        progress,
    };
    let mut parts = Vec::new();
    for (what, wanted, gaps) in work {
        parts.push(fetch.part(what, wanted, &gaps).await?);
    }
    Ok(Report {
        source,
        underlying: request.coin,
        parts,
        rebuilt: None,
        seconds: watch.elapsed().as_secs_f64(),
    })
}

struct Fetch<'a> {
    db: &'a Db,
    hosts: &'a Hosts,
    source: &'a str,
    coin: Coin,
    clock: &'a Clock,
    meter: Meter,
    progress: &'a mut dyn Progress,
}

impl Fetch<'_> {
    async fn part(
        &mut self,
        what: What,
        wanted: (i64, i64),
        gaps: &[(i64, i64)],
    ) -> Result<Part, FetchError> {
        let mut part = Part::new(what, wanted);
        for (from_ms, to_ms) in gaps {
            let mut next_ms = *from_ms;
            while next_ms < *to_ms {
                let note = self.meter.note(what, next_ms);
                self.progress.report(self.meter.fraction(), &note).await?;
                let page = self.hosts.page(what, self.coin, (next_ms, *to_ms)).await?;
                self.store(what, *from_ms, &page, &mut part).await?;
                self.meter
                    .passed(what, page.done_ms - next_ms, page.rows.len());
                next_ms = page.done_ms;
            }
        }
        Ok(part)
    }

    /// Rows of a page and the longer stretch, or neither.
    async fn store(
        &mut self,
        what: What,
        from_ms: i64,
        page: &Page,
        part: &mut Part,
    ) -> db::Result<()> {
        let mut tx = self.db.begin().await?;
        let stored = page.rows.store(&mut tx, self.source, self.coin).await?;
        let stretch = fetched::Stretch {
            source: self.source,
            kind: what.kind(),
            coin: self.coin,
            from_ms,
            to_ms: page.done_ms,
            rows: page.rows.len() as i64,
        };
        fetched::extend(&mut tx, &stretch, self.clock.wall_ms()).await?;
        tx.commit().await?;
        part.add(page, stored);
        Ok(())
    }
}
