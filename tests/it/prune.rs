//! Pruning: finished jobs of the live desk go after `[queue] keep_days`; those of a replay stay with its book.

use crate::support::each_db;
use serde_json::json;
use std::sync::Arc;
use thetaq::clock::Clock;
use thetaq::config::Config;
use thetaq::ctx::{Ctx, Purpose};
use thetaq::db::jobs;
use thetaq::domain::coin::Coin;
use thetaq::jobs::prune::Prune;
use thetaq::jobs::settle::Settle;
use thetaq::jobs::{Job, Options, enqueue, registry, run_inline};

async fn run<J: Job>(ctx: &Ctx, job: &J) -> jobs::JobRow {
    let mut tx = ctx.db.begin().await.unwrap();
    let enqueued = enqueue(&mut tx, ctx, job, Options::default()).await;
    let id = enqueued.unwrap().id;
    tx.commit().await.unwrap();
    let row = run_inline(ctx, &registry::all(), &id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.state, "succeeded", "{row:?}");
    row
}

const SETTLE: Settle = Settle {
    underlying: Coin::Btc,
};

#[tokio::test(flavor = "multi_thread")]
async fn finished_jobs_go_after_the_days_they_are_kept() {
    each_db(async |db| {
        let config = Arc::new(Config::default());
        let clock = Clock::manual(1_767_603_600_000, &["replay"]);
        let replay = Ctx::with_clock(db.db.clone(), "replay", clock, config.clone());
        replay.open().await.unwrap();
        let simulated = run(&replay, &SETTLE).await;

        let desk = Ctx::live(db.db.clone(), config, Purpose::Work)
            .await
            .unwrap();
        let recent = run(&desk, &SETTLE).await;
        let kept = run(&desk, &Prune {}).await;
        assert_eq!(
            kept.result.unwrap()["jobs"],
            json!(0),
            "none is 30 days old"
        );

        let mut shorter = Config::default();
        // Below what a file may say, so that the test need not wait a day.
        shorter.queue.keep_days = 0;
        let desk = Ctx::live(db.db.clone(), Arc::new(shorter), Purpose::Work)
            .await
            .unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        let pruned = run(&desk, &Prune {}).await;
        assert_eq!(
            pruned.result.unwrap()["jobs"],
            json!(2),
            "the settlement and the first pruning"
        );
        assert!(jobs::get(&db.db, &recent.id).await.unwrap().is_none());
        assert!(jobs::get(&db.db, &simulated.id).await.unwrap().is_some());
    })
    .await;
}
