//! What an export is asked for: from where, in which form, to where.

use crate::db::exports;
use crate::db::named;
use crate::export::lint::Leave;
use crate::export::reading::Reading;
use crate::export::{Compression, Format, Kind, Shape};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One export; its result is what `thetaq export --json` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    pub source: Source,
    pub format: Format,
    /// Kinds other than `rows` need a dataset.
    #[serde(default = "transitions")]
    pub kind: Kind,
    #[serde(default)]
    pub compression: Compression,
    /// Train, validation and test in files of their own; a query needs a column `split` for it.
    #[serde(default)]
    pub split: bool,
    /// A folder inside `[export] dir`; the job's id when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out: Option<String>,
    #[serde(default = "rows_per_file")]
    pub rows_per_file: u64,
    /// Texts that a spreadsheet would run as formulas get an apostrophe in front.
    #[serde(default)]
    pub neutralise: bool,
    #[serde(default)]
    pub lint: Leave,
}

fn transitions() -> Kind {
    Kind::Transitions
}

fn rows_per_file() -> u64 {
    ROWS_PER_FILE
}

/// Rows of a file unless told otherwise.
pub const ROWS_PER_FILE: u64 = 1_000_000;

/// Where the rows come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    Dataset(String),
    /// A question that comes with the program.
    Query {
        name: String,
        #[serde(default)]
        parameters: BTreeMap<String, String>,
    },
    /// One select over the views.
    Sql(String),
}

impl Export {
    /// What cannot be exported, before anything is begun.
    pub fn check(&self) -> Result<(), String> {
        let kind = self.kind.as_str();
        match (&self.source, self.kind, self.format) {
            (Source::Dataset(_), Kind::Rows, _) => {
                Err("kind: a dataset has transitions, candidates, chat and preference".to_owned())
            }
            (Source::Sql(_) | Source::Query { .. }, kind, _) if kind != Kind::Rows => Err(format!(
                "kind: a query gives rows; {} needs a dataset",
                kind.as_str()
            )),
            (_, Kind::Chat, Format::Csv | Format::Parquet) => {
                Err(format!("format: {kind} is jsonl, one conversation a line"))
            }
            (_, _, Format::Parquet) if self.compression != Compression::None => {
                Err("compression: Parquet is compressed inside; leave it out".to_owned())
            }
            _ if self.rows_per_file == 0 => Err("rows_per_file: must be above zero".to_owned()),
            _ => Ok(()),
        }
    }

    /// What would be read now.
    pub async fn reading(&self, db: &crate::db::Db) -> anyhow::Result<Reading> {
        match &self.source {
            Source::Sql(sql) => Ok(Reading::query("sql", sql, Vec::new())),
            Source::Query { name, parameters } => {
                let question = named::find(name).ok_or_else(|| {
                    anyhow::anyhow!("there is no question named `{name}`; `thetaq sql` lists them")
                })?;
                let (sql, values) = question.statement(parameters)?;
                Ok(Reading::query(name, &sql, values))
            }
            Source::Dataset(id) => match Reading::dataset(db, id, self.kind).await? {
                Some(reading) => Ok(reading),
                None => Err(no_dataset(db, id).await),
            },
        }
    }

    pub fn shape(&self) -> Shape {
        Shape {
            format: self.format,
            compression: self.compression,
            rows_per_file: self.rows_per_file,
            neutralise: self.neutralise,
        }
    }
}

async fn no_dataset(db: &crate::db::Db, id: &str) -> anyhow::Error {
    match exports::dataset_ids(db, 5).await {
        Err(error) => error.into(),
        Ok(ids) if ids.is_empty() => {
            anyhow::anyhow!("--dataset: there is no dataset {id}; `thetaq train` makes one")
        }
        Ok(ids) => anyhow::anyhow!(
            "--dataset: there is no dataset {id}; the latest are {}",
            ids.join(", ")
        ),
    }
}
