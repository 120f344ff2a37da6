//! What the lab's forms post: one job each, enqueued beside its line in the audit trail.

use super::sweeps;
use crate::backtest::Setup;
use crate::db::access::audit;
use crate::fetch::coverage::{Fill, Place};
use crate::jobs::{Options, registry};
use crate::web::Site;
use crate::web::access::Actor;
use crate::web::error::PageError;
use crate::web::pages::encode;
use crate::web::pages::fields::{
    Fields, known_source, market_seed, refused, settings, source, text, time, value,
};
use axum::Form;
use axum::extract::{Extension, Path, State};
use axum::response::Redirect;
use chrono::NaiveDate;
use serde_json::{Value, json};

/// Enqueues a `backtest`, `lookahead`, `what_if` or `sweep` job, or one that brings history (`fill` a gap, `import`), and
/// goes to where its result will be. A backtest of both underlyings or exit styles is several jobs under one parent,
/// each with its own page.
pub(in crate::web) async fn start(
    State(site): State<Site>,
    Extension(actor): Extension<Actor>,
    Path(kind): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Redirect, PageError> {
    let (kind, args) = asked(&kind, &fields)?;
    let all = match kind {
        "backtest" => variants(&args, &fields)?,
        _ => vec![args],
    };
    let ctx = &site.ctx;
    for args in &all {
        known_source(ctx, kind, args).await?;
    }
    let parent = (all.len() > 1).then(|| ctx.clock.id());
    let mut tx = ctx.db.begin().await?;
    let mut first = None;
    for args in all {
        let options = Options {
            parent: parent.clone(),
            ..Options::default()
        };
        let enqueued = registry::all()
            .enqueue(&mut tx, ctx, kind, args.clone(), options)
            .await
            .map_err(|error| refused("settings", &error.to_string()))?;
        let target = Some(enqueued.id.as_str());
        audit(&mut tx, &ctx.clock, &actor.0, kind, target, args).await?;
        first.get_or_insert(enqueued.id);
    }
    tx.commit().await?;
    Ok(Redirect::to(&place(
        kind,
        &first.unwrap_or_default(),
        &fields,
    )))
}

/// Where the result of a job will be; checks and what-ifs of a run lead back to it.
fn place(kind: &str, id: &str, fields: &Fields) -> String {
    let run = value(fields, "run").map_or(String::new(), |run| format!("?run={}", encode(run)));
    match kind {
        "backtest" => format!("/lab/{id}"),
        "sweep" => format!("/lab/sweeps/{id}"),
        "what_if" => format!("/lab/what-if/{id}{run}"),
        "lookahead" => format!("/lab/lookahead/{id}{run}"),
        _ => format!("/jobs/{id}"),
    }
}

/// The kind of job and its payload.
fn asked(kind: &str, fields: &Fields) -> Result<(&'static str, Value), PageError> {
    let market = || {
        Ok::<_, PageError>(json!({
            "source": source(fields)?, "settings": settings(fields)?, "market_seed": market_seed(fields),
        }))
    };
    match kind {
        "backtest" => Ok(("backtest", market()?)),
        "lookahead" => {
            let mut args = market()?;
            if let Some(cuts) = value(fields, "cuts") {
                let whole = cuts
                    .parse()
                    .ok()
                    .filter(|cuts| (1..=100_u64).contains(cuts));
                let whole =
                    whole.ok_or_else(|| refused("cuts", "a number from 1 to 100 is needed"))?;
                args["cuts"] = whole.into();
            }
            Ok(("lookahead", args))
        }
        "what_if" => {
            let mut args = market()?;
            let at = time(fields, "at")?;
            let needed = || refused("at", "a time is needed, such as 2026-02-01T12:00:00Z");
            args["at_ms"] = at.ok_or_else(needed)?.into();
            args["instrument"] = json!(value(fields, "instrument"));
            Ok(("what_if", args))
        }
        "sweep" => Ok(("sweep", sweep(fields)?)),
        "fill" => fill(fields),
        "import" => Ok(("import", json!({ "paths": [text(fields, "path")?] }))),
        _ => Err(PageError::not_found("That form")),
    }
}

/// The job that fills days of a source: the exchange's past, or a file on the machine of the worker.
fn fill(fields: &Fields) -> Result<(&'static str, Value), PageError> {
    let day = |name: &str| {
        let day: Option<NaiveDate> = text(fields, name)?.parse().ok();
        day.ok_or_else(|| refused(name, "a day such as 2026-01-02 is needed"))
    };
    let place = Place {
        kind: text(fields, "kind")?,
        source: text(fields, "source")?,
        underlying: text(fields, "underlying")?,
        resolution: value(fields, "resolution").map(str::to_owned),
    };
    match place.fill(day("from")?, day("to")?) {
        Fill::Fetch(stretch) => Ok(("fetch_history", stretch.payload())),
        Fill::Import => Ok(("import", json!({ "paths": [text(fields, "path")?] }))),
    }
}

fn sweep(fields: &Fields) -> Result<Value, PageError> {
    let settings = settings(fields)?;
    let args = sweeps::args(|name| value(fields, name), &settings);
    let mut args = args.map_err(|(key, problem)| refused(&key, &problem))?;
    args.insert("source".to_owned(), source(fields)?.into());
    args.insert("settings".to_owned(), settings);
    if let Some(seed) = market_seed(fields) {
        args.insert("market_seed".to_owned(), seed.into());
    }
    Ok(Value::Object(args))
}

/// The run itself, then the same of the other underlying and exit style as far as their boxes are ticked.
fn variants(args: &Value, fields: &Fields) -> Result<Vec<Value>, PageError> {
    let mut all = vec![args.clone()];
    let both = [
        ("each_underlying", "underlying", ["BTC", "ETH"]),
        ("both_exits", "exit", ["tp_and_roll", "hold_to_expiry"]),
    ];
    for (name, key, values) in both {
        if value(fields, name).is_none() {
            continue;
        }
        let settled = |value: &str| {
            let of = |mut args: Value| {
                args["settings"][key] = value.into();
                args
            };
            all.iter().cloned().map(of).collect::<Vec<_>>()
        };
        all = values.into_iter().flat_map(settled).collect();
    }
    for args in &all {
        Setup::parse(&args["settings"]).map_err(|error| refused(&error.key, &error.problem))?;
    }
    Ok(all)
}
