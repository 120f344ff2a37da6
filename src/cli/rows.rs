//! Commands that list rows of a view: decisions, positions, coverage, schedules.

use super::output::{print, table};
use super::session::Session;
use crate::db::reader::{Limits, Reader, Rows};
use clap::Args;
use serde_json::Value;
use std::fmt::Write as _;

/// Show the latest decisions: what was proposed, what risk made of it, and why
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq decisions --limit 5\n  thetaq decisions --underlying ETH --json\n  thetaq decisions --desk replay-thetaq"
)]
pub(super) struct Decisions {
    #[command(flatten)]
    pick: Pick,
    /// Newest first, at most so many
    #[arg(long, default_value_t = 20)]
    limit: u32,
}

/// Show what the desk holds, folded from fills and settlements
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq positions\n  thetaq positions --closed --underlying BTC"
)]
pub(super) struct Positions {
    #[command(flatten)]
    pick: Pick,
    /// Contracts that are no longer held, too
    #[arg(long)]
    closed: bool,
}

/// Show which market history is stored, by day and source
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  thetaq coverage\n  thetaq coverage --json")]
pub(super) struct Coverage {}

/// Show what runs by itself, and when next
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  thetaq schedules\n  thetaq schedules --json")]
pub(super) struct Schedules {}

#[derive(Debug, Args)]
struct Pick {
    /// The book: live, or the name of a replay
    #[arg(long, default_value = "live")]
    desk: String,
    /// BTC or ETH; both when absent
    #[arg(long)]
    underlying: Option<crate::domain::coin::Coin>,
}

impl Pick {
    fn parameters(&self) -> [Value; 2] {
        let coin = self.underlying.map(|coin| coin.as_str().into());
        [self.desk.clone().into(), coin.unwrap_or(Value::Null)]
    }
}

const PICKED: &str =
    "where desk = cast($1 as text) and (cast($2 as text) is null or underlying = cast($2 as text))";

impl Decisions {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let sql = format!(
            "select * from v_decisions {PICKED} order by decided_at desc, underlying limit {}",
            self.limit
        );
        let rows = query(session, &sql, &self.pick.parameters()).await?;
        show(
            session,
            &rows,
            &[
                "decided_at",
                "underlying",
                "final_action",
                "instrument",
                "size",
                "risk_verdict",
                "reason",
            ],
            "No decisions yet: `thetaq tick` makes one, `thetaq` opens the desk.",
        )
    }
}

impl Positions {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let open = if self.closed { "" } else { "and size <> 0" };
        let sql =
            format!("select * from v_positions {PICKED} {open} order by opened_at, instrument");
        let rows = query(session, &sql, &self.pick.parameters()).await?;
        show(
            session,
            &rows,
            &[
                "instrument",
                "side",
                "size",
                "opened_at",
                "premium",
                "fees",
                "settlement",
                "cash",
            ],
            "Nothing is held.",
        )
    }
}

impl Coverage {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let order = "order by kind, source, underlying, day";
        let days = query(session, &format!("select * from v_coverage {order}"), &[]).await?;
        if session.output.json {
            return show(session, &days, &[], "");
        }
        let sql = "select kind, source, underlying, min(day) as first_day, max(day) as last_day, count(*) as days, \
             sum(snapshots) as rows, sum(quotes) as quotes from v_coverage \
             group by kind, source, underlying order by kind, source, underlying";
        let sources = query(session, sql, &[]).await?;
        let columns: Vec<&str> = sources.columns.iter().map(String::as_str).collect();
        let empty = "No market history yet: `thetaq import PATH` loads some.";
        show(session, &sources, &columns, empty)?;
        print(&gaps(&days))
    }
}

impl Schedules {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let rows = query(session, "select * from v_schedules order by name", &[]).await?;
        let columns = [
            "name", "kind", "cron", "missed", "paused", "next_at", "last_at",
        ];
        let empty = "No schedules yet: they are written when workers start (`thetaq work`).";
        show(session, &rows, &columns, empty)
    }
}

/// Runs one of our own queries without a row limit that a person would meet.
pub(super) async fn query(
    session: &Session,
    sql: &str,
    parameters: &[Value],
) -> anyhow::Result<Rows> {
    let db = session.db().await?;
    let limits = Limits {
        rows: 1_000_000,
        bytes: 1 << 30,
        ..Limits::default()
    };
    Ok(Reader::new(&db).query(sql, parameters, limits).await?)
}

/// An array of row objects for programs; the named columns for people.
pub(super) fn show(
    session: &Session,
    rows: &Rows,
    columns: &[&str],
    empty: &str,
) -> anyhow::Result<()> {
    session.output.result(&rows.objects(), || {
        if rows.rows.is_empty() {
            return empty.to_owned();
        }
        let places: Vec<usize> = columns
            .iter()
            .filter_map(|name| rows.columns.iter().position(|column| column == name))
            .collect();
        let picked: Vec<Vec<Value>> = rows
            .rows
            .iter()
            .map(|row| places.iter().map(|at| row[*at].clone()).collect())
            .collect();
        table(columns, &picked)
    })
}

/// Days without anything between the first and the last day of a source, as ranges.
fn gaps(days: &Rows) -> String {
    let mut text = String::new();
    for pair in days.rows.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        if before[..3] != after[..3] {
            continue;
        }
        let missing = day(&after[3])
            .zip(day(&before[3]))
            .map_or(0, |(to, from)| (to - from).num_days() - 1);
        if missing > 0 {
            let name: Vec<_> = before[..3].iter().filter_map(Value::as_str).collect();
            let (name, last) = (name.join(" "), before[3].as_str().unwrap_or_default());
            writeln!(
                text,
                "gap: {name} has nothing for {missing} days after {last}"
            )
            .expect("writing to a string cannot fail");
        }
    }
    text.trim_end().to_owned()
}

fn day(value: &Value) -> Option<chrono::NaiveDate> {
    value.as_str()?.parse().ok()
}
