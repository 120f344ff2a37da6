//! The settings of a sweep that a language model decides: one after the other, and what to do where one has no answers.

use crate::backtest::sweep::{Trial, Tried};
use crate::backtest::{Answers, Data, Policy, Setup, UNTOLD, keys};
use crate::ctx::Ctx;
use crate::db::sweeps::SweepRow;
use crate::jobs::answered::{Spent, walk};
use crate::jobs::llm_call;
use crate::jobs::propose::Missing;
use crate::jobs::{JobError, Running};
use anyhow::anyhow;
use serde_json::{Value, json};
use std::sync::Arc;

/// Whether a model decides at some point of a plan, and whether it may be asked.
pub(super) fn of_plan(points: &[Trial]) -> Option<Answers> {
    let models = points.iter().map(|trial| &trial.setup);
    let mut models = models.filter(|setup| setup.policy == Policy::Llm);
    let first = models.next()?;
    let asks = |setup: &Setup| setup.answers == Answers::Ask;
    Some(if asks(first) || models.any(asks) {
        Answers::Ask
    } else {
        Answers::Replay
    })
}

/// What would only fail in the parts: no model, or nothing that bounds what all settings may cost together.
pub(super) fn check(ctx: &Ctx, points: &[Trial]) -> Result<(), JobError> {
    let Some(answers) = of_plan(points) else {
        return Ok(());
    };
    let llm = llm_call::model(ctx).map_err(JobError::Abort)?;
    if answers == Answers::Ask && llm.config().budget_day_usd.is_none() {
        return Err(JobError::Abort(anyhow!(
            "answers: `ask` may ask the model at every step of {} settings, and nothing bounds what that costs: set \
             [llm] budget_day_usd and both prices, which bound all of them together, or record single runs with \
             `thetaq backtest --set policy=llm --set answers=ask` and sweep with answers=replay, which costs nothing",
            points.len()
        )));
    }
    Ok(())
}

/// Runs one setting by the model's answers. Without one it is a row with its error.
pub(super) async fn tried(
    ctx: &Ctx,
    job: &Running,
    row: &SweepRow,
    data: Arc<Data>,
    trial: &Trial,
) -> Result<Result<Tried, String>, JobError> {
    let walked = match walk(ctx, job, data, trial.setup.clone()).await {
        Ok(walked) => walked,
        Err(JobError::Abort(error)) => return Ok(Err(format!("{error:#}"))),
        Err(error) => return Err(error),
    };
    let Some(error) = walked.failed else {
        return Ok(Ok(Tried::of(walked.outcome)));
    };
    if let Some(missing) = error.downcast_ref::<Missing>() {
        return Ok(Err(unanswered(row, trial, missing)));
    }
    if error.is::<Spent>() {
        return Ok(Err(format!(
            "{error}; what was answered is kept and costs nothing again: start the same sweep once more with a larger \
             budget, or on another day"
        )));
    }
    Err(JobError::Retry(error))
}

fn unanswered(row: &SweepRow, trial: &Trial, missing: &Missing) -> String {
    format!(
        "no answer is stored to the request of step {} (model {}, hash {}). {}. Record this point with `{}`, or name \
         answers=ask in a sweep with [llm] budget_day_usd set; recorded once, it costs nothing again",
        missing.step,
        missing.model,
        missing.hash,
        told(trial),
        command(row, &trial.setup),
    )
}

/// Which of the settings that vary change the prompt, in words.
fn told(trial: &Trial) -> String {
    let told = |(key, value): (&String, &Value)| {
        let stands = !UNTOLD.contains(&key.as_str());
        stands.then(|| format!("{key} = {}", text(value)))
    };
    let named: Vec<String> = trial.values.iter().filter_map(told).collect();
    if named.is_empty() {
        return "The prompt has none of the settings that vary; it has the book, which they changed".to_owned();
    }
    format!(
        "The model is told its limits, so {} changes the prompt: each value has answers of its own",
        named.join(", ")
    )
}

/// The single run that asks for the answers of one point.
fn command(row: &SweepRow, setup: &Setup) -> String {
    let mut words = vec![format!(
        "thetaq backtest --underlying {} --source {}",
        row.underlying, row.source
    )];
    let seed = row.market_seed.as_deref();
    words.extend(seed.map(|seed| format!("--market-seed {}", quoted(seed))));
    let setup = json!(setup);
    for key in keys() {
        let value = &setup[key.key];
        let apart = ["underlying", "answers"].contains(&key.key);
        if *value != key.default && !apart {
            let set = format!("{}={}", key.key, text(value));
            words.push(format!("--set {}", quoted(&set)));
        }
    }
    words.push("--set answers=ask".to_owned());
    words.join(" ")
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// As one word of a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "=._-".contains(c);
    if text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_a_command_that_can_be_pasted() {
        let row = SweepRow {
            underlying: "BTC".to_owned(),
            source: "synthetic".to_owned(),
            market_seed: Some("it's one".to_owned()),
            ..SweepRow::default()
        };
        let setup = Setup {
            policy: Policy::Llm,
            delta_max: 0.3,
            ..Setup::default()
        };
        let expected = r"thetaq backtest --underlying BTC --source synthetic --market-seed 'it'\''s one' --set policy=llm --set delta_max=0.3 --set answers=ask";
        assert_eq!(command(&row, &setup), expected);
    }
}
