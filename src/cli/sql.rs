//! `thetaq sql`: named questions and free queries through the guarded reader.

use super::Usage;
use super::output::{print, table};
use super::session::Session;
use crate::db::named::{self, Question};
use crate::db::reader::{Limits, ReadError, Reader, Rows};
use crate::db::views::{self, View};
use anyhow::Context;
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Ask the database: a named question, or one select over the views v_*
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq sql                                          list questions and views\n  thetaq sql v_decisions                              list the columns of a view\n  thetaq sql failed_filters --param underlying=ETH\n  thetaq sql --query \"select * from v_fills\" --format csv\n  thetaq sql --views                                  the reference of the views"
)]
pub(super) struct Sql {
    /// A named question, or a view to list its columns; without it and without --query, all are listed
    #[arg(conflicts_with = "query")]
    name: Option<String>,
    /// Print the reference of the views, as in the README
    #[arg(long, conflicts_with_all = ["name", "query"])]
    views: bool,
    /// One select statement over the views
    #[arg(long)]
    query: Option<String>,
    /// A parameter of the question, KEY=VALUE; may be repeated
    #[arg(long = "param", value_name = "KEY=VALUE", value_parser = pair)]
    parameters: Vec<(String, String)>,
    /// How to print the rows; --json is the same as json
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// At most so many rows
    #[arg(long, default_value_t = 10_000)]
    limit: usize,
    /// Stop after so many seconds
    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Csv,
    Jsonl,
}

pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl Sql {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let limits = Limits {
            rows: self.limit,
            time: Duration::from_secs(self.seconds),
            ..Limits::default()
        };
        let views = views::all();
        if self.views {
            return session.output.result(&views, views::markdown);
        }
        let view = views
            .iter()
            .find(|view| self.name.as_deref() == Some(view.name));
        if let Some(view) = view {
            return columns(session, view);
        }
        if self.name.is_none() && !self.parameters.is_empty() {
            return Err(Usage(
                "--param: it belongs to a named question; `thetaq sql` lists them".to_owned(),
            )
            .into());
        }
        let rows = match (&self.name, &self.query) {
            (None, None) => return list(session),
            (None, Some(query)) => {
                let reader = Reader::new(&session.db().await?);
                let rows = reader.query(query, &[], limits).await;
                rows.map_err(advised).context("--query")?
            }
            (Some(name), _) => {
                let question = named::find(name).ok_or_else(|| unknown(name))?;
                let given: BTreeMap<_, _> = self.parameters.iter().cloned().collect();
                known(&question, &given)?;
                let reader = Reader::new(&session.db().await?);
                question.run(&reader, &given, limits).await?
            }
        };
        if rows.truncated {
            tracing::warn!(
                rows = rows.rows.len(),
                "the result is truncated; raise --limit"
            );
        }
        let format = if session.output.json {
            Format::Json
        } else {
            self.format
        };
        print(&printed(&rows, format)?)
    }
}

/// Refuses parameters that the question does not have.
fn known(question: &Question, given: &BTreeMap<String, String>) -> Result<(), Usage> {
    let has = |key: &&String| question.parameters.iter().any(|one| one.name == **key);
    match given.keys().find(|key| !has(key)) {
        None => Ok(()),
        Some(key) => Err(Usage(format!(
            "--param: {} has no parameter `{key}`; it has {}",
            question.name,
            question.parameter_names()
        ))),
    }
}

/// What the database says of names it does not know, with where to find the right ones.
fn advised(error: ReadError) -> anyhow::Error {
    let text = error.to_string();
    let unknown = ["no such", "does not exist"]
        .iter()
        .any(|words| text.contains(words));
    if unknown && matches!(error, ReadError::Sql(_)) {
        return anyhow::anyhow!(
            "{text}; `thetaq sql` lists the views, `thetaq sql VIEW` its columns"
        );
    }
    error.into()
}

fn unknown(name: &str) -> Usage {
    let names: Vec<_> = named::all().iter().map(|question| question.name).collect();
    let view = if name.starts_with("v_") {
        "view"
    } else {
        "question"
    };
    Usage(format!(
        "there is no {view} named `{name}`; `thetaq sql` lists the views, and the questions are {}",
        names.join(", ")
    ))
}

fn printed(rows: &Rows, format: Format) -> anyhow::Result<String> {
    let columns: Vec<&str> = rows.columns.iter().map(String::as_str).collect();
    let text = match format {
        Format::Table => table(&columns, &rows.rows),
        Format::Json => serde_json::to_string_pretty(&rows.objects())?,
        Format::Jsonl => {
            let lines: Vec<String> = rows.objects().iter().map(ToString::to_string).collect();
            lines.join("\n")
        }
        Format::Csv => csv(rows)?,
    };
    Ok(text.trim_end_matches('\n').to_owned())
}

fn csv(rows: &Rows) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&rows.columns)?;
    for row in &rows.rows {
        writer.write_record(row.iter().map(|value| match value {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        }))?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

fn columns(session: &Session, view: &View) -> anyhow::Result<()> {
    session.output.result(view, || {
        let lines = view.columns.iter();
        let lines = lines.map(|column| {
            format!(
                "  {:<22} {:<18} {}",
                column.name, column.unit, column.meaning
            )
        });
        let lines: Vec<String> = lines.collect();
        format!("{}: {}\n{}", view.name, view.about, lines.join("\n"))
    })
}

fn list(session: &Session) -> anyhow::Result<()> {
    let (questions, views) = (named::all(), views::all());
    let document = serde_json::json!({"questions": questions, "views": views});
    session.output.result(&document, || {
        let mut text = String::new();
        listed(&mut text, &questions, &views).expect("writing to a string cannot fail");
        text
    })
}

fn listed(text: &mut String, questions: &[Question], views: &[View]) -> std::fmt::Result {
    writeln!(text, "Questions (thetaq sql NAME):")?;
    let mut topic = "";
    for question in questions {
        if question.topic != topic {
            topic = question.topic;
            writeln!(text, " {topic}")?;
        }
        writeln!(text, "  {:<26} {}", question.name, question.title)?;
        for parameter in &question.parameters {
            let (name, default) = (&parameter.name, &parameter.default);
            let meaning = &parameter.meaning;
            writeln!(text, "  {:<26}   --param {name}={default}  {meaning}", "")?;
        }
    }
    writeln!(
        text,
        "\nViews (thetaq sql VIEW lists its columns, thetaq sql --query \"select ..\" asks them):"
    )?;
    for view in views {
        writeln!(text, "  {:<26} {}", view.name, view.about)?;
    }
    Ok(())
}
