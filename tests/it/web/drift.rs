//! The page of a `drift` job: a verdict in a glance, then every difference with its reason.

use super::{Dashboard, HOUR_MS, START_MS, each_db};
use serde_json::Value;
use thetaq::clock::Time;
use thetaq::db::jobs::{self, Filter};
use thetaq::domain::coin::Coin;
use thetaq::jobs::drift::Drift;
use thetaq::jobs::tick::Tick;

/// Runs the comparison from the desk's first instant to its present; gives the page's address.
async fn compare(desk: &Dashboard) -> String {
    let job = Drift {
        underlying: None,
        from_ms: Some(START_MS),
        to_ms: Some(desk.ctx.clock.now_ms()),
        desk: None,
    };
    desk.run(&job).await;
    let filter = Filter {
        kind: Some("drift".to_owned()),
        ..Filter::default()
    };
    let newest = jobs::list(&desk.ctx.db, &filter).await.unwrap().remove(0);
    assert_eq!(newest.state, "succeeded", "{newest:?}");
    format!("/jobs/{}", newest.id)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_drift_says_what_differs_and_why() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        desk.seed().await;
        let address = compare(&desk).await;
        let page = desk.page(&client, &address).await;
        for coin in Coin::ALL {
            assert!(page.contains(&format!("{coin} made again")), "{page}");
        }
        assert_eq!(page.matches("no difference").count(), 2, "{page}");
        assert!(page.contains("1 of 1 decisions the same"), "{page}");
        // Two hours without a tick, then one.
        let now_ms = START_MS + 2 * HOUR_MS;
        desk.ctx.clock.set(Time::Manual { now_ms });
        let tick = Tick {
            underlying: Coin::Btc,
            as_of_ms: Some(now_ms),
        };
        desk.run(&tick).await;
        let address = compare(&desk).await;
        let page = desk.page(&client, &address).await;
        for part in [
            "<span class=\"chip warn\">tick missed</span>",
            "no decision at 3 instants up to 2026-01-05 10:30",
            "nothing unexplained",
            "table=differences",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let file = format!("{address}?table=differences&format=json");
        let rows: Vec<Value> = serde_json::from_str(&desk.page(&client, &file).await).unwrap();
        assert_eq!(rows[0]["kind"], "tick_missed");
        assert!(page.matches("id=\"difference-").count() >= rows.len());
    })
    .await;
}
