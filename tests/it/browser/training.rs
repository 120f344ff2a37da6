//! Training by hand: a run and its bar, what is thin, a policy judged, an export previewed and written.

use super::{Desk, Driver, Pages, every_page_fits, no_complaints, wait_for};
use thirtyfour::prelude::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_researcher_collects_judges_and_exports() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let desk = Desk::start();
    let browser = driver.browser().await;
    browser.goto(&desk.login).await.unwrap();
    let dataset = collect(&browser, &desk).await;
    judge(&browser, &desk, &dataset).await;
    let id = dataset.trim_start_matches("/training/");
    let export = export(&browser, &desk, id).await;
    let pages = Pages(vec![
        ("training-list", "/training".to_owned()),
        (
            "training-form",
            format!("/training?copy={id}&why=More+rows"),
        ),
        ("training-dataset", dataset.clone()),
        ("training-rows", format!("{dataset}/rows")),
        ("training-policies", format!("{dataset}/policies")),
        (
            "exports-preview",
            format!("/exports?dataset={id}&as=csv&strict=yes"),
        ),
        ("exports-list", "/exports".to_owned()),
        ("exports-one", export),
    ]);
    every_page_fits(&browser, &desk, &pages).await;
    no_complaints(&driver, &browser).await;
    browser.quit().await.unwrap();
}

async fn click(browser: &WebDriver, path: &str) {
    let button = wait_for(browser, path, 30).await;
    button.scroll_into_view().await.unwrap();
    button.click().await.unwrap();
}

/// Fills the form, watches the job, and gives the address of what it made.
async fn collect(browser: &WebDriver, desk: &Desk) -> String {
    browser.goto(desk.url("/training?new=1")).await.unwrap();
    let fill = "const form = document.querySelector('.lab-form');
        const fields = {source: 'synthetic', from: '2026-01-02', to: '2026-04-30', interval_ms: '21600000',
          explore_prob: '0.5', json: '{\"open_interest_min\": 0}'};
        for (const [name, value] of Object.entries(fields)) form.elements[name].value = value;
        document.querySelector('[data-key=training-json]').open = true;";
    browser.execute(fill, Vec::new()).await.unwrap();
    click(browser, "//button[.='Start the training run']").await;
    wait_for(browser, "//a[.='open the result']", 180).await;
    click(browser, "//a[.='open the result']").await;
    let copy = wait_for(browser, "//a[.='Copy to a new run']", 30).await;
    let address = copy.attr("href").await.unwrap().unwrap();
    address.replace("/training?copy=", "/training/")
}

/// Estimates come by themselves.
async fn judge(browser: &WebDriver, desk: &Desk, dataset: &str) {
    browser
        .goto(desk.url(&format!("{dataset}/policies")))
        .await
        .unwrap();
    click(browser, "//button[.='Estimate']").await;
    wait_for(
        browser,
        "//div[@id='judged']//*[name()='g'][contains(@class,'whisker')]",
        90,
    )
    .await;
    let uniform = "document.querySelector('[data-key=judge]').open = true;
        document.querySelector('[name=policy]').value = 'uniform'";
    browser.execute(uniform, Vec::new()).await.unwrap();
    click(browser, "//button[.='Estimate']").await;
    wait_for(browser, "//div[@id='judged']//td/a[.='uniform']", 90).await;
}

async fn export(browser: &WebDriver, desk: &Desk, id: &str) -> String {
    browser
        .goto(desk.url(&format!("/exports?dataset={id}&as=csv")))
        .await
        .unwrap();
    click(browser, "//button[.='Start the export']").await;
    wait_for(browser, "//div[@id='detail']//a[.='Dataset card']", 90).await;
    browser.current_url().await.unwrap().path().to_owned()
}
