//! Decisions of a language model by hand: what it was asked and said, a repaired one, and a run it may have read about.

use super::{Desk, Driver, Pages, every_page_fits, no_complaints, page_fits, wait_for};
use crate::support::aimock::Aimock;
use crate::support::thetaq;
use serde_json::{Value, json};
use thirtyfour::prelude::*;

/// The model sells where it may; where it cannot, it names a size that is none, and mends it when told.
async fn server() -> Option<Aimock> {
    let says = |user: &str, content: Value| json!({ "match": { "userMessage": user }, "response": { "content": content.to_string() } });
    let reason = "A week of premium at 38 % a year net is worth the upside above the strike.";
    let idle = "The call that is held decays well; nothing is gained by paying to close it now.";
    let fixtures = json!([
        // In March it will not.
        { "match": { "userMessage": r#""as_of": "2026-03-"# },
          "response": { "content": "I cannot.", "finishReason": "content_filter" } },
        says(
            "That answer was not used",
            json!({"choice": "nothing", "size": 0, "reason": idle})
        ),
        says(
            r#"{"id":"c1","action":"OPEN"#,
            json!({"choice": "c1", "size": 0.1, "reason": reason})
        ),
        says(
            "Choose one id",
            json!({"choice": "p1", "size": 7, "reason": "take the profit"})
        ),
    ]);
    Aimock::start(fixtures, &[]).await
}

fn settings(server: &Aimock) -> String {
    format!(
        "[exchange]\nspeed = 14400.0\n[desk]\nivrv_min = 0.1\nspread_max = 0.5\n[policy]\ndecision_mode = \"llm_only\"\n\
         [llm]\nbase_url = \"{}\"\nmodel = \"tester\"\nprice_input_usd = 1.0\nprice_output_usd = 2.0\n\
         training_cutoff = \"2026-01-10\"\n[council]\npolicies = [\"llm:second\", \"never\"]\n",
        server.base_url()
    )
}

/// Something that the model decides, as a person starts it in a terminal.
fn start(desk: &Desk, command: &[&str], from: &str, to: &str) -> Value {
    let ran = thetaq()
        .current_dir(desk.folder.path())
        .args(command)
        .args(["--source", "synthetic", "--from", from, "--to", to])
        .args(["--set", "policy=llm", "--set", "interval_ms=86400000"])
        .args([
            "--set",
            "ivrv_min=0",
            "--json",
            "--database-url",
            &desk.database,
        ])
        .output()
        .unwrap();
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
}

/// A run that asks for its answers; gives its id.
fn run(desk: &Desk, from: &str, to: &str) -> String {
    let command = ["backtest", "--set", "answers=ask"];
    let run = start(desk, &command, from, to);
    run["id"].as_str().unwrap().to_owned()
}

/// A run without a recorded answer, which fails; gives its id.
fn failed_run(desk: &Desk) -> String {
    let line = |words: &str| {
        let ran = thetaq()
            .current_dir(desk.folder.path())
            .args(words.split_whitespace())
            .args(["--json", "--database-url", &desk.database])
            .output();
        ran.unwrap()
    };
    let ran = line(
        "backtest --source synthetic --market-seed unheard --from 2026-02-01 --to 2026-02-05 --set policy=llm",
    );
    assert!(!ran.status.success(), "{ran:?}");
    let found = thetaq()
        .current_dir(desk.folder.path())
        .args([
            "sql",
            "--query",
            "select id from v_backtests where state = 'failed'",
        ])
        .args(["--json", "--database-url", &desk.database])
        .output()
        .unwrap();
    let found: Value = serde_json::from_slice(&found.stdout).unwrap();
    found[0]["id"].as_str().unwrap().to_owned()
}

/// The decision that a row of the desk's list leads to.
async fn decision(browser: &WebDriver, desk: &Desk, row: &str) -> String {
    browser.goto(desk.url("/")).await.unwrap();
    let link = format!("//section[@id='feed']//tr[{row}]//a[contains(@href,'/decisions/')]");
    let link = wait_for(browser, &link, 60).await;
    link.attr("href").await.unwrap().unwrap()
}

/// Opens what is folded, and sees in it what was said.
async fn unfold(browser: &WebDriver, summary: &str, words: &str) {
    let path = format!("//details[summary[starts-with(normalize-space(.),'{summary}')]]");
    let folded = wait_for(browser, &path, 10).await;
    assert_eq!(
        folded.attr("open").await.unwrap(),
        None,
        "{summary} is folded at first"
    );
    let summary = folded.find(By::Tag("summary")).await.unwrap();
    summary.scroll_into_view().await.unwrap();
    summary.click().await.unwrap();
    wait_for(
        browser,
        &format!("{path}[@open]//pre[contains(.,'{words}')]"),
        10,
    )
    .await;
}

/// A run without a usable answer, one that failed, and the two beside one that the model may have read about.
async fn unhappy_runs(browser: &WebDriver, desk: &Desk, [refused, failed, compared]: [&str; 3]) {
    browser.goto(desk.url(refused)).await.unwrap();
    let top = "//h1/following::p[contains(@class,'notice')][1][contains(@class,'bad') and contains(.,'The model decided nothing') and contains(.,'thetaq doctor')]";
    wait_for(browser, top, 10).await;
    let row =
        "//section[contains(.,\"The model's answers\")]//tr[contains(.,'refused')][td[2]='5']";
    wait_for(browser, row, 10).await;
    browser.goto(desk.url(failed)).await.unwrap();
    wait_for(
        browser,
        "//p[contains(.,'The run failed, and no roll chain')]",
        10,
    )
    .await;
    let advice = browser.find_all(By::XPath("//p[contains(.,'No call was sold')]"));
    assert_eq!(
        advice.await.unwrap().len(),
        0,
        "advice about a run that failed"
    );
    browser.goto(desk.url(compared)).await.unwrap();
    let warned = "//p[contains(@class,'notice') and contains(@class,'bad')][b='B'][contains(.,'2026-01-10')]";
    wait_for(browser, warned, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_questions_to_a_models_decision_are_answered_on_its_page() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let Some(server) = server().await else {
        return;
    };
    let desk = Desk::with(&settings(&server));
    let browser = driver.browser().await;
    let journey = async {
        browser.goto(&desk.login).await.unwrap();
        let opened = decision(
            &browser,
            &desk,
            ".//span[contains(@class,'open_covered_call')]",
        )
        .await;
        let idle = decision(&browser, &desk, "contains(.,'decays well')").await;
        browser.goto(desk.url(&opened)).await.unwrap();
        // What it said stands there; what it was told and what the server sent is folded.
        wait_for(
            &browser,
            "//pre[contains(.,'A week of premium at 38 %')]",
            10,
        )
        .await;
        unfold(&browser, "Prompt", "You decide for a desk").await;
        unfold(&browser, "Reply", "chatcmpl").await;
        let council = "//tr[.//span[.='desk'] and contains(.,'decided')]/following-sibling::tr[.//span[.='council: llm:second'] and contains(.,'not traded')]";
        wait_for(&browser, council, 20).await;
        let [early, late, refused] = [
            ("2026-01-02", "2026-01-12"),
            ("2026-02-01", "2026-02-10"),
            ("2026-03-01", "2026-03-05"),
        ]
        .map(|(from, to)| run(&desk, from, to));
        let failed = format!("/lab/{}", failed_run(&desk));
        let compared = format!("/lab/compare?run={late}&run={early}&run={refused}");
        let [early, late, refused] = [early, late, refused].map(|id| format!("/lab/{id}"));
        unhappy_runs(&browser, &desk, [&refused, &failed, &compared]).await;
        browser.goto(desk.url(&early)).await.unwrap();
        let notice =
            "//p[contains(@class,'notice') and contains(@class,'bad')][contains(.,'2026-01-10')]";
        wait_for(&browser, notice, 10).await;
        browser.goto(desk.url("/lab")).await.unwrap();
        let marked =
            "//section[@id='runs']//tr[.//span[contains(@class,'bad')][.='trained later']]";
        wait_for(&browser, &format!("{marked}//a[@href='{early}']"), 10).await;
        browser.goto(desk.url(&late)).await.unwrap();
        let calm = "//p[contains(@class,'notice') and not(contains(@class,'bad'))][contains(.,'2026-01-10')]";
        wait_for(&browser, calm, 10).await;
        let (from, to) = ("2026-01-02", "2026-01-12");
        let check = start(&desk, &["lookahead"], from, to)["job"].clone();
        // One setting is recorded, the other says how to.
        let sweep = start(&desk, &["sweep", "--vary", "delta_max=0.4,0.3"], from, to)["id"].clone();
        let sweep = format!("/lab/sweeps/{}", sweep.as_str().unwrap());
        browser.goto(desk.url(&sweep)).await.unwrap();
        wait_for(&browser, notice, 10).await;
        wait_for(
            &browser,
            "//td[contains(.,'delta_max = 0.3 changes the prompt')]",
            10,
        )
        .await;
        let unfold = "for (const fold of document.querySelectorAll('details')) fold.open = true";
        page_fits(&browser, &desk, ("model-unfolded", &opened), unfold).await;
        let pages = Pages(vec![
            ("model-opened", opened),
            ("model-repaired", idle),
            ("model-run-early", early),
            ("model-run-late", late),
            ("model-run-refused", refused),
            ("model-run-failed", failed),
            ("model-compare", compared),
            ("model-sweep", sweep),
            (
                "model-check",
                format!("/lab/lookahead/{}", check.as_str().unwrap()),
            ),
            ("model-lab-list", "/lab".to_owned()),
            ("model-lab-form", "/lab?new=1&policy=llm".to_owned()),
        ]);
        every_page_fits(&browser, &desk, &pages).await;
        no_complaints(&driver, &browser).await;
    };
    journey.await;
    browser.quit().await.unwrap();
}
