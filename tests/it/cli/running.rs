//! The desk as a running process: login links, tokens, schedules, a taken port, a stop.

use crate::support::terminal::Terminal;
use reqwest::{Client, StatusCode, redirect};
use serde_json::{Value, json};
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

fn browser() -> Client {
    let builder = crate::support::http()
        .cookie_store(true)
        .redirect(redirect::Policy::none());
    builder.build().unwrap()
}

async fn status(request: reqwest::RequestBuilder) -> StatusCode {
    request.send().await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn login_prints_an_address_that_works_once_for_the_running_dashboard() {
    let here = Terminal::new();
    let web = here.open(&["web", "--bind", "127.0.0.1:0"]);
    let fresh = here.json(&["login"])["login"].as_str().unwrap().to_owned();
    assert!(
        fresh.starts_with(&format!("http://{}/login?token=", web.address())),
        "{fresh}"
    );
    assert_ne!(fresh, web.login);
    assert!(here.text(&["login"]).contains("works once, within an hour"));
    let home = format!("http://{}/", web.address());
    let person = browser();
    assert_eq!(status(person.get(&home)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(person.get(&fresh)).await, StatusCode::SEE_OTHER);
    assert_eq!(status(person.get(&home)).await, StatusCode::OK);
    assert_eq!(
        status(browser().get(&fresh)).await,
        StatusCode::UNAUTHORIZED,
        "used up"
    );

    let taken = here.error(1, &["web", "--bind", web.address()]);
    assert!(
        taken.contains("cannot listen on") && taken.contains(web.address()),
        "{taken}"
    );
    assert_eq!(web.stop(), 0);
    let said = here.error(1, &["login"]);
    assert!(
        said.contains("no dashboard runs on this database"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_dashboard_is_not_taken_for_a_running_one() {
    let here = Terminal::new();
    let web = here.open(&["web", "--bind", "127.0.0.1:0"]);
    let address = web.address().to_owned();
    // SIGKILL: its row stays.
    drop(web);
    let said = here.error(1, &["login"]);
    assert!(
        said.contains(&format!("no dashboard answers on {address}")),
        "{said}"
    );
    let web = here.open(&["web", "--bind", "127.0.0.1:0"]);
    let fresh = here.json(&["login"]);
    assert!(
        fresh["login"].as_str().unwrap().contains(web.address()),
        "{fresh}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_the_dashboard_to_programs_until_it_is_revoked() {
    let here = Terminal::new();
    let web = here.open(&["web", "--bind", "127.0.0.1:0"]);
    let token = here.text(&["token", "laptop"]);
    let metrics = format!("http://{}/metrics", web.address());
    let with = |token: &str| browser().get(&metrics).bearer_auth(token.trim());
    assert_eq!(status(with(&token)).await, StatusCode::OK);
    assert_eq!(status(with("guess")).await, StatusCode::UNAUTHORIZED);
    here.json(&["token", "revoke", "laptop"]);
    assert_eq!(status(with(&token)).await, StatusCode::UNAUTHORIZED);
}

/// Workers end at once, the dashboard when the request does; both have rows to write.
#[test]
fn a_desk_stops_while_somebody_is_still_sending() {
    let here = Terminal::new();
    let desk = here.open(&["up", "--bind", "127.0.0.1:0"]);
    let token = here.text(&["token", "laptop"]);
    let mut stream = TcpStream::connect(desk.address()).unwrap();
    let head = format!(
        "POST /api/v1/jobs HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 64\r\n\r\n{{",
        desk.address(),
        token.trim()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // The dashboard has begun to read.
    std::thread::sleep(Duration::from_millis(300));
    let sender = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(2));
        drop(stream);
    });
    assert_eq!(desk.stop(), 0);
    sender.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_desk_starts_ticks_and_stops() {
    let here = Terminal::new();
    let desk = here.open(&["up", "--bind", "127.0.0.1:0"]);
    // Workers are alive now: the job is theirs, the command waits.
    let line = [
        "enqueue",
        "tick",
        "--args",
        r#"{"underlying": "BTC"}"#,
        "--wait",
    ];
    let done = here.json(&line);
    assert_eq!(done["state"], json!("succeeded"), "{done:#}");
    assert!(
        done["worker"]
            .as_str()
            .is_none_or(|worker| !worker.starts_with("inline"))
    );
    let schedules = here.json(&["schedules"]);
    let names: Vec<&str> = schedules
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["name"].as_str())
        .collect();
    assert!(
        names.contains(&"tick:BTC") && names.contains(&"prune"),
        "{names:?}"
    );
    let checks = here.json(&["doctor"]);
    let workers = checks["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["name"] == "workers");
    assert_eq!(workers.unwrap()["value"], json!("alive"));
    assert_eq!(desk.stop(), 0);
    let running = here.json(&["jobs", "list", "--state", "running"]);
    assert_eq!(
        running,
        Value::Array(Vec::new()),
        "nothing is left half done"
    );
}
