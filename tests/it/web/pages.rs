//! What pages show: headers, no inline code, tables as files, clear errors, live fragments.

use super::{Dashboard, each_db};
use crate::support::sqlite;
use futures::StreamExt;
use reqwest::{StatusCode, header};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use thetaq::db::{candidates, configs};
use thetaq::domain::coin::Coin;
use thetaq::jobs::tick::Tick;
use thetaq::market::candidates::{Admission, admission};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Every page over seeded rows.
async fn addresses(desk: &Dashboard) -> Vec<String> {
    let decision = desk.seed().await.remove(0);
    let mut paths: Vec<String> = [
        "/",
        "/?underlying=BTC&action=OPEN_COVERED_CALL",
        "/jobs",
        "/jobs?q=kind:tick+state:succeeded",
        "/quotes",
        "/quotes?underlying=ETH",
        "/sql",
        "/sql/decisions_by_action",
        "/sql?query=select%20*%20from%20v_fills&rows=100",
        "/confirm/kill",
    ]
    .map(str::to_owned)
    .into();
    paths.push(format!("/decisions/{}", decision.id));
    paths.push(format!("/decisions/{}?all=1&filter=delta_max", decision.id));
    paths.push(format!("/jobs/{}", decision.job));
    paths
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_needs_more_than_the_policy_allows() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        for path in addresses(&desk).await {
            let answer = desk.get(&client, &path).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            let headers = answer.headers();
            assert_eq!(headers[header::CONTENT_SECURITY_POLICY], POLICY, "{path}");
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(headers[header::CACHE_CONTROL], "no-store");
            let text = answer.text().await.unwrap();
            inline_free(&path, &text);
        }
        let error = desk.get(&client, "/nothing").await;
        assert_eq!(error.headers()[header::CONTENT_SECURITY_POLICY], POLICY);
        inline_free("/nothing", &error.text().await.unwrap());
    })
    .await;
}

/// No style= or on..= attribute, no style element, scripts by address or as a data block only, nothing foreign.
fn inline_free(path: &str, text: &str) {
    for tag in text.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap_or((tag, ""));
        let name = tag.split_whitespace().next().unwrap_or_default();
        assert!(name != "style", "{path}: a style element");
        for attribute in tag.split_whitespace().skip(1) {
            let inline = attribute.starts_with("style=")
                || attribute.starts_with("on")
                    && attribute.contains("=\"")
                    && !attribute.starts_with("one");
            assert!(!inline, "{path}: <{tag}>");
        }
        if name == "script" {
            let fine = tag.contains("src=\"/assets/") || tag.contains("type=\"application/json\"");
            assert!(fine, "{path}: <{tag}>");
        }
        let foreign = ["src=\"http", "href=\"http", "action=\"http"];
        assert!(
            !foreign.iter().any(|start| tag.contains(start)),
            "{path}: <{tag}>"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_hold_what_the_page_shows() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        let paths = addresses(&desk).await;
        let mut files = 0;
        for path in &paths {
            let page = desk.page(&client, path).await;
            for address in exports(&page) {
                files += 1;
                same_rows(&desk, &client, &address).await;
            }
        }
        assert!(files > 20, "only {files} tables offer files");
        let filtered = desk
            .page(&client, "/?underlying=BTC&table=decisions&format=json")
            .await;
        let rows: Vec<Value> = serde_json::from_str(&filtered).unwrap();
        assert_eq!(rows.len(), 1, "the file follows the page's filter");
        assert_eq!(rows[0]["underlying"], "BTC");
        let decision = paths.iter().find(|path| path.starts_with("/decisions/"));
        for (wish, down) in [("delta", false), ("-delta", true)] {
            let sorted = format!("{}?all=1&sort={wish}", decision.unwrap());
            let page = desk.page(&client, &sorted).await;
            let heading = if down { "descending" } else { "ascending" };
            assert!(page.contains(&format!("aria-sort=\"{heading}\"")), "{wish}");
            let file = format!("{sorted}&table=rejected&format=json");
            let rows: Vec<Value> = serde_json::from_str(&desk.page(&client, &file).await).unwrap();
            let deltas: Vec<f64> = rows
                .iter()
                .filter_map(|row| row["delta"].as_f64())
                .collect();
            assert!(deltas.len() > 50, "{}", deltas.len());
            assert!(deltas.is_sorted_by(|a, b| if down { a >= b } else { a <= b }));
        }
    })
    .await;
}

/// Addresses of CSV links, without their escapes.
fn exports(page: &str) -> Vec<String> {
    let links = page
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    links
        .filter(|link| link.ends_with("format=csv"))
        .map(|link| {
            link.replace("&amp;", "&")
                .replace("&#x2f;", "/")
                .replace("&#x3d;", "=")
        })
        .collect()
}

/// CSV and JSON of one table agree cell by cell, to the last digit.
async fn same_rows(desk: &Dashboard, client: &reqwest::Client, csv_address: &str) {
    let answer = desk.get(client, csv_address).await;
    assert_eq!(answer.status(), StatusCode::OK, "{csv_address}");
    let kind = &answer.headers()[header::CONTENT_TYPE];
    assert_eq!(kind, "text/csv; charset=utf-8");
    let text = answer.text().await.unwrap();
    let json_address = csv_address.replace("format=csv", "format=json");
    let json_text = desk.page(client, &json_address).await;
    let rows: Vec<BTreeMap<String, Box<RawValue>>> = serde_json::from_str(&json_text).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers().unwrap().clone();
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), rows.len(), "{csv_address}");
    for (record, row) in records.iter().zip(&rows) {
        for (column, cell) in columns.iter().zip(record) {
            let raw = row.get(column).map_or("null", |value| value.get());
            let expect = match serde_json::from_str(raw).unwrap() {
                Value::Null => String::new(),
                Value::String(text) => text,
                _ => raw.to_owned(),
            };
            assert_eq!(cell, expect, "{csv_address}: {column}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_name_what_happened() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        let empty = desk.page(&client, "/").await;
        assert!(
            empty.contains("No tick has run yet") && empty.contains("No call is open"),
            "{empty}"
        );
        let quotes = desk.page(&client, "/quotes").await;
        assert!(
            quotes.contains("synthetic:thetaq") && quotes.contains("class=\"chain\""),
            "{quotes}"
        );
        let decision = desk.seed().await.remove(0);
        let call = decision.instrument.clone().unwrap();
        let live = desk.page(&client, "/").await;
        for text in [
            &call,
            "Payoff of the open BTC calls",
            "Break-even of the calls",
            "break-even",
            "filled",
        ] {
            assert!(live.contains(text), "the Live page lacks {text}");
        }
        let page = desk
            .page(&client, &format!("/decisions/{}", decision.id))
            .await;
        for text in [
            &call,
            "chosen",
            "Why not another call?",
            "Risk checks",
            "approved",
            "Fill",
        ] {
            assert!(page.contains(text), "the decision lacks {text}");
        }
        let job = desk.page(&client, &format!("/jobs/{}", decision.job)).await;
        assert!(
            job.contains(&format!("/decisions/{}", decision.id)),
            "the job links its decision"
        );
        let queues = desk.page(&client, "/jobs?table=queues&format=json").await;
        let queues: Vec<Value> = serde_json::from_str(&queues).unwrap();
        let ticks = queues.iter().find(|row| row["queue"] == "tick").unwrap();
        let figures = (&ticks["per_minute"], &ticks["failed"], &ticks["waiting"]);
        assert_eq!(
            figures,
            (&json!(2.0 / 15.0), &json!(0), &json!(0)),
            "two ticks in 15 minutes"
        );
        assert_eq!(ticks["concurrency"], 2);
        let expiry_ms = call
            .parse::<thetaq::domain::instrument::Instrument>()
            .unwrap()
            .expiry_ms;
        let path = format!(
            "/quotes?underlying={}&expiry={expiry_ms}",
            decision.underlying
        );
        let chain = desk.page(&client, &path).await;
        assert!(
            chain.contains("held \u{2212}") && chain.contains("class=\"spot\""),
            "{chain}"
        );
    })
    .await;
}

/// What the explorer names is checked against the filters themselves: with the changes, nothing fails.
#[tokio::test(flavor = "multi_thread")]
async fn the_change_that_is_named_admits_the_contract() {
    let db = sqlite().await;
    let desk = Dashboard::start(&db).await;
    let client = desk.browser().await;
    let decision = desk.seed().await.remove(0);
    let path = format!(
        "/decisions/{}?all=1&table=rejected&format=json",
        decision.id
    );
    let rows: Vec<Value> = serde_json::from_str(&desk.page(&client, &path).await).unwrap();
    let settings = configs::get(&desk.ctx.db, &decision.config_hash)
        .await
        .unwrap()
        .unwrap();
    let seen = candidates::of_decision(&desk.ctx.db, &decision.id)
        .await
        .unwrap();
    let mut admitted = 0;
    for row in &rows {
        let Some(words) = row["would_pass_with"].as_str() else {
            continue;
        };
        let mut wider = serde_json::to_value(&settings).unwrap();
        for change in words.split(", ") {
            let (key, value) = change.split_once(" = ").unwrap();
            assert!(wider[key].is_number(), "{key} is a setting");
            wider[key] = value.parse::<f64>().unwrap().into();
        }
        let wider = serde_json::from_value(wider).unwrap();
        let call = seen
            .iter()
            .find(|call| row["instrument"] == call.instrument.as_str())
            .unwrap();
        let outcome = admission(
            &call.measured().unwrap(),
            decision.index_price.unwrap(),
            &wider,
        );
        assert_eq!(outcome, Admission::Changes(Vec::new()), "{row}");
        admitted += 1;
    }
    assert!(
        admitted > 10,
        "{admitted} of {} can be admitted",
        rows.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_says_so() {
    let db = sqlite().await;
    let desk = Dashboard::start(&db).await;
    let client = desk.browser().await;
    for (path, title) in [
        ("/nothing", "That page is not here"),
        ("/jobs/nothing", "That job is not here"),
        ("/decisions/nothing", "That decision is not here"),
        ("/confirm/nothing", "That action is not here"),
        ("/jobs?table=nothing&format=csv", "That table is not here"),
        ("/assets/nothing.js", "That file is not here"),
    ] {
        let answer = desk.get(&client, path).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        let text = answer.text().await.unwrap();
        assert!(
            text.contains(title) && text.contains("may have been pruned"),
            "{path}: {text}"
        );
    }
    for path in [
        "/quotes?at=yesterday",
        "/quotes?underlying=DOGE",
        "/jobs?table=jobs&format=xls",
    ] {
        assert_eq!(
            desk.get(&client, path).await.status(),
            StatusCode::BAD_REQUEST,
            "{path}"
        );
    }
    assert_eq!(
        desk.post(&client, "nothing", &[]).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments_arrive_when_rows_change() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        let answer = desk.get(&client, "/events?page=/").await;
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/event-stream");
        let mut stream = answer.bytes_stream();
        desk.seed().await;
        let mut text = String::new();
        let feed = async {
            while !text.contains("\"id\":\"feed\"") || !text.contains("/decisions/") {
                let chunk = stream.next().await.unwrap().unwrap();
                text.push_str(&String::from_utf8_lossy(&chunk));
            }
        };
        tokio::time::timeout(Duration::from_secs(10), feed)
            .await
            .unwrap();
        assert!(text.contains("event: fragment"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_ticks_are_shown_with_their_cause() {
    each_db(async |db| {
        // Recorded chains are asked for and none was imported.
        let desk = Dashboard::with(&db, "[exchange]\nmarket = \"replay\"").await;
        let client = desk.browser().await;
        let underlying = Coin::Eth;
        desk.run(&Tick {
            underlying,
            as_of_ms: None,
        })
        .await;
        let live = desk.page(&client, "/").await;
        for text in [
            "failed tick",
            "\u{d7}3",
            "no quotes of ETH",
            "3 failed ticks today",
            "No tick has succeeded yet",
        ] {
            assert!(live.contains(text), "the Live page lacks {text}");
        }
        let jobs = desk.page(&client, "/jobs?q=state:discarded").await;
        let job = jobs.split("href=\"/jobs/").nth(1).unwrap();
        let job = job.split('"').next().unwrap();
        let page = desk.page(&client, &format!("/jobs/{job}")).await;
        assert_eq!(
            page.matches("<span class=\"mono loss\">").count(),
            3,
            "an error per attempt"
        );
        assert!(page.contains(">discarded</span>") && page.contains("/actions/job-retry"));
        assert!(
            desk.page(&client, "/quotes")
                .await
                .contains("thetaq import PATH")
        );
    })
    .await;
}
