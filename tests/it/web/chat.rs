//! The chat page over real HTTP: a form without scripts, a stream that was cut and goes on, a card and its click.

use super::Dashboard;
use crate::support::aimock::{Aimock, with_model};
use crate::support::sqlite;
use reqwest::{Client, RequestBuilder, StatusCode, header};
use serde_json::{Value, json};
use thetaq::config::{LlmConfig, StructuredMode};
use thetaq::db::access::audits;
use thetaq::db::chats;
use thetaq::jobs::drain::{Advance, run_until_idle};
use thetaq::jobs::registry;

const ANSWER: &str = "The desk waits for calls that pay more than 3 percent of their own spread and for a market that moves.";

/// A dashboard whose model tells [`ANSWER`] in small pieces, or proposes a job.
async fn dashboard() -> Option<(Dashboard, Aimock, crate::support::TestDb)> {
    let draft = json!({"kind": "backtest", "args": {"source": "synthetic"}, "why": "To see what it would earn."});
    let fixtures = json!([
        { "match": { "userMessage": "slowly" }, "chunkSize": 4, "latency": 60, "response": { "content": ANSWER } },
        { "match": { "userMessage": "propose", "hasToolResult": true }, "response": { "content": "See the card." } },
        { "match": { "userMessage": "propose" }, "response": { "toolCalls": [{ "name": "draft_job", "arguments": draft }] } },
    ]);
    let server = Aimock::start(fixtures, &[]).await?;
    let test = sqlite().await;
    let plain = Dashboard::start(&test).await;
    let settings = LlmConfig {
        structured_mode: StructuredMode::Tool,
        ..server.settings()
    };
    let desk = Dashboard::over(with_model(&plain.ctx, settings)).await;
    Some((desk, server, test))
}

/// Posts the form as a page without scripts does; gives the conversation and its answer.
async fn ask(desk: &Dashboard, client: &Client, text: &str) -> (String, String) {
    let form = [("text", text), ("thread", "")];
    let sent = posted(client, desk.url("/chat"), &form)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), StatusCode::SEE_OTHER);
    let place = sent.headers()[header::LOCATION].to_str().unwrap();
    let thread = place
        .trim_start_matches("/chat/")
        .trim_end_matches("#end")
        .to_owned();
    let messages = chats::messages(&desk.ctx.db, &thread).await.unwrap();
    (thread, messages.last().unwrap().id.clone())
}

fn posted(client: &Client, url: String, fields: &[(&str, &str)]) -> RequestBuilder {
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", value.replace(' ', "+")));
    let body = pairs.collect::<Vec<_>>().join("&");
    let kind = (header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    client.post(url).header(kind.0, kind.1).body(body)
}

/// Reads events until `enough` of them have come, or the stream ends; gives (id, name, data).
async fn events(
    desk: &Dashboard,
    client: &Client,
    path: &str,
    last: &str,
    enough: usize,
) -> Vec<(String, String, Value)> {
    let request = client.get(desk.url(path)).header("last-event-id", last);
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let (mut text, mut found) = (String::new(), Vec::new());
    while found.len() < enough {
        let Some(bytes) = response.chunk().await.unwrap() else {
            break;
        };
        text += std::str::from_utf8(&bytes).unwrap();
        while let Some((event, rest)) = text.split_once("\n\n") {
            let field = |name: &str| {
                let line = event.lines().find_map(|line| line.strip_prefix(name));
                line.unwrap_or_default().trim().to_owned()
            };
            let data = serde_json::from_str(&field("data:")).unwrap_or_default();
            if !field("event:").is_empty() {
                found.push((field("id:"), field("event:"), data));
            }
            text = rest.to_owned();
        }
    }
    found
}

async fn work(desk: &Dashboard) {
    run_until_idle(&desk.ctx, &registry::all(), Advance::Stay)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_cut_goes_on_where_it_was() {
    let Some((desk, _server, _db)) = dashboard().await else {
        return;
    };
    let client = desk.browser().await;
    let (thread, message) = ask(&desk, &client, "tell me slowly").await;
    let ctx = desk.ctx.clone();
    let working = tokio::spawn(async move {
        run_until_idle(&ctx, &registry::all(), Advance::Stay)
            .await
            .unwrap();
    });
    let path = format!("/chat/{thread}/events?message={message}");
    let first = events(&desk, &client, &path, "", 2).await;
    let told: String = first
        .iter()
        .map(|(.., data)| data["text"].as_str().unwrap())
        .collect();
    assert!(
        !told.is_empty() && told.len() < ANSWER.len(),
        "it came in pieces: {first:?}"
    );
    let rest = events(&desk, &client, &path, &first.last().unwrap().0, usize::MAX).await;
    let texts = rest.iter().filter(|(_, name, _)| name == "text");
    let more: String = texts
        .map(|(.., data)| data["text"].as_str().unwrap())
        .collect();
    assert_eq!(format!("{told}{more}"), ANSWER);
    let (_, name, done) = rest.last().unwrap();
    assert_eq!(name, "done");
    let html = done["html"].as_str().unwrap();
    assert!(
        html.contains("<mark class=\"unsupported\"") && html.contains(">3 percent</mark>")
            || html.contains(">3</mark>"),
        "{html}"
    );
    working.await.unwrap();
    let page = desk
        .get(&client, &format!("/chat/{thread}"))
        .await
        .text()
        .await
        .unwrap();
    assert!(
        page.contains("tell me slowly")
            && page.contains("USD")
            && page.contains("without a receipt"),
        "{page}"
    );
    let missing = client
        .get(desk.url("/chat/x/events?message=y"))
        .send()
        .await
        .unwrap();
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_starts_its_job_with_a_click_that_is_written_down() {
    let Some((desk, _server, _db)) = dashboard().await else {
        return;
    };
    let client = desk.browser().await;
    let (thread, _) = ask(&desk, &client, "propose something").await;
    work(&desk).await;
    let page = desk
        .get(&client, &format!("/chat/{thread}"))
        .await
        .text()
        .await
        .unwrap();
    let (_, rest) = page
        .split_once("action=\"/actions/draft-confirm\"")
        .expect("a card");
    let (_, rest) = rest.split_once("name=\"id\" value=\"").unwrap();
    let (draft, _) = rest.split_once('"').unwrap();
    let form = [("id", draft)];
    let confirm = async || {
        posted(&client, desk.url("/actions/draft-confirm"), &form)
            .send()
            .await
            .unwrap()
    };
    assert_eq!(confirm().await.status(), StatusCode::SEE_OTHER);
    assert_eq!(confirm().await.status(), StatusCode::BAD_REQUEST, "once");
    let trail = audits(&desk.ctx.db, 10).await.unwrap();
    let lines: Vec<(&str, Option<&str>)> = trail
        .iter()
        .map(|line| (line.action.as_str(), line.target.as_deref()))
        .collect();
    assert!(lines.contains(&("draft-confirm", Some(draft))), "{lines:?}");
    assert!(lines.iter().any(|line| line.0 == "chat"), "{lines:?}");
    let page = desk
        .get(&client, &format!("/chat/{thread}"))
        .await
        .text()
        .await
        .unwrap();
    assert!(
        page.contains("confirmed") && page.contains("The job it became"),
        "{page}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_model_the_page_says_how_to_set_one_and_commands_work() {
    let test = sqlite().await;
    let desk = Dashboard::start(&test).await;
    let client = desk.browser().await;
    let page = desk.get(&client, "/chat").await.text().await.unwrap();
    for text in ["THETAQ_LLM_API_KEY", "base_url", "CONTRACT"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let (thread, message) = ask(&desk, &client, "/limits").await;
    work(&desk).await;
    let path = format!("/chat/{thread}/events?message={message}");
    let found = events(&desk, &client, &path, "", usize::MAX).await;
    let names: Vec<&str> = found.iter().map(|(_, name, _)| name.as_str()).collect();
    assert_eq!(names, ["part", "done"]);
    assert!(found[0].2["html"].as_str().unwrap().contains("delta_max"));
    let empty = posted(&client, desk.url("/chat"), &[("text", " ")])
        .send()
        .await
        .unwrap();
    assert_eq!(empty.status(), StatusCode::BAD_REQUEST);
}
