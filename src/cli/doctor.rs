//! `thetaq doctor`: is everything in order, and what to do if not.

mod exchange;
mod model;
mod order;

use super::output::{cell, table};
use super::session::{Session, without_password};
use crate::clock::{Clock, Stopwatch};
use crate::db::reader::{Limits, Reader};
use crate::db::{Db, desks};
use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

/// Check settings, database, workers and queue, or the account at the exchange; exits 1 when something is wrong
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq doctor\n  thetaq doctor --json\n  thetaq doctor --exchange                       [exchange] url of workers.toml\n  thetaq doctor --exchange --exchange-url test\n\nThe key of the account is read from THETAQ_DERIBIT_CLIENT_ID and THETAQ_DERIBIT_CLIENT_SECRET and\nnever printed. --exchange sends no order and needs no database.\n\nWith [llm] base_url set, the model's server is asked for its list of models, and the last day\nof calls is checked. A server that cannot be reached is wrong where a model decides or sits in\nthe council, and a warning where only the chat would ask it."
)]
pub(super) struct Doctor {
    /// Check the exchange instead: clock, key, scopes, request limits, balances, the smallest order
    #[arg(long)]
    exchange: bool,
}

#[derive(Debug, Serialize)]
struct Check {
    name: String,
    ok: bool,
    value: Value,
    threshold: Value,
    advice: String,
}

impl Check {
    /// Nothing is to be done about a check that holds.
    fn new(name: impl Into<String>, ok: bool, value: Value, threshold: Value) -> Self {
        Self {
            name: name.into(),
            ok,
            value,
            threshold,
            advice: String::new(),
        }
    }

    /// Something to look at that is not wrong.
    fn but(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// What to do when it does not hold.
    fn or(mut self, advice: impl Into<String>) -> Self {
        if !self.ok {
            self.advice = advice.into();
        }
        self
    }
}

impl Doctor {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let checks = if self.exchange {
            exchange::checks(&session.config).await
        } else {
            checks(session).await
        };
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
    let mode = json!(session.config.desk.mode.as_str());
    let mut checks = vec![Check::new("settings", true, mode, Value::Null)];
    let opened = Stopwatch::start();
    match session.db().await {
        Err(error) => {
            let value = json!(format!("{}: {error:#}", without_password(&session.url)));
            let failed = Check::new("database", false, value, Value::Null);
            checks.push(failed.or("check --database-url, or start the server"));
        }
        Ok(db) => {
            let value = format!("{} in {} ms", db.engine(), opened.elapsed().as_millis());
            checks.push(Check::new("database", true, json!(value), Value::Null));
            checks.extend(rows(session, &db).await);
            checks.extend(model::checks(session, &db).await);
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
    let guarded = waiting.is_some();
    // Nobody needs workers before there is work.
    let served = alive || waiting == Some(0);
    let workers = json!(if alive { "alive" } else { "none" });
    vec![
        Check::new("guarded_reader", guarded, json!(guarded), json!(true))
            .or("run `thetaq migrate` once as a database user who may create roles"),
        Check::new("workers", served, workers, json!("alive when jobs wait"))
            .or("start `thetaq` or `thetaq work`"),
        Check::new(
            "discarded_jobs",
            failed.unwrap_or(0) == 0,
            json!(failed),
            json!(0),
        )
        .or("`thetaq jobs list --state discarded` shows them; retry or cancel them"),
    ]
}

fn text(checks: &[Check]) -> String {
    let rows: Vec<Vec<Value>> = checks
        .iter()
        .map(|check| {
            let verdict = match (check.ok, check.advice.is_empty()) {
                (true, true) => "ok",
                (true, false) => "warning",
                (false, _) => "WRONG",
            };
            vec![
                json!(check.name),
                json!(verdict),
                cell(&check.value).into(),
                json!(check.advice),
            ]
        })
        .collect();
    table(&["check", "verdict", "value", "what to do"], &rows)
}
