//! The Backtesting Lab by hand: a run and its progress, a zoom that asks for more, a check, a what-if, presets.

use super::{Desk, Driver, Pages, every_page_fits, no_complaints, wait_for};
use thirtyfour::prelude::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_researcher_works_in_the_lab() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let desk = Desk::start();
    let browser = driver.browser().await;
    let journey = async {
        browser.goto(&desk.login).await.unwrap();
        let run = long_run(&browser, &desk).await;
        zoom_asks_for_more(&browser, &desk, &run).await;
        let check = look_ahead(&browser, &desk, &run).await;
        let call = what_if(&browser, &desk, &run).await;
        let others = [
            other(&browser, &desk, "hold").await,
            other(&browser, &desk, "rules").await,
        ];
        calendar(&browser, &desk).await;
        let id = |path: &str| path.trim_start_matches("/lab/").to_owned();
        let compare = format!(
            "/lab/compare?run={}&run={}&run={}",
            id(&run),
            id(&others[0]),
            id(&others[1])
        );
        let pages = Pages(vec![
            ("lab-list", "/lab".to_owned()),
            (
                "lab-form",
                format!("/lab?copy={}&preset=balanced", id(&run)),
            ),
            ("lab-coverage", "/lab/coverage".to_owned()),
            ("lab-run", run),
            ("lab-check", check),
            ("lab-what-if", call),
            ("lab-what-ifs", "/lab/what-if".to_owned()),
            ("lab-compare", compare),
        ]);
        every_page_fits(&browser, &desk, &pages).await;
        no_complaints(&driver, &browser).await;
    };
    journey.await;
    browser.quit().await.unwrap();
}

/// Fills the form and presses its button.
pub(super) async fn start(browser: &WebDriver, desk: &Desk, page: &str, fields: &str) {
    browser.goto(desk.url(page)).await.unwrap();
    let script = format!(
        "const form = document.querySelector('.lab-form');
         for (const [name, value] of Object.entries({fields})) form.elements[name].value = value;"
    );
    browser.execute(script, Vec::new()).await.unwrap();
    click(browser, "//button[.='Run the backtest']").await;
}

pub(super) async fn click(browser: &WebDriver, path: &str) {
    let button = wait_for(browser, path, 10).await;
    button.scroll_into_view().await.unwrap();
    button.click().await.unwrap();
}

/// A run of many steps: its bar comes by itself, goes at its end, and leaves the result.
async fn long_run(browser: &WebDriver, desk: &Desk) -> String {
    let fields = "{source: 'synthetic', from: '2026-01-02', to: '2026-05-29', interval_ms: '1800000', score_min: '1'}";
    start(browser, desk, "/lab?new=1", fields).await;
    wait_for(browser, "//div[@id='work']//progress", 10).await;
    wait_for(
        browser,
        "//main[not(.//progress)]//a[.='open the result']",
        180,
    )
    .await;
    result(browser).await
}

/// Waits for the result of the run on the page, opens it, and gives its address.
pub(super) async fn result(browser: &WebDriver) -> String {
    click_when(browser, "//a[.='open the result']", 180).await;
    let copy = wait_for(browser, "//a[.='Copy to a new run']", 10).await;
    let address = copy.attr("href").await.unwrap().unwrap();
    address.replace("/lab?copy=", "/lab/")
}

async fn click_when(browser: &WebDriver, path: &str, seconds: u64) {
    wait_for(browser, path, seconds)
        .await
        .click()
        .await
        .unwrap();
}

/// Dragging shows a stretch of every chart over the same time, with more points of it than the whole had.
async fn zoom_asks_for_more(browser: &WebDriver, desk: &Desk, run: &str) {
    browser.goto(desk.url(run)).await.unwrap();
    let chart = "//figure[contains(.,'strikes that were sold')]//*[name()='svg']";
    let svg = wait_for(browser, chart, 10).await;
    svg.scroll_into_view().await.unwrap();
    let drag = browser
        .action_chain()
        .move_to_element_with_offset(&svg, -100, 0)
        .click_and_hold();
    drag.move_by_offset(160, 0)
        .release()
        .perform()
        .await
        .unwrap();
    for title in ["strikes that were sold", "Equity against its alternatives"] {
        let finer = format!(
            "//figure[contains(.,'{title}')]//*[name()='svg'][contains(@class,'zoomed')][@data-points > 1000]"
        );
        wait_for(browser, &finer, 10).await;
    }
    let cross = "count(//*[name()='line'][@class='cross'][@visibility='visible']) >= 2";
    wait_for(browser, &format!("//main[{cross}]"), 5).await;
    super::driver::picture(browser, "lab-zoomed-light-1280", 1280).await;
    super::driver::resize(browser, 1280, 900).await;
    browser
        .action_chain()
        .send_keys(Key::Escape)
        .perform()
        .await
        .unwrap();
    wait_for(
        browser,
        "//main[not(.//*[name()='svg'][contains(@class,'zoomed')])]",
        5,
    )
    .await;
    click(browser, "//tr[@data-zoom-from]/td[1]").await;
    wait_for(browser, &format!("{chart}[contains(@class,'zoomed')]"), 5).await;
}

/// The button on a result leads to a page whose answer comes by itself.
async fn look_ahead(browser: &WebDriver, desk: &Desk, run: &str) -> String {
    browser.goto(desk.url(run)).await.unwrap();
    browser
        .execute(
            "document.querySelector('[name=cuts]').value = '2'",
            Vec::new(),
        )
        .await
        .unwrap();
    click(
        browser,
        "//div[@id='checks']//button[.='Check for look-ahead']",
    )
    .await;
    wait_for(
        browser,
        "//div[@id='result'][contains(.,'no look-ahead')]//span[.='all equal']",
        180,
    )
    .await;
    browser.current_url().await.unwrap().path().to_owned()
}

async fn what_if(browser: &WebDriver, desk: &Desk, run: &str) -> String {
    browser.goto(desk.url(run)).await.unwrap();
    browser
        .execute(
            "document.querySelector('[name=at]').value = '2026-02-10T12:00:00Z'",
            Vec::new(),
        )
        .await
        .unwrap();
    click(browser, "//div[@id='checks']//button[.='Ask']").await;
    wait_for(
        browser,
        "//div[@id='answer'][contains(.,'Premium')]//*[name()='svg']",
        120,
    )
    .await;
    let url = browser.current_url().await.unwrap();
    format!("{}?{}", url.path(), url.query().unwrap_or_default())
}

/// A preset fills the form.
async fn other(browser: &WebDriver, desk: &Desk, preset: &str) -> String {
    browser.goto(desk.url("/lab?new=1")).await.unwrap();
    click(browser, "//nav[@aria-label='Presets']/a[.='ultra safe']").await;
    wait_for(browser, "//input[@name='delta_min'][@value='0.15']", 5).await;
    click(browser, "//nav[@aria-label='Presets']/a[.='ultra safe']").await;
    click(
        browser,
        &format!("//nav[@aria-label='Presets']/a[.='{preset}']"),
    )
    .await;
    wait_for(
        browser,
        "//nav[@aria-label='Presets'][count(a[@aria-current]) = 1]",
        5,
    )
    .await;
    let url = browser.current_url().await.unwrap();
    let page = format!("{}?{}", url.path(), url.query().unwrap_or_default());
    let fields = "{source: 'synthetic', from: '2026-01-02', to: '2026-05-29', score_min: '1', ivrv_min: '0.5'}";
    start(browser, desk, &page, fields).await;
    result(browser).await
}

/// Files are imported from the calendar, which then names what is missing and what fills it.
async fn calendar(browser: &WebDriver, desk: &Desk) {
    for file in [
        "chains/deribit_chain_6h_btc_2025-12-30_31.parquet",
        "chains/deribit_chain_eod_btc_2021-06.parquet",
    ] {
        let Some(path) = crate::support::shared_data(file) else {
            return;
        };
        browser.goto(desk.url("/lab/coverage")).await.unwrap();
        let field = wait_for(
            browser,
            "//section[h2='Import files']//input[@name='path']",
            5,
        )
        .await;
        field.send_keys(path.display().to_string()).await.unwrap();
        click(browser, "//section[h2='Import files']//button[.='Import']").await;
        wait_for(
            browser,
            "//h1[contains(.,'import')]//span[.='succeeded']",
            60,
        )
        .await;
    }
    browser.goto(desk.url("/lab/coverage")).await.unwrap();
    wait_for(
        browser,
        "//div[@class='calendar']//i[contains(@class,'d4')]",
        10,
    )
    .await;
    wait_for(browser, "//td[contains(.,'2021-07-01 to 2025-12-29')]", 5).await;
    wait_for(
        browser,
        "//section[h2='Missing although chains are stored']//button[.='Fetch']",
        5,
    )
    .await;
}
