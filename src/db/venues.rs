//! The `venues` table: the book of the built-in exchange, shared by every process of a desk.

use crate::db::{Db, Tx};
use crate::exchange::sim::keeper::{Keeper, Kept};
use futures::FutureExt as _;
use futures::future::BoxFuture;

/// Keeps one venue's book in its row; a write that lost the race changes nothing and says so.
#[derive(Clone, Debug)]
pub struct VenueKeeper {
    db: Db,
    name: String,
}

impl VenueKeeper {
    /// The keeper of the venue of one desk.
    pub fn new(db: Db, name: impl Into<String>) -> Self {
        Self {
            db,
            name: name.into(),
        }
    }

    async fn save(&self, expected: i64, state: String, at_ms: i64) -> sqlx::Result<bool> {
        let mut tx = self.db.begin().await?;
        let changed = if expected == 0 {
            insert(&mut tx, &self.name, &state, at_ms).await?
        } else {
            replace(&mut tx, &self.name, expected, &state, at_ms).await?
        };
        tx.commit().await?;
        Ok(changed == 1)
    }
}

impl Keeper for VenueKeeper {
    fn load(&self) -> BoxFuture<'_, anyhow::Result<Option<Kept>>> {
        async move { Ok(get(&self.db, &self.name).await?) }.boxed()
    }

    fn store(
        &self,
        expected: i64,
        state: String,
        at_ms: i64,
    ) -> BoxFuture<'_, anyhow::Result<bool>> {
        async move { Ok(self.save(expected, state, at_ms).await?) }.boxed()
    }
}

async fn get(db: &Db, name: &str) -> sqlx::Result<Option<Kept>> {
    let row: Option<(i64, String)> = read!(db, pool => sqlx::query_as(
        "select version, state from venues where name = $1",
    )
    .bind(name).fetch_optional(pool).await)?;
    Ok(row.map(|(version, state)| Kept { version, state }))
}

async fn insert(tx: &mut Tx, name: &str, state: &str, at_ms: i64) -> sqlx::Result<u64> {
    on!(tx, conn => Ok(sqlx::query(
        "insert into venues (name, version, state, updated_ms) values ($1, 1, $2, $3) \
         on conflict (name) do nothing",
    )
    .bind(name).bind(state).bind(at_ms)
    .execute(&mut *conn).await?.rows_affected()))
}

async fn replace(
    tx: &mut Tx,
    name: &str,
    expected: i64,
    state: &str,
    at_ms: i64,
) -> sqlx::Result<u64> {
    on!(tx, conn => Ok(sqlx::query(
        "update venues set version = version + 1, state = $3, updated_ms = $4 \
         where name = $1 and version = $2",
    )
    .bind(name).bind(expected).bind(state).bind(at_ms)
    .execute(&mut *conn).await?.rows_affected()))
}
