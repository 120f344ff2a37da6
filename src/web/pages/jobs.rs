//! The queue: states, jobs, queues, workers, schedules.

use super::query::Query;
use crate::db::{jobs, schedules, workers};
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::table::Table;
use crate::web::view::View;
use serde_json::{Value, json};

const LIMIT: i64 = 60;
/// A worker silent for longer counts as gone, milliseconds of wall time.
const ALIVE_MS: i64 = 15_000;

pub(super) async fn view(site: &Site, query: &Query) -> Result<View, PageError> {
    let (db, desk) = (&site.ctx.db, site.ctx.desk.as_str());
    let text = query.get("q").unwrap_or_default();
    let filter = jobs::Filter {
        before: query.owned("before"),
        limit: LIMIT,
        ..filter(text, desk)
    };
    let rows = jobs::list(db, &filter).await?;
    let older = rows.last().filter(|_| rows.len() as i64 == LIMIT);
    let older = older.map(|last| query.with("/jobs", &[("before", &last.id), ("notice", "")]));
    let schedules = schedules::list(db).await?;
    let now_ms = site.ctx.clock.wall_ms();
    let workers: Vec<Value> = workers::list(db)
        .await?
        .iter()
        .map(|row| {
            let mut value = serde_json::to_value(row).unwrap_or_default();
            value["alive"] =
                json!(row.stopped_ms.is_none() && now_ms - row.heartbeat_ms < ALIVE_MS);
            value
        })
        .collect();
    Ok(View {
        title: "Jobs".to_owned(),
        name: "jobs",
        fragments: &["counts", "list", "queues", "schedules", "workers"],
        values: json!({
            "q": text, "counts": counts(&jobs::counts(db, desk).await?), "jobs": rows, "older": older,
            "queues": jobs::queues(db).await?, "workers": workers,
            "schedules": schedules.iter().map(schedule).collect::<Vec<_>>(),
        }),
        tables: vec![
            Table::of("jobs", JOB_COLUMNS, &rows),
            Table::of("schedules", SCHEDULE_COLUMNS, &schedules),
        ],
    })
}

const JOB_COLUMNS: &[&str] = &[
    "id",
    "kind",
    "queue",
    "state",
    "priority",
    "attempt",
    "max_attempts",
    "progress",
    "progress_note",
    "error",
    "args",
    "result",
    "parent",
    "unique_key",
    "run_at_ms",
    "created_ms",
    "started_ms",
    "finished_ms",
];
const SCHEDULE_COLUMNS: &[&str] = &[
    "name",
    "kind",
    "cron",
    "missed",
    "paused",
    "next_slot_ms",
    "last_slot_ms",
    "last_job",
];

/// `kind:tick state:failed queue:import words`: named filters, and the rest searched for.
fn filter(text: &str, desk: &str) -> jobs::Filter {
    let mut filter = jobs::Filter {
        desk: Some(desk.to_owned()),
        ..jobs::Filter::default()
    };
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        match word.split_once(':') {
            Some(("kind", kind)) => filter.kind = Some(kind.to_owned()),
            Some(("state", state)) => filter.state = Some(state.to_owned()),
            Some(("queue", queue)) => filter.queue = Some(queue.to_owned()),
            Some(("parent", parent)) => filter.parent = Some(parent.to_owned()),
            Some(("desk", desk)) => filter.desk = Some(desk.to_owned()),
            _ => words.push(word),
        }
    }
    filter.search = (!words.is_empty()).then(|| words.join(" "));
    filter
}

/// How many jobs are in each state, every state named.
fn counts(rows: &[jobs::Count]) -> Vec<Value> {
    jobs::STATES
        .iter()
        .map(|state| {
            let total: i64 = rows
                .iter()
                .filter(|row| row.state == *state)
                .map(|row| row.jobs)
                .sum();
            json!({"state": state, "jobs": total})
        })
        .collect()
}

fn schedule(row: &schedules::ScheduleRow) -> Value {
    let mut value = serde_json::to_value(row).unwrap_or_default();
    value["words"] = json!(words(&row.cron));
    value
}

/// The usual cron expressions in plain words; others stand as they are.
fn words(cron: &str) -> String {
    let fields: Vec<&str> = cron.split_whitespace().collect();
    let [second, minute, hour, "*", "*", "*"] = fields[..] else {
        return cron.to_owned();
    };
    let every = |field: &str| {
        field
            .strip_prefix("*/")
            .or_else(|| field.strip_prefix("0/"))
            .map(str::to_owned)
    };
    match (second, minute, hour) {
        ("0", "*", "*") => "every minute".to_owned(),
        ("0", minute, "*") if every(minute).is_some() => {
            format!("every {} minutes", every(minute).unwrap_or_default())
        }
        ("0", "0", "*") => "every hour, on the hour".to_owned(),
        ("0", "0", hour) if every(hour).is_some() => {
            format!("every {} hours", every(hour).unwrap_or_default())
        }
        (_, minute, "*") if minute.parse::<u8>().is_ok() => {
            format!("every hour at minute {minute}")
        }
        (second, minute, hour) if hour.parse::<u8>().is_ok() && minute.parse::<u8>().is_ok() => {
            format!("every day at {hour:0>2}:{minute:0>2}:{second:0>2} UTC")
        }
        _ => cron.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_named_words() {
        let found = filter("kind:tick state:failed BTC", "live");
        assert_eq!(
            (found.kind.as_deref(), found.state.as_deref()),
            (Some("tick"), Some("failed"))
        );
        assert_eq!(
            (found.search.as_deref(), found.desk.as_deref()),
            (Some("BTC"), Some("live"))
        );
    }

    #[test]
    fn schedules_read_as_words() {
        let check = |cron: &str, expect: &str| assert_eq!(words(cron), expect);
        check("0 */5 * * * *", "every 5 minutes");
        check("0 0 * * * *", "every hour, on the hour");
        check("5 0 8 * * *", "every day at 08:00:05 UTC");
        check("0 0 8 * * Fri", "0 0 8 * * Fri");
    }
}
