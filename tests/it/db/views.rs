//! Every view and every named question gives the same rows on both engines, over a desk that traded.

use super::Pair;
use std::collections::BTreeMap;
use std::sync::Arc;
use thetaq::clock::{Clock, Time};
use thetaq::config::Config;
use thetaq::ctx::Ctx;
use thetaq::db::decisions::{self, DecisionFilter};
use thetaq::db::named::Question;
use thetaq::db::reader::{Limits, ReadError, Reader, Rows};
use thetaq::db::{Db, exports, named, views};
use thetaq::domain::coin::Coin;
use thetaq::jobs::drain::{Advance, run_until_idle};
use thetaq::jobs::record_market::RecordMarket;
use thetaq::jobs::replay_decision::ReplayDecision;
use thetaq::jobs::tick::Tick;
use thetaq::jobs::{Job, Options, enqueue, registry};

const LIMITS: Limits = Limits {
    rows: 1_000_000,
    bytes: 1 << 30,
    time: std::time::Duration::from_mins(1),
};

/// Views that stay empty here: workers, schedules and reconciliations of another venue fill them.
const EMPTY: &[&str] = &[
    "v_delivery_prices",
    "v_drift",
    "v_reconciliations",
    "v_schedules",
    "v_workers",
];

/// Questions that these rows have no answer to: nobody compared the desk with the backtester, whose run rolled nothing.
const QUIET: &[&str] = &["rolls_in_backtests", "drift_by_kind"];

/// A book whose margin limit refuses every sale.
const STRICT: &str = "strict";

#[tokio::test(flavor = "multi_thread")]
async fn every_view_and_every_named_question_shows_the_same_rows() {
    let pair = Pair::traded().await;
    for test in &pair.0 {
        study(&test.db).await;
    }
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
    let mut empty = Vec::new();
    for question in named::all() {
        let rows = pair.same(async |db| Ok(answer(db, &question).await?)).await;
        if rows.rows.is_empty() {
            empty.push(question.name);
        }
        changed_into_sql(&pair, &question, &rows).await;
    }
    assert_eq!(empty, QUIET);
}

/// The text a person starts from gives what the question gives.
async fn changed_into_sql(pair: &Pair, question: &Question, expect: &Rows) {
    let text = question.text(&given(question)).unwrap();
    let rows = pair
        .same(async |db| {
            let mut rows = Reader::new(db).query(&text, &[], LIMITS).await?;
            rows.rows.iter_mut().flatten().for_each(round);
            Ok(rows)
        })
        .await;
    assert_eq!(&rows, expect, "{}", question.name);
}

async fn answer(db: &Db, question: &Question) -> Result<Rows, ReadError> {
    let reader = Reader::new(db);
    let mut rows = question.run(&reader, &given(question), LIMITS).await?;
    rows.rows.iter_mut().flatten().for_each(round);
    Ok(rows)
}

fn given(question: &Question) -> BTreeMap<String, String> {
    let refused = question.name.starts_with("refus") || question.name == "replays";
    let desk = if refused { STRICT } else { super::DESK };
    let has_desk = question.parameters.iter().any(|one| one.name == "desk");
    BTreeMap::from_iter(has_desk.then(|| ("desk".to_owned(), desk.to_owned())))
}

/// What a desk alone does not do: recorded quotes, refusals that expire, decisions made again, a sweep.
async fn study(db: &Db) {
    let text = "[desk]\ndte_max = 2.5\nivrv_min = 0.1\nmax_margin_used_pct = 0.001";
    let config = Arc::new(Config::parse(text, "test").unwrap());
    let clock = Clock::manual(super::START_MS, &["study"]);
    let ctx = Ctx::with_clock(db.clone(), STRICT, clock, config);
    ctx.open().await.unwrap();
    let underlying = Coin::Btc;
    for n in [0, 1, 2, 14] {
        let now_ms = super::START_MS + n * 6 * super::HOUR_MS;
        ctx.clock.set(Time::Manual { now_ms });
        let record = RecordMarket {
            underlying,
            synthetic: true,
        };
        run(&ctx, &record).await;
        let as_of_ms = None;
        run(
            &ctx,
            &Tick {
                underlying,
                as_of_ms,
            },
        )
        .await;
    }
    let made = decisions::list(db, &DecisionFilter::of(STRICT, 1))
        .await
        .unwrap();
    let decision = made[0].id.clone();
    run(&ctx, &ReplayDecision { decision }).await;
    let decision = "01KE6Z0V1W3T5Q8R2M4N6P8S0A".to_owned();
    run(&ctx, &ReplayDecision { decision }).await;
    super::sweeps::store(db).await;
    super::llm_calls::store(db).await;
    super::chats::store(db).await;
    export(db).await;
}

/// An export with one finished file.
async fn export(db: &Db) {
    let new = exports::NewExport {
        job: "export",
        source: "sql",
        kind: "rows",
        format: "csv",
        folder: "exports/export",
        plan: &serde_json::json!({}),
        at_ms: super::START_MS,
    };
    let file = exports::ExportFile {
        n: 0,
        part: "data".to_owned(),
        path: "data-00000.csv".to_owned(),
        rows: 7,
        bytes: 99,
        sha256: "c0ffee".to_owned(),
        last_key: None,
    };
    let mut tx = db.begin().await.unwrap();
    exports::begin(&mut tx, &new).await.unwrap();
    exports::file_done(&mut tx, "export", &file, super::START_MS)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn run<J: Job>(ctx: &Ctx, job: &J) {
    let mut tx = ctx.db.begin().await.unwrap();
    enqueue(&mut tx, ctx, job, Options::default())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    run_until_idle(ctx, &registry::all(), Advance::Stay)
        .await
        .unwrap();
}

/// Sums of floats depend on the order of their terms: ten digits are compared.
fn round(cell: &mut serde_json::Value) {
    if let Some(number) = cell.as_f64().filter(|_| cell.is_f64()) {
        *cell = format!("{number:.9e}").into();
    }
}
