//! A running job whose process may be dead: said once, given back when its lease is over.

use super::follow::{LOOK_EVERY, missing};
use super::progress::Bar;
use crate::ctx::Ctx;
use crate::db::jobs::{self, JobRow};
use crate::db::leases;
use anyhow::Context;

/// Waits until the job's lease is over and gives it back; false when its process was heard meanwhile.
pub(super) async fn take_over(ctx: &Ctx, row: &JobRow) -> anyhow::Result<bool> {
    let bar = Bar::start();
    let mut held = Held::default();
    let mut now = row.clone();
    while now.state == "running" {
        if now.lease_until_ms > row.lease_until_ms {
            return Ok(false);
        }
        held.look(ctx, &now, &bar).await?;
        tokio::time::sleep(LOOK_EVERY).await;
        let found = jobs::get(&ctx.db, &row.id).await?;
        now = found.with_context(|| missing(&row.id))?;
    }
    bar.end();
    Ok(true)
}

/// What was said about the process that holds a job.
#[derive(Default)]
pub(super) struct Held {
    told: bool,
}

impl Held {
    /// Looks at a running job while no worker is alive that would do this.
    pub(super) async fn look(&mut self, ctx: &Ctx, row: &JobRow, bar: &Bar) -> anyhow::Result<()> {
        let now_ms = ctx.clock.wall_ms();
        let until_ms = row.lease_until_ms.unwrap_or(now_ms);
        if until_ms < now_ms {
            leases::recover(&ctx.db, &row.desk, now_ms).await?;
        } else if !std::mem::replace(&mut self.told, true) {
            let silent_ms = (now_ms - (until_ms - ctx.config.queue.lease_ms)).max(0);
            bar.say(&format!(
                "{} {} is running and no worker is alive: its process has been silent for {} s; unless it is \
                 heard again, the job is taken over when its lease ends in {} s",
                row.kind,
                row.id,
                silent_ms / 1_000,
                (until_ms - now_ms) / 1_000 + 1,
            ));
        }
        Ok(())
    }
}
