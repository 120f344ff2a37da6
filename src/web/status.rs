//! The status line and the navigation that every page carries.

use super::error::PageError;
use super::{Site, assets};
use crate::db::pages::status;
use crate::domain::instrument::DAY_MS;
use serde_json::{Value, json};

/// A worker silent for longer counts as gone, milliseconds of wall time.
const ALIVE_MS: i64 = 15_000;

/// (path, letter after `g`, label); only pages that exist.
const PAGES: &[(&str, &str, &str)] = &[
    ("/", "l", "Live"),
    ("/lab", "b", "Lab"),
    ("/training", "r", "Training"),
    ("/council", "o", "Council"),
    ("/exports", "e", "Exports"),
    ("/quotes", "q", "Quotes"),
    ("/chat", "c", "Chat"),
    ("/jobs", "j", "Jobs"),
    ("/sql", "s", "SQL"),
];

/// What base.html, nav.html and status.html show, and the two clocks that times are relative to.
pub(super) async fn values(site: &Site, path: &str) -> Result<Value, PageError> {
    let (db, clock) = (&site.ctx.db, &site.ctx.clock);
    let (desk_now_ms, wall_now_ms) = (clock.now_ms(), clock.wall_ms());
    let desk = status::desk(db, &site.ctx.desk).await?;
    let pulse = status::pulse(
        db,
        &site.ctx.desk,
        wall_now_ms - ALIVE_MS,
        desk_now_ms - DAY_MS,
    )
    .await?;
    let next = status::next_slot(db).await?;
    let mark = status::change_mark(db, &site.ctx.desk).await?;
    let nav: Vec<Value> = PAGES
        .iter()
        .map(|(address, letter, label)| {
            let current = *address == path || (*address != "/" && path.starts_with(address));
            let badge = if *address == "/jobs" { pulse.queued + pulse.running + pulse.retrying } else { 0 };
            json!({
                "address": address, "letter": letter, "label": label, "current": current, "badge": badge,
                "alarm": *address == "/jobs" && pulse.workers == 0,
            })
        })
        .collect();
    let speed = desk.as_ref().and_then(|desk| desk.speed).unwrap_or(1.0);
    Ok(json!({
        "nav": nav, "desk": desk, "pulse": pulse, "next": next, "mark": mark, "path": path, "speed": speed,
        "desk_now_ms": desk_now_ms, "wall_now_ms": wall_now_ms,
        "version": env!("CARGO_PKG_VERSION"), "assets": assets::version(), "engine": db.engine(),
    }))
}
