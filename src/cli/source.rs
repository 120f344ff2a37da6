//! `--source` of runs: a chain store that holds something, or the synthetic market.

use super::Usage;
use crate::ctx::Ctx;
use crate::db::chains;
use crate::domain::coin::Coin;
use serde_json::Value;

/// Refuses a store without chains of the underlying before a job is made of it.
pub(super) async fn stored(ctx: &Ctx, payload: &Value) -> anyhow::Result<()> {
    let source = payload["source"].as_str().unwrap_or_default();
    let named = payload["settings"]["underlying"].as_str();
    let coin: Coin = named
        .and_then(|name| name.parse().ok())
        .unwrap_or(Coin::Btc);
    if source == "synthetic" {
        return Ok(());
    }
    let stored = chains::sources(&ctx.db, coin).await?;
    if stored.iter().any(|name| name == source) {
        return Ok(());
    }
    let known = if stored.is_empty() {
        "none but synthetic, which is made from a seed".to_owned()
    } else {
        format!("{}, and synthetic", stored.join(", "))
    };
    Err(Usage(format!(
        "--source {source}: no chains of {coin} are stored under it; this database has {known}. {}",
        next(source)
    ))
    .into())
}

/// What brings chains of that name in.
fn next(source: &str) -> &'static str {
    let (name, _) = source.split_once(':').unwrap_or((source, ""));
    match name {
        "live" => "live is for `thetaq train`",
        "deribit" => "`thetaq enqueue record_market` records the exchange's chains from now on",
        chains::REBUILT => "`thetaq fetch-history --rebuild 1h` makes chains of past trades",
        _ => {
            "`thetaq import PATH` brings recorded chains in, `thetaq coverage --kind chains` shows what is there"
        }
    }
}
