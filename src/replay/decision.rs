//! One stored decision made again, compared field by field and candidate by candidate.

use crate::ctx::Ctx;
use crate::db::candidates;
use crate::db::risk_lines;
use crate::domain::decision::Candidate;
use crate::domain::money::to_e8;
use crate::jobs::{Rebuilt, rebuild};
use serde::Serialize;
use serde_json::{Value, json};

/// The document `replay DECISION --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DecisionReplay {
    pub decision: String,
    pub identical: bool,
    pub differences: Vec<Difference>,
}

/// One field that came out otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    pub field: String,
    pub stored: Value,
    pub now: Value,
}

/// Re-runs a decision from its stored inputs; rejected candidates that were pruned are not compared.
pub async fn replay_decision(ctx: &Ctx, id: &str) -> anyhow::Result<DecisionReplay> {
    let rebuilt = rebuild(ctx, id).await?;
    let mut differences = Vec::new();
    compare_row(&rebuilt, &mut differences);
    let stored = candidates::of_decision(&ctx.db, id).await?;
    let now = &rebuilt.step.decision.candidates;
    for row in &stored {
        let name = format!("candidates.{}", row.instrument);
        let Some(call) = usize::try_from(row.n).ok().and_then(|n| now.get(n)) else {
            push(&mut differences, &name, json!(row.n), Value::Null);
            continue;
        };
        let was = json!([
            row.instrument,
            row.delta,
            row.ivrv,
            row.yield_net,
            row.failed_filter,
            row.failed_by,
            row.score,
            row.rank,
            row.propensity,
            row.chosen
        ]);
        push(&mut differences, &name, was, candidate(call));
    }
    let stored = risk_lines::of_decision(&ctx.db, id).await?;
    let lines = &rebuilt.step.verdict.lines;
    push(
        &mut differences,
        "risk_lines",
        json!(stored.len()),
        json!(lines.len()),
    );
    for (row, line) in stored.iter().zip(lines) {
        let was = json!([
            row.leg,
            row.check_name,
            row.value,
            row.limit_value,
            row.verdict
        ]);
        let is = json!([
            line.leg,
            line.check,
            zero(line.value),
            zero(line.limit),
            line.verdict.as_str()
        ]);
        push(&mut differences, &format!("risk_lines.{}", row.n), was, is);
    }
    Ok(DecisionReplay {
        decision: id.to_owned(),
        identical: differences.is_empty(),
        differences,
    })
}

fn compare_row(rebuilt: &Rebuilt, differences: &mut Vec<Difference>) {
    let (row, step) = (&rebuilt.row, &rebuilt.step);
    let final_action = &step.verdict.final_action;
    let shown = match final_action.instrument() {
        Some(_) => final_action,
        None => &step.decision.proposed,
    };
    let mut field = |name: &str, was: Value, is: Value| push(differences, name, was, is);
    field(
        "proposed_action",
        json!(row.proposed_action),
        json!(step.decision.proposed.name()),
    );
    field(
        "final_action",
        json!(row.final_action),
        json!(final_action.name()),
    );
    field(
        "instrument",
        json!(row.instrument),
        json!(shown.instrument()),
    );
    field(
        "rolled_from",
        json!(row.rolled_from),
        json!(shown.rolled_from()),
    );
    field(
        "size_e8",
        json!(row.size_e8),
        json!(shown.size().map(to_e8)),
    );
    field("reason", json!(row.reason), json!(step.decision.reason));
    field(
        "propensity",
        json!(row.propensity),
        json!(step.decision.propensity),
    );
    field(
        "explored",
        json!(row.explored),
        json!(step.decision.explored),
    );
    field(
        "policy_version",
        json!(row.policy_version),
        json!(step.decision.policy_version),
    );
    field("refusal", json!(row.refusal), json!(step.verdict.refusal));
    field(
        "candidates",
        json!(row.candidates),
        json!(step.decision.candidates.len()),
    );
}

fn candidate(call: &Candidate) -> Value {
    let failed = call.failed.as_ref();
    json!([
        call.instrument,
        zero(call.delta),
        zero(call.ivrv),
        zero(call.yield_net),
        failed.map(|failed| failed.filter.as_str()),
        zero(failed.and_then(|failed| failed.by)),
        zero(call.score),
        call.rank,
        call.propensity,
        call.chosen
    ])
}

/// As rows keep a float: not finite is null, and zero has no sign.
fn zero(value: Option<f64>) -> Option<f64> {
    value
        .filter(|value| value.is_finite())
        .map(|value| value + 0.0)
}

fn push(differences: &mut Vec<Difference>, field: &str, stored: Value, now: Value) {
    if stored != now {
        differences.push(Difference {
            field: field.to_owned(),
            stored,
            now,
        });
    }
}
