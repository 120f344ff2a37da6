//! What keeps a desk from harm while it trades over HTTP: the kill switch, the cap on orders, the dead-man
//! rule. Desk and exchange share one clock that the test sets.

use crate::support::served::{Server, synthetic};
use crate::support::venue::Venue;
use crate::support::{TestDb, sqlite};
use rust_decimal::Decimal;
use std::sync::Arc;
use thetaq::clock::Time;
use thetaq::config::{Config, ExchangeKind};
use thetaq::ctx::Ctx;
use thetaq::db::decisions::{self, DecisionFilter, DecisionRow};
use thetaq::db::orders::{self, OrderRow};
use thetaq::domain::coin::Coin;
use thetaq::exchange::facts::Order;
use thetaq::jobs::close::Close;
use thetaq::jobs::drain::{Advance, run_until_idle};
use thetaq::jobs::tick::Tick;
use thetaq::jobs::{Job, Options, controls, enqueue, registry};

const COIN: Coin = Coin::Btc;
const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

struct Desk {
    ctx: Ctx,
    server: Server,
    _rows: TestDb,
}

impl Desk {
    /// A desk that sends orders, two calls at most; `text` adds keys to its section.
    async fn new(text: &str) -> Self {
        let venue = Venue::over_http(synthetic()).await;
        let server = venue.server.unwrap();
        let text = format!(
            "[desk]\ndry_run = false\nunderlyings = [\"BTC\"]\nmax_calls_per_underlying = 2\n\
             ivrv_min = 0.1\n{text}"
        );
        let mut config = Config::parse(&text, "test").unwrap();
        config.exchange.kind = ExchangeKind::Deribit;
        config.exchange.speed = 1.0;
        let rows = sqlite().await;
        let clock = server.clock.clone();
        let ctx = Ctx {
            exchange: venue.exchange,
            ..Ctx::with_clock(rows.db.clone(), "test", clock, Arc::new(config))
        };
        ctx.open().await.unwrap();
        Self {
            ctx,
            server,
            _rows: rows,
        }
    }

    /// The same desk under other keys.
    fn with(&mut self, change: impl FnOnce(&mut Config)) {
        let mut config = (*self.ctx.config).clone();
        change(&mut config);
        self.ctx.config = Arc::new(config);
    }

    fn pass(&self, ms: i64) {
        let now_ms = self.ctx.clock.now_ms() + ms;
        self.ctx.clock.set(Time::Manual { now_ms });
    }

    async fn enqueue<J: Job>(&self, job: &J) {
        let mut tx = self.ctx.db.begin().await.unwrap();
        enqueue(&mut tx, &self.ctx, job, Options::default())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    async fn work(&self, ms: i64) {
        let until = Advance::Until(self.ctx.clock.now_ms() + ms);
        run_until_idle(&self.ctx, &registry::all(), until)
            .await
            .unwrap();
    }

    /// Decides and lets its orders work for so long.
    async fn tick(&self, ms: i64) -> DecisionRow {
        let tick = Tick {
            underlying: COIN,
            as_of_ms: None,
        };
        self.enqueue(&tick).await;
        self.work(ms).await;
        let filter = DecisionFilter::of("test", 1);
        decisions::list(&self.ctx.db, &filter)
            .await
            .unwrap()
            .remove(0)
    }

    async fn order(&self, decision: &DecisionRow) -> OrderRow {
        let made = orders::of_decision(&self.ctx.db, &decision.id).await;
        made.unwrap().remove(0)
    }

    async fn resting(&self) -> Vec<Order> {
        let now_ms = self.ctx.clock.now_ms();
        self.ctx.exchange.open_orders(COIN, now_ms).await.unwrap()
    }

    async fn short(&self) -> Decimal {
        let now_ms = self.ctx.clock.now_ms();
        let held = self.ctx.exchange.positions(COIN, now_ms).await.unwrap();
        held.iter().map(|held| -held.size).sum()
    }

    fn sent(&self, method: &str) -> u64 {
        let calls = self.server.calls.all();
        calls.get(method).map_or(0, |count| count.calls)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kill_switch_takes_every_order_back_and_lets_nothing_but_closing_through() {
    let mut desk = Desk::new("walk_steps = 0").await;
    desk.tick(MINUTE_MS).await;
    assert_eq!(desk.short().await, Decimal::new(1, 1), "sold at the bid");
    desk.with(|config| config.desk.walk_steps = 4);
    desk.pass(10 * MINUTE_MS);
    let second = desk.tick(SECOND_MS).await;
    assert_eq!(desk.resting().await.len(), 1, "at the midpoint: {second:?}");

    let mut tx = desk.ctx.db.begin().await.unwrap();
    controls::set_kill_switch(&mut tx, &desk.ctx, true)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    desk.work(SECOND_MS).await;
    assert_eq!(desk.resting().await, []);
    assert_eq!(desk.order(&second).await.state, "cancelled");

    desk.pass(10 * MINUTE_MS);
    let refused = desk.tick(MINUTE_MS).await;
    assert_eq!(
        (
            refused.proposed_action.as_str(),
            refused.final_action.as_str()
        ),
        ("OPEN_COVERED_CALL", "DO_NOTHING")
    );
    assert!(refused.refusal.unwrap().contains("kill_switch"));
    desk.enqueue(&Close {
        underlying: COIN,
        instrument: None,
    })
    .await;
    desk.work(HOUR_MS).await;
    assert_eq!(desk.short().await, Decimal::ZERO, "bought back");
    assert_eq!(desk.sent("private/sell"), 2, "nothing was sold since");
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_come_no_faster_than_their_cap() {
    let desk = Desk::new("walk_steps = 0\norder_rate_max = 1").await;
    let first = desk.tick(SECOND_MS).await;
    assert_eq!(first.final_action, "OPEN_COVERED_CALL");
    desk.pass(30 * SECOND_MS);
    let second = desk.tick(SECOND_MS).await;
    assert_eq!(
        (
            second.proposed_action.as_str(),
            second.final_action.as_str()
        ),
        ("OPEN_COVERED_CALL", "DO_NOTHING"),
        "half a minute later"
    );
    assert!(second.refusal.unwrap().contains("order_rate"));
    assert_eq!(desk.sent("private/sell"), 1);
    desk.pass(2 * MINUTE_MS);
    let third = desk.tick(SECOND_MS).await;
    assert_eq!(third.final_action, "OPEN_COVERED_CALL");
    assert_eq!(desk.sent("private/sell"), 2);
}

/// The desk dies with an order at the exchange: at 08:00 UTC the order is gone by itself, and the desk
/// that comes back finds out by its label and sends nothing again.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_desk_is_gone_ends_at_eight_and_is_not_sent_again() {
    let desk = Desk::new("walk_steps = 4").await;
    desk.pass(22 * HOUR_MS + 55 * MINUTE_MS);
    let decision = desk.tick(SECOND_MS).await;
    let resting = desk.resting().await;
    assert_eq!(resting.len(), 1, "five minutes to eight");
    assert_eq!(resting[0].label, format!("tq-{}-open", decision.id));
    desk.pass(15 * MINUTE_MS);
    assert_eq!(desk.resting().await, [], "nobody took it back");
    desk.work(SECOND_MS).await;
    let row = desk.order(&decision).await;
    assert_eq!((row.state.as_str(), row.filled_e8), ("cancelled", 0));
    assert_eq!(row.error.as_deref(), Some("settlement"));
    desk.work(HOUR_MS).await;
    assert_eq!(desk.sent("private/sell"), 1, "never again");
}
