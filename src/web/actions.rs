//! What a person may change: controls of the desk and of the queue. Every action is one transaction
//! with its line in the audit trail; the page's form answers with a redirect back to the page.

use super::Site;
use super::access::Actor;
use super::error::PageError;
use super::pages::{Query, encode, job_filter};
use crate::ctx::Ctx;
use crate::db::access::audit;
use crate::db::desks::{self, DeskState};
use crate::db::{Tx, chat_drafts, decisions, jobs, jobs_control};
use crate::domain::instrument::Instrument;
use crate::jobs::pause::{self, PauseError};
use crate::jobs::replay_decision::ReplayDecision;
use crate::jobs::{Options, chat, controls, enqueue, insight, registry, schedule};
use axum::Form;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::Redirect;
use serde_json::json;

/// What a form may carry; each action reads its own fields.
pub(super) type Fields = Vec<(String, String)>;

/// One thing a person may do.
#[derive(Debug)]
pub(super) struct Action {
    pub name: &'static str,
    pub about: &'static str,
    /// Comes from the confirmation page and nowhere else; programs send `confirmed`.
    confirmed: bool,
}

const fn action(name: &'static str, about: &'static str) -> Action {
    Action {
        name,
        about,
        confirmed: false,
    }
}

const fn dangerous(name: &'static str, about: &'static str) -> Action {
    Action {
        name,
        about,
        confirmed: true,
    }
}

pub(super) const ACTIONS: &[Action] = &[
    action("start", "The desk runs."),
    action(
        "pause",
        "Open positions are managed, nothing new is opened.",
    ),
    dangerous("stop", "Ticks do nothing; expiries are still settled."),
    dangerous("kill", "Nothing opens, working orders are taken back."),
    action("kill-off", "The kill switch is off again."),
    action(
        "close-only",
        "`on` yes: closing only; `on` no: entries are allowed.",
    ),
    dangerous(
        "send-orders",
        "Ends the dry run: the desk stops and takes the account's book over.",
    ),
    dangerous(
        "dry-run",
        "Working orders are taken back and the desk stops; fills then come from the fill model.",
    ),
    dangerous("close", "Buys back the short call `instrument`."),
    dangerous("close-all", "Buys back every short call."),
    dangerous("cancel-orders", "Takes every working order back."),
    action("replay", "Makes the decision `id` again and compares."),
    action(
        "job-retry",
        "Grants the ended job `id` one more attempt; its history stays.",
    ),
    action("job-again", "Enqueues a copy of the job `id`."),
    action(
        "job-cancel",
        "Cancels the job `id`, or asks it to stop when it runs.",
    ),
    action(
        "job-pause",
        "Holds the job `id` back; a running one stores where it is first, if its kind can.",
    ),
    action(
        "job-resume",
        "Lets the paused job `id` go on from where it stopped.",
    ),
    action(
        "job-priority",
        "Sets the `priority` of the waiting job `id`.",
    ),
    action(
        "draft-confirm",
        "Starts the job that the draft `id` of a conversation proposes.",
    ),
    action("draft-dismiss", "The draft `id` is not wanted."),
    action(
        "insight",
        "A model writes about the `run`, `about` being backtest, sweep, or comparison (of two).",
    ),
    action("jobs", "`do` retry or cancel, for every `id` of the list."),
    dangerous(
        "jobs-retry-all",
        "Retries every job that the search `q` finds, at most 1000.",
    ),
    dangerous(
        "jobs-cancel-all",
        "Cancels every job that the search `q` finds, at most 1000.",
    ),
    action(
        "queue-pause",
        "No job of the queue `id` starts; running ones go on.",
    ),
    action("queue-resume", "Jobs of the queue `id` start again."),
    action(
        "schedule-run",
        "Runs the schedule `id` now, outside of its slots.",
    ),
    action("schedule-pause", "The schedule `id` makes no jobs."),
    action(
        "schedule-resume",
        "The schedule `id` goes on with its next slot.",
    ),
];

/// Fields that actions read, for the API's description.
pub(super) const FIELDS: &[(&str, &str)] = &[
    (
        "confirmed",
        "yes, for the dangerous ones: stop, kill, send-orders, dry-run, close, close-all, cancel-orders, jobs-*-all.",
    ),
    (
        "id",
        "Id of the job or decision, name of the queue or schedule; a list for `jobs`.",
    ),
    ("instrument", "Full name of the contract, for close."),
    ("about", "backtest, sweep or comparison, for insight."),
    (
        "run",
        "Id of a backtest or a sweep, for insight; two for a comparison.",
    ),
    ("on", "yes or no, for close-only."),
    ("do", "retry or cancel, for jobs."),
    ("priority", "A whole number, for job-priority."),
    ("q", "A search as on the Jobs page, for jobs-*-all."),
];

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

/// One job, or every job whose box was ticked.
async fn on_jobs(ctx: &Ctx, tx: &mut Tx, verb: &str, fields: &Fields) -> Result<String, PageError> {
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

async fn on_all_jobs(ctx: &Ctx, tx: &mut Tx, verb: &str, q: &str) -> Result<String, PageError> {
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

async fn on_queue(ctx: &Ctx, tx: &mut Tx, verb: &str, queue: &str) -> Result<String, PageError> {
    jobs_control::set_paused(tx, &ctx.clock, queue, paused(verb)?).await?;
    Ok(format!("Queue {queue}: {verb}d."))
}

async fn on_schedule(ctx: &Ctx, tx: &mut Tx, verb: &str, name: &str) -> Result<String, PageError> {
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
