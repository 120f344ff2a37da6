//! What programs read: one JSON document per command, with the fields they rely on, on both engines.

use crate::support::terminal::Terminal;
use crate::support::{postgres, shared_data, sqlite};
use serde_json::{Value, json};

/// Fails unless the object has every field.
fn has(value: &Value, fields: &[&str]) {
    for field in fields {
        assert!(value.get(field).is_some(), "no `{field}` in {value:#}");
    }
}

fn first(value: &Value) -> &Value {
    value.get(0).unwrap_or_else(|| panic!("no rows: {value:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_at_the_desk_prints_documents() {
    let (lite, server) = (sqlite().await, postgres().await);
    for url in [&lite.url, &server.url] {
        tokio::task::block_in_place(|| a_day(&Terminal::on(url)));
    }
}

fn a_day(here: &Terminal) {
    let migrated = here.json(&["migrate"]);
    has(&migrated, &["database", "engine", "ok"]);
    history(here);
    let ids = decisions(here);
    drift(here);
    chat(here);
    jobs(here, &ids);
    let checks = here.json(&["doctor"]);
    has(
        first(&checks["checks"]),
        &["name", "ok", "value", "threshold", "advice"],
    );
    has(
        &here.json(&["config"]),
        &[
            "database", "exchange", "desk", "policy", "web", "queue", "jobs",
        ],
    );
    let script = here.json(&["completions", "bash"]);
    assert!(script["script"].as_str().unwrap().contains("replay-market"));
    tokens(here);
}

fn chat(here: &Terminal) {
    let answer = here.json(&["chat", "/decisions"]);
    let fields = ["thread", "answer", "citations", "tools", "tokens", "cost"];
    has(&answer, &fields);
    assert!(answer["tools"][0]["rows"].as_i64() > Some(0), "{answer:#}");
    let thread = answer["thread"].as_str().unwrap();
    let more = here.json(&["chat", "/limits", "--thread", thread]);
    assert_eq!(more["thread"], thread);
    let limits = here.text(&["chat", "/sql select count(*) as n from v_decisions"]);
    assert!(
        limits.contains('n') && limits.contains("thread "),
        "{limits}"
    );
}

fn history(here: &Terminal) {
    here.write("prices.csv", super::PRICES);
    here.write(
        "dvol_btc.csv",
        "date,dvol_close\n2026-01-01,45.5\n2026-01-02,46.5\n",
    );
    let report = here.json(&["import", "prices.csv", "dvol_btc.csv"]);
    has(
        &report,
        &["files", "inserted", "existing", "rejected", "seconds"],
    );
    has(
        first(&report["files"]),
        &["path", "kind", "rows", "inserted", "existing", "rejected"],
    );
    assert_eq!(
        (&report["inserted"], &report["rejected"]),
        (&json!(5), &json!(1))
    );
    let classes = report["files"][0]["rejected"].as_object().unwrap();
    assert_eq!(
        classes.values().filter_map(Value::as_i64).sum::<i64>(),
        1,
        "{classes:?}"
    );
    let again = here.json(&["import", "prices.csv", "dvol_btc.csv"]);
    assert_eq!(
        (&again["inserted"], &again["existing"]),
        (&json!(0), &json!(5))
    );

    let found = here.json(&["coverage"]);
    let days = &found["days"];
    assert_eq!(days.as_array().unwrap().len(), 5);
    has(
        first(&found["gaps"]),
        &["kind", "source", "underlying", "from", "to", "days", "fill"],
    );
    assert_eq!(
        found["gaps"][0]["fill"],
        "thetaq fetch-history --underlying BTC --from 2026-01-03 --to 2026-01-04 --what deliveries"
    );
    has(
        first(days),
        &[
            "kind",
            "source",
            "underlying",
            "day",
            "snapshots",
            "quotes",
            "first_at",
            "last_at",
        ],
    );
    let prices = here.json(&[
        "coverage",
        "--kind",
        "delivery_prices",
        "--underlying",
        "btc_usd",
    ]);
    assert_eq!(prices["days"].as_array().unwrap().len(), 3);
    let rows = here.json(&[
        "sql",
        "--query",
        "select price_usd from v_delivery_prices order by price_usd limit 1",
    ]);
    assert_eq!(rows, json!([{"price_usd": 87000.5}]));
    has(&here.json(&["sql"]), &["questions", "views"]);
    let by_question = here.json(&["sql", "coverage_by_month"]);
    assert_eq!(by_question, json!([]));
}

/// The desk's first minutes made again: both coins, nothing differs.
fn drift(here: &Terminal) {
    let found = here.json(&["drift", "--from", "2026-01-05"]);
    has(&found, &["job", "differences", "unexplained", "drifts"]);
    let drifts = found["drifts"].as_array().unwrap();
    assert_eq!(drifts.len(), 2, "{found:#}");
    for drift in drifts {
        has(drift, &["underlying", "compared", "same", "rows"]);
        assert_eq!(drift["compared"], drift["same"], "{found:#}");
        assert!(drift["compared"].as_i64() > Some(0), "{found:#}");
        assert_eq!(drift["unexplained"], 0);
    }
    let text = here.text(&["drift", "--from", "2026-01-05", "--underlying", "ETH"]);
    assert!(text.starts_with("ETH of live from 2026-01-05"), "{text}");
    assert!(text.contains("instants decided by both"), "{text}");
    let error = here.error(2, &["drift", "--from", "2026-01-05", "--to", "2026-01-04"]);
    assert!(
        error.contains("--to: must not be earlier than --from"),
        "{error}"
    );
}

/// Ticks without any worker; the decisions can be made again.
fn decisions(here: &Terminal) -> Vec<String> {
    let made = here.json(&["tick"]);
    assert_eq!(
        made.as_array().unwrap().len(),
        2,
        "one per underlying: {made:#}"
    );
    has(
        first(&made),
        &[
            "id",
            "decided_at",
            "underlying",
            "proposed_action",
            "final_action",
            "instrument",
            "size",
            "source",
            "policy",
            "propensity",
            "seed",
            "risk_verdict",
            "reason",
            "job",
        ],
    );
    let one = here.json(&["tick", "--underlying", "ETH"]);
    assert_eq!(first(&one)["underlying"], json!("ETH"));
    let listed = here.json(&["decisions", "--limit", "2"]);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(first(&listed)["id"], first(&one)["id"], "newest first");
    for position in here.json(&["positions", "--closed"]).as_array().unwrap() {
        has(
            position,
            &["instrument", "side", "size", "premium", "fees", "cash"],
        );
    }
    let id = first(&made)["id"].as_str().unwrap();
    let replayed = here.json(&["replay", id]);
    assert_eq!(
        replayed,
        json!({"decision": id, "identical": true, "differences": []})
    );
    assert_eq!(here.text(&["replay", id]), "identical\n");
    let jobs = made.as_array().unwrap().iter();
    jobs.map(|row| row["job"].as_str().unwrap().to_owned())
        .collect()
}

const JOB: [&str; 7] = [
    "id", "kind", "state", "progress", "attempts", "result", "error",
];

fn jobs(here: &Terminal, ids: &[String]) {
    let listed = here.json(&["jobs", "list", "--kind", "tick", "--state", "succeeded"]);
    assert_eq!(listed.as_array().unwrap().len(), 3);
    has(
        first(&listed),
        &["id", "kind", "state", "attempts", "created_at", "took_ms"],
    );
    let shown = here.json(&["jobs", "show", &ids[0]]);
    has(&shown, &JOB);
    assert_eq!(
        (&shown["state"], &shown["attempts"]),
        (&json!("succeeded"), &json!(1))
    );
    assert!(!shown["events"].as_array().unwrap().is_empty());

    let waiting = here.json(&["enqueue", "settle", "--args", r#"{"underlying": "BTC"}"#]);
    has(&waiting, &JOB);
    assert_eq!(waiting["state"], json!("available"));
    let id = waiting["id"].as_str().unwrap();
    let cancelled = here.json(&["jobs", "cancel", id]);
    assert_eq!(cancelled["state"], json!("cancelled"));
    let failed = here.run(&["jobs", "wait", id, "--json"]);
    assert_eq!(
        failed.code, 1,
        "a job that did not succeed fails who waits for it: {failed:?}"
    );
    assert!(
        serde_json::from_str::<Value>(&failed.out).is_ok() && failed.err.contains("was cancelled")
    );
    has(&here.json(&["jobs", "retry", id]), &JOB);
    let done = here.json(&["jobs", "wait", id]);
    has(&done, &JOB);
    assert_eq!(
        done["state"],
        json!("succeeded"),
        "no worker is alive: the command ran it"
    );
    let said = here.error(1, &["jobs", "retry", id]);
    assert!(said.contains("is succeeded"), "{said}");

    let line = [
        "enqueue",
        "settle",
        "--args",
        r#"{"underlying": "ETH"}"#,
        "--wait",
        "--unique-key",
        "once",
    ];
    let ran = here.json(&line);
    assert_eq!(ran["state"], json!("succeeded"));
    assert_eq!(here.json(&line)["id"], ran["id"], "one job per key");
    assert_eq!(
        here.json(&["schedules"]),
        json!([]),
        "no worker has declared any"
    );
}

fn tokens(here: &Terminal) {
    let made = here.json(&["token", "laptop"]);
    assert_eq!(
        (&made["name"], made["token"].as_str().unwrap().len()),
        (&json!("laptop"), 64)
    );
    let listed = here.json(&["token", "list"]);
    assert_eq!(first(&listed)["name"], json!("laptop"));
    assert!(!listed.to_string().contains(made["token"].as_str().unwrap()));
    assert!(
        here.error(1, &["token", "laptop"])
            .contains("token revoke laptop")
    );
    assert_eq!(
        here.json(&["token", "revoke", "laptop"]),
        json!({"name": "laptop", "revoked": true})
    );
    assert_eq!(here.json(&["token", "list"]), json!([]));
}

#[test]
fn recorded_chains_are_replayed_and_shown() {
    let Some(path) = shared_data("chains/deribit_chain_6h_btc_2025-12-30_31.parquet") else {
        return;
    };
    let here = Terminal::new();
    let report = here.json(&["import", &path.display().to_string()]);
    assert_eq!(report["inserted"], json!(2500));
    let quotes = here.json(&["quotes", "--underlying", "BTC", "--at", "2025-12-31"]);
    has(&quotes, &["at_ms", "index_price", "quotes"]);
    has(first(&quotes["quotes"]), &["instrument", "bid", "ask"]);
    let line = [
        "replay-market",
        "--from",
        "2025-12-30",
        "--to",
        "2025-12-31",
        "--seed",
        "7",
        "--underlying",
        "BTC",
    ];
    let replayed = here.json(&line);
    has(
        &replayed,
        &[
            "from",
            "to",
            "seed",
            "snapshots",
            "decisions",
            "orders",
            "fills",
            "settlements",
            "cash_check",
            "seconds",
        ],
    );
    assert_eq!(
        (&replayed["seed"], &replayed["cash_check"]),
        (&json!("7"), &json!(0.0))
    );
    assert_eq!(replayed["snapshots"], replayed["decisions"]);
    let days = here.json(&["coverage", "--kind", "chains"]);
    let chains: i64 = days["days"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|day| day["snapshots"].as_i64())
        .sum();
    assert_eq!(json!(chains), replayed["snapshots"]);
    let again = here.json(&line);
    assert_eq!(again["digest"], replayed["digest"]);
    let one = first(&here.json(&["decisions", "--desk", "replay-7", "--limit", "1"])).clone();
    let replay = here.json(&["replay", one["id"].as_str().unwrap()]);
    assert_eq!(replay["identical"], json!(true), "{replay:#}");
}
