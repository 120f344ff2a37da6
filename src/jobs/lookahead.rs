//! `lookahead`: proof that a run does not see the future. Decisions on data that end at an instant must
//! equal those on all data up to it.

use super::backtest::{load, setup};
use super::{Defaults, Done, Job, JobError, Running};
use crate::backtest::{Data, Setup, Taken, run};
use crate::ctx::Ctx;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// The settings are those of a `backtest` job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookahead {
    pub source: String,
    #[serde(default)]
    pub settings: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_seed: Option<String>,
    /// Instants at which the data are cut, evenly over the range.
    #[serde(default = "cuts")]
    pub cuts: usize,
}

fn cuts() -> usize {
    5
}

impl Job for Lookahead {
    const KIND: &'static str = "lookahead";
    const DEFAULTS: Defaults = Defaults {
        timeout_ms: 3_600_000,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let setup = setup(&self.settings)?;
        let data = self.load(&ctx, job, &setup).await?;
        let times: Vec<i64> = data.snapshots().iter().map(|one| one.chain.at_ms).collect();
        let whole = decide(data, setup.clone()).await?;
        let mut checked = Vec::new();
        let cuts = self.cuts.clamp(1, 100);
        for n in 1..=cuts {
            job.check()?;
            let note = format!("cut {n} of {cuts}");
            job.progress((n - 1) as f64 / cuts as f64, note).await;
            let at = (times.len() * n / (cuts + 1)).min(times.len() - 1);
            let cut = Setup {
                to_ms: times[at],
                ..setup.clone()
            };
            let data = self.load(&ctx, job, &cut).await?;
            checked.push(compare(times[at], &decide(data, cut).await?, &whole));
        }
        let differing = checked
            .iter()
            .filter(|cut| !cut.differences.is_empty())
            .count();
        Ok(json!({ "clean": differing == 0, "decisions": whole.len(), "cuts": checked }))
    }
}

impl Lookahead {
    async fn load(&self, ctx: &Ctx, job: &Running, setup: &Setup) -> Result<Arc<Data>, JobError> {
        load(ctx, job, &self.source, self.market_seed.as_deref(), setup).await
    }
}

async fn decide(data: Arc<Data>, setup: Setup) -> Result<Vec<Taken>, JobError> {
    let work = move || run(&data, &setup).map(|outcome| outcome.taken);
    let taken = tokio::task::spawn_blocking(work).await?;
    taken.map_err(|error| JobError::Abort(error.into()))
}

/// One cut: how many decisions it has, and those that the whole data made otherwise.
#[derive(Debug, Serialize)]
struct Cut {
    /// Where the data end.
    at_ms: i64,
    decisions: usize,
    differences: Vec<Difference>,
}

#[derive(Debug, Serialize)]
struct Difference {
    at_ms: i64,
    cut: Value,
    whole: Value,
}

fn compare(at_ms: i64, cut: &[Taken], whole: &[Taken]) -> Cut {
    let mut differences = Vec::new();
    for (n, taken) in cut.iter().enumerate() {
        if whole.get(n) != Some(taken) {
            differences.push(Difference {
                at_ms: taken.at_ms,
                cut: json!(taken),
                whole: json!(whole.get(n)),
            });
        }
    }
    Cut {
        at_ms,
        decisions: cut.len(),
        differences,
    }
}
