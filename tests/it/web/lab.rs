//! The Backtesting Lab: a form becomes a job, the job a page with everything the run came to.

mod holes;

use super::{Dashboard, each_db};
use reqwest::{Client, Response, StatusCode, header};
use serde_json::{Value, json};
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
        assert!(empty.contains("placeholder=\"1 BTC, 4 ETH\""), "{empty}");
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
        assert!(
            list.contains("delta max <span class=\"mono\">0.35</span>"),
            "what tells it from others"
        );
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
            (&rows[0][&first], &rows[0][&second]),
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
            assert!(
                text.contains("lab?new=1\">Back to the form of a backtest"),
                "back to the form: {text}"
            );
        }
        let counts = jobs::counts(&desk.ctx.db, "live").await.unwrap();
        assert!(counts.is_empty(), "{counts:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_runs_are_compared_and_any_of_them_is_the_baseline() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        let mut ids = Vec::new();
        for rolls in 0..7 {
            ids.push(run(&desk, &client, &format!("score_min=1&rolls_max={rolls}")).await);
        }
        let asked: Vec<String> = ids.iter().map(|id| format!("run={id}")).collect();
        let address = format!("/lab/compare?{}", asked.join("&"));
        let page = desk.page(&client, &address).await;
        assert!(
            page.contains("Compare 7 runs") && page.contains("rolls_max") && page.contains("G − A")
        );
        let file = format!("{address}&table=metrics&format=json");
        let rows: Vec<Value> = serde_json::from_str(&desk.page(&client, &file).await).unwrap();
        let total = rows
            .iter()
            .find(|row| row["name"] == "return coin")
            .unwrap();
        let of = |id: &str| total[id].as_f64().unwrap();
        let away = total[format!("{} less the baseline", ids[6])]
            .as_f64()
            .unwrap();
        assert!((away - (of(&ids[6]) - of(&ids[0]))).abs() < 1e-12);
        let csv = desk
            .page(&client, &format!("{address}&table=metrics&format=csv"))
            .await;
        assert!(
            csv.starts_with(&format!("name,{},{},", ids[0], ids[1])),
            "{csv}"
        );
        let usd = desk.page(&client, &format!("{address}&in=usd")).await;
        assert!(usd.contains("Equity in USD, start = 100"));
    })
    .await;
}

/// The address a form leads to.
fn place(answer: &Response) -> String {
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    answer.headers()[header::LOCATION]
        .to_str()
        .unwrap()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_and_a_what_if_of_a_run_have_pages_and_stand_on_it() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        let id = run(&desk, &client, "score_min=1").await;
        let setup = backtests::setup(&desk.ctx.db, &id).await.unwrap().unwrap();
        let settings = urlencode(&serde_json::to_string(&setup).unwrap());
        let market = format!("source=synthetic&market_seed=lab&run={id}");
        let check = start(
            &desk,
            &client,
            "lookahead",
            &format!("{market}&cuts=3&json={settings}"),
        )
        .await;
        let check = place(&check);
        assert!(desk.page(&client, &check).await.contains("available"));
        let call = format!(
            "{market}&at=2026-01-10T12:00:00Z&delta_target=0.2&exit=hold_to_expiry&base={settings}"
        );
        let call = place(&start(&desk, &client, "what_if", &call).await);
        assert!(call.starts_with("/lab/what-if/") && check.starts_with("/lab/lookahead/"));
        desk.drain().await;

        let page = desk.page(&client, &check).await;
        assert!(
            page.contains("no look-ahead") && page.matches("all equal").count() == 3,
            "{page}"
        );
        let page = desk.page(&client, &call).await;
        for part in [
            "Premium",
            "Value of the call",
            "Result if it were bought back",
            "and the strike while the call was open",
            "Ask again",
        ] {
            assert!(page.contains(part), "{part}");
        }
        let path = format!("{call}&table=path&format=json");
        let path: Vec<Value> = serde_json::from_str(&desk.page(&client, &path).await).unwrap();
        let job = call
            .trim_start_matches("/lab/what-if/")
            .split('?')
            .next()
            .unwrap();
        let row = jobs::get(&desk.ctx.db, job).await.unwrap().unwrap();
        assert_eq!(row.args["settings"]["delta_target"], 0.2);
        let pnl = &row.result.unwrap()["chain"]["pnl"];
        let pnl = pnl.as_f64().or_else(|| pnl.as_str()?.parse().ok()).unwrap();
        let end = path.last().unwrap()["result"].as_f64().unwrap();
        assert!((end - pnl).abs() < 1e-9, "{end} {pnl}");
        assert!(path.len() > 10);

        let page = desk.page(&client, &format!("/lab/{id}")).await;
        assert!(page.contains("3 cuts") && page.contains(&format!("/lab/what-if/{job}?run={id}")));
        let list = desk.page(&client, "/lab/what-if").await;
        assert!(list.contains(&format!("/lab/what-if/{job}")));
        let any = "source=synthetic&market_seed=lab&at=2026-01-10T12:00:00Z";
        start(&desk, &client, "what_if", any).await;
        let list = desk.page(&client, "/lab/what-if").await;
        assert!(list.contains("nearest to 7 days"), "{list}");
        let missing = desk.get(&client, "/lab/lookahead/nothing").await;
        assert_eq!(missing.status(), StatusCode::NOT_FOUND);
        let refused = start(&desk, &client, "lookahead", &format!("{market}&cuts=0")).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    })
    .await;
}

fn urlencode(text: &str) -> String {
    let codes: Vec<String> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    codes.concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_of_a_run_is_a_file_and_charts_give_the_points_of_a_stretch() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        // An hour a step: more points than a drawing has.
        let market = "source=synthetic&market_seed=lab&from=2026-01-02&to=2026-04-10&interval_ms=3600000&score_min=1";
        let job = place(&start(&desk, &client, "backtest", market).await);
        desk.drain().await;
        let row = backtests::of_job(&desk.ctx.db, job.trim_start_matches("/lab/")).await.unwrap().unwrap();
        let address = format!("/lab/{}", row.id);
        let page = desk.page(&client, &address).await;
        let mut links: Vec<&str> = page
            .split("table=")
            .skip(1)
            .filter_map(|rest| rest.split(['"', '&']).next())
            .collect();
        links.sort_unstable();
        links.dedup();
        assert!(links.len() >= 18, "{links:?}");
        for name in links {
            for format in ["csv", "json"] {
                desk.page(&client, &format!("{address}?table={name}&format={format}")).await;
            }
        }
        let all = backtests::equity(&desk.ctx.db, &row.id).await.unwrap();
        assert!(all.len() > 2_000 && page.contains("table=chart_price"), "{}", all.len());
        let points = async |range: &str| -> Vec<Value> {
            let file = format!("{address}?table=chart_price&format=json{range}");
            serde_json::from_str(&desk.page(&client, &file).await).unwrap()
        };
        let whole = points("").await;
        assert!(whole.len() <= 2_000 && whole.len() > 1_500);
        let (from, to) = (all[100].at_ms, all[400].at_ms);
        let some = points(&format!("&from={from}&to={to}")).await;
        // All of them, and one more on either side.
        assert_eq!(some.len(), 303);
        assert_eq!(some[1]["at"].as_i64(), Some(from));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn presets_fill_the_form_and_gaps_of_the_calendar_become_jobs() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        let page = desk
            .page(&client, "/lab?preset=ultra_safe&preset=hold")
            .await;
        for field in [
            "name=\"delta_min\" value=\"0.15\"",
            "name=\"ivrv_min\" value=\"1.3\"",
            "value=\"hold_to_expiry\" selected",
        ] {
            assert!(page.contains(field), "{field}");
        }
        desk.seed().await;
        let page = desk.page(&client, "/lab/coverage").await;
        assert!(
            page.contains("class=\"calendar\"")
                && page.contains("Missing although chains are stored"),
            "{page}"
        );
        let place_of =
            "kind=delivery_prices&source=deribit&underlying=btc_usd&from=2026-01-03&to=2026-01-04";
        let job = place(&start(&desk, &client, "fill", place_of).await);
        let row = jobs::get(&desk.ctx.db, job.trim_start_matches("/jobs/"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (row.kind.as_str(), &row.args["underlying"]),
            ("fetch_history", &"BTC".into())
        );
        assert_eq!(
            row.args["to_ms"].as_i64().unwrap() - row.args["from_ms"].as_i64().unwrap(),
            48 * super::HOUR_MS
        );
        let file = "kind=chains&source=recorded&underlying=BTC&from=2026-01-03&to=2026-01-04";
        let refused = start(&desk, &client, "fill", file).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        let job = place(
            &start(
                &desk,
                &client,
                "fill",
                &format!("{file}&path=/nowhere/chains.json"),
            )
            .await,
        );
        let row = jobs::get(&desk.ctx.db, job.trim_start_matches("/jobs/"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(row.kind, "import");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_still_works_shows_where_it_is() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        let id = run(&desk, &client, "score_min=1").await;
        let points: Vec<Value> = (0..40).map(|n| json!({"at_ms": super::START_MS + n * super::HOUR_MS, "equity": 1.0 + n as f64 * 1e-4})).collect();
        let state = json!({"done": 40, "points": points}).to_string();
        let mut tx = desk.ctx.db.begin().await.unwrap();
        backtests::checkpoint(&mut tx, &id, 40, &state, super::START_MS).await.unwrap();
        tx.commit().await.unwrap();
        let page = desk.page(&client, &format!("/lab/{id}")).await;
        for part in ["Equity so far", "40 of ", "1.00390", "2026-01-07T00:00:00"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("Roll chains"), "there is no result yet");
        // Taken up again it first reads its market, of which the half is no step.
        let reading = "update jobs set state = 'running', progress = 0.5, progress_note = 'reading the market: 5 of 10 quotes'";
        crate::support::dataset::run(&db.url, &format!("{reading} where kind = 'backtest'")).await;
        let page = desk.page(&client, &format!("/lab/{id}")).await;
        assert!(page.contains("40 of ") && page.contains("reading the market: 5 of 10 quotes"), "{page}");
        for fields in ["source=nowhere", "source=nowhere&underlying=ETH&cuts=3"] {
            let answer = start(&desk, &client, "backtest", fields).await;
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
            assert!(answer.text().await.unwrap().contains("source nowhere: no chains of"), "{fields}");
        }
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
            let job = place.rsplit('/').next().unwrap();
            let row = jobs::get(&desk.ctx.db, job).await.unwrap().unwrap();
            assert_eq!(row.state, "succeeded", "{kind}: {:?}", row.error);
            desk.page(&client, &place).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_becomes_a_sweep_and_one_that_cannot_be_names_its_line() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        let page = desk.page(&client, "/lab/sweeps").await;
        assert!(page.contains("No sweep yet") && page.contains("name=\"vary\""));
        let market = "source=synthetic&market_seed=lab&from=2026-01-02&to=2026-02-20";
        for (fields, problem) in [
            ("vary=", "a sweep varies at least one setting"),
            ("vary=colour%3D1", "colour: there is no such setting"),
            ("vary=delta_target%3D0.1..0.4", "delta_target: a grid needs a step"),
            ("vary=delta_target%3D0.1,0.2&draws=many", "draws: write a whole number"),
            ("vary=delta_target%3D0.1,0.2&train_days=10", "walk-forward: needs both"),
        ] {
            let answer = start(&desk, &client, "sweep", &format!("{market}&{fields}")).await;
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{fields}");
            let text = answer.text().await.unwrap();
            assert!(text.contains(problem), "{fields}: {text}");
        }
        let fields = "vary=delta_target%3D0.1..0.3%2F0.1%0D%0Atake_profit%3D0.5,0.8%0D%0A&currency=usd&json=%7B%22score_min%22%3A0%7D";
        let answer = start(&desk, &client, "sweep", &format!("{market}&{fields}")).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let place = answer.headers()[header::LOCATION].to_str().unwrap().to_owned();
        let id = place.trim_start_matches("/lab/sweeps/");
        let row = jobs::get(&desk.ctx.db, id).await.unwrap().unwrap();
        let args = row.args;
        assert_eq!((&args["currency"], &args["settings"]["score_min"]), (&Value::from("usd"), &Value::from(0)));
        assert_eq!(args["plan"]["axes"][0]["step"], "0.1");
        let waiting = desk.page(&client, &place).await;
        assert!(waiting.contains("available"), "the job waits");
    })
    .await;
}
