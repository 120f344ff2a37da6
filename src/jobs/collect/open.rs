//! A collection under way: its plan, where every book stands, and the rows that wait to be stored.

use super::Reached;
use super::begin::refusal;
use crate::ctx::Ctx;
use crate::db::decisions;
use crate::db::training::{self, DatasetRow, Progress};
use crate::domain::coin::Coin;
use crate::jobs::train::Tally;
use crate::jobs::{Done, JobError, Running};
use crate::training::{Plan, Row, Splits, WalkState};
use anyhow::{Context as _, anyhow};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Ticks whose names are kept: one of an earlier instant may be stored later than the next, when it was
/// tried again.
const RECENT: usize = 20;
/// Ticks that become rows in one transaction.
const BATCH: usize = 50;

/// Everything needed to go on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    pub(super) tally: Tally,
    /// Ticks taken up.
    ticks: i64,
    pub(super) books: BTreeMap<Coin, Books>,
}

/// Of one underlying.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Books {
    pub(super) walk: WalkState,
    /// The last one known, USD.
    pub(super) index_price: f64,
    /// The newest tick of any kind, and the decision of the last step.
    pub(super) last_ms: Option<i64>,
    pub(super) last_step: Option<Stepped>,
    /// (instant, decision), in the order of the instants.
    recent: Vec<(i64, String)>,
    /// Ticks of this instant and before are not looked for any more.
    forgotten_ms: Option<i64>,
}

/// The decision whose chain the books are valued at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Stepped {
    pub(super) decision: String,
    pub(super) at_ms: i64,
}

impl Checkpoint {
    /// Books that have seen nothing but the index.
    pub(super) fn open(&mut self, coin: Coin, index_price: f64) {
        let books = Books {
            index_price,
            ..Books::default()
        };
        self.books.insert(coin, books);
    }
}

impl Books {
    fn knows(&self, decision: &str) -> bool {
        self.recent.iter().any(|(_, known)| known == decision)
    }

    /// Where ticks may still be unknown from.
    fn since_ms(&self, from_ms: i64) -> i64 {
        let after = self.forgotten_ms.map(|forgotten_ms| forgotten_ms + 1);
        after.unwrap_or(from_ms)
    }

    fn remember(&mut self, at_ms: i64, decision: &str) {
        self.last_ms = self.last_ms.max(Some(at_ms));
        self.recent.push((at_ms, decision.to_owned()));
        self.recent.sort();
        if self.recent.len() > RECENT {
            self.forgotten_ms = Some(self.recent.remove(0).0);
        }
    }
}

pub(super) struct Open {
    pub(super) plan: Plan,
    pub(super) splits: Splits,
    pub(super) rows: Vec<Row>,
    row: DatasetRow,
    at: Checkpoint,
    /// Rows stored.
    stored: i64,
}

impl Open {
    pub(super) async fn of(ctx: &Ctx, row: DatasetRow) -> anyhow::Result<Self> {
        let plan = training::plan(&ctx.db, &row.id).await?;
        let plan = plan.with_context(|| format!("dataset {} is gone", row.id))?;
        let kept: Option<Checkpoint> = training::checkpoint(&ctx.db, &row.id).await?;
        let at = kept.unwrap_or_default();
        Ok(Self {
            splits: plan.splits(plan.setup.from_ms, plan.setup.to_ms),
            plan,
            rows: Vec::new(),
            stored: at.tally.rows,
            at,
            row,
        })
    }

    pub(super) fn is_running(&self) -> bool {
        self.row.state == "running"
    }

    /// Takes up every tick there is, underlying by underlying.
    pub(super) async fn take(&mut self, ctx: &Ctx, job: &Running) -> Result<Reached, JobError> {
        if let Some(why) = refusal(ctx, &ctx.row().await?) {
            return Ok(Reached::Refused(why));
        }
        let mut reached = Vec::new();
        for coin in self.plan.underlyings.clone() {
            reached.push(self.take_of(ctx, job, coin).await?);
        }
        Ok(if reached.contains(&Reached::Expiry) {
            Reached::Expiry
        } else if reached.iter().all(|one| *one == Reached::End) {
            Reached::End
        } else {
            Reached::Present
        })
    }

    async fn take_of(&mut self, ctx: &Ctx, job: &Running, coin: Coin) -> Result<Reached, JobError> {
        let mut books = self.at.books.get(&coin).cloned().unwrap_or_default();
        let since_ms = books.since_ms(self.plan.setup.from_ms);
        let ticks = decisions::ticks(&ctx.db, &ctx.desk, coin, since_ms).await?;
        let mut reached = Reached::Present;
        let mut taken = 0;
        for tick in ticks {
            job.check()?;
            if tick.as_of_ms > self.plan.setup.to_ms {
                reached = Reached::End;
                break;
            }
            if books.knows(&tick.id) {
                continue;
            }
            if !self.step(ctx, coin, &mut books, &tick).await? {
                reached = Reached::Expiry;
                break;
            }
            books.remember(tick.as_of_ms, &tick.id);
            taken += 1;
            if taken % BATCH == 0 {
                self.keep(coin, &books, taken);
                self.store(ctx).await?;
                taken = 0;
            }
        }
        self.keep(coin, &books, taken);
        self.store(ctx).await?;
        Ok(reached)
    }

    fn keep(&mut self, coin: Coin, books: &Books, ticks: usize) {
        self.at.ticks += ticks as i64;
        self.at.books.insert(coin, books.clone());
    }

    async fn store(&mut self, ctx: &Ctx) -> Result<(), JobError> {
        let rows = std::mem::take(&mut self.rows);
        for row in &rows {
            self.at.tally.count(row);
        }
        let newest = self
            .at
            .books
            .values()
            .filter_map(|books| books.last_ms)
            .max();
        let progress = Progress {
            steps_done: self.at.ticks,
            to_ms: newest.unwrap_or(0),
            checkpoint: serde_json::to_string(&self.at)?,
            at_ms: ctx.clock.wall_ms(),
            ..self.at.tally.progress()
        };
        let id = &self.row.id;
        if !training::append(&ctx.db, id, self.stored, rows, progress).await? {
            let problem = "has other rows than this attempt wrote: another attempt went on with it";
            return Err(JobError::Retry(anyhow!("dataset {id} {problem}")));
        }
        self.stored = self.at.tally.rows;
        Ok(())
    }

    /// Ends every episode where its book stands, then the dataset.
    pub(super) async fn end(
        mut self,
        ctx: &Ctx,
        job: &Running,
        state: &str,
        why: Option<&str>,
    ) -> Result<Done, JobError> {
        for coin in self.plan.underlyings.clone() {
            let mut books = self.at.books.get(&coin).cloned().unwrap_or_default();
            self.cut(ctx, coin, &mut books).await?;
            self.keep(coin, &books, 0);
        }
        self.store(ctx).await?;
        let done = self.done(job);
        let mut tx = ctx.db.begin().await?;
        training::end(&mut tx, &self.row.id, state, why, ctx.clock.wall_ms()).await?;
        job.finish(&mut tx, &done).await?;
        tx.commit().await?;
        Ok(done)
    }

    /// Ends the dataset with an error; its rows stay.
    pub(super) async fn fail(&self, ctx: &Ctx, why: &str) -> anyhow::Result<()> {
        let mut tx = ctx.db.begin().await?;
        training::end(
            &mut tx,
            &self.row.id,
            "failed",
            Some(why),
            ctx.clock.wall_ms(),
        )
        .await?;
        Ok(tx.commit().await?)
    }

    pub(super) fn done(&self, job: &Running) -> Done {
        let mut done = self.at.tally.done(&self.row.id, &job.id);
        done["ticks"] = self.at.ticks.into();
        done
    }
}
