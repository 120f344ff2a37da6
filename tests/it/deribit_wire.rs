//! Recorded replies and documented examples of the exchange read into our shapes and print back the same facts.

use crate::support::shared_data;
use flate2::read::GzDecoder;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use thetaq::domain::instrument::Instrument;
use thetaq::domain::pricing::black76;
use thetaq::exchange::wire::account::{AccountSummaries, AccountSummary, Margins, Position};
use thetaq::exchange::wire::envelope::{Grant, Reply};
use thetaq::exchange::wire::history::{
    Candles, DeliveryPrices, PublicTrade, Trades, VolatilityIndex,
};
use thetaq::exchange::wire::log::{Settlements, TransactionLog};
use thetaq::exchange::wire::market::{
    self, Book, BookSummary, Combo, Expirations, Status, Version,
};
use thetaq::exchange::wire::orders::{Order, Placed, UserTrade, UserTrades};

/// Fields of the replies below that no type of ours has: what nobody asks for, nobody keeps.
const IGNORED: &[&str] = &[
    // Also of the summaries within.
    "AccountSummaries additional_reserve",
    "AccountSummaries delta_total_map",
    "AccountSummaries estimated_liquidation_ratio",
    "AccountSummaries estimated_liquidation_ratio_map",
    "AccountSummaries options_gamma_map",
    "AccountSummaries options_theta_map",
    "AccountSummaries options_vega_map",
    "AccountSummaries block_rfq_self_match_prevention",
    "AccountSummaries creation_timestamp",
    "AccountSummaries email",
    "AccountSummaries interuser_transfers_enabled",
    "AccountSummaries login_enabled",
    "AccountSummaries mmp_enabled",
    "AccountSummaries security_keys_enabled",
    "AccountSummaries self_trading_extended_to_subaccounts",
    "AccountSummaries system_name",
    "AccountSummaries username",
    "AccountSummary additional_reserve",
    "AccountSummary block_rfq_self_match_prevention",
    "AccountSummary delta_total_map",
    "AccountSummary email",
    "AccountSummary estimated_liquidation_ratio",
    "AccountSummary estimated_liquidation_ratio_map",
    "AccountSummary interuser_transfers_enabled",
    "AccountSummary locked_balance",
    "AccountSummary login_enabled",
    "AccountSummary mmp_enabled",
    "AccountSummary options_gamma_map",
    "AccountSummary options_theta_map",
    "AccountSummary options_vega_map",
    "AccountSummary security_keys_enabled",
    "AccountSummary self_trading_extended_to_subaccounts",
    "AccountSummary system_name",
    "AccountSummary total_delta_total_usd",
    "AccountSummary total_equity_usd",
    "AccountSummary total_initial_margin_usd",
    "AccountSummary total_maintenance_margin_usd",
    "AccountSummary total_margin_balance_usd",
    "AccountSummary username",
    // Of each option's book, added to the recordings by those who made them.
    "Book settlement_period",
    "Instrument future_type",
    "Instrument max_non_default_leverage",
    "Order is_rebalance",
    "Order max_show",
    "Order trigger",
    "Order trigger_price",
    "Order triggered",
    "TransactionLog ip",
    "TransactionLog profit_as_cashflow",
    "TransactionLog total_interest_pl",
    "TransactionLog user_id",
    "TransactionLog username",
];

/// Reads samples and remembers which of their fields were left behind.
#[derive(Default)]
struct Reader {
    ignored: BTreeSet<String>,
    count: usize,
}

impl Reader {
    /// Reads `sent` as a `T`, prints it, and compares every field that both know.
    fn read<T: Serialize + DeserializeOwned>(&mut self, from: &str, sent: &Value) -> T {
        let name = std::any::type_name::<T>();
        let read: T = serde_json::from_str(&sent.to_string())
            .unwrap_or_else(|error| panic!("{from} as {name}: {error}\n{sent}"));
        let printed = serde_json::to_value(&read).unwrap();
        self.compare(&short_name(name), from, sent, &printed);
        self.count += 1;
        read
    }

    /// The same with the envelope around it, which must hold a result.
    fn reply<T: Serialize + DeserializeOwned>(&mut self, from: &str, sent: &Value) -> T {
        let reply: Reply<T> = serde_json::from_str(&sent.to_string())
            .unwrap_or_else(|error| panic!("{from}: {error}\n{sent}"));
        let mut printed = serde_json::to_value(&reply).unwrap();
        let mut envelope = sent.clone();
        for side in [&mut printed, &mut envelope] {
            side.as_object_mut().unwrap().remove("result");
        }
        self.compare("Reply", from, &envelope, &printed);
        self.read(from, &sent["result"])
    }

    fn seen<T: Serialize + DeserializeOwned>(&mut self, from: &str, sent: &Value) {
        self.reply::<T>(from, sent);
    }

    fn compare(&mut self, name: &str, from: &str, sent: &Value, printed: &Value) {
        match (sent, printed) {
            (Value::Object(sent), Value::Object(printed)) => {
                for (key, value) in printed {
                    match sent.get(key) {
                        Some(sent) => self.compare(name, from, sent, value),
                        None => assert!(is_empty(value), "{from}: `{key}` was made up: {value}"),
                    }
                }
                let lost = sent
                    .iter()
                    .filter(|(key, value)| !value.is_null() && !printed.contains_key(key.as_str()));
                self.ignored
                    .extend(lost.map(|(key, _)| format!("{name} {key}")));
            }
            (Value::Array(sent), Value::Array(printed)) => {
                assert_eq!(sent.len(), printed.len(), "{from}: rows of {name}");
                for (sent, printed) in sent.iter().zip(printed) {
                    self.compare(name, from, sent, printed);
                }
            }
            (Value::Number(sent), Value::Number(printed)) => {
                assert_eq!(
                    sent.as_f64(),
                    printed.as_f64(),
                    "{from}: a number of {name}"
                );
            }
            _ => assert_eq!(sent, printed, "{from}: {name}"),
        }
    }

    fn expect_ignored(&self, known: &[&str]) {
        let known: BTreeSet<String> = known.iter().map(|&field| field.to_owned()).collect();
        let new: Vec<_> = self.ignored.difference(&known).collect();
        assert!(
            new.is_empty(),
            "fields that no type has and no list names: {new:#?}"
        );
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::String(text) => text.is_empty(),
        Value::Array(rows) => rows.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
        Value::Number(_) => false,
    }
}

/// `Order` of `alloc::vec::Vec<thetaq::exchange::wire::orders::Order>`; a list of trades is of its rows.
fn short_name(name: &str) -> String {
    let last = name.rsplit("::").next().unwrap();
    let last = last.trim_end_matches('>');
    match last {
        "Placed" => "Order".to_owned(),
        "UserTrades" => "UserTrade".to_owned(),
        other => other.to_owned(),
    }
}

fn json(path: &Path) -> Value {
    let mut text = String::new();
    open(path).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn lines(path: &Path) -> impl Iterator<Item = Value> {
    let lines = BufReader::new(open(path)).lines();
    lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap())
}

fn open(path: &Path) -> Box<dyn Read> {
    let file = File::open(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "gz") {
        Box::new(GzDecoder::new(file))
    } else {
        Box::new(file)
    }
}

/// Reads a documented reply by its method; false for a method that the desk has no use for.
fn by_method(reader: &mut Reader, method: &str, sent: &Value) -> bool {
    let (scope, name) = method.split_once('/').unwrap();
    match (scope, name) {
        ("public", "auth") => reader.seen::<Grant>(method, sent),
        ("public", "get_time") => reader.seen::<i64>(method, sent),
        ("public", "test") => reader.seen::<Version>(method, sent),
        ("public", "status") => reader.seen::<Status>(method, sent),
        ("public", "get_instruments") => {
            reader.seen::<Vec<market::Instrument>>(method, sent);
        }
        ("public", "get_instrument") => reader.seen::<market::Instrument>(method, sent),
        ("public", "get_expirations") => reader.seen::<Expirations>(method, sent),
        ("public", "ticker" | "get_order_book" | "get_order_book_by_instrument_id") => {
            reader.seen::<Book>(method, sent);
        }
        ("public", "get_book_summary_by_currency" | "get_book_summary_by_instrument") => {
            reader.seen::<Vec<BookSummary>>(method, sent);
        }
        ("public", "get_volatility_index_data") => {
            reader.seen::<VolatilityIndex>(method, sent);
        }
        ("public", "get_delivery_prices") => reader.seen::<DeliveryPrices>(method, sent),
        ("public", "get_tradingview_chart_data") => reader.seen::<Candles>(method, sent),
        ("public", "get_combos") => reader.seen::<Vec<Combo>>(method, sent),
        ("public", name) if name.starts_with("get_last_trades_by") => {
            reader.seen::<Trades>(method, sent);
        }
        (_, name) if name.contains("settlement") => reader.seen::<Settlements>(method, sent),
        ("private", "get_account_summary") => reader.seen::<AccountSummary>(method, sent),
        ("private", "get_account_summaries") => {
            reader.seen::<AccountSummaries>(method, sent);
        }
        ("private", "get_positions") => reader.seen::<Vec<Position>>(method, sent),
        ("private", "get_position") => reader.seen::<Position>(method, sent),
        ("private", "get_margins") => reader.seen::<Margins>(method, sent),
        ("private", "get_transaction_log") => reader.seen::<TransactionLog>(method, sent),
        ("private", "buy" | "sell" | "edit" | "edit_by_label" | "close_position") => {
            reader.seen::<Placed>(method, sent);
        }
        ("private", "cancel" | "get_order_state") => reader.seen::<Order>(method, sent),
        ("private", "cancel_all" | "cancel_by_label") => reader.seen::<i64>(method, sent),
        ("private", name) if name.starts_with("cancel_all_by") => {
            reader.seen::<i64>(method, sent);
        }
        ("private", "get_order_state_by_label") => reader.seen::<Vec<Order>>(method, sent),
        ("private", name)
            if name.starts_with("get_open_orders") || name.starts_with("get_order_history") =>
        {
            reader.seen::<Vec<Order>>(method, sent);
        }
        ("private", "get_user_trades_by_order") => {
            reader.seen::<Vec<UserTrade>>(method, sent);
        }
        ("private", name) if name.starts_with("get_user_trades_by") => {
            reader.seen::<UserTrades>(method, sent);
        }
        _ => return false,
    }
    true
}

#[test]
fn documented_examples_read_and_print_the_same_facts() {
    let path = "api_fixtures/openapi_documented_examples_2026-08.jsonl.gz";
    let Some(path) = shared_data(path) else {
        return;
    };
    let mut reader = Reader::default();
    let mut methods = BTreeSet::new();
    for example in lines(&path) {
        let method = example["method"].as_str().unwrap().to_owned();
        if by_method(&mut reader, &method, &example["response"]) {
            methods.insert(method);
        }
    }
    reader.expect_ignored(IGNORED);
    assert!(
        methods.len() >= 50,
        "{} methods: {methods:?}",
        methods.len()
    );
}

#[test]
fn recorded_replies_read_and_print_the_same_facts() {
    let Some(folder) = shared_data("api_fixtures") else {
        return;
    };
    let mut reader = Reader::default();
    let file = |name: &str| json(&folder.join(name));
    for (name, method) in [
        (
            "http_get_account_summaries",
            "private/get_account_summaries",
        ),
        ("http_get_combos", "public/get_combos"),
        ("http_get_expirations_btc_option", "public/get_expirations"),
        ("http_get_instrument", "public/get_instrument"),
        ("http_get_instrument_option", "public/get_instrument"),
        ("http_get_instruments", "public/get_instruments"),
        (
            "http_get_instruments_future_combo",
            "public/get_instruments",
        ),
        (
            "http_get_last_trades",
            "public/get_last_trades_by_instrument",
        ),
        (
            "http_get_last_trades_future_combo",
            "public/get_last_trades_by_instrument",
        ),
        (
            "http_get_last_trades_historical_combo",
            "public/get_last_trades_by_instrument",
        ),
        ("http_get_order_book", "public/get_order_book"),
        ("http_get_time", "public/get_time"),
        (
            "http_get_tradingview_chart_data",
            "public/get_tradingview_chart_data",
        ),
        ("http_test", "public/test"),
        ("ws_order_buy_response", "private/buy"),
        ("ws_order_cancel_response", "private/cancel"),
        ("ws_order_edit_response", "private/edit"),
    ] {
        assert!(
            by_method(&mut reader, method, &file(&format!("nautilus/{name}.json"))),
            "{name}"
        );
    }
    let pushed = |name: &str| file(&format!("nautilus/{name}.json"))["params"]["data"].clone();
    reader.read::<Book>("ws_ticker", &pushed("ws_ticker"));
    reader.read::<Vec<PublicTrade>>("ws_trades", &pushed("ws_trades"));
    reader.read::<AccountSummary>("ws_portfolio", &pushed("ws_portfolio"));
    let error = file("nautilus/ws_error.json");
    let refused: Reply<Value> = serde_json::from_value(error).unwrap();
    assert_eq!(refused.error.map(|error| error.code), Some(10_028));
    let trades = file("deribit_http_rs/trades_response.json");
    assert!(
        !reader
            .read::<UserTrades>("trades_response", &trades)
            .trades
            .is_empty()
    );
    let listed = file("cryptofeed/public_get_instruments_BTC_2021-07-22.json.gz");
    assert_eq!(
        reader
            .reply::<Vec<market::Instrument>>("cryptofeed", &listed)
            .len(),
        398
    );
    let session = folder.join("cryptofeed/ws_book_ticker_raw_BTC_options_2021-07-22.jsonl.gz");
    let mut tickers = 0;
    for message in lines(&session) {
        let params = &message["msg"]["params"];
        if params["channel"]
            .as_str()
            .is_some_and(|channel| channel.starts_with("ticker."))
        {
            reader.read::<Book>("cryptofeed ticker", &params["data"]);
            tickers += 1;
        }
    }
    assert_eq!(tickers, 69);
    reader.expect_ignored(IGNORED);
}

#[test]
fn words_and_fields_that_came_later_are_kept_or_passed_over() {
    let Some(folder) = shared_data("api_fixtures/nautilus") else {
        return;
    };
    let mut listed = json(&folder.join("http_get_instrument_option.json"))["result"].clone();
    listed["state"] = Value::from("hibernating");
    listed["underlying_type"] = Value::from("crypto");
    listed["tick_size_steps"] = serde_json::json!([{ "above_price": 5e-3, "tick_size": 5.0e-4 }]);
    listed["tick_size"] = serde_json::json!(1e-4);
    let mut reader = Reader::default();
    let contract: market::Instrument = reader.read("altered", &listed);
    assert_eq!(
        contract.state,
        Some(market::State::Other("hibernating".to_owned()))
    );
    let tick = |price: &str| contract.tick(price.parse().unwrap()).to_string();
    assert_eq!(
        (tick("0.005"), tick("0.0051")),
        ("0.0001".to_owned(), "0.0005".to_owned())
    );
    let mut order = json(&folder.join("ws_order_cancel_response.json"))["result"].clone();
    order["order_state"] = Value::from("asleep");
    order["price"] = Value::from("market_price");
    let order: Order = reader.read("altered", &order);
    assert_eq!(order.price.number(), None);
}

/// Half of the tick of that day, 0.0005.
const HALF_TICK: f64 = 0.000_25;
/// Volatilities are printed with two decimals of a percent, greeks with five.
const VOL_ROUNDING: f64 = 5.2e-5;
const GREEK_ROUNDING: f64 = 5.1e-6;
/// A reply's forward and time are of the moment it was asked for, its mark and greeks of a moment before:
/// the forward may have moved by this share and the mark may be so old.
const FORWARD_MOVED: f64 = 3e-4;
const MARK_AGE_MS: i64 = 6_000;

/// mark, delta, gamma, vega, theta.
type Numbers = [f64; 5];

#[test]
fn whole_books_of_a_day_read_and_our_pricing_gives_their_marks_and_greeks() {
    let Some(folder) = shared_data("orderbooks") else {
        return;
    };
    let mut reader = Reader::default();
    let mut books = 0;
    let (mut as_printed, mut with_age) = ([0; 5], [0; 5]);
    for coin in ["btc", "eth"] {
        let name = format!("get_order_book_results_{coin}_2021-02-09.jsonl.gz");
        for sent in lines(&folder.join(name)) {
            let book: Book = reader.read(coin, &sent);
            let exact = agreeing(&book, &[0.0], &[0]);
            let aged = agreeing(
                &book,
                &[-FORWARD_MOVED, 0.0, FORWARD_MOVED],
                &[-MARK_AGE_MS, MARK_AGE_MS],
            );
            for number in 0..5 {
                as_printed[number] += usize::from(exact[number]);
                with_age[number] += usize::from(aged[number]);
            }
            books += 1;
        }
    }
    reader.expect_ignored(IGNORED);
    assert_eq!(books, 1_062, "every option of both chains");
    let at_least = |counts: [usize; 5], least: [usize; 5]| {
        let short = counts
            .iter()
            .zip(least)
            .any(|(count, least)| *count < least);
        assert!(
            !short,
            "of {books} books agree {counts:?}, at least {least:?} did"
        );
    };
    // Deep in the money a coin price follows the forward tick by tick; at the money near expiry greeks do.
    at_least(as_printed, [1_049, 944, 1_061, 749, 860]);
    at_least(with_age, [1_061, 1_062, 1_062, 1_061, 1_057]);
}

/// Which of a book's numbers our pricing gives, to the digits that were printed, for some input among
/// its own, its rounding, and these shares of the forward and ages of the mark.
fn agreeing(book: &Book, forwards: &[f64], ages_ms: &[i64]) -> [bool; 5] {
    let contract: Instrument = book.instrument_name.parse().unwrap();
    let (forward, vol) = (
        book.underlying_price.unwrap(),
        book.mark_iv.unwrap() / 100.0,
    );
    let (mut low, mut high) = ([f64::MAX; 5], [f64::MIN; 5]);
    for moved in forwards {
        for vol in [vol - VOL_ROUNDING, vol, vol + VOL_ROUNDING] {
            for age_ms in ages_ms {
                let at_ms = book.timestamp - age_ms;
                let ours = numbers(&contract, forward * (1.0 + moved), vol, at_ms);
                for number in 0..5 {
                    low[number] = low[number].min(ours[number]);
                    high[number] = high[number].max(ours[number]);
                }
            }
        }
    }
    let greeks = book.greeks.as_ref().unwrap();
    let printed = [
        book.mark_price,
        greeks.delta,
        greeks.gamma,
        greeks.vega,
        greeks.theta,
    ];
    let rounding = [
        HALF_TICK,
        GREEK_ROUNDING,
        GREEK_ROUNDING,
        GREEK_ROUNDING,
        GREEK_ROUNDING,
    ];
    std::array::from_fn(|number| {
        let range = low[number] - rounding[number]..=high[number] + rounding[number];
        range.contains(&printed[number])
    })
}

fn numbers(contract: &Instrument, forward: f64, vol: f64, at_ms: i64) -> Numbers {
    let ours = black76(
        contract.is_call(),
        forward,
        contract.strike(),
        vol,
        contract.years(at_ms),
    );
    [
        ours.price_usd / forward,
        ours.delta,
        ours.gamma,
        ours.vega,
        ours.theta,
    ]
}
