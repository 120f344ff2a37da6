//! The start of a collection: the row that ticks add to, and where it is refused.

use super::open::{Checkpoint, Open};
use crate::clock::derived_id;
use crate::ctx::{CODE_VERSION, Ctx};
use crate::db::desks::DeskRow;
use crate::db::training::{self, NewDataset};
use crate::db::{configs, json};
use crate::domain::settings::Mode;
use crate::jobs::train::LIVE;
use crate::jobs::{Done, JobError, Running};
use crate::policy::profiles;
use crate::training::Plan;
use anyhow::anyhow;
use std::collections::BTreeMap;

/// Why a desk may not be collected from, if it may not.
pub(super) fn refusal(ctx: &Ctx, desk: &DeskRow) -> Option<String> {
    if ctx.config.desk.mode != Mode::Research {
        return Some(
            "mode: the desk is in production; rows are collected live in research mode only, set \
             mode = \"research\" in [desk] of workers.toml"
                .to_owned(),
        );
    }
    (!desk.dry_run).then(|| {
        "dry_run: the desk sends orders; rows are collected live in a dry run only, set dry_run = true in [desk] \
         of workers.toml"
            .to_owned()
    })
}

/// Makes a plan one of every tick from now on; without an end all rows are for training.
pub(in crate::jobs) fn prepare(
    ctx: &Ctx,
    plan: &mut Plan,
    market_seed: Option<&str>,
) -> Result<(), JobError> {
    let refuse = |problem: String| Err(JobError::Abort(anyhow!(problem)));
    if market_seed.is_some() {
        return refuse(
            "market_seed: a live collection sees the market of the desk; leave it out".to_owned(),
        );
    }
    let (setup, now_ms) = (&mut plan.setup, ctx.clock.now_ms());
    if setup.from_ms != 0 {
        return refuse(
            "from_ms: a live collection begins with the next tick; leave it out".to_owned(),
        );
    }
    let endless = setup.to_ms == crate::backtest::Setup::default().to_ms;
    if setup.to_ms <= now_ms {
        return refuse(
            "to_ms: is past; a live collection goes on until then, or until it is stopped"
                .to_owned(),
        );
    }
    let traded = &ctx.config.desk.underlyings;
    if let Some(coin) = plan.underlyings.iter().find(|coin| !traded.contains(coin)) {
        return refuse(format!(
            "underlyings: the desk has no ticks of {coin}; `underlyings` in [desk] of workers.toml names what it trades"
        ));
    }
    // Two ticks of one minute are two: a person may ask for one between slots.
    (setup.from_ms, setup.interval_ms) = (now_ms, 1);
    if endless {
        (plan.train_share, plan.validation_share) = (1.0, 0.0);
    }
    Ok(())
}

/// Writes the row of a new collection; the one this job has begun stays.
pub(in crate::jobs) async fn begin(ctx: &Ctx, job: &Running, plan: Plan) -> Result<Done, JobError> {
    let abort = |problem: String| JobError::Abort(anyhow!(problem));
    if let Some(row) = training::of_job(&ctx.db, &job.id).await? {
        return Ok(Open::of(ctx, row).await?.done(job));
    }
    if let Some(why) = refusal(ctx, &ctx.row().await?) {
        return Err(abort(why));
    }
    if let Some(row) = training::collecting(&ctx.db, &ctx.desk).await? {
        return Err(abort(format!(
            "the desk collects dataset {} already; `thetaq train --stop` ends it",
            row.id
        )));
    }
    let mut checkpoint = Checkpoint::default();
    for coin in &plan.underlyings {
        let now_ms = ctx.clock.now_ms();
        let index_price = ctx.exchange.index_price(*coin, now_ms).await?;
        checkpoint.open(*coin, index_price);
    }
    let id = derived_id(ctx.clock.wall_ms(), &["dataset", &job.id]);
    let (from_ms, to_ms) = (plan.setup.from_ms, plan.setup.to_ms);
    let new = NewDataset {
        id: &id,
        job: &job.id,
        desk: Some(&ctx.desk),
        source: LIVE,
        range: (from_ms, from_ms),
        plan: &plan,
        splits: &plan.splits(from_ms, to_ms),
        config_hash: &configs::digest(&json::canonical(&plan)?),
        fingerprints: &BTreeMap::new(),
        steps: 0,
        policy: (profiles::POLICY, profiles::VERSION),
        code_version: CODE_VERSION,
        checkpoint: Some(&serde_json::to_string(&checkpoint)?),
        at_ms: ctx.clock.wall_ms(),
    };
    let mut tx = ctx.db.begin().await?;
    training::begin(&mut tx, &new).await?;
    let mut done = checkpoint.tally.done(&id, &job.id);
    done["collecting"] = true.into();
    job.finish(&mut tx, &done).await?;
    tx.commit().await?;
    Ok(done)
}
