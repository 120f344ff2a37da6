//! The dashboard over real HTTP: who may enter, what pages show, what actions change, the API.

mod access;
mod actions;
mod api;
mod chat;
mod council;
mod drift;
mod insight;
mod lab;
mod pages;
mod sql;
mod training;

use crate::support::{TestDb, each_db};
use reqwest::{Client, RequestBuilder, Response, StatusCode, header};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use thetaq::clock::Clock;
use thetaq::config::Config;
use thetaq::ctx::Ctx;
use thetaq::db::decisions::{self, DecisionFilter, DecisionRow};
use thetaq::domain::coin::Coin;
use thetaq::jobs::drain::{Advance, run_until_idle};
use thetaq::jobs::record_market::RecordMarket;
use thetaq::jobs::tick::Tick;
use thetaq::jobs::{Job, Options, enqueue, registry, schedule};
use thetaq::web;
use tokio_util::sync::{CancellationToken, DropGuard};

/// 2026-01-05 09:00 UTC.
const START_MS: i64 = 1_767_603_600_000;
const HOUR_MS: i64 = 3_600_000;

/// A desk on a manual clock behind a dashboard on a free port.
struct Dashboard {
    ctx: Ctx,
    address: SocketAddr,
    _stop: DropGuard,
}

impl Dashboard {
    async fn start(db: &TestDb) -> Self {
        Self::with(db, "").await
    }

    async fn with(db: &TestDb, settings: &str) -> Self {
        let text = format!("{settings}\n[web]\nbind = \"127.0.0.1:0\"");
        let config = Arc::new(Config::parse(&text, "test").unwrap());
        let clock = Clock::manual(START_MS, &["web"]);
        let ctx = Ctx::with_clock(db.db.clone(), "live", clock, config);
        ctx.open().await.unwrap();
        Self::over(ctx).await
    }

    /// Another dashboard process on the same database.
    async fn over(ctx: Ctx) -> Self {
        let listener = web::bind(&ctx).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(web::serve(ctx.clone(), listener, stop.clone()));
        Self {
            ctx,
            address,
            _stop: stop.drop_guard(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A browser that followed the login link.
    async fn browser(&self) -> Client {
        let client = browser();
        let link = web::login_url(&self.ctx, self.address).await.unwrap();
        let entered = client.get(link).send().await.unwrap();
        assert_eq!(entered.status(), StatusCode::SEE_OTHER);
        client
    }

    async fn get(&self, client: &Client, path: &str) -> Response {
        html(client.get(self.url(path))).send().await.unwrap()
    }

    /// The page's HTML; anything but 200 fails the test.
    async fn page(&self, client: &Client, path: &str) -> String {
        let answer = self.get(client, path).await;
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        text
    }

    /// A form of one of our pages, as a browser sends it.
    async fn post(&self, client: &Client, action: &str, fields: &[(&str, &str)]) -> Response {
        let body: Vec<String> = fields
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        html(client.post(self.url(&format!("/actions/{action}"))))
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body.join("&"))
            .send()
            .await
            .unwrap()
    }

    async fn run<J: Job>(&self, job: &J) {
        let mut tx = self.ctx.db.begin().await.unwrap();
        enqueue(&mut tx, &self.ctx, job, Options::default())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        self.drain().await;
    }

    async fn drain(&self) {
        let until_ms = self.ctx.clock.now_ms() + HOUR_MS;
        run_until_idle(&self.ctx, &registry::all(), Advance::Until(until_ms))
            .await
            .unwrap();
    }

    /// Rows of every page: schedules, a chain, one decision per coin with its orders and fills.
    async fn seed(&self) -> Vec<DecisionRow> {
        schedule::declare(&self.ctx, &registry::all())
            .await
            .unwrap();
        for underlying in Coin::ALL {
            self.run(&RecordMarket {
                underlying,
                synthetic: true,
            })
            .await;
            self.run(&Tick {
                underlying,
                as_of_ms: None,
            })
            .await;
        }
        let filter = DecisionFilter::of(&self.ctx.desk, 10);
        let rows = decisions::list(&self.ctx.db, &filter).await.unwrap();
        assert_eq!(rows.len(), 2);
        rows
    }
}

/// A client that keeps cookies and follows no redirect by itself.
fn browser() -> Client {
    crate::support::http()
        .cookie_store(true)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap()
}

fn html(request: RequestBuilder) -> RequestBuilder {
    request.header(header::ACCEPT, "text/html")
}
