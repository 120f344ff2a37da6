//! Every fault of the built-in exchange over real HTTP, and the same replies from the same seed.

use crate::support::served::{Heard, START_MS, Server};
use serde_json::{Value, json};
use thetaq::exchange::sim::faults::{FaultKind, FaultPlan};

const DAY_MS: i64 = 86_400_000;

/// A server on which one kind strikes whenever it can, once the market was looked at.
struct Struck {
    server: Server,
    call: Value,
}

impl Struck {
    async fn by(kind: FaultKind) -> Self {
        let server = Server::start(FaultPlan::calm()).await;
        let call = server.call_to_sell().await;
        let plan = FaultPlan::calm().with(kind, 1.0).seeded("faults");
        server.faults.follow(plan.late_by_at_most(300));
        Self { server, call }
    }

    fn order(&self, amount: f64) -> Value {
        json!({
            "instrument_name": self.call["instrument_name"], "amount": amount,
            "price": self.call["bid_price"], "label": "struck",
        })
    }

    async fn sell(&self) -> Heard {
        self.server.post("private/sell", &self.order(0.1)).await
    }

    /// Orders with the label, once nothing goes wrong any more.
    async fn orders(&self) -> Vec<Value> {
        self.server.faults.stop();
        let asked = json!({"currency": "BTC", "label": "struck"});
        let found = self
            .server
            .ok("private/get_order_state_by_label", asked)
            .await;
        found.as_array().unwrap().clone()
    }

    fn count(&self, kind: FaultKind) -> u64 {
        let injected = self.server.faults.injected();
        injected
            .into_iter()
            .find(|(one, _)| *one == kind)
            .unwrap()
            .1
    }
}

#[tokio::test]
async fn a_lost_request_leaves_nothing_and_a_lost_answer_leaves_an_order() {
    let lost = Struck::by(FaultKind::RequestLost).await;
    assert_eq!(lost.sell().await.status, 0, "no byte of an answer");
    assert_eq!(lost.count(FaultKind::RequestLost), 1);
    assert!(lost.orders().await.is_empty());
    let unheard = Struck::by(FaultKind::AnswerLost).await;
    assert_eq!(unheard.sell().await.status, 0);
    let orders = unheard.orders().await;
    assert_eq!(orders.len(), 1, "accepted but the answer lost");
    assert_eq!(orders[0]["order_state"], "filled");
}

#[tokio::test]
async fn a_late_answer_is_an_answer() {
    let struck = Struck::by(FaultKind::AnswerLate).await;
    let asked = thetaq::clock::Stopwatch::start();
    assert_eq!(struck.sell().await.status, 200);
    assert!(asked.elapsed().as_millis() > 5);
    assert_eq!(struck.count(FaultKind::AnswerLate), 1);
}

#[tokio::test]
async fn a_request_delivered_twice_makes_two_orders_of_one_label() {
    let struck = Struck::by(FaultKind::Duplicate).await;
    let answered = struck.sell().await.json();
    let orders = struck.orders().await;
    assert_eq!(orders.len(), 2);
    assert_eq!(
        orders[0]["order_id"],
        answered["result"]["order"]["order_id"]
    );
}

#[tokio::test]
async fn orderly_refusals_execute_nothing() {
    for (kind, code) in [
        (FaultKind::RateLimited, 10_028),
        (FaultKind::Retry, 10_040),
        (FaultKind::Maintenance, 11_051),
        (FaultKind::Unavailable, 13_028),
    ] {
        let struck = Struck::by(kind).await;
        let heard = struck.sell().await;
        assert_eq!((heard.status, heard.code()), (400, code));
        assert_eq!(heard.closes, kind == FaultKind::RateLimited);
        assert!(struck.orders().await.is_empty());
    }
}

#[tokio::test]
async fn the_seconds_after_eight_take_no_orders() {
    let struck = Struck::by(FaultKind::Settlement).await;
    let eight_ms = START_MS + DAY_MS - 3_600_000;
    struck.server.set(eight_ms + 1_000);
    assert_eq!(struck.sell().await.code(), 10_041);
    let cancel = struck.server.post("private/cancel_all", &json!({})).await;
    assert_eq!(cancel.code(), 10_041);
    assert_eq!(
        struck
            .server
            .post("public/get_time", &json!({}))
            .await
            .status,
        200
    );
    struck.server.set(eight_ms + 5_000);
    assert_eq!(
        struck
            .server
            .post("private/cancel_all", &json!({}))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn machines_in_between_answer_before_or_after_the_exchange() {
    for kind in [FaultKind::ServerError, FaultKind::Html] {
        let struck = Struck::by(kind).await;
        for _ in 0..12 {
            let heard = struck.sell().await;
            assert!(
                serde_json::from_str::<Value>(&heard.text).is_err(),
                "{heard:?}"
            );
            match kind {
                FaultKind::ServerError => assert!((500..=504).contains(&heard.status)),
                _ => assert!(heard.kind.starts_with("text/html") && heard.text.contains("<html>")),
            }
        }
        let executed = struck.orders().await.len();
        assert!(
            (1..12).contains(&executed),
            "{kind:?}: {executed} of 12 were carried out"
        );
    }
}

#[tokio::test]
async fn a_truncated_answer_is_no_json_and_its_order_stands() {
    let struck = Struck::by(FaultKind::Truncated).await;
    let heard = struck.sell().await;
    assert_eq!(heard.status, 200);
    assert!(heard.text.starts_with("{\"") && serde_json::from_str::<Value>(&heard.text).is_err());
    assert_eq!(struck.orders().await.len(), 1);
}

#[tokio::test]
async fn stale_quotes_say_their_age_and_missing_ones_are_null() {
    let stale = Struck::by(FaultKind::StaleQuotes).await;
    let named = json!({"instrument_name": stale.call["instrument_name"]});
    let ticker = stale.server.post("public/ticker", &named).await.json();
    let age_ms = stale.server.clock.now_ms() - ticker["result"]["timestamp"].as_i64().unwrap();
    assert!(age_ms > 0, "{age_ms} ms old");
    let missing = Struck::by(FaultKind::MissingQuotes).await;
    let asked = json!({"currency": "BTC"});
    let rows = missing
        .server
        .post("public/get_book_summary_by_currency", &asked)
        .await
        .json();
    let first = &rows["result"][0];
    assert!(
        first["bid_price"].is_null() && first["ask_price"].is_null(),
        "{first}"
    );
    assert!(first.get("mark_iv").is_none());
}

#[tokio::test]
async fn the_exchange_may_cancel_what_it_filled_in_part() {
    let struck = Struck::by(FaultKind::PartialThenCancel).await;
    let placed = struck
        .server
        .post("private/sell", &struck.order(1.0))
        .await
        .json();
    let order = &placed["result"]["order"];
    assert_eq!(order["order_state"], "cancelled");
    assert_eq!(order["cancel_reason"], "risk_mitigation");
    let filled = order["filled_amount"].as_f64().unwrap();
    assert!(filled > 0.0 && filled < 1.0, "{filled}");
    let position = json!({"instrument_name": struck.call["instrument_name"]});
    let held = struck.server.ok("private/get_position", position).await;
    assert_eq!(held["size"], -filled);
}

#[tokio::test]
async fn a_skewed_clock_tells_another_time() {
    let struck = Struck::by(FaultKind::ClockSkew).await;
    let told = struck
        .server
        .post("public/get_time", &json!({}))
        .await
        .json();
    let skew_ms = told["result"].as_i64().unwrap() - struck.server.clock.now_ms();
    assert!(skew_ms != 0 && skew_ms.abs() <= 5_000, "{skew_ms}");
}

/// What a client hears in a session with everything going wrong that the seed's plan knows.
async fn session(seed: &str) -> (Vec<Heard>, Vec<(FaultKind, u64)>) {
    let server = Server::start(FaultPlan::calm()).await;
    let call = server.call_to_sell().await;
    let plan = FaultPlan::from_seed(seed).late_by_at_most(20);
    server.faults.follow(plan);
    let mut heard = Vec::new();
    for turn in 0..80 {
        server.pass(250);
        let name = &call["instrument_name"];
        let (method, params) = match turn % 5 {
            0 => ("public/ticker", json!({"instrument_name": name})),
            1 => (
                "private/sell",
                json!({"instrument_name": name, "amount": 0.1, "price": call["bid_price"], "label": turn.to_string()}),
            ),
            2 => ("private/get_open_orders", json!({})),
            3 => ("private/cancel_all", json!({})),
            _ => ("private/get_account_summary", json!({"currency": "BTC"})),
        };
        heard.push(server.post(method, &params).await);
    }
    (heard, server.faults.injected())
}

#[tokio::test]
async fn the_same_seed_gives_the_same_replies() {
    let (first, injected) = session("5").await;
    assert_eq!((first.clone(), injected.clone()), session("5").await);
    let struck: u64 = injected.iter().map(|(_, count)| count).sum();
    assert!(struck > 3, "{injected:?}");
    assert_ne!(first, session("6").await.0);
}
