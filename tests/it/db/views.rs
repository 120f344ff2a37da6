//! Every view and every named question gives the same rows on both engines, over a desk that traded.

use super::Pair;
use std::collections::BTreeMap;
use thetaq::db::reader::{Limits, Reader};
use thetaq::db::{named, views};

pub(super) const LIMITS: Limits = Limits {
    rows: 1_000_000,
    bytes: 1 << 30,
    time: std::time::Duration::from_mins(1),
};

/// Views that a desk alone does not fill: imports, drifts, workers, schedules and reconciliations do.
const EMPTY: &[&str] = &[
    "v_chains",
    "v_coverage",
    "v_delivery_prices",
    "v_drift",
    "v_reconciliations",
    "v_schedules",
    // Sweeps need workers; their own test compares these.
    "v_sweeps",
    "v_sweep_runs",
    "v_workers",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_view_shows_the_same_rows() {
    let pair = Pair::traded().await;
    for view in views::all() {
        let rows = pair
            .same(async |db| {
                let sql = format!("select * from {}", view.name);
                let mut rows = Reader::new(db).query(&sql, &[], LIMITS).await?.rows;
                rows.sort_by_key(|row| serde_json::to_string(row).unwrap());
                Ok(rows)
            })
            .await;
        assert_eq!(rows.is_empty(), EMPTY.contains(&view.name), "{}", view.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_named_question_answers_the_same() {
    let pair = Pair::traded().await;
    let given = BTreeMap::from([("desk".to_owned(), super::DESK.to_owned())]);
    for question in named::all() {
        let has_desk = question
            .parameters
            .iter()
            .any(|parameter| parameter.name == "desk");
        let given = if has_desk {
            given.clone()
        } else {
            BTreeMap::new()
        };
        let rows = pair
            .same(async |db| {
                let mut rows = question.run(&Reader::new(db), &given, LIMITS).await?;
                rows.rows.iter_mut().flatten().for_each(round);
                Ok(rows)
            })
            .await;
        let quiet = ["refusals", "coverage_by_month", "drift_by_kind"].contains(&question.name);
        assert!(
            quiet || !rows.rows.is_empty(),
            "{} found nothing",
            question.name
        );
    }
}

/// Sums of floats depend on the order of their terms: ten digits are compared.
fn round(cell: &mut serde_json::Value) {
    if let Some(number) = cell.as_f64().filter(|_| cell.is_f64()) {
        *cell = format!("{number:.9e}").into();
    }
}
