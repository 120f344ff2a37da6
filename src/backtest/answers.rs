//! How a language model's answers went in a run: counted step by step, and told to people.

use super::outcome::Taken;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Steps of a run by what came of the question to the model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub asked: u64,
    /// There was nothing to choose.
    pub not_asked: u64,
    /// Steps that the fallback decided.
    pub fell_back: u64,
    /// Steps by the outcome of their last answer, asked for or out of the ledger.
    pub outcomes: BTreeMap<String, u64>,
}

/// Outcomes of answers that were in form.
const USABLE: [&str; 2] = ["ok", "risk_rejected"];
/// What a person does when no call is answered.
const NEXT: &str = "`thetaq doctor` says whether the model's server can be reached; [llm] base_url and model in workers.toml name it. \
    Where it answers, look at structured_mode, max_tokens and the budgets there";

impl Tally {
    /// `None` where no model was to decide.
    pub(super) fn of(taken: &[Taken]) -> Option<Self> {
        let mut tally: Option<Self> = None;
        for answered in taken.iter().filter_map(|one| one.answered.as_ref()) {
            let tally = tally.get_or_insert_default();
            tally.fell_back += u64::from(answered.fell_back);
            match &answered.outcome {
                None => tally.not_asked += 1,
                Some(outcome) => {
                    tally.asked += 1;
                    *tally.outcomes.entry(outcome.clone()).or_default() += 1;
                }
            }
        }
        tally
    }

    /// Answers that were no decision.
    fn failed(&self) -> u64 {
        let usable = USABLE.iter().filter_map(|name| self.outcomes.get(*name));
        self.asked - usable.sum::<u64>()
    }

    /// `http_error 3, timeout 1`
    fn failures(&self) -> String {
        let failures = self.outcomes.iter();
        let failures = failures.filter(|(name, _)| !USABLE.contains(&name.as_str()));
        let each: Vec<String> = failures.map(|(name, n)| format!("{name} {n}")).collect();
        each.join(", ")
    }

    /// Why calls that passed every filter were not sold.
    pub(super) fn why_nothing(&self) -> String {
        let (failed, asked) = (self.failed(), self.asked);
        let each = "v_llm_calls has each call with its error";
        if failed == 0 {
            return "the model wanted none of them".to_owned();
        }
        let list = self.failures();
        if failed == asked {
            return format!(
                "the model gave no usable answer to any of {asked} questions ({list}); {each}"
            );
        }
        format!(
            "the model wanted none of them, or gave no usable answer, as to {failed} of {asked} questions ({list}); {each}"
        )
    }
}

/// What stands above a run of whose answers none was usable; of the `model` of its document.
pub fn unanswered(model: &Value) -> Option<String> {
    let tally: Tally = serde_json::from_value(model["steps"].clone()).ok()?;
    if tally.asked == 0 || tally.failed() < tally.asked {
        return None;
    }
    let errors = model["calls"]["errors"].as_object();
    let example = errors.and_then(|errors| errors.values().find_map(Value::as_str));
    let example = example.map_or_else(String::new, |error| format!(" One of the errors: {error}."));
    let fallback = model["fallback"].as_str().unwrap_or("nothing");
    Some(format!(
        "The model decided nothing in this run: none of {} questions had a usable answer ({}). What follows is the \
         fallback `{fallback}`, and says nothing about the model.{example} {NEXT}.",
        tally.asked,
        tally.failures(),
    ))
}

/// The calls of a run, their cost and the steps that fell back, in one line; of the `model` of its document.
pub fn calls_text(model: &Value) -> Option<String> {
    let tally: Tally = serde_json::from_value(model["steps"].clone()).ok()?;
    let calls = &model["calls"];
    let made = calls["made"].as_u64().unwrap_or(0);
    let outcomes = calls["outcomes"].as_object().into_iter().flatten();
    let outcomes: Vec<String> = outcomes
        .filter(|(_, count)| **count != 0)
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    let by = if outcomes.is_empty() {
        String::new()
    } else {
        format!(" ({})", outcomes.join(", "))
    };
    let cost = match (calls["cost_usd"].as_f64(), calls["unpriced"].as_u64()) {
        (Some(cost), _) => format!("cost {cost:.4} USD"),
        (None, unpriced) => format!("cost not known, of {} calls", unpriced.unwrap_or(made)),
    };
    let fallback = model["fallback"].as_str().unwrap_or("nothing");
    Some(format!(
        "{made} calls{by}, {cost}; {} steps asked, {} had nothing to choose, {} fell back to `{fallback}`",
        tally.asked, tally.not_asked, tally.fell_back,
    ))
}

/// Who decided, and whether the model may know what followed; (whether it may, the text). `what` is a run or a sweep.
pub fn cutoff_notice(model: &Value, what: &str) -> Option<(bool, String)> {
    let name = model["name"].as_str()?;
    let day = model["training_cutoff"].as_str();
    let before = model["before_training_cutoff"] == true;
    let text = match day {
        Some(day) if before => format!(
            "which was trained up to {day}: the {what} begins before that day, so the model may know what followed. \
             Do not take its result as evidence"
        ),
        Some(day) => format!("trained up to {day}, before the {what} begins"),
        None => "; when it was trained is not said ([llm] training_cutoff), so it may know what followed".to_owned(),
    };
    let comma = if day.is_some() { ", " } else { "" };
    Some((
        before,
        format!("Decided by the language model {name}{comma}{text}."),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn model(steps: &Value, calls: &Value) -> Value {
        json!({ "name": "tester", "fallback": "rule", "steps": steps, "calls": calls })
    }

    #[test]
    fn a_run_without_a_usable_answer_says_so_and_what_to_do() {
        let steps = json!({"asked": 3, "not_asked": 1, "fell_back": 3, "outcomes": {"http_error": 2, "timeout": 1}});
        let calls = json!({"made": 3, "outcomes": {"ok": 0, "http_error": 2, "timeout": 1}, "cost_usd": null,
            "unpriced": 3, "errors": {"http_error": "connection refused"}});
        let failed = model(&steps, &calls);
        let said = unanswered(&failed).unwrap_or_default();
        for words in [
            "none of 3 questions",
            "http_error 2, timeout 1",
            "`rule`",
            "connection refused",
            "`thetaq doctor`",
            "[llm] base_url",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
        let line = calls_text(&failed).unwrap_or_default();
        assert_eq!(
            line,
            "3 calls (http_error 2, timeout 1), cost not known, of 3 calls; 3 steps asked, 1 had nothing to choose, 3 fell back to `rule`"
        );
        let steps = json!({"asked": 3, "not_asked": 0, "fell_back": 2, "outcomes": {"risk_rejected": 1, "timeout": 2}});
        assert_eq!(unanswered(&model(&steps, &Value::Null)), None);
        assert_eq!(unanswered(&Value::Null), None, "rules decided");
    }

    #[test]
    fn a_model_that_may_know_what_followed_is_named() {
        let early = json!({"name": "tester", "training_cutoff": "2026-01-10", "before_training_cutoff": true});
        let (bad, text) = cutoff_notice(&early, "run").unwrap_or_default();
        assert!(bad && text.contains("may know what followed"), "{text}");
        let late = json!({"name": "tester", "training_cutoff": "2025-01-10", "before_training_cutoff": false});
        let (bad, text) = cutoff_notice(&late, "run").unwrap_or_default();
        assert_eq!(
            (bad, text.as_str()),
            (
                false,
                "Decided by the language model tester, trained up to 2025-01-10, before the run begins."
            )
        );
        let (_, text) = cutoff_notice(&json!({"name": "tester"}), "sweep").unwrap_or_default();
        assert!(
            text.contains("tester; when it was trained is not said"),
            "{text}"
        );
        assert_eq!(cutoff_notice(&Value::Null, "run"), None);
    }
}
