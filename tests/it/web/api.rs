//! The same data for programs: lists, rows, cursors, problems, actions, new jobs, the OpenAPI document.

use super::{Dashboard, browser, each_db};
use crate::support::sqlite;
use reqwest::{Client, Method, StatusCode, header};
use serde_json::{Value, json};
use thetaq::db::access;
use thetaq::db::decisions::{self, DecisionFilter};
use thetaq::domain::coin::Coin;
use thetaq::jobs::tick::Tick;
use thetaq::web;

/// A program with a token.
struct Program {
    client: Client,
    token: String,
}

impl Program {
    async fn of(desk: &Dashboard) -> Self {
        Self {
            client: browser(),
            token: web::create_token(&desk.ctx, "robot").await.unwrap(),
        }
    }

    async fn send(
        &self,
        desk: &Dashboard,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let url = desk.url(&format!("/api/v1{path}"));
        let mut request = self.client.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        if status.is_client_error() {
            assert_eq!(
                answer.headers()[header::CONTENT_TYPE],
                "application/problem+json",
                "{path}"
            );
        }
        (status, answer.json().await.unwrap())
    }

    async fn get(&self, desk: &Dashboard, path: &str) -> Value {
        let (status, body) = self.send(desk, Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }
}

const LISTS: [&str; 11] = [
    "/decisions",
    "/positions",
    "/orders",
    "/fills",
    "/settlements",
    "/equity",
    "/jobs",
    "/schedules",
    "/workers",
    "/coverage",
    "/desks",
];

#[tokio::test(flavor = "multi_thread")]
async fn lists_give_rows_and_single_rows_their_parts() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let decision = desk.seed().await.remove(0);
        let program = Program::of(&desk).await;
        for path in LISTS {
            let body = program.get(&desk, path).await;
            let empty = body["items"].as_array().unwrap().is_empty();
            assert_eq!(
                empty,
                ["/settlements", "/workers"].contains(&path),
                "{path}: {body}"
            );
        }
        let one = program
            .get(&desk, &format!("/decisions/{}", decision.id))
            .await;
        assert_eq!(one["id"], decision.id.as_str());
        assert_eq!(
            one["candidates"].as_array().unwrap().len() as i64,
            decision.candidates
        );
        assert_eq!(one["fills"][0]["instrument"], json!(decision.instrument));
        let job = program.get(&desk, &format!("/jobs/{}", decision.job)).await;
        assert_eq!(
            (&job["kind"], &job["args"]["underlying"]),
            (&json!("tick"), &json!(decision.underlying))
        );
        let of_eth = program.get(&desk, "/fills?underlying=ETH").await;
        assert!(
            of_eth["items"]
                .as_array()
                .unwrap()
                .iter()
                .all(|fill| fill["underlying"] == "ETH")
        );
        let later = program.get(&desk, "/decisions?from=2026-01-06").await;
        assert_eq!(later["items"], json!([]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_walk_every_row_once_even_while_rows_are_added() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let program = Program::of(&desk).await;
        for hour in 0..5 {
            let now_ms = super::START_MS + hour * super::HOUR_MS;
            desk.ctx.clock.set(thetaq::clock::Time::Manual { now_ms });
            desk.run(&Tick {
                underlying: Coin::Btc,
                as_of_ms: None,
            })
            .await;
        }
        let filter = DecisionFilter::of("live", 100);
        let all: Vec<String> = decisions::list(&desk.ctx.db, &filter)
            .await
            .unwrap()
            .into_iter()
            .map(|row| row.id)
            .collect();
        let mut seen = Vec::new();
        let mut path = "/decisions?limit=2".to_owned();
        loop {
            let page = program.get(&desk, &path).await;
            let ids = page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].as_str().unwrap().to_owned());
            seen.extend(ids);
            if seen.len() == 2 {
                let now_ms = super::START_MS + 9 * super::HOUR_MS;
                desk.ctx.clock.set(thetaq::clock::Time::Manual { now_ms });
                desk.run(&Tick {
                    underlying: Coin::Btc,
                    as_of_ms: None,
                })
                .await;
            }
            let Some(next) = page["next"].as_str() else {
                break;
            };
            path = format!("/decisions?limit=2&cursor={next}");
        }
        assert_eq!(seen, all);
        let equity = program.get(&desk, "/equity?limit=3").await;
        let next = equity["next"].as_str().unwrap();
        let rest = program.get(&desk, &format!("/equity?cursor={next}")).await;
        assert!(rest["items"][0]["at"].as_str() < equity["items"][2]["at"].as_str());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_problems() {
    let db = sqlite().await;
    let desk = Dashboard::start(&db).await;
    let program = Program::of(&desk).await;
    let post = Method::POST;
    let check = async |method: Method, path: &str, body: Option<Value>, expect: u16, word: &str| {
        let (status, problem) = program.send(&desk, method, path, body.as_ref()).await;
        assert_eq!(status.as_u16(), expect, "{path}: {problem}");
        assert_eq!(problem["status"], expect, "{path}");
        assert!(problem.to_string().contains(word), "{path}: {problem}");
    };
    check(Method::GET, "/nothing", None, 404, "not here").await;
    check(
        Method::GET,
        "/decisions/nothing",
        None,
        404,
        "That decision",
    )
    .await;
    check(
        Method::GET,
        "/decisions?colour=red",
        None,
        400,
        "`colour` is no parameter",
    )
    .await;
    check(Method::GET, "/jobs?limit=0", None, 400, "from 1 to 1000").await;
    check(
        Method::GET,
        "/jobs?cursor=xyz",
        None,
        400,
        "`next` of the page before",
    )
    .await;
    check(Method::DELETE, "/jobs", None, 405, "method").await;
    check(
        post.clone(),
        "/jobs",
        Some(json!({"kind": "nothing"})),
        400,
        "no kind of job is named",
    )
    .await;
    check(
        post.clone(),
        "/jobs",
        Some(json!({"kind": "tick", "args": {"underlying": "DOGE"}})),
        400,
        "do not decode",
    )
    .await;
    check(
        post.clone(),
        "/jobs",
        Some(json!([1])),
        400,
        "not what was expected",
    )
    .await;
    check(post.clone(), "/actions/nothing", None, 404, "That action").await;
    check(post, "/actions/kill", None, 400, "confirmed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_act_and_enqueue() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let program = Program::of(&desk).await;
        let post = async |path: &str, body: Value| {
            program.send(&desk, Method::POST, path, Some(&body)).await
        };
        let (status, _) = post("/actions/kill", json!({"confirmed": true})).await;
        assert_eq!(status, StatusCode::OK);
        assert!(desk.ctx.row().await.unwrap().kill_switch);
        let nowhere = json!({"kind": "sweep", "args": {"source": "nowhere", "plan": {"axes": []}}});
        let (status, problem) = post("/jobs", nowhere).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        let title = problem["title"].as_str().unwrap();
        for part in [
            "args: source nowhere",
            "BTC",
            "none but synthetic",
            "thetaq import",
        ] {
            assert!(title.contains(part), "{title}");
        }
        let tick = json!({"kind": "tick", "args": {"underlying": "BTC"}, "unique_key": "once"});
        let (status, made) = post("/jobs", tick.clone()).await;
        assert_eq!(
            (status, &made["inserted"]),
            (StatusCode::CREATED, &json!(true))
        );
        let (status, again) = post("/jobs", tick).await;
        assert_eq!((status, &again["id"]), (StatusCode::OK, &made["id"]));
        desk.drain().await;
        let job = program
            .get(&desk, &format!("/jobs/{}", made["id"].as_str().unwrap()))
            .await;
        assert_eq!(job["state"], "succeeded");
        let (_, done) = post("/actions/jobs", json!({"do": "retry", "id": [made["id"]]})).await;
        assert!(
            done["notice"]
                .as_str()
                .unwrap()
                .contains("Left as they are"),
            "{done}"
        );
        let mut audits = access::audits(&desk.ctx.db, 9).await.unwrap();
        audits.retain(|row| row.action != "token_created");
        assert!(
            audits.iter().all(|row| row.actor == "token:robot"),
            "{audits:?}"
        );
        assert_eq!(audits.len(), 4);
    })
    .await;
}

/// Every route the document names answers, and every list is named.
#[tokio::test(flavor = "multi_thread")]
async fn the_document_covers_every_route() {
    let db = sqlite().await;
    let desk = Dashboard::start(&db).await;
    let decision = desk.seed().await.remove(0);
    let program = Program::of(&desk).await;
    let document = program.get(&desk, "/openapi.json").await;
    assert_eq!(
        document["openapi"].as_str().unwrap().chars().next(),
        Some('3')
    );
    let paths = document["paths"].as_object().unwrap();
    for list in LISTS {
        assert!(
            paths.contains_key(&format!("/api/v1{list}")),
            "{list} is missing"
        );
    }
    for (path, methods) in paths {
        let short = path.strip_prefix("/api/v1").unwrap();
        for method in methods.as_object().unwrap().keys() {
            let id = if short.starts_with("/jobs") {
                &decision.job
            } else {
                &decision.id
            };
            let address = short.replace("{id}", id).replace("{action}", "start");
            let method: Method = method.to_uppercase().parse().unwrap();
            let body = (method == Method::POST).then(|| match short {
                "/sql" => json!({"query": "select 1 as one"}),
                "/chat" => json!({"text": "/positions"}),
                _ => json!({"kind": "tick", "args": {"underlying": "BTC"}}),
            });
            let (status, answer) = program
                .send(&desk, method.clone(), &address, body.as_ref())
                .await;
            assert!(status.is_success(), "{method} {path}: {answer}");
        }
    }
    let columns = &document["components"]["schemas"]["v_decisions"]["properties"];
    assert_eq!(columns["index_price"]["description"], "USD per coin");
}
