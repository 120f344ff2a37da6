//! Queues: what waits, what runs, how many at once, and how fast it went in the last minutes.

use crate::clock::id_floor;
use crate::db::jobs;
use crate::db::pages::queue::{self, MinuteRow};
use crate::jobs::registry;
use crate::web::Site;
use crate::web::error::PageError;
use serde_json::{Value, json};
use std::fmt::Write as _;

pub(super) const COLUMNS: &[&str] = &[
    "queue",
    "paused",
    "waiting",
    "running",
    "concurrency",
    "per_minute",
    "failed",
    "took_ms",
    "waited_ms",
];

/// Minutes looked back at.
const MINUTES: i64 = 15;
const MINUTE_MS: i64 = 60_000;

pub(super) async fn rows(site: &Site) -> Result<Vec<Value>, PageError> {
    let ctx = &site.ctx;
    let now_ms = ctx.clock.wall_ms();
    let speed = ctx.clock.speed();
    // Ids carry desk time. Twice the span, because a job may have waited before it ran.
    let span_ms = (2.0 * speed * (MINUTES * MINUTE_MS) as f64) as i64;
    let oldest = id_floor(ctx.clock.now_ms() - span_ms);
    let since_ms = now_ms - MINUTES * MINUTE_MS;
    let minutes = queue::minutes(&ctx.db, &ctx.desk, &oldest, since_ms).await?;
    let queues = jobs::queues(&ctx.db).await?;
    Ok(queues
        .iter()
        .map(|row| value(site, row, &minutes, now_ms))
        .collect())
}

fn value(site: &Site, row: &jobs::QueueRow, minutes: &[MinuteRow], now_ms: i64) -> Value {
    let own: Vec<&MinuteRow> = minutes
        .iter()
        .filter(|minute| minute.queue == row.queue)
        .collect();
    let jobs: i64 = own.iter().map(|minute| minute.jobs).sum();
    let mean = |of: fn(&MinuteRow) -> i64| {
        let sum: i64 = own.iter().map(|minute| of(minute)).sum();
        (jobs > 0).then(|| sum / jobs)
    };
    json!({
        "queue": row.queue, "paused": row.paused, "waiting": row.waiting, "running": row.running,
        "concurrency": concurrency(site, &row.queue), "per_minute": jobs as f64 / MINUTES as f64,
        "failed": own.iter().map(|minute| minute.failed).sum::<i64>(),
        "took_ms": mean(|minute| minute.took_ms), "waited_ms": mean(|minute| minute.waited_ms),
        "spark": spark(&own, now_ms / MINUTE_MS),
    })
}

/// Jobs of the queue that one process runs at once, by the settings of its kinds.
fn concurrency(site: &Site, queue: &str) -> Option<usize> {
    let kinds = registry::all();
    let settings = kinds.kinds().map(|kind| kind.settings(&site.ctx.config));
    // A serial kind has a queue per subject, `trade:BTC`, and runs one job of each at once.
    let subject = |settings: &registry::Settings| {
        let name = queue.strip_prefix(settings.queue.as_str());
        settings.serial && name.is_some_and(|rest| rest.starts_with(':'))
    };
    let own: Vec<usize> = settings
        .filter_map(|settings| match settings {
            settings if settings.queue == queue => Some(settings.concurrency),
            settings if subject(&settings) => Some(1),
            _ => None,
        })
        .collect();
    (!own.is_empty()).then(|| own.iter().sum())
}

const BAR: i64 = 6;
const HEIGHT: f64 = 20.0;

/// One bar a minute, the present one last.
fn spark(own: &[&MinuteRow], this_minute: i64) -> String {
    let most = own
        .iter()
        .map(|minute| minute.jobs)
        .max()
        .unwrap_or(1)
        .max(1);
    let (width, first) = (BAR * MINUTES, this_minute - MINUTES + 1);
    let mut text = format!(
        "<svg class=\"spark\" viewBox=\"0 0 {width} {HEIGHT}\" width=\"{width}\" height=\"{HEIGHT}\" role=\"img\" \
         aria-label=\"jobs a minute, at most {most}\"><title>jobs a minute, at most {most}</title>"
    );
    for minute in own.iter().filter(|minute| minute.minute >= first) {
        let tall = (minute.jobs as f64 / most as f64 * HEIGHT).max(1.0);
        let _ = write!(
            text,
            "<rect x=\"{}\" y=\"{:.1}\" width=\"{}\" height=\"{tall:.1}\"/>",
            (minute.minute - first) * BAR,
            HEIGHT - tall,
            BAR - 1
        );
    }
    text + "</svg>"
}
