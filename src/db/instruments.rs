//! The `instruments` table: every contract the exchange was seen to list.

use crate::db::{Db, Tx};
use crate::domain::coin::Coin;
use crate::domain::instrument::{Instrument, Style};

/// One row of `instruments`; times are desk time.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct InstrumentRow {
    pub exchange: String,
    pub name: String,
    pub underlying: String,
    pub style: String,
    pub expiry_ms: i64,
    pub strike_usd: i64,
    pub option_type: String,
    pub first_seen_ms: i64,
    pub last_seen_ms: i64,
}

/// Notes that the exchange lists these contracts at an instant; a known one keeps when it was first seen.
pub async fn seen(
    tx: &mut Tx,
    exchange: &str,
    listed: &[Instrument],
    at_ms: i64,
) -> sqlx::Result<()> {
    insert_rows!(tx,
        "insert into instruments (exchange, name, underlying, style, expiry_ms, strike_usd, option_type, \
         first_seen_ms, last_seen_ms) ",
        listed, (listed, bind) => {
            bind.push_bind(exchange.to_owned());
            bind.push_bind(listed.name());
            bind.push_bind(listed.coin.as_str());
            bind.push_bind(if listed.style == Style::Linear { "linear" } else { "inverse" });
            bind.push_bind(listed.expiry_ms);
            bind.push_bind(i64::from(listed.strike_usd));
            bind.push_bind(if listed.is_call() { "call" } else { "put" });
            bind.push_bind(at_ms);
            bind.push_bind(at_ms);
        },
        " on conflict (exchange, name) do update set last_seen_ms = excluded.last_seen_ms"
    )
}

/// The contracts of one underlying that had been seen by an instant and not yet expired, by expiry and strike.
pub async fn listed(
    db: &Db,
    exchange: &str,
    coin: Coin,
    at_ms: i64,
) -> sqlx::Result<Vec<InstrumentRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from instruments where exchange = $1 and underlying = $2 \
         and first_seen_ms <= $3 and expiry_ms > $3 \
         order by expiry_ms, strike_usd, option_type, style",
    )
    .bind(exchange).bind(coin.as_str()).bind(at_ms).fetch_all(pool).await)
}
