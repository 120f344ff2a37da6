//! `thetaq jobs`: the queue from the command line.

use super::follow::{document, live, missing, result, wait, workers_alive};
use super::output::{fields, table};
use super::rows::{query, show};
use super::session::Session;
use super::takeover::take_over;
use crate::ctx::{Ctx, Purpose};
use crate::db::{jobs, jobs_control};
use crate::jobs::{pause, registry};
use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

/// Look at the queue, retry, cancel, pause, wait
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq jobs list --state failed\n  thetaq jobs show 01KDZ...\n  thetaq jobs wait 01KDZ... --json"
)]
pub(super) struct Jobs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List jobs, newest first
    #[command(
        after_help = "Examples:\n  thetaq jobs list\n  thetaq jobs list --kind import --state succeeded --json"
    )]
    List(List),
    /// Show one job with its attempts and log lines
    #[command(after_help = "Examples:\n  thetaq jobs show 01KDZ...")]
    Show(One),
    /// Run a finished job again, or one whose process is dead; its history is kept
    #[command(
        after_help = "Examples:\n  thetaq jobs retry 01KDZ...\n\nA job that says `running` while no worker is alive, as after `kill -9`, is taken over when its lease\nends, and runs here."
    )]
    Retry(One),
    /// Cancel a job; a running one stops at its next checkpoint
    #[command(after_help = "Examples:\n  thetaq jobs cancel 01KDZ...")]
    Cancel(One),
    /// Hold a job back; a running one stores where it is first
    #[command(after_help = "Examples:\n  thetaq jobs pause 01KDZ...")]
    Pause(One),
    /// Let a paused job go on from where it stopped
    #[command(after_help = "Examples:\n  thetaq jobs resume 01KDZ...")]
    Resume(One),
    /// Wait until a job is finished; run it here when no worker is alive
    #[command(
        after_help = "Examples:\n  thetaq jobs wait 01KDZ... --json\n\nA job that says `running` while no worker is alive, as after `kill -9`, is taken over when its lease\nends, and goes on from where it last stored its state."
    )]
    Wait(One),
}

#[derive(Debug, Args)]
struct List {
    /// Only this kind
    #[arg(long)]
    kind: Option<String>,
    /// Only this state
    #[arg(long, value_parser = ["available", "scheduled", "running", "succeeded", "failed", "discarded", "cancelled", "paused"])]
    state: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

#[derive(Debug, Args)]
struct One {
    /// Id of the job
    id: String,
}

impl Jobs {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        match self.action {
            Action::List(list) => list.run(session).await,
            Action::Show(one) => one.show(session).await,
            Action::Retry(one) => one.retry(session).await,
            Action::Cancel(one) => one.cancel(session).await,
            Action::Pause(one) => one.pause(session).await,
            Action::Resume(one) => one.resume(session).await,
            Action::Wait(one) => one.wait(session).await,
        }
    }
}

impl List {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let sql = format!(
            "select * from v_jobs where (cast($1 as text) is null or kind = cast($1 as text)) \
             and (cast($2 as text) is null or state = cast($2 as text)) order by created_at desc, id desc limit {}",
            self.limit
        );
        let given = [Value::from(self.kind), Value::from(self.state)];
        let rows = query(session, &sql, &given).await?;
        let columns = [
            "id",
            "kind",
            "state",
            "progress",
            "attempts",
            "created_at",
            "took_ms",
            "error",
        ];
        show(session, &rows, &columns, "No such jobs.")
    }
}

impl One {
    async fn show(self, session: &Session) -> anyhow::Result<()> {
        let db = session.db().await?;
        let row = jobs::get(&db, &self.id).await?;
        let row = row.with_context(|| missing(&self.id))?;
        let sql = "select * from v_job_events where job = cast($1 as text) order by n";
        let events = query(session, sql, &[self.id.into()]).await?;
        let mut shown = document(&row);
        shown["events"] = json!(events.objects());
        session.output.result(&shown, || {
            let columns: Vec<&str> = events.columns.iter().map(String::as_str).collect();
            let events: Vec<Vec<Value>> = events.rows.iter().map(|row| row[2..].to_vec()).collect();
            format!(
                "{}\n{}",
                fields(&document(&row)),
                table(&columns[2..], &events)
            )
        })
    }

    async fn retry(self, session: &Session) -> anyhow::Result<()> {
        let ctx = live(session, Purpose::Watch).await?;
        let row = jobs::get(&ctx.db, &self.id).await?;
        let row = row.with_context(|| missing(&self.id))?;
        let orphan = row.state == "running" && !workers_alive(&ctx).await?;
        if orphan && take_over(&ctx, &row).await? {
            return self.go_on(session, &ctx).await;
        }
        let mut tx = ctx.db.begin().await?;
        let retried = jobs_control::retry(&mut tx, &ctx.clock, &self.id).await?;
        tx.commit().await?;
        let row = jobs::get(&ctx.db, &self.id).await?;
        let row = row.with_context(|| missing(&self.id))?;
        anyhow::ensure!(
            retried,
            "job {} is {}; only finished jobs are retried, `thetaq jobs wait {}` waits for it",
            row.id,
            row.state,
            row.id
        );
        let next = if workers_alive(&ctx).await? {
            String::new()
        } else {
            format!(
                "; no worker is alive, `thetaq jobs wait {}` runs it here",
                row.id
            )
        };
        session.output.result(&document(&row), || {
            format!("{} is {}{next}", row.id, row.state)
        })
    }

    /// A job that was taken over, run here; one more attempt is granted where that was its last.
    async fn go_on(self, session: &Session, ctx: &Ctx) -> anyhow::Result<()> {
        let mut tx = ctx.db.begin().await?;
        jobs_control::retry(&mut tx, &ctx.clock, &self.id).await?;
        tx.commit().await?;
        self.wait(session).await
    }

    async fn cancel(self, session: &Session) -> anyhow::Result<()> {
        let ctx = live(session, Purpose::Watch).await?;
        let mut tx = ctx.db.begin().await?;
        let row = jobs_control::cancel(&mut tx, &ctx.clock, &self.id).await?;
        tx.commit().await?;
        let row = row.with_context(|| missing(&self.id))?;
        session
            .output
            .result(&document(&row), || format!("{} is {}", row.id, row.state))
    }

    async fn pause(self, session: &Session) -> anyhow::Result<()> {
        let ctx = live(session, Purpose::Watch).await?;
        let mut tx = ctx.db.begin().await?;
        let row = pause::pause(&mut tx, &ctx.clock, &registry::all(), &self.id).await?;
        tx.commit().await?;
        session.output.result(&document(&row), || {
            let asked = if row.pause_requested {
                ", asked to pause"
            } else {
                ""
            };
            format!("{} is {}{asked}", row.id, row.state)
        })
    }

    async fn resume(self, session: &Session) -> anyhow::Result<()> {
        let ctx = live(session, Purpose::Watch).await?;
        let mut tx = ctx.db.begin().await?;
        let row = pause::resume(&mut tx, &ctx.clock, &self.id).await?;
        tx.commit().await?;
        session
            .output
            .result(&document(&row), || format!("{} is {}", row.id, row.state))
    }

    async fn wait(self, session: &Session) -> anyhow::Result<()> {
        let ctx = live(session, Purpose::Watch).await?;
        let row = wait(&ctx, &self.id).await?;
        session
            .output
            .result(&document(&row), || format!("{} is {}", row.id, row.state))?;
        result(&row).map(drop)
    }
}
