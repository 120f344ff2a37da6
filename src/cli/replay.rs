//! `thetaq replay` and `thetaq replay-market`: a stored decision again, or recorded months at full speed.

use super::Usage;
use super::follow::live;
use super::output::{fields, table};
use super::progress::Bar;
use super::quotes::time_ms;
use super::session::Session;
use crate::ctx::{LIVE, Purpose};
use crate::domain::coin::Coin;
use crate::replay::{ReplayMarket, replay_decision, replay_market};
use clap::Args;
use serde_json::Value;

/// Make a stored decision again and print `identical`, or what differs
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  thetaq replay 01KDZ...\n  thetaq replay 01KDZ... --json")]
pub(super) struct Replay {
    /// Id of the decision
    decision: String,
}

/// Run the desk over imported chains on a simulated clock, as fast as it goes
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq replay-market --from 2026-01-02 --to 2026-05-29\n  thetaq replay-market --from 2026-01-02 --to 2026-01-31 --seed 7 --json"
)]
pub(super) struct Market {
    /// First day, or ISO 8601 time, UTC
    #[arg(long)]
    from: String,
    /// Last day (all of it), or ISO 8601 time, UTC
    #[arg(long)]
    to: String,
    /// Seed of exploration and ids; that of workers.toml when absent
    #[arg(long)]
    seed: Option<String>,
    /// Name of the book; its former rows are replaced
    #[arg(long)]
    desk: Option<String>,
    /// BTC or ETH; every underlying of the desk when absent
    #[arg(long)]
    underlying: Vec<Coin>,
}

impl Replay {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let ctx = live(session, Purpose::Watch).await?;
        let replay = replay_decision(&ctx, &self.decision).await?;
        session.output.result(&replay, || {
            if replay.identical {
                return "identical".to_owned();
            }
            let rows: Vec<Vec<Value>> = replay
                .differences
                .iter()
                .map(|found| {
                    vec![
                        found.field.as_str().into(),
                        found.stored.clone(),
                        found.now.clone(),
                    ]
                })
                .collect();
            table(&["field", "stored", "now"], &rows)
        })
    }
}

const LAST_MS_OF_DAY: i64 = 86_399_999;

impl Market {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let whole_day = if self.to.len() == 10 {
            LAST_MS_OF_DAY
        } else {
            0
        };
        let wanted = ReplayMarket {
            from_ms: time_ms("--from", &self.from)?,
            to_ms: time_ms("--to", &self.to)? + whole_day,
            seed: self.seed,
            desk: self.desk,
            underlyings: self.underlying,
        };
        if wanted.from_ms > wanted.to_ms {
            return Err(Usage("--from must not be later than --to".to_owned()).into());
        }
        if wanted.desk.as_deref() == Some(LIVE) {
            let problem = "--desk live: a replay needs a book of its own; pick another name";
            return Err(Usage(problem.to_owned()).into());
        }
        let db = session.db().await?;
        let bar = Bar::start();
        let report = replay_market(&db, &session.config, &wanted, |done, all| {
            bar.show(
                done as f64 / all.max(1) as f64,
                &format!("day {done} of {all}"),
            );
        })
        .await?;
        bar.end();
        let document = serde_json::to_value(&report)?;
        session.output.result(&document, || fields(&document))
    }
}
