//! A question to the database, from a page or a program: what is asked, under which limits, and its line
//! in the audit trail.

use super::Site;
use super::access::Actor;
use super::error::PageError;
use crate::clock::Stopwatch;
use crate::db::access::{AuditRow, audit, audits_of};
use crate::db::named::{self, Question};
use crate::db::reader::{Limits, ReadError, Reader, Rows};
use crate::domain::redact::redact;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Name of the lines in the audit trail.
const ACTION: &str = "sql";
/// Rows unless told otherwise, and at most.
pub(super) const ROWS: usize = 1_000;
pub(super) const ROWS_MAX: usize = 10_000;
/// Seconds unless told otherwise, and at most.
pub(super) const SECONDS: u64 = 10;
pub(super) const SECONDS_MAX: u64 = 60;

/// One question.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Named {
        question: Question,
        given: BTreeMap<String, String>,
    },
    Free(String),
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Answer {
    pub rows: Result<Rows, ReadError>,
    pub took_ms: u64,
}

impl Asked {
    pub(super) fn named(name: &str, given: BTreeMap<String, String>) -> Result<Self, PageError> {
        let question =
            named::find(name).ok_or_else(|| PageError::not_found("A question of that name"))?;
        let unknown = given
            .keys()
            .find(|key| !question.parameters.iter().any(|one| one.name == **key));
        match unknown {
            None => Ok(Self::Named { question, given }),
            Some(unknown) => Err(PageError::bad_request(
                format!("`{unknown}` is no parameter of {name}"),
                format!("It has {}.", question.parameter_names()),
            )),
        }
    }

    /// Asks, and writes down who asked what. Dropping the future stops the statement.
    pub(super) async fn ask(
        &self,
        site: &Site,
        actor: &Actor,
        limits: Limits,
    ) -> Result<Answer, PageError> {
        let reader = Reader::new(&site.ctx.db);
        let since = Stopwatch::start();
        let rows = match self {
            Self::Named { question, given } => question.run(&reader, given, limits).await,
            Self::Free(sql) => reader.query(sql, &[], limits).await,
        };
        let took_ms = since.elapsed().as_millis() as u64;
        let answer = Answer {
            rows: rows.map(without_secrets),
            took_ms,
        };
        self.note(site, actor, &answer).await?;
        Ok(answer)
    }

    async fn note(&self, site: &Site, actor: &Actor, answer: &Answer) -> Result<(), PageError> {
        let mut detail = match self {
            Self::Named { question, given } => {
                json!({"question": question.name, "parameters": given})
            }
            Self::Free(sql) => json!({ "query": sql }),
        };
        match &answer.rows {
            Ok(rows) => {
                detail["rows"] = rows.rows.len().into();
                detail["truncated"] = rows.truncated.into();
            }
            Err(error) => detail["error"] = error.to_string().into(),
        }
        let ctx = &site.ctx;
        let mut tx = ctx.db.begin().await?;
        audit(&mut tx, &ctx.clock, &actor.0, ACTION, None, detail).await?;
        Ok(tx.commit().await?)
    }
}

/// Questions asked lately, newest first.
pub(super) async fn history(site: &Site, most: i64) -> Result<Vec<AuditRow>, PageError> {
    Ok(audits_of(&site.ctx.db, ACTION, most).await?)
}

/// Limits as an address or a body gives them.
pub(super) fn limits(rows: Option<usize>, seconds: Option<u64>) -> Result<Limits, PageError> {
    let (rows, seconds) = (rows.unwrap_or(ROWS), seconds.unwrap_or(SECONDS));
    if !(1..=ROWS_MAX).contains(&rows) {
        return Err(out_of_range("rows", ROWS_MAX as u64));
    }
    if !(1..=SECONDS_MAX).contains(&seconds) {
        return Err(out_of_range("seconds", SECONDS_MAX));
    }
    Ok(Limits {
        rows,
        time: Duration::from_secs(seconds),
        ..Limits::default()
    })
}

pub(super) fn out_of_range(name: &str, most: u64) -> PageError {
    PageError::bad_request(
        format!("`{name}` is out of range"),
        format!("Use a whole number from 1 to {most}."),
    )
}

fn without_secrets(mut rows: Rows) -> Rows {
    for cell in rows.rows.iter_mut().flatten() {
        if cell.is_object() || cell.is_array() {
            let shown: Value = redact(cell);
            *cell = shown;
        }
    }
    rows
}
