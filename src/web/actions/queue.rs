//! What a person may do to jobs, queues and schedules.

use super::{Fields, needed};
use crate::ctx::Ctx;
use crate::db::{Tx, jobs, jobs_control};
use crate::jobs::pause::{self, PauseError};
use crate::jobs::{registry, schedule};
use crate::web::error::PageError;
use crate::web::pages::job_filter;

/// One job, or every job whose box was ticked.
pub(super) async fn on_jobs(
    ctx: &Ctx,
    tx: &mut Tx,
    verb: &str,
    fields: &Fields,
) -> Result<String, PageError> {
    let ids: Vec<&str> = fields
        .iter()
        .filter(|(key, _)| key == "id")
        .map(|(_, id)| id.as_str())
        .collect();
    if ids.is_empty() {
        return Err(PageError::bad_request(
            "No job was chosen",
            "Tick the boxes of the jobs that are meant, or send `id`.",
        ));
    }
    let mut changed = 0;
    for id in &ids {
        changed += usize::from(on_job(ctx, tx, verb, id, fields).await?);
    }
    Ok(changed_words(verb, changed, ids.len()))
}

/// Jobs that one action changes at once; a person repeats it for more.
const ALL_MAX: i64 = 1_000;

pub(super) async fn on_all_jobs(
    ctx: &Ctx,
    tx: &mut Tx,
    verb: &str,
    q: &str,
) -> Result<String, PageError> {
    let verb = verb.trim_end_matches("-all");
    let filter = jobs::Filter {
        limit: ALL_MAX,
        ..job_filter(q, &ctx.desk)
    };
    let found = jobs::list(&ctx.db, &filter).await?;
    let mut changed = 0;
    for job in &found {
        changed += usize::from(on_job(ctx, tx, verb, &job.id, &Fields::new()).await?);
    }
    Ok(changed_words(verb, changed, found.len()))
}

fn changed_words(verb: &str, changed: usize, all: usize) -> String {
    let done = match verb {
        "retry" => "will run again",
        "cancel" => "cancelled",
        "pause" => "paused, or asked to pause",
        "resume" => "go on",
        "again" => "enqueued as new",
        _ => "changed",
    };
    let left = all - changed;
    if left == 0 {
        return format!("Jobs {done}: {changed}.");
    }
    format!("Jobs {done}: {changed}. Left as they are because of their state: {left}.")
}

async fn on_job(
    ctx: &Ctx,
    tx: &mut Tx,
    verb: &str,
    id: &str,
    fields: &Fields,
) -> Result<bool, PageError> {
    let job = jobs::get_in(tx, id).await?;
    let job = job.ok_or_else(|| PageError::not_found("That job"))?;
    Ok(match verb {
        "retry" => jobs_control::retry(tx, &ctx.clock, id).await?,
        "cancel" if job.is_finished() => false,
        "cancel" => jobs_control::cancel(tx, &ctx.clock, id).await?.is_some(),
        "pause" => {
            let paused = pause::pause(tx, &ctx.clock, &registry::all(), id).await;
            paused.map_err(not_paused)?;
            true
        }
        "resume" => {
            pause::resume(tx, &ctx.clock, id)
                .await
                .map_err(not_paused)?;
            true
        }
        "again" => jobs_control::run_again(tx, &ctx.clock, id).await?.is_some(),
        "priority" => {
            let priority = needed(fields, "priority")?.parse().map_err(|_| {
                PageError::bad_request(
                    "`priority` is not a whole number",
                    "Higher runs first; 0 is usual.",
                )
            })?;
            jobs_control::set_priority(tx, &ctx.clock, id, priority).await?
        }
        _ => return Err(PageError::not_found("That action")),
    })
}

fn not_paused(error: anyhow::Error) -> PageError {
    match error.downcast::<PauseError>() {
        Ok(error) => PageError::bad_request(
            error.to_string(),
            "Its page shows the state it is in and what can be done.",
        ),
        Err(error) => error.into(),
    }
}

pub(super) async fn on_queue(
    ctx: &Ctx,
    tx: &mut Tx,
    verb: &str,
    queue: &str,
) -> Result<String, PageError> {
    jobs_control::set_paused(tx, &ctx.clock, queue, paused(verb)?).await?;
    Ok(format!("Queue {queue}: {verb}d."))
}

pub(super) async fn on_schedule(
    ctx: &Ctx,
    tx: &mut Tx,
    verb: &str,
    name: &str,
) -> Result<String, PageError> {
    let found = if verb == "run" {
        let made = schedule::run_now_in(tx, ctx, &registry::all(), name).await?;
        made.is_some()
    } else {
        schedule::set_paused_in(tx, ctx, name, paused(verb)?).await?
    };
    if !found {
        return Err(PageError::not_found("That schedule"));
    }
    let done = if verb == "run" {
        "a job is enqueued"
    } else {
        verb
    };
    Ok(format!("Schedule {name}: {done}."))
}

fn paused(verb: &str) -> Result<bool, PageError> {
    match verb {
        "pause" => Ok(true),
        "resume" => Ok(false),
        _ => Err(PageError::not_found("That action")),
    }
}
