//! `export`: rows into files, after the linter has looked at them; goes on where it was cut off.
//!
//! What is read is fixed when the job first runs. Files that are whole keep their place and their hash; the
//! one in work is written anew. A free query has no key to go on by: it is read again from its start, as one
//! state of the database, and gives the same bytes when its rows are the same.

mod order;
mod write;

use super::{Defaults, Done, Job, JobError, Running};
use crate::ctx::{CODE_VERSION, Ctx};
use crate::db::exports::{self, ExportRow, NewExport};
use crate::db::scan::{ScanError, StopFlag};
use crate::export::lint::{Finding, Linter};
use crate::export::reading::{Reading, SPLITS, WHOLE};
use crate::export::schema::Column;
use crate::export::{card, folder};
use serde_json::{Value, json};
use std::path::PathBuf;
use write::Writing;

pub use order::{Export, ROWS_PER_FILE, Source};

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
