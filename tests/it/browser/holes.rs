//! Months with a hole between them: lines stop at it, zoomed or not; and a sweep of many settings beside it.

use super::lab::{click, result, start};
use super::{Desk, Driver, Pages, every_page_fits, no_complaints, wait_for};
use crate::support::{shared_data, thetaq};
use thirtyfour::prelude::*;

/// December's last days and February, the prices they settle at, and nothing of January.
const FILES: [&str; 4] = [
    "chains/deribit_chain_6h_btc_2025-12-30_31.parquet",
    "chains/deribit_chain_6h_btc_2026-02.parquet",
    "settlement",
    "dvol",
];

#[tokio::test(flavor = "multi_thread")]
async fn lines_stop_where_the_data_do() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let files: Option<Vec<_>> = FILES.iter().map(|file| shared_data(file)).collect();
    let Some(files) = files else {
        return;
    };
    let desk = Desk::start();
    let mut import = thetaq();
    import.args(["import", "--database-url", &desk.database]);
    assert!(import.args(files).output().unwrap().status.success());
    let browser = driver.browser().await;
    let journey = async {
        browser.goto(&desk.login).await.unwrap();
        let fields = "{source: 'recorded', from: '2025-12-30', to: '2026-02-28', score_min: '0', ivrv_min: '0'}";
        start(&browser, &desk, "/lab?new=1", fields).await;
        let run = result(&browser).await;
        browser.goto(desk.url(&run)).await.unwrap();
        torn(&browser).await;
        let sweep = sweep(&browser, &desk).await;
        let pages = Pages(vec![
            ("holes-run", run),
            ("holes-sweep", sweep),
            ("holes-coverage", "/lab/coverage".to_owned()),
        ]);
        every_page_fits(&browser, &desk, &pages).await;
        no_complaints(&driver, &browser).await;
    };
    journey.await;
    browser.quit().await.unwrap();
}

/// Every line over the hole is in two parts; the script's drawing of a stretch with the hole in it as well.
async fn torn(browser: &WebDriver) {
    let title = "Equity against its alternatives";
    let svg = format!("//figure[contains(.,'{title}')]//*[name()='svg']");
    wait_for(browser, &format!("{svg}[.//*[@class='gap']]"), 10).await;
    let parts = format!(
        "const svg = [...document.querySelectorAll('svg.chart')].find((svg) => svg.getAttribute('aria-label') === '{title}');
         return [...svg.querySelectorAll('path.line')].map((path) => path.getAttribute('d').split('M').length - 1);"
    );
    let count = async || -> Vec<u32> {
        let found = browser.execute(&parts, Vec::new()).await.unwrap();
        found.convert().unwrap()
    };
    assert_eq!(count().await, [2, 2, 2, 2]);
    let drawn = wait_for(browser, &svg, 5).await;
    drawn.scroll_into_view().await.unwrap();
    // The hole is the left half of the drawing: a stretch with its end, then one inside of it.
    for (from, by, expect) in [(-60, 260, [1; 4]), (-150, 60, [0; 4])] {
        let drag = browser
            .action_chain()
            .move_to_element_with_offset(&drawn, from, 0)
            .click_and_hold();
        let drag = drag.move_by_offset(by, 0).release();
        drag.perform().await.unwrap();
        wait_for(browser, &format!("{svg}[contains(@class,'zoomed')]"), 5).await;
        assert_eq!(count().await, expect, "{from} {by}");
        super::driver::picture(browser, &format!("holes-zoomed{from}"), 1280).await;
        super::driver::resize(browser, 1280, 900).await;
        let keys = browser.action_chain().send_keys(Key::Escape);
        keys.perform().await.unwrap();
    }
    assert_eq!(count().await, [2, 2, 2, 2], "the whole again");
}

/// Five settings vary: the ranking has a column for each, is whole on a screen and scrolls within its card on a phone.
async fn sweep(browser: &WebDriver, desk: &Desk) -> String {
    browser.goto(desk.url("/lab/sweeps")).await.unwrap();
    let fill = "const form = document.querySelector('.lab-form');
        form.elements.source.value = 'recorded'; form.elements.from.value = '2026-02-01'; form.elements.to.value = '2026-02-28';
        form.elements.vary.value = 'delta_target=0.15,0.3\\ntake_profit=0.5,0.8\\nscore_min=0,1\\nexit=tp_and_roll,hold_to_expiry\\nivrv_min=0,0.5';";
    browser.execute(fill, Vec::new()).await.unwrap();
    click(browser, "//button[.='Start the sweep']").await;
    wait_for(browser, "//a[.='open the result']", 180).await;
    let path = browser.current_url().await.unwrap().path().to_owned();
    for width in [1280, 390] {
        super::driver::resize(browser, width, 900).await;
        browser.goto(desk.url(&path)).await.unwrap();
        let ranking = "//section[.//h2[.='Ranking']]//div[@class='scroll']";
        wait_for(browser, ranking, 10).await;
        let wide = "return [...document.querySelectorAll('#verdict .panel')].every((card) => {
            const box = card.getBoundingClientRect();
            return [...card.querySelectorAll('.scroll, form, select')].every((part) => part.closest('td')
                || part.getBoundingClientRect().right <= box.right);
        });";
        let fits = browser.execute(wide, Vec::new()).await.unwrap();
        assert!(fits.convert::<bool>().unwrap(), "a card at {width}");
        let all = "const tables = document.querySelectorAll('#verdict .scroll');
            return [...tables].every((table) => table.scrollWidth <= table.clientWidth);";
        let all = browser.execute(all, Vec::new()).await.unwrap();
        assert!(
            width < 600 || all.convert::<bool>().unwrap(),
            "all columns and buttons are in sight"
        );
    }
    super::driver::resize(browser, 1280, 900).await;
    path
}
