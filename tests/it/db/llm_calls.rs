//! Calls of a model, written, noted and counted on both engines.

use super::{DESK, Pair, START_MS};
use thetaq::db::Db;
use thetaq::db::llm_calls::{self, Became, Ended, Health, LlmCallRow};
use thetaq::db::reader::{Limits, Reader};
use thetaq::db::shadow_decisions::{self, Score, ShadowRow};
use thetaq::domain::coin::Coin;

fn call(id: &str, outcome: &str, cost_usd: Option<f64>) -> LlmCallRow {
    LlmCallRow {
        id: id.to_owned(),
        job: "job".to_owned(),
        desk: DESK.to_owned(),
        purpose: "decision".to_owned(),
        decision: Some("a decision".to_owned()),
        created_ms: START_MS,
        request: vec![0, 255, 10],
        request_hash: "hash".to_owned(),
        outcome: outcome.to_owned(),
        attempts: 1,
        cost_usd,
        ..LlmCallRow::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_kept_counted_and_found_again() {
    let pair = Pair::empty().await;
    let of_run = |row: LlmCallRow, error: Option<&str>| LlmCallRow {
        backtest: Some("run".to_owned()),
        error: error.map(str::to_owned),
        ..row
    };
    let rows = [
        call("1", "ok", Some(0.25)),
        of_run(call("2", "timeout", None), Some("late")),
        of_run(call("3", "ok", Some(0.5)), None),
    ];
    pair.change(async |tx| {
        for row in &rows {
            llm_calls::insert(tx, row).await?;
        }
        Ok(())
    })
    .await;
    let what = Became {
        outcome: Some("risk_rejected".to_owned()),
        llm_action: Some("{\"choice\":\"c1\"}".to_owned()),
        ..Became::default()
    };
    let noted = pair
        .change(async |tx| {
            let known = llm_calls::became(tx, "3", &what).await?;
            Ok((known, llm_calls::became(tx, "none", &what).await?))
        })
        .await;
    assert_eq!(noted, (true, false));
    let last = pair
        .same(async |db| Ok(llm_calls::answer_to(db, "hash").await?))
        .await
        .unwrap();
    assert_eq!(
        (last.id.as_str(), last.outcome.as_str()),
        ("3", "risk_rejected")
    );
    assert_eq!(
        last.decision.as_deref(),
        Some("a decision"),
        "what is not said stays"
    );
    for (decision, hash, expect) in [
        ("a decision", "hash", Some("3")),
        ("a decision", "other", None),
        ("another", "hash", None),
    ] {
        let found = pair
            .same(async |db| Ok(llm_calls::answer_about(db, decision, hash).await?))
            .await;
        assert_eq!(found.as_ref().map(|row| row.id.as_str()), expect);
    }
    let first = pair
        .same(async |db| Ok(llm_calls::get(db, "1").await?))
        .await;
    assert_eq!(first.as_ref(), Some(&rows[0]));
    let about = pair
        .same(async |db| Ok(llm_calls::of_decision(db, "a decision").await?))
        .await;
    assert_eq!(about.len(), 3);
    let spent = pair
        .same(async |db| Ok(llm_calls::spent_by_job(db, "job").await?))
        .await;
    assert_eq!(spent, (0.75, 1));
    counted(&pair).await;
    let health = pair
        .same(async |db| Ok(llm_calls::health(db, START_MS, START_MS + 1).await?))
        .await;
    let expect = Health {
        calls: 3,
        failed: 1,
        cost_usd: Some(0.75),
        unpriced: 1,
    };
    assert_eq!(health, expect);
    let last = pair
        .same(async |db| Ok(llm_calls::last_ms(db).await?))
        .await;
    assert_eq!(last, Some(START_MS));
    let none = pair
        .same(async |db| Ok(llm_calls::health(db, START_MS + 1, START_MS + 2).await?))
        .await;
    assert_eq!(none, Health::default(), "no calls cost nothing known");
    let limits = Limits {
        rows: 10,
        bytes: 1 << 20,
        time: std::time::Duration::from_secs(10),
    };
    let sql = "select asked_at, outcome, cost_usd, llm_action from v_llm_calls where id = '3'";
    let view = pair
        .same(async |db| Ok(Reader::new(db).query(sql, &[], limits).await?.rows))
        .await;
    assert!(
        serde_json::to_string(&view)
            .unwrap()
            .contains("risk_rejected")
    );
}

/// How the calls of one run ended, and none of another's.
async fn counted(pair: &Pair) {
    let ended = pair
        .same(async |db| Ok(llm_calls::of_backtest(db, "run").await?))
        .await;
    let of_run = |outcome: &str, cost_usd, unpriced, error: Option<&str>| Ended {
        outcome: outcome.to_owned(),
        calls: 1,
        cost_usd,
        unpriced,
        error: error.map(str::to_owned),
    };
    let expect = [
        of_run("risk_rejected", Some(0.5), 0, None),
        of_run("timeout", None, 1, Some("late")),
    ];
    assert_eq!(ended, expect, "the call of another run is not counted");
}

fn opinion(policy: &str, llm_call: Option<&str>) -> ShadowRow {
    ShadowRow {
        decision: "a decision".to_owned(),
        policy: policy.to_owned(),
        desk: DESK.to_owned(),
        underlying: "BTC".to_owned(),
        as_of_ms: START_MS,
        action: "OPEN_COVERED_CALL".to_owned(),
        llm_call: llm_call.map(str::to_owned),
        fills: "[]".to_owned(),
        horizon_ms: START_MS + 1,
        ..ShadowRow::default()
    }
}

fn result(policy: &str, usd: f64) -> Score {
    Score {
        decision: "a decision".to_owned(),
        policy: policy.to_owned(),
        at_ms: START_MS + 2,
        end_price: 90_000.0,
        result_coin_e8: -5,
        result_usd: usd - 100.0,
        versus_holding_usd: usd,
    }
}

/// One call, and the council that it was asked for.
pub(super) async fn store(db: &Db) {
    let mut tx = db.begin().await.unwrap();
    llm_calls::insert(&mut tx, &call("one", "ok", Some(0.25)))
        .await
        .unwrap();
    let rows = [opinion("llm", Some("one")), opinion("rules_v2", None)];
    shadow_decisions::put(&mut tx, "a decision", &rows)
        .await
        .unwrap();
    shadow_decisions::score(&mut tx, &result("llm", 3.0))
        .await
        .unwrap();
    shadow_decisions::score(&mut tx, &result("rules_v2", -1.0))
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_council_is_replaced_by_another_attempt_and_scored_once() {
    let pair = Pair::empty().await;
    let rows = [opinion("never", None), opinion("random", None)];
    pair.change(async |tx| Ok(shadow_decisions::put(tx, "a decision", &rows[..1]).await?))
        .await;
    pair.change(async |tx| Ok(shadow_decisions::put(tx, "a decision", &rows).await?))
        .await;
    let due = async |at_ms: i64| {
        let rows = pair
            .same(async |db| Ok(shadow_decisions::due(db, DESK, Coin::Btc, at_ms).await?))
            .await;
        rows.len()
    };
    assert_eq!((due(START_MS).await, due(START_MS + 1).await), (0, 2));
    let score = result("random", 3.0);
    pair.change(async |tx| Ok(shadow_decisions::score(tx, &score).await?))
        .await;
    assert_eq!(due(START_MS + 1).await, 1);
    let last = pair
        .same(async |db| Ok(shadow_decisions::last(db, DESK, Coin::Btc, 10).await?))
        .await;
    assert_eq!((last.len(), last[1].versus_holding_usd), (2, Some(3.0)));
    assert_eq!(
        (last[0].scored_ms, last[0].desk_action.as_deref()),
        (None, None)
    );
    let all = pair
        .same(async |db| Ok(shadow_decisions::of_decision(db, "a decision").await?))
        .await;
    assert_eq!((all[1].end_price, &all[0]), (Some(90_000.0), &rows[0]));
}
