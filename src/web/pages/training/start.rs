//! What the forms of training and exports post: one job each, enqueued beside its line in the audit trail.

use crate::ctx::Ctx;
use crate::db::access::audit;
use crate::export::folder;
use crate::jobs::evaluate::Evaluate;
use crate::jobs::train::Train;
use crate::jobs::{Options, registry};
use crate::training::off_policy::Target;
use crate::web::Site;
use crate::web::access::Actor;
use crate::web::error::PageError;
use crate::web::pages::fields::{
    Fields, known_source, market_seed, number, refused, settings, source,
};
use crate::web::pages::{Query, exports};
use axum::Form;
use axum::extract::{Extension, Path, State};
use axum::response::Redirect;
use serde_json::{Value, json};

/// Enqueues a `train`, `evaluate` or `export` job, or the end of a live collection (`stop`), and goes to where its result will be.
pub(in crate::web) async fn start(
    State(site): State<Site>,
    Extension(actor): Extension<Actor>,
    Path(kind): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Redirect, PageError> {
    let query = Query::from(fields.clone());
    let (kind, args) = match kind.as_str() {
        "train" => ("train", training(&site.ctx, &fields, &query)?),
        "evaluate" => ("evaluate", evaluation(&site.ctx, &query).await?),
        "export" => ("export", export(&site.ctx, &query)?),
        "stop" => ("collect", ending(&site.ctx, &query).await?),
        _ => return Err(PageError::not_found("That form")),
    };
    let ctx = &site.ctx;
    known_source(ctx, kind, &args).await?;
    let mut tx = ctx.db.begin().await?;
    let enqueued = registry::all()
        .enqueue(&mut tx, ctx, kind, args.clone(), Options::default())
        .await
        .map_err(|error| refused(kind, &error.to_string()))?;
    let id = enqueued.id;
    audit(&mut tx, &ctx.clock, &actor.0, kind, Some(&id), args.clone()).await?;
    tx.commit().await?;
    let place = match kind {
        "train" => format!("/training/{id}"),
        "collect" => {
            let dataset = args["dataset"].as_str().unwrap_or_default();
            format!("/training/{dataset}")
        }
        "evaluate" => {
            let dataset = args["dataset"].as_str().unwrap_or_default();
            format!("/training/{dataset}/policies")
        }
        _ => format!("/exports/{id}"),
    };
    Ok(Redirect::to(&place))
}

fn training(ctx: &Ctx, fields: &Fields, query: &Query) -> Result<Value, PageError> {
    let mut args = json!({
        "source": source(fields)?, "settings": settings(fields)?, "market_seed": market_seed(fields),
        "underlyings": query.all("coin"), "profiles": query.all("profile"),
        "ladder": if query.get("ladder").is_some() { 2 } else { 1 },
    });
    for name in ["train_share", "validation_share", "discount_per_day"] {
        if let Some(share) = number::<f64>(query, name, "a number")? {
            args[name] = share.into();
        }
    }
    let job: Train = parsed(args.clone())?;
    job.plan(ctx).map_err(|error| plain(&error.message()))?;
    Ok(args)
}

async fn ending(ctx: &Ctx, query: &Query) -> Result<Value, PageError> {
    let row = super::known(&ctx.db, query.get("dataset").unwrap_or_default()).await?;
    Ok(json!({ "dataset": row.id, "stop": true }))
}

async fn evaluation(ctx: &Ctx, query: &Query) -> Result<Value, PageError> {
    let given = ["policy", "split", "reward", "seed", "underlying", "profile"];
    let given = given
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), Value::from(query.get(name)?))));
    let mut args: Value = given.collect::<serde_json::Map<_, _>>().into();
    let dataset = query.get("dataset").unwrap_or_default();
    let row = super::known(&ctx.db, dataset).await?;
    args["dataset"] = row.id.clone().into();
    let job: Evaluate = parsed(args.clone())?;
    job.check()
        .and_then(|()| job.fits(&row))
        .map_err(|problem| plain(&problem))?;
    let plan = crate::db::training::plan(&ctx.db, &row.id).await?;
    let plan = plan.ok_or_else(|| PageError::not_found("Its plan"))?;
    Target::named(&job.policy, &plan.setup.settings(), &ctx.config.profiles)
        .map_err(|error| plain(&error.to_string()))?;
    Ok(args)
}

fn export(ctx: &Ctx, query: &Query) -> Result<Value, PageError> {
    let job = exports::payload(query)?;
    if let Some(out) = &job.out {
        folder::inside(&ctx.config.export.dir, out).map_err(|error| plain(&error.to_string()))?;
    }
    Ok(serde_json::to_value(job)?)
}

fn parsed<T: serde::de::DeserializeOwned>(args: Value) -> Result<T, PageError> {
    serde_json::from_value(args).map_err(|error| plain(&error.to_string()))
}

/// A problem that names its field itself.
fn plain(problem: &str) -> PageError {
    match problem.split_once(": ") {
        Some((field, problem)) => refused(field, problem),
        None => refused("form", problem),
    }
}
