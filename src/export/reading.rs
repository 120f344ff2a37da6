//! What an export reads: fixed at its start, kept with it, the same for every attempt.

use super::schema::Column;
use super::{Kind, chat, dataset};
use crate::db::scan::{Scan, ScanError, Sink, StopFlag, run};
use crate::db::{Db, exports};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A select with its parameters, and by which key it goes on where it was cut off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// A dataset's id, a question's name, or `sql`.
    pub source: String,
    pub kind: Kind,
    /// Of a dataset: everything up to `where`; of a free query: all of it.
    pub sql: String,
    pub parameters: Vec<Value>,
    /// A free query: only over the views, and without a key.
    pub guarded: bool,
    /// Columns of the key, in order. Rows beyond `upto` came after the export began.
    pub key: Vec<String>,
    pub upto: i64,
    /// The first cells of a row that no file shows: the key, and what only the linter looks at.
    pub hidden: usize,
    /// Of a dataset; a free query's are found by the linter.
    pub columns: Option<Vec<Column>>,
    /// The dataset's own description.
    pub dataset: Option<Value>,
}

/// The parts that `--split` makes.
pub const SPLITS: [&str; 3] = ["train", "validation", "test"];
/// The only part without `--split`.
pub const WHOLE: &str = "data";

impl Reading {
    /// SQL of a person.
    pub fn query(source: &str, sql: &str, parameters: Vec<Value>) -> Self {
        Self {
            source: source.to_owned(),
            kind: Kind::Rows,
            sql: sql.trim().trim_end_matches(';').to_owned(),
            parameters,
            guarded: true,
            key: Vec::new(),
            upto: 0,
            hidden: 0,
            columns: None,
            dataset: None,
        }
    }

    /// The rows that a dataset has now; `None` when there is no such dataset.
    pub async fn dataset(db: &Db, id: &str, kind: Kind) -> crate::db::Result<Option<Self>> {
        let Some(described) = exports::dataset(db, id).await? else {
            return Ok(None);
        };
        let select = dataset::select(kind);
        Ok(Some(Self {
            source: id.to_owned(),
            kind,
            sql: select.sql,
            parameters: vec![json!(id)],
            guarded: false,
            key: select.key,
            upto: exports::last_row(db, id).await?,
            hidden: select.hidden,
            columns: Some(select.columns),
            dataset: Some(described),
        }))
    }

    /// Hands the rows of a part to a sink, those behind the key `after` only.
    pub async fn rows<S: Sink>(
        &self,
        db: &Db,
        part: &str,
        after: &[i64],
        stop: StopFlag,
        sink: S,
    ) -> Result<S, ScanError> {
        let scan = self.scan(part, after, stop);
        match self.kind {
            Kind::Chat | Kind::Preference => {
                let steps = chat::Steps::new(self.kind, self.dataset.as_ref(), sink);
                Ok(run(db, scan, steps).await?.into_sink())
            }
            Kind::Rows | Kind::Transitions | Kind::Candidates => run(db, scan, sink).await,
        }
    }

    fn scan(&self, part: &str, after: &[i64], stop: StopFlag) -> Scan {
        let (sql, parameters) = if self.guarded {
            (self.free(part), self.parameters.clone())
        } else {
            self.keyed(part, after)
        };
        Scan {
            sql,
            parameters,
            guarded: self.guarded,
            stop,
        }
    }

    fn free(&self, part: &str) -> String {
        if part == WHOLE {
            return self.sql.clone();
        }
        let sql = &self.sql;
        format!("select * from (\n{sql}\n) as exported where split = '{part}'")
    }

    fn keyed(&self, part: &str, after: &[i64]) -> (String, Vec<Value>) {
        let mut parameters = self.parameters.clone();
        parameters.push(self.upto.into());
        let mut conditions = vec!["r.dataset = $1 and r.n <= $2".to_owned()];
        if part != WHOLE {
            parameters.push(part.into());
            conditions.push(format!("r.split = ${}", parameters.len()));
        }
        if let Some(first) = after.first() {
            parameters.push((*first).into());
            conditions.push(format!("r.n >= ${}", parameters.len()));
        }
        if after.len() == self.key.len() {
            let mut places = Vec::new();
            for value in after {
                parameters.push((*value).into());
                places.push(format!("${}", parameters.len()));
            }
            let (key, places) = (self.key.join(", "), places.join(", "));
            conditions.push(format!("({key}) > ({places})"));
        }
        let order = dataset::order(self.kind);
        let (sql, conditions) = (&self.sql, conditions.join(" and "));
        let sql = format!("{sql} where {conditions} order by {order}");
        (sql, parameters)
    }
}
