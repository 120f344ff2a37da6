//! Market history: chains, series, instruments, coverage, the feed of a replay.

use super::{HOUR_MS, Pair, START_MS};
use thetaq::db::chains::{self, SnapshotRow};
use thetaq::db::fetched::{self, Stretch};
use thetaq::db::series::{self, Point, Series};
use thetaq::db::{coverage, history, instruments, pages, prints};
use thetaq::domain::chain::Source;
use thetaq::domain::coin::Coin;
use thetaq::domain::order::Side;
use thetaq::domain::tape::Print;
use thetaq::market::synthetic::Synthetic;

const BTC: Coin = Coin::Btc;

async fn recorded() -> Pair {
    let pair = Pair::empty().await;
    let market = Synthetic::new("recorded");
    for n in 0..4 {
        let mut chain = market.chain(BTC, START_MS + n * 6 * HOUR_MS);
        chain.source = Source::Recorded;
        let row = SnapshotRow::of_chain(chains::RECORDED, &chain);
        let stored = pair
            .change(async |tx| Ok(chains::insert(tx, &row).await?))
            .await;
        assert_eq!((stored.inserted as usize, stored.existing), (row.quotes, 0));
        let again = pair
            .change(async |tx| Ok(chains::insert(tx, &row).await?))
            .await;
        assert_eq!((again.inserted, again.existing as usize), (0, row.quotes));
    }
    pair
}

#[tokio::test(flavor = "multi_thread")]
async fn chains_come_back_whole_and_by_time() {
    let pair = recorded().await;
    let (source, mid_ms, end_ms) = (
        chains::RECORDED,
        START_MS + 7 * HOUR_MS,
        START_MS + 99 * HOUR_MS,
    );
    let chain = pair
        .same(async |db| Ok(chains::load(db, source, BTC, mid_ms).await?))
        .await;
    assert_eq!(
        chain.unwrap().at_ms,
        START_MS + 6 * HOUR_MS,
        "the newest that is not later"
    );
    let before = pair
        .same(async |db| Ok(chains::load(db, source, BTC, START_MS - 1).await?))
        .await;
    assert_eq!(before, None, "nothing of the future");
    let quotes = pair
        .same(async |db| Ok(chains::quotes(db, source, BTC, mid_ms).await?))
        .await;
    assert!(quotes.unwrap().quotes.len() > 100);
    let newest = pair
        .same(async |db| Ok(chains::newest_time(db, source, BTC, end_ms).await?))
        .await;
    assert_eq!(newest, Some(START_MS + 18 * HOUR_MS));
    let times = pair
        .same(async |db| Ok(chains::times(db, source, BTC, START_MS, mid_ms).await?))
        .await;
    assert_eq!(times, [START_MS, START_MS + 6 * HOUR_MS]);
    let scanned = pair
        .same(async |db| {
            let mut scan = chains::scan(db, source, BTC, START_MS, end_ms);
            let mut times = Vec::new();
            while let Some(chain) = scan.next().await {
                times.push(chain?.at_ms);
            }
            Ok(times)
        })
        .await;
    assert_eq!(scanned.len(), 4);
    assert_eq!(
        pair.same(async |db| Ok(chains::sources(db, BTC).await?))
            .await,
        [source]
    );
    assert_eq!(
        pair.same(async |db| Ok(pages::market::sources(db).await?))
            .await
            .len(),
        1
    );
    let near = pair
        .same(async |db| Ok(pages::market::neighbours(db, source, "BTC", START_MS).await?))
        .await;
    assert_eq!(
        (near.before_ms, near.after_ms),
        (None, Some(START_MS + 6 * HOUR_MS))
    );
    assert!(
        !pair
            .same(async |db| Ok(coverage::coverage(db).await?))
            .await
            .is_empty()
    );
    let days = pair
        .same(async |db| Ok(coverage::days(db, Some("chains"), Some("BTC")).await?))
        .await;
    assert!(!days.is_empty() && days.iter().all(|day| day["kind"] == "chains"));
    let gone = pair
        .change(async |tx| Ok(chains::delete_before(tx, source, mid_ms).await?))
        .await;
    assert_eq!(gone, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn daily_history_is_what_was_known() {
    let pair = Pair::empty().await;
    let days: Vec<Point> = (0..40)
        .map(|day| Point::new(START_MS + day * 24 * HOUR_MS, [Some(90_000.0 + day as f64)]))
        .collect();
    let prices = Series::DeliveryPrices {
        index_name: "btc_usd".to_owned(),
    };
    let stored = pair
        .change(async |tx| Ok(series::insert(tx, &prices, "f", &days).await?))
        .await;
    assert_eq!(stored.inserted, 40);
    let again = pair
        .change(async |tx| Ok(series::insert(tx, &prices, "f", &days).await?))
        .await;
    assert_eq!((again.inserted, again.existing), (0, 40));
    let (expiry_ms, to_ms) = (days[3].at_ms, days[9].at_ms);
    let price = pair
        .same(async |db| Ok(history::delivery_price(db, BTC, expiry_ms).await?))
        .await;
    assert_eq!(price, Some(90_003.0));
    let closes = pair
        .same(async |db| Ok(history::closes(db, BTC, to_ms).await?))
        .await;
    assert_eq!(closes.last(), Some(&(to_ms, 90_009.0)), "nothing later");
    pair.same(async |db| Ok(history::volatility_index(db, BTC, to_ms).await?))
        .await;
    pair.same(async |db| Ok(history::history(db, BTC, to_ms).await?))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_are_known_from_when_they_were_seen() {
    let pair = Pair::empty().await;
    let listed = Synthetic::new("recorded").chain(BTC, START_MS);
    let listed: Vec<_> = listed.quotes.iter().map(|quote| quote.instrument).collect();
    pair.change(async |tx| Ok(instruments::seen(tx, "sim", &listed, START_MS).await?))
        .await;
    pair.change(async |tx| Ok(instruments::seen(tx, "sim", &listed[..5], START_MS + 9).await?))
        .await;
    let known = pair
        .same(async |db| Ok(instruments::listed(db, "sim", BTC, START_MS).await?))
        .await;
    assert_eq!(known.len(), listed.len());
    let before = pair
        .same(async |db| Ok(instruments::listed(db, "sim", BTC, START_MS - 1).await?))
        .await;
    assert_eq!(before, [], "no contract before it was listed");
}

fn print(trade_id: &str, at_ms: i64) -> Print {
    Print {
        trade_id: trade_id.to_owned(),
        at_ms,
        instrument: "BTC-30JAN26-90000-C".parse().unwrap(),
        side: Side::Sell,
        price: 0.0235,
        amount: 0.3,
        iv: Some(0.4567),
        mark_price: None,
        index_price: Some(91_234.5),
        is_block: true,
        is_liquidation: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prints_are_stored_once_and_stretches_only_grow() {
    let pair = Pair::empty().await;
    let both = [print("2", START_MS + 5), print("1", START_MS)];
    let source = "deribit:test";
    for (inserted, existing) in [(2, 0), (0, 2)] {
        let stored = pair
            .change(async |tx| Ok(prints::insert(tx, source, BTC, &both).await?))
            .await;
        assert_eq!((stored.inserted, stored.existing), (inserted, existing));
    }
    let between = pair
        .same(async |db| Ok(prints::between(db, source, BTC, START_MS, START_MS + 5).await?))
        .await;
    assert_eq!(between, [both[1].clone(), both[0].clone()]);
    let other = pair
        .same(async |db| Ok(prints::between(db, "deribit", BTC, 0, i64::MAX).await?))
        .await;
    assert_eq!(other, [], "sources are not mixed");

    for (from_ms, to_ms) in [(10, 20), (10, 30), (10, 25), (40, 50)] {
        let stretch = Stretch {
            source,
            kind: "trades",
            coin: BTC,
            from_ms,
            to_ms,
            rows: 7,
        };
        pair.change(async |tx| Ok(fetched::extend(tx, &stretch, START_MS).await?))
            .await;
    }
    let known = pair
        .same(async |db| Ok(fetched::stretches(db, source, "trades", BTC).await?))
        .await;
    assert_eq!(known, [(10, 30), (40, 50)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_a_source_says_whose_rows_it_holds() {
    let pair = Pair::empty().await;
    let name = BTC.index_name().to_owned();
    let (closes, dvol) = (
        Series::DeliveryPrices { index_name: name },
        Series::VolatilityIndex { underlying: BTC },
    );
    let foreign = async |source: &str| {
        pair.same(async |db| {
            let closes = fetched::foreign_delivery_price(db, source, BTC).await?;
            Ok((closes, fetched::foreign_volatility(db, source, BTC).await?))
        })
        .await
    };
    assert_eq!(foreign("deribit").await, (None, None));
    let here = "deribit:127.0.0.1:1/api/v2 public/get";
    for (series, file, at_ms) in [(&closes, "prices.csv", 1), (&dvol, here, 2)] {
        let point = [Point::new(at_ms, [Some(0.5)])];
        pair.change(async |tx| Ok(series::insert(tx, series, file, &point).await?))
            .await;
    }
    assert_eq!(foreign("deribit").await, (None, Some(here.to_owned())));
    let (closes, dvol) = foreign("deribit:127.0.0.1:1/api/v2").await;
    assert_eq!((closes.as_deref(), dvol), (Some("prices.csv"), None));
}
