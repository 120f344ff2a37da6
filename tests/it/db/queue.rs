//! Job rows: enqueue, claim, acknowledge, lease, control, schedules, workers, on rows alone.

use super::Pair;
use serde_json::json;
use std::sync::Arc;
use thetaq::clock::Clock;
use thetaq::db::jobs::{self, Filter, NewJob};
use thetaq::db::jobs_turn::{self, Ack, Claim, Fence, Note};
use thetaq::db::schedules::{self, ScheduleRow};
use thetaq::db::workers::{self, WorkerRow};
use thetaq::db::{Tx, jobs_control, leases, pages, probe};

fn clock(part: &str) -> Clock {
    Clock::manual(1_000, &["queue", part])
}

fn job(queue: &str, run_at_ms: i64) -> NewJob {
    NewJob {
        desk: "live".to_owned(),
        kind: "probe",
        queue: queue.to_owned(),
        args: json!({"n": 1}),
        priority: 0,
        run_at_ms,
        expires_at_ms: None,
        unique_key: None,
        parent: None,
        slot_ms: None,
        max_attempts: 3,
    }
}

async fn enqueue(pair: &Pair, part: &str, job: &NewJob) -> String {
    let enqueued = pair
        .change(async |tx| Ok(jobs::enqueue(tx, &clock(part), job).await?))
        .await;
    enqueued.id
}

fn fence(id: &str, attempt: i64) -> Fence {
    Fence {
        id: id.to_owned(),
        attempt,
        owner: "w".to_owned(),
    }
}

#[tokio::test]
async fn a_job_alone_is_the_row_that_a_transaction_writes() {
    let pair = Pair::empty().await;
    let keyed = NewJob {
        unique_key: Some("once".to_owned()),
        ..job("probe", 1_000)
    };
    let alone = |part: &'static str| {
        let keyed = &keyed;
        pair.same(async move |db| Ok(jobs::enqueue_alone(db, &clock(part), keyed).await?))
    };
    let (first, again) = (alone("a").await, alone("b").await);
    assert_eq!((first.inserted, again.inserted), (true, false));
    assert_eq!(first.id, again.id);
    let within = enqueue(&pair, "c", &job("probe", 1_000)).await;
    let row = async |id: String| {
        let row = pair.same(async |db| Ok(jobs::get(db, &id).await?)).await;
        let mut row = row.expect("written");
        (row.id, row.unique_key) = (String::new(), None);
        row
    };
    assert_eq!(row(first.id).await, row(within).await);
}

#[tokio::test]
async fn a_row_from_enqueue_to_acknowledgement() {
    let pair = Pair::empty().await;
    let id = enqueue(&pair, "a", &job("probe", 1_000)).await;
    let child = NewJob {
        parent: Some(id.clone()),
        ..job("probe", 5_000)
    };
    let child = enqueue(&pair, "b", &child).await;
    assert_eq!(
        pair.same(async |db| Ok(jobs::children(db, &id).await?))
            .await[0]
            .id,
        child
    );
    let waiting = pair
        .same(async |db| Ok(probe::look(db, "live", &[("probe", false)], 1_000).await?))
        .await;
    assert_eq!(
        (waiting.kinds, waiting.due),
        (vec!["probe".to_owned()], false)
    );
    let next = pair
        .same(async |db| Ok(jobs_turn::next_due_ms(db, "live").await?))
        .await;
    assert_eq!(next, Some(5_000), "what waits for its time");
    claim(&pair, &id).await;
    let renewed = pair
        .change(async |tx| Ok(leases::renew(tx, "w", std::slice::from_ref(&id), 3_000).await?))
        .await;
    assert_eq!(renewed, std::slice::from_ref(&id));
    report(&pair, &id).await;
    let done = Ack::succeeded(fence(&id, 1), 1_200, &json!({"ok": true}));
    assert!(
        pair.change(async |tx| Ok(jobs_turn::ack(tx, &done).await?))
            .await
    );
    assert!(
        !pair
            .change(async |tx| Ok(jobs_turn::ack(tx, &done).await?))
            .await,
        "fenced off"
    );
    let row = pair
        .same(async |db| Ok(jobs::get(db, &id).await?))
        .await
        .unwrap();
    assert_eq!(
        (row.state.as_str(), row.result),
        ("succeeded", Some(json!({"ok": true})))
    );
    assert_eq!(
        pair.same(async |db| Ok(jobs::events(db, &id).await?))
            .await
            .len(),
        2
    );
    let inside = pair
        .change(async |tx| Ok(jobs::get_in(tx, &id).await?))
        .await;
    assert_eq!(inside.unwrap().state, "succeeded");
    assert_eq!(
        pair.same(async |db| Ok(jobs::list(db, &Filter::default()).await?))
            .await
            .len(),
        2
    );
    assert_eq!(
        pair.same(async |db| Ok(jobs::counts(db, "live").await?))
            .await
            .len(),
        2
    );
    pair.same(async |db| Ok(jobs::queues(db).await?)).await;
    let minutes = pair
        .same(async |db| Ok(pages::queue::minutes(db, "live", "", 0).await?))
        .await;
    assert_eq!((minutes.len(), minutes[0].jobs), (1, 1));
    pair.same(async |db| Ok(db.optimize().await?)).await;
}

/// Ids tell the clock of a desk, which may run back: jobs are listed by when they came.
#[tokio::test]
async fn jobs_are_listed_by_when_they_came_page_by_page() {
    let pair = Pair::empty().await;
    let mut came = Vec::new();
    for (part, wall_ms) in [("a", 1_000), ("b", 3_000), ("c", 3_000), ("d", 2_000)] {
        // The desk's clock runs back while the wall's goes on.
        let id = Clock::manual(9_000_000 - wall_ms, &[part]).id();
        came.push((wall_ms, id.clone()));
        let sql = format!(
            "insert into jobs (id, desk, kind, queue, args, state, priority, run_at_ms, attempt, max_attempts, \
             progress, cancel_requested, created_ms) values ('{id}', 'live', 'probe', 'q', '{{}}', 'available', 0, 0, \
             0, 3, 0, false, {wall_ms})"
        );
        pair.run(&sql).await;
    }
    came.sort();
    came.reverse();
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let filter = Filter {
            before,
            limit: 1,
            ..Filter::default()
        };
        let rows = pair
            .same(async |db| Ok(jobs::list(db, &filter).await?))
            .await;
        let Some(row) = rows.first() else { break };
        found.push((row.created_ms, row.id.clone()));
        before = jobs::Place::parse(&jobs::Place::of(row).to_string());
    }
    assert_eq!(found, came);
}

/// The one available row is claimed, with its payload.
async fn claim(pair: &Pair, id: &str) {
    let claim = Claim {
        desk: "live".to_owned(),
        kind: "probe",
        owner: "w".to_owned(),
        now_ms: 1_000,
        lease_until_ms: 2_000,
        limit: 10,
        serial: false,
    };
    let none = Arc::new(Vec::new());
    let claimed = pair
        .same(async |db| {
            let claimed = jobs_turn::turn(db, &none, Some(claim.clone())).await?;
            let args = |text: &str| serde_json::from_str::<serde_json::Value>(text);
            let mut jobs = Vec::new();
            for job in claimed {
                jobs.push((job.id, job.attempt, args(&job.args)?));
            }
            Ok(jobs)
        })
        .await;
    assert_eq!(claimed, [(id.to_owned(), 1, json!({"n": 1}))]);
}

/// Progress of the attempt that holds the lease is written, another one's is not.
async fn report(pair: &Pair, id: &str) {
    let note = Note {
        n: 1,
        at_ms: 1_100,
        text: "half way".to_owned(),
    };
    let half = (0.5, "half".to_owned());
    let report = async |tx: &mut Tx, fence: &Fence| {
        Ok(jobs_turn::report(tx, fence, Some(&half), std::slice::from_ref(&note)).await?)
    };
    assert!(
        pair.change(async |tx| report(tx, &fence(id, 1)).await)
            .await
    );
    assert!(
        !pair
            .change(async |tx| report(tx, &fence(id, 2)).await)
            .await,
        "a stale attempt"
    );
}

#[tokio::test]
async fn due_jobs_are_promoted_and_silent_ones_recovered() {
    let pair = Pair::empty().await;
    let id = enqueue(&pair, "a", &job("probe", 5_000)).await;
    assert!(
        !pair
            .change(async |tx| Ok(jobs_turn::promote(tx, "live", 4_999).await?))
            .await
    );
    pair.same(async |db| Ok(probe::promote(db, "live", 5_000).await?))
        .await;
    let claimed = pair
        .change(async |tx| {
            let claimed = jobs_turn::claim_next(tx, "live", &["probe"], "w", 5_000, 6_000).await?;
            Ok(claimed.map(|claimed| claimed.id))
        })
        .await;
    assert_eq!(claimed.unwrap(), id);
    let cancelled = pair
        .change(async |tx| Ok(jobs_control::cancel(tx, &clock("c"), &id).await?))
        .await;
    assert!(cancelled.unwrap().cancel_requested);
    let asked = pair
        .same(async |db| Ok(leases::stop_requests(db, "w").await?))
        .await;
    let cancel = leases::StopRequest {
        id: id.clone(),
        cancel: true,
    };
    assert_eq!(asked, [cancel]);
    assert_eq!(
        pair.same(async |db| Ok(leases::recover(db, "live", 6_000).await?))
            .await,
        0
    );
    assert_eq!(
        pair.same(async |db| Ok(leases::recover(db, "live", 6_001).await?))
            .await,
        1
    );
    let row = pair
        .same(async |db| Ok(jobs::get(db, &id).await?))
        .await
        .unwrap();
    assert_eq!(
        row.state, "cancelled",
        "what was to be cancelled does not run again"
    );
}

#[tokio::test]
async fn a_running_job_pauses_when_it_is_given_back_or_its_worker_fell_silent() {
    let pair = Pair::empty().await;
    let clock = clock("pause");
    for (part, silent) in [("a", false), ("b", true)] {
        let id = enqueue(&pair, part, &job("probe", 1_000)).await;
        claim(&pair, &id).await;
        let ask = async |tx: &mut Tx| Ok(jobs_control::pause_job(tx, &clock, &id, true).await?);
        assert!(pair.change(ask).await);
        let asked = pair
            .same(async |db| Ok(leases::stop_requests(db, "w").await?))
            .await;
        let pause = leases::StopRequest {
            id: id.clone(),
            cancel: false,
        };
        assert_eq!(asked, [pause]);
        if silent {
            let recovered = pair
                .same(async |db| Ok(leases::recover(db, "live", 100_000).await?))
                .await;
            assert_eq!(recovered, 1);
        } else {
            let released = Ack::released(fence(&id, 1), 1_500);
            let ack = async |tx: &mut Tx| Ok(jobs_turn::ack(tx, &released).await?);
            assert!(pair.change(ack).await);
        }
        let row = pair
            .same(async |db| Ok(jobs::get(db, &id).await?))
            .await
            .unwrap();
        assert_eq!((row.state.as_str(), row.lease_until_ms), ("paused", None));
        let resume = async |tx: &mut Tx| Ok(jobs_control::resume_job(tx, &clock, &id).await?);
        assert!(pair.change(resume).await);
        pair.change(async |tx| Ok(jobs_control::cancel(tx, &clock, &id).await?))
            .await;
    }
}

#[tokio::test]
async fn controls_of_a_job_and_of_a_queue() {
    let pair = Pair::empty().await;
    let id = enqueue(&pair, "a", &job("probe", 1_000)).await;
    let clock = clock("control");
    let priority = async |tx: &mut Tx| Ok(jobs_control::set_priority(tx, &clock, &id, 9).await?);
    assert!(pair.change(priority).await);
    for paused in [true, false] {
        let pause = async |tx: &mut Tx| {
            Ok(if paused {
                jobs_control::pause_job(tx, &clock, &id, false).await?
            } else {
                jobs_control::resume_job(tx, &clock, &id).await?
            })
        };
        assert!(pair.change(pause).await);
        assert!(!pair.change(pause).await, "a second time changes nothing");
        pair.change(async |tx| Ok(jobs_control::set_paused(tx, &clock, "probe", paused).await?))
            .await;
    }
    let one = pair
        .change(async |tx| {
            let claimed = jobs_turn::claim_one(tx, &id, "w", 1_000, 2_000).await?;
            Ok(claimed.map(|claimed| claimed.priority))
        })
        .await;
    assert_eq!(one, Some(9));
    let ended = Ack::ended(fence(&id, 1), "discarded", 1_500, Some("broken".to_owned()));
    assert!(
        pair.change(async |tx| Ok(jobs_turn::ack(tx, &ended).await?))
            .await
    );
    let again = pair
        .change(async |tx| {
            Ok(jobs_control::run_again(tx, &super::queue::clock("again"), &id).await?)
        })
        .await;
    assert!(again.is_some_and(|again| again.inserted && again.id != id));
    assert!(
        pair.change(async |tx| Ok(jobs_control::retry(tx, &clock, &id).await?))
            .await
    );
    assert!(
        !pair
            .change(async |tx| Ok(jobs_control::retry(tx, &clock, &id).await?))
            .await
    );
    let row = pair
        .change(async |tx| Ok(jobs_control::cancel(tx, &clock, &id).await?))
        .await;
    assert_eq!(row.unwrap().state, "cancelled");
    assert_eq!(
        pair.change(async |tx| Ok(jobs_control::prune(tx, 999, 10).await?))
            .await,
        0
    );
    assert!(
        pair.change(async |tx| Ok(jobs_control::delete(tx, &id).await?))
            .await
    );
    assert_eq!(
        pair.same(async |db| Ok(jobs::get(db, &id).await?)).await,
        None
    );
}

#[tokio::test]
async fn a_schedule_moves_on_once_a_slot() {
    let pair = Pair::empty().await;
    let row = ScheduleRow {
        name: "tick-BTC".to_owned(),
        kind: "tick".to_owned(),
        args: json!({"underlying": "BTC"}),
        cron: "0 * * * * *".to_owned(),
        missed: "skip".to_owned(),
        paused: false,
        next_slot_ms: Some(60_000),
        last_slot_ms: None,
        last_job: None,
        updated_ms: 0,
    };
    pair.change(async |tx| Ok(schedules::declare(tx, &row).await?))
        .await;
    let advance = async |tx: &mut Tx| {
        Ok(schedules::advance(tx, &clock("s"), &row, Some(60_000), Some(120_000)).await?)
    };
    assert!(pair.change(advance).await);
    assert!(!pair.change(advance).await, "the slot is taken");
    pair.change(async |tx| Ok(schedules::set_last_job(tx, "tick-BTC", "j").await?))
        .await;
    let next = pair
        .same(async |db| Ok(pages::status::next_slot(db).await?))
        .await;
    assert_eq!(next.unwrap().next_slot_ms, 120_000);
    let pause = async |tx: &mut Tx| {
        Ok(schedules::set_paused(tx, &clock("p"), "tick-BTC", true, None).await?)
    };
    assert!(pair.change(pause).await);
    let kept = pair
        .same(async |db| Ok(schedules::get(db, "tick-BTC").await?))
        .await
        .unwrap();
    assert_eq!(
        (kept.paused, kept.last_slot_ms, kept.last_job.as_deref()),
        (true, Some(60_000), Some("j"))
    );
    pair.change(async |tx| Ok(schedules::retain(tx, "tick", &[]).await?))
        .await;
    assert_eq!(
        pair.same(async |db| Ok(schedules::list(db).await?)).await,
        []
    );
}

#[tokio::test]
async fn a_worker_is_alive_while_its_heart_beats() {
    let pair = Pair::empty().await;
    let beat = |heartbeat_ms| WorkerRow {
        id: "w".to_owned(),
        host: "h".to_owned(),
        pid: 1,
        version: "0".to_owned(),
        kinds: "tick".to_owned(),
        running: 1,
        done: 2,
        started_ms: 0,
        heartbeat_ms,
        stopped_ms: None,
    };
    pair.change(async |tx| Ok(workers::heartbeat(tx, &beat(10)).await?))
        .await;
    pair.change(async |tx| Ok(workers::heartbeat(tx, &beat(20)).await?))
        .await;
    let rows = pair.same(async |db| Ok(workers::list(db).await?)).await;
    assert_eq!((rows.len(), rows[0].heartbeat_ms), (1, 20));
    assert_eq!(
        pair.same(async |db| Ok(workers::alive(db, 20).await?))
            .await
            .len(),
        1
    );
    assert_eq!(
        pair.same(async |db| Ok(workers::alive(db, 21).await?))
            .await
            .len(),
        0
    );
}

#[tokio::test]
async fn a_process_hears_of_another_ones_commit() {
    let test = crate::support::postgres().await;
    let other = thetaq::db::Db::open(&test.url).await.unwrap();
    let ear = test.db.clone();
    let listening = tokio::spawn(async move { probe::listen(&ear).await });
    let woken = async {
        // A commit before the listener stands is not heard: ask again until it is.
        loop {
            let heard = test.db.wake().notified();
            let mut tx = other.begin().await.unwrap();
            let id = Clock::real().id();
            jobs::enqueue(&mut tx, &clock(&id), &job("probe", 0))
                .await
                .unwrap();
            tx.commit().await.unwrap();
            let patience = std::time::Duration::from_millis(200);
            if tokio::time::timeout(patience, heard).await.is_ok() {
                return;
            }
        }
    };
    let patience = std::time::Duration::from_secs(20);
    tokio::time::timeout(patience, woken).await.unwrap();
    listening.abort();
}
