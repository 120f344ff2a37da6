//! Which snapshot the Quotes page shows: a stored one, or one of the synthetic market, which is a
//! function of its seed and therefore stored only when somebody asks for it.

use crate::db::chains::{self, QuoteTable, Quotes};
use crate::db::pages::market::{self, Neighbours, SourceRow};
use crate::domain::coin::Coin;
use crate::market::synthetic::Synthetic;
use crate::web::Site;
use crate::web::error::PageError;

const SYNTHETIC: &str = "synthetic:";
/// Steps of the synthetic market, which has a chain at every instant.
const STEP_MS: i64 = 3_600_000;

/// Sources of a coin; the desk's own synthetic market is one although nothing of it need be stored.
pub(super) async fn sources(site: &Site, coin: Coin) -> Result<Vec<SourceRow>, PageError> {
    let mut rows = market::sources(&site.ctx.db).await?;
    rows.retain(|row| row.underlying == coin.as_str());
    let own = own_source(site).await?;
    if let Some(source) = own.filter(|own| rows.iter().all(|row| row.source != *own)) {
        rows.push(SourceRow {
            source,
            underlying: coin.as_str().to_owned(),
            snapshots: 0,
            first_ms: 0,
            last_ms: 0,
        });
    }
    Ok(rows)
}

async fn own_source(site: &Site) -> Result<Option<String>, PageError> {
    let desk = crate::db::desks::get(&site.ctx.db, &site.ctx.desk).await?;
    let synthetic = desk.filter(|desk| desk.market == "synthetic");
    Ok(synthetic.map(|desk| format!("{SYNTHETIC}{}", desk.seed)))
}

/// The newest snapshot at or before `at_ms`, with its neighbours in time.
pub(super) async fn snapshot(
    site: &Site,
    source: &str,
    coin: Coin,
    at_ms: Option<i64>,
) -> Result<Option<(Quotes, Neighbours)>, PageError> {
    let db = &site.ctx.db;
    if let Some(seed) = source.strip_prefix(SYNTHETIC) {
        return Ok(Some(synthetic(site, source, seed, coin, at_ms).await?));
    }
    let found = chains::quotes(db, source, coin, at_ms.unwrap_or(i64::MAX)).await?;
    let Some(quotes) = found else {
        return Ok(None);
    };
    let near = market::neighbours(db, source, coin.as_str(), quotes.at_ms).await?;
    Ok(Some((quotes, near)))
}

/// The chain of an instant, by default the one the desk saw last; never of the desk's future.
async fn synthetic(
    site: &Site,
    source: &str,
    seed: &str,
    coin: Coin,
    at_ms: Option<i64>,
) -> Result<(Quotes, Neighbours), PageError> {
    let ctx = &site.ctx;
    let now_ms = ctx.clock.now_ms();
    let seen = market::seen_last(&ctx.db, &ctx.desk, coin.as_str()).await?;
    let seen_ms = seen
        .filter(|(seen, _)| seen == source)
        .map(|(_, at_ms)| at_ms);
    let at_ms = at_ms.or(seen_ms).unwrap_or(now_ms).clamp(0, now_ms);
    let chain = Synthetic::new(seed).chain(coin, at_ms);
    let quotes = Quotes {
        source: source.to_owned(),
        collection: "made from the seed".to_owned(),
        underlying: coin,
        at_ms,
        index_price: chain.index_price,
        index_source: chain.source.as_str().to_owned(),
        file: None,
        quotes: QuoteTable::of_chain(&chain).rows(),
    };
    let later_ms = at_ms + STEP_MS;
    let near = Neighbours {
        before_ms: Some(at_ms - STEP_MS),
        after_ms: (later_ms <= now_ms).then_some(later_ms),
    };
    Ok((quotes, near))
}
