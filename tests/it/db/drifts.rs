//! Drifts and their differences, written and read on both engines.

use super::{DESK, HOUR_MS, Pair, START_MS};
use thetaq::db::backtest_data;
use thetaq::db::decisions;
use thetaq::db::drifts::{self, DifferenceRow, DriftRow};
use thetaq::db::reader::{Limits, Reader};
use thetaq::domain::chain::Source;
use thetaq::domain::coin::Coin;

fn found(id: &str, kind: &str) -> (DriftRow, Vec<DifferenceRow>) {
    let drift = DriftRow {
        id: id.to_owned(),
        job: "job".to_owned(),
        desk: DESK.to_owned(),
        underlying: "BTC".to_owned(),
        differences: 1,
        equity_desk_e8: Some(5),
        ..DriftRow::default()
    };
    let difference = DifferenceRow {
        drift: id.to_owned(),
        n: 1,
        at_ms: START_MS,
        kind: kind.to_owned(),
        about: "decision".to_owned(),
        because: None,
        explanation: "a person did it".to_owned(),
        ..DifferenceRow::default()
    };
    (drift, vec![difference])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_job_found_replaces_what_an_earlier_attempt_found() {
    let pair = Pair::empty().await;
    let first = found("first", "manual");
    pair.change(async |tx| Ok(drifts::put(tx, "job", &[found("lost", "adopted")]).await?))
        .await;
    pair.change(async |tx| Ok(drifts::put(tx, "job", std::slice::from_ref(&first)).await?))
        .await;
    let rows = pair
        .same(async |db| Ok(drifts::of_job(db, "job").await?))
        .await;
    assert_eq!(rows, [first.0]);
    let differences = pair
        .same(async |db| Ok(drifts::differences(db, "first").await?))
        .await;
    assert_eq!(differences, first.1);
    let gone = pair
        .same(async |db| Ok(drifts::differences(db, "lost").await?))
        .await;
    assert_eq!(gone, []);
    let limits = Limits {
        rows: 10,
        bytes: 1 << 20,
        time: std::time::Duration::from_secs(10),
    };
    let sql = "select at, desk, kind, explanation from v_drift";
    let view = pair
        .same(async |db| Ok(Reader::new(db).query(sql, &[], limits).await?.rows))
        .await;
    let shown = serde_json::to_string(&view).unwrap();
    assert!(
        shown.contains("2026-01-05T09:00:00.000Z") && shown.contains("manual"),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_of_a_range_are_those_of_one_underlying_in_order() {
    let pair = Pair::traded().await;
    let to_ms = START_MS + 12 * HOUR_MS;
    let rows = pair
        .same(async |db| Ok(decisions::between(db, DESK, Coin::Eth, START_MS + 1, to_ms).await?))
        .await;
    let times: Vec<i64> = rows.iter().map(|row| row.as_of_ms).collect();
    assert_eq!(times, [START_MS + 6 * HOUR_MS, to_ms]);
    assert!(rows.iter().all(|row| row.underlying == "ETH"));
    let ticks = pair
        .same(async |db| Ok(decisions::ticks(db, DESK, Coin::Eth, START_MS + 1).await?))
        .await;
    assert_eq!((ticks[0].as_of_ms, &ticks[0].error), (times[0], &None));
    let daily = pair
        .same(async |db| Ok(backtest_data::daily(db, Coin::Eth, to_ms).await?))
        .await;
    assert_eq!(
        (daily.closes.points.len(), daily.closes.source),
        (0, Source::Missing),
        "a synthetic desk stores no prices"
    );
}
