//! A run that still works: how far it is, how fast, when it will be done, and its equity so far.

use super::plots;
use crate::db::backtests::{self, BacktestRow};
use crate::db::jobs::JobRow;
use crate::jobs::backtest::READING;
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::pages::job;
use crate::web::view::View;
use serde_json::{Value, json};

pub(super) async fn view(
    site: &Site,
    row: &BacktestRow,
    work: Option<&JobRow>,
) -> Result<View, PageError> {
    let so_far = backtests::equity_so_far(&site.ctx.db, &row.id).await?;
    let points: Vec<(f64, f64)> = so_far
        .iter()
        .map(|point| (point.at_ms as f64, point.equity))
        .collect();
    let working = work.filter(|work| work.state == "running");
    // Taken up again, a run first reads its market: that is no step.
    let reads = |work: &JobRow| {
        let note = work.progress_note.as_deref();
        note.is_some_and(|note| note.starts_with(READING))
    };
    let stepping = working.filter(|work| !reads(work));
    let share = stepping.map_or(0.0, |work| work.progress);
    // Steps are stored with a checkpoint, the job's share after every slice.
    let done = row
        .steps_done
        .max((share * row.steps as f64).round() as i64);
    let elapsed_ms = working
        .and_then(|work| work.started_ms)
        // Before its row is written a run only reads its market.
        .map(|from| site.ctx.clock.wall_ms() - from.max(row.created_ms));
    let pace = Pace::of(done, row.steps, elapsed_ms);
    Ok(View {
        title: format!("Backtest {} {}", row.underlying, row.exit_style),
        name: "lab_run",
        fragments: &["work", "progress"],
        values: json!({
            "run": row, "work": work.map(job::shown),
            "progress": {
                "share": done as f64 / row.steps.max(1) as f64, "done": done, "steps": row.steps,
                "at_ms": so_far.last().map(|last| last.at_ms), "to_ms": row.to_ms,
                "equity": so_far.last().map(|last| last.equity), "coin": row.underlying,
                "rate": pace.steps_per_s, "left_ms": pace.left_ms, "elapsed_ms": elapsed_ms,
                "chart": plots::partial(&points, &row.underlying),
            },
        }),
        tables: Vec::new(),
    })
}

/// A job that has not written its run yet.
pub(super) fn before(work: &Value) -> Value {
    json!({"share": work["progress"], "done": null, "steps": null})
}

/// How fast an attempt goes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Pace {
    steps_per_s: Option<f64>,
    left_ms: Option<i64>,
}

impl Pace {
    fn of(done: i64, steps: i64, elapsed_ms: Option<i64>) -> Self {
        let Some(elapsed_ms) = elapsed_ms.filter(|ms| *ms > 0 && done > 0) else {
            return Self::default();
        };
        let per_ms = done as f64 / elapsed_ms as f64;
        Self {
            steps_per_s: Some(per_ms * 1_000.0),
            left_ms: Some(((steps - done).max(0) as f64 / per_ms) as i64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_takes_as_long_as_the_pace_says() {
        let pace = Pace::of(250, 1_000, Some(500));
        assert_eq!((pace.steps_per_s, pace.left_ms), (Some(500.0), Some(1_500)));
        assert_eq!(Pace::of(0, 1_000, Some(500)), Pace::default());
        assert_eq!(Pace::of(5, 1_000, None), Pace::default());
    }
}
