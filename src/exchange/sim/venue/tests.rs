//! The venue by itself: what it refuses, how it matches, what it asks for margin.

use super::*;
use crate::domain::order::{OrderState, Side};
use crate::exchange::facts::{OrderRequest, PostOnly, TimeInForce};
use crate::exchange::sim::testing::{
    CALL, MINUTE_MS, NEXT_CALL, START_MS, account, chain, decimal, quote, request,
};
use std::sync::Arc;

const PUT: &str = "BTC-9JAN26-80000-P";
const LINEAR: &str = "BTC_USDC-9JAN26-100000-C";

fn venue() -> Venue {
    Venue::open(START_MS, &account(&[("BTC", "2"), ("USDC", "50000")]))
}

fn at(minutes: i64, quotes: Vec<Quote>) -> Quotes {
    Quotes::of(vec![Arc::new(chain(
        START_MS + minutes * MINUTE_MS,
        quotes,
    ))])
}

fn market() -> Quotes {
    at(
        0,
        vec![
            quote(CALL, 0.010, 0.012, Some(5.0)),
            quote(NEXT_CALL, 0.020, 0.0215, Some(5.0)),
            quote(PUT, 0.008, 0.009, Some(5.0)),
            quote(LINEAR, 900.0, 980.0, Some(5.0)),
        ],
    )
}

fn refusal(venue: &mut Venue, request: &OrderRequest) -> i64 {
    let before = venue.clone();
    let error = venue.place(request, &market()).expect_err("refused");
    assert_eq!(*venue, before, "a refused order changes nothing");
    error.code()
}

#[test]
fn refusals_carry_the_exchange_s_codes() {
    let check = |code: i64, change: fn(&mut OrderRequest)| {
        let mut asked = request("l", CALL, Side::Sell, "0.1", "0.01");
        change(&mut asked);
        assert_eq!(refusal(&mut venue(), &asked), code);
    };
    check(10_002, |asked| asked.size = decimal("0.05"));
    check(10_021, |asked| asked.size = decimal("0.15"));
    check(10_043, |asked| asked.price = decimal("0.0102"));
    check(10_043, |asked| asked.price = decimal("0"));
    check(10_020, |asked| {
        asked.instrument = "BTC-9JAN26-99000-C".parse().expect("name");
    });
    check(10_012, |asked| {
        asked.instrument = "BTC-2JAN26-100000-C".parse().expect("name");
    });
    check(13_888, |asked| asked.valid_until_ms = Some(START_MS - 1));
    check(-32_602, |asked| asked.label = "x".repeat(65));
    check(11_030, |asked| asked.reduce_only = true);
    check(11_054, |asked| asked.post_only = PostOnly::Reject);
    check(10_009, |asked| asked.size = decimal("20"));
    check(10_037, |asked| asked.size = decimal("1000.1"));
    check(11_055, |asked| {
        asked.post_only = PostOnly::Shift;
        asked.time_in_force = TimeInForce::GoodTilDay;
    });
    check(10_007, |asked| {
        *asked = request("l", LINEAR, Side::Buy, "0.1", "9000");
    });
}

#[test]
fn a_taker_gets_the_opposite_best_and_pays_the_fee() {
    let mut venue = venue();
    let asked = request("l", CALL, Side::Sell, "0.1", "0.0095");
    let placed = venue.place(&asked, &market()).expect("taken");
    assert_eq!(placed.order.state, OrderState::Filled);
    assert_eq!(
        placed.order.average_price,
        decimal("0.01"),
        "price improvement"
    );
    assert_eq!(placed.trades[0].fill.fee, decimal("0.00003"));
    assert!(!placed.trades[0].maker);
    // 2 + 0.1 x 0.01 - 0.00003
    assert_eq!(venue.cash("BTC"), decimal("2.00097"));
    assert_eq!(venue.size_of(&asked.instrument), decimal("-0.1"));
}

/// Mistake 7 of the earlier system: coin marks combined with USD, linear contracts priced as inverse.
#[test]
fn mistake_7_linear_trades_move_usdc_and_inverse_trades_move_coin() {
    let mut venue = venue();
    let asked = request("l", LINEAR, Side::Sell, "0.1", "900");
    venue.place(&asked, &market()).expect("taken");
    // 50000 + 0.1 x 900 - 0.1 x 0.0003 x 90000
    assert_eq!(venue.cash("USDC"), decimal("50087.3"));
    assert_eq!(venue.cash("BTC"), decimal("2"));
    let summary = venue.summary("USDC", &market());
    assert_eq!(summary.options_value, decimal("-94"));
    // 0.1 x (0.10 x 90000 + 940)
    assert_eq!(summary.initial_margin, decimal("994"));
    assert_eq!(venue.summary("BTC", &market()).initial_margin, decimal("0"));
}

/// Mistake 8 of the earlier system: a roll closed and opened on one mark, without spread or fees.
#[test]
fn mistake_8_a_roll_pays_the_spread_and_the_fee_on_both_legs() {
    let mut venue = venue();
    let market = market();
    let sell = |label, name, price| request(label, name, Side::Sell, "0.1", price);
    venue
        .place(&sell("open", CALL, "0.01"), &market)
        .expect("sold");
    let before = venue.cash("BTC");
    let back = request("back", CALL, Side::Buy, "0.1", "0.012");
    venue.place(&back, &market).expect("bought back");
    venue
        .place(&sell("again", NEXT_CALL, "0.02"), &market)
        .expect("sold");
    // - 0.1 x 0.012 - 0.00003 + 0.1 x 0.02 - 0.00003
    assert_eq!(venue.cash("BTC") - before, decimal("0.00074"));
    let at_marks = decimal("0.1") * (decimal("0.02075") - decimal("0.011"));
    assert!(venue.cash("BTC") - before < at_marks);
}

#[test]
fn shown_size_limits_a_fill_and_is_not_shown_twice() {
    let thin = |minutes| at(minutes, vec![quote(CALL, 0.010, 0.012, Some(0.2))]);
    let mut venue = venue();
    let asked = request("l", CALL, Side::Sell, "0.5", "0.01");
    let placed = venue.place(&asked, &thin(0)).expect("taken in part");
    assert_eq!(placed.order.filled, decimal("0.2"));
    assert!(placed.order.is_open());
    let other = request("m", CALL, Side::Sell, "0.1", "0.01");
    let placed = venue.place(&other, &thin(0)).expect("rests");
    assert!(placed.trades.is_empty(), "the bid was taken already");
    venue.pass_to(START_MS + MINUTE_MS);
    venue.match_resting(thin(1).chain(Coin::Btc).expect("quoted"));
    let first = venue.order_by_label(Coin::Btc, "l").expect("known");
    assert_eq!(
        first.filled,
        decimal("0.4"),
        "the older order is first in the queue"
    );
    let second = venue.order_by_label(Coin::Btc, "m").expect("known");
    assert_eq!(second.filled, decimal("0"));
}

#[test]
fn resting_orders_trade_at_their_own_price_best_first() {
    let mut venue = venue();
    for (label, price) in [("dear", "0.0115"), ("cheap", "0.011")] {
        let asked = request(label, CALL, Side::Sell, "0.1", price);
        assert!(
            venue
                .place(&asked, &market())
                .expect("rests")
                .order
                .is_open()
        );
    }
    venue.pass_to(START_MS + MINUTE_MS);
    let rallied = at(1, vec![quote(CALL, 0.0125, 0.0135, Some(0.1))]);
    venue.match_resting(rallied.chain(Coin::Btc).expect("quoted"));
    let filled = venue.trades_by_label(Coin::Btc, "cheap");
    assert_eq!(filled[0].fill.price, decimal("0.011"));
    assert!(filled[0].maker);
    assert!(venue.trades_by_label(Coin::Btc, "dear").is_empty());
}

#[test]
fn times_in_force_end_orders_as_they_say() {
    use OrderState::{Cancelled, Open};
    let thin = at(0, vec![quote(CALL, 0.010, 0.012, Some(0.2))]);
    let check = |time_in_force, price: &str, state: OrderState, filled: &str| {
        let mut asked = request("l", CALL, Side::Sell, "0.5", price);
        asked.time_in_force = time_in_force;
        let placed = venue().place(&asked, &thin).expect("accepted");
        assert_eq!(placed.order.state, state, "{time_in_force:?} {price}");
        assert_eq!(
            placed.order.filled,
            decimal(filled),
            "{time_in_force:?} {price}"
        );
    };
    check(TimeInForce::GoodTilCancelled, "0.01", Open, "0.2");
    check(TimeInForce::GoodTilDay, "0.011", Open, "0");
    check(TimeInForce::ImmediateOrCancel, "0.01", Cancelled, "0.2");
    check(TimeInForce::ImmediateOrCancel, "0.011", Cancelled, "0");
    check(TimeInForce::FillOrKill, "0.01", Cancelled, "0");
}

#[test]
fn post_only_moves_behind_the_opposite_best() {
    let mut asked = request("l", CALL, Side::Sell, "0.1", "0.0095");
    asked.post_only = PostOnly::Shift;
    let placed = venue().place(&asked, &market()).expect("shifted");
    assert_eq!(placed.order.price, decimal("0.0105"));
    assert!(placed.trades.is_empty());
}

#[test]
fn inverse_orders_beyond_the_band_move_to_its_edge() {
    let asked = request("l", CALL, Side::Buy, "0.1", "0.5");
    let placed = venue().place(&asked, &market()).expect("taken");
    assert!(
        placed.order.price < decimal("0.1"),
        "{}",
        placed.order.price
    );
    assert_eq!(placed.order.average_price, decimal("0.012"));
}

#[test]
fn reduce_only_never_turns_a_position_around() {
    let mut venue = venue();
    let market = market();
    let sell = request("s", CALL, Side::Sell, "0.2", "0.01");
    venue.place(&sell, &market).expect("sold");
    let mut back = request("b", CALL, Side::Buy, "0.5", "0.012");
    back.reduce_only = true;
    let placed = venue.place(&back, &market).expect("cut");
    assert_eq!(placed.order.size, decimal("0.2"));
    assert_eq!(venue.size_of(&back.instrument), decimal("0"));
    assert_eq!(
        venue.place(&back, &market).expect_err("flat").code(),
        11_030
    );
}

/// Mistake 18 of the earlier system: CLOSE was refused when over a limit.
#[test]
fn mistake_18_buy_backs_pass_without_free_funds() {
    let mut venue = Venue::open(START_MS, &account(&[("BTC", "0.2")]));
    let sell = request("s", CALL, Side::Sell, "1", "0.01");
    venue.place(&sell, &market()).expect("sold");
    // The call doubled several times: the account is under water and may sell nothing more.
    let rallied = at(5, vec![quote(CALL, 0.15, 0.155, Some(5.0))]);
    venue.pass_to(START_MS + 5 * MINUTE_MS);
    assert!(venue.summary("BTC", &rallied).available_funds < decimal("0"));
    let more = request("m", CALL, Side::Sell, "0.1", "0.15");
    assert_eq!(
        venue.place(&more, &rallied).expect_err("funds").code(),
        10_009
    );
    let mut back = request("b", CALL, Side::Buy, "1", "0.155");
    back.reduce_only = true;
    let placed = venue.place(&back, &rallied).expect("bought back");
    assert_eq!(placed.order.state, OrderState::Filled);
}

#[test]
fn an_account_does_not_trade_with_itself() {
    let mut venue = venue();
    let rests = request("s", CALL, Side::Sell, "0.1", "0.011");
    venue.place(&rests, &market()).expect("rests");
    let meets = request("b", CALL, Side::Buy, "0.1", "0.011");
    assert_eq!(refusal(&mut venue, &meets), 10_003);
}

#[test]
fn an_edit_keeps_its_place_only_when_it_shrinks() {
    let mut venue = venue();
    for label in ["first", "second"] {
        let asked = request(label, CALL, Side::Sell, "0.2", "0.011");
        venue.place(&asked, &market()).expect("rests");
    }
    let place = |venue: &Venue, label: &str| {
        let booked = venue
            .orders
            .iter()
            .find(|booked| booked.order.label == label);
        booked.expect("booked").priority
    };
    let id = venue.orders[0].order.order_id.clone();
    let edit = |venue: &mut Venue, size: &str, price: &str| {
        venue
            .edit(&id, decimal(size), decimal(price), &market())
            .map(|placed| placed.order)
    };
    edit(&mut venue, "0.1", "0.011").expect("shrunk");
    assert!(place(&venue, "first") < place(&venue, "second"));
    edit(&mut venue, "0.2", "0.011").expect("grown");
    assert!(place(&venue, "first") > place(&venue, "second"));
    let taken = edit(&mut venue, "0.2", "0.01").expect("crosses");
    assert_eq!(taken.state, OrderState::Filled);
    assert_eq!(
        edit(&mut venue, "0.2", "0.01").expect_err("final").code(),
        11_044
    );
    assert_eq!(venue.cancel("nobody").expect_err("unknown").code(), 10_004);
}

#[test]
fn account_identities_hold_to_the_satoshi() {
    let mut venue = venue();
    let market = market();
    for asked in [
        request("a", CALL, Side::Sell, "0.3", "0.01"),
        request("b", PUT, Side::Buy, "0.7", "0.009"),
        request("c", NEXT_CALL, Side::Sell, "0.2", "0.0215"),
    ] {
        venue.place(&asked, &market).expect("accepted");
    }
    let summary = venue.summary("BTC", &market);
    assert_eq!(summary.equity, summary.balance + summary.options_value);
    assert_eq!(
        summary.margin_balance,
        summary.equity - summary.options_value
    );
    assert_eq!(
        summary.available_funds,
        summary.margin_balance - summary.initial_margin
    );
    let resting = decimal("0.2") * decimal("0.12075");
    let held: Decimal = venue
        .holdings(Coin::Btc, &market)
        .iter()
        .map(|held| held.initial_margin)
        .sum();
    assert_eq!(
        summary.initial_margin,
        held + resting,
        "open orders are reserved"
    );
    let changes: Decimal = venue.log("BTC", 0).iter().map(|row| row.change).sum();
    assert_eq!(changes, summary.balance, "the log explains the balance");
}

#[test]
fn ids_follow_their_books() {
    let id = |name: &str| book_id(&name.parse().expect(name), 7);
    assert_eq!(id(CALL), "7");
    assert_eq!(id("ETH-9JAN26-4000-C"), "ETH-7");
    assert_eq!(id(LINEAR), "USDC-7");
}
