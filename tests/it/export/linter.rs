//! What the linter finds, one by one: it blocks, says what, and lets pass what a person names.

use super::{Desk, of_dataset, of_sql};
use crate::support::dataset::{run, seed};
use crate::support::{TestDb, sqlite};
use serde_json::{Value, json};

async fn seeded(tamper: &str) -> (TestDb, Desk) {
    let test = sqlite().await;
    seed(&test.url, 200).await;
    run(&test.url, tamper).await;
    let desk = Desk::over(&test);
    (test, desk)
}

fn codes(report: &Value) -> Vec<String> {
    let lint = report["lint"].as_array().unwrap().iter();
    lint.map(|finding| {
        format!(
            "{} {}",
            finding["code"].as_str().unwrap(),
            finding["column"].as_str().unwrap()
        )
    })
    .collect()
}

/// Blocks with the code and the words, and exports when that code is allowed.
async fn blocks(tamper: &str, kind: &str, code: &str, words: &str) {
    let (_test, desk) = seeded(tamper).await;
    let error = desk.refused(of_dataset(kind, "jsonl", json!({}))).await;
    assert!(
        error.contains(words) && error.contains(&format!("--allow {code}")),
        "{error}"
    );
    let more = json!({"lint": {"allow": [code]}});
    let report = desk.export(of_dataset(kind, "jsonl", more)).await;
    assert!(
        codes(&report).iter().any(|found| found.starts_with(code)),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feature_named_as_the_future_blocks() {
    let tamper = "update training_datasets set features = '[{\"name\":\"next_index\",\"unit\":\"\",\"about\":\"\"}]'";
    blocks(tamper, "transitions", "later_than_decision", "next_index").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_later_than_the_decision_blocks() {
    let (_test, desk) = seeded("select 1").await;
    desk.ctx.open().await.unwrap();
    let sql = "select 1000 as at_ms, 999 as quote_ms, 1001 as snapshot_ms, id from v_desks";
    let error = desk.refused(of_sql(sql, "csv")).await;
    assert!(
        error.contains("snapshot_ms is later") && !error.contains("quote_ms"),
        "{error}"
    );
    let left = std::fs::read_dir(desk.folder.path().join("exports")).unwrap();
    assert_eq!(left.count(), 0, "a refusal leaves no folder behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reward_in_a_prompt_blocks() {
    let tamper = "update training_rows set regime = 'reward is ' || n where n = 3";
    blocks(
        tamper,
        "chat",
        "reward_in_prompt",
        "prompts tell what followed",
    )
    .await;
    // The figure itself, without a word.
    let tamper =
        "update training_rows set regime = 'x 12.345678901', reward_usd = 12.345678901 where n = 3";
    blocks(tamper, "preference", "reward_in_prompt", "12.345678901").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_episode_in_two_splits_blocks() {
    let tamper = "update training_rows set split = 'test' where n = 3";
    blocks(
        tamper,
        "transitions",
        "chain_across_splits",
        "episode stands in two splits",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_stands_twice_blocks() {
    let tamper = "update training_rows set episode = 'episode 0', step = 3 where n = 4";
    blocks(
        tamper,
        "transitions",
        "duplicate",
        "1 rows stand there a second time",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_say_nothing_are_warnings_unless_strict() {
    let (_test, desk) = seeded("update training_rows set regime = 'calm', index_price = 1.5").await;
    let report = desk
        .export(of_dataset("transitions", "csv", json!({})))
        .await;
    let found = codes(&report);
    for expect in [
        "constant_column index_price",
        "null_column observation.dvol",
        "null_column chain",
    ] {
        assert!(
            found.iter().any(|one| one == expect),
            "{expect} in {found:?}"
        );
    }
    assert!(
        !found
            .iter()
            .any(|one| one.ends_with(" policy") || one.ends_with("observation.iv")),
        "{found:?}"
    );
    let more = json!({"lint": {"strict": true}});
    let error = desk.refused(of_dataset("transitions", "csv", more)).await;
    assert!(error.contains("constant_column"), "{error}");
}
