//! A real browser on the real program: the first minutes of a person who opens the desk.
//!
//! Needs Debian's chromium and chromium-driver. Without them it is skipped, or fails where `CI` is set.
//! `THETAQ_SCREENSHOTS` names a folder for a picture of every page, light and dark, wide and narrow.

mod chat;
mod council;
mod driver;
mod holes;
mod lab;
mod model;
mod training;

use crate::support::thetaq;
use driver::Driver;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;
use thetaq::clock::Stopwatch;
use thirtyfour::prelude::*;

/// `thetaq up` on a fresh file; killed when dropped.
struct Desk {
    child: Child,
    login: String,
    /// Where its rows are, for other commands on them.
    database: String,
    folder: tempfile::TempDir,
}

impl Desk {
    fn start() -> Self {
        Self::with("")
    }

    /// With settings of its own.
    fn with(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("workers.toml"), settings).unwrap();
        let url = format!("sqlite://{}", folder.path().join("thetaq.db").display());
        let mut child = thetaq()
            .current_dir(folder.path())
            .args([
                "up",
                "--bind",
                "127.0.0.1:0",
                "--json",
                "--database-url",
                &url,
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut text = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let login = loop {
            text += &lines
                .next()
                .expect("the program printed its login address")
                .unwrap();
            if let Ok(document) = serde_json::from_str::<serde_json::Value>(&text) {
                break document["login"].as_str().unwrap().to_owned();
            }
        };
        Self {
            child,
            login,
            database: url,
            folder,
        }
    }

    fn url(&self, path: &str) -> String {
        let (base, _) = self.login.split_once("/login").unwrap();
        format!("{base}{path}")
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Pages by name; the decision and its job are filled in once they exist.
struct Pages(Vec<(&'static str, String)>);

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_opens_the_desk() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let since = Stopwatch::start();
    let desk = Desk::start();
    let browser = driver.browser().await;
    let journey = async {
        first_decisions(&browser, &desk, &since).await;
        let pages = wander(&browser, &desk).await;
        zoom_a_chart(&browser, &desk).await;
        kill_switch(&browser, &desk).await;
        every_page_fits(&browser, &desk, &pages).await;
        no_complaints(&driver, &browser).await;
    };
    journey.await;
    browser.quit().await.unwrap();
}

/// Both coins are decided and traded within 15 seconds of the start, without a reload, and nothing is red.
async fn first_decisions(browser: &WebDriver, desk: &Desk, since: &Stopwatch) {
    browser.goto(&desk.login).await.unwrap();
    assert_eq!(
        browser.current_url().await.unwrap().as_str(),
        desk.url("/"),
        "the token left the address"
    );
    mark_document(browser).await;
    for coin in ["BTC", "ETH"] {
        let row = format!(
            "//section[@id='feed']//tr[td[2][.='{coin}'] and .//span[contains(@class,'open_covered_call')] \
             and td[contains(.,'1/1 filled')]]"
        );
        wait_for(browser, &row, 15).await;
        let held = format!("//section[@id='positions']//a[starts-with(.,'{coin}')]");
        wait_for(browser, &held, 15).await;
    }
    let took = since.elapsed();
    assert!(
        took < Duration::from_secs(15),
        "decisions of both coins took {took:?}"
    );
    assert!(is_same_document(browser).await, "the page was reloaded");
    let red = browser
        .find_all(By::Css(".chip.bad:not([hidden]), .failed"))
        .await
        .unwrap();
    assert_eq!(
        red.len(),
        0,
        "something is red: {}",
        browser.source().await.unwrap()
    );
}

/// Dragging across a chart zooms it and every chart over the same time; Escape shows the whole again.
async fn zoom_a_chart(browser: &WebDriver, desk: &Desk) {
    browser.goto(desk.url("/")).await.unwrap();
    let chart = wait_for(browser, "//div[@id='charts']//*[name()='svg']", 20).await;
    chart.scroll_into_view().await.unwrap();
    let hand = browser.action_chain();
    let drag = hand
        .move_to_element_with_offset(&chart, -60, 0)
        .click_and_hold();
    drag.move_by_offset(120, 0)
        .release()
        .perform()
        .await
        .unwrap();
    let zoomed = "//div[@id='charts'][count(.//*[name()='svg'][contains(@class,'zoomed')]) = 4]";
    wait_for(browser, zoomed, 5).await;
    browser
        .action_chain()
        .send_keys(Key::Escape)
        .perform()
        .await
        .unwrap();
    wait_for(
        browser,
        "//div[@id='charts'][not(.//*[name()='svg'][contains(@class,'zoomed')])]",
        5,
    )
    .await;
}

/// A value on `window` is gone after a reload.
async fn mark_document(browser: &WebDriver) {
    browser
        .execute("window.seen = true", Vec::new())
        .await
        .unwrap();
}

async fn is_same_document(browser: &WebDriver) -> bool {
    let seen = browser
        .execute("return window.seen === true", Vec::new())
        .await
        .unwrap();
    seen.json().as_bool().unwrap()
}

/// Theme, keyboard, a job, a decision with its parts, a re-run, the option chain.
async fn wander(browser: &WebDriver, desk: &Desk) -> Pages {
    let theme = async || {
        let root = browser.find(By::Css("html")).await.unwrap();
        root.attr("data-theme").await.unwrap().unwrap()
    };
    let body = async || browser.find(By::Css("body")).await.unwrap();
    body().await.send_keys("t").await.unwrap();
    let first = theme().await;
    body().await.send_keys("t").await.unwrap();
    assert_ne!(theme().await, first, "t changes the theme");
    body().await.send_keys("gj").await.unwrap();
    wait_for(browser, "//h1[.='Jobs']", 5).await;
    let tick = "//section[@id='list']//tr[.//span[.='succeeded']]//a[.='tick']";
    let job = wait_for(browser, tick, 10)
        .await
        .attr("href")
        .await
        .unwrap()
        .unwrap();
    browser.goto(desk.url(&job)).await.unwrap();
    wait_for(browser, "//h1[contains(.,'tick')]//span[.='succeeded']", 5).await;
    wait_for(browser, "//section[h2='Attempts']//span[.='succeeded']", 5).await;
    browser
        .goto(desk.url("/?action=OPEN_COVERED_CALL"))
        .await
        .unwrap();
    let opened = wait_for(browser, "//section[@id='feed']//td[1]/a", 5).await;
    let decision = opened.attr("href").await.unwrap().unwrap();
    browser.goto(desk.url(&decision)).await.unwrap();
    for part in [
        "//tr[@class='chosen']//span[.='chosen']",
        "//section[@id='why-not']//code[contains(.,'[desk]')]",
        "//section[header/h2='Risk checks']//span[.='pass']",
        "//ol[@class='lineage']/li[b='Fill']",
    ] {
        wait_for(browser, part, 5).await;
    }
    browser
        .find(By::XPath("//form[@action='/actions/replay']/button"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    wait_for(browser, "//div[@id='replay']//span[.='identical']", 10).await;
    browser.goto(desk.url("/quotes")).await.unwrap();
    wait_for(
        browser,
        "//table[contains(@class,'chain')]//tr[@class='spot']",
        5,
    )
    .await;
    let held = "//nav[@aria-label='Expiries']/a[contains(.,'held')]";
    let expiry = wait_for(browser, held, 5)
        .await
        .attr("href")
        .await
        .unwrap()
        .unwrap();
    browser.goto(desk.url(&expiry)).await.unwrap();
    wait_for(
        browser,
        "//tr[@class='chosen']//span[contains(.,'held')]",
        5,
    )
    .await;
    let drift = drift(browser, desk).await;
    let mut pages = Pages(vec![
        ("live", "/".to_owned()),
        ("jobs", "/jobs".to_owned()),
        (
            "jobs-search",
            "/jobs?q=kind:tick+state:succeeded".to_owned(),
        ),
        ("job", job),
        ("drift", drift),
        ("decision", decision),
        ("quotes", expiry),
        ("confirm", "/confirm/kill".to_owned()),
        ("missing", "/nothing".to_owned()),
    ]);
    pages.0.extend(research(browser, desk).await);
    pages
}

/// Runs, sweeps and questions, each made in the browser.
async fn research(browser: &WebDriver, desk: &Desk) -> Vec<(&'static str, String)> {
    let lab = backtest(browser, desk, "").await;
    let other = backtest(browser, desk, "hold_to_expiry").await;
    let id = |path: &str| path.trim_start_matches("/lab/").to_owned();
    let compare = format!("/lab/compare?run={}&run={}", id(&lab), id(&other));
    let sweep = sweep(browser, desk).await;
    let sql = ask(browser, desk, lab.trim_start_matches("/lab/")).await;
    let around = format!("/lab/sweeps?copy={}", id(&lab));
    vec![
        ("lab", "/lab".to_owned()),
        ("lab-sweeps", around),
        ("lab-sweep", sweep),
        ("sql", "/sql".to_owned()),
        ("sql-question", "/sql/quote_age_by_day".to_owned()),
        ("sql-chart", sql),
        (
            "sql-refused",
            "/sql?query=select%20hash%20from%20tokens".to_owned(),
        ),
        ("lab-short-run", lab),
        ("lab-two", compare),
    ]
}

/// Lets the workers make the desk's time so far again: nothing may be unexplained. Gives the job's address.
async fn drift(browser: &WebDriver, desk: &Desk) -> String {
    let line = ["drift", "--from", "2026-01-05", "--json", "--database-url"];
    let ran = thetaq().args(line).arg(&desk.database).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert!(ran.status.success(), "{document:#}");
    assert!(
        document["drifts"][0]["compared"].as_i64() > Some(0),
        "{document:#}"
    );
    let address = format!("/jobs/{}", document["job"].as_str().unwrap());
    browser.goto(desk.url(&address)).await.unwrap();
    wait_for(browser, "//h2[.='BTC made again']", 5).await;
    wait_for(browser, "//span[.='nothing unexplained']", 5).await;
    address
}

/// Fills the lab's form, waits for the result, and gives the address of the run.
async fn backtest(browser: &WebDriver, desk: &Desk, exit: &str) -> String {
    browser.goto(desk.url("/lab?new=1")).await.unwrap();
    let script = "const form = document.querySelector('.lab-form');
        const set = (name, value) => { form.elements[name].value = value; };
        set('source', 'synthetic'); set('from', '2026-01-02'); set('to', '2026-05-29'); set('score_min', '1');
        if (arguments[0]) set('exit', arguments[0]);";
    browser.execute(script, vec![exit.into()]).await.unwrap();
    let button = "//button[.='Run the backtest']";
    wait_for(browser, button, 5).await.click().await.unwrap();
    wait_for(browser, "//a[.='open the result']", 60)
        .await
        .click()
        .await
        .unwrap();
    wait_for(browser, "//*[name()='path'][contains(@class,'span')]", 5).await;
    let copy = wait_for(browser, "//a[.='Copy to a new run']", 5).await;
    let address = copy.attr("href").await.unwrap().unwrap();
    address.replace("/lab?copy=", "/lab/")
}

/// Types a query, runs it with Ctrl+Enter, sees lines and rows, stops a slow one; gives the address of the first.
async fn ask(browser: &WebDriver, desk: &Desk, run: &str) -> String {
    browser.goto(desk.url("/")).await.unwrap();
    let body = browser.find(By::Css("body")).await.unwrap();
    body.send_keys("gs").await.unwrap();
    let field = wait_for(browser, "//textarea[@name='query']", 5).await;
    let sql = format!(
        "select at, index_price, equity, equity_usd, regime from v_backtest_equity where backtest = '{run}' order by at"
    );
    field.send_keys(sql).await.unwrap();
    field.send_keys(Key::Control + Key::Enter).await.unwrap();
    wait_for(
        browser,
        "//section[@id='result']//th[contains(@class,'num')]/a[.='equity']",
        10,
    )
    .await;
    wait_for(
        browser,
        "//div[@class='charts']//*[name()='path'][contains(@class,'line')]",
        5,
    )
    .await;
    let address = browser.current_url().await.unwrap();
    let address = format!("{}?{}", address.path(), address.query().unwrap());
    wait_for(
        browser,
        "//ul[contains(@class,'history')]//a[contains(.,'v_backtest_equity')]",
        5,
    )
    .await;
    browser.goto(desk.url("/sql?rows=100")).await.unwrap();
    let slow = "with recursive n as (select 1 as i union all select i + 1 from n) select count(*) from n where i < 0";
    let field = wait_for(browser, "//textarea[@name='query']", 5).await;
    field.send_keys(slow).await.unwrap();
    browser
        .execute(
            "setTimeout(() => document.querySelector('[data-stop]').click(), 1500)",
            vec![],
        )
        .await
        .unwrap();
    field.send_keys(Key::Control + Key::Enter).await.unwrap();
    wait_for(
        browser,
        "//form[@id='free'][.//button[.='Stop'][@hidden]]",
        9,
    )
    .await;
    let here = browser.current_url().await.unwrap();
    assert_eq!(
        here.query(),
        Some("rows=100"),
        "the page stayed where it was"
    );
    address
}

/// Fills the form of a sweep, waits for its judgement, and gives the address of the sweep.
async fn sweep(browser: &WebDriver, desk: &Desk) -> String {
    browser.goto(desk.url("/lab/sweeps")).await.unwrap();
    let script = "const form = document.querySelector('.lab-form');
        const set = (name, value) => { form.elements[name].value = value; };
        set('source', 'synthetic'); set('from', '2026-01-02'); set('to', '2026-05-29');
        set('vary', 'delta_target=0.15..0.35/0.05\\ntake_profit=0.5,0.7,0.9\\nexit=tp_and_roll,hold_to_expiry');
        set('train_days', '60'); set('test_days', '20');
        set('json', '{\"score_min\": 1, \"ivrv_min\": 0.5}');";
    browser.execute(script, vec![]).await.unwrap();
    let button = "//button[.='Start the sweep']";
    wait_for(browser, button, 5).await.click().await.unwrap();
    wait_for(browser, "//a[.='open the result']", 120)
        .await
        .click()
        .await
        .unwrap();
    wait_for(browser, "//h2[.='What the best is worth']", 30).await;
    wait_for(browser, "//table[@class='heat']", 5).await;
    let address = browser.current_url().await.unwrap();
    address.path().to_owned()
}

/// The kill switch goes through its confirmation and shows on every page.
async fn kill_switch(browser: &WebDriver, desk: &Desk) {
    browser.goto(desk.url("/")).await.unwrap();
    wait_for(browser, "//a[.='Kill switch']", 5)
        .await
        .click()
        .await
        .unwrap();
    wait_for(browser, "//button[.='Kill switch on']", 5)
        .await
        .click()
        .await
        .unwrap();
    wait_for(
        browser,
        "//p[@class='notice'][contains(.,'The kill switch is on')]",
        5,
    )
    .await;
    wait_for(browser, "//div[@id='status']//span[.='kill switch on']", 5).await;
    wait_for(browser, "//button[.='Kill switch off']", 5)
        .await
        .click()
        .await
        .unwrap();
    wait_for(browser, "//div[@id='status']//span[.='kill switch off']", 5).await;
}

/// No page is wider than its window: a desk and a phone, light and dark.
async fn every_page_fits(browser: &WebDriver, desk: &Desk, pages: &Pages) {
    for (name, path) in &pages.0 {
        page_fits(browser, desk, (name, path), "").await;
    }
}

/// One page by its name and path, after a script has changed it.
async fn page_fits(browser: &WebDriver, desk: &Desk, (name, path): (&str, &str), script: &str) {
    for (width, height) in [(1280, 900), (390, 844)] {
        driver::resize(browser, width, height).await;
        for theme in ["light", "dark"] {
            browser.goto(desk.url(path)).await.unwrap();
            let choose = format!(
                "localStorage.setItem('theme', '{theme}'); document.documentElement.dataset.theme = '{theme}'; {script}"
            );
            browser.execute(choose, Vec::new()).await.unwrap();
            let sizes = browser
                .execute(
                    "return [document.documentElement.scrollWidth, innerWidth]",
                    Vec::new(),
                )
                .await
                .unwrap();
            let [content, window]: [u32; 2] = sizes.convert().unwrap();
            assert!(
                content <= window,
                "{path} at {width}: {content} wide in {window}"
            );
            driver::picture(browser, &format!("{name}-{theme}-{width}"), width).await;
            driver::resize(browser, width, height).await;
        }
    }
}

/// The console has no error: no blocked script, no failed asset.
async fn no_complaints(driver: &Driver, browser: &WebDriver) {
    let complaints: Vec<_> = driver
        .console(browser)
        .await
        .into_iter()
        .filter(|line| !line.contains("/nothing"))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// Waits for one XPath, found anew each time: content that is swapped meanwhile is no trap.
async fn wait_for(browser: &WebDriver, path: &str, seconds: u64) -> WebElement {
    let query = browser
        .query(By::XPath(path))
        .wait(Duration::from_secs(seconds), Duration::from_millis(100));
    match query.first().await {
        Ok(element) => element,
        Err(error) => {
            driver::picture(browser, "failed", 1280).await;
            let source = browser.source().await.unwrap_or_default();
            panic!("waited {seconds} s for {path}: {error}\n{source}")
        }
    }
}
