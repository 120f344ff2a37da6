//! Decisions, candidates, risk lines, orders, fills, settlements, equity: what ticks and settlements wrote.

use super::{DESK, HOUR_MS, Pair, START_MS};
use rust_decimal::Decimal;
use thetaq::db::decisions::{self, DecisionFilter};
use thetaq::db::reconciliations::{self, ReconciliationRow};
use thetaq::db::{
    books, candidates, configs, desks, equity, fills, orders, pages, risk_lines, settlements,
};
use thetaq::domain::coin::Coin;

const END_MS: i64 = START_MS + 100 * HOUR_MS;

#[tokio::test(flavor = "multi_thread")]
async fn decisions_and_what_hangs_on_them() {
    let pair = Pair::traded().await;
    let all = pair
        .same(async |db| Ok(decisions::all(db, DESK).await?))
        .await;
    assert_eq!(all.len(), 16);
    let opened = all
        .iter()
        .find(|row| row.final_action == "OPEN_COVERED_CALL");
    let id = opened.unwrap().id.clone();
    let get = pair
        .same(async |db| Ok(decisions::get(db, &id).await?))
        .await;
    assert_eq!(get.as_ref(), opened);
    let absent = pair
        .same(async |db| Ok(decisions::get(db, "none").await?))
        .await;
    assert_eq!(absent, None);
    let context = pair
        .same(async |db| Ok(decisions::context(db, &id).await?))
        .await;
    assert_eq!(context.unwrap().as_of_ms, opened.unwrap().as_of_ms);
    let filter = DecisionFilter::of(DESK, 5);
    let newest = pair
        .same(async |db| Ok(decisions::list(db, &filter).await?))
        .await;
    assert_eq!(newest.len(), 5);
    let id_of = async |db: &thetaq::db::Db| Ok(decisions::newest_id(db, DESK).await?);
    assert_eq!(pair.same(id_of).await, all.last().map(|row| row.id.clone()));
    let last = pair
        .same(async |db| Ok(decisions::last_as_of_ms(db, DESK).await?))
        .await;
    assert_eq!(last, all.iter().map(|row| row.as_of_ms).max());
    let seen = pair
        .same(async |db| Ok(candidates::of_decision(db, &id).await?))
        .await;
    assert!(seen.iter().filter(|row| row.chosen).count() == 1 && seen.len() > 50);
    let lines = pair
        .same(async |db| Ok(risk_lines::of_decision(db, &id).await?))
        .await;
    assert!(lines.len() > 5);
    let hash = opened.unwrap().config_hash.clone();
    let settings = pair
        .same(async |db| Ok(configs::get(db, &hash).await?))
        .await
        .unwrap();
    let kept = pair
        .change(async |tx| Ok(configs::keep(tx, &settings, 1).await?))
        .await;
    assert_eq!(kept, hash);
    let pruned = pair
        .change(async |tx| Ok(candidates::prune(tx, DESK, 1, 10_000).await?))
        .await;
    assert!(pruned > 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_fills_settlements_and_the_book_they_fold_to() {
    let pair = Pair::traded().await;
    let rows = pair
        .same(async |db| Ok(orders::list(db, DESK, None, 100).await?))
        .await;
    assert!(rows.len() >= 2);
    let first = &rows[0];
    let get = pair
        .same(async |db| Ok(orders::get(db, &first.id).await?))
        .await;
    assert_eq!(get.as_ref(), Some(first));
    let of = pair
        .same(async |db| Ok(orders::of_decision(db, &first.decision).await?))
        .await;
    assert!(of.contains(first));
    for coin in Coin::ALL {
        pair.same(async |db| Ok(orders::working(db, DESK, coin).await?))
            .await;
        let left = pair
            .same(async |db| Ok(orders::unattended(db, DESK, coin).await?))
            .await;
        assert_eq!(left, [], "every working order has a job that visits it");
        let count = pair
            .same(async |db| Ok(orders::count_between(db, DESK, coin, START_MS, END_MS).await?))
            .await;
        assert!(count > 0);
        pair.same(async |db| Ok(books::version(db, DESK, coin).await?))
            .await;
        pair.change(async |tx| Ok(books::touch(tx, DESK, coin).await?))
            .await;
    }
    let made = pair.same(async |db| Ok(fills::all(db, DESK).await?)).await;
    assert_eq!(
        made.len(),
        pair.same(async |db| Ok(fills::list(db, DESK, 100).await?))
            .await
            .len()
    );
    pair.same(async |db| Ok(fills::of_decision(db, &first.decision).await?))
        .await;
    let again = pair
        .change(async |tx| Ok(fills::insert(tx, &made[0]).await?))
        .await;
    assert!(!again, "an execution is stored once");
    let settled = pair
        .same(async |db| Ok(settlements::all(db, DESK).await?))
        .await;
    assert!(!settled.is_empty());
    let again = pair
        .change(async |tx| Ok(settlements::insert(tx, &settled[0]).await?))
        .await;
    assert!(!again, "an expiry is settled once");
    pair.same(async |db| Ok(settlements::list(db, DESK, 10).await?))
        .await;
    let amount = Decimal::new(125, 2);
    pair.change(async |tx| Ok(books::deposit(tx, DESK, "BTC", amount, END_MS).await?))
        .await;
    assert_eq!(
        pair.same(async |db| Ok(books::deposits(db, DESK).await?))
            .await
            .len(),
        3
    );
    pair.same(async |db| Ok(books::load(db, DESK).await?)).await;
    let cash = pair
        .same(async |db| Ok(books::portfolio(db, DESK).await?.cash("BTC")))
        .await;
    assert!(cash != Decimal::new(325, 2), "trades are in it: {cash}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_is_changed_by_one_writer_at_a_time() {
    let pair = Pair::traded().await;
    let read = pair
        .same(async |db| Ok(books::version(db, DESK, Coin::Btc).await?))
        .await;
    let advance =
        async |tx: &mut thetaq::db::Tx| Ok(books::advance(tx, DESK, Coin::Btc, read).await?);
    assert!(pair.change(advance).await);
    assert!(
        !pair.change(advance).await,
        "the version that was read is gone"
    );
    let rows = pair
        .same(async |db| Ok(orders::list(db, DESK, None, 1).await?))
        .await;
    let mut open = rows[0].clone();
    open.state = "open".to_owned();
    pair.change(async |tx| Ok(orders::update(tx, &open).await?))
        .await;
    let coin: Coin = open.underlying.parse().unwrap();
    assert_eq!(
        pair.change(async |tx| Ok(orders::withdraw(tx, DESK, coin).await?))
            .await,
        1
    );
    let working = pair
        .same(async |db| Ok(orders::working(db, DESK, coin).await?))
        .await;
    assert!(working[0].withdrawn);
    assert_eq!(
        pair.same(async |db| Ok(pages::book::working(db, DESK).await?))
            .await
            .len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn equity_marks_and_their_peaks() {
    let pair = Pair::traded().await;
    let latest = pair
        .same(async |db| Ok(equity::latest(db, DESK).await?))
        .await;
    assert_eq!(latest.len(), 2);
    let marks = pair
        .same(async |db| Ok(equity::marks(db, DESK).await?))
        .await;
    pair.change(async |tx| Ok(equity::put_marks(tx, DESK, Coin::Btc, &[]).await?))
        .await;
    assert!(
        marks.len()
            >= pair
                .same(async |db| Ok(pages::book::marks(db, DESK).await?))
                .await
                .len()
    );
    for coin in Coin::ALL {
        let (from_ms, to_ms) = (START_MS, END_MS);
        let rows = pair
            .same(async |db| Ok(equity::series(db, DESK, coin, from_ms, to_ms).await?))
            .await;
        let peak = pair
            .same(async |db| Ok(equity::peak_e8(db, DESK, coin, from_ms, to_ms).await?))
            .await;
        assert_eq!(peak, rows.iter().map(|row| row.equity_e8).max());
        pair.change(async |tx| Ok(equity::put(tx, &rows[0]).await?))
            .await;
        let name = coin.as_str();
        let thinned = pair
            .same(async |db| Ok(pages::equity::series(db, DESK, name, (from_ms, to_ms), 4).await?))
            .await;
        assert!(thinned.len() <= rows.len() && !thinned.is_empty());
        let at = pair
            .same(async |db| Ok(pages::equity::latest(db, DESK, name, to_ms).await?))
            .await;
        assert_eq!(at.as_ref(), rows.last());
        let from = pair
            .same(async |db| Ok(pages::equity::first_from(db, DESK, name, from_ms).await?))
            .await;
        assert_eq!(from.as_ref(), rows.first());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_read_the_same_rows() {
    let pair = Pair::traded().await;
    let which = pages::feed::Which {
        limit: 10,
        ..Default::default()
    };
    let feed = pair
        .same(async |db| Ok(pages::feed::feed(db, DESK, &which).await?))
        .await;
    assert_eq!(feed.len(), 10);
    let row = &feed[5];
    let near = pair
        .same(async |db| Ok(pages::decision::neighbours(db, DESK, &row.underlying, &row.id).await?))
        .await;
    assert!(near.0.is_some() && near.1.is_some());
    assert!(
        !pair
            .same(async |db| Ok(pages::decision::of_job(db, &row.job).await?))
            .await
            .is_empty()
    );
    pair.same(async |db| Ok(pages::decision::orders_of_job(db, &row.job).await?))
        .await;
    let settled = pair
        .same(async |db| Ok(settlements::all(db, DESK).await?))
        .await;
    let of = pair.same(async |db| Ok(fills::all(db, DESK).await?)).await;
    let sold = of
        .iter()
        .find(|fill| fill.instrument == settled[0].instrument && fill.side == "sell")
        .unwrap();
    let ended = pair
        .same(async |db| Ok(pages::decision::settlements(db, &sold.decision).await?))
        .await;
    assert_eq!(ended.len(), 1);
    assert!(
        !pair
            .same(async |db| Ok(pages::book::legs(db, DESK, 20).await?))
            .await
            .is_empty()
    );
    assert!(
        !pair
            .same(async |db| Ok(pages::book::settled(db, DESK, 20).await?))
            .await
            .is_empty()
    );
    pair.same(async |db| Ok(pages::market::seen_last(db, DESK, "BTC").await?))
        .await
        .unwrap();
    pair.same(async |db| Ok(pages::status::desk(db, DESK).await?))
        .await
        .unwrap();
    let pulse = pair
        .same(async |db| Ok(pages::status::pulse(db, DESK, 0, 0).await?))
        .await;
    assert_eq!((pulse.queued, pulse.errors), (0, 0));
    pair.same(async |db| Ok(pages::status::next_slot(db).await?))
        .await;
    let mark = pair
        .same(async |db| Ok(pages::status::change_mark(db, DESK).await?))
        .await;
    pair.change(async |tx| Ok(desks::set_close_only(tx, DESK, true, END_MS).await?))
        .await;
    let after = pair
        .same(async |db| Ok(pages::status::change_mark(db, DESK).await?))
        .await;
    assert_ne!(mark, after, "a page learns that a control was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn reconciliations_are_kept_newest_first() {
    let pair = Pair::empty().await;
    for n in 0..3 {
        let row = ReconciliationRow {
            id: format!("r{n}"),
            desk: DESK.to_owned(),
            job: "j".to_owned(),
            underlying: "BTC".to_owned(),
            at_ms: n,
            outcome: "agreed".to_owned(),
            difference_usd: 0.5,
            details: sqlx::types::Json(serde_json::json!([{"instrument": "x"}])),
        };
        pair.change(async |tx| Ok(reconciliations::insert(tx, &row).await?))
            .await;
    }
    let rows = pair
        .same(async |db| Ok(reconciliations::list(db, DESK, 2).await?))
        .await;
    assert_eq!(rows.iter().map(|row| row.at_ms).collect::<Vec<_>>(), [2, 1]);
}
