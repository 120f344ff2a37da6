//! Orders followed over the simulated exchange: walk, crashes, rolls, never two orders for one contract.

use super::drive::{Turn, turn};
use super::plan::{Known, Seen, Step, next};
use super::roll::{LegState, NextLeg, next_leg};
use super::schedule::Schedule;
use super::ticket::{Ticket, label};
use crate::domain::coin::Coin;
use crate::domain::order::{Intent, Leg, OrderState, Side};
use crate::exchange::Exchange;
use crate::exchange::sim::testing::{
    CALL, MINUTE_MS, NEXT_CALL, START_MS, Script, chain, decimal, quote, request,
};
use crate::exchange::sim::venue::Retention;
use crate::risk::Approved;
use rust_decimal::Decimal;

/// A market that stands still, quoted every minute for an hour, showing `shown` coin a minute.
fn standing(shown: Option<f64>) -> Exchange {
    let mut script = Script::default();
    for minute in 0..60 {
        let quotes = vec![
            quote(CALL, 0.010, 0.012, shown),
            quote(NEXT_CALL, 0.020, 0.0215, shown),
        ];
        script
            .chains
            .push(chain(START_MS + minute * MINUTE_MS, quotes));
    }
    Exchange::Sim(script.exchange())
}

fn ticket(decision: &str, leg: Leg, name: &str, size: &str) -> Ticket {
    let intent = Intent {
        instrument: name.parse().expect(name),
        leg,
        size: decimal(size),
        chain: decision.to_owned(),
    };
    Ticket::new(decision, Approved::for_test(intent), START_MS)
}

async fn visit(exchange: &Exchange, ticket: &Ticket, at_ms: i64) -> Turn {
    let schedule = Schedule::default();
    let turn = turn(exchange, ticket, &schedule, false, at_ms).await;
    turn.expect("the simulated exchange answers")
}

/// Visits as often as asked until the order is final; gives every visit.
async fn follow(exchange: &Exchange, ticket: &Ticket) -> Vec<Turn> {
    let mut turns = vec![visit(exchange, ticket, ticket.created_ms).await];
    while let Some(at_ms) = turns.last().and_then(|turn| turn.next_at_ms) {
        assert!(turns.len() < 50, "a walk ends");
        turns.push(visit(exchange, ticket, at_ms).await);
    }
    turns
}

async fn orders_ever(exchange: &Exchange, at_ms: i64) -> usize {
    let log = exchange.transaction_log("BTC", START_MS - 1, at_ms).await;
    let log = log.expect("read");
    let mut ids: Vec<_> = log.into_iter().filter_map(|row| row.order_id).collect();
    ids.sort();
    ids.dedup();
    ids.len()
}

/// Mistake 21 of the earlier system: "executed" was written without reading the order.
#[tokio::test]
async fn mistake_21_an_order_is_followed_until_it_is_final() {
    let exchange = standing(Some(5.0));
    let turns = follow(&exchange, &ticket("d1", Leg::Open, CALL, "0.1")).await;
    let prices: Vec<_> = turns.iter().filter_map(|turn| turn.limit_price).collect();
    assert_eq!(
        prices,
        ["0.011", "0.011", "0.0105", "0.0105", "0.01"].map(decimal)
    );
    let states: Vec<_> = turns.iter().map(|turn| turn.state).collect();
    assert_eq!(states[..4], [OrderState::Open; 4], "resting is not filled");
    let last = turns.last().expect("one at least");
    assert_eq!(last.state, OrderState::Filled);
    assert_eq!(last.average_price, Some(decimal("0.01")));
    assert_eq!(last.trades.len(), 1);
    assert_eq!(orders_ever(&exchange, START_MS + 30 * MINUTE_MS).await, 1);
}

#[tokio::test]
async fn partial_fills_are_fills_and_the_rest_is_given_up() {
    let exchange = standing(Some(0.2));
    let turns = follow(&exchange, &ticket("d1", Leg::Open, CALL, "1")).await;
    let last = turns.last().expect("one at least");
    // 0.2 at the last step of the walk and 0.2 a minute until the order is given up.
    assert_eq!(last.state, OrderState::Cancelled);
    assert_eq!(last.filled, decimal("0.4"));
    let sum: Decimal = last.trades.iter().map(|trade| trade.fill.size).sum();
    assert_eq!(sum, last.filled);
    assert!(
        exchange
            .open_orders(Coin::Btc, START_MS + 5 * MINUTE_MS)
            .await
            .expect("read")
            .is_empty()
    );
}

/// Mistake 21 of the earlier system: the next tick doubled a resting order.
#[tokio::test]
async fn mistake_21_the_next_tick_never_doubles_a_resting_order() {
    let exchange = standing(Some(5.0));
    let first = ticket("d1", Leg::Open, CALL, "0.1");
    visit(&exchange, &first, START_MS).await;
    let second = ticket("d2", Leg::Open, CALL, "0.1");
    let waits = visit(&exchange, &second, START_MS + 1_000).await;
    assert_eq!(waits.state, OrderState::Intended);
    assert_eq!(
        waits.note.as_deref(),
        Some("another order works on this contract")
    );
    let open = exchange
        .open_orders(Coin::Btc, START_MS + 1_000)
        .await
        .expect("read");
    assert_eq!(open.len(), 1);
}

/// Mistake 21 of the earlier system: a crash after sending sent the order again.
#[tokio::test]
async fn mistake_21_a_crash_after_any_visit_repeats_nothing() {
    let exchange = standing(Some(5.0));
    let ours = ticket("d1", Leg::Open, CALL, "0.1");
    // Whatever a visit returned is lost: the row was never written, the job starts anew.
    for second in 0..90 {
        visit(&exchange, &ours, START_MS + second * 1_000).await;
    }
    let last = visit(&exchange, &ours, START_MS + 2 * MINUTE_MS).await;
    assert_eq!(
        (last.state, last.filled),
        (OrderState::Filled, decimal("0.1"))
    );
    assert_eq!(orders_ever(&exchange, START_MS + 30 * MINUTE_MS).await, 1);
}

/// The rows of a decision's legs, as a job would keep them.
struct Rows {
    tickets: Vec<Ticket>,
    legs: Vec<LegState>,
}

impl Rows {
    fn roll(size: &str) -> Self {
        let tickets = vec![
            ticket("d2", Leg::RollClose, CALL, size),
            ticket("d2", Leg::RollOpen, NEXT_CALL, size),
        ];
        let leg = |ticket: &Ticket| LegState {
            leg: ticket.intent().leg,
            size: ticket.size(),
            filled: Decimal::ZERO,
            state: OrderState::Intended,
        };
        let legs = tickets.iter().map(leg).collect();
        Self { tickets, legs }
    }

    /// One job run; `crash` loses what it would have written.
    async fn run(&mut self, exchange: &Exchange, at_ms: i64, crash: bool) -> Option<i64> {
        let (index, size) = match next_leg(&self.legs) {
            NextLeg::Finished => return None,
            NextLeg::Drop { index, .. } => {
                self.legs[index].state = OrderState::Cancelled;
                return Some(at_ms);
            }
            NextLeg::Drive { index, size } => (index, size),
        };
        let ticket = self.tickets[index].clone().cut_to(size);
        let turn = visit(exchange, &ticket, at_ms).await;
        if !crash {
            self.legs[index].state = turn.state;
            self.legs[index].filled = turn.filled;
        }
        Some(turn.next_at_ms.unwrap_or(at_ms))
    }
}

/// Mistake 21 of the earlier system: a roll was not atomic. Here it resumes wherever it was stopped, and
/// never holds more short calls than before.
#[tokio::test]
async fn mistake_21_a_roll_resumes_after_a_crash_at_any_visit() {
    for crash_at in 0..12 {
        let exchange = standing(Some(5.0));
        let open = request("held", CALL, Side::Sell, "0.3", "0.01");
        exchange.place(&open, START_MS).await.expect("sold");
        let mut rows = Rows::roll("0.3");
        let (mut at_ms, mut run) = (START_MS, 0);
        while let Some(next_ms) = rows.run(&exchange, at_ms, run == crash_at).await {
            (at_ms, run) = (next_ms.max(at_ms + 1), run + 1);
            assert!(run < 60, "a roll ends");
            let held = exchange.positions(Coin::Btc, at_ms).await.expect("read");
            let short: Decimal = held.iter().map(|held| held.size).sum();
            assert!(
                short >= decimal("-0.3"),
                "never more short than before: {short}"
            );
        }
        let held = exchange.positions(Coin::Btc, at_ms).await.expect("read");
        let held: Vec<_> = held
            .iter()
            .map(|held| (held.instrument.name(), held.size))
            .collect();
        assert_eq!(
            held,
            [(NEXT_CALL.to_owned(), decimal("-0.3"))],
            "crash at visit {crash_at}"
        );
        assert_eq!(
            orders_ever(&exchange, at_ms).await,
            3,
            "crash at visit {crash_at}"
        );
    }
}

/// Mistake 8 of the earlier system: a roll was free. Each leg pays its fee and its side of the spread.
#[tokio::test]
async fn mistake_8_both_legs_of_an_executed_roll_pay_spread_and_fee() {
    let exchange = standing(Some(5.0));
    let open = request("held", CALL, Side::Sell, "0.1", "0.01");
    exchange.place(&open, START_MS).await.expect("sold");
    let mut rows = Rows::roll("0.1");
    let mut at_ms = START_MS;
    while let Some(next_ms) = rows.run(&exchange, at_ms, false).await {
        at_ms = next_ms.max(at_ms + 1);
    }
    let trades = async |leg| {
        let label = label("d2", leg);
        exchange
            .fills_by_label(Coin::Btc, &label, at_ms)
            .await
            .expect("read")
    };
    let (close, open) = (trades(Leg::RollClose).await, trades(Leg::RollOpen).await);
    assert_eq!(close[0].fill.price, decimal("0.012"), "at the ask");
    assert_eq!(open[0].fill.price, decimal("0.02"), "at the bid");
    assert_eq!(
        [close[0].fill.fee, open[0].fill.fee],
        [decimal("0.00003"); 2]
    );
}

/// Mistake 18 of the earlier system: CLOSE was refused when over a limit.
#[tokio::test]
async fn mistake_18_a_buy_back_is_executed_when_nothing_is_left_to_spend() {
    let mut script = Script::default();
    script
        .chains
        .push(chain(START_MS, vec![quote(CALL, 0.010, 0.012, None)]));
    let rallied = vec![quote(CALL, 0.15, 0.155, None)];
    script.chains.push(chain(START_MS + MINUTE_MS, rallied));
    let exchange = Exchange::Sim(script.exchange_with(&[("BTC", "0.2")]));
    let sold = request("held", CALL, Side::Sell, "1", "0.01");
    exchange.place(&sold, START_MS).await.expect("sold");
    let close = ticket("d2", Leg::Close, CALL, "1");
    let at_ms = START_MS + MINUTE_MS;
    let account = exchange.account(Coin::Btc, at_ms).await.expect("read");
    assert!(account.available_funds < Decimal::ZERO);
    assert_eq!(
        visit(&exchange, &close, at_ms).await.state,
        OrderState::Filled
    );
}

#[tokio::test]
async fn an_order_the_exchange_forgot_is_known_by_its_trades() {
    let Exchange::Sim(sim) = standing(Some(5.0)) else {
        panic!("the tests run on the built-in exchange");
    };
    let forgetful = Retention {
        orders_ms: 0,
        ..Retention::default()
    };
    let exchange = Exchange::Sim(sim.remembering(forgetful));
    let ours = ticket("d1", Leg::Open, CALL, "0.1");
    follow(&exchange, &ours).await;
    let at_ms = START_MS + 5 * MINUTE_MS;
    let other = request("other", NEXT_CALL, Side::Sell, "0.1", "0.02");
    exchange.place(&other, at_ms).await.expect("sold");
    let shown = exchange.order_by_label(Coin::Btc, &ours.label, at_ms).await;
    assert_eq!(shown.expect("read"), None, "the order is no longer shown");
    let again = visit(&exchange, &ours, at_ms).await;
    assert_eq!(
        (again.state, again.filled),
        (OrderState::Filled, decimal("0.1"))
    );
    assert_eq!(
        orders_ever(&exchange, at_ms).await,
        2,
        "nothing was sent again"
    );
}

#[tokio::test]
async fn a_reduce_only_order_that_was_cut_keeps_its_size_on_the_walk() {
    let exchange = standing(Some(5.0));
    let held = request("held", CALL, Side::Sell, "0.1", "0.01");
    exchange.place(&held, START_MS).await.expect("sold");
    let turns = follow(&exchange, &ticket("d2", Leg::Close, CALL, "0.3")).await;
    let last = turns.last().expect("one at least");
    assert_eq!(
        (last.state, last.filled),
        (OrderState::Filled, decimal("0.1"))
    );
}

#[tokio::test]
async fn refusals_end_the_order_with_their_reason() {
    let exchange = standing(None);
    let naked = visit(&exchange, &ticket("d1", Leg::Close, CALL, "0.1"), START_MS).await;
    assert_eq!(naked.state, OrderState::Rejected);
    assert!(naked.note.expect("reason").contains("reduce_only"));
    let huge = visit(&exchange, &ticket("d2", Leg::Open, CALL, "50"), START_MS).await;
    assert_eq!(huge.state, OrderState::Rejected);
    assert!(huge.note.expect("reason").contains("not_enough_funds"));
}

#[tokio::test]
async fn a_stopping_desk_withdraws_what_rests_and_sends_nothing_new() {
    let exchange = standing(Some(5.0));
    let schedule = Schedule::default();
    let resting = ticket("d1", Leg::Open, CALL, "0.1");
    visit(&exchange, &resting, START_MS).await;
    for ours in [resting, ticket("d2", Leg::Open, NEXT_CALL, "0.1")] {
        let turn = turn(&exchange, &ours, &schedule, true, START_MS + 1).await;
        let turn = turn.expect("answered");
        assert_eq!((turn.state, turn.next_at_ms), (OrderState::Cancelled, None));
    }
    assert!(
        exchange
            .open_orders(Coin::Btc, START_MS + 1)
            .await
            .expect("read")
            .is_empty()
    );
}

fn seen(known: Known) -> Seen {
    Seen {
        known,
        quote: Some(quote(CALL, 0.010, 0.012, None)),
        other_working: false,
        withdraw: false,
    }
}

fn step_of(ticket: &Ticket, seen: &Seen, after_ms: i64) -> Step {
    next(ticket, seen, &Schedule::default(), START_MS + after_ms)
}

#[test]
fn nothing_is_sent_before_the_label_was_looked_up() {
    let ours = ticket("d1", Leg::Open, CALL, "0.1");
    assert_eq!(step_of(&ours, &seen(Known::Unknown), 0), Step::LookUp);
    let Step::Send(sent) = step_of(&ours, &seen(Known::Absent), 0) else {
        panic!("an intent that the exchange does not know is sent");
    };
    assert_eq!(sent.label, "tq-d1-open");
    assert_eq!(sent.valid_until_ms, Some(START_MS + 5_000));
    assert!(!sent.reduce_only);
}

#[test]
fn an_unanswered_request_is_waited_for_until_it_is_void() {
    let ours = ticket("d1", Leg::Open, CALL, "0.1").sent(Some(START_MS));
    let waits = step_of(&ours, &seen(Known::Absent), 1_000);
    assert!(matches!(waits, Step::Wait { until_ms, .. } if until_ms == START_MS + 5_000));
    assert!(matches!(
        step_of(&ours, &seen(Known::Absent), 5_000),
        Step::Send(_)
    ));
}

#[test]
fn intents_that_grew_stale_or_expired_are_dropped() {
    let ours = ticket("d1", Leg::Open, CALL, "0.1");
    let dropped = |step| {
        matches!(
            step,
            Step::Done {
                state: OrderState::Cancelled,
                ..
            }
        )
    };
    assert!(dropped(step_of(&ours, &seen(Known::Absent), 600_001)));
    let expired = ticket("d1", Leg::Open, "BTC-2JAN26-100000-C", "0.1");
    assert!(dropped(step_of(&expired, &seen(Known::Absent), 0)));
    let mut empty = seen(Known::Absent);
    empty.quote = None;
    assert!(matches!(step_of(&ours, &empty, 0), Step::Wait { .. }));
}

#[test]
fn closing_legs_buy_back_reduce_only() {
    for leg in [Leg::Close, Leg::RollClose] {
        let ours = ticket("d1", leg, CALL, "0.1");
        let Step::Send(sent) = step_of(&ours, &seen(Known::Absent), 0) else {
            panic!("a close is sent");
        };
        assert_eq!((sent.side, sent.reduce_only), (Side::Buy, true));
    }
}
