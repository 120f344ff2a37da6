//! The job being run, as its handler sees it, and the strings by which the worker holds it.

use super::{Done, JobError};
use crate::clock::Clock;
use crate::config::ExchangeKind;
use crate::ctx::Ctx;
use crate::db::Tx;
use crate::db::jobs_turn::{self, Ack, Claimed, Fence, Note};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// Handed to every handler: who the job is, and how to report, to stop and to finish.
#[derive(Clone, Debug)]
pub struct Running {
    pub id: String,
    pub desk: String,
    pub kind: &'static str,
    /// 1 for the first attempt.
    pub attempt: i64,
    pub max_attempts: i64,
    /// Desk time of the schedule slot that made the job, milliseconds.
    pub slot_ms: Option<i64>,
    pub parent: Option<String>,
    owner: Arc<str>,
    clock: Clock,
    started_ms: i64,
    control: Arc<Control>,
}

impl Running {
    pub(crate) fn new(
        claimed: &Claimed,
        desk: &str,
        kind: &'static str,
        owner: Arc<str>,
        clock: Clock,
        control: Arc<Control>,
    ) -> Self {
        Self {
            id: claimed.id.clone(),
            desk: desk.to_owned(),
            kind,
            attempt: claimed.attempt,
            max_attempts: claimed.max_attempts,
            slot_ms: claimed.slot_ms,
            parent: claimed.parent.clone(),
            owner,
            started_ms: clock.wall_ms(),
            clock,
            control,
        }
    }

    /// The instant of the market that the job is about: its slot, or the present. By a second attempt the
    /// slot may be further back than an exchange looks that is not the built-in one: it shows its present.
    pub(super) fn market_ms(&self, ctx: &Ctx) -> i64 {
        let looks_back = ctx.config.exchange.kind == ExchangeKind::Sim || self.attempt == 1;
        let slot_ms = self.slot_ms.filter(|_| looks_back);
        slot_ms.unwrap_or_else(|| ctx.clock.now_ms())
    }

    /// Reports how far the job is, 0 to 1, and what it is at. Written within a quarter of a second,
    /// outside of any transaction of the handler. A checkpoint: other tasks may run.
    pub async fn progress(&self, fraction: f64, note: impl Into<String>) {
        self.show_progress(fraction, note);
        tokio::task::yield_now().await;
    }

    /// As [`Self::progress`] where nothing can be waited for.
    pub(super) fn show_progress(&self, fraction: f64, note: impl Into<String>) {
        self.control.notes().progress = Some((fraction.clamp(0.0, 1.0), note.into()));
    }

    /// Appends a line to the job's events. Written within a quarter of a second.
    pub async fn log(&self, text: impl Into<String>) {
        let at_ms = self.clock.wall_ms();
        self.control.notes().log(at_ms, text.into());
        tokio::task::yield_now().await;
    }

    /// True once somebody asked the job to stop; also in threads of `spawn_blocking`.
    pub fn cancelled(&self) -> bool {
        self.control.token.is_cancelled()
    }

    /// Fails once somebody asked the job to stop: `job.check()?` at every checkpoint.
    pub fn check(&self) -> Result<(), JobError> {
        if self.cancelled() {
            return Err(JobError::Cancelled);
        }
        Ok(())
    }

    /// Resolves when somebody asks the job to stop.
    pub fn token(&self) -> CancellationToken {
        self.control.token.clone()
    }

    /// Acknowledges the job inside the handler's own transaction: effects and acknowledgement commit
    /// together. Fails when the job belongs to another attempt by now; the transaction must then be dropped.
    pub async fn finish(&self, tx: &mut Tx, done: &Done) -> Result<(), JobError> {
        let ack = Ack::succeeded(self.fence(), self.clock.wall_ms(), done)
            .started(self.started_ms)
            .with(self.control.notes().take());
        if !jobs_turn::ack(tx, &ack).await? {
            return Err(JobError::Retry(anyhow::anyhow!(
                "the lease of job {} was lost; another worker has it",
                self.id
            )));
        }
        self.control.finished.store(true, Ordering::Release);
        Ok(())
    }

    pub(crate) fn fence(&self) -> Fence {
        Fence {
            id: self.id.clone(),
            attempt: self.attempt,
            owner: self.owner.to_string(),
        }
    }

    pub(crate) fn started_ms(&self) -> i64 {
        self.started_ms
    }

    pub(crate) fn control(&self) -> &Arc<Control> {
        &self.control
    }
}

/// What the worker and the handler share about one attempt.
#[derive(Debug, Default)]
pub(crate) struct Control {
    pub(crate) token: CancellationToken,
    stop: AtomicU8,
    finished: AtomicBool,
    notes: Mutex<Notes>,
}

/// Why an attempt is being stopped from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A person cancelled the job.
    Cancelled,
    /// The lease is another worker's: no word of this attempt counts any more.
    Lost,
    /// The process is ending; the job goes back to the queue.
    Shutdown,
    /// A person paused the job; it waits until it is resumed.
    Paused,
}

impl Control {
    /// Asks the attempt to stop; the first reason stays.
    pub(crate) fn stop(&self, why: Stop) {
        let code = why as u8 + 1;
        let _ = self
            .stop
            .compare_exchange(0, code, Ordering::AcqRel, Ordering::Acquire);
        self.token.cancel();
    }

    pub(crate) fn stopped(&self) -> Option<Stop> {
        match self.stop.load(Ordering::Acquire) {
            1 => Some(Stop::Cancelled),
            2 => Some(Stop::Lost),
            3 => Some(Stop::Shutdown),
            4 => Some(Stop::Paused),
            _ => None,
        }
    }

    /// True when the handler acknowledged the job in its own transaction.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }

    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Progress and log lines that wait to be written.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    progress: Option<(f64, String)>,
    lines: Vec<Note>,
    written: i64,
}

/// Log lines kept per attempt.
const LINES_MAX: i64 = 10_000;

impl Notes {
    fn log(&mut self, at_ms: i64, text: String) {
        self.written += 1;
        let text = match self.written.cmp(&LINES_MAX) {
            std::cmp::Ordering::Less => text,
            std::cmp::Ordering::Equal => "further lines of this attempt are not kept".to_owned(),
            std::cmp::Ordering::Greater => return,
        };
        self.lines.push(Note {
            n: self.written,
            at_ms,
            text,
        });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.progress.is_none() && self.lines.is_empty()
    }

    /// Hands over what waits to be written.
    pub(crate) fn take(&mut self) -> (Option<(f64, String)>, Vec<Note>) {
        (self.progress.take(), std::mem::take(&mut self.lines))
    }
}
