//! Market history: chains, series, instruments, coverage, the feed of a replay.

use super::{HOUR_MS, Pair, START_MS};
use thetaq::db::chains::{self, SnapshotRow};
use thetaq::db::fetched::{self, Stretch};
use thetaq::db::series::{self, Origin, Point, Series};
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
        .change(async |tx| Ok(series::insert(tx, &prices, Origin::of_file("f"), &days).await?))
        .await;
    assert_eq!(stored.inserted, 40);
    let again = pair
        .change(async |tx| Ok(series::insert(tx, &prices, Origin::of_file("f"), &days).await?))
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
    // One more of the first day, and one of the next: days count what is new.
    let more = [
        print("0", START_MS - HOUR_MS),
        print("3", START_MS + 24 * HOUR_MS),
    ];
    let later = [&both[..], &more[..]].concat();
    let stored = pair
        .change(async |tx| Ok(prints::insert(tx, source, BTC, &later).await?))
        .await;
    assert_eq!((stored.inserted, stored.existing), (2, 2));
    let days = pair
        .same(async |db| Ok(coverage::coverage(db).await?))
        .await;
    let days: Vec<_> = days
        .iter()
        .map(|day| {
            (
                day.snapshots,
                day.first_ms - START_MS,
                day.last_ms - START_MS,
            )
        })
        .collect();
    assert_eq!(days, [(3, -HOUR_MS, 5), (1, 24 * HOUR_MS, 24 * HOUR_MS)]);
    let view = pair
        .same(async |db| Ok(coverage::days(db, Some("trades"), Some("BTC")).await?))
        .await;
    assert_eq!((view.len(), &view[0]["snapshots"]), (2, &3.into()));
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

/// One table each for all sources: the first price of an instant stays, and each row says whose it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_price_says_whose_it_is() {
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
    let here = "deribit:127.0.0.1:1/api/v2";
    let file = &format!("{here} public/get");
    let put = async |series: &Series, origin: Origin<'_>, value: f64| {
        let point = [Point::new(24 * HOUR_MS, [Some(value)])];
        pair.change(async |tx| Ok(series::insert(tx, series, origin, &point).await?))
            .await
    };
    put(&closes, Origin::of_file("prices.csv"), 0.5).await;
    let source = here;
    put(&dvol, Origin { source, file }, 0.5).await;
    assert_eq!(foreign("deribit").await, (None, Some(here.to_owned())));
    let (price, volatility) = foreign(here).await;
    assert_eq!((price.as_deref(), volatility), (Some("recorded"), None));

    let other = Origin {
        source: "deribit",
        file: "deribit public/get",
    };
    let kept = put(&closes, other, 0.6).await;
    assert_eq!((kept.inserted, kept.differing), (0, 1), "it is reported");
    let stores = pair
        .same(async |db| Ok(history::stores(db, BTC, 48 * HOUR_MS).await?))
        .await;
    assert_eq!(stores.closes, [("recorded".to_owned(), 1)]);
    assert_eq!(stores.dvol, [(here.to_owned(), 1)]);
    let days = pair
        .same(async |db| Ok(coverage::coverage(db).await?))
        .await;
    let told: Vec<_> = days
        .iter()
        .map(|day| (day.kind.as_str(), day.source.as_str()))
        .collect();
    assert_eq!(
        told,
        [("delivery_prices", "recorded"), ("volatility_index", here)]
    );
}

/// What was stored before sources were: a fetch named its host as the file, an import its path.
#[tokio::test(flavor = "multi_thread")]
async fn prices_of_an_older_database_get_the_source_they_had() {
    let pair = Pair::empty().await;
    for sql in [
        "drop view v_coverage",
        "drop view v_delivery_prices",
        "drop table trade_days",
        "alter table delivery_prices drop column source",
        "alter table volatility_index drop column source",
        "alter table future_marks drop column source",
        "insert into delivery_prices (index_name, at_ms, price_usd, file) values \
            ('btc_usd', 86400000, 1.0, 'deribit public/get_delivery_prices'), \
            ('btc_usd', 172800000, 1.0, 'deribit:127.0.0.1:1/api/v2 public/get_delivery_prices'), \
            ('btc_usd', 259200000, 1.0, '/data/deribit public/prices.csv'), \
            ('btc_usd', 345600000, 1.0, null)",
        "insert into volatility_index (underlying, at_ms, close, file) values \
            ('BTC', 86400000, 0.5, 'deribit:test public/get_volatility_index_data')",
        "insert into future_marks (symbol, at_ms, mark, file) values ('BTC-PERPETUAL', 86400000, 1.0, 'futures.csv')",
        "insert into trade_prints (source, underlying, at_ms, trade_id, instrument, side, price, amount, is_block, \
            is_liquidation) values ('deribit', 'BTC', 86400007, '1', 'BTC-30JAN26-90000-C', 'buy', 0.1, 1.0, false, false), \
            ('deribit', 'BTC', 86400009, '2', 'BTC-30JAN26-90000-C', 'buy', 0.1, 1.0, false, false)",
    ] {
        pair.run(sql).await;
    }
    let migration = include_str!("../../../migrations/0021_price_sources.sql");
    for statement in migration.split(';').filter(|one| one.trim().len() > 1) {
        pair.run(statement).await;
    }
    let found = pair
        .same(async |db| Ok(history::stores(db, BTC, i64::MAX).await?))
        .await;
    let one = |name: &str| (name.to_owned(), 1);
    let here = one("deribit:127.0.0.1:1/api/v2");
    assert_eq!(
        found.closes,
        [one("deribit"), here, one("recorded"), one("unknown")]
    );
    assert_eq!(found.dvol, [one("deribit:test")]);
    let days = pair
        .same(async |db| Ok(coverage::coverage(db).await?))
        .await;
    let of = |kind: &str| days.iter().find(|day| day.kind == kind).unwrap();
    assert_eq!(of("future_marks").source, "recorded");
    let trades = of("trades");
    assert_eq!(
        (trades.snapshots, trades.first_ms, trades.last_ms),
        (2, 86_400_007, 86_400_009)
    );
}
