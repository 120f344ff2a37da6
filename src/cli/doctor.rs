//! `thetaq doctor`: is everything in order, and what to do if not.

use super::output::{cell, table};
use super::session::{Session, without_password};
use crate::clock::{Clock, Stopwatch};
use crate::db::reader::{Limits, Reader};
use crate::db::{Db, desks};
use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

/// Check settings, database, workers and queue; exits 1 when something is wrong
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  thetaq doctor\n  thetaq doctor --json")]
pub(super) struct Doctor {}

#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    value: Value,
    threshold: Value,
    advice: &'static str,
}

impl Doctor {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let checks = checks(session).await;
        let wrong = checks.iter().filter(|check| !check.ok).count();
        session
            .output
            .result(&json!({"checks": checks}), || text(&checks))?;
        anyhow::ensure!(
            wrong == 0,
            "{wrong} of {} checks failed; their advice says what to do",
            checks.len()
        );
        Ok(())
    }
}

async fn checks(session: &Session) -> Vec<Check> {
    let mut checks = vec![Check {
        name: "settings",
        ok: true,
        value: json!(session.config.desk.mode.as_str()),
        threshold: Value::Null,
        advice: "",
    }];
    let opened = Stopwatch::start();
    match session.db().await {
        Err(error) => checks.push(Check {
            name: "database",
            ok: false,
            value: json!(format!("{}: {error:#}", without_password(&session.url))),
            threshold: Value::Null,
            advice: "check --database-url, or start the server",
        }),
        Ok(db) => {
            checks.push(Check {
                name: "database",
                ok: true,
                value: json!(format!(
                    "{} in {} ms",
                    db.engine(),
                    opened.elapsed().as_millis()
                )),
                threshold: Value::Null,
                advice: "",
            });
            checks.extend(rows(session, &db).await);
        }
    }
    checks
}

async fn rows(session: &Session, db: &Db) -> Vec<Check> {
    let now_ms = Clock::real().wall_ms();
    let alive = desks::alive(db, now_ms - session.config.queue.lease_ms).await;
    let alive = alive.is_ok_and(|alive| alive.now);
    let reader = Reader::new(db);
    let count = async |sql: &str| {
        let rows = reader.query(sql, &[], Limits::default()).await.ok()?;
        rows.rows.first()?.first()?.as_i64()
    };
    let waiting = count("select count(*) from v_jobs where state = 'available'").await;
    let failed = count("select count(*) from v_jobs where state = 'discarded'").await;
    vec![
        Check {
            name: "guarded_reader",
            ok: waiting.is_some(),
            value: json!(waiting.is_some()),
            threshold: json!(true),
            advice: "run `thetaq migrate` once as a database user who may create roles",
        },
        Check {
            name: "workers",
            // Nobody needs workers before there is work.
            ok: alive || waiting == Some(0),
            value: json!(if alive { "alive" } else { "none" }),
            threshold: json!("alive when jobs wait"),
            advice: "start `thetaq` or `thetaq work`",
        },
        Check {
            name: "discarded_jobs",
            ok: failed.unwrap_or(0) == 0,
            value: json!(failed),
            threshold: json!(0),
            advice: "`thetaq jobs list --state discarded` shows them; retry or cancel them",
        },
    ]
}

fn text(checks: &[Check]) -> String {
    let rows: Vec<Vec<Value>> = checks
        .iter()
        .map(|check| {
            let advice = if check.ok { "" } else { check.advice };
            let verdict = if check.ok { "ok" } else { "WRONG" };
            vec![
                json!(check.name),
                json!(verdict),
                cell(&check.value).into(),
                json!(advice),
            ]
        })
        .collect();
    table(&["check", "verdict", "value", "what to do"], &rows)
}
