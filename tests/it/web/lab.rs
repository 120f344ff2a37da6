//! The Backtesting Lab: a form becomes a job, the job a page with everything the run came to.

use super::{Dashboard, each_db};
use reqwest::{Client, Response, StatusCode, header};
use serde_json::Value;
use thetaq::db::{access, backtests, jobs};

/// Posts a form of the lab.
async fn start(desk: &Dashboard, client: &Client, kind: &str, fields: &str) -> Response {
    client
        .post(desk.url(&format!("/lab/start/{kind}")))
        .header(header::ACCEPT, "text/html")
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(fields.to_owned())
        .send()
        .await
        .unwrap()
}

/// Runs one backtest from its form; gives the id of the run.
async fn run(desk: &Dashboard, client: &Client, fields: &str) -> String {
    let market = "source=synthetic&market_seed=lab&from=2026-01-02&to=2026-03-20";
    let answer = start(desk, client, "backtest", &format!("{market}&{fields}")).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let place = answer.headers()[header::LOCATION]
        .to_str()
        .unwrap()
        .to_owned();
    let waiting = desk.page(client, &place).await;
    assert!(waiting.contains("available"), "the job waits");
    desk.drain().await;
    let job = place.trim_start_matches("/lab/");
    let row = backtests::of_job(&desk.ctx.db, job).await.unwrap();
    row.expect("the job made a run").id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_becomes_a_run_and_its_page() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        let empty = desk.page(&client, "/lab").await;
        assert!(empty.contains("No run yet") && empty.contains("name=\"delta_max\""));
        let id = run(
            &desk,
            &client,
            "score_min=1&exit=tp_and_roll&delta_max=0.35",
        )
        .await;
        let page = desk.page(&client, &format!("/lab/{id}")).await;
        for part in [
            "Coin held",
            "Sold for USD",
            "Weekly 25 delta",
            "class=\"span",
            "Return by month",
            "Worst drawdowns",
            "By regime",
            "By what ended the leg",
            "Where the result came from",
            "delta_max",
            "365 days",
        ] {
            assert!(page.contains(part), "{part}");
        }
        let usd = desk
            .page(&client, &format!("/lab/{id}?in=usd&scale=log"))
            .await;
        assert!(usd.contains("Result in USD") && usd.contains("data-log=\"1\""));
        let rows = format!("/lab/{id}?table=legs&format=json");
        let legs: Vec<Value> = serde_json::from_str(&desk.page(&client, &rows).await).unwrap();
        let stored = backtests::legs(&desk.ctx.db, &id).await.unwrap();
        assert!(!legs.is_empty() && legs.len() == stored.len());
        let list = desk.page(&client, "/lab").await;
        assert!(list.contains(&format!("/lab/{id}")));
        let audits = access::audits(&desk.ctx.db, 10).await.unwrap();
        assert!(audits.iter().any(|row| row.action == "backtest"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_carries_every_field_and_a_comparison_shows_what_differs() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        let first = run(&desk, &client, "score_min=1&delta_max=0.35&rolls_max=2").await;
        let copied = desk.page(&client, &format!("/lab?copy={first}")).await;
        for field in [
            "name=\"delta_max\" value=\"0.35\"",
            "name=\"rolls_max\" value=\"2\"",
            "name=\"from\" value=\"2026-01-02T00:00:00Z\"",
        ] {
            assert!(copied.contains(field), "{field}");
        }
        let fields = "score_min=1&delta_max=0.35&rolls_max=2&exit=hold_to_expiry";
        let second = run(&desk, &client, fields).await;
        let address = format!("/lab/compare?run={first}&run={second}");
        let page = desk.page(&client, &address).await;
        assert!(page.contains("exit") && page.contains("hold_to_expiry"));
        assert!(
            !page.contains("rolls_max"),
            "equal settings are folded away"
        );
        let file = format!("{address}&table=settings&format=json");
        let rows: Vec<Value> = serde_json::from_str(&desk.page(&client, &file).await).unwrap();
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!(
            (&rows[0]["a"], &rows[0]["b"]),
            (&"tp_and_roll".into(), &"hold_to_expiry".into())
        );
        let alone = desk
            .get(&client, &format!("/lab/compare?run={first}"))
            .await;
        assert_eq!(alone.status(), StatusCode::BAD_REQUEST);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_cannot_be_is_named_and_nothing_is_enqueued() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        for (fields, said) in [
            ("source=synthetic&delta_max=7", "delta_max"),
            ("source=synthetic&delta_max=much", "not a number"),
            ("source=synthetic&from=yesterday", "neither a day"),
            ("source=synthetic&json={", "JSON"),
            ("delta_max=0.3", "source"),
        ] {
            let answer = start(&desk, &client, "backtest", fields).await;
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{fields}");
            let text = answer.text().await.unwrap();
            assert!(text.contains(said), "{fields}: {text}");
        }
        let counts = jobs::counts(&desk.ctx.db, "live").await.unwrap();
        assert!(counts.is_empty(), "{counts:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_coins_and_exits_are_runs_of_one_parent_with_a_comparison() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        let id = run(
            &desk,
            &client,
            "score_min=1&each_underlying=yes&both_exits=yes",
        )
        .await;
        let row = backtests::get(&desk.ctx.db, &id).await.unwrap().unwrap();
        let family = backtests::list(&desk.ctx.db, row.parent.as_deref(), 10);
        let mut kinds: Vec<(String, String)> = family
            .await
            .unwrap()
            .into_iter()
            .map(|run| (run.underlying, run.exit_style))
            .collect();
        kinds.sort();
        let expect = ["BTC", "ETH"]
            .map(|coin| ["hold_to_expiry", "tp_and_roll"].map(|exit| (coin.into(), exit.into())));
        assert_eq!(kinds, expect.concat());
        let page = desk.page(&client, &format!("/lab/{id}")).await;
        let link = page.split("Beside the runs").next().unwrap();
        let address = link.rsplit("href=\"").next().unwrap();
        let address = address.split('"').next().unwrap();
        let address = address.replace("&amp;", "&").replace("&#x2f;", "/");
        assert!(address.starts_with("/lab/compare?run="), "{address}");
        let compared = desk.page(&client, &address).await;
        assert!(compared.contains("ETH") && compared.contains("hold"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_buttons_of_a_run_ask_for_jobs_that_answer() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        let market = "source=synthetic&market_seed=lab&from=2026-01-02&to=2026-02-10&score_min=1";
        for (kind, more) in [("lookahead", ""), ("what_if", "&at=2026-01-10T12:00:00Z")] {
            let answer = start(&desk, &client, kind, &format!("{market}{more}")).await;
            assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{kind}");
            let place = answer.headers()[header::LOCATION]
                .to_str()
                .unwrap()
                .to_owned();
            desk.drain().await;
            let job = place.trim_start_matches("/jobs/");
            let row = jobs::get(&desk.ctx.db, job).await.unwrap().unwrap();
            assert_eq!(row.state, "succeeded", "{kind}: {:?}", row.error);
            desk.page(&client, &place).await;
        }
    })
    .await;
}
