//! The client of the exchange against a real HTTP server that answers by script: tokens, faults, limits, secrets.

use crate::support::deribit::{Answer, Script};
use crate::support::deribit_words::{
    AT_MS, CLIENT_ID, CLIENT_SECRET, account, client, exchange, market, order, settings, working,
};
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use thetaq::clock::Stopwatch;
use thetaq::domain::coin::Coin;
use thetaq::domain::order::OrderState;
use thetaq::exchange::Exchange;
use thetaq::exchange::error::ExchangeError;

#[tokio::test]
async fn a_token_is_fetched_once_and_refreshed_before_it_ends() {
    let script = Script::start().await;
    script.tokens_live_for(2);
    script.always(
        "public/get_time",
        Answer::result(json!(1_550_147_385_946_i64)),
    );
    let client = client(&script);
    for _ in 0..5 {
        assert_eq!(client.get_time().await.unwrap(), 1_550_147_385_946);
    }
    assert_eq!(script.grants(), ["client_credentials"]);
    tokio::time::sleep(Duration::from_millis(1_700)).await;
    client.get_time().await.unwrap();
    assert_eq!(script.grants(), ["client_credentials", "refresh_token"]);
    assert_eq!(script.last_bearer("public/get_time"), "Bearer token-2");
    // A refresh that is refused falls back to the key.
    script.refuse_refresh();
    tokio::time::sleep(Duration::from_millis(1_700)).await;
    client.get_time().await.unwrap();
    assert_eq!(
        script.grants()[2..],
        ["refresh_token", "client_credentials"]
    );
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_and_the_call_sent_again() {
    let script = market().await;
    let refused = Answer::error(13_009, "unauthorized");
    script.next("private/sell", refused.clone());
    script.next(
        "private/sell",
        Answer::result(json!({ "order": working("open", 0.0), "trades": [] })),
    );
    let placed = exchange(&script).place(&order(), AT_MS).await.unwrap();
    assert_eq!(placed.order.state, OrderState::Open);
    assert_eq!(script.grants().len(), 2);
    script.always("private/get_positions", refused);
    let error = exchange(&script)
        .positions(Coin::Btc, AT_MS)
        .await
        .unwrap_err();
    assert!(matches!(error, ExchangeError::Reauthenticate(_)), "{error}");
    assert_eq!(
        script.count("private/get_positions"),
        2,
        "once more, then it is the caller's turn"
    );
}

#[tokio::test]
async fn a_key_without_the_needed_scope_says_which() {
    let script = Script::start().await;
    script.grant_scope("session:thetaq account:read");
    let error = exchange(&script)
        .account(Coin::Btc, AT_MS)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, ExchangeError::Fatal(reply) if reply.message.contains("trade:read")),
        "{error}"
    );
    let wanted = script.calls("public/auth")[0]["scope"].clone();
    assert_eq!(
        wanted,
        "session:thetaq account:read trade:read_write wallet:none"
    );
}

#[tokio::test]
async fn reads_are_repeated_until_they_are_answered() {
    for fault in [
        Answer::error(10_028, "too_many_requests"),
        Answer::error(10_040, "retry"),
        Answer::error(11_094, "internal_server_error"),
        Answer::status(429, "text/plain", "slow down"),
        Answer::status(502, "text/html", "<html><body>Bad gateway</body></html>"),
        Answer::status(200, "text/html", "<html>maintenance</html>"),
        Answer::Truncated,
        Answer::Hangup,
        Answer::Slow(Duration::from_millis(700)),
    ] {
        let script = Script::start().await;
        script.next("public/get_index_price", fault.clone());
        script.always(
            "public/get_index_price",
            Answer::result(json!({ "index_price": 9.5e4 })),
        );
        let index = exchange(&script).index_price(Coin::Btc, AT_MS).await;
        assert_eq!(index, Ok(95_000.0), "{fault:?}");
        assert_eq!(script.count("public/get_index_price"), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn reads_give_up_after_three_attempts_and_ask_for_a_later_one() {
    let script = Script::start().await;
    script.always(
        "public/get_index_price",
        Answer::status(500, "text/html", "<html>"),
    );
    let error = exchange(&script)
        .index_price(Coin::Btc, AT_MS)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, ExchangeError::Retry(reply) if reply.message.contains("500")),
        "{error}"
    );
    assert_eq!(script.count("public/get_index_price"), 3);
}

/// Everything that can happen to an order, and that none of it sends the order a second time.
#[tokio::test]
async fn an_order_is_sent_once_and_a_lost_answer_is_an_unknown_outcome() {
    type Check = fn(&ExchangeError) -> bool;
    let unknown: Check = |error| matches!(error, ExchangeError::UnknownOutcome(_));
    let retry: Check = |error| matches!(error, ExchangeError::Retry(_));
    let fatal: Check = |error| matches!(error, ExchangeError::Fatal(_));
    let funds: Check = |error| matches!(error, ExchangeError::Funds(_));
    for (fault, decision) in [
        (Answer::Truncated, unknown),
        (Answer::Hangup, unknown),
        (Answer::Slow(Duration::from_millis(700)), unknown),
        (Answer::status(502, "text/html", "<html>"), unknown),
        (Answer::status(200, "text/html", "<html>"), unknown),
        (
            Answer::result(json!({ "order": { "order_id": "77" } })),
            unknown,
        ),
        (Answer::error(11_094, "internal_server_error"), unknown),
        (Answer::error(10_028, "too_many_requests"), retry),
        (Answer::status(429, "text/plain", ""), retry),
        (Answer::error(10_041, "settlement_in_progress"), retry),
        (Answer::error(10_009, "not_enough_funds"), funds),
        (
            Answer::status(403, "text/html", "<html>blocked</html>"),
            fatal,
        ),
        (Answer::error(-32_602, "Invalid params"), fatal),
    ] {
        let script = market().await;
        script.always("private/sell", fault.clone());
        let error = exchange(&script).place(&order(), AT_MS).await.unwrap_err();
        assert!(decision(&error), "{fault:?}: {error:?}");
        assert_eq!(script.count("private/sell"), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn an_order_that_never_left_is_no_unknown_outcome() {
    let script = market().await;
    let exchange = exchange(&script);
    exchange.index_price(Coin::Btc, AT_MS).await.unwrap_err();
    script.next("private/sell", Answer::error(10_005, "price_too_low"));
    let known = exchange.place(&order(), AT_MS).await.unwrap_err();
    assert!(matches!(known, ExchangeError::Reprice(_)), "{known}");
    script.stop().await;
    let error = exchange.place(&order(), AT_MS).await.unwrap_err();
    assert!(matches!(&error, ExchangeError::Retry(_)), "{error}");
}

/// Every code of the exchange's table, as an order meets it: the body of an HTTP 400 decides.
#[tokio::test]
async fn every_error_code_arrives_as_its_decision() {
    let script = market().await;
    let exchange = exchange(&script);
    // The account's own limits are adopted; at those of a new one this would take half a minute.
    script.always("private/get_account_summary", Answer::result(account()));
    exchange.account(Coin::Btc, AT_MS).await.unwrap();
    for code in [
        10_028, 10_047, 10_066, 10_040, 10_041, 11_051, 13_028, 13_503, 13_025, 11_056, 10_019,
        13_888, 11_094, 10_001, 10_000, 13_004, 13_403, 13_021, 11_042, 10_009, 10_039, 10_037,
        10_018, 10_013, 10_014, 10_015, 10_016, 10_017, 10_038, 10_005, 10_006, 10_007, 10_011,
        10_043, 10_026, 10_002, 10_021, 10_022, 10_023, 10_027, 10_031, 10_032, 11_054, 11_055,
        11_021, 11_039, 10_003, 10_004, 10_010, 11_008, 11_044, 10_029, 13_032, 13_777, 13_666,
        10_012, 13_019, 11_037, 11_046, 10_020, 13_020, -32_602, 13_030, 13_040, 13_043, 11_098,
        11_029, 11_043, 11_049, 11_030, 11_031, 11_047, 11_050, 10_030, 10_033, 10_048, 13_010,
        -32_601, -32_700, -32_000, -32_600, 99_999,
    ] {
        script.next("private/cancel", Answer::error(code, "said"));
        let error = exchange.cancel("77", AT_MS).await.unwrap_err();
        assert_eq!(
            error,
            ExchangeError::from_code(code, "private/cancel: said"),
            "{code}"
        );
    }
}

#[tokio::test]
async fn the_reason_of_invalid_params_is_told() {
    let script = Script::start().await;
    let data = json!({ "reason": "instrument not found", "param": "instrument_name" });
    script.always(
        "public/get_order_book",
        Answer::error_with(-32_602, "Invalid params", &data),
    );
    let error = client(&script)
        .get_order_book("BTC-1JAN20-1-C", 1)
        .await
        .unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("instrument not found") && said.contains("instrument_name"),
        "{said}"
    );
}

#[tokio::test]
async fn calls_come_no_faster_than_their_bucket_allows() {
    let script = Script::start().await;
    script.always("private/cancel", Answer::error(10_004, "order_not_found"));
    let exchange = exchange(&script);
    let watch = Stopwatch::start();
    let calls = (0..28).map(|_| exchange.cancel("1", AT_MS));
    let answers = futures::future::join_all(calls).await;
    let refused_here = answers
        .iter()
        .filter(|answer| matches!(answer, Err(ExchangeError::Retry(_))));
    let (refused_here, took) = (refused_here.count(), watch.elapsed().as_secs_f64());
    let arrived = script.arrivals("private/cancel");
    assert_eq!(
        arrived.len() + refused_here,
        28,
        "those that would wait too long are not sent"
    );
    assert!(
        arrived.len() >= 20 && took > 0.4,
        "{} in {took} s",
        arrived.len()
    );
    for (first, from) in arrived.iter().enumerate() {
        for (last, to) in arrived.iter().enumerate().skip(first) {
            let (count, seconds) = (last - first + 1, (*to - *from).as_secs_f64());
            let allowed = 20.0 + 5.0 * seconds;
            assert!(count as f64 <= allowed + 0.5, "{count} within {seconds} s");
        }
    }
}

/// Secrets and tokens stand in no log line, error, address or Debug text, not even when the exchange
/// repeats them.
#[tokio::test]
async fn secrets_never_leave() {
    let log = Log::default();
    let lines = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(lines);
    let script = Script::start().await;
    let exchange = exchange(&script);
    script.always(
        "public/get_index_price",
        Answer::error(10_028, "too_many_requests"),
    );
    let over = exchange.index_price(Coin::Btc, AT_MS).await;
    script.refuse_key(&format!("invalid_credentials {CLIENT_ID} {CLIENT_SECRET}"));
    let fresh = Exchange::Deribit(client(&script));
    let refused = fresh.index_price(Coin::Btc, AT_MS).await;
    let token = json!({ "access_token": "token-x", "expires_in": "token-y" });
    script.answer_auth(Answer::result(token));
    let confused = Exchange::Deribit(client(&script));
    let unreadable = confused.index_price(Coin::Btc, AT_MS).await;
    let said = format!(
        "{over:?} {refused:?} {unreadable:?} {exchange:?} {fresh:?} {confused:?} {:?} {:?}",
        settings(&script),
        script.addresses()
    );
    assert!(said.contains("***"), "the echo was read: {said}");
    let logged = log.text();
    assert!(
        logged.contains("refused a call"),
        "the log was listening: {logged}"
    );
    for secret in [CLIENT_ID, CLIENT_SECRET, "token-", "refresh-"] {
        assert!(!said.contains(secret), "{secret} in: {said}");
        assert!(!logged.contains(secret), "{secret} in the log: {logged}");
    }
}

/// Where log lines of a test go.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
