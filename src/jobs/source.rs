//! Where a job's quotes are to come from: a chain store that holds something, or the synthetic market. Asked before
//! a person's job is put into the queue; schedules are not asked.

use super::train::LIVE;
use crate::db::{self, Db, chains};
use crate::domain::coin::Coin;
use serde_json::Value;
use std::fmt;

/// A source without chains of the underlying.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Unknown {
    name: String,
    coin: Coin,
    stored: Vec<String>,
}

/// Kinds whose payload has a `source` of chains.
const KINDS: [&str; 5] = ["backtest", "lookahead", "what_if", "sweep", "train"];

/// What is wrong with the source of a payload; nothing with that of a kind that reads no chains.
pub async fn unknown(db: &Db, kind: &str, args: &Value) -> db::Result<Option<Unknown>> {
    let source = args["source"].as_str().unwrap_or_default();
    let made = source == "synthetic" || (kind == "train" && source == LIVE);
    if made || !KINDS.contains(&kind) {
        return Ok(None);
    }
    for coin in coins(kind, args) {
        let stored = chains::sources(db, coin).await?;
        if !stored.iter().any(|name| name == source) {
            let name = source.to_owned();
            return Ok(Some(Unknown { name, coin, stored }));
        }
    }
    Ok(None)
}

/// Of a training job all of its underlyings, which are both where it names none.
fn coins(kind: &str, args: &Value) -> Vec<Coin> {
    let coin = |name: &Value| name.as_str().and_then(|name| name.parse().ok());
    if kind == "train" {
        let named = args["underlyings"].as_array();
        return named.map_or(Coin::ALL.to_vec(), |named| {
            named.iter().filter_map(coin).collect()
        });
    }
    vec![coin(&args["settings"]["underlying"]).unwrap_or(Coin::Btc)]
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, coin, .. } = self;
        let known = if self.stored.is_empty() {
            "none but synthetic, which is made from a seed".to_owned()
        } else {
            format!("{}, and synthetic", self.stored.join(", "))
        };
        write!(
            f,
            "source {name}: no chains of {coin} are stored under it; this database has {known}. {}",
            self.next()
        )
    }
}

impl Unknown {
    /// What brings chains of that name in.
    fn next(&self) -> &'static str {
        let (name, _) = self.name.split_once(':').unwrap_or((&self.name, ""));
        match name {
            LIVE => "live is for `thetaq train`",
            "deribit" => "`thetaq enqueue record_market` records the exchange's chains from now on",
            chains::REBUILT => "`thetaq fetch-history --rebuild 1h` makes chains of past trades",
            _ => {
                "`thetaq import PATH` brings recorded chains in, `thetaq coverage --kind chains` shows what is there"
            }
        }
    }
}
