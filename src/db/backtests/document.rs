//! A run as one JSON document: what `thetaq backtest --json` prints and programs read.

use super::{BacktestRow, ChainRow, LegRow, chains, get, legs};
use crate::db::llm_calls::{self, Ended};
use crate::db::{Db, json};
use crate::domain::money::{float, from_e8};
use crate::llm;
use serde_json::{Map, Value, json};

/// The documents of a row, each as text; null before the first end.
#[derive(Debug, sqlx::FromRow)]
struct Documents {
    settings: String,
    shares: String,
    prices: String,
    metrics: Option<String>,
    baselines: Option<String>,
    attribution: Option<String>,
    breakdowns: Option<String>,
}

/// `{id, job, state, settings, model, data, metrics, baselines, attribution, breakdowns, chains: [{legs}]}`;
/// `None` when there is no such run. Amounts are coin unless they end in `_usd`.
pub async fn document(db: &Db, id: &str) -> sqlx::Result<Option<Value>> {
    let Some(row) = get(db, id).await? else {
        return Ok(None);
    };
    let documents: Documents = read!(db, pool => sqlx::query_as(
        "select cast(settings as text) as settings, cast(shares as text) as shares, cast(prices as text) as prices, \
         cast(metrics as text) as metrics, cast(baselines as text) as baselines, \
         cast(attribution as text) as attribution, cast(breakdowns as text) as breakdowns \
         from backtests where id = $1",
    )
    .bind(id).fetch_one(pool).await)?;
    let mut metrics = known(documents.metrics.as_deref())?;
    let settings = exact(&documents.settings)?;
    let model = model(db, &row, &settings, &mut metrics).await?;
    let legs = legs(db, id).await?;
    let chains: Vec<Value> = chains(db, id)
        .await?
        .iter()
        .map(|chain| chain_of(chain, &legs))
        .collect();
    Ok(Some(json!({
        "id": row.id, "job": row.job, "parent": row.parent, "state": row.state, "error": row.error,
        "code_version": row.code_version, "steps": row.steps, "steps_done": row.steps_done,
        "settings": settings,
        "settings_hash": row.settings_hash,
        "model": model,
        "data": data(&row, &documents)?,
        "metrics": metrics,
        "baselines": known(documents.baselines.as_deref())?,
        "attribution": known(documents.attribution.as_deref())?,
        "breakdowns": known(documents.breakdowns.as_deref())?,
        "chains": chains,
    })))
}

/// `{name, training_cutoff, before_training_cutoff, fallback, steps, calls}`: steps by the outcome of their answer,
/// wherever it came from, and the calls that were made for them. Null where rules decided.
async fn model(
    db: &Db,
    row: &BacktestRow,
    settings: &Value,
    metrics: &mut Value,
) -> sqlx::Result<Value> {
    let Some(name) = &row.model else {
        return Ok(Value::Null);
    };
    let steps = metrics
        .as_object_mut()
        .and_then(|all| all.remove("answers"));
    Ok(json!({
        "name": name, "training_cutoff": row.training_cutoff, "before_training_cutoff": row.before_cutoff(),
        "fallback": settings["fallback"], "steps": steps,
        "calls": calls(&llm_calls::of_backtest(db, &row.id).await?),
    }))
}

/// Every outcome with its calls; the cost is null as soon as that of one call is not known.
fn calls(ended: &[Ended]) -> Value {
    let of = |name: &str| ended.iter().find(|one| one.outcome == name);
    let outcomes: Map<String, Value> = llm::Outcome::ALL
        .iter()
        .map(|outcome| outcome.as_str())
        .map(|name| (name.to_owned(), of(name).map_or(0, |one| one.calls).into()))
        .collect();
    let errors = ended
        .iter()
        .filter_map(|one| Some((one.outcome.clone(), one.error.clone()?.into())));
    let unpriced: i64 = ended.iter().map(|one| one.unpriced).sum();
    let known = ended.iter().filter_map(|one| one.cost_usd);
    let known = known.fold(0.0, |sum, cost| sum + cost);
    json!({
        "made": ended.iter().map(|one| one.calls).sum::<i64>(), "outcomes": outcomes,
        "cost_usd": (unpriced == 0).then_some(known), "unpriced": unpriced,
        "errors": errors.collect::<Map<String, Value>>(),
    })
}

fn data(row: &BacktestRow, documents: &Documents) -> sqlx::Result<Value> {
    Ok(json!({
        "source": row.source, "fingerprint": row.fingerprint, "snapshots": row.snapshots, "quotes": row.quotes,
        "shares": exact(&documents.shares)?, "prices": exact(&documents.prices)?,
        "from_ms": row.from_ms, "to_ms": row.to_ms,
    }))
}

fn chain_of(chain: &ChainRow, legs: &[LegRow]) -> Value {
    let own = legs.iter().filter(|leg| leg.chain == chain.n);
    json!({
        "n": chain.n, "decision": chain.decision, "opened_ms": chain.opened_ms, "closed_ms": chain.closed_ms,
        "regime": chain.regime, "pnl": coin(chain.pnl_e8), "pnl_usd": chain.pnl_usd,
        "fees": coin(chain.fees_e8), "max_drawdown": chain.max_drawdown,
        "legs": own.map(leg_of).collect::<Vec<_>>(),
    })
}

fn leg_of(leg: &LegRow) -> Value {
    json!({
        "index": leg.n, "instrument": leg.instrument, "size": coin(leg.size_e8),
        "opened_ms": leg.opened_ms, "closed_ms": leg.closed_ms, "strike_usd": leg.strike_usd,
        "dte_open": leg.dte_open, "delta_open": leg.delta_open, "iv_open": leg.iv_open, "score": leg.score,
        "regime": leg.regime, "open_price": coin(leg.open_price_e8), "open_price_usd": leg.open_price_usd,
        "close_price": coin(leg.close_price_e8), "close_price_usd": leg.close_price_usd,
        "fees": coin(leg.fees_e8), "fees_usd": leg.fees_usd, "pnl": coin(leg.pnl_e8), "pnl_usd": leg.pnl_usd,
        "trigger": leg.ended_by, "assigned": leg.assigned,
    })
}

fn coin(units: i64) -> f64 {
    float(from_e8(units))
}

fn exact(text: &str) -> sqlx::Result<Value> {
    json::exact(text).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn known(text: Option<&str>) -> sqlx::Result<Value> {
    text.map_or(Ok(Value::Null), exact)
}
