//! The look-ups themselves: every one a read of views through the guarded reader, or of one stored document.

use super::found::{Found, Table};
use super::tools::QUERY;
use crate::backtest::comparison;
use crate::ctx::Ctx;
use crate::db::backtests;
use crate::db::reader::{Limits, ReadError, Reader};
use serde_json::{Value, json};
use std::time::Duration;

/// Rows of one look-up.
const ROWS: usize = 200;
/// One statement may take so long.
const TIME: Duration = Duration::from_secs(8);

/// Looks something up; the error is for whoever asked and says what to change.
pub async fn look(ctx: &Ctx, name: &str, arguments: &Value) -> Result<Found, String> {
    let text = |field: &str| arguments[field].as_str().filter(|text| !text.is_empty());
    match name {
        "get_positions" => positions(ctx, text("underlying"), arguments["all"] == true).await,
        "list_decisions" => {
            let filters = [
                ("underlying", text("underlying")),
                ("final_action", text("action")),
            ];
            decisions(ctx, &filters, limit(arguments, 20)).await
        }
        "explain_decision" => explain(ctx, text("id")).await,
        "why_not" => why_not(ctx, text("contract").ok_or("`contract` is missing")?).await,
        "get_backtest" => backtest(ctx, text("id")).await,
        "compare_runs" => {
            let ids = text("a")
                .zip(text("b"))
                .ok_or("`a` and `b` are ids of two backtests")?;
            compare(ctx, ids.0, ids.1).await
        }
        "list_jobs" => {
            let filters = [("kind", text("kind")), ("state", text("state"))];
            jobs(ctx, &filters, limit(arguments, 20)).await
        }
        "risk_limits" => limits_in_force(ctx).await,
        "market" => market(ctx, text("underlying")).await,
        QUERY => query(ctx, text("sql").ok_or("`sql` is missing")?).await,
        other => Err(format!("there is no tool `{other}`")),
    }
}

fn limit(arguments: &Value, usual: i64) -> i64 {
    let limit = arguments["limit"].as_i64().unwrap_or(usual);
    limit.clamp(1, ROWS as i64)
}

async fn positions(ctx: &Ctx, underlying: Option<&str>, all: bool) -> Result<Found, String> {
    let closed = if all { "" } else { " and side <> 'closed'" };
    let filter = Filter::of(ctx, &[("underlying", underlying)]);
    let sql = format!(
        "select * from v_positions where {}{closed} order by opened_at desc",
        filter.text
    );
    rows(ctx, "v_positions", &sql, &filter.values).await
}

async fn decisions(
    ctx: &Ctx,
    filters: &[(&str, Option<&str>)],
    limit: i64,
) -> Result<Found, String> {
    let filter = Filter::of(ctx, filters);
    let sql = format!(
        "select id, decided_at, underlying, proposed_action, final_action, instrument, rolled_from, size, source, \
         policy, risk_verdict, refusal, reason, error, index_price, regime, candidates, passed \
         from v_decisions where {} order by id desc limit {limit}",
        filter.text
    );
    rows(ctx, "v_decisions", &sql, &filter.values).await
}

/// The decision, its ranking, its checks and its orders.
async fn explain(ctx: &Ctx, id: Option<&str>) -> Result<Found, String> {
    let filter = Filter::of(ctx, &[("id", id)]);
    let sql = format!(
        "select * from v_decisions where {} order by id desc limit 1",
        filter.text
    );
    let mut found = rows(ctx, "v_decisions", &sql, &filter.values).await?;
    let id = found.tables[0]
        .rows
        .first()
        .and_then(|row| row["id"].as_str());
    let id = id.ok_or("there is no such decision; list_decisions shows those there are")?;
    let values = [Value::from(id)];
    for (view, sql) in [
        (
            "v_candidates",
            "select * from v_candidates where decision = cast($1 as text) and rank is not null order by rank limit 10",
        ),
        (
            "v_risk_lines",
            "select * from v_risk_lines where decision = cast($1 as text) order by n",
        ),
        (
            "v_orders",
            "select * from v_orders where decision = cast($1 as text) order by id",
        ),
    ] {
        let more = rows(ctx, view, sql, &values).await?;
        found.tables.extend(more.tables);
    }
    Ok(found)
}

/// What decisions made of a contract: those that chose it, then the latest.
async fn why_not(ctx: &Ctx, contract: &str) -> Result<Found, String> {
    let wanted = contract.trim().to_uppercase();
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if wanted.is_empty() || !wanted.chars().all(allowed) {
        return Err(format!(
            "`{contract}` is no contract; a full name is BTC-30JAN26-90000-C"
        ));
    }
    let sql = "select c.instrument, c.decision, c.decided_at, c.failed_filter, c.failed_by, c.admit_at, c.rank, c.score, \
               c.propensity, c.chosen, c.bid, c.ask, c.delta, c.dte, c.mark_iv, c.ivrv, c.open_interest, c.premium_usd, \
               c.yield_net, d.final_action, d.instrument as decided_for, d.reason, d.refusal \
               from v_candidates c join v_decisions d on d.id = c.decision \
               where c.desk = cast($1 as text) and c.instrument like '%' || cast($2 as text) || '%' \
               order by c.chosen desc, c.decided_at desc, c.instrument limit 10";
    let values = [
        Value::from(ctx.desk.as_str()),
        Value::from(wanted.replace('_', "")),
    ];
    let found = rows(ctx, "v_candidates", sql, &values).await?;
    if found.rows() == 0 {
        return Err(format!(
            "no stored decision looked at a contract like `{wanted}`"
        ));
    }
    Ok(found)
}

/// A backtest's document without its chains, as rows of name and value.
async fn backtest(ctx: &Ctx, id: Option<&str>) -> Result<Found, String> {
    let id = if let Some(id) = id {
        id.to_owned()
    } else {
        let latest = backtests::list(&ctx.db, None, 1).await;
        let latest = latest.map_err(|error| error.to_string())?;
        latest.first().ok_or("there is no backtest yet")?.id.clone()
    };
    let facts = json!({ "run": id, "document": run_of(ctx, &id).await? });
    Ok(Found::one(Table::document("v_backtests", &facts)))
}

async fn compare(ctx: &Ctx, a: &str, b: &str) -> Result<Found, String> {
    let runs = [run_of(ctx, a).await?, run_of(ctx, b).await?];
    let compared = comparison(&runs, false);
    Ok(Found::one(Table::document("comparison", &compared)))
}

/// Settings, data, figures, baselines and causes of a run.
pub async fn run_of(ctx: &Ctx, id: &str) -> Result<Value, String> {
    let document = backtests::document(&ctx.db, id)
        .await
        .map_err(|error| error.to_string())?;
    let mut document = document.ok_or_else(|| format!("there is no backtest `{id}`"))?;
    if let Some(fields) = document.as_object_mut() {
        fields.remove("chains");
    }
    Ok(document)
}

async fn jobs(ctx: &Ctx, filters: &[(&str, Option<&str>)], limit: i64) -> Result<Found, String> {
    let filter = Filter::of(ctx, filters);
    let sql = format!(
        "select id, kind, state, progress, progress_note, attempts, max_attempts, created_at, started_at, finished_at, \
         waited_ms, took_ms, error from v_jobs where {} order by created_at desc, id desc limit {limit}",
        filter.text
    );
    rows(ctx, "v_jobs", &sql, &filter.values).await
}

/// The live settings under the desk's controls, as the next tick will have them.
async fn limits_in_force(ctx: &Ctx) -> Result<Found, String> {
    let row = ctx.row().await.map_err(|error| format!("{error:#}"))?;
    let mut settings =
        serde_json::to_value(ctx.settings(&row)).map_err(|error| error.to_string())?;
    settings["desk_state"] = row.state.as_str().into();
    settings["dry_run"] = row.dry_run.into();
    Ok(Found::one(Table::document("settings", &settings)))
}

async fn market(ctx: &Ctx, underlying: Option<&str>) -> Result<Found, String> {
    let filter = Filter::of(ctx, &[("underlying", underlying)]);
    let latest = |view: &str, time: &str, columns: &str| {
        format!(
            "select {columns} from {view} v where {} and {time} = (select max(x.{time}) from {view} x \
             where x.desk = v.desk and x.underlying = v.underlying) order by underlying",
            filter.text
        )
    };
    let seen = latest(
        "v_decisions",
        "decided_at",
        "id, underlying, decided_at, index_price, regime, candidates, passed, snapshot_source, snapshot_at, snapshot_age_ms",
    );
    let mut found = rows(ctx, "v_decisions", &seen, &filter.values).await?;
    let equity = rows(
        ctx,
        "v_equity",
        &latest("v_equity", "at", "*"),
        &filter.values,
    )
    .await?;
    found.tables.extend(equity.tables);
    Ok(found)
}

/// Anybody's select, through the guard that every such statement passes.
async fn query(ctx: &Ctx, sql: &str) -> Result<Found, String> {
    rows(ctx, "query", sql.trim().trim_end_matches(';'), &[]).await
}

async fn rows(ctx: &Ctx, table: &str, sql: &str, values: &[Value]) -> Result<Found, String> {
    let limits = Limits {
        rows: ROWS,
        bytes: 256 << 10,
        time: TIME,
    };
    let read = Reader::new(&ctx.db).query(sql, values, limits).await;
    let rows = read.map_err(|error: ReadError| error.to_string())?;
    Ok(Found::one(Table::of(table, &rows)))
}

/// Rows of the desk whose columns are what was asked for.
struct Filter {
    text: String,
    values: Vec<Value>,
}

impl Filter {
    fn of(ctx: &Ctx, wanted: &[(&str, Option<&str>)]) -> Self {
        let mut conditions = vec!["desk = cast($1 as text)".to_owned()];
        let mut values = vec![Value::from(ctx.desk.as_str())];
        for (column, value) in wanted {
            if let Some(value) = value {
                values.push((*value).into());
                conditions.push(format!("{column} = cast(${} as text)", values.len()));
            }
        }
        Self {
            text: conditions.join(" and "),
            values,
        }
    }
}
