//! The writing of one part: its files, one after another, each noted when it is whole.

use super::failed;
use crate::clock::Stopwatch;
use crate::ctx::Ctx;
use crate::db::exports::{self, ExportFile};
use crate::db::scan::{ScanError, StopFlag};
use crate::export::Shape;
use crate::export::reading::Reading;
use crate::export::schema::Column;
use crate::export::writer::{Count, Finished, Plan, Writer, digest};
use crate::jobs::{JobError, Running};
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What all parts share.
pub(super) struct Writing<'a> {
    pub(super) reading: &'a Reading,
    pub(super) shape: Shape,
    pub(super) columns: &'a [Column],
    pub(super) folder: PathBuf,
    /// Rows the linter saw.
    pub(super) expected: u64,
    pub(super) stop: &'a StopFlag,
}

const REPORT_EVERY: Duration = Duration::from_millis(250);

impl Writing<'_> {
    /// Writes what is not there yet of a part.
    pub(super) async fn part(&self, ctx: &Ctx, job: &Running, part: &str) -> Result<(), JobError> {
        job.check()?;
        let (first, after) = self.resume(ctx, job, part).await?;
        let (plan, count) = (self.plan(part, first), Count::default());
        let before = self.rows_before(ctx, job, part, first).await?;
        let (finished, mut files) = unbounded_channel();
        let on_finished = Box::new(move |file| drop(finished.send(file)));
        let writer = Writer::new(plan, count.clone(), on_finished);
        let scan = self
            .reading
            .rows(&ctx.db, part, &after, self.stop.clone(), writer);
        let scan = async {
            let writer = scan.await.map_err(failed)?;
            let ended = tokio::task::spawn_blocking(move || writer.finish()).await?;
            ended.map_err(|error| failed(ScanError::Sink(error)))
        };
        let note = self.note(ctx, job, part, &mut files, (&count, before));
        // Files are noted until the writer is gone, and with it their channel.
        let note = async {
            let noted = note.await;
            if noted.is_err() {
                self.stop.raise();
            }
            noted
        };
        let (written, last) = tokio::join!(scan, note);
        let last = last?;
        written?;
        self.cut(ctx, job, part, last.unwrap_or(first as i64)).await
    }

    fn plan(&self, part: &str, first: u64) -> Plan {
        Plan {
            shape: self.shape,
            columns: self.columns.to_vec(),
            folder: self.folder.clone(),
            part: part.to_owned(),
            first,
            key: self.reading.key.len(),
            hidden: self.reading.hidden,
        }
    }

    /// Number of the first file to write, and the key behind which it begins. Files whose bytes are not
    /// those that were noted are written again, and all after them.
    async fn resume(
        &self,
        ctx: &Ctx,
        job: &Running,
        part: &str,
    ) -> Result<(u64, Vec<i64>), JobError> {
        let (mut first, mut after) = (0, Vec::new());
        if self.reading.key.is_empty() {
            self.say_again(ctx, job, part).await?;
            return Ok((first, after));
        }
        for file in exports::files(&ctx.db, &job.id).await? {
            if file.part != part {
                continue;
            }
            let path = self.folder.join(&file.path);
            let found = tokio::task::spawn_blocking(move || digest(&path)).await?;
            if file.n != first as i64 || !found.is_ok_and(|(sha256, _)| sha256 == file.sha256) {
                break;
            }
            first += 1;
            let key = file.last_key.as_deref().unwrap_or("[]");
            after = serde_json::from_str(key)?;
        }
        if first > 0 {
            job.log(format!("goes on after file {first} of {part}"))
                .await;
        }
        Ok((first, after))
    }

    /// Rows of a query have no number to go on by, and others may stand in their places by now.
    async fn say_again(&self, ctx: &Ctx, job: &Running, part: &str) -> Result<(), JobError> {
        let files = exports::files(&ctx.db, &job.id).await?;
        if files.iter().any(|file| file.part == part) {
            let note = "a query is read from its start again, as one state of the database; the files that were \
                whole are replaced";
            job.log(note).await;
            job.progress(0.0, note).await;
        }
        Ok(())
    }

    /// Rows that are in their place before this part goes on.
    async fn rows_before(
        &self,
        ctx: &Ctx,
        job: &Running,
        part: &str,
        first: u64,
    ) -> Result<u64, JobError> {
        let files = exports::files(&ctx.db, &job.id).await?;
        let kept = files
            .iter()
            .filter(|file| file.part != part || file.n < first as i64);
        Ok(kept.map(|file| file.rows as u64).sum())
    }

    /// Notes files as they are finished and tells how far it is; gives the number after the last file.
    async fn note(
        &self,
        ctx: &Ctx,
        job: &Running,
        part: &str,
        files: &mut UnboundedReceiver<Finished>,
        (count, before): (&Count, u64),
    ) -> Result<Option<i64>, JobError> {
        let watch = Stopwatch::start();
        let mut next = None;
        loop {
            let file = tokio::time::timeout(REPORT_EVERY, files.recv()).await;
            match file {
                Ok(None) => return Ok(next),
                Ok(Some(file)) => next = Some(self.noted(ctx, job, part, file).await? + 1),
                Err(_) => {}
            }
            let rows = before + count.get();
            let rate = count.get() as f64 / watch.elapsed().as_secs_f64().max(1e-3);
            let share = rows as f64 / self.expected.max(1) as f64;
            let note = format!("{part}: {rows} of {} rows, {rate:.0} rows/s", self.expected);
            job.progress(share, note).await;
        }
    }

    async fn noted(
        &self,
        ctx: &Ctx,
        job: &Running,
        part: &str,
        file: Finished,
    ) -> Result<i64, JobError> {
        let name = file.path.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let number = name.strip_prefix(part).and_then(|rest| rest.get(1..6));
        let n = number.and_then(|digits| digits.parse().ok()).unwrap_or(0);
        let row = ExportFile {
            n,
            part: part.to_owned(),
            path: name,
            rows: file.rows as i64,
            bytes: file.bytes as i64,
            sha256: file.sha256,
            last_key: file.last_key,
        };
        let mut tx = ctx.db.begin().await?;
        exports::file_done(&mut tx, &job.id, &row, ctx.clock.wall_ms()).await?;
        tx.commit().await?;
        Ok(n)
    }

    /// A query may have fewer rows than at an earlier attempt: files beyond its end are not part of it.
    async fn cut(&self, ctx: &Ctx, job: &Running, part: &str, end: i64) -> Result<(), JobError> {
        let files = exports::files(&ctx.db, &job.id).await?;
        let beyond = files
            .iter()
            .filter(|file| file.part == part && file.n >= end);
        for file in beyond {
            let path = self.folder.join(&file.path);
            if path.exists() {
                std::fs::remove_file(path)?;
            }
        }
        let mut tx = ctx.db.begin().await?;
        exports::forget_files(&mut tx, &job.id, part, end).await?;
        Ok(tx.commit().await?)
    }
}
