//! Reconciliation with an exchange on which somebody else traded: halt, or take the book over.

use crate::support::each_db;
use std::sync::Arc;
use thetaq::clock::{Clock, Time};
use thetaq::config::Config;
use thetaq::ctx::{Ctx, Purpose};
use thetaq::db::desks::DeskState;
use thetaq::db::{books, decisions, fills, reconciliations};
use thetaq::domain::coin::Coin;
use thetaq::domain::order::Side;
use thetaq::exchange::facts::{OrderRequest, PostOnly, TimeInForce};
use thetaq::jobs::controls;
use thetaq::jobs::drain::{Advance, run_until_idle};
use thetaq::jobs::reconcile::Reconcile;
use thetaq::jobs::tick::Tick;
use thetaq::jobs::{Job, Options, enqueue, registry};

/// 2026-01-05 09:00 UTC.
const START_MS: i64 = 1_767_603_600_000;
const HOUR_MS: i64 = 3_600_000;

async fn run<J: Job>(ctx: &Ctx, job: &J) {
    let mut tx = ctx.db.begin().await.unwrap();
    enqueue(&mut tx, ctx, job, Options::default())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let until = Advance::Until(ctx.clock.now_ms() + HOUR_MS);
    run_until_idle(ctx, &registry::all(), until).await.unwrap();
}

/// A desk that sold a call of its own, and somebody who sold one more of the same and bought another.
async fn traded_behind_its_back(ctx: &Ctx) {
    ctx.open().await.unwrap();
    let tick = Tick {
        underlying: Coin::Btc,
        as_of_ms: None,
    };
    run(ctx, &tick).await;
    let now_ms = START_MS + 2 * HOUR_MS;
    ctx.clock.set(Time::Manual { now_ms });
    let own = ctx.exchange.positions(Coin::Btc, now_ms).await.unwrap()[0].instrument;
    let chain = ctx.exchange.chain(Coin::Btc, now_ms).await.unwrap();
    let bought = chain.quotes.iter().find(|quote| {
        quote.instrument != own
            && quote.instrument.is_call()
            && quote.ask.is_some_and(|ask| ask > 0.01)
    });
    let sold = chain.quote(&own).unwrap();
    let foreign = [
        (own, Side::Sell, sold.bid.unwrap()),
        (
            bought.unwrap().instrument,
            Side::Buy,
            bought.unwrap().ask.unwrap(),
        ),
    ];
    for (n, (instrument, side, price)) in foreign.into_iter().enumerate() {
        let request = OrderRequest {
            label: format!("somebody-{n}"),
            instrument,
            side,
            size: "0.1".parse().unwrap(),
            price: thetaq::domain::money::decimal(price).unwrap(),
            time_in_force: TimeInForce::ImmediateOrCancel,
            post_only: PostOnly::Off,
            reduce_only: false,
            valid_until_ms: None,
        };
        let placed = ctx.exchange.place(&request, now_ms).await.unwrap();
        assert_eq!(placed.trades.len(), 1, "{placed:?}");
    }
}

fn ctx(db: &thetaq::db::Db, policy: &str) -> Ctx {
    let text =
        format!("[desk]\ndry_run = false\nreconcile = \"{policy}\"\n[exchange]\nspeed = 1.0");
    let clock = Clock::manual(START_MS, &["reconcile"]);
    let config = Arc::new(Config::parse(&text, "test").unwrap());
    Ctx::with_clock(db.clone(), "test", clock, config)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_halts_the_desk_and_is_named() {
    each_db(async |test| {
        let ctx = ctx(&test.db, "halt");
        traded_behind_its_back(&ctx).await;
        let underlying = Coin::Btc;
        run(
            &ctx,
            &Reconcile {
                underlying,
                adopt: false,
            },
        )
        .await;
        assert_eq!(ctx.row().await.unwrap().state(), DeskState::Paused);
        let row = &reconciliations::list(&ctx.db, "test", 1).await.unwrap()[0];
        assert_eq!(
            (row.outcome.as_str(), row.difference_usd > 9_000.0),
            ("halted", true)
        );
        assert_eq!(
            row.details.0.as_array().unwrap().len(),
            3,
            "cash and two contracts"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adopted_book_is_the_exchanges_to_the_satoshi() {
    each_db(async |test| {
        let ctx = ctx(&test.db, "adopt");
        traded_behind_its_back(&ctx).await;
        let underlying = Coin::Btc;
        run(
            &ctx,
            &Reconcile {
                underlying,
                adopt: false,
            },
        )
        .await;
        assert_eq!(ctx.row().await.unwrap().state(), DeskState::Running);
        let now_ms = ctx.clock.now_ms();
        let ours = books::portfolio(&ctx.db, "test").await.unwrap();
        let theirs = ctx.exchange.account(underlying, now_ms).await.unwrap();
        assert_eq!(ours.cash("BTC"), theirs.balance);
        let held = ctx.exchange.positions(underlying, now_ms).await.unwrap();
        let held: Vec<_> = held
            .iter()
            .map(|held| (held.instrument, held.size, held.average_price))
            .collect();
        let folded = ours.positions_of(underlying);
        let folded: Vec<_> = folded
            .map(|held| (held.instrument, held.size, held.average_price))
            .collect();
        assert_eq!(folded, held);
        let made = fills::all(&ctx.db, "test").await.unwrap();
        assert_eq!(
            made.iter().filter(|fill| fill.source == "adopted").count(),
            2
        );
        let said = decisions::all(&ctx.db, "test").await.unwrap();
        assert!(said.last().unwrap().reason.contains("taken over"));
        // Nothing is left to adopt.
        ctx.clock.set(Time::Manual {
            now_ms: now_ms + HOUR_MS,
        });
        run(
            &ctx,
            &Reconcile {
                underlying,
                adopt: false,
            },
        )
        .await;
        let row = &reconciliations::list(&ctx.db, "test", 1).await.unwrap()[0];
        assert_eq!((row.outcome.as_str(), row.difference_usd), ("agreed", 0.0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_ends_with_the_accounts_own_book() {
    each_db(async |test| {
        let config = Config::parse("[exchange]\nspeed = 1.0", "test").unwrap();
        let clock = Clock::manual(START_MS, &["dry"]);
        let ctx = Ctx::with_clock(test.db.clone(), "test", clock, Arc::new(config));
        ctx.open().await.unwrap();
        let underlying = Coin::Btc;
        let tick = Tick {
            underlying,
            as_of_ms: None,
        };
        run(&ctx, &tick).await;
        let dry = books::portfolio(&ctx.db, "test").await.unwrap();
        assert_eq!(
            dry.positions_of(underlying).count(),
            1,
            "a call of the fill model"
        );
        let mut tx = ctx.db.begin().await.unwrap();
        controls::send_orders(&mut tx, &ctx).await.unwrap();
        tx.commit().await.unwrap();
        let until = Advance::Until(ctx.clock.now_ms() + HOUR_MS);
        run_until_idle(&ctx, &registry::all(), until).await.unwrap();
        let row = ctx.row().await.unwrap();
        assert_eq!((row.state(), row.dry_run), (DeskState::Stopped, false));
        let own = books::portfolio(&ctx.db, "test").await.unwrap();
        let now_ms = ctx.clock.now_ms();
        let account = ctx.exchange.account(underlying, now_ms).await.unwrap();
        assert_eq!(own.positions_of(underlying).count(), 0);
        assert_eq!(own.cash("BTC"), account.balance);
        let mut tx = ctx.db.begin().await.unwrap();
        controls::dry_run(&mut tx, &ctx).await.unwrap();
        tx.commit().await.unwrap();
        assert!(ctx.row().await.unwrap().dry_run);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_chose_stands_until_the_settings_change() {
    each_db(async |test| {
        let open = async |text: &str| {
            let config = Arc::new(Config::parse(text, "test").unwrap());
            let ctx = Ctx::live(test.db.clone(), config, Purpose::Work).await;
            ctx.unwrap()
        };
        let ctx = open("").await;
        assert!(ctx.row().await.unwrap().dry_run);
        let mut tx = ctx.db.begin().await.unwrap();
        controls::send_orders(&mut tx, &ctx).await.unwrap();
        tx.commit().await.unwrap();
        assert!(!open("").await.row().await.unwrap().dry_run);
        let other = open("[desk]\nwalk_steps = 3").await;
        assert!(other.row().await.unwrap().dry_run, "the file counts again");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_button_sends_orders_to_the_main_host() {
    each_db(async |test| {
        let text = "[exchange]\nkind = \"deribit\"\nurl = \"main\"";
        let config = Arc::new(Config::parse(text, "test").unwrap());
        let clock = Clock::manual(START_MS, &["main"]);
        let ctx = Ctx::with_clock(test.db.clone(), "test", clock, config);
        let mut tx = ctx.db.begin().await.unwrap();
        let refused = controls::send_orders(&mut tx, &ctx).await.unwrap_err();
        let said = refused.to_string();
        assert!(
            said.contains("dry_run = false") && said.contains("allow_main_host_orders"),
            "{said}"
        );
    })
    .await;
}
