//! `export`: rows into files, after the linter has looked at them; goes on where it was cut off.
//!
//! What is read is fixed when the job first runs. Files that are whole keep their place and their hash; the
//! one in work is written anew. A free query has no key to go on by: it is read again from its start, as one
//! state of the database, and gives the same bytes when its rows are the same.

mod write;

use super::{Defaults, Done, Job, JobError, Running};
use crate::ctx::{CODE_VERSION, Ctx};
use crate::db::exports::{self, ExportRow, NewExport};
use crate::db::named;
use crate::db::scan::{ScanError, StopFlag};
use crate::export::lint::{Finding, Leave, Linter};
use crate::export::reading::{Reading, SPLITS, WHOLE};
use crate::export::schema::Column;
use crate::export::{Compression, Format, Kind, Shape, card, folder};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use write::Writing;

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

impl Job for Export {
    const KIND: &'static str = "export";
    const DEFAULTS: Defaults = Defaults {
        // Each attempt goes on where the last one stopped.
        timeout_ms: 12 * 3_600_000,
        max_attempts: 5,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let stop = StopFlag::default();
        let (token, flag) = (job.token(), stop.clone());
        let watch = tokio::spawn(async move {
            token.cancelled().await;
            flag.raise();
        });
        let done = Box::pin(self.export(&ctx, job, &stop)).await;
        watch.abort();
        let (state, error) = match &done {
            Err(JobError::Cancelled) => ("stopped", None),
            Err(error @ JobError::Abort(_)) => ("failed", Some(error.message())),
            Ok(_) | Err(_) => return done,
        };
        if let Some(row) = exports::of_job(&ctx.db, &job.id).await? {
            // A refusal leaves no empty folder behind; one that holds files stays.
            std::fs::remove_dir(&row.folder).ok();
        }
        let mut tx = ctx.db.begin().await?;
        exports::end(
            &mut tx,
            &job.id,
            state,
            error.as_deref(),
            ctx.clock.wall_ms(),
        )
        .await?;
        tx.commit().await?;
        done
    }
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

    async fn export(&self, ctx: &Ctx, job: &Running, stop: &StopFlag) -> Result<Done, JobError> {
        self.check().map_err(abort)?;
        let row = self.begin(ctx, job).await?;
        let reading: Reading = row.plan()?;
        let (columns, lint) = self.lint(ctx, job, &row, &reading, stop).await?;
        let row = known(exports::of_job(&ctx.db, &job.id).await?, &job.id)?;
        let writing = Writing {
            reading: &reading,
            shape: self.shape(),
            columns: &columns,
            folder: PathBuf::from(&row.folder),
            expected: row.rows_expected as u64,
            stop,
        };
        let parts: &[&str] = if self.split { &SPLITS } else { &[WHOLE] };
        for part in parts {
            Box::pin(writing.part(ctx, job, part)).await?;
        }
        self.end(ctx, job, &writing, &lint).await
    }

    /// The row of this job; a first attempt makes it and its folder.
    async fn begin(&self, ctx: &Ctx, job: &Running) -> Result<ExportRow, JobError> {
        if let Some(row) = exports::of_job(&ctx.db, &job.id).await? {
            std::fs::create_dir_all(&row.folder)?;
            let mut tx = ctx.db.begin().await?;
            exports::resume(&mut tx, &job.id, ctx.clock.wall_ms()).await?;
            tx.commit().await?;
            return Ok(row);
        }
        let reading = self.reading(&ctx.db).await.map_err(JobError::Abort)?;
        let out = self.out.as_deref().unwrap_or(&job.id);
        let folder = folder::inside(&ctx.config.export.dir, out)
            .map_err(|error| JobError::Abort(error.into()))?;
        let folder = folder.display().to_string();
        if let Some(owner) = exports::owner_of(&ctx.db, &folder).await? {
            return Err(abort(format!(
                "--out: {folder} holds the files of export {owner}; name another folder, or let that one go on with \
                 `thetaq jobs wait {owner}`"
            )));
        }
        let new = NewExport {
            job: &job.id,
            source: &reading.source,
            kind: self.kind.as_str(),
            format: self.format.as_str(),
            folder: &folder,
            plan: &serde_json::to_value(&reading)?,
            at_ms: ctx.clock.wall_ms(),
        };
        let mut tx = ctx.db.begin().await?;
        exports::begin(&mut tx, &new).await?;
        tx.commit().await?;
        known(exports::of_job(&ctx.db, &job.id).await?, &job.id)
    }

    /// Looks at every row once; what an earlier attempt saw of a dataset stands.
    async fn lint(
        &self,
        ctx: &Ctx,
        job: &Running,
        row: &ExportRow,
        reading: &Reading,
        stop: &StopFlag,
    ) -> Result<(Vec<Column>, Vec<Finding>), JobError> {
        if let Some(linted) = row.linted()?
            && !reading.guarded
        {
            return Ok(linted);
        }
        job.progress(0.0, "looking for leaks").await;
        let linter = Linter::new(reading);
        let linter = reading
            .rows(&ctx.db, WHOLE, &[], stop.clone(), linter)
            .await
            .map_err(failed)?;
        let report = linter.report();
        for finding in &report.findings {
            job.log(format!("{}: {}", finding.code.as_str(), finding.text))
                .await;
        }
        let blocking = self.lint.blocking(&report.findings);
        if !blocking.is_empty() {
            return Err(abort(refusal(&blocking)));
        }
        if self.split
            && !report.columns.iter().any(|column| column.name == "split")
            && reading.guarded
        {
            return Err(abort("--split: the query has no column `split`".to_owned()));
        }
        let mut tx = ctx.db.begin().await?;
        let (columns, lint) = (json!(report.columns), json!(report.findings));
        let (rows, at_ms) = (report.rows as i64, ctx.clock.wall_ms());
        exports::linted(&mut tx, &job.id, &columns, &lint, rows, at_ms).await?;
        tx.commit().await?;
        Ok((report.columns, report.findings))
    }

    async fn end(
        &self,
        ctx: &Ctx,
        job: &Running,
        writing: &Writing<'_>,
        lint: &[Finding],
    ) -> Result<Done, JobError> {
        let files = exports::files(&ctx.db, &job.id).await?;
        let made = card::Made {
            job: &job.id,
            reading: writing.reading,
            shape: &writing.shape,
            columns: writing.columns,
            files: &files,
            lint,
            code_version: CODE_VERSION,
        };
        card::write(&writing.folder, &made)?;
        let path = |name: &str| writing.folder.join(name).display().to_string();
        let listed = files.iter().map(|file| {
            json!({"path": path(&file.path), "rows": file.rows, "bytes": file.bytes, "sha256": file.sha256})
        });
        let dataset = writing
            .reading
            .dataset
            .as_ref()
            .map(|_| &writing.reading.source);
        let done = json!({
            "job": job.id, "dataset": dataset, "kind": self.kind, "format": self.format,
            "rows": files.iter().map(|file| file.rows).sum::<i64>(),
            "files": listed.collect::<Vec<Value>>(),
            "manifest": path(card::MANIFEST), "card": path(card::CARD), "lint": lint,
        });
        let mut tx = ctx.db.begin().await?;
        exports::end(&mut tx, &job.id, "done", None, ctx.clock.wall_ms()).await?;
        job.finish(&mut tx, &done).await?;
        tx.commit().await?;
        Ok(done)
    }
}

fn abort(text: String) -> JobError {
    JobError::Abort(anyhow::anyhow!(text))
}

fn known(row: Option<ExportRow>, job: &str) -> Result<ExportRow, JobError> {
    row.ok_or_else(|| abort(format!("the export of job {job} is gone")))
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

/// Findings by name, and how to let them pass.
fn refusal(blocking: &[&Finding]) -> String {
    let found: Vec<String> = blocking
        .iter()
        .map(|finding| format!("{} ({})", finding.text, finding.code.as_str()))
        .collect();
    let code = blocking[0].code.as_str();
    let found = found.join("; ");
    format!(
        "the linter found what should not be learned from: {found}; `--allow {code}` exports it all the same"
    )
}

/// A database that went away is worth another attempt; a statement that does not run is not.
pub(super) fn failed(error: ScanError) -> JobError {
    match error {
        ScanError::Stopped => JobError::Cancelled,
        ScanError::Read(crate::db::reader::ReadError::Unavailable(_)) => {
            JobError::Retry(error.into())
        }
        error => JobError::Abort(error.into()),
    }
}
