//! The language model in `thetaq doctor`: whether it can be asked, how its last day went, what that cost.

use super::Check;
use crate::cli::session::Session;
use crate::config::{self, Config, DecisionMode};
use crate::db::{Db, llm_calls};
use crate::domain::instrument::DAY_MS;
use crate::llm::{Llm, Outcome, Probe};
use crate::step::council::Judge;
use serde_json::{Value, json};

/// Nothing without a model.
pub(super) async fn checks(session: &Session, db: &Db) -> Vec<Check> {
    match Llm::new(&session.config.llm, config::llm_key()) {
        Ok(None) => Vec::new(),
        Err(error) => {
            let failed = Check::new(
                "language_model",
                false,
                json!(format!("{error:#}")),
                Value::Null,
            );
            vec![failed.or(format!("set {} again, or unset it", config::LLM_KEY))]
        }
        Ok(Some(llm)) => {
            let mut checks = vec![server(&session.config, &llm, &llm.probe().await)];
            checks.extend(calls(db).await);
            checks
        }
    }
}

/// Whether the server answers, takes the key and knows the model.
fn server(config: &Config, llm: &Llm, probe: &Probe) -> Check {
    let name = format!("{} at {}", config.llm.model, config.llm.base_url);
    let (found, advice) = match probe {
        Probe::Listed => ("reachable, in its list".to_owned(), None),
        Probe::NoList => ("reachable, has no list of models".to_owned(), None),
        Probe::NotListed(names) => (
            format!("reachable, but not in its list: {}", names.join(", ")),
            Some(
                "put a name of its list into [llm] model, unless the server answers to any name"
                    .to_owned(),
            ),
        ),
        Probe::KeyRefused(status) => (
            format!("reachable, refuses the key (HTTP {status})"),
            llm.next_step(Outcome::HttpError, Some(*status)),
        ),
        Probe::Failed(status) => (
            format!("answers with HTTP {status}"),
            Some("look at the server's own log".to_owned()),
        ),
        Probe::Unreachable(why) => (
            format!("unreachable: {why}"),
            llm.next_step(Outcome::HttpError, None),
        ),
    };
    let down = !matches!(probe, Probe::Listed | Probe::NoList | Probe::NotListed(_));
    let value = json!(format!("{name}: {found}"));
    let check = Check::new(
        "language_model",
        !(down && is_needed(config)),
        value,
        Value::Null,
    );
    match advice {
        Some(advice) => check.but(advice),
        None => check,
    }
}

/// Decisions and the council ask without a person; the chat and texts are asked for.
fn is_needed(config: &Config) -> bool {
    let decides = config.policy.decision_mode != DecisionMode::RuleOnly;
    let judges = |policy: &String| matches!(Judge::named(policy), Some(Judge::Model(_)));
    decides || config.council.policies.iter().any(judges)
}

/// The last day of desk time on which anything was asked.
async fn calls(db: &Db) -> Option<Check> {
    let last_ms = llm_calls::last_ms(db).await.ok()??;
    let day = llm_calls::health(db, last_ms - DAY_MS + 1, last_ms + 1)
        .await
        .ok()?;
    let ok = day.failed * 2 <= day.calls;
    let check = Check::new(
        "language_model_calls",
        ok,
        json!(day),
        json!("at most half of a day's calls fail"),
    );
    Some(
        check.or(
            "`thetaq sql llm_outcomes` shows how they ended; v_llm_calls has each with its error",
        ),
    )
}
