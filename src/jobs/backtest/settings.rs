//! The settings of a run, out of a job's payload and workers.toml.

use crate::backtest::{FALLBACK, Policy, Setup};
use crate::ctx::Ctx;
use crate::db::backtests;
use crate::jobs::{JobError, Running};
use serde_json::{Map, Value, json};

/// What a run was begun with; for a new one what the payload says, and [llm] where that says nothing.
pub(super) async fn of_run(ctx: &Ctx, job: &Running, given: &Value) -> Result<Setup, JobError> {
    let begun = backtests::of_job(&ctx.db, &job.id).await?;
    if let Some(row) = begun
        && let Some(setup) = backtests::setup(&ctx.db, &row.id).await?
    {
        return Ok(setup);
    }
    by_model(ctx, given)
}

/// The settings of a job's payload, checked, with the fallback of [llm] where a model decides and none is named.
pub(in crate::jobs) fn by_model(ctx: &Ctx, given: &Value) -> Result<Setup, JobError> {
    let checked = setup(given)?;
    if checked.policy != Policy::Llm {
        return Ok(checked);
    }
    let mut settings = given.as_object().cloned().unwrap_or_default();
    name_fallback(ctx, &mut settings);
    setup(&Value::Object(settings))
}

/// Names the fallback of [llm] in settings that name none.
pub(in crate::jobs) fn name_fallback(ctx: &Ctx, settings: &mut Map<String, Value>) {
    let fallback = || json!(ctx.config.llm.fallback);
    settings.entry(FALLBACK).or_insert_with(fallback);
}

/// The settings of a job's payload, checked; none given are all the defaults.
pub(in crate::jobs) fn setup(given: &Value) -> Result<Setup, JobError> {
    let settings = match given {
        Value::Null => &json!({}),
        given => given,
    };
    Setup::parse(settings).map_err(|error| JobError::Abort(error.into()))
}
