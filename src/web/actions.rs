//! What a person may change: controls of the desk and of the queue. Every action is one transaction
//! with its line in the audit trail; the page's form answers with a redirect back to the page.

mod list;
mod queue;

use super::Site;
use super::access::Actor;
use super::error::PageError;
use super::pages::{Query, encode};
use crate::ctx::Ctx;
use crate::db::access::audit;
use crate::db::desks::{self, DeskState};
use crate::db::{Tx, chat_drafts, decisions};
use crate::domain::instrument::Instrument;
use crate::jobs::replay_decision::ReplayDecision;
use crate::jobs::{Options, chat, controls, enqueue, insight, registry};
use axum::Form;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::Redirect;
use queue::{on_all_jobs, on_jobs, on_queue, on_schedule};
use serde_json::json;

pub(super) use list::{ACTIONS, FIELDS};

/// What a form may carry; each action reads its own fields.
pub(super) type Fields = Vec<(String, String)>;

pub(super) async fn act(
    State(site): State<Site>,
    Extension(actor): Extension<Actor>,
    Path(action): Path<String>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Result<Redirect, PageError> {
    let notice = perform(&site.ctx, &actor, &action, &fields).await?;
    Ok(Redirect::to(&back(&headers, &fields, &notice)))
}

/// Does it and writes the audit line in the same transaction; gives the outcome in words.
pub(super) async fn perform(
    ctx: &Ctx,
    actor: &Actor,
    action: &str,
    fields: &Fields,
) -> Result<String, PageError> {
    let known = ACTIONS.iter().find(|known| known.name == action);
    let known = known.ok_or_else(|| PageError::not_found("That action"))?;
    if known.confirmed && first(fields, "confirmed") != Some("yes") {
        return Err(PageError::bad_request(
            "This action wants to be confirmed",
            format!(
                "Open /confirm/{action} first and press its button; programs send confirmed=yes."
            ),
        ));
    }
    let mut tx = ctx.db.begin().await?;
    let notice = match action.split_once('-').unwrap_or((action, "")) {
        ("job", verb) => on_jobs(ctx, &mut tx, verb, fields).await,
        ("jobs", "") => on_jobs(ctx, &mut tx, needed(fields, "do")?, fields).await,
        ("jobs", verb) => on_all_jobs(ctx, &mut tx, verb, needed(fields, "q")?).await,
        ("queue", verb) => on_queue(ctx, &mut tx, verb, needed(fields, "id")?).await,
        ("schedule", verb) => on_schedule(ctx, &mut tx, verb, needed(fields, "id")?).await,
        ("draft", verb) => on_draft(ctx, &mut tx, actor, verb, needed(fields, "id")?).await,
        ("insight", _) => write_insight(ctx, &mut tx, fields).await,
        ("replay", _) => replay(ctx, &mut tx, needed(fields, "id")?).await,
        _ => on_desk(ctx, &mut tx, action, fields).await,
    }?;
    let detail = json!({ "fields": fields, "notice": notice });
    let target = first(fields, "id").or_else(|| first(fields, "instrument"));
    audit(&mut tx, &ctx.clock, &actor.0, action, target, detail).await?;
    tx.commit().await?;
    Ok(notice)
}

async fn on_desk(
    ctx: &Ctx,
    tx: &mut Tx,
    action: &str,
    fields: &Fields,
) -> Result<String, PageError> {
    match action {
        "start" => controls::set_state(tx, ctx, DeskState::Running).await?,
        "pause" => controls::set_state(tx, ctx, DeskState::Paused).await?,
        "stop" => controls::set_state(tx, ctx, DeskState::Stopped).await?,
        "kill" => controls::set_kill_switch(tx, ctx, true).await?,
        "kill-off" => controls::set_kill_switch(tx, ctx, false).await?,
        "close-only" => {
            let on = needed(fields, "on")? == "yes";
            desks::set_close_only(tx, &ctx.desk, on, ctx.clock.now_ms()).await?;
            let entries = if on { "closes only" } else { "may open again" };
            return Ok(format!("The desk {entries}."));
        }
        "send-orders" => controls::send_orders(tx, ctx).await.map_err(|error| {
            PageError::bad_request(error.to_string(), "Set them and start thetaq again.")
        })?,
        "dry-run" => controls::dry_run(tx, ctx).await?,
        "close" => {
            let instrument: Instrument = needed(fields, "instrument")?
                .parse()
                .map_err(|error| bad_name(&error))?;
            controls::close(tx, ctx, instrument.coin, Some(instrument)).await?;
        }
        "close-all" => {
            for coin in &ctx.config.desk.underlyings {
                controls::close(tx, ctx, *coin, None).await?;
            }
        }
        "cancel-orders" => {
            let count = controls::cancel_orders(tx, ctx).await?;
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
        "send-orders" => {
            "Orders will be sent. The desk is stopped while the account's book is taken over: look at it, then start."
        }
        "dry-run" => "The desk is stopped and sends no orders any more. Start it for a dry run.",
        _ => "A job buys back what was asked for.",
    }
}

/// A job makes the decision again: the dashboard itself runs no policy.
async fn replay(ctx: &Ctx, tx: &mut Tx, id: &str) -> Result<String, PageError> {
    let row = decisions::get(&ctx.db, id).await?;
    let row = row.ok_or_else(|| PageError::not_found("That decision"))?;
    let job = ReplayDecision { decision: row.id };
    let options = Options {
        // The decision's page finds the outcome among the children of the job that decided.
        parent: Some(row.job),
        ..Options::default()
    };
    enqueue(tx, ctx, &job, options).await?;
    Ok("The decision is being made again.".to_owned())
}

/// A person's word about a job that an answer proposed.
async fn on_draft(
    ctx: &Ctx,
    tx: &mut Tx,
    actor: &Actor,
    verb: &str,
    id: &str,
) -> Result<String, PageError> {
    let draft = chat_drafts::get(&ctx.db, id).await?;
    let draft = draft.ok_or_else(|| PageError::not_found("That draft"))?;
    let refused = |error: anyhow::Error| {
        PageError::bad_request(
            format!("{error:#}"),
            "Its conversation shows what became of it.",
        )
    };
    match verb {
        "confirm" => {
            let job = chat::confirm(tx, ctx, &actor.0, &draft)
                .await
                .map_err(refused)?;
            Ok(format!("The {} job {job} is enqueued.", draft.kind))
        }
        "dismiss" => {
            chat::dismiss(tx, ctx, &actor.0, &draft)
                .await
                .map_err(refused)?;
            Ok("The draft is dismissed.".to_owned())
        }
        _ => Err(PageError::not_found("That action")),
    }
}

/// A job asks the model; the page that asked shows the text.
async fn write_insight(ctx: &Ctx, tx: &mut Tx, fields: &Fields) -> Result<String, PageError> {
    let runs: Vec<&str> = fields
        .iter()
        .filter(|(key, _)| key == "run")
        .map(|(_, id)| id.as_str())
        .collect();
    let args = insight::asked(needed(fields, "about")?, &runs).map_err(|error| {
        PageError::bad_request(error, "The pages of the lab have a button for it.")
    })?;
    if ctx.llm.is_none() {
        return Err(PageError::bad_request(
            "No language model is configured",
            "Put base_url and model under [llm] in workers.toml and start thetaq again.",
        ));
    }
    let kinds = registry::all();
    kinds
        .enqueue(tx, ctx, "insight", args, Options::default())
        .await?;
    Ok("A text is being written.".to_owned())
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

/// The page the form was on, with the outcome in words; a confirmation says where it came from.
fn back(headers: &HeaderMap, fields: &Fields, notice: &str) -> String {
    let named =
        first(fields, "back").filter(|path| path.starts_with('/') && !path.starts_with("//"));
    let referer = headers
        .get(header::REFERER)
        .and_then(|referer| referer.to_str().ok())
        .and_then(|referer| referer.parse::<Uri>().ok())
        .filter(|uri| !uri.path().starts_with("/confirm/"));
    let uri = match named {
        Some(path) => path.parse().ok(),
        None => referer,
    };
    let uri = uri.unwrap_or_else(|| Uri::from_static("/"));
    let base = Query::of(&uri).base(uri.path());
    format!("{base}notice={}", encode(notice))
}
