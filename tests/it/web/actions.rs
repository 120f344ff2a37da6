//! What a person does: controls, jobs, queues, schedules; each with its line in the audit trail.

use super::{Dashboard, each_db};
use crate::support::sqlite;
use reqwest::{StatusCode, header};
use thetaq::db::{access, jobs, schedules};
use thetaq::domain::coin::Coin;
use thetaq::jobs::tick::Tick;
use thetaq::jobs::{Options, enqueue};

/// (action, its fields, state with kill switch and close-only afterwards)
type Step = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

#[tokio::test(flavor = "multi_thread")]
async fn controls_change_the_desk_and_leave_a_line_each() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        let steps: [Step; 9] = [
            ("pause", &[], "paused false false"),
            ("start", &[], "running false false"),
            ("kill", &[("confirmed", "yes")], "running true false"),
            ("kill-off", &[], "running false false"),
            ("close-only", &[("on", "yes")], "running false true"),
            ("close-only", &[("on", "no")], "running false false"),
            ("stop", &[("confirmed", "yes")], "stopped false false"),
            (
                "send-orders",
                &[("confirmed", "yes")],
                "stopped false false",
            ),
            ("dry-run", &[("confirmed", "yes")], "stopped false false"),
        ];
        for (action, fields, expect) in steps {
            let answer = desk.post(&client, action, fields).await;
            assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{action}");
            let row = desk.ctx.row().await.unwrap();
            let now = format!("{} {} {}", row.state, row.kill_switch, row.close_only);
            assert_eq!(now, expect, "{action}");
        }
        let audits = access::audits(&desk.ctx.db, 50).await.unwrap();
        let mut actions: Vec<&str> = audits.iter().map(|row| row.action.as_str()).collect();
        actions.sort_unstable();
        let expect = [
            "close-only",
            "close-only",
            "dry-run",
            "kill",
            "kill-off",
            "login",
            "pause",
            "send-orders",
            "start",
            "stop",
        ];
        assert_eq!(actions, expect);
        assert!(audits.iter().all(|row| row.actor == "browser"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dangerous_actions_pass_through_their_confirmation() {
    let db = sqlite().await;
    let desk = Dashboard::start(&db).await;
    let client = desk.browser().await;
    for action in [
        "stop",
        "kill",
        "close-all",
        "cancel-orders",
        "send-orders",
        "dry-run",
        "close",
        "jobs-retry-all",
        "jobs-cancel-all",
    ] {
        let page = desk
            .page(&client, &format!("/confirm/{action}?q=kind:tick"))
            .await;
        assert!(
            page.contains(&format!("action=\"/actions/{action}\"")),
            "{action}"
        );
        let answer = desk.post(&client, action, &[("q", "kind:tick")]).await;
        assert_eq!(
            answer.status(),
            StatusCode::BAD_REQUEST,
            "{action} without its confirmation"
        );
    }
    let row = desk.ctx.row().await.unwrap();
    assert_eq!((row.state.as_str(), row.kill_switch), ("running", false));
    assert_eq!(
        access::audits(&desk.ctx.db, 9).await.unwrap().len(),
        1,
        "only the login"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_changes_nothing() {
    let db = sqlite().await;
    let desk = Dashboard::start(&db).await;
    let client = desk.browser().await;
    for path in [
        "/actions/pause",
        "/actions/kill?confirmed=yes",
        "/api/v1/actions/stop?confirmed=yes",
    ] {
        assert_eq!(
            desk.get(&client, path).await.status(),
            StatusCode::METHOD_NOT_ALLOWED,
            "{path}"
        );
    }
    let row = desk.ctx.row().await.unwrap();
    assert_eq!((row.state.as_str(), row.kill_switch), ("running", false));
    let refused = client.post(desk.url("/jobs")).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_returns_to_its_page_with_the_outcome() {
    let db = sqlite().await;
    let desk = Dashboard::start(&db).await;
    let client = desk.browser().await;
    let request = client
        .post(desk.url("/actions/queue-pause"))
        .header(header::REFERER, desk.url("/jobs?q=kind:tick&notice=old"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body("id=tick");
    let answer = request.send().await.unwrap();
    let target = answer.headers()[header::LOCATION]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        target,
        "/jobs?q=kind%3Atick&notice=Queue%20tick%3A%20paused."
    );
    let page = desk.page(&client, &target).await;
    assert!(page.contains("Queue tick: paused.") && page.contains("value=\"kind:tick\""));
    let elsewhere = desk
        .post(
            &client,
            "queue-resume",
            &[("id", "tick"), ("back", "//evil.example/")],
        )
        .await;
    let target = elsewhere.headers()[header::LOCATION].to_str().unwrap();
    assert!(target.starts_with("/?notice="), "{target}");
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_cancelled_retried_run_again_and_reordered() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        let ctx = &desk.ctx;
        let mut ids = Vec::new();
        for underlying in Coin::ALL {
            let mut tx = ctx.db.begin().await.unwrap();
            let tick = Tick {
                underlying,
                as_of_ms: None,
            };
            ids.push(
                enqueue(&mut tx, ctx, &tick, Options::default())
                    .await
                    .unwrap()
                    .id,
            );
            tx.commit().await.unwrap();
        }
        let state = async |id: &str| jobs::get(&ctx.db, id).await.unwrap().unwrap().state;
        desk.post(
            &client,
            "job-priority",
            &[("id", &ids[0]), ("priority", "77")],
        )
        .await;
        assert_eq!(
            jobs::get(&ctx.db, &ids[0]).await.unwrap().unwrap().priority,
            77
        );
        desk.post(
            &client,
            "jobs",
            &[("do", "cancel"), ("id", &ids[0]), ("id", &ids[1])],
        )
        .await;
        assert_eq!(
            (state(&ids[0]).await, state(&ids[1]).await),
            ("cancelled".into(), "cancelled".into())
        );
        desk.post(
            &client,
            "jobs-retry-all",
            &[("q", "state:cancelled"), ("confirmed", "yes")],
        )
        .await;
        assert_eq!(
            (state(&ids[0]).await, state(&ids[1]).await),
            ("available".into(), "available".into())
        );
        for (verb, becomes) in [("job-pause", "paused"), ("job-resume", "available")] {
            let done = desk.post(&client, verb, &[("id", &ids[1])]).await;
            assert!(done.status().is_success() || done.status().is_redirection());
            assert_eq!(state(&ids[1]).await, becomes);
        }
        let again = desk.post(&client, "job-resume", &[("id", &ids[1])]).await;
        assert_eq!(again.status(), StatusCode::BAD_REQUEST);
        desk.drain().await;
        assert_eq!(state(&ids[0]).await, "succeeded");
        desk.post(&client, "job-again", &[("id", &ids[0])]).await;
        let ticks = jobs::Filter {
            kind: Some("tick".into()),
            ..jobs::Filter::default()
        };
        assert_eq!(jobs::list(&ctx.db, &ticks).await.unwrap().len(), 3);
        let missing = desk.post(&client, "job-retry", &[("id", "nothing")]).await;
        assert_eq!(missing.status(), StatusCode::NOT_FOUND);
        let none = desk.post(&client, "jobs", &[("do", "cancel")]).await;
        assert_eq!(none.status(), StatusCode::BAD_REQUEST);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_are_paused_and_run_by_hand() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        desk.seed().await;
        let of_tick = async || {
            schedules::get(&desk.ctx.db, "tick:BTC")
                .await
                .unwrap()
                .unwrap()
        };
        desk.post(&client, "schedule-pause", &[("id", "tick:BTC")])
            .await;
        assert!(of_tick().await.paused);
        desk.post(&client, "schedule-resume", &[("id", "tick:BTC")])
            .await;
        assert!(!of_tick().await.paused);
        desk.post(&client, "schedule-run", &[("id", "tick:BTC")])
            .await;
        let job = of_tick().await.last_job.unwrap();
        assert_eq!(
            jobs::get(&desk.ctx.db, &job).await.unwrap().unwrap().kind,
            "tick"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_made_again_is_identical() {
    each_db(async |db| {
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        let decision = desk.seed().await.remove(0);
        let path = format!("/decisions/{}", decision.id);
        assert!(desk.page(&client, &path).await.contains("Re-run"));
        desk.post(&client, "replay", &[("id", &decision.id)]).await;
        assert!(desk.page(&client, &path).await.contains("being made again"));
        desk.drain().await;
        let page = desk.page(&client, &path).await;
        assert!(page.contains(">identical</span>"), "{page}");
        let missing = desk.post(&client, "replay", &[("id", "nothing")]).await;
        assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    })
    .await;
}
