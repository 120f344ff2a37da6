//! `fetch_history`: the exchange's public history, page by page, going on where it was cut off.

use super::import::JobProgress;
use super::{Defaults, Done, Job, JobError, Running};
use crate::clock::Clock;
use crate::config::Config;
use crate::ctx::{self, Ctx};
use crate::domain::coin::Coin;
use crate::exchange::deribit::Host;
use crate::fetch::{self, FetchError, Hosts, Report, Request, STEP_MS, What};
use serde::{Deserialize, Serialize};

/// A stretch of one underlying's history; its result is the report of `thetaq fetch-history --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchHistory {
    pub underlying: Coin,
    pub from_ms: i64,
    /// Exclusive.
    pub to_ms: i64,
    #[serde(default = "everything")]
    pub what: Vec<What>,
    /// `history`, `main`, `test` or a base URL; absent for the address of `[exchange]` when that is a URL, else
    /// the real exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Make a chain of the trades at every multiple of so many milliseconds, five minutes to a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuild_ms: Option<i64>,
}

fn everything() -> Vec<What> {
    What::ALL.to_vec()
}

impl Job for FetchHistory {
    const KIND: &'static str = "fetch_history";
    const DEFAULTS: Defaults = Defaults {
        // A year of trades is some thousand pages.
        timeout_ms: 12 * 3_600_000,
        // Each attempt goes on where the last one stopped, so many may fail.
        max_attempts: 20,
        backoff_ms: 2_000,
        goes_on: true,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let hosts = hosts(&ctx.config, self.url.as_deref()).map_err(JobError::Abort)?;
        let request = Request {
            coin: self.underlying,
            from_ms: self.from_ms,
            to_ms: self.to_ms,
            what: self.what,
        };
        if let Some(step_ms) = self.rebuild_ms.filter(|step_ms| !STEP_MS.contains(step_ms)) {
            return Err(JobError::Abort(anyhow::anyhow!(
                "rebuild_ms: {step_ms} is not from {} to {}",
                STEP_MS.start(),
                STEP_MS.end()
            )));
        }
        let mut progress = JobProgress(job);
        match work(&ctx, &hosts, &request, self.rebuild_ms, &mut progress).await {
            Ok(report) => Ok(serde_json::to_value(report)?),
            Err(FetchError::Stopped(_)) => Err(JobError::Cancelled),
            Err(error) => {
                let retried = error.is_retryable();
                let error = explained(error, &ctx.config, self.url.as_deref());
                Err(if retried {
                    JobError::Retry(error)
                } else {
                    JobError::Abort(error)
                })
            }
        }
    }
}

/// What the exchange did not answer, with the address that was asked and who named it.
fn explained(error: FetchError, config: &Config, url: Option<&str>) -> anyhow::Error {
    let failed = matches!(error, FetchError::Exchange(..));
    let error = anyhow::Error::from(error);
    match (failed, url, config.exchange.url.as_str()) {
        (false, ..) => error,
        (true, Some(url), _) => error.context(format!("--url {url}")),
        (true, None, url) if url.contains("://") => error.context(format!("[exchange] url {url}")),
        (true, None, _) => error.context("Deribit's public API; --url asks another address"),
    }
}

async fn work(
    ctx: &Ctx,
    hosts: &Hosts,
    request: &Request,
    rebuild_ms: Option<i64>,
    progress: &mut JobProgress<'_>,
) -> Result<Report, FetchError> {
    let mut report = fetch::fetch(&ctx.db, hosts, request, &ctx.clock, progress).await?;
    if let Some(step_ms) = rebuild_ms {
        let (source, now_ms) = (hosts.source(), hosts.now_ms().await?);
        let made = fetch::rebuild(&ctx.db, &source, request, now_ms, step_ms, progress);
        report.rebuilt = Some(made.await?);
    }
    Ok(report)
}

/// Trades come from the history host, which has nothing else; the rest from the main host. Any other address
/// is asked for both.
fn hosts(config: &Config, url: Option<&str>) -> anyhow::Result<Hosts> {
    let named = url.map(Host::parse).transpose()?;
    let configured = Host::parse(&config.exchange.url).ok();
    let configured = configured.filter(|host| matches!(host, Host::Url(_)));
    let (tape, rest) = match named.or(configured) {
        None | Some(Host::History | Host::Main) => (Host::History, Host::Main),
        Some(host) => (host.clone(), host),
    };
    let clock = Clock::real();
    Ok(Hosts {
        tape: ctx::client_of(config, tape, &clock)?,
        rest: ctx::client_of(config, rest, &clock)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(url: &str, named: Option<&str>) -> (bool, String) {
        let mut config = Config::default();
        config.set_exchange_url(url).expect("an address");
        let hosts = hosts(&config, named).expect("hosts");
        (hosts.tape.keeps_all_trades(), hosts.rest.source())
    }

    #[test]
    fn the_real_past_is_asked_for_unless_an_address_is_named() {
        let local = "http://127.0.0.1:9901/api/v2";
        let stored = "deribit:127.0.0.1:9901/api/v2".to_owned();
        assert_eq!(sources("test", None), (true, "deribit".to_owned()));
        assert_eq!(sources("main", None), (true, "deribit".to_owned()));
        assert_eq!(sources(local, None), (false, stored.clone()));
        assert_eq!(sources("test", Some(local)), (false, stored));
        assert_eq!(
            sources(local, Some("history")),
            (true, "deribit".to_owned())
        );
        assert_eq!(
            sources("main", Some("test")),
            (false, "deribit:test".to_owned())
        );
    }
}
