//! The `trade_prints` table: trades of the public tape, stored once each and counted by day.

use super::chains::Stored;
use super::{Db, Tx};
use crate::domain::coin::Coin;
use crate::domain::instrument::DAY_MS;
use crate::domain::order::Side;
use crate::domain::tape::Print;
use sqlx::FromRow;
use std::collections::BTreeMap;

/// Rows per statement: 500 rows of 13 columns stay far below SQLite's 32,766 parameters.
const BATCH: usize = 500;

/// Stores prints that are not there yet; a trade never changes, so what is there stays.
pub async fn insert(
    tx: &mut Tx,
    source: &str,
    coin: Coin,
    prints: &[Print],
) -> sqlx::Result<Stored> {
    let mut inserted = 0;
    for batch in prints.chunks(BATCH) {
        let new = write(tx, source, coin, batch).await?;
        inserted += new.len() as u64;
        count(tx, source, coin, &new).await?;
    }
    Ok(Stored {
        inserted,
        existing: prints.len() as u64 - inserted,
        differing: 0,
    })
}

/// The instants of those that were new.
async fn write(tx: &mut Tx, source: &str, coin: Coin, prints: &[Print]) -> sqlx::Result<Vec<i64>> {
    on!(tx, conn => {
        let mut query = sqlx::QueryBuilder::new(
            "insert into trade_prints (source, underlying, at_ms, trade_id, instrument, side, price, amount, iv, \
             mark_price, index_price, is_block, is_liquidation) ",
        );
        query.push_values(prints, |mut row, print| {
            row.push_bind(source).push_bind(coin.as_str()).push_bind(print.at_ms)
                .push_bind(&print.trade_id).push_bind(print.instrument.name())
                .push_bind(print.side.as_str()).push_bind(print.price).push_bind(print.amount)
                .push_bind(print.iv).push_bind(print.mark_price).push_bind(print.index_price)
                .push_bind(print.is_block).push_bind(print.is_liquidation);
        });
        query.push(" on conflict (source, underlying, at_ms, trade_id) do nothing returning at_ms");
        query.build_query_scalar().fetch_all(&mut *conn).await
    })
}

/// Adds new prints to the days they are of.
async fn count(tx: &mut Tx, source: &str, coin: Coin, new: &[i64]) -> sqlx::Result<()> {
    let sql = "insert into trade_days (source, underlying, day_ms, prints, first_ms, last_ms) \
        values ($1, $2, $3, $4, $5, $6) on conflict (source, underlying, day_ms) do update set \
        prints = trade_days.prints + excluded.prints, \
        first_ms = case when excluded.first_ms < trade_days.first_ms then excluded.first_ms else trade_days.first_ms end, \
        last_ms = case when excluded.last_ms > trade_days.last_ms then excluded.last_ms else trade_days.last_ms end";
    let mut days: BTreeMap<i64, (i64, i64, i64)> = BTreeMap::new();
    for at_ms in new.iter().copied() {
        let day = days
            .entry(at_ms - at_ms % DAY_MS)
            .or_insert((0, at_ms, at_ms));
        *day = (day.0 + 1, day.1.min(at_ms), day.2.max(at_ms));
    }
    for (day_ms, (prints, first_ms, last_ms)) in days {
        on!(tx, conn => sqlx::query(sql)
            .bind(source).bind(coin.as_str()).bind(day_ms).bind(prints).bind(first_ms).bind(last_ms)
            .execute(&mut *conn).await.map(|_| ()))?;
    }
    Ok(())
}

#[derive(FromRow)]
struct Row {
    at_ms: i64,
    trade_id: String,
    instrument: String,
    side: String,
    price: f64,
    amount: f64,
    iv: Option<f64>,
    mark_price: Option<f64>,
    index_price: Option<f64>,
    is_block: bool,
    is_liquidation: bool,
}

impl Row {
    fn print(self) -> sqlx::Result<Print> {
        Ok(Print {
            instrument: super::fills::instrument(&self.instrument)?,
            trade_id: self.trade_id,
            at_ms: self.at_ms,
            side: if self.side == "sell" {
                Side::Sell
            } else {
                Side::Buy
            },
            price: self.price,
            amount: self.amount,
            iv: self.iv,
            mark_price: self.mark_price,
            index_price: self.index_price,
            is_block: self.is_block,
            is_liquidation: self.is_liquidation,
        })
    }
}

/// Prints of `[from_ms, to_ms]` in the order of time.
pub async fn between(
    db: &Db,
    source: &str,
    coin: Coin,
    from_ms: i64,
    to_ms: i64,
) -> sqlx::Result<Vec<Print>> {
    let sql = "select at_ms, trade_id, instrument, side, price, amount, iv, mark_price, index_price, is_block, \
        is_liquidation from trade_prints where source = $1 and underlying = $2 and at_ms between $3 and $4 \
        order by at_ms, trade_id";
    let rows: Vec<Row> = read!(db, pool => sqlx::query_as(sql)
        .bind(source).bind(coin.as_str()).bind(from_ms).bind(to_ms).fetch_all(pool).await)?;
    rows.into_iter().map(Row::print).collect()
}
