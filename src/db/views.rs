//! The views people query: one definition each in sql/views, expanded for the engine and made by `Db::migrate`.
//!
//! A comment beside a column says what it means; `[unit]` before that where the words do not tell the unit.
//! A definition writes `iso(ms)` for an ISO 8601 time and `e8(integer)` for a scaled decimal.

mod units;

use crate::clock::Clock;
use crate::db::engine::{Db, Tx};
use sha2::{Digest, Sha256};
use sqlx::AssertSqlSafe;

macro_rules! views {
    ($($name:literal),* $(,)?) => {
        /// (name, definition) in the order a reader meets them.
        const SOURCES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../sql/views/", $name, ".sql")))),*];
    };
}

views![
    "v_decisions",
    "v_candidates",
    "v_risk_lines",
    "v_orders",
    "v_fills",
    "v_settlements",
    "v_positions",
    "v_equity",
    "v_deposits",
    "v_desks",
    "v_reconciliations",
    "v_jobs",
    "v_job_events",
    "v_schedules",
    "v_workers",
    "v_chains",
    "v_coverage",
    "v_delivery_prices",
    "v_backtests",
    "v_backtest_equity",
    "v_backtest_decisions",
    "v_backtest_chains",
    "v_backtest_legs",
    "v_sweeps",
    "v_sweep_runs",
    "v_drift",
    "v_datasets",
    "v_training",
    "v_training_candidates",
    "v_evaluations",
    "v_chat",
    "v_chat_tools",
    "v_insights",
    "v_llm_calls",
    "v_council",
    "v_exports",
];

/// One view as its definition describes it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct View {
    pub name: &'static str,
    pub about: &'static str,
    pub columns: Vec<Column>,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Column {
    pub name: &'static str,
    /// What a value counts in, or what kind of value it is.
    pub unit: &'static str,
    pub meaning: &'static str,
}

/// Every view with its columns: the schema panel, `thetaq sql VIEW` and the README read this.
pub fn all() -> Vec<View> {
    let view = |(name, source): &(&'static str, &'static str)| {
        let mut lines = source.lines();
        let about = lines.next().unwrap_or_default();
        View {
            name,
            about: about.trim_start_matches("-- "),
            columns: lines
                .take_while(|line| !line.starts_with("from "))
                .filter_map(column)
                .collect(),
        }
    };
    SOURCES.iter().map(view).collect()
}

/// `  d.id as id,   -- meaning` to its name and meaning.
fn column(line: &'static str) -> Option<Column> {
    let (expression, meaning) = line.split_once(" -- ")?;
    let name = expression.trim().trim_end_matches(',').rsplit(' ').next()?;
    let meaning = meaning.trim();
    let (unit, meaning) = match meaning
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
    {
        Some(written) => written,
        None => (units::unit(expression.trim(), name, meaning), meaning),
    };
    Some(Column {
        name,
        unit,
        meaning,
    })
}

/// Every view as a folded table of Markdown, as the README has it.
pub fn markdown() -> String {
    let section = |view: &View| {
        let row = |column: &Column| {
            let meaning = column.meaning.replace('|', "\\|");
            format!("| `{}` | {} | {meaning} |\n", column.name, column.unit)
        };
        let rows: String = view.columns.iter().map(row).collect();
        let (name, about) = (view.name, view.about.trim_end_matches('.'));
        format!(
            "<details><summary><code>{name}</code>: {about}</summary>\n\n\
             | column | unit | meaning |\n|---|---|---|\n{rows}\n</details>\n"
        )
    };
    all().iter().map(section).collect::<Vec<_>>().join("\n")
}

/// Makes the views when they differ from this binary's; safe to repeat and to race.
pub(super) async fn create(db: &Db) -> sqlx::Result<()> {
    let digest = digest();
    if stored_digest(db).await?.as_deref() == Some(digest.as_slice()) {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    lock(&mut tx).await?;
    for (name, source) in SOURCES {
        let body = expand(source, db.is_postgres());
        execute(&mut tx, format!("drop view if exists {name}")).await?;
        execute(&mut tx, format!("create view {name} as\n{body}")).await?;
    }
    on!(tx, conn => sqlx::query(
        "insert into keys (name, value, created_ms) values ('views', $1, $2) \
         on conflict (name) do update set value = excluded.value",
    )
    .bind(&digest).bind(Clock::real().wall_ms()).execute(&mut *conn).await.map(|_| ()))?;
    tx.commit().await
}

/// One process at a time changes views and roles of a Postgres database; SQLite has one writer anyway.
pub(super) async fn lock(tx: &mut Tx) -> sqlx::Result<()> {
    if tx.is_postgres() {
        execute(tx, "select pg_advisory_xact_lock(7467461)".to_owned()).await?;
    }
    Ok(())
}

pub(super) async fn execute(tx: &mut Tx, sql: String) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(AssertSqlSafe(sql)).execute(&mut *conn).await.map(|_| ()))
}

async fn stored_digest(db: &Db) -> sqlx::Result<Option<Vec<u8>>> {
    read!(db, pool => sqlx::query_scalar("select value from keys where name = 'views'")
        .fetch_optional(pool).await)
}

fn digest() -> Vec<u8> {
    let mut hash = Sha256::new();
    for (name, source) in SOURCES {
        hash.update(name);
        hash.update(source);
    }
    hash.finalize().to_vec()
}

/// Replaces `iso(..)` and `e8(..)` by what the engine calls them.
fn expand(source: &str, postgres: bool) -> String {
    let iso = if postgres {
        [
            "to_char(to_timestamp((",
            ") / 1000.0) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')",
        ]
    } else {
        [
            "strftime('%Y-%m-%dT%H:%M:%fZ', (",
            ") / 1000.0, 'unixepoch')",
        ]
    };
    let scaled = ["(cast(", " as double precision) / 100000000.0)"];
    replace(&replace(source, "iso(", iso), "e8(", scaled)
}

/// Replaces each `call` with its balanced argument by `around[0] argument around[1]`.
fn replace(source: &str, call: &str, around: [&str; 2]) -> String {
    let mut done = String::new();
    let mut rest = source;
    while let Some(at) = rest.find(call) {
        let (before, after) = (&rest[..at], &rest[at + call.len()..]);
        let end = closing(after);
        done += before;
        if before.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            done += call;
            rest = after;
            continue;
        }
        done += around[0];
        done += &after[..end];
        done += around[1];
        rest = &after[end + 1..];
    }
    done + rest
}

/// Where the bracket that was open before `text` closes.
fn closing(text: &str) -> usize {
    let mut depth = 1;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    panic!("sql/views: a bracket is not closed near `{text}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_expand_around_balanced_arguments() {
        assert_eq!(
            expand("substr(iso(f(a)), 1, 10), e8(b)", false),
            "substr(strftime('%Y-%m-%dT%H:%M:%fZ', (f(a)) / 1000.0, 'unixepoch'), 1, 10), \
             (cast(b as double precision) / 100000000.0)"
        );
    }

    #[test]
    fn every_view_says_what_its_columns_mean() {
        for view in all() {
            assert!(!view.about.is_empty() && view.columns.len() > 3, "{view:?}");
        }
        assert_eq!(all()[0].columns[1].name, "decided_at");
    }
}
