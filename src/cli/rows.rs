//! Commands that list rows of a view: decisions, positions, schedules.

use super::output::table;
use super::session::Session;
use crate::db::reader::{Limits, Reader, Rows};
use clap::Args;
use serde_json::Value;

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
