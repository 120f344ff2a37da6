//! What a person may change: controls of the desk and of the queue. Every action is one transaction
//! with its line in the audit trail, and answers with a redirect back to the page.

use super::Site;
use super::access::Actor;
use super::error::PageError;
use super::pages::encode;
use crate::ctx::Ctx;
use crate::db::access::audit;
use crate::db::desks::{self, DeskState};
use crate::db::{Tx, jobs_control};
use crate::domain::instrument::Instrument;
use crate::jobs::{controls, registry, schedule};
use axum::Form;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, header};
use axum::response::Redirect;
use serde_json::json;

/// What a form may carry; each action reads its own fields.
type Fields = Vec<(String, String)>;

pub(super) async fn act(
    State(site): State<Site>,
    Extension(actor): Extension<Actor>,
    Path(action): Path<String>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Result<Redirect, PageError> {
    let notice = perform(&site.ctx, &action, &fields).await?;
    let detail = json!({ "fields": fields, "notice": notice });
    let target = first(&fields, "id").or_else(|| first(&fields, "instrument"));
    let mut tx = site.ctx.db.begin().await?;
    audit(&mut tx, &site.ctx.clock, &actor.0, &action, target, detail).await?;
    tx.commit().await?;
    Ok(Redirect::to(&back(&headers, &notice)))
}

async fn perform(ctx: &Ctx, action: &str, fields: &Fields) -> Result<String, PageError> {
    if CONFIRMED.contains(&action) && first(fields, "confirmed") != Some("yes") {
        return Err(PageError::bad_request(
            "This action wants to be confirmed",
            "Open /confirm/NAME first and press its button; programs send confirmed=yes.",
        ));
    }
    match action.split_once('-').unwrap_or((action, "")) {
        ("job" | "jobs", verb) => on_jobs(ctx, verb, fields).await,
        ("queue", verb) => on_queue(ctx, verb, needed(fields, "id")?).await,
        ("schedule", verb) => on_schedule(ctx, verb, needed(fields, "id")?).await,
        _ => on_desk(ctx, action, fields).await,
    }
}

/// Dangerous actions come from the confirmation page and nowhere else.
const CONFIRMED: &[&str] = &["stop", "kill", "close", "close-all", "cancel-orders"];

async fn on_desk(ctx: &Ctx, action: &str, fields: &Fields) -> Result<String, PageError> {
    match action {
        "start" => controls::set_state(ctx, DeskState::Running).await?,
        "pause" => controls::set_state(ctx, DeskState::Paused).await?,
        "stop" => controls::set_state(ctx, DeskState::Stopped).await?,
        "kill" => controls::set_kill_switch(ctx, true).await?,
        "kill-off" => controls::set_kill_switch(ctx, false).await?,
        "close-only" => close_only(ctx, first(fields, "on") == Some("yes")).await?,
        "close" => {
            let instrument: Instrument = needed(fields, "instrument")?
                .parse()
                .map_err(|error| bad_name(&error))?;
            controls::close(ctx, instrument.coin, Some(instrument)).await?;
        }
        "close-all" => {
            for coin in &ctx.config.desk.underlyings {
                controls::close(ctx, *coin, None).await?;
            }
        }
        "cancel-orders" => {
            let count = controls::cancel_orders(ctx).await?;
            return Ok(format!("{count} working orders are being taken back."));
        }
        _ => return Err(PageError::not_found("That action")),
    }
    Ok(outcome(action).to_owned())
}

fn outcome(action: &str) -> &'static str {
    match action {
        "start" => "The desk runs.",
        "pause" => "The desk is paused: it manages what is open and opens nothing.",
        "stop" => "The desk is stopped.",
        "kill" => "The kill switch is on: nothing opens, working orders are taken back.",
        "kill-off" => "The kill switch is off.",
        "close-only" => "Close-only is changed.",
        _ => "A job buys back what was asked for.",
    }
}

async fn close_only(ctx: &Ctx, on: bool) -> anyhow::Result<()> {
    let mut tx = ctx.db.begin().await?;
    desks::set_close_only(&mut tx, &ctx.desk, on, ctx.clock.now_ms()).await?;
    Ok(tx.commit().await?)
}

/// One job, or every job whose box was ticked.
async fn on_jobs(ctx: &Ctx, verb: &str, fields: &Fields) -> Result<String, PageError> {
    let verb = if verb.is_empty() {
        needed(fields, "do")?
    } else {
        verb
    };
    let ids: Vec<&str> = fields
        .iter()
        .filter(|(key, _)| key == "id")
        .map(|(_, id)| id.as_str())
        .collect();
    let mut tx = ctx.db.begin().await?;
    let mut changed = 0;
    for id in &ids {
        changed += usize::from(on_job(ctx, &mut tx, verb, id, fields).await?);
    }
    tx.commit().await?;
    Ok(format!("{changed} of {} jobs: {verb}.", ids.len()))
}

async fn on_job(
    ctx: &Ctx,
    tx: &mut Tx,
    verb: &str,
    id: &str,
    fields: &Fields,
) -> Result<bool, PageError> {
    Ok(match verb {
        "retry" => jobs_control::retry(tx, &ctx.clock, id).await?,
        "cancel" => jobs_control::cancel(tx, &ctx.clock, id).await?.is_some(),
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

async fn on_queue(ctx: &Ctx, verb: &str, queue: &str) -> Result<String, PageError> {
    let paused = paused(verb)?;
    let mut tx = ctx.db.begin().await?;
    jobs_control::set_paused(&mut tx, &ctx.clock, queue, paused).await?;
    tx.commit().await?;
    Ok(format!("Queue {queue}: {verb}d."))
}

async fn on_schedule(ctx: &Ctx, verb: &str, name: &str) -> Result<String, PageError> {
    let found = if verb == "run" {
        let enqueued = schedule::run_now(ctx, &registry::all(), name).await?;
        enqueued.is_some()
    } else {
        schedule::set_paused(ctx, name, paused(verb)?).await?
    };
    if !found {
        return Err(PageError::not_found("That schedule"));
    }
    Ok(format!("Schedule {name}: {verb}."))
}

fn paused(verb: &str) -> Result<bool, PageError> {
    match verb {
        "pause" => Ok(true),
        "resume" => Ok(false),
        _ => Err(PageError::not_found("That action")),
    }
}

fn needed<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, PageError> {
    first(fields, name).ok_or_else(|| {
        PageError::bad_request(
            format!("`{name}` is missing"),
            "Send it as a field of the form.",
        )
    })
}

fn bad_name(error: &crate::domain::instrument::NameError) -> PageError {
    PageError::bad_request(
        error.to_string(),
        "Send the contract's full name as `instrument`.",
    )
}

fn first<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// The page the form was on, with the outcome in words; confirmations go back to the desk.
fn back(headers: &HeaderMap, notice: &str) -> String {
    let path = headers
        .get(header::REFERER)
        .and_then(|referer| referer.to_str().ok())
        .and_then(|referer| referer.parse::<axum::http::Uri>().ok())
        .map_or_else(|| "/".to_owned(), |uri| uri.path().to_owned());
    let path = if path.starts_with("/confirm/") {
        "/"
    } else {
        &path
    };
    format!("{path}?notice={}", encode(notice))
}
