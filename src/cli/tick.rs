//! `thetaq tick`: one decision per underlying, now.

use super::follow::{enqueue, live, result, wait};
use super::rows::{query, show};
use super::session::Session;
use crate::ctx::Purpose;
use crate::domain::coin::Coin;
use crate::jobs::Options;
use clap::Args;
use serde_json::{Value, json};

/// Decide once per underlying and show the decisions
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  thetaq tick\n  thetaq tick --underlying BTC --json")]
pub(super) struct Tick {
    /// BTC or ETH; every underlying of the desk when absent
    #[arg(long)]
    underlying: Option<Coin>,
}

impl Tick {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let ctx = live(session, Purpose::Work).await?;
        let coins = self
            .underlying
            .map_or_else(|| ctx.config.desk.underlyings.clone(), |coin| vec![coin]);
        let mut ids = Vec::new();
        for coin in coins {
            let args = json!({"underlying": coin});
            ids.push(enqueue(&ctx, "tick", args, Options::default()).await?);
        }
        for id in &ids {
            result(&wait(&ctx, id).await?)?;
        }
        let places: Vec<String> = (1..=ids.len())
            .map(|at| format!("cast(${at} as text)"))
            .collect();
        let sql = format!(
            "select * from v_decisions where job in ({}) order by underlying",
            places.join(", ")
        );
        let ids: Vec<Value> = ids.into_iter().map(Value::from).collect();
        let rows = query(session, &sql, &ids).await?;
        let columns = [
            "decided_at",
            "underlying",
            "final_action",
            "instrument",
            "size",
            "risk_verdict",
            "reason",
        ];
        show(
            session,
            &rows,
            &columns,
            "The desk is stopped: start it on its page.",
        )
    }
}
