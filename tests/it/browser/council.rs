//! The council by hand: a fast desk, whose other policies are asked beside it and scored as days pass.

use super::{Desk, Driver, Pages, every_page_fits, no_complaints, wait_for};

/// A day passes in five seconds, and calls are short.
const SETTINGS: &str = "[exchange]\nspeed = 17280.0\n[desk]\ndte_max = 2.5\nivrv_min = 0.1\nspread_max = 0.5\n\
    [council]\npolicies = [\"rules_v1\", \"rules_v2\", \"random\", \"always\", \"never\"]\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_council_is_scored_while_a_person_looks_on() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let desk = Desk::with(SETTINGS);
    let browser = driver.browser().await;
    browser.goto(&desk.login).await.unwrap();
    browser.goto(desk.url("/council")).await.unwrap();
    let scored = "//div[@id='opinions']//*[name()='g'][contains(@class,'whisker')]";
    wait_for(&browser, scored, 120).await;
    let pages = Pages(vec![
        ("council", "/council".to_owned()),
        ("council-one", "/council?coin=BTC".to_owned()),
    ]);
    every_page_fits(&browser, &desk, &pages).await;
    no_complaints(&driver, &browser).await;
    browser.quit().await.unwrap();
}
