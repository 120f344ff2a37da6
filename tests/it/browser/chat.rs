//! A conversation by hand: commands, an answer that streams, Stop, a card, a text about a run.

use super::{Desk, Driver, Pages, backtest, every_page_fits, no_complaints, wait_for};
use crate::support::aimock::Aimock;
use serde_json::json;
use thirtyfour::prelude::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_talks_to_the_desk() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let Some(server) = Aimock::start(fixtures(), &[]).await else {
        return;
    };
    let settings = format!(
        "[llm]\nbase_url = \"{}\"\nmodel = \"tester\"\nstructured_mode = \"tool\"\nprice_input_usd = 1.0\nprice_output_usd = 2.0\n",
        server.base_url()
    );
    let desk = Desk::with(&settings);
    let browser = driver.browser().await;
    browser.goto(&desk.login).await.unwrap();
    let command = command(&browser, &desk).await;
    streamed(&browser).await;
    stopped(&browser).await;
    card(&browser).await;
    let run = backtest(&browser, &desk, "").await;
    insight(&browser, &desk, &run).await;
    let pages = Pages(vec![
        ("chat", "/chat".to_owned()),
        ("chat-thread", command),
        ("lab-insight", run),
    ]);
    every_page_fits(&browser, &desk, &pages).await;
    no_complaints(&driver, &browser).await;
    browser.quit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_model_the_page_says_how_to_set_one_and_commands_are_answered() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let desk = Desk::start();
    let browser = driver.browser().await;
    browser.goto(&desk.login).await.unwrap();
    browser.goto(desk.url("/chat")).await.unwrap();
    wait_for(
        &browser,
        "//p[@class='notice'][contains(.,'THETAQ_LLM_API_KEY')]",
        10,
    )
    .await;
    send(&browser, "/jobs").await;
    wait_for(&browser, "//article[contains(.,'Without a model')]", 20).await;
    send(&browser, "What do I hold?").await;
    let told =
        "//article[last()]//div[contains(@class,'text')][contains(.,'only commands are answered')]";
    wait_for(&browser, told, 20).await;
    let thread = browser.current_url().await.unwrap().path().to_owned();
    let pages = Pages(vec![
        ("chat-no-model", "/chat".to_owned()),
        ("chat-no-model-thread", thread),
    ]);
    every_page_fits(&browser, &desk, &pages).await;
    no_complaints(&driver, &browser).await;
    browser.quit().await.unwrap();
}

fn fixtures() -> serde_json::Value {
    let long = "The desk is patient. ".repeat(60);
    let sql =
        json!({"sql": "select count(*) as decisions, min(decided_at) as first from v_decisions"});
    let draft = json!({"kind": "backtest", "args": {"source": "synthetic", "settings": {"delta_max": 0.3, "from_ms": "2026-01-05", "to_ms": "2026-01-20"}},
        "why": "A lower delta would have been called away less often; this run shows what it costs."});
    json!([
        { "match": { "userMessage": "how many", "hasToolResult": true }, "chunkSize": 6, "latency": 40, "response": { "content":
            "The desk looked at the market and found two reasons to wait. It also made 4711 trades, which no row says." } },
        { "match": { "userMessage": "how many" }, "response": { "toolCalls": [{ "name": "query_sql", "arguments": sql }] } },
        { "match": { "userMessage": "at length" }, "chunkSize": 6, "latency": 120, "response": { "content": long } },
        { "match": { "userMessage": "propose", "hasToolResult": true }, "response": { "content": "The card above waits for you." } },
        { "match": { "userMessage": "propose" }, "response": { "toolCalls": [{ "name": "draft_job", "arguments": draft }] } },
        { "match": { "userMessage": "Facts" }, "response": { "content":
            "The run earned less than it risked. Its end is 12345.678 by no fact at all." } },
    ])
}

async fn send(browser: &WebDriver, text: &str) {
    let field = wait_for(browser, "//textarea[@name='text']", 10).await;
    field.send_keys(text).await.unwrap();
    field.send_keys(Key::Enter + "").await.unwrap();
    wait_for(
        browser,
        &format!("//article[@class='question'][contains(.,'{text}')]"),
        10,
    )
    .await;
}

/// A command is answered with rows; gives the address of the conversation.
async fn command(browser: &WebDriver, desk: &Desk) -> String {
    browser.goto(desk.url("/chat")).await.unwrap();
    send(browser, "/limits").await;
    wait_for(
        browser,
        "//article[contains(@class,'answer')]//summary[contains(.,'risk_limits')]",
        20,
    )
    .await;
    wait_for(browser, "//article[contains(.,'Without a model')]", 20).await;
    browser.current_url().await.unwrap().path().to_owned()
}

/// Text grows on the page without a reload; at its end the invented number is marked.
async fn streamed(browser: &WebDriver) {
    send(browser, "how many decisions").await;
    super::mark_document(browser).await;
    wait_for(
        browser,
        "//article[@data-follow]//div[contains(@class,'text')][contains(.,'The desk')]",
        20,
    )
    .await;
    wait_for(browser, "//mark[@class='unsupported'][.='4711']", 30).await;
    assert!(
        super::is_same_document(browser).await,
        "the page was reloaded"
    );
    wait_for(
        browser,
        "//article[last()]//p[contains(@class,'stamp')][contains(.,'tokens')][contains(.,'USD')]",
        5,
    )
    .await;
    wait_for(
        browser,
        "//article[last()]//summary[contains(.,'query_sql')][contains(.,'1 row')]",
        5,
    )
    .await;
}

/// Stop ends the answer, and what had come stays.
async fn stopped(browser: &WebDriver) {
    send(browser, "tell me at length").await;
    wait_for(
        browser,
        "//article[@data-follow]//div[contains(@class,'text')][contains(.,'patient')]",
        20,
    )
    .await;
    let stop = wait_for(browser, "//article[@data-follow]//button[.='Stop']", 5).await;
    stop.scroll_into_view().await.unwrap();
    stop.click().await.unwrap();
    let kept = "//article[last()][.//span[.='stopped']]//div[contains(@class,'text')][contains(.,'patient')]";
    let text = wait_for(browser, kept, 20).await.text().await.unwrap();
    assert!(text.len() < 1_000, "it went on to its end: {}", text.len());
}

/// A proposed job waits for the click.
async fn card(browser: &WebDriver) {
    send(browser, "propose a run").await;
    let confirm = wait_for(
        browser,
        "//section[@class='draft']//button[.='Confirm and start']",
        20,
    )
    .await;
    wait_for(
        browser,
        "//article[last()]//p[contains(@class,'stamp')]",
        20,
    )
    .await;
    let times = "//section[@class='draft']//pre[contains(.,'2026-01-05T00:00:00Z') and contains(.,'2026-01-20T23:59:59Z')]";
    wait_for(browser, times, 10).await;
    super::driver::picture(browser, "chat-card-light-1280", 1280).await;
    let confirm = browser
        .find(By::XPath(
            "//section[@class='draft']//button[.='Confirm and start']",
        ))
        .await
        .unwrap_or(confirm);
    confirm.scroll_into_view().await.unwrap();
    confirm.click().await.unwrap();
    wait_for(
        browser,
        "//section[@class='draft']//span[.='confirmed']",
        10,
    )
    .await;
}

/// The button on a run's page brings a text and the facts beside it.
async fn insight(browser: &WebDriver, desk: &Desk, run: &str) {
    browser.goto(desk.url(run)).await.unwrap();
    let write = wait_for(browser, "//button[.='Write a summary']", 10).await;
    write.scroll_into_view().await.unwrap();
    write.click().await.unwrap();
    wait_for(browser, "//div[@id='insight']//mark[.='12345.678']", 30).await;
    wait_for(
        browser,
        "//div[@id='insight']//summary[contains(.,'facts')]",
        5,
    )
    .await;
}
