//! The SQL page and its API: questions, free queries, what is cut off, who asked, and what stays refused.

use super::{Dashboard, browser, each_db, html};
use crate::reader::ATTACKS;
use crate::support::sqlite;
use reqwest::{Client, StatusCode, header};
use serde_json::{Value, json};
use std::time::Duration;
use thetaq::clock::Stopwatch;
use thetaq::db::access;
use thetaq::jobs::registry;
use thetaq::web;

const ENDLESS: &str = "with recursive n as (select 1 as i union all select i + 1 from n) select count(*) from n where i < 0";

fn address(sql: &str) -> String {
    let letters = sql.bytes().map(|byte| format!("%{byte:02X}"));
    format!("/sql?query={}", letters.collect::<String>())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_shows_its_inputs_its_chart_and_its_rows() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        let start = desk.page(&client, "/sql").await;
        for text in ["Equity by day", "v_decisions", "probability with which this action was drawn", "Nothing was asked yet"] {
            assert!(start.contains(text), "the page lacks {text}");
        }
        let empty = desk.page(&client, "/sql/equity_by_day?underlying=BTC").await;
        assert!(empty.contains("No rows") && empty.contains("value=\"BTC\""), "{empty}");
        desk.seed().await;
        let page = desk.page(&client, "/sql/decisions_by_action").await;
        for text in ["a limit, not the policy, decides", "placeholder=\"live\"", "OPEN_COVERED_CALL", "2 rows"] {
            assert!(page.contains(text), "the question lacks {text}: {page}");
        }
        let sql = "select decided_at, underlying, index_price from v_decisions \
             union all select '2026-01-06T00:00:00.000Z', underlying, index_price + 1 from v_decisions";
        let page = desk.page(&client, &address(sql)).await;
        assert!(page.contains("<svg class=\"chart\"") && page.contains(">BTC</span>"), "{page}");
        let unknown = desk.get(&client, "/sql/equity_by_day?colour=red").await;
        assert_eq!(unknown.status(), StatusCode::BAD_REQUEST);
        assert!(unknown.text().await.unwrap().contains("desk, underlying"));
        assert_eq!(desk.get(&client, "/sql/nothing").await.status(), StatusCode::NOT_FOUND);
    })
    .await;
}

/// No parameter of a question has a name that the page itself needs.
#[test]
fn names_of_parameters_are_free() {
    let own = [
        "query", "rows", "seconds", "sort", "format", "table", "notice", "question",
    ];
    for question in thetaq::db::named::all() {
        for one in &question.parameters {
            assert!(!own.contains(&one.name), "{}: {}", question.name, one.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_what_the_page_shows() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        let sql = "with recursive n as (select 1 as i union all select i + 1 from n where i < 5000) \
             select i, 0.1 + 0.2 as sum, '=1+1, \"x\"' as text, 'twice' as text from n";
        let path = format!("{}&rows=100&sort=-i", address(sql));
        let page = desk.page(&client, &path).await;
        assert!(page.contains("id=\"truncated\"") && page.contains("Only the first 100 rows"), "{page}");
        let rows: Vec<Value> = serde_json::from_str(&desk.page(&client, &format!("{path}&format=json")).await).unwrap();
        assert_eq!(rows.len(), 100);
        let sum = rows[0]["sum"].as_f64().unwrap();
        assert!((sum - 0.3).abs() < 1e-12, "{sum}");
        assert_eq!((&rows[0]["i"], &rows[0]["text_2"]), (&json!(100), &json!("twice")));
        let csv = desk.page(&client, &format!("{path}&format=csv")).await;
        assert!(csv.starts_with("i,sum,text,text_2\r\n100,0.3"), "{csv}");
        let failed = desk.get(&client, &format!("{}&format=csv", address("select x"))).await;
        assert_eq!(failed.status(), StatusCode::BAD_REQUEST);
        for wrong in ["rows=0", "rows=many", "seconds=61", "rows=10001"] {
            let answer = desk.get(&client, &format!("{}&{wrong}", address("select 1"))).await;
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{wrong}");
        }
        let long = format!("select '{}'", "x".repeat(8_000));
        let answer = desk.get(&client, &address(&long)).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_leaves_a_line_and_is_in_the_history() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        desk.page(&client, "/sql/refusals?desk=replay-x").await;
        desk.page(&client, &address("select id from v_desks where id <> '<b>'")).await;
        desk.page(&client, &address("select nothing")).await;
        let page = desk.page(&client, "/sql").await;
        for text in ["refusals?desk=replay-x", "&lt;b&gt;", "failed", "by browser"] {
            assert!(page.contains(text), "the history lacks {text}: {page}");
        }
        let lines = access::audits_of(&desk.ctx.db, "sql", 10).await.unwrap();
        let found: Vec<_> = lines.iter().map(|line| (line.actor.as_str(), line.detail.0.clone())).collect();
        assert_eq!(found.len(), 3, "{found:?}");
        let expect = json!({"question": "refusals", "parameters": {"desk": "replay-x"}, "rows": 0, "truncated": false});
        assert!(found.contains(&("browser", expect)), "{found:?}");
        let failed = found.iter().find_map(|(_, detail)| detail["error"].as_str());
        assert!(failed.unwrap().contains("nothing"), "{found:?}");
    })
    .await;
}

/// A live page follows its status line; it does not ask the database again each time a row changes.
#[tokio::test(flavor = "multi_thread")]
async fn following_the_page_asks_nothing() {
    let db = sqlite().await;
    let desk = Dashboard::start(&db).await;
    let client = desk.browser().await;
    let path = format!(
        "/events?page={}",
        address(ENDLESS).replace('%', "%25").replace('?', "%3F")
    );
    let answer = tokio::time::timeout(Duration::from_secs(5), desk.get(&client, &path)).await;
    assert_eq!(
        answer.unwrap().headers()[header::CONTENT_TYPE],
        "text/event-stream"
    );
    assert!(
        access::audits_of(&desk.ctx.db, "sql", 1)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_fail_on_the_page_and_through_the_api() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        let token = web::create_token(&desk.ctx, "robot").await.unwrap();
        let robot = browser();
        for sql in ATTACKS {
            let page = desk.page(&client, &address(sql)).await;
            let refused = page.contains("id=\"error\"") || page.contains(">0 rows");
            assert!(refused, "{sql}: {page}");
            let (status, body) = post(&desk, &robot, &token, &json!({ "query": sql })).await;
            let harmless = status == StatusCode::OK && body["rows"] == json!([]);
            assert!(
                harmless || status == StatusCode::BAD_REQUEST,
                "{sql}: {body}"
            );
        }
        let desks = desk
            .page(
                &client,
                &format!("{}&format=json", address("select kill_switch from v_desks")),
            )
            .await;
        assert_eq!(desks, "[{\"kill_switch\":false}]");
        assert_eq!(access::token_names(&desk.ctx.db).await.unwrap().len(), 1);
    })
    .await;
}

async fn post(desk: &Dashboard, client: &Client, token: &str, body: &Value) -> (StatusCode, Value) {
    let request = client
        .post(desk.url("/api/v1/sql"))
        .bearer_auth(token)
        .json(body);
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_ask_questions_and_queries() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let token = web::create_token(&desk.ctx, "robot").await.unwrap();
        let robot = browser();
        let known = robot
            .get(desk.url("/api/v1/sql"))
            .bearer_auth(&token)
            .send()
            .await
            .unwrap();
        let known: Value = known.json().await.unwrap();
        assert!(known["questions"].as_array().unwrap().len() >= 20);
        assert_eq!(known["views"][0]["columns"][1]["unit"], "UTC time");
        let ask = async |body: Value| post(&desk, &robot, &token, &body).await;
        let (_, rows) =
            ask(json!({"query": "select 1 as a, 'x' as b union all select 2, 'y'", "rows": 1}))
                .await;
        assert_eq!(
            rows,
            json!({"columns": ["a", "b"], "rows": [[1, "x"]], "truncated": true})
        );
        let (status, rows) =
            ask(json!({"question": "equity_by_day", "parameters": {"desk": "live"}})).await;
        assert_eq!((status, &rows["rows"]), (StatusCode::OK, &json!([])));
        for wrong in [
            json!({}),
            json!({"question": "equity_by_day", "query": "select 1"}),
            json!({"query": "select 1", "parameters": {"a": "b"}}),
            json!({"query": "select 1", "seconds": 600}),
            json!({"question": "equity_by_day", "parameters": {"colour": "red"}}),
            json!({"query": ENDLESS, "seconds": 1}),
        ] {
            let (status, body) = ask(wrong.clone()).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}: {body}");
        }
        let lines = access::audits_of(&desk.ctx.db, "sql", 1).await.unwrap();
        assert_eq!(lines[0].actor, "token:robot");
    })
    .await;
}

/// Leaving the page ends the statement: the next question is not held up and nothing runs on.
#[tokio::test(flavor = "multi_thread")]
async fn leaving_the_page_stops_the_statement() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        let since = Stopwatch::start();
        let slow = format!("{}&seconds=60", address(ENDLESS));
        let left = tokio::time::timeout(Duration::from_millis(700), desk.get(&client, &slow)).await;
        assert!(left.is_err(), "it ended by itself");
        let running = "select count(*) as n from pg_stat_activity \
             where usename = current_user and state = 'active' and pid <> pg_backend_pid()";
        let count = format!("{}&format=json", address(running));
        if desk.ctx.db.is_postgres() {
            while desk.page(&client, &count).await != "[{\"n\":0}]" {
                assert!(since.elapsed() < Duration::from_secs(20), "it still runs");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        let lines = access::audits_of(&desk.ctx.db, "sql", 100).await.unwrap();
        assert!(
            lines.iter().all(|line| line.detail.0["query"] != ENDLESS),
            "{lines:?}"
        );
    })
    .await;
}

/// The button is there when this program has a job that exports; then it makes one.
#[tokio::test(flavor = "multi_thread")]
async fn the_export_is_a_job_when_there_is_such_a_job() {
    let db = sqlite().await;
    let desk = Dashboard::start(&db).await;
    let client = desk.browser().await;
    let there = registry::all().known("export").is_ok();
    let page = desk.page(&client, "/sql/refusals").await;
    assert_eq!(page.contains("Export in full as a job"), there);
    let request = html(client.post(desk.url("/sql/export")))
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body("question=refusals&desk=live&format=csv");
    let answer = request.send().await.unwrap();
    if there {
        let job = answer.headers()[header::LOCATION]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(job.starts_with("/jobs/"), "{job}");
        assert!(desk.page(&client, &job).await.contains("refusals"));
    } else {
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    }
}
