//! The queue with its workers in this process: what becomes of a job, on both engines.

use crate::support::queue::{Desk, Probe, on_each_engine};
use serde_json::json;
use std::time::Duration;
use thetaq::config::Missed;
use thetaq::db::{jobs, jobs_control, schedules, workers};
use thetaq::jobs::drain::{Advance, run_until_idle};
use thetaq::jobs::{Options, enqueue, run_inline, schedule};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_once_and_keeps_what_it_produced() {
    on_each_engine(async |desk: Desk| {
        let worker = desk.start();
        let id = desk.enqueue(Probe::new("echo"), Options::default()).await;
        let row = desk.finished(&id).await;
        assert_eq!(
            (row.state.as_str(), row.attempt, row.progress),
            ("succeeded", 1, 1.0)
        );
        assert_eq!(row.result, Some(json!({"echo": "echo"})));
        let events = jobs::events(&desk.ctx.db, &id).await.unwrap();
        assert_eq!(events.last().unwrap().event, "succeeded");
        worker.stop().await;
        let rows = workers::list(&desk.ctx.db).await.unwrap();
        assert_eq!((rows.len(), rows[0].done), (1, 1));
        assert!(rows[0].stopped_ms.is_some());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_retried_with_back_off_aborted_or_discarded() {
    on_each_engine(async |mut desk: Desk| {
        desk.configure(|probe| probe.timeout_ms = Some(400));
        let worker = desk.start();
        for (what, state, attempts, error) in [
            ("fail", "discarded", 3, "broken on purpose"),
            ("abort", "discarded", 1, "never again"),
            ("panic", "discarded", 3, "panicked: boom"),
            ("hang", "discarded", 3, "timed out after 400 ms"),
            ("fail_once", "succeeded", 2, ""),
            ("retry_in", "discarded", 3, "a little later"),
        ] {
            let id = desk.enqueue(Probe::new(what), Options::default()).await;
            let row = desk.finished(&id).await;
            assert_eq!(
                (row.state.as_str(), row.attempt),
                (state, attempts),
                "{what}: {row:?}"
            );
            assert!(row.error.unwrap_or_default().contains(error), "{what}");
            let events = jobs::events(&desk.ctx.db, &id).await.unwrap();
            assert_eq!(events.len() as i64, attempts, "{what}: one row per attempt");
            let waits = events
                .windows(2)
                .map(|pair| pair[1].started_ms.unwrap() - pair[0].at_ms);
            let least = if what == "retry_in" { 300 } else { 25 };
            assert!(
                waits.into_iter().all(|wait| wait >= least),
                "{what}: {events:?}"
            );
        }
        worker.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_that_does_not_decode_is_discarded_and_the_worker_goes_on() {
    on_each_engine(async |desk: Desk| {
        let worker = desk.start();
        let mut tx = desk.ctx.db.begin().await.unwrap();
        let bad = jobs::enqueue(&mut tx, &desk.ctx.clock, &desk.raw(json!({"nonsense": 1})))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let row = desk.finished(&bad.id).await;
        assert_eq!(row.state, "discarded");
        assert!(row.error.unwrap().contains("does not decode"));
        let good = desk.enqueue(Probe::new("echo"), Options::default()).await;
        assert_eq!(desk.finished(&good).await.state, "succeeded");
        worker.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_stops_within_a_second() {
    on_each_engine(async |desk: Desk| {
        let worker = desk.start();
        for what in ["wait", "ignore"] {
            let id = desk.enqueue(Probe::new(what), Options::default()).await;
            desk.in_state(&id, "running").await;
            let asked = thetaq::clock::Stopwatch::start();
            let mut tx = desk.ctx.db.begin().await.unwrap();
            jobs_control::cancel(&mut tx, &desk.ctx.clock, &id)
                .await
                .unwrap();
            tx.commit().await.unwrap();
            assert_eq!(desk.finished(&id).await.state, "cancelled");
            let limit = if what == "wait" { 1_000 } else { 1_800 };
            assert!(
                asked.elapsed() < Duration::from_millis(limit),
                "{what}: {:?}",
                asked.elapsed()
            );
        }
        worker.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_that_fails_does_not_run_again() {
    on_each_engine(async |desk: Desk| {
        let worker = desk.start();
        let sulk = desk.enqueue(Probe::new("sulk"), Options::default()).await;
        desk.in_state(&sulk, "running").await;
        desk.cancel(&sulk).await;
        let quick = Probe::new("cancel_and_fail");
        let quick = desk.enqueue(quick, Options::default()).await;
        for id in [sulk, quick] {
            let row = desk.finished(&id).await;
            assert_eq!((row.state.as_str(), row.attempt), ("cancelled", 1));
            let events = jobs::events(&desk.ctx.db, &id).await.unwrap();
            let names: Vec<_> = events.into_iter().map(|event| event.event).collect();
            assert!(names.contains(&"cancelled".to_owned()), "{names:?}");
        }
        worker.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_commit_is_a_failure_like_any_other_and_needs_no_lease_to_run_out() {
    on_each_engine(async |desk: Desk| {
        let worker = desk.start();
        let id = Probe::new("lose_commit");
        let id = desk.enqueue(id, Options::default()).await;
        let row = desk.finished(&id).await;
        assert_eq!((row.state.as_str(), row.attempt), ("succeeded", 2));
        let events = jobs::events(&desk.ctx.db, &id).await.unwrap();
        let first = events[0].message.as_deref();
        assert_eq!(first, Some("lost at the commit"), "{events:?}");
        assert_eq!(desk.effects().await, ["lose_commit"]);
        worker.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_run_inline_keeps_its_lease_and_hears_a_cancel_request() {
    on_each_engine(async |desk: Desk| {
        let start = async |what: &str| {
            let id = desk.enqueue(Probe::new(what), Options::default()).await;
            let (ctx, registry, job) = (desk.ctx.clone(), desk.registry.clone(), id.clone());
            let run = tokio::spawn(async move { run_inline(&ctx, &registry, &job).await });
            desk.in_state(&id, "running").await;
            (id, run)
        };
        let (id, run) = start("wait").await;
        desk.cancel(&id).await;
        let row = run.await.unwrap().unwrap().unwrap();
        assert_eq!((row.state.as_str(), row.attempt), ("cancelled", 1));
        // A worker that starts meanwhile must not take a job that takes longer than the lease.
        let (_, run) = start("slow").await;
        let worker = desk.start();
        let row = run.await.unwrap().unwrap().unwrap();
        assert_eq!((row.state.as_str(), row.attempt), ("succeeded", 1));
        worker.stop().await;
        assert_eq!(desk.effects().await, ["slow"]);
    })
    .await;
}

#[tokio::test]
async fn the_same_key_twice_is_one_row() {
    on_each_engine(async |desk: Desk| {
        let options = || Options {
            unique_key: Some("once".to_owned()),
            ..Options::default()
        };
        let first = desk.enqueue(Probe::new("echo"), options()).await;
        let second = desk.enqueue(Probe::new("echo"), options()).await;
        assert_eq!(first, second);
        let mut tx = desk.ctx.db.begin().await.unwrap();
        let again = enqueue(&mut tx, &desk.ctx, &Probe::new("echo"), options())
            .await
            .unwrap();
        assert!(!again.inserted);
        enqueue(&mut tx, &desk.ctx, &Probe::new("echo"), Options::default())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(
            jobs::list(&desk.ctx.db, &jobs::Filter::default())
                .await
                .unwrap()
                .len(),
            2
        );
    })
    .await;
}

#[tokio::test]
async fn a_drain_runs_by_time_priority_and_id_on_a_manual_clock() {
    on_each_engine(async |mut desk: Desk| {
        desk.manual(1_000_000);
        for (what, priority, run_at_ms) in [
            ("late", 9, 1_002_000),
            ("low", 0, 1_000_000),
            ("high", 5, 1_000_000),
        ] {
            let options = Options {
                priority: Some(priority),
                run_at_ms: Some(run_at_ms),
                ..Options::default()
            };
            desk.enqueue(Probe::new(what), options).await;
        }
        let stale = Options {
            expires_at_ms: Some(999_999),
            ..Options::default()
        };
        let stale = desk.enqueue(Probe::new("stale"), stale).await;
        let ran = run_until_idle(&desk.ctx, &desk.registry, Advance::Until(1_005_000))
            .await
            .unwrap();
        assert_eq!((ran, desk.ctx.clock.now_ms()), (4, 1_002_000));
        assert_eq!(desk.effects().await, ["high", "low", "late"]);
        assert_eq!(
            jobs::get(&desk.ctx.db, &stale)
                .await
                .unwrap()
                .unwrap()
                .state,
            "discarded"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_queues_wait_and_controls_leave_events() {
    on_each_engine(async |desk: Desk| {
        let (db, clock) = (&desk.ctx.db, &desk.ctx.clock);
        let mut tx = db.begin().await.unwrap();
        jobs_control::set_paused(&mut tx, clock, "probe", true)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let worker = desk.start();
        let id = desk.enqueue(Probe::new("abort"), Options::default()).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(
            jobs::get(db, &id).await.unwrap().unwrap().state,
            "available"
        );
        assert!(jobs::queues(db).await.unwrap()[0].paused);
        let mut tx = db.begin().await.unwrap();
        assert!(
            jobs_control::set_priority(&mut tx, clock, &id, 7)
                .await
                .unwrap()
        );
        jobs_control::set_paused(&mut tx, clock, "probe", false)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(desk.finished(&id).await.priority, 7);
        let mut tx = db.begin().await.unwrap();
        assert!(jobs_control::retry(&mut tx, clock, &id).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(desk.finished(&id).await.attempt, 2);
        let names: Vec<_> = jobs::events(db, &id)
            .await
            .unwrap()
            .into_iter()
            .map(|event| event.event)
            .collect();
        assert_eq!(names, ["priority", "discarded", "available", "discarded"]);
        worker.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_and_log_lines_are_seen_while_the_job_runs() {
    on_each_engine(async |desk: Desk| {
        let worker = desk.start();
        let id = desk.enqueue(Probe::new("report"), Options::default()).await;
        desk.row_when(&id, |row| row.state == "running" && row.progress == 0.5)
            .await;
        let row = desk.finished(&id).await;
        assert_eq!(row.progress_note.as_deref(), Some("half"));
        let events = jobs::events(&desk.ctx.db, &id).await.unwrap();
        assert_eq!(events[0].message.as_deref(), Some("line"));
        worker.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_worker_finishes_what_runs_and_gives_the_rest_back() {
    on_each_engine(async |desk: Desk| {
        let worker = desk.start();
        let short = desk.enqueue(Probe::new("short"), Options::default()).await;
        let long = desk.enqueue(Probe::new("wait"), Options::default()).await;
        desk.in_state(&short, "running").await;
        desk.in_state(&long, "running").await;
        worker.stop().await;
        let row = async |id| jobs::get(&desk.ctx.db, id).await.unwrap().unwrap();
        assert_eq!(row(&short).await.state, "succeeded");
        let long = row(&long).await;
        assert_eq!(long.state, "available");
        assert_eq!(
            (long.attempt, long.max_attempts),
            (1, 4),
            "the attempt does not count"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn racing_schedulers_make_one_row_a_slot() {
    on_each_engine(async |mut desk: Desk| {
        desk.schedule("* * * * * *", Missed::RunOnce);
        schedule::declare(&desk.ctx, &desk.registry).await.unwrap();
        for _ in 0..25 {
            let racers = (0..4).map(|_| schedule::tick(&desk.ctx, &desk.registry));
            for result in futures::future::join_all(racers).await {
                result.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let rows = jobs::list(&desk.ctx.db, &jobs::Filter::default())
            .await
            .unwrap();
        let mut slots: Vec<_> = rows.iter().map(|row| row.slot_ms.unwrap()).collect();
        slots.sort_unstable();
        assert!((2..=4).contains(&slots.len()), "{slots:?}");
        assert!(
            slots.windows(2).all(|pair| pair[1] - pair[0] == 1_000),
            "{slots:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn missed_slots_run_once_or_are_skipped() {
    on_each_engine(async |mut desk: Desk| {
        for (missed, expected) in [(Missed::RunOnce, 1), (Missed::Skip, 0)] {
            desk.manual(3_600_000);
            desk.schedule("0 * * * * *", missed);
            schedule::declare(&desk.ctx, &desk.registry).await.unwrap();
            let before = jobs::list(&desk.ctx.db, &jobs::Filter::default())
                .await
                .unwrap()
                .len();
            desk.set(3_600_000 + 30 * 60_000 + 20_000);
            schedule::tick(&desk.ctx, &desk.registry).await.unwrap();
            let after = jobs::list(&desk.ctx.db, &jobs::Filter::default())
                .await
                .unwrap()
                .len();
            assert_eq!(after - before, expected, "{missed:?}");
            let row = schedules::get(&desk.ctx.db, "probe")
                .await
                .unwrap()
                .unwrap();
            assert_eq!(row.next_slot_ms, Some(3_600_000 + 31 * 60_000));
            let mut tx = desk.ctx.db.begin().await.unwrap();
            schedules::retain(&mut tx, "probe", &[]).await.unwrap();
            tx.commit().await.unwrap();
        }
    })
    .await;
}
