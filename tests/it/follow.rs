//! A desk on an exchange that lives in a time of its own: followed, waited for, and believed only so far.

use crate::support::deribit::{Answer, Script};
use crate::support::served::{START_MS, Server};
use crate::support::sqlite;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use thetaq::clock::{Clock, SILENCE_MAX_MS};
use thetaq::config::Config;
use thetaq::ctx::{Ctx, Purpose};
use thetaq::db::Db;
use thetaq::exchange::sim::faults::FaultPlan;
use thetaq::exchange::sim::http::Key;

const SPEED: f64 = 600.0;

async fn accelerated() -> Server {
    let clock = Clock::scaled(START_MS, Clock::real().wall_ms(), SPEED);
    Server::with(FaultPlan::calm(), clock, Key::from_seed("served")).await
}

fn at(url: &str) -> Arc<Config> {
    let mut config = Config::default();
    config.set_exchange_url(url).unwrap();
    Arc::new(config)
}

async fn open(db: &Db, url: &str, purpose: Purpose) -> anyhow::Result<Ctx> {
    Ctx::live(db.clone(), at(url), purpose).await
}

#[tokio::test(flavor = "multi_thread")]
async fn desk_time_is_the_exchange_s_and_stands_while_it_is_silent() {
    let (rows, server) = (sqlite().await, accelerated().await);
    let url = server.root.clone();
    let working = open(&rows.db, &url, Purpose::Work).await.unwrap();
    let apart_ms = working.clock.now_ms() - server.clock.now_ms();
    // Two readings of one line, a moment apart.
    assert!(apart_ms.abs() < 60_000, "{apart_ms}");
    let row = working.row().await.unwrap();
    assert_eq!(row.anchor(), server.clock.anchor());
    assert_eq!(
        working.config.exchange.speed, SPEED,
        "schedules keep its pace"
    );
    working.follow().await.unwrap();
    assert!(
        working
            .clock
            .silent_ms()
            .is_some_and(|silent_ms| silent_ms < SILENCE_MAX_MS)
    );

    // Somebody who only looks asks nobody; nobody works yet.
    let watching = open(&rows.db, &url, Purpose::Watch).await.unwrap();
    assert_eq!(watching.clock.silent_ms(), None);
    assert!(watching.clock.now_ms() >= START_MS);

    drop(server);
    tokio::time::sleep(Duration::from_millis(SILENCE_MAX_MS.unsigned_abs() + 300)).await;
    let stands_ms = working.clock.now_ms();
    assert!(working.follow().await.is_err(), "nobody answers");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(working.clock.now_ms(), stands_ms);

    // A desk that is known waits for its exchange; a new one cannot know how time runs there.
    let later = open(&rows.db, &url, Purpose::Work).await.unwrap();
    assert_eq!(later.clock.speed(), SPEED);
    assert!(later.clock.silent_ms().is_some(), "it listens");
    let fresh = sqlite().await;
    let error = open(&fresh.db, &url, Purpose::Work).await.unwrap_err();
    assert!(
        format!("{error:#}").contains("does not answer; start the exchange"),
        "{error:#}"
    );
}

/// Production says no such thing; whoever says it is production and has a time of its own is not believed.
#[tokio::test(flavor = "multi_thread")]
async fn only_a_test_system_may_have_a_time_of_its_own() {
    let script = Script::start().await;
    script.always("public/get_time", Answer::result(json!(START_MS)));
    script.say_anchor("1767603600000 1767603600000 600");
    script.say_production();
    let rows = sqlite().await;
    let real = open(&rows.db, &script.base_url(), Purpose::Work)
        .await
        .unwrap();
    assert_eq!((real.clock.speed(), real.clock.anchor()), (1.0, None));
    assert_eq!(real.row().await.unwrap().anchor(), None);

    let script = Script::start().await;
    script.always("public/get_time", Answer::result(json!(START_MS)));
    for nonsense in ["soon", "1 2 0", "1 2 1e9"] {
        script.say_anchor(nonsense);
        let rows = sqlite().await;
        let real = open(&rows.db, &script.base_url(), Purpose::Work)
            .await
            .unwrap();
        assert_eq!(real.clock.anchor(), None, "{nonsense}");
    }
}
