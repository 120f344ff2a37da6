//! What the end of an attempt makes of its row: succeeded, another attempt later, or never again. Pure.

use super::registry::Settings;
use super::running::{Running, Stop};
use super::{Done, JobError};
use crate::clock::Random;
use crate::db::jobs_turn::Ack;
use crate::domain::math;

/// How an attempt ended.
#[derive(Debug)]
pub(crate) enum End {
    Returned(Result<Done, JobError>),
    /// The message of a panic.
    Panicked(String),
    TimedOut,
    /// Stopped from outside before it returned.
    Stopped,
    /// Found stale before it started.
    Stale,
}

/// Longest wait before a retry, milliseconds.
const BACKOFF_MAX_MS: i64 = 3_600_000;

/// The acknowledgement of an ended attempt; `None` when there is none to write: the handler wrote it
/// itself, or the job belongs to another worker. A handler that wrote it and failed may have lost the commit:
/// then it is written again, which a finished row ignores.
pub(crate) fn settle(running: &Running, end: End, settings: &Settings, now_ms: i64) -> Option<Ack> {
    let control = running.control();
    let stopped = control.stopped();
    let written = control.is_finished() && matches!(end, End::Returned(Ok(_)));
    if written || stopped == Some(Stop::Lost) {
        return None;
    }
    let ended = |state, error: String| Ack::ended(running.fence(), state, now_ms, Some(error));
    let retry = |error: String, wait_ms: i64| {
        if stopped == Some(Stop::Cancelled) {
            return ended("cancelled", error);
        }
        if running.attempt >= running.max_attempts {
            return ended("discarded", error);
        }
        ended("failed", error).again_at(now_ms + wait_ms)
    };
    let backoff_ms = backoff_ms(&running.id, running.attempt, settings.backoff_ms);
    let ack = match end {
        End::Returned(Ok(done)) => Ack::succeeded(running.fence(), now_ms, &done),
        End::Returned(Err(JobError::Retry(error))) => retry(format!("{error:#}"), backoff_ms),
        End::Returned(Err(JobError::RetryIn(wait, error))) => {
            retry(format!("{error:#}"), wait.as_millis() as i64)
        }
        End::Returned(Err(JobError::Abort(error))) => ended("discarded", format!("{error:#}")),
        End::Panicked(message) => retry(format!("panicked: {message}"), backoff_ms),
        End::TimedOut => retry(
            format!("timed out after {} ms", settings.timeout_ms),
            backoff_ms,
        ),
        End::Stale => ended("discarded", "stale: not started in time".to_owned()),
        End::Returned(Err(JobError::Cancelled)) | End::Stopped => match stopped {
            // The row knows whether it waits for a worker or for a person.
            Some(Stop::Shutdown | Stop::Paused) => Ack::released(running.fence(), now_ms),
            _ => Ack::ended(running.fence(), "cancelled", now_ms, None),
        },
    };
    Some(
        ack.started(running.started_ms())
            .with(control.notes().take()),
    )
}

/// `first * 2^(attempt - 1)` with a jitter of half to one and a half, a function of job and attempt alone.
fn backoff_ms(id: &str, attempt: i64, first_ms: i64) -> i64 {
    let doublings = (attempt - 1).clamp(0, 30) as f64;
    let jitter = 0.5 + Random::from_parts(&["backoff", id, &attempt.to_string()]).unit();
    let wait_ms = first_ms as f64 * math::pow(2.0, doublings) * jitter;
    (wait_ms as i64).min(BACKOFF_MAX_MS)
}

/// The message a panic carried.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_with_jitter_and_ends_at_an_hour() {
        for attempt in 1..=8 {
            let base = 1_000 << (attempt - 1);
            let waits: Vec<_> = (0..50)
                .map(|job| backoff_ms(&format!("job{job}"), attempt, 1_000))
                .collect();
            assert!(
                waits
                    .iter()
                    .all(|wait| (base / 2..=base * 3 / 2).contains(wait))
            );
            assert!(waits.iter().any(|wait| wait != &waits[0]), "no jitter");
        }
        assert_eq!(backoff_ms("job", 40, 1_000), BACKOFF_MAX_MS);
        assert_eq!(backoff_ms("job", 3, 1_000), backoff_ms("job", 3, 1_000));
    }
}
