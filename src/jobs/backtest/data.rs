//! The market of a run: a chain store of the database, or chains made from a seed.

use crate::backtest::{Data, Setup, synthetic_while};
use crate::ctx::Ctx;
use crate::db::backtest_data;
use crate::jobs::{JobError, Running};
use anyhow::anyhow;
use std::sync::Arc;

/// Snapshots a synthetic market may be asked for, all of which are in memory: more than a year of every half hour.
const SNAPSHOTS_MAX: i64 = 20_000;

/// Loads what a run needs and nothing later than its end.
pub(in crate::jobs) async fn load(
    ctx: &Ctx,
    job: &Running,
    source: &str,
    seed: Option<&str>,
    setup: &Setup,
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
    let heard = |_, _| !job.cancelled();
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
