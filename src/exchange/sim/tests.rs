//! The exchange over a written market: time, expiry, shared books, restarts, conservation of cash.

use super::keeper::{Kept, MemoryKeeper};
use super::market::Market;
use super::testing::{
    CALL, MINUTE_MS, NEXT_CALL, START_MS, Script, account, chain, decimal, quote, request,
};
use super::*;
use crate::domain::instrument::DAY_MS;
use crate::domain::order::{OrderState, Side};
use crate::domain::portfolio::Portfolio;
use crate::exchange::facts::TimeInForce;
use crate::market::synthetic::Synthetic;
use proptest::prelude::*;

/// 2026-01-09 08:00 UTC.
const EXPIRY_MS: i64 = START_MS + 7 * DAY_MS - 3_600_000;

/// Quotes at the start, five minutes on, and in the afternoon of each of ten days.
fn script() -> Script {
    let mut script = Script::default();
    let book = |at_ms, lift: f64| {
        chain(
            at_ms,
            vec![
                quote(CALL, 0.010 + lift, 0.012 + lift, Some(3.0)),
                quote(NEXT_CALL, 0.020 + lift, 0.0215 + lift, Some(3.0)),
                quote("BTC-9JAN26-110000-C", 0.002, 0.0025, Some(3.0)),
            ],
        )
    };
    script.chains.push(book(START_MS, 0.0));
    script.chains.push(book(START_MS + 5 * MINUTE_MS, 0.002));
    for day in 1..=10 {
        script
            .chains
            .push(book(START_MS + day * DAY_MS, 0.001 * day as f64));
    }
    script.deliveries.insert((Coin::Btc, EXPIRY_MS), 104_000.0);
    script
}

async fn sell(exchange: &SimExchange, label: &str, name: &str, size: &str, price: &str) -> Placed {
    let asked = request(label, name, Side::Sell, size, price);
    exchange.place(&asked, START_MS).await.expect("accepted")
}

#[tokio::test]
async fn expiries_settle_in_order_though_nobody_called_for_days() {
    let exchange = script().exchange();
    sell(&exchange, "itm", CALL, "0.5", "0.01").await;
    sell(&exchange, "otm", "BTC-9JAN26-110000-C", "0.5", "0.002").await;
    let before = exchange
        .account("BTC", START_MS)
        .await
        .expect("read")
        .balance;
    let later_ms = START_MS + 9 * DAY_MS;
    let after = exchange
        .account("BTC", later_ms)
        .await
        .expect("read")
        .balance;
    // (104000 - 100000) / 104000 = 0.0384615384.. per coin; fee 0.5 x 0.00015; the other is worthless.
    assert_eq!(after - before, decimal("-0.01923077") - decimal("0.000075"));
    assert!(
        exchange
            .positions(Coin::Btc, later_ms)
            .await
            .expect("read")
            .is_empty()
    );
    let deliveries = exchange
        .deliveries(Coin::Btc, START_MS, later_ms)
        .await
        .expect("read");
    let facts: Vec<_> = deliveries
        .iter()
        .map(|delivery| (delivery.settlement.at_ms, delivery.price_source))
        .collect();
    assert_eq!(facts, [(EXPIRY_MS, Source::DeliveryPrice); 2]);
}

#[tokio::test]
async fn an_option_in_the_money_writes_two_rows_and_a_worthless_one_writes_one() {
    let exchange = script().exchange();
    sell(&exchange, "itm", CALL, "0.5", "0.01").await;
    sell(&exchange, "otm", "BTC-9JAN26-110000-C", "0.5", "0.002").await;
    let log = exchange
        .transaction_log("BTC", START_MS, EXPIRY_MS)
        .await
        .expect("read");
    let rows: Vec<_> = log
        .iter()
        .map(|row| (row.instrument.as_str(), row.size, row.price, row.change))
        .collect();
    let expected = [
        (CALL, "0.5", "100000", "-0.000075"),
        ("BTC-9JAN26", "0.5", "104000", "-0.01923077"),
        ("BTC-9JAN26-110000-C", "0.5", "110000", "0"),
    ];
    let expected = expected
        .map(|(name, size, price, change)| (name, decimal(size), decimal(price), decimal(change)));
    assert_eq!(rows[..2], expected[..2]);
    assert_eq!(
        (rows[2].0, rows[2].1, rows[2].3),
        (expected[2].0, expected[2].1, expected[2].3)
    );
    assert_eq!(rows.len(), 3);
}

#[tokio::test]
async fn a_position_waits_for_a_delivery_price_that_is_late() {
    let mut late = script();
    late.deliveries.clear();
    let keeper = MemoryKeeper::default();
    let open = |script: Script| {
        let market = Market::Replay(Arc::new(script));
        let deposits = account(&[("BTC", "2")]);
        SimExchange::new(market, Arc::new(keeper.clone()), deposits)
    };
    let exchange = open(late);
    sell(&exchange, "itm", CALL, "0.5", "0.01").await;
    let hour_later = EXPIRY_MS + 3_600_000;
    assert_eq!(
        exchange
            .positions(Coin::Btc, hour_later)
            .await
            .expect("read")
            .len(),
        1
    );
    let exchange = open(script());
    assert!(
        exchange
            .positions(Coin::Btc, hour_later)
            .await
            .expect("read")
            .is_empty()
    );
}

#[tokio::test]
async fn day_orders_end_at_eight_and_orders_of_an_expiring_contract_too() {
    let exchange = script().exchange();
    let mut day = request("day", CALL, Side::Sell, "0.1", "0.05");
    day.time_in_force = TimeInForce::GoodTilDay;
    exchange.place(&day, START_MS).await.expect("rests");
    sell(&exchange, "expiring", CALL, "0.1", "0.05").await;
    sell(&exchange, "later", NEXT_CALL, "0.1", "0.06").await;
    let open = async |at_ms| {
        let open = exchange.open_orders(Coin::Btc, at_ms).await.expect("read");
        open.into_iter()
            .map(|order| order.label)
            .collect::<Vec<_>>()
    };
    let eight_ms = START_MS + DAY_MS - 3_600_000;
    assert_eq!(open(eight_ms - 1).await, ["day", "expiring", "later"]);
    assert_eq!(open(eight_ms).await, ["expiring", "later"]);
    assert_eq!(open(EXPIRY_MS).await, ["later"]);
    let ended = exchange
        .order_by_label(Coin::Btc, "expiring", EXPIRY_MS)
        .await;
    let ended = ended.expect("read").expect("still shown");
    assert_eq!(ended.cancel_reason.as_deref(), Some("settlement"));
}

#[tokio::test]
async fn resting_orders_meet_every_snapshot_on_the_way() {
    let exchange = script().exchange();
    sell(&exchange, "rests", CALL, "0.1", "0.0115").await;
    // The bid was 0.012 five minutes later and 0.011 at the end of the first day.
    let trades = exchange
        .fills_by_label(Coin::Btc, "rests", START_MS + DAY_MS)
        .await;
    let trades = trades.expect("read");
    assert_eq!(trades[0].fill.at_ms, START_MS + 5 * MINUTE_MS);
    assert_eq!(trades[0].fill.price, decimal("0.0115"));
}

/// One command of a test run: minutes to wait, what to do, with how much, how far from the bid.
type Command = (u16, u8, u8, i8);

async fn command(exchange: &SimExchange, index: usize, command: Command, at_ms: i64) {
    let (_, kind, size, ticks) = command;
    let name = if size % 2 == 0 { CALL } else { NEXT_CALL };
    let size = Decimal::new(i64::from(size % 20) + 1, 1);
    let price = decimal("0.012") + decimal("0.0005") * Decimal::from(ticks / 8);
    let label = format!("l{}", index / 2);
    let side = if kind % 2 == 0 { Side::Sell } else { Side::Buy };
    match kind % 8 {
        0..=4 => {
            let mut asked = request(&label, name, side, &size.to_string(), &price.to_string());
            asked.reduce_only = kind % 8 == 3;
            asked.time_in_force = match ticks.rem_euclid(4) {
                0 => TimeInForce::GoodTilCancelled,
                1 => TimeInForce::GoodTilDay,
                2 => TimeInForce::ImmediateOrCancel,
                _ => TimeInForce::FillOrKill,
            };
            // Refusals are part of the flow.
            exchange.place(&asked, at_ms).await.ok();
        }
        5 => {
            let open = exchange.open_orders(Coin::Btc, at_ms).await.expect("read");
            if let Some(order) = open.first() {
                exchange
                    .edit(&order.order_id, size, price, at_ms)
                    .await
                    .ok();
            }
        }
        6 => {
            exchange
                .cancel_all(Coin::Btc, at_ms)
                .await
                .expect("cancelled");
        }
        _ => {
            exchange.account("BTC", at_ms).await.expect("read");
        }
    }
}

/// Runs commands one after another; with `restarts`, each on an exchange that was just started.
async fn run(commands: &[Command], restarts: bool) -> (String, SimExchange) {
    let keeper = MemoryKeeper::default();
    let start = |keeper: &MemoryKeeper| {
        let market = Market::Replay(Arc::new(script()));
        SimExchange::new(market, Arc::new(keeper.clone()), account(&[("BTC", "2")]))
    };
    let (mut exchange, mut at_ms, mut keeper) = (start(&keeper), START_MS, keeper);
    for (index, one) in commands.iter().enumerate() {
        at_ms += i64::from(one.0) * MINUTE_MS;
        command(&exchange, index, *one, at_ms).await;
        if restarts {
            let kept: Kept = keeper.load().await.expect("memory").expect("saved");
            keeper = MemoryKeeper::holding(kept);
            exchange = start(&keeper);
        }
    }
    let kept = keeper.load().await.expect("memory").expect("saved");
    (kept.state, exchange)
}

fn commands() -> impl Strategy<Value = Vec<Command>> {
    let one = (0_u16..1_500, any::<u8>(), any::<u8>(), any::<i8>());
    prop::collection::vec(one, 1..40)
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime without timers").block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Cash and positions are deposits, fills and settlements folded, whatever order they came in.
    #[test]
    fn cash_is_conserved_under_random_order_flow(commands in commands()) {
        wait(async {
            let (_, exchange) = run(&commands, false).await;
            let mut fold = Portfolio::default();
            fold.deposit("BTC", decimal("2"));
            let mut trades = Vec::new();
            for label in 0..20 {
                let label = format!("l{label}");
                trades.extend(exchange.fills_by_label(Coin::Btc, &label, START_MS).await.expect("read"));
            }
            trades.sort_by_key(|trade| trade.fill.trade_id.parse::<u64>().expect("BTC ids are digits"));
            for trade in &trades {
                fold.fill(&trade.fill, "chain", 0);
            }
            for delivery in exchange.deliveries(Coin::Btc, 0, START_MS).await.expect("read") {
                fold.settle(&delivery.settlement);
            }
            let summary = exchange.account("BTC", START_MS).await.expect("read");
            assert_eq!(summary.balance, fold.cash("BTC"));
            let theirs = exchange.positions(Coin::Btc, START_MS).await.expect("read");
            let theirs: Vec<_> = theirs.iter().map(|held| (held.instrument, held.size)).collect();
            let ours: Vec<_> = fold.positions().map(|held| (held.instrument, held.size)).collect();
            assert_eq!(theirs, ours);
        });
    }

    /// The same commands give the same bytes, also when the process restarts after every one.
    #[test]
    fn same_commands_same_bytes_restarted_or_not(commands in commands()) {
        wait(async {
            let (state, _) = run(&commands, false).await;
            assert_eq!(state, run(&commands, false).await.0);
            assert_eq!(state, run(&commands, true).await.0);
        });
    }
}

#[tokio::test]
async fn two_processes_share_one_book() {
    let keeper = Arc::new(MemoryKeeper::default());
    let start = || {
        let market = Market::Replay(Arc::new(script()));
        SimExchange::new(market, keeper.clone(), account(&[("BTC", "2")]))
    };
    let (one, other) = (start(), start());
    let sells = |exchange: SimExchange, name: &'static str| async move {
        for n in 0..10 {
            let label = format!("{name}{n}");
            let asked = request(&label, CALL, Side::Sell, "0.1", "0.05");
            exchange.place(&asked, START_MS).await.expect("rests");
        }
    };
    tokio::join!(sells(one.clone(), "a"), sells(other, "b"));
    let open = one.open_orders(Coin::Btc, START_MS).await.expect("read");
    assert_eq!(open.len(), 20);
    let mut ids: Vec<_> = open.into_iter().map(|order| order.order_id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 20);
}

#[tokio::test]
async fn reading_twice_at_one_instant_saves_nothing() {
    let keeper = MemoryKeeper::default();
    let market = Market::Replay(Arc::new(script()));
    let exchange = SimExchange::new(market, Arc::new(keeper.clone()), account(&[("BTC", "2")]));
    exchange.account("BTC", START_MS).await.expect("read");
    exchange
        .positions(Coin::Btc, START_MS + MINUTE_MS)
        .await
        .expect("read");
    let kept = keeper.load().await.expect("memory").expect("opened");
    assert_eq!(kept.version, 1, "only the opening deposit was written");
}

#[tokio::test]
async fn the_synthetic_market_trades_and_settles() {
    let market = Market::Synthetic(Synthetic::new("settles"));
    let keeper = Arc::new(MemoryKeeper::default());
    let exchange = SimExchange::new(market, keeper, account(&[("BTC", "2")]));
    let quotes = exchange.chain(Coin::Btc, START_MS).await.expect("quoted");
    let call = quotes.quotes.iter().find(|quote| {
        let dte = quote.instrument.dte(START_MS);
        quote.instrument.is_call()
            && (5.0..8.0).contains(&dte)
            && quote.delta.is_some_and(|delta| delta < 0.4)
    });
    let call = call.expect("a weekly call is listed");
    let bid = crate::domain::money::decimal(call.bid.expect("bid")).expect("finite");
    let asked = request(
        "s",
        &call.instrument.name(),
        Side::Sell,
        "0.1",
        &bid.to_string(),
    );
    let placed = exchange.place(&asked, START_MS).await.expect("taken");
    assert_eq!(placed.order.state, OrderState::Filled);
    let later_ms = call.instrument.expiry_ms + 1;
    let deliveries = exchange
        .deliveries(Coin::Btc, START_MS, later_ms)
        .await
        .expect("read");
    let summary = exchange.account("BTC", later_ms).await.expect("read");
    let expected = decimal("2") + placed.trades[0].fill.cash() + deliveries[0].settlement.cash();
    assert_eq!(summary.balance, expected);
    assert_eq!(deliveries[0].price_source, Source::Synthetic);
}
