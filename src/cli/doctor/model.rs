//! The language model in `thetaq doctor`: whether it can be asked, how its last day went, what that cost.

use super::Check;
use crate::cli::session::Session;
use crate::config;
use crate::db::{Db, llm_calls};
use crate::domain::instrument::DAY_MS;
use crate::llm::Llm;
use serde_json::{Value, json};

/// Nothing without a model; connects to nobody.
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
        Ok(Some(_)) => {
            let model = json!(session.config.llm.model);
            let mut checks = vec![Check::new("language_model", true, model, Value::Null)];
            checks.extend(calls(db).await);
            checks
        }
    }
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
