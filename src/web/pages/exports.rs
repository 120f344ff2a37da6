//! Exports: what was written with its files, a form, and a preview before anything is begun.

mod form;
mod one;
mod preview;

use super::{Part, Query};
use crate::db::exports::{self, ExportRow};
use crate::db::jobs;
use crate::export::lint::{Code, Leave};
use crate::export::{Compression, Format, Kind};
use crate::jobs::export::{Export, ROWS_PER_FILE, Source};
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::pages::fields::{number, refused};
use crate::web::table::{self, Table};
use crate::web::view::View;
use serde_json::{Value, json};

/// Exports on the page.
const EXPORTS: i64 = 100;

pub(super) async fn view(
    site: &Site,
    path: &[&str],
    query: &Query,
    part: Part,
) -> Result<View, PageError> {
    match path {
        [] => list(site, query, part).await,
        [job] => one::view(site, job).await,
        _ => Err(PageError::not_found("That page")),
    }
}

async fn list(site: &Site, query: &Query, part: Part) -> Result<View, PageError> {
    let db = &site.ctx.db;
    let mut shown = Vec::new();
    for row in exports::latest(db, EXPORTS).await? {
        shown.push(listed(site, &row).await?);
    }
    table::sort(&mut shown, query.sort());
    let mut tables = vec![Table::of("exports", COLUMNS, &shown)];
    let preview = match part {
        Part::Whole => preview::preview(site, query, &mut tables).await,
        Part::Live => Value::Null,
    };
    Ok(View {
        title: "Exports".to_owned(),
        name: "exports",
        fragments: &["list"],
        values: json!({
            "exports": shown, "form": form::form(db, query).await?, "preview": preview,
            "waiting": super::training::open_jobs(site, &["export"], |_| true).await?,
        }),
        tables,
    })
}

/// A row of the list, with its files.
async fn listed(site: &Site, row: &ExportRow) -> Result<Value, PageError> {
    let db = &site.ctx.db;
    let files = exports::files(db, &row.job).await?;
    let work = match row.state.as_str() {
        "running" => jobs::get(db, &row.job).await?,
        _ => None,
    };
    let progress = work.as_ref().filter(|work| !work.is_finished());
    Ok(json!({
        "job": row.job, "state": row.state, "error": row.error, "source": row.source, "kind": row.kind,
        "format": row.format, "folder": row.folder, "rows": row.rows, "rows_expected": row.rows_expected,
        "bytes": row.bytes, "created_ms": row.created_ms, "finished_ms": row.finished_ms, "files": files,
        "progress": progress.map(|work| work.progress), "done": row.state == "done",
    }))
}

/// The export that a form asks for. `format` is taken by the files of the page itself, so it is `as` here.
pub(super) fn payload(query: &Query) -> Result<Export, PageError> {
    let source = source(query)?;
    let kind = match &source {
        Source::Dataset(_) => choice(query, "kind", &Kind::ALL, Kind::as_str)?
            .filter(|kind| *kind != Kind::Rows)
            .unwrap_or(Kind::Transitions),
        Source::Query { .. } | Source::Sql(_) => Kind::Rows,
    };
    let compressions = [Compression::None, Compression::Gzip, Compression::Zstd];
    let allow = query.all("allow");
    let job = Export {
        source,
        kind,
        format: choice(query, "as", &Format::ALL, Format::as_str)?.unwrap_or(Format::Jsonl),
        compression: choice(query, "compression", &compressions, compression)?.unwrap_or_default(),
        split: query.get("split").is_some(),
        out: query.owned("out"),
        rows_per_file: number(query, "rows_per_file", "a whole number of rows")?
            .unwrap_or(ROWS_PER_FILE),
        neutralise: query.get("neutralise").is_some(),
        lint: Leave {
            allow: Code::ALL
                .into_iter()
                .filter(|code| allow.contains(&code.as_str()))
                .collect(),
            strict: query.get("strict").is_some(),
        },
    };
    job.check().map_err(|problem| {
        let (field, problem) = problem.split_once(": ").unwrap_or(("form", &problem));
        refused(field, problem)
    })?;
    Ok(job)
}

fn source(query: &Query) -> Result<Source, PageError> {
    let parameters = |name: &str| {
        let names = query.names();
        let given = names.filter_map(|key| Some((key.strip_prefix("param.")?, query.get(key)?)));
        Source::Query {
            name: name.to_owned(),
            parameters: given
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        }
    };
    match (query.get("dataset"), query.get("query"), query.get("sql")) {
        (Some(id), None, None) => Ok(Source::Dataset(id.to_owned())),
        (None, Some(name), None) => Ok(parameters(name)),
        (None, None, Some(sql)) => Ok(Source::Sql(sql.to_owned())),
        (None, None, None) => Err(refused(
            "dataset",
            "choose a dataset, a question, or write SQL",
        )),
        _ => Err(refused(
            "dataset",
            "choose one of a dataset, a question and SQL, not several",
        )),
    }
}

fn compression(one: Compression) -> &'static str {
    match one {
        Compression::None => "none",
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
    }
}

/// One of a closed set, by its name.
fn choice<T: Copy>(
    query: &Query,
    field: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<Option<T>, PageError> {
    let Some(text) = query.get(field) else {
        return Ok(None);
    };
    let found = all.iter().find(|one| name(**one) == text);
    let names: Vec<&str> = all.iter().copied().map(&name).collect();
    let unknown = || {
        refused(
            field,
            &format!("`{text}` is not one of {}", names.join(", ")),
        )
    };
    Ok(Some(*found.ok_or_else(unknown)?))
}

const COLUMNS: &[&str] = &[
    "job",
    "state",
    "source",
    "kind",
    "format",
    "rows",
    "bytes",
    "folder",
    "created_ms",
    "finished_ms",
    "error",
];
