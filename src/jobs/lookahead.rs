//! `lookahead`: proof that a run does not see the future. Decisions on data that end at an instant must
//! equal those on all data up to it.
//!
//! Where a model decides, what it is asked must be equal too, to the byte. The check asks nobody: answers are
//! the stored ones, and a request of the cut data that nobody answered is one that differs.

use super::answered::walk;
use super::backtest::{by_model, load, load_silently};
use super::propose::Missing;
use super::{Defaults, Done, Job, JobError, Running};
use crate::backtest::{Answers, Data, Policy, Setup, Taken, run};
use crate::ctx::Ctx;
use anyhow::anyhow;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// The settings are those of a `backtest` job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lookahead {
    /// The chain store: `recorded`, `deribit`, or `synthetic`.
    pub source: String,
    #[serde(default)]
    #[schemars(with = "serde_json::Map<String, Value>")]
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
        let setup = Setup {
            answers: Answers::Replay,
            ..by_model(&ctx, &self.settings)?
        };
        let seed = self.market_seed.as_deref();
        let data = load(&ctx, job, &self.source, seed, &setup).await?;
        let times: Vec<i64> = data.snapshots().iter().map(|one| one.chain.at_ms).collect();
        let whole = decide(&ctx, job, data, setup.clone()).await?;
        if let Some(missing) = &whole.missing {
            return Err(JobError::Abort(unanswered(missing)));
        }
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
            let data = load_silently(&ctx, job, &self.source, seed, &cut).await?;
            let cut = decide(&ctx, job, data, cut).await?;
            checked.push(compare(times[at], &cut, &whole));
        }
        let differing = checked
            .iter()
            .filter(|cut| !cut.differences.is_empty())
            .count();
        Ok(json!({ "clean": differing == 0, "decisions": whole.taken.len(), "cuts": checked }))
    }
}

/// The decisions of a run, and what a model was asked for each.
#[derive(Debug, Default)]
struct Decided {
    taken: Vec<Taken>,
    /// Hashes; empty for rules.
    requests: Vec<Vec<String>>,
    /// Nothing is decided from there on.
    missing: Option<Missing>,
}

async fn decide(
    ctx: &Ctx,
    job: &Running,
    data: Arc<Data>,
    setup: Setup,
) -> Result<Decided, JobError> {
    if setup.policy == Policy::Llm {
        return by_answers(ctx, job, data, setup).await;
    }
    let work = move || run(&data, &setup).map(|outcome| outcome.taken);
    let taken = tokio::task::spawn_blocking(work).await?;
    Ok(Decided {
        taken: taken.map_err(|error| JobError::Abort(error.into()))?,
        ..Decided::default()
    })
}

async fn by_answers(
    ctx: &Ctx,
    job: &Running,
    data: Arc<Data>,
    setup: Setup,
) -> Result<Decided, JobError> {
    let walked = walk(ctx, job, data, setup).await?;
    let missing = walked.failed.map(anyhow::Error::downcast::<Missing>);
    Ok(Decided {
        taken: walked.outcome.taken,
        requests: walked.requests,
        missing: missing.transpose().map_err(JobError::Abort)?,
    })
}

fn unanswered(missing: &Missing) -> anyhow::Error {
    anyhow!(
        "no answer is stored to the request of step {} (model {}, hash {}), and a look-ahead check asks nobody: make \
         the run once with `thetaq backtest --set policy=llm --set answers=ask`, which records its answers",
        missing.step,
        missing.model,
        missing.hash
    )
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
    /// Where a model was asked something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

fn compare(at_ms: i64, cut: &Decided, whole: &Decided) -> Cut {
    let mut differences = Vec::new();
    for (n, taken) in cut.taken.iter().enumerate() {
        let problem = asked_otherwise(cut, whole, n);
        if whole.taken.get(n) != Some(taken) || problem.is_some() {
            differences.push(Difference {
                at_ms: taken.at_ms,
                cut: json!(taken),
                whole: json!(whole.taken.get(n)),
                problem,
            });
        }
    }
    differences.extend(cut.missing.as_ref().map(|missing| {
        let (n, hash) = (cut.taken.len(), &missing.hash);
        let whole_taken = whole.taken.get(n);
        Difference {
            at_ms: whole_taken.map_or(at_ms, |taken| taken.at_ms),
            cut: Value::Null,
            whole: json!(whole_taken),
            problem: Some(format!(
                "step {}: the model is asked something else than on all data (request {} instead of {}), and nobody \
                 answered that",
                missing.step,
                short(hash),
                named(whole, n),
            )),
        }
    }));
    Cut {
        at_ms,
        decisions: cut.taken.len(),
        differences,
    }
}

/// What is wrong with the requests of a decision that was taken.
fn asked_otherwise(cut: &Decided, whole: &Decided, n: usize) -> Option<String> {
    let other = cut.requests.get(n) != whole.requests.get(n);
    other.then(|| {
        let (cut, whole) = (named(cut, n), named(whole, n));
        format!(
            "the model is asked something else than on all data (request {cut} instead of {whole})"
        )
    })
}

/// The requests of a decision, short enough to be read.
fn named(decided: &Decided, n: usize) -> String {
    let hashes = decided.requests.get(n).map_or(&[][..], Vec::as_slice);
    if hashes.is_empty() {
        return "none".to_owned();
    }
    let hashes: Vec<&str> = hashes.iter().map(|hash| short(hash)).collect();
    hashes.join(", ")
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::action::Action;

    fn decided(hashes: &[&str]) -> Decided {
        let idle = |n: usize| Taken {
            at_ms: n as i64,
            proposed: Action::DoNothing,
            final_action: Action::DoNothing,
            propensity: 1.0,
            explored: false,
            reason: String::new(),
            refusal: None,
            fills: 0,
            answered: None,
        };
        Decided {
            taken: (0..hashes.len()).map(idle).collect(),
            requests: hashes.iter().map(|hash| vec![(*hash).to_owned()]).collect(),
            missing: None,
        }
    }

    #[test]
    fn the_same_decision_to_another_question_differs() {
        let whole = decided(&["a", "b", "c"]);
        assert!(
            compare(9, &decided(&["a", "b"]), &whole)
                .differences
                .is_empty()
        );
        let cut = compare(9, &decided(&["a", "x"]), &whole);
        let [one] = &cut.differences[..] else {
            panic!("{cut:?}")
        };
        let problem = one.problem.as_deref().unwrap_or_default();
        assert_eq!(one.at_ms, 1);
        assert!(problem.contains("request x instead of b"), "{problem}");
    }

    #[test]
    fn a_question_that_nobody_answered_names_its_step() {
        let whole = decided(&["a", "b", "c"]);
        let cut = Decided {
            missing: Some(Missing::of("BTC 2026-01-05T00:00:00Z", "tester", "x")),
            ..decided(&["a"])
        };
        let cut = compare(9, &cut, &whole);
        let [one] = &cut.differences[..] else {
            panic!("{cut:?}")
        };
        let problem = one.problem.as_deref().unwrap_or_default();
        assert_eq!((one.at_ms, cut.decisions, &one.cut), (1, 1, &Value::Null));
        assert!(
            problem.starts_with("step BTC 2026-01-05T00:00:00Z: the model is asked"),
            "{problem}"
        );
        assert!(problem.contains("request x instead of b"), "{problem}");
    }
}
