//! The button below a result: all of its rows into files, as a job.

use crate::db::access::audit;
use crate::db::named;
use crate::jobs::{Options, registry};
use crate::web::Site;
use crate::web::access::Actor;
use crate::web::error::PageError;
use axum::Form;
use axum::extract::{Extension, State};
use axum::response::Redirect;
use serde_json::{Map, Value, json};

/// The kind of job that writes files; without it there is no button.
pub(super) const KIND: &str = "export";

/// Enqueues the export of a question or of a select and goes to its job.
pub(in crate::web) async fn export(
    State(site): State<Site>,
    Extension(actor): Extension<Actor>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Redirect, PageError> {
    let registry = registry::all();
    let kind = registry
        .known(KIND)
        .map_err(|_| PageError::not_found("A job that exports"))?;
    let args = args(&fields)?;
    let refused = |error: anyhow::Error| {
        PageError::bad_request(format!("{error:#}"), "Run it on the page first.")
    };
    kind.check(&args).map_err(refused)?;
    let ctx = &site.ctx;
    let mut tx = ctx.db.begin().await?;
    let made = registry.enqueue(&mut tx, ctx, KIND, args.clone(), Options::default());
    let made = made.await?;
    audit(&mut tx, &ctx.clock, &actor.0, KIND, Some(&made.id), args).await?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("/jobs/{}", made.id)))
}

/// The payload: `question` with its parameters, or `query`; and a `format`.
fn args(fields: &[(String, String)]) -> Result<Value, PageError> {
    let value = |name: &str| {
        let found = fields.iter().find(|(key, _)| key == name);
        found
            .map(|(_, value)| value.trim())
            .filter(|text| !text.is_empty())
    };
    let source = match (value("question"), value("query")) {
        (Some(name), _) => {
            let question = named::find(name);
            let question =
                question.ok_or_else(|| PageError::not_found("A question of that name"))?;
            let given = question
                .parameters
                .iter()
                .filter_map(|one| Some((one.name.to_owned(), Value::from(value(one.name)?))));
            json!({"query": {"name": name, "parameters": given.collect::<Map<_, _>>()}})
        }
        (None, Some(sql)) => json!({ "sql": sql }),
        (None, None) => {
            return Err(PageError::bad_request(
                "Nothing to export",
                "Send `question` with its parameters, or `query`.",
            ));
        }
    };
    Ok(json!({"source": source, "kind": "rows", "format": value("format").unwrap_or("csv")}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        owned.collect()
    }

    #[test]
    fn a_question_keeps_its_parameters_and_nothing_else() {
        let named = fields(&[
            ("question", "refusals"),
            ("desk", "replay-x"),
            ("rows", "100"),
            ("format", "parquet"),
        ]);
        let expect = json!({
            "source": {"query": {"name": "refusals", "parameters": {"desk": "replay-x"}}}, "kind": "rows", "format": "parquet",
        });
        assert_eq!(args(&named).expect("a question"), expect);
        let free = args(&fields(&[("query", " select 1 ")])).expect("a select");
        assert_eq!(
            free,
            json!({"source": {"sql": "select 1"}, "kind": "rows", "format": "csv"})
        );
        assert!(args(&fields(&[("question", "nothing")])).is_err() && args(&[]).is_err());
    }
}
