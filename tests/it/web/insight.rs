//! Texts of a model about a sweep and about two runs, on their pages: the facts beside them, the numbers checked.

use super::Dashboard;
use crate::support::aimock::{Aimock, with_model};
use crate::support::each_db;
use crate::support::terminal::Terminal;
use reqwest::{Client, StatusCode, header};
use serde_json::{Value, json};
use thetaq::db::backtests;
use thetaq::db::insights::{self, InsightRow};

/// What the model says: how many settings were tried is a fact, what they earned is not.
const OF_SWEEP: &str =
    "The sweep tried 3 settings in 3 runs. Its best one earned 98765.4321 USD in seventeen months.";
const OF_TWO: &str =
    "The two runs differ in exit alone. One run earned 77.7 % more, at a delta_max of 0.35.";

#[tokio::test(flavor = "multi_thread")]
async fn texts_about_a_sweep_and_two_runs_stand_beside_their_facts_with_numbers_marked() {
    let says = |about: &str, text: &str| json!({ "match": { "userMessage": about }, "response": { "content": text } });
    let fixtures = json!([
        says("\"table\":\"v_sweeps\"", OF_SWEEP),
        says("\"table\":\"comparison\"", OF_TWO),
    ]);
    let Some(server) = Aimock::start(fixtures, &[]).await else {
        return;
    };
    each_db(async |db| {
        let plain = Dashboard::start(&db).await;
        let desk = Dashboard::over(with_model(&plain.ctx, server.settings())).await;
        let client = desk.browser().await;
        // A sweep waits for its parts, which want a worker of their own.
        let swept = Terminal::on(&db.url).json(&[
            "sweep",
            "--source",
            "synthetic",
            "--market-seed",
            "words",
            "--from",
            "2026-01-02",
            "--to",
            "2026-02-01",
            "--set",
            "score_min=0",
            "--set",
            "ivrv_min=0",
            "--vary",
            "delta_target=0.2,0.3,0.4",
        ]);
        let id = swept["id"].as_str().unwrap();
        let page = format!("/lab/sweeps/{}", swept["job"].as_str().unwrap());
        let row = written(&desk, &client, &page, "sweep", &[id]).await;
        assert_eq!(row.text, OF_SWEEP);
        assert_eq!(marked(&row), ["98765.4321", "seventeen"]);
        let tried = fact(&row, "plan.axes.1.values");
        assert_eq!(tried, Some(json!([0.2, 0.3, 0.4])), "{}", row.facts);

        let mut runs = Vec::new();
        for exit in ["tp_and_roll", "hold_to_expiry"] {
            let job = backtest(&desk, &client, &format!("delta_max=0.35&exit={exit}")).await;
            runs.push(
                backtests::of_job(&desk.ctx.db, &job)
                    .await
                    .unwrap()
                    .unwrap()
                    .id,
            );
        }
        let page = format!("/lab/compare?run={}&run={}", runs[0], runs[1]);
        let ids: Vec<&str> = runs.iter().map(String::as_str).collect();
        let row = written(&desk, &client, &page, "comparison", &ids).await;
        assert_eq!(row.text, OF_TWO);
        assert!(
            marked(&row).contains(&"77.7 %") || marked(&row).contains(&"77.7"),
            "{row:?}"
        );
        assert!(
            !marked(&row).contains(&"two"),
            "that many were compared: {row:?}"
        );
        let exit = fact(&row, "settings.exit").expect("the settings that differ are facts");
        assert_eq!(exit, json!(["tp_and_roll", "hold_to_expiry"]));
    })
    .await;
}

/// Starts a backtest from its form, lets it run, and gives the job's id.
async fn backtest(desk: &Dashboard, client: &Client, fields: &str) -> String {
    let market =
        "source=synthetic&market_seed=words&from=2026-01-02&to=2026-02-01&score_min=0&ivrv_min=0";
    let answer = client
        .post(desk.url("/lab/start/backtest"))
        .header(header::ACCEPT, "text/html")
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(format!("{market}&{fields}"))
        .send()
        .await
        .unwrap();
    let status = answer.status();
    let place = answer.headers().get(header::LOCATION).cloned();
    let said = answer.text().await.unwrap();
    assert_eq!(status, StatusCode::SEE_OTHER, "{said}");
    desk.drain().await;
    let place = place.unwrap().to_str().unwrap().to_owned();
    place.rsplit('/').next().unwrap().to_owned()
}

/// Presses the button of a page; the text is on it then, with its facts and what it cost.
async fn written(
    desk: &Dashboard,
    client: &Client,
    page: &str,
    about: &str,
    ids: &[&str],
) -> InsightRow {
    let before = desk.page(client, page).await;
    assert!(before.contains("Write a summary"), "{before}");
    let runs = ids.iter().map(|id| ("run", *id));
    let fields: Vec<(&str, &str)> = [("about", about)].into_iter().chain(runs).collect();
    let answer = desk.post(client, "insight", &fields).await;
    assert!(answer.status().is_redirection(), "{}", answer.status());
    desk.drain().await;
    let row = insights::latest(&desk.ctx.db, about, ids[0], ids.get(1).copied()).await;
    let row = row.unwrap().expect("a text");
    assert_eq!((row.state.as_str(), row.error.as_deref()), ("done", None));
    assert!(row.cost_usd > Some(0.0), "{row:?}");
    let after = desk.page(client, page).await;
    for part in [
        "facts it was written from",
        "class=\"receipt\"",
        "without a receipt",
        "<mark class=\"unsupported\"",
        "Write again",
    ] {
        assert!(after.contains(part), "{part}: {after}");
    }
    for word in marked(&row) {
        assert!(
            after.contains(&format!(">{word}</mark>")),
            "{word}: {after}"
        );
    }
    row
}

/// Words of the text that have no receipt.
fn marked(row: &InsightRow) -> Vec<&str> {
    let numbers = row.numbers.as_ref().unwrap().as_array().unwrap();
    let without = numbers.iter().filter(|number| number["row"].is_null());
    let at = |number: &Value, end: &str| usize::try_from(number[end].as_u64().unwrap()).unwrap();
    let found: Vec<&str> = without
        .map(|number| &row.text[at(number, "start")..at(number, "end")])
        .collect();
    assert_eq!(row.unsupported, i64::try_from(found.len()).ok());
    found
}

/// The value beside a name among the facts.
fn fact(row: &InsightRow, name: &str) -> Option<Value> {
    let rows = row.facts["tables"][0]["rows"].as_array().unwrap();
    let named = rows.iter().find(|fact| fact["name"] == name);
    named.map(|fact| fact["value"].clone())
}
