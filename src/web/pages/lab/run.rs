//! One run: its progress while it works, then everything it came to.

use super::drawer::{Drawer, keyed};
use super::plots::{self, Look, Market};
use super::{checks, progress};
use crate::backtest::{Gap, Setup, gap_warning};
use crate::db::{Db, backtests, jobs};
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::pages::insight::insight;
use crate::web::pages::{Query, job};
use crate::web::table;
use crate::web::view::View;
use serde_json::{Value, json};

/// The run of that id, or of the job of that id.
pub(super) async fn view(site: &Site, id: &str, query: &Query) -> Result<View, PageError> {
    let db = &site.ctx.db;
    let row = match backtests::get(db, id).await? {
        Some(row) => Some(row),
        None => backtests::of_job(db, id).await?,
    };
    let job_id = row.as_ref().map_or(id, |row| row.job.as_str());
    let work = jobs::get(db, job_id).await?;
    let Some(row) = row else {
        let work = work.ok_or_else(|| PageError::not_found("That run"))?;
        return Ok(waiting(&job::shown(&work)));
    };
    if row.state == "running" {
        return progress::view(site, &row, work.as_ref()).await;
    }
    let look = Look {
        usd: query.get("in") == Some("usd"),
        log: query.get("scale") == Some("log"),
    };
    let path = format!("/lab/{id}");
    let mut tables = Vec::new();
    let document = backtests::document(db, &row.id).await?.unwrap_or_default();
    let market = Market {
        start: document["metrics"][if look.usd { "usd" } else { "coin" }]["start"].as_f64(),
        gaps: gaps(&document),
    };
    let mut drawer = Drawer::new(query, &path, &mut tables).with_gaps(&market.gaps);
    let mut values = result(site, &row, document, (look, &market), query, &mut drawer).await?;
    let link = |name: &str, value: &str| query.with(&path, &[(name, value), ("notice", "")]);
    values["beside"] = json!(beside(db, &row).await?);
    values["insight"] = insight(site, "backtest", &[&row.id]).await?;
    values["work"] = json!(work.as_ref().map(job::shown));
    values["see"] = json!({
        "coin": link("in", ""), "usd": link("in", "usd"), "linear": link("scale", ""), "log": link("scale", "log"),
    });
    Ok(View {
        title: format!("Backtest {} {}", row.underlying, row.exit_style),
        name: "lab_run",
        // `progress` is empty by now: it takes the bar off the page that watched the run.
        fragments: &["work", "progress", "checks", "insight"],
        values,
        tables,
    })
}

/// Everything a run came to.
async fn result(
    site: &Site,
    row: &backtests::BacktestRow,
    document: Value,
    (look, market): (Look, &Market),
    query: &Query,
    drawer: &mut Drawer<'_>,
) -> Result<Value, PageError> {
    let db = &site.ctx.db;
    let (equity, legs) = (
        backtests::equity(db, &row.id).await?,
        backtests::legs(db, &row.id).await?,
    );
    let mut chains = backtests::chains(db, &row.id).await?;
    table::sort(&mut chains, query.sort());
    let decisions = backtests::decisions(db, &row.id).await?;
    let causes = &document["attribution"][if look.usd { "usd" } else { "coin" }];
    let (unit, digits) = if look.usd {
        ("USD", 0)
    } else {
        (row.underlying.as_str(), 4)
    };
    let (metrics, settings) = (metrics(&document, look.usd), changed(&document["settings"]));
    drawer.rows("chains", CHAIN_COLUMNS, &chains);
    drawer.rows("legs", LEG_COLUMNS, &legs);
    drawer.rows("equity", EQUITY_COLUMNS, &equity);
    drawer.rows("decisions", DECISION_COLUMNS, &decisions);
    let answers = answers(&document["model"]);
    drawer.rows("answers", &["outcome", "calls", "steps", "error"], &answers);
    small_tables(&document, &metrics, &settings, drawer);
    Ok(json!({
        "gap_warning": gap_warning(&market.gaps), "answers": answers,
        "run": row, "document": document, "facts": facts(&document["metrics"], &row.underlying),
        "plots": plots::plots(&equity, &legs, &row.underlying, look, market, drawer),
        "causes": plots::causes(drawer, causes, unit, digits), "unit": unit, "digits": digits,
        "usd": look.usd, "log": look.log, "metrics": metrics, "cards": cards(&document, look.usd),
        "chains": chains.iter().map(|chain| with_legs(chain, &legs)).collect::<Vec<_>>(),
        "decisions": decisions.len(), "settings": settings, "checks": checks::of_run(site, &document).await?,
    }))
}

/// A row for each outcome that a call may have; none where rules decided.
fn answers(model: &Value) -> Vec<Value> {
    let calls = &model["calls"];
    let outcomes = calls["outcomes"].as_object().into_iter().flatten();
    let row = |(name, count): (&String, &Value)| {
        let steps = model["steps"]["outcomes"][name].as_u64().unwrap_or(0);
        json!({"outcome": name, "calls": count, "steps": steps, "error": calls["errors"][name]})
    };
    outcomes.map(row).collect()
}

/// Stretches of a run's document without data.
pub(super) fn gaps(document: &Value) -> Vec<Gap> {
    serde_json::from_value(document["metrics"]["gaps"].clone()).unwrap_or_default()
}

/// The tables of the page that are no rows of the database.
fn small_tables(document: &Value, metrics: &[Value], settings: &[Value], drawer: &mut Drawer<'_>) {
    let names = ["run", "coin_held", "sold_for_usd", "weekly_25_delta"];
    let metric = |row: &Value| {
        let mut shown = json!({ "figure": row["label"] });
        for (n, name) in names.into_iter().enumerate() {
            shown[name] = row["values"][n].clone();
        }
        shown
    };
    let metrics: Vec<Value> = metrics.iter().map(metric).collect();
    drawer.rows("metrics", &[&["figure"], &names[..]].concat(), &metrics);
    drawer.rows("settings", &["key", "value", "unit", "changed"], settings);
    let facts = facts(&document["metrics"], "");
    drawer.rows("facts", &["label", "value"], &facts);
    let broken = &document["breakdowns"];
    let regimes = ["regime", "days", "coin", "usd", "chains", "chain_pnl"];
    drawer.rows("regimes", &regimes, &keyed(&broken["regimes"], "regime"));
    for name in ["dte", "delta", "triggers"] {
        let columns = ["bucket", "legs", "wins", "assigned", "pnl", "pnl_usd"];
        drawer.rows(name, &columns, &keyed(&broken[name], "bucket"));
    }
}

/// The headline: this run, and beside it what the weekly overwrite came to.
fn cards(document: &Value, usd: bool) -> Vec<Value> {
    let which = if usd { "usd" } else { "coin" };
    let card = |(label, name, kind, note): (&str, &str, &str, &str)| {
        json!({
            "label": label, "kind": kind, "note": note, "value": document["metrics"][which][name],
            "weekly": document["baselines"]["weekly_25_delta"][which][name],
            "interval": document["metrics"]["intervals"][which][name],
        })
    };
    [
        ("Total return", "total_return", "pct", "from start to end"),
        ("Annualised", "annualised_return", "pct", "365 days a year"),
        (
            "Sharpe",
            "sharpe",
            "n",
            "daily returns × √365, no riskless rate",
        ),
        ("Sortino", "sortino", "n", "losing days only, × √365"),
        ("Volatility", "volatility", "pct", "daily returns × √365"),
        (
            "Deepest drawdown",
            "max_drawdown",
            "pct",
            "over all snapshots; the 95 % are of daily closes",
        ),
    ]
    .map(card)
    .into()
}

/// Counts and amounts beside the headline: (label, value, kind, unit).
fn facts(metrics: &Value, coin: &str) -> Vec<Value> {
    let fact = |(label, name, kind): (&str, &str, &str)| {
        let unit = if kind == "coin" { coin } else { "" };
        json!({"label": label, "value": metrics[name], "kind": kind, "unit": unit})
    };
    FACTS.map(fact).into()
}

const FACTS: [(&str, &str, &str); 18] = [
    ("Chains", "chains", "count"),
    ("Legs", "legs", "count"),
    ("Rolls", "rolls", "count"),
    ("Winning chains", "win_rate", "pct"),
    ("Profit factor", "profit_factor", "n"),
    ("Average win", "average_win", "coin"),
    ("Average loss", "average_loss", "coin"),
    ("Premium collected", "premium_collected", "coin"),
    ("of it kept", "premium_kept", "pct"),
    ("Assigned of expired", "assignment_rate", "pct"),
    ("Upside given away", "upside_given_away", "coin"),
    ("Fees", "fees", "coin"),
    ("Cost of rolls", "roll_cost", "coin"),
    ("Time in market", "time_in_market", "pct"),
    ("Turnover, times the coin", "turnover", "n"),
    ("Decisions", "decisions", "count"),
    ("refused by risk", "refused", "count"),
    ("found no fill", "unfilled", "count"),
];

/// Runs asked for at once that are put beside each other unasked.
const SIBLINGS_MAX: i64 = 12;

/// The comparison with the runs that were asked for at once.
async fn beside(db: &Db, row: &backtests::BacktestRow) -> Result<Option<String>, PageError> {
    let Some(parent) = &row.parent else {
        return Ok(None);
    };
    let family = backtests::list(db, Some(parent), SIBLINGS_MAX).await?;
    let ids = family.iter().rev().map(|run| format!("run={}", run.id));
    let address = || format!("/lab/compare?{}", ids.collect::<Vec<_>>().join("&"));
    Ok((family.len() > 1).then(address))
}

/// Before the first row there is only the job.
fn waiting(work: &Value) -> View {
    View {
        title: "Backtest".to_owned(),
        name: "lab_run",
        fragments: &["work", "progress"],
        values: json!({ "run": null, "work": work, "progress": progress::before(work) }),
        tables: Vec::new(),
    }
}

fn with_legs(chain: &backtests::ChainRow, legs: &[backtests::LegRow]) -> Value {
    let mut shown = json!(chain);
    shown["own"] = legs
        .iter()
        .filter(|leg| leg.chain == chain.n)
        .map(|leg| json!(leg))
        .collect();
    shown
}

/// (name, of this run, then of the three alternatives), as (label, kind, values).
fn metrics(document: &Value, usd: bool) -> Vec<Value> {
    let which = if usd { "usd" } else { "coin" };
    let of = |name: &str| {
        let runs = [
            &document["metrics"][which],
            &document["baselines"]["hold_coin"][which],
            &document["baselines"]["hold_usd"][which],
            &document["baselines"]["weekly_25_delta"][which],
        ];
        runs.map(|run| run[name].clone())
    };
    PERFORMANCE
        .iter()
        .map(|(label, name, kind)| json!({"label": label, "kind": kind, "values": of(name)}))
        .collect()
}

/// (label, key, `pct`, `n` or `days`)
const PERFORMANCE: [(&str, &str, &str); 9] = [
    ("Total return", "total_return", "pct"),
    ("Annualised return", "annualised_return", "pct"),
    ("Volatility a year", "volatility", "pct"),
    ("Sharpe", "sharpe", "n"),
    ("Sortino", "sortino", "n"),
    ("Calmar", "calmar", "n"),
    ("Deepest drawdown, all snapshots", "max_drawdown", "pct"),
    ("Longest drawdown", "drawdown_days", "days"),
    ("End of equity", "end", "n"),
];

/// Settings that are not the default, then the others: (key, value, unit, changed).
fn changed(settings: &Value) -> Vec<Value> {
    let setup = Setup::parse(settings).ok();
    let in_use = |key: &str| match key {
        "initial_coin" => json!(setup.as_ref().map(Setup::coin)),
        "order_size" => json!(setup.as_ref().map(Setup::size)),
        _ => Value::Null,
    };
    let mut rows: Vec<Value> = crate::backtest::keys()
        .iter()
        .map(|key| {
            let value = &settings[key.key];
            json!({"key": key.key, "value": value, "unit": key.unit, "help": key.help, "changed": *value != key.default,
                "in_use": in_use(key.key)})
        })
        .collect();
    rows.sort_by_key(|row| row["changed"] != true);
    rows
}

/// Settings that are shown beside the name of a run anyway.
const BESIDE: [&str; 6] = ["underlying", "from_ms", "to_ms", "policy", "exit", "seed"];

/// The other settings that are not the default.
pub(super) fn differing(settings: &Value) -> Vec<Value> {
    let mut rows = changed(settings);
    rows.retain(|row| row["changed"] == true && !BESIDE.iter().any(|key| row["key"] == *key));
    rows
}

const CHAIN_COLUMNS: &[&str] = &[
    "n",
    "decision",
    "opened_ms",
    "closed_ms",
    "regime",
    "legs",
    "pnl_e8",
    "pnl_usd",
    "fees_e8",
    "max_drawdown",
];
const LEG_COLUMNS: &[&str] = &[
    "chain",
    "n",
    "instrument",
    "size_e8",
    "opened_ms",
    "closed_ms",
    "strike_usd",
    "dte_open",
    "delta_open",
    "iv_open",
    "score",
    "regime",
    "open_price_e8",
    "open_price_usd",
    "close_price_e8",
    "close_price_usd",
    "fees_e8",
    "fees_usd",
    "pnl_e8",
    "pnl_usd",
    "ended_by",
    "assigned",
];
const EQUITY_COLUMNS: &[&str] = &[
    "n",
    "at_ms",
    "index_price",
    "balance_e8",
    "option_value_e8",
    "equity_e8",
    "equity_usd",
    "short_calls_e8",
    "regime",
    "weekly_e8",
];
const DECISION_COLUMNS: &[&str] = &[
    "n",
    "at_ms",
    "proposed_action",
    "final_action",
    "instrument",
    "rolled_from",
    "size_e8",
    "propensity",
    "explored",
    "fills",
    "reason",
    "refusal",
];
