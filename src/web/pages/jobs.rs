//! The queue: states, jobs, queues, workers, schedules.

use super::job::shown;
use super::query::Query;
use super::queues;
use crate::db::{jobs, schedules, workers};
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::table::Table;
use crate::web::view::View;
use serde_json::{Value, json};

const LIMIT: i64 = 50;
/// A worker silent for longer counts as gone, milliseconds of wall time.
const ALIVE_MS: i64 = 15_000;

pub(super) async fn view(site: &Site, query: &Query) -> Result<View, PageError> {
    let (db, desk) = (&site.ctx.db, site.ctx.desk.as_str());
    let text = query.get("q").unwrap_or_default();
    let filter = jobs::Filter {
        before: query.get("before").and_then(jobs::Place::parse),
        limit: LIMIT,
        ..filter(text, desk)
    };
    let rows = jobs::list(db, &filter).await?;
    let older = rows.last().filter(|_| rows.len() as i64 == LIMIT);
    let older = older.map(|last| {
        let place = jobs::Place::of(last).to_string();
        query.with("/jobs", &[("before", &place), ("notice", "")])
    });
    let rows: Vec<Value> = rows.iter().map(shown).collect();
    let schedules: Vec<Value> = schedules::list(db).await?.iter().map(schedule).collect();
    let workers = workers(site).await?;
    let counts = jobs::counts(db, desk).await?;
    let queues = queues::rows(site).await?;
    Ok(View {
        title: "Jobs".to_owned(),
        name: "jobs",
        fragments: &["counts", "list", "queues", "schedules", "workers"],
        tables: vec![
            Table::of("jobs", JOB_COLUMNS, &rows),
            Table::of("schedules", SCHEDULE_COLUMNS, &schedules),
            Table::of("queues", queues::COLUMNS, &queues),
            Table::of("workers", WORKER_COLUMNS, &workers),
        ],
        values: json!({
            "q": text, "counts": states(&counts, text), "kinds": kinds(&counts, text), "jobs": rows, "older": older,
            "first": query.get("before").is_some().then(|| query.with("/jobs", &[("before", ""), ("notice", "")])),
            "queues": queues, "workers": workers, "schedules": schedules,
        }),
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
    "words",
    "missed",
    "paused",
    "next_slot_ms",
    "last_slot_ms",
    "last_job",
];
const WORKER_COLUMNS: &[&str] = &[
    "id",
    "alive",
    "host",
    "pid",
    "version",
    "kinds",
    "running",
    "done",
    "started_ms",
    "heartbeat_ms",
    "stopped_ms",
];

async fn workers(site: &Site) -> Result<Vec<Value>, PageError> {
    let now_ms = site.ctx.clock.wall_ms();
    let rows = workers::list(&site.ctx.db).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let alive = row.stopped_ms.is_none() && now_ms - row.heartbeat_ms < ALIVE_MS;
            let mut value = serde_json::to_value(row).unwrap_or_default();
            value["alive"] = json!(alive);
            value
        })
        .collect())
}

/// `kind:tick state:failed queue:import words`: named filters, and the rest searched for in ids, keys,
/// errors and arguments.
pub(in crate::web) fn filter(text: &str, desk: &str) -> jobs::Filter {
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

/// The search with one named filter set, changed, or taken out when it is already there.
fn toggled(text: &str, name: &str, value: &str) -> (String, bool) {
    let wanted = format!("{name}:{value}");
    let on = text.split_whitespace().any(|word| word == wanted);
    let named = format!("{name}:");
    let mut words: Vec<&str> = text
        .split_whitespace()
        .filter(|word| !word.starts_with(&named))
        .collect();
    if !on {
        words.push(&wanted);
    }
    (words.join(" "), on)
}

/// How many jobs are in each state, every state named, each a filter to turn on or off.
fn states(rows: &[jobs::Count], text: &str) -> Vec<Value> {
    jobs::STATES
        .iter()
        .map(|state| count(rows, text, "state", state, |row| row.state == *state))
        .collect()
}

/// The same per kind.
fn kinds(rows: &[jobs::Count], text: &str) -> Vec<Value> {
    let mut names: Vec<&str> = rows.iter().map(|row| row.kind.as_str()).collect();
    names.dedup();
    names
        .iter()
        .map(|kind| count(rows, text, "kind", kind, |row| row.kind == *kind))
        .collect()
}

fn count(
    rows: &[jobs::Count],
    text: &str,
    name: &str,
    value: &str,
    of: impl Fn(&jobs::Count) -> bool,
) -> Value {
    let total: i64 = rows.iter().filter(|row| of(row)).map(|row| row.jobs).sum();
    let (q, on) = toggled(text, name, value);
    json!({"name": value, "jobs": total, "address": Query::default().with("/jobs", &[("q", &q)]), "on": on})
}

fn schedule(row: &schedules::ScheduleRow) -> Value {
    let mut value = serde_json::to_value(row).unwrap_or_default();
    value["words"] = json!(words(&row.cron));
    value
}

/// The usual cron expressions in plain words; others stand as they are.
fn words(cron: &str) -> String {
    let fields: Vec<&str> = cron.split_whitespace().collect();
    let [second, minute, hour, "*", "*", day] = fields[..] else {
        return cron.to_owned();
    };
    let every = |field: &str| {
        let step = field
            .strip_prefix("*/")
            .or_else(|| field.strip_prefix("0/"));
        step.map(str::to_owned)
    };
    let number = |field: &str| field.parse::<u8>().is_ok();
    let days = match day {
        "*" => "every day".to_owned(),
        day if day.len() == 3 => format!("every {day}"),
        _ => return cron.to_owned(),
    };
    let text = match (second, minute, hour) {
        (second, "*", "*") if every(second).is_some() => {
            format!("every {} seconds", every(second).unwrap_or_default())
        }
        ("0", "*", "*") => "every minute".to_owned(),
        (_, minute, "*") if every(minute).is_some() => {
            format!(
                "every {} minutes{}",
                every(minute).unwrap_or_default(),
                past(second)
            )
        }
        ("0", "0", "*") => "every hour, on the hour".to_owned(),
        (second, "0", hour) if every(hour).is_some() => {
            format!(
                "every {} hours{}",
                every(hour).unwrap_or_default(),
                past(second)
            )
        }
        (second, minute, "*") if number(minute) => {
            format!("every hour at minute {minute}{}", past(second))
        }
        (second, minute, hours) if number(minute) && hours.split(',').all(number) => {
            let times: Vec<String> = hours
                .split(',')
                .map(|hour| format!("{hour:0>2}:{minute:0>2}:{second:0>2}"))
                .collect();
            return format!("{days} at {} UTC", times.join(" and "));
        }
        _ => return cron.to_owned(),
    };
    if day == "*" { text } else { cron.to_owned() }
}

/// `, 5 s past` for slots that do not start with their minute.
fn past(second: &str) -> String {
    if second == "0" {
        String::new()
    } else {
        format!(", {second} s past")
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
    fn a_filter_is_turned_on_changed_and_off() {
        let check =
            |text: &str, expect: &str| assert_eq!(toggled(text, "state", "failed").0, expect);
        check("kind:tick", "kind:tick state:failed");
        check("state:running kind:tick", "kind:tick state:failed");
        check("state:failed BTC", "BTC");
    }

    #[test]
    fn schedules_read_as_words() {
        let check = |cron: &str, expect: &str| assert_eq!(words(cron), expect);
        check("0 */5 * * * *", "every 5 minutes");
        check("20 */30 * * * *", "every 30 minutes, 20 s past");
        check("0 0 * * * *", "every hour, on the hour");
        check("5 0 8 * * *", "every day at 08:00:05 UTC");
        check("0 0 8 * * Fri", "every Fri at 08:00:00 UTC");
        check("0 1 0,8 * * *", "every day at 00:01:00 and 08:01:00 UTC");
        check("0 0 8 1 * *", "0 0 8 1 * *");
    }
}
