//! The market of a run: a chain store of the database, or chains made from a seed.

use crate::backtest::{Data, Setup, synthetic_while};
use crate::clock::Stopwatch;
use crate::ctx::Ctx;
use crate::db::backtest_data;
use crate::fetch::left;
use crate::jobs::{JobError, Running};
use anyhow::anyhow;
use std::sync::Arc;
use std::time::Duration;

/// Snapshots a synthetic market may be asked for, all of which are in memory: more than a year of every half hour.
const SNAPSHOTS_MAX: i64 = 20_000;

/// What a job's progress says first while its market is read.
pub const READING: &str = "reading the market";

/// Loads what a run needs and nothing later than its end; the job's progress is that of the reading meanwhile.
pub(in crate::jobs) async fn load(
    ctx: &Ctx,
    job: &Running,
    source: &str,
    seed: Option<&str>,
    setup: &Setup,
) -> Result<Arc<Data>, JobError> {
    job.progress(0.0, READING).await;
    let watch = Stopwatch::start();
    let tell = |read, all| job.show_progress(share(read, all), note(read, all, watch.elapsed()));
    load_telling(ctx, job, (source, seed), setup, tell).await
}

/// As [`load`] within other work, whose progress stands.
pub(in crate::jobs) async fn load_silently(
    ctx: &Ctx,
    job: &Running,
    source: &str,
    seed: Option<&str>,
    setup: &Setup,
) -> Result<Arc<Data>, JobError> {
    load_telling(ctx, job, (source, seed), setup, |_, _| {}).await
}

/// `reading the market: 120000 of 513000 quotes, 2100000 quotes/s, 3 s left`
fn note(read: i64, all: i64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(1e-6);
    format!(
        "{READING}: {read} of {all} quotes, {:.0} quotes/s{}",
        read as f64 / seconds,
        left(share(read, all), seconds)
    )
}

fn share(read: i64, all: i64) -> f64 {
    read as f64 / all.max(1) as f64
}

async fn load_telling(
    ctx: &Ctx,
    job: &Running,
    (source, seed): (&str, Option<&str>),
    setup: &Setup,
    tell: impl Fn(i64, i64),
) -> Result<Arc<Data>, JobError> {
    let (coin, from_ms, to_ms) = (setup.underlying, setup.from_ms, setup.to_ms);
    if source == "synthetic" {
        let seed = seed.unwrap_or(&ctx.config.exchange.seed).to_owned();
        let interval_ms = setup.interval_ms;
        let endless = to_ms == Setup::default().to_ms;
        if endless || (to_ms - from_ms) / interval_ms.max(1) > SNAPSHOTS_MAX {
            let most = format!("at most {SNAPSHOTS_MAX} decisions");
            return Err(JobError::Abort(anyhow!(
                "from_ms, to_ms: the synthetic market has no end of its own; name a range of {most}"
            )));
        }
        let asking = job.clone();
        let work = move || {
            let wanted = || !asking.cancelled();
            synthetic_while(&seed, coin, (from_ms, to_ms), interval_ms, wanted)
        };
        let made = tokio::task::spawn_blocking(work).await?;
        return Ok(Arc::new(made.ok_or(JobError::Cancelled)?));
    }
    let heard = |read, all| {
        tell(read, all);
        !job.cancelled()
    };
    let loaded = backtest_data::load(&ctx.db, source, coin, (from_ms, to_ms), heard).await?;
    let data = loaded.ok_or(JobError::Cancelled)?;
    if data.snapshots().is_empty() {
        return Err(JobError::Abort(anyhow!(
            "no chain of {coin} from source `{source}` lies in the range; `thetaq coverage --kind chains` shows what \
             is stored, `thetaq import PATH` brings chains in"
        )));
    }
    Ok(Arc::new(data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_has_how_much_how_fast_and_how_long_still() {
        assert_eq!(
            note(120_000, 480_000, Duration::from_secs(2)),
            "reading the market: 120000 of 480000 quotes, 60000 quotes/s, 6 s left"
        );
        let begun = note(0, 480_000, Duration::from_secs(1));
        assert_eq!(begun, "reading the market: 0 of 480000 quotes, 0 quotes/s");
    }
}
