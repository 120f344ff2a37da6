//! Desks and their controls, logins, tokens, the audit trail, saved books of the built-in exchange.

use super::{DESK, Pair, START_MS};
use serde_json::json;
use thetaq::clock::Anchor;
use thetaq::clock::Clock;
use thetaq::db::access::{self, TokenRow};
use thetaq::db::desks::{self, DeskRow, DeskState};
use thetaq::db::venues::VenueKeeper;
use thetaq::exchange::sim::keeper::Keeper;

fn row() -> DeskRow {
    DeskRow {
        id: "second".to_owned(),
        state: "running".to_owned(),
        desk_anchor_ms: Some(1_000),
        wall_anchor_ms: Some(0),
        speed: Some(60.0),
        ..DeskRow::default()
    }
}

const ANCHOR: Anchor = Anchor {
    desk_ms: 2,
    wall_ms: 3,
    speed: 4.0,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_and_its_controls() {
    let pair = Pair::traded().await;
    assert!(
        pair.change(async |tx| Ok(desks::insert(tx, &row()).await?))
            .await
    );
    assert!(
        !pair
            .change(async |tx| Ok(desks::insert(tx, &row()).await?))
            .await
    );
    pair.change(async |tx| Ok(desks::set_state(tx, "second", DeskState::Paused, 5).await?))
        .await;
    pair.change(async |tx| Ok(desks::set_kill_switch(tx, "second", true, 6).await?))
        .await;
    pair.change(async |tx| Ok(desks::set_close_only(tx, "second", true, 7).await?))
        .await;
    pair.change(async |tx| Ok(desks::set_dry_run(tx, "second", !row().dry_run, 8).await?))
        .await;
    let read = pair.same(async |db| Ok(desks::get(db, "second").await?));
    assert_ne!(read.await.unwrap().dry_run, row().dry_run);
    let production = DeskRow {
        mode: "production".to_owned(),
        ..row()
    };
    pair.change(async |tx| Ok(desks::set_config(tx, &production).await?))
        .await;
    let anchor = async |tx: &mut thetaq::db::Tx| Ok(desks::set_anchor(tx, &row(), ANCHOR).await?);
    assert!(pair.change(anchor).await);
    assert!(
        !pair.change(anchor).await,
        "another process moved the anchor"
    );
    let now = pair
        .same(async |db| Ok(desks::get(db, "second").await?))
        .await
        .unwrap();
    assert_eq!(
        (
            now.state(),
            now.kill_switch,
            now.close_only,
            now.mode.as_str(),
            now.desk_anchor_ms
        ),
        (DeskState::Paused, true, true, "production", Some(2))
    );
    assert_eq!(
        pair.same(async |db| Ok(desks::list(db).await?)).await.len(),
        2
    );
    assert!(
        !pair
            .same(async |db| Ok(desks::alive(db, 0).await?.now))
            .await
    );
    pair.change(async |tx| Ok(desks::clear(tx, DESK).await?))
        .await;
    let left = pair
        .same(async |db| Ok(thetaq::db::fills::all(db, DESK).await?))
        .await;
    assert_eq!(left, [], "a cleared desk leaves nothing");
}

#[tokio::test]
async fn logins_work_once_and_tokens_until_they_are_revoked() {
    let pair = Pair::empty().await;
    pair.change(async |tx| Ok(access::insert_login(tx, "h", 0, 100).await?))
        .await;
    assert!(
        !pair
            .change(async |tx| Ok(access::use_login(tx, "h", 100).await?))
            .await,
        "too late"
    );
    assert!(
        pair.change(async |tx| Ok(access::use_login(tx, "h", 99).await?))
            .await
    );
    assert!(
        !pair
            .change(async |tx| Ok(access::use_login(tx, "h", 99).await?))
            .await,
        "used up"
    );
    let token = TokenRow {
        hash: "hash".to_owned(),
        name: "laptop".to_owned(),
    };
    pair.change(async |tx| Ok(access::insert_token(tx, &token, 0).await?))
        .await;
    assert_eq!(
        pair.same(async |db| Ok(access::tokens(db).await?))
            .await
            .len(),
        1
    );
    for at_ms in [100_000, 150_000] {
        pair.same(async |db| Ok(access::token_used(db, "hash", at_ms).await?))
            .await;
    }
    let names = pair
        .same(async |db| Ok(access::token_names(db).await?))
        .await;
    assert_eq!(names[0].name, "laptop");
    assert_eq!(names[0].last_used_ms, Some(100_000), "once a minute");
    assert_eq!(
        pair.change(async |tx| Ok(access::revoke_tokens(tx, "laptop", 1).await?))
            .await,
        1
    );
    assert!(
        pair.same(async |db| Ok(access::tokens(db).await?))
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn dashboards_are_known_until_they_stop() {
    let pair = Pair::empty().await;
    for (n, address) in ["127.0.0.1:1", "127.0.0.1:2"].into_iter().enumerate() {
        pair.change(async |tx| Ok(access::dashboard_started(tx, address, n as i64).await?))
            .await;
    }
    pair.change(async |tx| Ok(access::dashboard_stopped(tx, "127.0.0.1:1", 3).await?))
        .await;
    let running = pair
        .same(async |db| Ok(access::dashboards(db).await?))
        .await;
    assert_eq!(running, ["127.0.0.1:2"]);
}

#[tokio::test]
async fn keys_stay_and_actions_are_remembered() {
    let pair = Pair::empty().await;
    let first = pair
        .same(async |db| Ok(access::key(db, "cookie", &[1; 64], 0).await?))
        .await;
    let second = pair
        .same(async |db| Ok(access::key(db, "cookie", &[2; 64], 0).await?))
        .await;
    assert_eq!(
        (&first, first.len()),
        (&second, 64),
        "a restart keeps the key"
    );
    for action in ["kill", "start"] {
        pair.change(async |tx| {
            let clock = Clock::manual(START_MS, &["audit", action]);
            Ok(access::audit(tx, &clock, "browser", action, None, json!({"n": 1})).await?)
        })
        .await;
    }
    let lines = pair
        .same(async |db| Ok(access::audits(db, 10).await?))
        .await;
    assert_eq!(lines.len(), 2);
}

#[tokio::test]
async fn a_saved_book_is_replaced_by_one_writer_at_a_time() {
    let pair = Pair::empty().await;
    let saves = pair
        .same(async |db| {
            let keeper = VenueKeeper::new(db.clone(), DESK);
            let mut saved = Vec::new();
            for (expected, state) in [(0, "a"), (0, "b"), (1, "c"), (7, "d")] {
                saved.push(keeper.store(expected, state.to_owned(), 5).await?);
            }
            Ok((saved, keeper.load().await?.unwrap()))
        })
        .await;
    assert_eq!(saves.0, [true, false, true, false]);
    assert_eq!((saves.1.version, saves.1.state.as_str()), (2, "c"));
}
