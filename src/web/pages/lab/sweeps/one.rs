//! One sweep: progress, what the best is worth, the ranking, a figure over two settings.

use super::map;
use crate::backtest::Policy;
use crate::backtest::sweep::{Axis, Plan};
use crate::db::backtests::begins_before;
use crate::db::jobs;
use crate::db::json as stored;
use crate::db::sweeps::{self, FIGURES, Figure, RunRow, SweepRow};
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::pages::insight::insight;
use crate::web::pages::{Query, job};
use crate::web::table::{self, Table};
use crate::web::view::View;
use serde_json::{Map, Value, json};

/// Runs that are read for the heat map and the files, and rows of the ranking on the page.
const RUNS: i64 = 10_000;
const SHOWN: usize = 50;
/// Settings and figures in the ranking: so many stand beside each other on a screen. All of them are in its files and
/// in the map.
const COLUMNS_SHOWN: usize = 8;
/// Figures there are however many settings vary, and never more of.
const FIGURES_SHOWN: (usize, usize) = (3, 7);

/// The sweep of that id, or of the job of that id.
pub(super) async fn view(site: &Site, id: &str, query: &Query) -> Result<View, PageError> {
    let db = &site.ctx.db;
    let row = match sweeps::get(db, id).await? {
        Some(row) => Some(row),
        None => sweeps::of_job(db, id).await?,
    };
    let job_id = row.as_ref().map_or(id, |row| row.job.as_str());
    let work = jobs::get(db, job_id).await?;
    let Some(row) = row else {
        let work = work.ok_or_else(|| PageError::not_found("That sweep"))?;
        return Ok(waiting(&job::shown(&work)));
    };
    let mut runs = sweeps::runs(db, &row.id, RUNS).await?;
    let axes = axes(&row);
    let columns = columns(axes.len(), &row.currency);
    let map = map::map(&runs, &axes, query);
    table::sort(&mut runs, query.sort());
    let path = format!("/lab/sweeps/{id}");
    Ok(View {
        title: format!("Sweep {} {}", row.underlying, row.source),
        name: "lab_sweep",
        fragments: &["work", "verdict", "insight"],
        values: json!({
            "insight": insight(site, "sweep", &[&row.id]).await?,
            "work": work.as_ref().map(job::shown), "path": path, "axes": axes, "map": map, "figures": labels(), "columns": columns.iter().map(|figure| label(figure)).collect::<Vec<_>>(),
            "statistics": read(row.statistics.as_deref()), "shown": SHOWN.min(runs.len()),
            "runs": runs.iter().take(SHOWN).map(|run| shown(&row, run, &axes, &columns)).collect::<Vec<_>>(),
            "model": model(site, &row), "varied": plan(&row).axes.iter().map(Axis::text).collect::<Vec<_>>(), "sweep": row,
        }),
        tables: vec![Table::of("runs", COLUMNS, &runs)],
    })
}

/// The model that decides some of its runs, as workers.toml has it; null where rules decide all.
fn model(site: &Site, row: &SweepRow) -> Value {
    let base: Map<String, Value> = stored::decode(&row.settings).unwrap_or_default();
    let trials = plan(row).trials(&base);
    let points = trials.map_or_else(|_| Vec::new(), |trials| trials.points);
    if points.iter().all(|trial| trial.setup.policy != Policy::Llm) {
        return Value::Null;
    }
    let llm = &site.ctx.config.llm;
    let cutoff = Some(llm.training_cutoff.as_str()).filter(|day| !day.is_empty());
    json!({
        "name": llm.model, "training_cutoff": cutoff,
        "before_training_cutoff": cutoff.and_then(|day| begins_before(day, row.from_ms)),
    })
}

/// Before the first row there is only the job.
fn waiting(work: &Value) -> View {
    View {
        title: "Sweep".to_owned(),
        name: "lab_sweep",
        fragments: &["work"],
        values: json!({ "sweep": null, "work": work }),
        tables: Vec::new(),
    }
}

fn plan(row: &SweepRow) -> Plan {
    stored::decode(&row.plan).unwrap_or_default()
}

/// Keys of the axes, in the order of the plan.
fn axes(row: &SweepRow) -> Vec<String> {
    plan(row).axes.into_iter().map(|axis| axis.key).collect()
}

fn labels() -> Vec<Value> {
    FIGURES.iter().map(label).collect()
}

fn label(figure: &Figure) -> Value {
    json!({"key": figure.key, "label": figure.label, "share": figure.share})
}

/// The figures beside so many settings, those of the currency that is ranked in before the others.
fn columns(axes: usize, currency: &str) -> Vec<&'static Figure> {
    let (least, most) = FIGURES_SHOWN;
    let count = COLUMNS_SHOWN.saturating_sub(axes).clamp(least, most);
    let (own, other): (Vec<&Figure>, Vec<&Figure>) = FIGURES
        .iter()
        .take(most)
        .partition(|figure| figure.key.ends_with(currency));
    let kept: Vec<&str> = own
        .iter()
        .chain(&other)
        .take(count)
        .map(|one| one.key)
        .collect();
    let shown = FIGURES.iter().filter(|figure| kept.contains(&figure.key));
    shown.collect()
}

fn read(text: Option<&str>) -> Value {
    text.and_then(|text| stored::exact(text).ok())
        .unwrap_or_default()
}

/// A row of the ranking, with the settings that its run in full takes.
fn shown(sweep: &SweepRow, run: &RunRow, axes: &[String], columns: &[&Figure]) -> Value {
    let own = read(Some(&run.settings));
    let mut settings = read(Some(&sweep.settings));
    if let (Some(settings), Some(own)) = (settings.as_object_mut(), own.as_object()) {
        settings.extend(own.clone());
    }
    let figures: Vec<Value> = columns
        .iter()
        .map(|figure| json!({"value": (figure.of)(run), "share": figure.share}))
        .collect();
    json!({
        "n": run.n, "place": run.place, "error": run.error, "figures": figures, "chains": run.chains, "rolls": run.rolls,
        "values": axes.iter().map(|key| own[key].clone()).collect::<Vec<_>>(), "settings": settings.to_string(),
    })
}

const COLUMNS: &[&str] = &[
    "place",
    "n",
    "settings",
    "return_coin",
    "return_usd",
    "annualised_coin",
    "annualised_usd",
    "volatility_coin",
    "volatility_usd",
    "sharpe_coin",
    "sharpe_usd",
    "sortino_coin",
    "sortino_usd",
    "drawdown_coin",
    "drawdown_usd",
    "win_rate",
    "premium_kept",
    "assignment_rate",
    "time_in_market",
    "chains",
    "legs",
    "rolls",
    "fees",
    "settings_hash",
    "error",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_settings_leave_room_for_fewer_figures() {
        let keys = |axes, currency| -> Vec<&str> {
            let columns = columns(axes, currency);
            columns.iter().map(|figure| figure.key).collect()
        };
        assert_eq!(keys(1, "coin").len(), 7);
        assert_eq!(
            keys(5, "coin"),
            ["sharpe_coin", "return_coin", "drawdown_coin"]
        );
        assert_eq!(
            keys(4, "usd"),
            ["sharpe_coin", "sharpe_usd", "return_usd", "drawdown_usd"]
        );
    }
}
