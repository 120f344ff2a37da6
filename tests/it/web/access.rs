//! Who may enter: login link, cookie, token, host name, the site a request comes from.

use super::{Dashboard, browser, each_db, html};
use crate::support::sqlite;
use reqwest::{StatusCode, header};
use std::sync::Arc;
use thetaq::config::Config;
use thetaq::ctx::Ctx;
use thetaq::db::access;
use thetaq::web;

#[tokio::test(flavor = "multi_thread")]
async fn a_login_link_works_once_and_leaves_the_address() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let link = web::login_url(&desk.ctx, desk.address).await.unwrap();
        let entered = browser().get(&link).send().await.unwrap();
        assert_eq!(entered.status(), StatusCode::SEE_OTHER);
        assert_eq!(entered.headers()[header::LOCATION], "/");
        let cookie = entered.headers()[header::SET_COOKIE].to_str().unwrap();
        for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        let again = browser().get(&link).send().await.unwrap();
        assert_eq!(again.status(), StatusCode::UNAUTHORIZED);
        let audits = access::audits(&desk.ctx.db, 10).await.unwrap();
        assert_eq!(audits.iter().filter(|row| row.action == "login").count(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_logs_nobody_out() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = browser();
        let link = web::login_url(&desk.ctx, desk.address).await.unwrap();
        let entered = client.get(link).send().await.unwrap();
        let cookie = entered.headers()[header::SET_COOKIE]
            .to_str()
            .unwrap()
            .to_owned();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let ctx = desk.ctx.clone();
        drop(desk);
        let restarted = Dashboard::over(ctx).await;
        let request = html(browser().get(restarted.url("/jobs")));
        let answer = request.header(header::COOKIE, cookie).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_cookie_or_token_nothing_is_shown() {
    let db = sqlite().await;
    let desk = Dashboard::start(&db).await;
    for path in [
        "/",
        "/jobs",
        "/quotes",
        "/events?page=/",
        "/metrics",
        "/api/v1/jobs",
        "/nothing",
    ] {
        let answer = desk.get(&browser(), path).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        let text = answer.text().await.unwrap();
        assert!(
            text.contains("not logged in") && text.contains("thetaq login"),
            "{path}: {text}"
        );
    }
    let open = desk.get(&browser(), "/healthz").await;
    assert_eq!(
        (open.status(), open.text().await.unwrap().as_str()),
        (StatusCode::OK, "ok\n")
    );
    assert_eq!(
        desk.get(&browser(), "/readyz").await.status(),
        StatusCode::OK
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn five_bad_tokens_close_the_door() {
    let db = sqlite().await;
    let desk = Dashboard::start(&db).await;
    let token = web::create_token(&desk.ctx, "laptop").await.unwrap();
    let call = async |token: &str| {
        let request = browser().get(desk.url("/api/v1/jobs")).bearer_auth(token);
        request.send().await.unwrap().status()
    };
    assert_eq!(call(&token).await, StatusCode::OK);
    for _ in 0..5 {
        assert_eq!(call("guess").await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(call("guess").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(call(&token).await, StatusCode::TOO_MANY_REQUESTS);
    let tokens = access::tokens(&desk.ctx.db).await.unwrap();
    assert!(
        tokens.iter().all(|row| row.hash != token),
        "only the hash is stored"
    );
    let names = access::token_names(&desk.ctx.db).await.unwrap();
    assert!(names.iter().any(|row| row.last_used_ms.is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_host_name_is_misdirected() {
    let db = sqlite().await;
    let desk = Dashboard::with(&db, "").await;
    let client = desk.browser().await;
    let answer = client
        .get(desk.url("/"))
        .header(header::HOST, "evil.example")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST);
    let ours = format!("localhost:{}", desk.address.port());
    let answer = client
        .get(desk.url("/healthz"))
        .header(header::HOST, ours)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_of_other_sites_are_refused() {
    let db = sqlite().await;
    let desk = Dashboard::start(&db).await;
    let client = desk.browser().await;
    let strangers = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://evil.example"),
        ("origin", "null"),
    ];
    for (name, value) in strangers {
        let request = html(client.post(desk.url("/actions/pause"))).header(name, value);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{name}: {value}");
        assert!(
            answer
                .text()
                .await
                .unwrap()
                .contains("came from another site")
        );
    }
    assert_eq!(desk.ctx.row().await.unwrap().state, "running");
    let own = desk.post(&client, "pause", &[]).await;
    assert_eq!(own.status(), StatusCode::SEE_OTHER);
    assert_eq!(desk.ctx.row().await.unwrap().state, "paused");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_machines_are_let_in_only_when_asked_twice() {
    let db = sqlite().await;
    let exposed = async |expose: bool| {
        let text = format!("[web]\nbind = \"0.0.0.0:0\"\nexpose = {expose}");
        let config = Arc::new(Config::parse(&text, "test").unwrap());
        let clock = thetaq::clock::Clock::real();
        let ctx = Ctx::with_clock(db.db.clone(), "live", clock, config);
        web::bind(&ctx)
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let refused = exposed(false).await.unwrap_err();
    assert!(refused.contains("expose = true"), "{refused}");
    let refused = exposed(true).await.unwrap_err();
    assert!(refused.contains("thetaq token NAME"), "{refused}");
    let desk = Dashboard::start(&db).await;
    web::create_token(&desk.ctx, "laptop").await.unwrap();
    assert_eq!(exposed(true).await, Ok(()));
}
