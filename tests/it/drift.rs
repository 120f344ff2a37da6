//! The `drift` job: a desk that nobody disturbed differs in nothing, and every disturbance is found by its name.

use crate::backtest::{DAY_MS, FROM_MS, record};
use crate::support::{TestDb, each_db};
use std::sync::Arc;
use thetaq::clock::{Clock, Time};
use thetaq::config::{Config, ExchangeKind, MarketKind};
use thetaq::ctx::{Ctx, LIVE};
use thetaq::db::decisions::{self, DecisionRow};
use thetaq::db::drifts::{self, DifferenceRow, DriftRow};
use thetaq::db::{fills, jobs};
use thetaq::domain::coin::Coin;
use thetaq::jobs::close::Close;
use thetaq::jobs::drain::{Advance, run_until_idle};
use thetaq::jobs::drift::Drift;
use thetaq::jobs::settle::Settle;
use thetaq::jobs::tick::Tick;
use thetaq::jobs::{Job, Options, enqueue, registry};

const DAYS: i64 = 5;
/// Calls are short, so that some expire and some are rolled within the days.
const SHORT: &str = "[desk]\nunderlyings = [\"BTC\"]\nivrv_min = 0.1\ndte_max = 3";
/// Exploration, several calls at once, and a limit that looks at the day's peak.
const BUSY: &str = "[desk]\nivrv_min = 0.1\nmax_calls_per_underlying = 3\ndaily_drawdown_limit = 0.001\n\
    [policy]\nname = \"rules_v1\"\nexplore_prob = 0.9\npremium_min_usd = 5";

/// Calls are held to their expiry.
const HELD: &str = "[desk]\nunderlyings = [\"ETH\"]\nivrv_min = 0.1\ndte_max = 2.5\n\
    [policy]\nroll_dte = 0.0\nroll_dte_itm = 0.0\nroll_dte_near = 0.0";

fn config(text: &str) -> Arc<Config> {
    let mut config = Config::parse(text, "test").unwrap();
    config.exchange.kind = ExchangeKind::Sim;
    config.exchange.market = MarketKind::Replay;
    config.exchange.speed = 1.0;
    Arc::new(config)
}

/// A desk over the recorded days, at their first instant.
async fn desk(test: &TestDb, text: &str) -> Ctx {
    record(test, DAYS).await;
    let clock = Clock::manual(FROM_MS, &["drift"]);
    let ctx = Ctx::with_clock(test.db.clone(), "drifting", clock, config(text));
    ctx.open().await.unwrap();
    ctx
}

async fn put<J: Job>(ctx: &Ctx, job: &J, at_ms: i64) -> String {
    let options = Options {
        run_at_ms: Some(at_ms),
        ..Options::default()
    };
    let mut tx = ctx.db.begin().await.unwrap();
    let enqueued = enqueue(&mut tx, ctx, job, options).await.unwrap();
    tx.commit().await.unwrap();
    enqueued.id
}

async fn drain(ctx: &Ctx, until_ms: i64) {
    run_until_idle(ctx, &registry::all(), Advance::Until(until_ms))
        .await
        .unwrap();
    ctx.clock.set(Time::Manual { now_ms: until_ms });
}

/// The `n`th recorded instant.
fn instant(n: i64) -> i64 {
    FROM_MS + n * DAY_MS / 3
}

/// Ticks and settles as a desk does by schedule.
async fn live(ctx: &Ctx, instants: std::ops::Range<i64>) {
    for n in instants {
        let at_ms = instant(n);
        for underlying in ctx.config.desk.underlyings.clone() {
            if n % 3 == 1 {
                put(ctx, &Settle { underlying }, at_ms).await;
            }
            let tick = Tick {
                underlying,
                as_of_ms: Some(at_ms),
            };
            put(ctx, &tick, at_ms).await;
        }
        drain(ctx, at_ms).await;
    }
}

async fn drift(ctx: &Ctx, from_ms: i64, to_ms: i64) -> Vec<(DriftRow, Vec<DifferenceRow>)> {
    let job = Drift {
        underlying: None,
        from_ms: Some(from_ms),
        to_ms: Some(to_ms),
        desk: None,
    };
    let id = put(ctx, &job, ctx.clock.now_ms()).await;
    drain(ctx, ctx.clock.now_ms()).await;
    let row = jobs::get(&ctx.db, &id).await.unwrap().unwrap();
    assert_eq!(row.state, "succeeded", "{row:?}");
    let mut found = Vec::new();
    for row in drifts::of_job(&ctx.db, &id).await.unwrap() {
        let rows = drifts::differences(&ctx.db, &row.id).await.unwrap();
        assert_eq!(row.differences as usize, rows.len());
        found.push((row, rows));
    }
    assert_eq!(found.len(), ctx.config.desk.underlyings.len());
    found
}

/// All of the days of the only coin.
async fn whole(ctx: &Ctx) -> (DriftRow, Vec<DifferenceRow>) {
    drift(ctx, FROM_MS, FROM_MS + DAYS * DAY_MS).await.remove(0)
}

/// What the tests do to a desk behind its back.
async fn execute(test: &TestDb, sql: &str) {
    let changed = if let Some(path) = test.url.strip_prefix("sqlite://") {
        let file = rusqlite::Connection::open(path).unwrap();
        file.execute(sql, []).unwrap() as u64
    } else {
        use sqlx::{AssertSqlSafe, Connection};
        let mut server = sqlx::PgConnection::connect(&test.url).await.unwrap();
        let done = sqlx::query(AssertSqlSafe(sql)).execute(&mut server).await;
        done.unwrap().rows_affected()
    };
    assert!(changed > 0, "{sql}");
}

async fn made(ctx: &Ctx) -> Vec<DecisionRow> {
    decisions::all(&ctx.db, &ctx.desk).await.unwrap()
}

/// Differences are numbered in order, and each one names an earlier one or none.
fn one_cause(rows: &[DifferenceRow], kind: &str) -> DifferenceRow {
    let found: Vec<_> = rows.iter().filter(|row| row.kind == kind).collect();
    let [cause] = found[..] else {
        panic!("{kind}: {rows:#?}")
    };
    for (n, row) in (1..).zip(rows) {
        assert_eq!(row.n, n);
        assert!(row.because.is_none_or(|because| because < n), "{row:?}");
        assert!(
            !row.explanation.is_empty() && row.kind != "unexplained",
            "{row:?}"
        );
        let follows = row.kind == "book_differs" && row.because == Some(cause.n);
        assert!(row.n == cause.n || follows, "{row:?} beside {cause:?}");
    }
    cause.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_that_nobody_disturbed_differs_in_nothing() {
    each_db(async |test| {
        record(&test, DAYS).await;
        for (name, text) in [("short", SHORT), ("busy", BUSY), ("held", HELD)] {
            let clock = Clock::manual(FROM_MS, &["drift", name]);
            let ctx = Ctx::with_clock(test.db.clone(), name, clock, config(text));
            ctx.open().await.unwrap();
            live(&ctx, 0..3 * DAYS).await;
            let end_ms = FROM_MS + DAYS * DAY_MS;
            // The whole of it, and from the middle of a day with a book that is under way.
            for (from_ms, count) in [(FROM_MS, 3 * DAYS), (instant(5), 3 * DAYS - 5)] {
                for (row, rows) in drift(&ctx, from_ms, end_ms).await {
                    assert_eq!(rows, [], "{name} from {from_ms}");
                    assert_eq!((row.compared, row.same), (count, count), "{row:?}");
                    assert_eq!(row.equity_desk_e8, row.equity_again_e8);
                    assert!(row.fills > 0 || from_ms > FROM_MS, "{row:?}");
                }
            }
            let settled = drift(&ctx, FROM_MS, end_ms).await.remove(0).0.settlements;
            assert!(name != "held" || settled > 0, "some call expired");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_is_not_there_is_a_missed_tick() {
    each_db(async |test| {
        let ctx = desk(&test, SHORT).await;
        live(&ctx, 0..3 * DAYS).await;
        let rows = made(&ctx).await;
        let idle = rows
            .iter()
            .rev()
            .find(|row| row.proposed_action == "DO_NOTHING");
        let idle = idle.expect("some decision holds");
        for table in ["candidates", "risk_lines"] {
            execute(
                &test,
                &format!("delete from {table} where decision = '{}'", idle.id),
            )
            .await;
        }
        execute(
            &test,
            &format!("delete from decisions where id = '{}'", idle.id),
        )
        .await;
        let (row, rows) = whole(&ctx).await;
        let missed = one_cause(&rows, "tick_missed");
        assert_eq!((missed.at_ms, rows.len()), (idle.as_of_ms, 1), "{rows:?}");
        assert!(
            missed.explanation.contains("no decision at this instant"),
            "{missed:?}"
        );
        assert_eq!((row.compared, row.unexplained), (3 * DAYS - 1, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_settings_are_named_and_followed() {
    each_db(async |test| {
        let ctx = desk(&test, SHORT).await;
        live(&ctx, 0..7).await;
        let ctx = Ctx {
            config: config(&format!("{SHORT}\ndelta_max = 0.33")),
            ..ctx
        };
        live(&ctx, 7..3 * DAYS).await;
        let (row, rows) = whole(&ctx).await;
        let changed = one_cause(&rows, "settings_changed");
        assert_eq!((changed.at_ms, rows.len()), (instant(7), 1), "{rows:?}");
        assert!(
            changed.explanation.contains("delta_max 0.4 -> 0.33"),
            "{changed:?}"
        );
        assert_eq!(row.same, 3 * DAYS, "{row:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_closed_by_a_person_explains_what_follows() {
    each_db(async |test| {
        let ctx = desk(&test, SHORT).await;
        live(&ctx, 0..2).await;
        let close = Close {
            underlying: Coin::Btc,
            instrument: None,
        };
        let at_ms = instant(1) + 3_600_000;
        put(&ctx, &close, at_ms).await;
        drain(&ctx, at_ms).await;
        live(&ctx, 2..3 * DAYS).await;
        let (row, rows) = whole(&ctx).await;
        let by_hand = one_cause(&rows, "manual");
        assert_eq!((by_hand.at_ms, by_hand.n), (at_ms, 1));
        assert!(
            by_hand.explanation.contains("closed by hand"),
            "{by_hand:?}"
        );
        let about = |what: &str| {
            rows.iter()
                .any(|row| row.about == what && row.because == Some(1))
        };
        assert!(about("decision") && about("equity"), "{rows:#?}");
        assert_ne!(row.equity_desk_e8, row.equity_again_e8);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_did_not_fill_is_named_and_explains_what_follows() {
    each_db(async |test| {
        let ctx = desk(&test, SHORT).await;
        live(&ctx, 0..1).await;
        let sold = fills::all(&ctx.db, &ctx.desk).await.unwrap().remove(0);
        execute(
            &test,
            &format!("delete from fills where order_id = '{}'", sold.order_id),
        )
        .await;
        let unfilled =
            "update orders set state = 'cancelled', filled_e8 = 0, average_price_e8 = null";
        execute(&test, &format!("{unfilled} where id = '{}'", sold.order_id)).await;
        live(&ctx, 1..3 * DAYS).await;
        let (_, rows) = whole(&ctx).await;
        let order = one_cause(&rows, "order_unfilled");
        assert_eq!((order.n, order.about.as_str()), (1, "fill"));
        assert!(
            order.explanation.contains("is cancelled, 0 of 0.1 filled"),
            "{order:?}"
        );
        assert!(rows.len() > 1, "the books differ from then on");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_price_is_told_from_an_order_that_did_not_fill() {
    each_db(async |test| {
        let ctx = desk(&test, SHORT).await;
        live(&ctx, 0..1).await;
        let sold = fills::all(&ctx.db, &ctx.desk).await.unwrap().remove(0);
        let dearer = "update fills set price_e8 = price_e8 + 50000, cash_e8 = cash_e8 + 5000";
        execute(
            &test,
            &format!("{dearer} where trade_id = '{}'", sold.trade_id),
        )
        .await;
        live(&ctx, 1..3 * DAYS).await;
        let (_, rows) = whole(&ctx).await;
        let price = one_cause(&rows, "price_differs");
        assert_eq!(
            (price.n, price.decision.as_ref()),
            (1, Some(&sold.decision))
        );
        let value = rows
            .iter()
            .find(|row| row.about == "equity")
            .expect("worth more");
        assert!(value.explanation.contains("0.00005"), "{value:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_tick_and_a_chain_that_is_gone_have_kinds_of_their_own() {
    each_db(async |test| {
        let ctx = desk(&test, SHORT).await;
        let early = Tick {
            underlying: Coin::Btc,
            as_of_ms: Some(FROM_MS - DAY_MS),
        };
        put(&ctx, &early, FROM_MS).await;
        drain(&ctx, FROM_MS + 60_000).await;
        live(&ctx, 1..3 * DAYS).await;
        let holds = |row: &DecisionRow| row.error.is_none() && row.final_action == "DO_NOTHING";
        let gone = made(&ctx).await.into_iter().find(holds);
        let gone = gone.expect("some decision holds");
        let chain = format!("underlying = 'BTC' and at_ms = {}", gone.as_of_ms);
        execute(&test, &format!("delete from chain_snapshots where {chain}")).await;
        let (row, rows) = drift(&ctx, FROM_MS - DAY_MS, FROM_MS + DAYS * DAY_MS)
            .await
            .remove(0);
        let kinds: Vec<_> = rows
            .iter()
            .map(|row| (row.kind.as_str(), row.at_ms))
            .collect();
        let expect = [
            ("tick_failed", FROM_MS - DAY_MS),
            ("tick_missed", FROM_MS),
            ("chain_missing", gone.as_of_ms),
        ];
        assert!(expect.iter().all(|one| kinds.contains(one)), "{rows:#?}");
        assert_eq!(row.unexplained, 0, "{rows:#?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_same_inputs_do_not_give_again_is_unexplained() {
    each_db(async |test| {
        let ctx = desk(&test, SHORT).await;
        live(&ctx, 0..3 * DAYS).await;
        let row = made(&ctx).await.remove(2);
        let wrong = "update decisions set propensity = 0.125";
        execute(&test, &format!("{wrong} where id = '{}'", row.id)).await;
        let (drift, rows) = whole(&ctx).await;
        let [found] = &rows[..] else {
            panic!("{rows:#?}")
        };
        assert_eq!((drift.unexplained, found.kind.as_str()), (1, "unexplained"));
        assert!(found.explanation.contains("propensity"), "{found:?}");
        let older = "update decisions set code_version = '0.0.1'";
        execute(&test, &format!("{older} where id = '{}'", row.id)).await;
        let (drift, rows) = whole(&ctx).await;
        assert_eq!(
            (drift.unexplained, rows[0].kind.as_str()),
            (0, "code_changed")
        );
    })
    .await;
}

/// The live desk owes a decision at every slot of its schedule; what was missed in a row is one difference.
#[tokio::test(flavor = "multi_thread")]
async fn slots_of_the_live_desk_without_a_decision_are_found() {
    each_db(async |test| {
        let config = "[desk]\nunderlyings = [\"BTC\"]\n[jobs.tick]\nschedule = \"0 0 */4 * * *\"";
        let config = Arc::new(Config::parse(config, "test").unwrap());
        let clock = Clock::manual(FROM_MS, &["drift"]);
        let ctx = Ctx::with_clock(test.db.clone(), LIVE, clock, config);
        ctx.open().await.unwrap();
        for hour in [0, 4, 16, 20] {
            let at_ms = FROM_MS + hour * 3_600_000;
            let tick = Tick {
                underlying: Coin::Btc,
                as_of_ms: Some(at_ms),
            };
            put(&ctx, &tick, at_ms).await;
            drain(&ctx, at_ms).await;
        }
        ctx.clock.set(Time::Manual {
            now_ms: FROM_MS + DAY_MS + 1_800_000,
        });
        // As the schedule enqueues it: yesterday, every underlying.
        let id = put(&ctx, &Drift::default(), ctx.clock.now_ms()).await;
        drain(&ctx, ctx.clock.now_ms()).await;
        let row = drifts::of_job(&ctx.db, &id).await.unwrap().remove(0);
        assert_eq!((row.from_ms, row.to_ms), (FROM_MS, FROM_MS + DAY_MS - 1));
        assert_eq!((row.decisions, row.compared), (4, 4), "{row:?}");
        let rows = drifts::differences(&ctx.db, &row.id).await.unwrap();
        assert_eq!(rows[0].kind, "tick_missed", "{rows:#?}");
        assert_eq!(rows[0].at_ms, FROM_MS + 8 * 3_600_000);
        assert!(
            rows[0]
                .explanation
                .contains("no decision at 2 instants up to 2026-01-05 12:00"),
            "{rows:#?}"
        );
        assert_eq!(row.unexplained, 0, "{rows:#?}");
    })
    .await;
}

/// A watcher's nightly run over a fresh database is no failure; asked for by hand it says what to do.
#[tokio::test(flavor = "multi_thread")]
async fn a_desk_that_has_decided_nothing_is_told_so() {
    each_db(async |test| {
        let clock = Clock::manual(FROM_MS, &["undecided"]);
        let ctx = Ctx::with_clock(test.db.clone(), LIVE, clock, config(SHORT));
        ctx.open().await.unwrap();
        let id = put(&ctx, &Drift::default(), FROM_MS).await;
        drain(&ctx, FROM_MS).await;
        let row = jobs::get(&ctx.db, &id).await.unwrap().unwrap();
        let error = row.error.unwrap();
        assert_eq!(row.state, "discarded");
        assert!(error.starts_with("nothing was decided yet"), "{error}");
        assert!(error.contains("thetaq tick"), "{error}");
    })
    .await;
}
