//! Daily history of an underlying up to an instant: delivery prices and the volatility index.
//!
//! Every row stands at the instant from which it is known: a delivery price at its 08:00 UTC, a day's
//! close of the volatility index at the end of that day. So `at_ms <= as_of_ms` is all it takes to keep
//! the future out.

use super::Db;
use crate::domain::chain::Source;
use crate::domain::coin::Coin;
use crate::domain::context::History;

/// History up to and including `as_of_ms`, oldest first.
///
/// Closes are the exchange's delivery prices. They were weekly at first; only consecutive days make
/// daily returns, so the list begins after the last missing day before `as_of_ms`.
pub async fn history(db: &Db, coin: Coin, as_of_ms: i64) -> sqlx::Result<History> {
    Ok(cut(
        &closes(db, coin, as_of_ms).await?,
        &volatility_index(db, coin, as_of_ms).await?,
        as_of_ms,
    ))
}

/// The exchange's delivery price of an expiry, USD; `None` when it is not recorded.
pub async fn delivery_price(db: &Db, coin: Coin, expiry_ms: i64) -> sqlx::Result<Option<f64>> {
    let sql = "select price_usd from delivery_prices where index_name = $1 and at_ms = $2";
    read!(db, pool => sqlx::query_scalar(sql)
        .bind(coin.index_name()).bind(expiry_ms).fetch_optional(pool).await)
}

/// (at_ms, USD) of every delivery price up to an instant, oldest first, gaps and all.
pub async fn closes(db: &Db, coin: Coin, to_ms: i64) -> sqlx::Result<Vec<(i64, f64)>> {
    let sql = "select at_ms, price_usd from delivery_prices where index_name = $1 and at_ms <= $2 order by at_ms";
    read!(db, pool => sqlx::query_as(sql)
        .bind(coin.index_name()).bind(to_ms).fetch_all(pool).await)
}

/// (end of day, fraction) of every close of the volatility index up to an instant, oldest first.
pub async fn volatility_index(db: &Db, coin: Coin, to_ms: i64) -> sqlx::Result<Vec<(i64, f64)>> {
    let sql = "select at_ms, close from volatility_index where underlying = $1 and at_ms <= $2 order by at_ms";
    read!(db, pool => sqlx::query_as(sql)
        .bind(coin.as_str()).bind(to_ms).fetch_all(pool).await)
}

/// Whose the daily prices of an underlying are: (source, how many), up to an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stores {
    pub closes: Vec<(String, i64)>,
    pub dvol: Vec<(String, i64)>,
}

/// The sources behind [`closes`] and [`volatility_index`].
pub async fn stores(db: &Db, coin: Coin, to_ms: i64) -> sqlx::Result<Stores> {
    let closes = "select source, cast(count(*) as bigint) from delivery_prices \
        where index_name = $1 and at_ms <= $2 group by source order by source";
    let dvol = "select source, cast(count(*) as bigint) from volatility_index \
        where underlying = $1 and at_ms <= $2 group by source order by source";
    Ok(Stores {
        closes: read!(db, pool => sqlx::query_as(closes)
            .bind(coin.index_name()).bind(to_ms).fetch_all(pool).await)?,
        dvol: read!(db, pool => sqlx::query_as(dvol)
            .bind(coin.as_str()).bind(to_ms).fetch_all(pool).await)?,
    })
}

/// How many delivery prices and volatility closes are stored: changes when an import adds some.
pub(in crate::db) async fn counts(db: &Db, coin: Coin) -> sqlx::Result<(i64, i64)> {
    let sql = "select (select cast(count(*) as bigint) from delivery_prices where index_name = $1), \
        (select cast(count(*) as bigint) from volatility_index where underlying = $2)";
    read!(db, pool => sqlx::query_as(sql)
        .bind(coin.index_name()).bind(coin.as_str()).fetch_one(pool).await)
}

/// The history as of an instant out of whole series, oldest first.
pub(in crate::db) fn cut(closes: &[(i64, f64)], dvol: &[(i64, f64)], as_of_ms: i64) -> History {
    let closes = (closes, Source::DeliveryPrice);
    History::cut(closes, (dvol, Source::VolatilityIndex), as_of_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::instrument::DAY_MS;

    const EIGHT: i64 = 8 * 3_600_000;

    #[test]
    fn weekly_prices_before_the_daily_ones_are_left_out() {
        let days = [0, 7, 14, 21, 22, 23, 24];
        let closes = days.map(|day| (day * DAY_MS + EIGHT, 100.0 + day as f64));
        let history = cut(&closes, &[], 24 * DAY_MS + EIGHT);
        assert_eq!(history.closes, closes[3..]);
        assert_eq!(cut(&closes, &[], 22 * DAY_MS).closes, closes[3..4]);
        assert_eq!(history.dvol_source, Source::Missing);
    }

    /// Mistake 6 of the earlier system: figures of a later day used in the past.
    #[test]
    fn mistake_6_nothing_later_than_as_of_is_history() {
        let closes: Vec<_> = (0..50).map(|day| (day * DAY_MS + EIGHT, 1.0)).collect();
        let dvol: Vec<_> = (1..50).map(|day| (day * DAY_MS, 0.5)).collect();
        for as_of_ms in [
            EIGHT - 1,
            EIGHT,
            9 * DAY_MS - 1,
            9 * DAY_MS,
            30 * DAY_MS + EIGHT,
        ] {
            let history = cut(&closes, &dvol, as_of_ms);
            let all = history.closes.iter().chain(&history.dvol);
            assert!(all.into_iter().all(|(at_ms, _)| *at_ms <= as_of_ms));
            let whole =
                |series: &[(i64, f64)]| series.iter().filter(|row| row.0 <= as_of_ms).count();
            assert_eq!(history.closes.len(), whole(&closes));
            assert_eq!(history.dvol.len(), whole(&dvol));
        }
    }
}
