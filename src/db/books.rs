//! What a desk holds, folded from its deposits, fills and settlements; and the version that guards it.

use crate::db::fills::{self, FillRow};
use crate::db::settlements::{self, SettlementRow};
use crate::db::{Db, Tx};
use crate::domain::coin::Coin;
use crate::domain::money::{from_e8, to_e8};
use crate::domain::portfolio::Portfolio;
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};

/// One row of `deposits`.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct DepositRow {
    pub desk: String,
    pub currency: String,
    pub at_ms: i64,
    pub amount_e8: i64,
}

/// Puts money into a book, or takes it out; amounts of one instant add up.
pub async fn deposit(
    tx: &mut Tx,
    desk: &str,
    currency: &str,
    amount: Decimal,
    at_ms: i64,
) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "insert into deposits (desk, currency, at_ms, amount_e8) values ($1, $2, $3, $4) \
         on conflict (desk, currency, at_ms) do update set amount_e8 = deposits.amount_e8 + excluded.amount_e8",
    )
    .bind(desk).bind(currency).bind(at_ms).bind(to_e8(amount))
    .execute(&mut *conn).await.map(|_| ()))
}

pub async fn deposits(db: &Db, desk: &str) -> sqlx::Result<Vec<DepositRow>> {
    read!(db, pool => sqlx::query_as("select * from deposits where desk = $1 order by at_ms, currency")
        .bind(desk).fetch_all(pool).await)
}

/// The rows a book is folded from, in the order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Book {
    pub deposits: Vec<DepositRow>,
    pub fills: Vec<FillRow>,
    pub settlements: Vec<SettlementRow>,
}

/// Every row of a desk's book.
pub async fn load(db: &Db, desk: &str) -> sqlx::Result<Book> {
    Ok(Book {
        deposits: deposits(db, desk).await?,
        fills: fills::all(db, desk).await?,
        settlements: settlements::all(db, desk).await?,
    })
}

/// What a desk holds now.
pub async fn portfolio(db: &Db, desk: &str) -> sqlx::Result<Portfolio> {
    load(db, desk).await?.fold()
}

impl Book {
    /// Folds the rows. A settlement ends its contract, so it comes after every fill.
    pub fn fold(&self) -> sqlx::Result<Portfolio> {
        let mut portfolio = Portfolio::default();
        for row in &self.deposits {
            portfolio.deposit(currency(&row.currency)?, from_e8(row.amount_e8));
        }
        let mut rolls = Rolls::default();
        for row in &self.fills {
            portfolio.fill(&row.fill()?, &row.chain, rolls.count(row));
        }
        for row in &self.settlements {
            portfolio.settle(&row.settlement()?);
        }
        Ok(portfolio)
    }

    /// When the book of one underlying last changed by a fill or an expiry.
    pub fn last_ms(&self, coin: Coin) -> Option<i64> {
        let fills = self.fills.iter().map(|row| (&row.underlying, row.at_ms));
        let settlements = self
            .settlements
            .iter()
            .map(|row| (&row.underlying, row.at_ms));
        fills
            .chain(settlements)
            .filter(|(underlying, _)| *underlying == coin.as_str())
            .map(|(_, at_ms)| at_ms)
            .max()
    }
}

/// Counts the rolls of each chain: one per order that opened a rolled leg.
#[derive(Default)]
struct Rolls<'a> {
    orders: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Rolls<'a> {
    fn count(&mut self, row: &'a FillRow) -> u32 {
        let orders = self.orders.entry(&row.chain).or_default();
        if row.leg == "roll_open" {
            orders.insert(&row.order_id);
        }
        orders.len() as u32
    }
}

fn currency(name: &str) -> sqlx::Result<&'static str> {
    ["BTC", "ETH", "USDC"]
        .into_iter()
        .find(|known| *known == name)
        .ok_or_else(|| {
            sqlx::Error::Decode(format!("deposits.currency: `{name}` is not known").into())
        })
}

/// How often the book of one underlying was written; read it before the rows it guards.
pub async fn version(db: &Db, desk: &str, coin: Coin) -> sqlx::Result<i64> {
    let version: Option<i64> = read!(db, pool => sqlx::query_scalar(
        "select version from books where desk = $1 and underlying = $2",
    )
    .bind(desk).bind(coin.as_str()).fetch_optional(pool).await)?;
    Ok(version.unwrap_or(0))
}

/// Raises the version if it still is what was read; false means that the book changed meanwhile.
pub async fn advance(tx: &mut Tx, desk: &str, coin: Coin, read: i64) -> sqlx::Result<bool> {
    touch(tx, desk, coin).await?;
    let version: i64 = on!(tx, conn => sqlx::query_scalar(
        "select version from books where desk = $1 and underlying = $2",
    )
    .bind(desk).bind(coin.as_str()).fetch_one(&mut *conn).await)?;
    Ok(version == read + 1)
}

/// Raises the version whatever it was and holds the row until the transaction ends.
pub async fn touch(tx: &mut Tx, desk: &str, coin: Coin) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "insert into books (desk, underlying, version) values ($1, $2, 1) \
         on conflict (desk, underlying) do update set version = books.version + 1",
    )
    .bind(desk).bind(coin.as_str())
    .execute(&mut *conn).await.map(|_| ()))
}
