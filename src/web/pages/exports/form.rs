//! The form of an export, filled from the address.

use crate::db::training::{self, DatasetRow};
use crate::db::{Db, named};
use crate::export::Kind;
use crate::export::lint::Code;
use crate::web::error::PageError;
use crate::web::pages::Query;
use serde_json::{Value, json};

/// Datasets to choose from.
const DATASETS: i64 = 100;
/// Fields that the address may fill.
const FIELDS: [&str; 11] = [
    "dataset",
    "query",
    "sql",
    "kind",
    "as",
    "compression",
    "split",
    "out",
    "rows_per_file",
    "neutralise",
    "strict",
];

pub(super) async fn form(db: &Db, query: &Query) -> Result<Value, PageError> {
    let datasets = training::list(db, DATASETS).await?;
    let questions = named::all();
    let chosen = query.get("query").and_then(named::find);
    let parameters = chosen.map(|question| question.parameters);
    let parameter = |one: named::Parameter| {
        let given = query.owned(&format!("param.{}", one.name));
        json!({"name": one.name, "meaning": one.meaning, "default": one.default, "value": given})
    };
    let allowed = query.all("allow");
    let code = |code: Code| json!({"name": code.as_str(), "about": about(code), "on": allowed.contains(&code.as_str())});
    let given: Vec<(String, Value)> = FIELDS
        .into_iter()
        .map(|name| (name.to_owned(), json!(query.get(name))))
        .collect();
    let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Rows);
    Ok(json!({
        "datasets": datasets.iter().map(dataset).collect::<Vec<_>>(),
        "questions": questions.iter().map(|one| json!({"name": one.name, "title": one.title})).collect::<Vec<_>>(),
        "parameters": parameters.unwrap_or_default().into_iter().map(parameter).collect::<Vec<_>>(),
        "kinds": kinds.map(|kind| json!({"name": kind.as_str(), "about": meaning(kind)})).collect::<Vec<_>>(),
        "codes": Code::ALL.map(code), "given": given.into_iter().collect::<serde_json::Map<_, _>>(),
    }))
}

fn dataset(row: &DatasetRow) -> Value {
    json!({
        "id": row.id, "underlyings": row.underlyings, "source": row.source, "rows": row.rows,
        "created_ms": row.created_ms,
    })
}

fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::Rows => "rows as they are",
        Kind::Transitions => "a row a step",
        Kind::Candidates => "a row a call to choose from",
        Kind::Chat => "conversations for fine-tuning",
        Kind::Preference => "pairs of answers",
    }
}

fn about(code: Code) -> &'static str {
    match code {
        Code::LaterThanDecision => "something is later than its decision",
        Code::RewardInPrompt => "a prompt speaks of the outcome",
        Code::ChainAcrossSplits => "a chain or an episode is in two splits",
        Code::Duplicate => "the same row stands twice",
        Code::ConstantColumn => "a column has one value only",
        Code::NullColumn => "a column has no value at all",
    }
}
