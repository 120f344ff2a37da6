//! Calls of jobs: the row of each, the budget that stops them unsent, and where the key never is.

use super::{answers, question};
use crate::support::aimock::{Aimock, with_model};
use crate::support::{TestDb, each_db, sqlite};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use thetaq::clock::Clock;
use thetaq::config::{Config, LlmConfig};
use thetaq::ctx::Ctx;
use thetaq::db::{jobs, llm_calls};
use thetaq::jobs::drain::{Advance, run_until_idle};
use thetaq::jobs::llm_call::{self, Subject};
use thetaq::jobs::{Done, Job, JobError, Options, Registry, Running, enqueue};
use thetaq::llm::{Answer, Llm};

/// Asks every question, one after the other.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Asks {
    texts: Vec<String>,
}

impl Job for Asks {
    const KIND: &'static str = "asks";

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let mut done = Vec::new();
        let subject = Subject {
            underlying: Some("BTC".to_owned()),
            as_of_ms: Some(1),
            ..Subject::default()
        };
        for (n, text) in self.texts.iter().enumerate() {
            let ask = question(text, Answer::Text);
            let (reply, id) = if n % 2 == 0 {
                llm_call::call(&ctx, job, &subject, &ask).await?
            } else {
                llm_call::call_streaming(&ctx, job, &subject, &ask, |_| ()).await?
            };
            done.push(json!({ "id": id, "outcome": reply.outcome.as_str(), "error": reply.error }));
        }
        Ok(done.into())
    }
}

const DAY_MS: i64 = 86_400_000;

fn desk(test: &TestDb, settings: LlmConfig) -> Ctx {
    let clock = Clock::manual(20_000 * DAY_MS, &["llm"]);
    let ctx = Ctx::with_clock(test.db.clone(), "live", clock, Arc::new(Config::default()));
    with_model(&ctx, settings)
}

/// What a job that asks these had to say.
async fn ask(ctx: &Ctx, texts: &[&str]) -> Vec<Value> {
    let texts = texts.iter().map(|&text| text.to_owned()).collect();
    let mut tx = ctx.db.begin().await.unwrap();
    let job = enqueue(&mut tx, ctx, &Asks { texts }, Options::default())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let registry = Registry::new().register::<Asks>();
    run_until_idle(ctx, &registry, Advance::Stay).await.unwrap();
    let row = jobs::get(&ctx.db, &job.id).await.unwrap().unwrap();
    let result = row.result.unwrap_or_else(|| panic!("{:?}", row.error));
    result.as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_has_its_row_with_exact_bytes_and_null_for_unknown() {
    let fixtures = json!([
        answers("go", json!({ "content": "yes", "usage": { "prompt_tokens": 1000, "completion_tokens": 500 } })),
        { "match": { "userMessage": "cut" }, "chunkSize": 1, "latency": 20, "truncateAfterChunks": 3,
          "response": { "content": "a long text" } },
    ]);
    let Some(server) = Aimock::start(fixtures, &[]).await else {
        return;
    };
    each_db(async |test| {
        let ctx = desk(&test, server.settings());
        let said = ask(&ctx, &["go", "cut"]).await;
        let row = |n: usize| {
            let id = said[n]["id"].as_str().unwrap().to_owned();
            let db = ctx.db.clone();
            async move { llm_calls::get(&db, &id).await.unwrap().unwrap() }
        };
        let (whole, cut) = (row(0).await, row(1).await);
        assert_eq!((whole.outcome.as_str(), whole.status, whole.attempts), ("ok", Some(200), 1));
        assert_eq!((whole.input_tokens, whole.cost_usd), (Some(1_000), Some(0.002)));
        assert_eq!(whole.price_version, "test");
        let body: Value = serde_json::from_slice(&whole.request).unwrap();
        assert_eq!(body["messages"][1]["content"], "go");
        assert_eq!(serde_json::from_slice::<Value>(&whole.response).unwrap()["choices"][0]["message"]["content"], "yes");
        assert_eq!((cut.outcome.as_str(), cut.output_tokens, cut.cost_usd), ("truncated", None, None));
        let again = llm_calls::answer_to(&ctx.db, &whole.request_hash).await.unwrap();
        assert_eq!(again.unwrap(), whole);
        let half = llm_calls::answer_to(&ctx.db, &cut.request_hash).await.unwrap();
        assert_eq!(half.unwrap(), cut, "half an answer is replayed as that, with its outcome");
        test.db.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exhausted_budget_stops_calls_before_they_are_made() {
    let response =
        json!({ "content": "yes", "usage": { "prompt_tokens": 300, "completion_tokens": 700 } });
    let Some(server) = Aimock::start(json!([answers("go", response)]), &[]).await else {
        return;
    };
    // A call may cost 800 tokens out at 2 USD a million and its bytes in: about 0.0018; it costs 0.0017.
    for (key, day, run) in [
        ("budget_day_usd", Some(0.0045), None),
        ("budget_run_usd", None, Some(0.0045)),
    ] {
        let test = sqlite().await;
        let settings = LlmConfig {
            budget_day_usd: day,
            budget_run_usd: run,
            ..server.settings()
        };
        let ctx = desk(&test, settings);
        let before = server.journal().await.len();
        let said = ask(&ctx, &["go"; 4]).await;
        let outcomes: Vec<&str> = said
            .iter()
            .map(|one| one["outcome"].as_str().unwrap())
            .collect();
        assert_eq!(
            outcomes,
            ["ok", "ok", "budget_exhausted", "budget_exhausted"]
        );
        assert_eq!(
            server.journal().await.len() - before,
            2,
            "the others were never sent"
        );
        let error = said[3]["error"].as_str().unwrap();
        assert!(error.contains(key) && error.contains("0.0045"), "{error}");
        let id = said[3]["id"].as_str().unwrap();
        let row = llm_calls::get(&ctx.db, id).await.unwrap().unwrap();
        assert_eq!((row.attempts, row.status, row.response.len()), (0, None, 0));
        // Another run, or the next day, may ask again.
        if day.is_some() {
            ctx.clock.set(thetaq::clock::Time::Manual {
                now_ms: 20_001 * DAY_MS,
            });
        }
        assert_eq!(ask(&ctx, &["go"]).await[0]["outcome"], "ok");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_unknown_cost_counts_as_the_worst() {
    let fixtures = json!([
        { "match": { "userMessage": "go" }, "chunkSize": 1, "latency": 20, "truncateAfterChunks": 3,
          "response": { "content": "a long text" } },
    ]);
    let Some(server) = Aimock::start(fixtures, &[]).await else {
        return;
    };
    let test = sqlite().await;
    let settings = LlmConfig {
        budget_day_usd: Some(0.003),
        ..server.settings()
    };
    let said = ask(&desk(&test, settings), &["go", "go", "go"]).await;
    // The first is not streamed, and so not cut.
    let outcomes: Vec<&str> = said
        .iter()
        .map(|one| one["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["ok", "truncated", "budget_exhausted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_model_the_error_says_what_to_set() {
    let test = sqlite().await;
    let ctx = desk(&test, LlmConfig::default());
    assert!(ctx.llm.is_none());
    let mut tx = ctx.db.begin().await.unwrap();
    let asks = Asks {
        texts: vec!["go".to_owned()],
    };
    let job = enqueue(&mut tx, &ctx, &asks, Options::default())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    run_until_idle(&ctx, &Registry::new().register::<Asks>(), Advance::Stay)
        .await
        .unwrap();
    let row = jobs::get(&ctx.db, &job.id).await.unwrap().unwrap();
    let error = row.error.unwrap();
    assert!(
        error.contains("[llm] base_url") && error.contains("THETAQ_LLM_API_KEY"),
        "{error}"
    );
}

const KEY: &str = "sk-a-very-distinctive-key-7461";

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_in_no_row_not_even_when_a_server_repeats_it() {
    let quoted = format!("Incorrect API key provided: {KEY}.");
    let fixtures = json!([
        answers(
            "go",
            json!({ "content": format!("Your key is {KEY}, is it not?") })
        ),
        answers(
            "fail",
            json!({ "error": { "message": quoted, "code": KEY }, "status": 401 })
        ),
    ]);
    let Some(server) = Aimock::start(fixtures, &["-c", "1000"]).await else {
        return;
    };
    let test = sqlite().await;
    let mut ctx = desk(&test, server.settings());
    ctx.llm = Llm::new(&server.settings(), Some(KEY.into()))
        .unwrap()
        .map(Arc::new);
    let said = ask(&ctx, &["go", "go", "fail", "fail"]).await;
    assert_eq!(said[2]["outcome"], "http_error");
    assert!(
        said[2]["error"].as_str().unwrap().contains("[the key]"),
        "{said:?}"
    );
    let sent = &server.journal().await[0]["headers"]["authorization"];
    assert!(!sent.is_null(), "the key was sent");
    test.db.close().await;
    let path = test.url.strip_prefix("sqlite://").unwrap();
    for end in ["", "-wal"] {
        let bytes = std::fs::read(format!("{path}{end}")).unwrap_or_default();
        let found = bytes.windows(KEY.len()).any(|part| part == KEY.as_bytes());
        assert!(!found, "the key is in the database{end}");
        assert!(end == "-wal" || bytes.windows(9).any(|part| part == b"[the key]"));
    }
}
