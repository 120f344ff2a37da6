//! A month of chains as they were recorded: the model beside the rules, asked once and replayed twice.

use super::answers;
use super::decisions::{MAY_OPEN, opens};
use crate::backtest::shared;
use crate::support::aimock::Aimock;
use crate::support::{TestDb, sqlite};
use serde_json::{Value, json};
use thetaq::backtest::Answers;
use thetaq::config::{Config, DecisionMode};
use thetaq::db::decisions::{self, DecisionRow};
use thetaq::db::equity::{self, EquityRow};
use thetaq::db::fills::{self, FillRow};
use thetaq::db::llm_calls::{self, LlmCallRow};
use thetaq::db::settlements::{self, SettlementRow};
use thetaq::db::shadow_decisions::{self, ShadowRow};
use thetaq::domain::coin::Coin;
use thetaq::replay::{ReplayMarket, replay_market};

/// 2026-01-01 and 2026-02-01 00:00 UTC.
const FROM_MS: i64 = 1_767_225_600_000;
const TO_MS: i64 = 1_769_904_000_000;
/// Stands in a prompt about a book that holds a call.
const MAY_CLOSE: &str = r#"{"id":"p1","action":"CLOSE_COVERED_CALL""#;

/// Everything a desk wrote that its market, its rules and the model's answers decide.
#[derive(Debug, PartialEq)]
struct Rows {
    decisions: Vec<DecisionRow>,
    fills: Vec<FillRow>,
    settlements: Vec<SettlementRow>,
    equity: Vec<EquityRow>,
    shadows: Vec<ShadowRow>,
    calls: Vec<LlmCallRow>,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_run_of_a_recorded_month_gives_identical_rows_twice_without_a_call() {
    let test = sqlite().await;
    if !shared(&test, &["6h_btc_2026-01"]).await {
        return;
    }
    let close = json!({"choice": "p1", "size": 0.1, "reason": "the rest is not worth its risk"});
    let fixtures = json!([
        answers(MAY_OPEN, opens("there is room")),
        answers(MAY_CLOSE, json!({ "content": close.to_string() })),
    ]);
    let Some(server) = Aimock::start(fixtures, &[]).await else {
        return;
    };
    let mut config = Config::parse("[desk]\nivrv_min = 0.5", "test").unwrap();
    config.llm = server.settings();
    config.policy.decision_mode = DecisionMode::HybridShadow;
    config.policy.answers = Answers::Ask;
    let asked = run(&test, &config, "recording").await;
    let sent = server.journal().await.len();
    drop(server);
    config.policy.answers = Answers::Replay;
    let first = run(&test, &config, "again").await;
    let second = run(&test, &config, "again").await;
    assert_eq!(first, second);
    for (then, now) in judged(&asked).into_iter().zip(judged(&first)) {
        assert_eq!(now.len(), then.len());
        for (then, now) in then.into_iter().zip(now) {
            assert_eq!(now, then, "as on the day it was asked");
        }
    }
    assert!(
        first
            .calls
            .iter()
            .all(|call| call.attempts == 0 && call.cost_usd.is_none())
    );
    let paid = asked.calls.iter().map(|call| call.attempts).sum::<i64>();
    assert_eq!(
        (sent, paid),
        (asked.calls.len(), sent as i64),
        "each asked once"
    );
    let snapshots = first.decisions.len();
    assert!(
        snapshots > 110 && sent > 100,
        "{snapshots} snapshots, {sent} calls"
    );
    assert_eq!(
        first.shadows.len(),
        snapshots,
        "one shadow beside every tick"
    );
    assert!(
        first
            .decisions
            .iter()
            .all(|row| row.source != "llm" && row.error.is_none())
    );
    let did = |action: &str| {
        first
            .shadows
            .iter()
            .filter(|row| row.action == action)
            .count()
    };
    let (opened, closed) = (did("OPEN_COVERED_CALL"), did("CLOSE_COVERED_CALL"));
    assert!(
        opened > 0 && closed > 100,
        "{opened} opened, {closed} closed"
    );
    assert!(!first.fills.is_empty() && first.equity.len() >= snapshots);
    test.db.close().await;
}

/// Replays the month on a desk of that name.
async fn run(test: &TestDb, config: &Config, desk: &str) -> Rows {
    let wanted = ReplayMarket {
        from_ms: FROM_MS,
        to_ms: TO_MS,
        seed: Some("month".to_owned()),
        desk: Some(desk.to_owned()),
        underlyings: vec![Coin::Btc],
    };
    replay_market(&test.db, config, &wanted, |_, _| {})
        .await
        .unwrap();
    let db = &test.db;
    let mut rows = Rows {
        decisions: decisions::all(db, desk).await.unwrap(),
        fills: fills::all(db, desk).await.unwrap(),
        settlements: settlements::all(db, desk).await.unwrap(),
        equity: equity::series(db, desk, Coin::Btc, 0, i64::MAX)
            .await
            .unwrap(),
        shadows: Vec::new(),
        calls: Vec::new(),
    };
    for decision in &rows.decisions {
        rows.shadows.extend(
            shadow_decisions::of_decision(db, &decision.id)
                .await
                .unwrap(),
        );
        rows.calls
            .extend(llm_calls::of_decision(db, &decision.id).await.unwrap());
    }
    rows
}

/// What is the same whether the answers were given or taken from the ledger: all but names and what a call cost.
fn judged(rows: &Rows) -> [Vec<Value>; 5] {
    let shadows = rows.shadows.iter().map(|row| {
        json!([
            row.as_of_ms,
            row.action,
            row.instrument,
            row.size_e8,
            row.reason,
            row.verdict,
            row.result_coin_e8,
            row.result_usd,
            row.versus_holding_usd,
        ])
    });
    let calls = rows.calls.iter().map(|call| {
        json!([
            call.as_of_ms,
            call.request_hash,
            call.response,
            call.outcome,
            call.snapshot_hash,
            call.llm_action,
            call.rule_action,
            call.verdict,
            call.final_action,
        ])
    });
    let decisions = rows.decisions.iter().map(|row| {
        json!([
            row.as_of_ms,
            row.final_action,
            row.instrument,
            row.size_e8,
            row.reason
        ])
    });
    let fills = rows.fills.iter();
    let fills = fills.map(|row| json!([row.at_ms, row.instrument, row.side, row.cash_e8]));
    let equity = rows.equity.iter();
    let equity = equity.map(|row| json!([row.at_ms, row.equity_e8, row.index_price]));
    // The two fills of a roll are listed by their names.
    let mut fills: Vec<Value> = fills.collect();
    fills.sort_by_key(Value::to_string);
    [
        shadows.collect(),
        calls.collect(),
        decisions.collect(),
        fills,
        equity.collect(),
    ]
}
