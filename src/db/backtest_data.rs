//! Stored market history as the data of a backtest: a chain store with the daily series beside it.

use super::{Db, chains, history};
use crate::backtest::{Builder, Daily, Data, Series};
use crate::domain::chain::Source;
use crate::domain::coin::Coin;

/// What a snapshot says of itself besides its quotes.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
struct Origin {
    at_ms: i64,
    digest: String,
    index_source: String,
    quotes: i64,
}

/// Loads the snapshots of `[from_ms, to_ms]` and all that was known by `to_ms`; `heard` hears (quotes read,
/// quotes in all) after each snapshot and stops the loading by giving false, which gives `None`.
pub async fn load(
    db: &Db,
    source: &str,
    coin: Coin,
    (from_ms, to_ms): (i64, i64),
    mut heard: impl FnMut(i64, i64) -> bool,
) -> sqlx::Result<Option<Data>> {
    let origins = origins(db, source, coin, from_ms, to_ms).await?;
    let stores = history::stores(db, coin, to_ms).await?;
    let daily = daily(db, coin, to_ms).await?;
    let mut builder = Builder::new(coin, daily).told(&stores.closes, &stores.dvol);
    let mut scan = chains::scan(db, source, coin, from_ms, to_ms);
    let all = origins.iter().map(|origin| origin.quotes).sum();
    let mut read = 0;
    for origin in &origins {
        let Some(chain) = scan.next().await.transpose()? else {
            break;
        };
        if chain.at_ms == origin.at_ms {
            builder.push(chain, &origin.digest, &origin.index_source);
        }
        read += origin.quotes;
        if !heard(read, all) {
            return Ok(None);
        }
    }
    Ok(Some(builder.finish(source)))
}

/// The daily series of an underlying, as they were known by `to_ms`.
pub async fn daily(db: &Db, coin: Coin, to_ms: i64) -> sqlx::Result<Daily> {
    let closes = history::closes(db, coin, to_ms).await?;
    let dvol = history::volatility_index(db, coin, to_ms).await?;
    let of = |points: Vec<(i64, f64)>, source| Series {
        source: if points.is_empty() {
            Source::Missing
        } else {
            source
        },
        points,
    };
    Ok(Daily {
        closes: of(closes.clone(), Source::DeliveryPrice),
        dvol: of(dvol, Source::VolatilityIndex),
        deliveries: of(closes, Source::DeliveryPrice),
    })
}

async fn origins(
    db: &Db,
    source: &str,
    coin: Coin,
    from_ms: i64,
    to_ms: i64,
) -> sqlx::Result<Vec<Origin>> {
    let sql = "select at_ms, digest, index_source, quotes from chain_snapshots \
        where source = $1 and underlying = $2 and at_ms between $3 and $4 order by at_ms";
    read!(db, pool => sqlx::query_as(sql)
        .bind(source).bind(coin.as_str()).bind(from_ms).bind(to_ms).fetch_all(pool).await)
}
