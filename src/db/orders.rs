//! The `orders` table: written before anything is sent, followed until final.

use crate::db::{Db, Tx};
use crate::domain::account::WorkingOrder;
use crate::domain::coin::Coin;
use crate::domain::money;
use crate::domain::order::{Leg, OrderState, Side};

/// One row of `orders`. Sizes in coin, prices in the quote currency per coin, both scaled by 1e8.
#[derive(Clone, Debug, Default, PartialEq, sqlx::FromRow, serde::Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "columns of the table")]
pub struct OrderRow {
    pub id: String,
    pub desk: String,
    pub decision: String,
    pub job: Option<String>,
    pub label: String,
    pub chain: String,
    pub leg: String,
    pub underlying: String,
    pub instrument: String,
    pub side: String,
    pub size_e8: i64,
    pub filled_e8: i64,
    pub limit_price_e8: Option<i64>,
    pub average_price_e8: Option<i64>,
    pub reduce_only: bool,
    pub post_only: bool,
    pub simulated: bool,
    pub state: String,
    pub exchange_order_id: Option<String>,
    /// When a request was sent whose answer never came.
    pub sent_ms: Option<i64>,
    /// Somebody asked for the order to be taken back.
    pub withdrawn: bool,
    pub error: Option<String>,
    pub created_ms: i64,
    pub updated_ms: i64,
}

impl OrderRow {
    pub fn state(&self) -> Option<OrderState> {
        match self.state.as_str() {
            "intended" => Some(OrderState::Intended),
            "open" => Some(OrderState::Open),
            "filled" => Some(OrderState::Filled),
            "cancelled" => Some(OrderState::Cancelled),
            "rejected" => Some(OrderState::Rejected),
            _ => None,
        }
    }

    pub fn leg(&self) -> Option<Leg> {
        match self.leg.as_str() {
            "open" => Some(Leg::Open),
            "close" => Some(Leg::Close),
            "roll_close" => Some(Leg::RollClose),
            "roll_open" => Some(Leg::RollOpen),
            _ => None,
        }
    }

    /// The part that may still fill, as risk counts it; `None` once final or for a name we do not know.
    pub fn working(&self) -> Option<WorkingOrder> {
        if self.state()?.is_final() {
            return None;
        }
        Some(WorkingOrder {
            label: self.label.clone(),
            instrument: self.instrument.parse().ok()?,
            side: if self.side == Side::Buy.as_str() {
                Side::Buy
            } else {
                Side::Sell
            },
            remaining: money::from_e8(self.size_e8 - self.filled_e8),
        })
    }
}

pub async fn insert(tx: &mut Tx, row: &OrderRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "insert into orders (id, desk, decision, job, label, chain, leg, underlying, instrument, side, \
         size_e8, filled_e8, limit_price_e8, average_price_e8, reduce_only, post_only, simulated, state, \
         exchange_order_id, sent_ms, withdrawn, error, created_ms, updated_ms) values ($1,$2,$3,$4,$5,$6,$7,\
         $8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24)",
    )
    .bind(&row.id).bind(&row.desk).bind(&row.decision).bind(&row.job).bind(&row.label)
    .bind(&row.chain).bind(&row.leg).bind(&row.underlying).bind(&row.instrument).bind(&row.side)
    .bind(row.size_e8).bind(row.filled_e8).bind(row.limit_price_e8).bind(row.average_price_e8)
    .bind(row.reduce_only).bind(row.post_only).bind(row.simulated).bind(&row.state)
    .bind(&row.exchange_order_id).bind(row.sent_ms).bind(row.withdrawn).bind(&row.error).bind(row.created_ms).bind(row.updated_ms)
    .execute(&mut *conn).await.map(|_| ()))
}

/// Writes what changes in an order's life: state, fills, price, the exchange's id, the error.
pub async fn update(tx: &mut Tx, row: &OrderRow) -> sqlx::Result<()> {
    let done = on!(tx, conn => sqlx::query(
        "update orders set job = $2, filled_e8 = $3, limit_price_e8 = $4, average_price_e8 = $5, state = $6, \
         exchange_order_id = $7, sent_ms = $8, error = $9, updated_ms = $10 where id = $1",
    )
    .bind(&row.id).bind(&row.job).bind(row.filled_e8).bind(row.limit_price_e8)
    .bind(row.average_price_e8).bind(&row.state).bind(&row.exchange_order_id).bind(row.sent_ms)
    .bind(&row.error).bind(row.updated_ms)
    .execute(&mut *conn).await?.rows_affected());
    if done == 1 {
        Ok(())
    } else {
        Err(sqlx::Error::RowNotFound)
    }
}

pub async fn get(db: &Db, id: &str) -> sqlx::Result<Option<OrderRow>> {
    read!(db, pool => sqlx::query_as("select * from orders where id = $1")
        .bind(id).fetch_optional(pool).await)
}

/// The orders of one decision in the order they were written.
pub async fn of_decision(db: &Db, decision: &str) -> sqlx::Result<Vec<OrderRow>> {
    read!(db, pool => sqlx::query_as("select * from orders where decision = $1 order by id")
        .bind(decision).fetch_all(pool).await)
}

/// Orders of one underlying that may still fill, oldest first.
pub async fn working(db: &Db, desk: &str, coin: Coin) -> sqlx::Result<Vec<OrderRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from orders where desk = $1 and underlying = $2 and state in ('intended', 'open') order by id",
    )
    .bind(desk).bind(coin.as_str()).fetch_all(pool).await)
}

/// Working orders that no job will visit: the last one was discarded, or the queue was emptied by hand.
pub async fn unattended(db: &Db, desk: &str, coin: Coin) -> sqlx::Result<Vec<OrderRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from orders o where desk = $1 and underlying = $2 and state in ('intended', 'open') \
         and not exists (select 1 from jobs j where j.desk = o.desk and j.kind = 'trade' \
           and j.state in ('available', 'scheduled', 'running', 'failed', 'paused') \
           and j.args ->> 'decision' = o.decision) order by id",
    )
    .bind(desk).bind(coin.as_str()).fetch_all(pool).await)
}

/// The newest orders of a desk; `before` is an id of an earlier page's last row.
pub async fn list(
    db: &Db,
    desk: &str,
    before: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<OrderRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from orders where desk = $1 and ($2 is null or id < $2) order by id desc limit $3",
    )
    .bind(desk).bind(before).bind(limit).fetch_all(pool).await)
}

/// Orders written in `(from_ms, to_ms]`, for the order rate.
pub async fn count_between(
    db: &Db,
    desk: &str,
    coin: Coin,
    from_ms: i64,
    to_ms: i64,
) -> sqlx::Result<i64> {
    read!(db, pool => sqlx::query_scalar(
        "select cast(count(*) as bigint) from orders \
         where desk = $1 and underlying = $2 and created_ms > $3 and created_ms <= $4",
    )
    .bind(desk).bind(coin.as_str()).bind(from_ms).bind(to_ms).fetch_one(pool).await)
}

/// Marks every working order of one underlying as to be taken back; gives how many there are.
pub async fn withdraw(tx: &mut Tx, desk: &str, coin: Coin) -> sqlx::Result<u64> {
    on!(tx, conn => Ok(sqlx::query(
        "update orders set withdrawn = true \
         where desk = $1 and underlying = $2 and state in ('intended', 'open')",
    )
    .bind(desk).bind(coin.as_str())
    .execute(&mut *conn).await?.rows_affected()))
}
