//! The built-in exchange on a port, a clock the test sets, and a client that knows nothing of ours.

use reqwest::header::{CONNECTION, CONTENT_TYPE};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use thetaq::clock::{Clock, Time};
use thetaq::exchange::sim::faults::{FaultPlan, Faults};
use thetaq::exchange::sim::http::{Calls, Key, Served, serve};
use thetaq::exchange::sim::keeper::MemoryKeeper;
use thetaq::exchange::sim::market::Market;
use thetaq::exchange::sim::venue::Retention;
use thetaq::exchange::sim::{Deposits, SimExchange};
use thetaq::market::synthetic::Synthetic;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// 2026-01-05 09:00 UTC, a Monday.
pub(crate) const START_MS: i64 = 1_767_603_600_000;
const DAY_MS: i64 = 86_400_000;

pub(crate) struct Server {
    pub(crate) root: String,
    pub(crate) key: Key,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) calls: Calls,
    http: reqwest::Client,
    _stop: tokio_util::sync::DropGuard,
}

/// 2 BTC, 10 ETH and 50,000 USDC.
pub(crate) fn deposits() -> Deposits {
    let deposits = [("BTC", 2), ("ETH", 10), ("USDC", 50_000)];
    let deposits = deposits.map(|(currency, amount)| (currency.to_owned(), amount.into()));
    deposits.into_iter().collect()
}

pub(crate) fn synthetic() -> Market {
    Market::Synthetic(Synthetic::new("served"))
}

/// An answer as it came over the line; status 0 when none did.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) closes: bool,
    pub(crate) text: String,
}

impl Heard {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The error's code; 0 for a result or no JSON at all.
    pub(crate) fn code(&self) -> i64 {
        let reply: Option<Value> = serde_json::from_str(&self.text).ok();
        let code = reply.and_then(|reply| reply["error"]["code"].as_i64());
        code.unwrap_or(0)
    }
}

impl Server {
    /// A fresh account of 2 BTC, 10 ETH and 50,000 USDC over the synthetic market.
    pub(crate) async fn start(plan: FaultPlan) -> Self {
        let clock = Clock::manual(START_MS, &["served"]);
        Self::with(plan, clock, Key::from_seed("served")).await
    }

    /// The same under a clock and a key of the test's own.
    pub(crate) async fn with(plan: FaultPlan, clock: Clock, key: Key) -> Self {
        Self::over(synthetic(), plan, clock, key).await
    }

    /// The same, showing the whole tape as a history host does.
    pub(crate) async fn history(plan: FaultPlan) -> Self {
        let clock = Clock::manual(START_MS, &["served"]);
        Self::serve(synthetic(), plan, clock, Key::from_seed("served"), true).await
    }

    /// The same over a market of the test's own.
    pub(crate) async fn over(market: Market, plan: FaultPlan, clock: Clock, key: Key) -> Self {
        Self::serve(market, plan, clock, key, false).await
    }

    async fn serve(market: Market, plan: FaultPlan, clock: Clock, key: Key, history: bool) -> Self {
        let keeper = Arc::new(MemoryKeeper::default());
        let sim = SimExchange::new(market, keeper, deposits());
        let archive = Retention {
            orders_ms: 31 * DAY_MS,
            ..Retention::default()
        };
        let served = Served {
            sim: sim.remembering(archive),
            clock,
            key,
            faults: Faults::new(plan),
            calls: Calls::default(),
            history,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let root = format!("http://{}/api/v2", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let server = Self {
            root,
            key: served.key.clone(),
            clock: served.clock.clone(),
            faults: served.faults.clone(),
            calls: served.calls.clone(),
            // No kept connections: a client that quietly sends again would hide a lost request.
            http: super::http().pool_max_idle_per_host(0).build().unwrap(),
            _stop: stop.clone().drop_guard(),
        };
        tokio::spawn(serve(served, listener, stop));
        server
    }

    pub(crate) fn pass(&self, ms: i64) {
        self.set(self.clock.now_ms() + ms);
    }

    pub(crate) fn set(&self, now_ms: i64) {
        self.clock.set(Time::Manual { now_ms });
    }

    /// One JSON-RPC request by POST with the account's key.
    pub(crate) async fn post(&self, method: &str, params: &Value) -> Heard {
        let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
        self.raw("", body.to_string(), self.basic()).await
    }

    /// A body of any form, with any `Authorization`.
    pub(crate) async fn raw(&self, path: &str, body: String, authorization: String) -> Heard {
        let request = self.http.post(format!("{}{path}", self.root));
        let request = request.header(CONTENT_TYPE, "application/json");
        let request = request.header("authorization", authorization).body(body);
        heard(request).await
    }

    /// The same by GET with a query string.
    pub(crate) async fn get(&self, method: &str, params: &Value) -> Heard {
        let empty = Map::new();
        let pairs = params.as_object().unwrap_or(&empty).iter();
        let pairs = pairs.map(|(name, value)| match value.as_str() {
            Some(text) => format!("{name}={text}"),
            None => format!("{name}={value}"),
        });
        let query = pairs.collect::<Vec<_>>().join("&");
        let request = self.http.get(format!("{}/{method}?{query}", self.root));
        heard(request.header("authorization", self.basic())).await
    }

    /// The result of a call that must succeed; a quarter of a second passes before it.
    pub(crate) async fn ok(&self, method: &str, params: Value) -> Value {
        self.pass(250);
        let heard = self.post(method, &params).await;
        assert_eq!(heard.status, 200, "{method} {params}: {}", heard.text);
        heard.json()["result"].clone()
    }

    /// The code of a call that must be refused.
    pub(crate) async fn refused(&self, method: &str, params: Value) -> i64 {
        self.pass(250);
        let heard = self.post(method, &params).await;
        assert_eq!(heard.status, 400, "{method} {params}: {}", heard.text);
        heard.code()
    }

    pub(crate) fn basic(&self) -> String {
        let pair = format!("{}:{}", self.key.client_id, self.key.client_secret);
        format!("Basic {}", base64(pair.as_bytes()))
    }

    /// A call of the coming days with a bid worth selling into and the market at hand.
    pub(crate) async fn call_to_sell(&self) -> Value {
        let summaries = self
            .ok(
                "public/get_book_summary_by_currency",
                json!({"currency": "BTC", "kind": "option"}),
            )
            .await;
        let mut rows = summaries.as_array().unwrap().iter();
        let found = rows.find(|row| {
            let name = row["instrument_name"].as_str().unwrap();
            let bid = row["bid_price"].as_f64().unwrap_or(0.0);
            name.contains("-9JAN26-") && name.ends_with("-C") && (0.006..0.02).contains(&bid)
        });
        found.expect("a weekly call is bid").clone()
    }
}

async fn heard(request: reqwest::RequestBuilder) -> Heard {
    let nothing = Heard {
        status: 0,
        kind: String::new(),
        closes: false,
        text: String::new(),
    };
    let Ok(response) = request.send().await else {
        return nothing;
    };
    let header = |name| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let (kind, closes) = (
        header(CONTENT_TYPE).unwrap_or_default().to_owned(),
        header(CONNECTION) == Some("close"),
    );
    Heard {
        status: response.status().as_u16(),
        kind,
        closes,
        text: response.text().await.unwrap_or_default(),
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let chunks = bytes.chunks(3).map(|chunk| {
        let bits = (0..3).fold(0_u32, |bits, at| {
            (bits << 8) | u32::from(chunk.get(at).copied().unwrap_or(0))
        });
        let letter = |at: usize| char::from(LETTERS[(bits >> (18 - 6 * at)) as usize & 63]);
        (0..4)
            .map(|at| if at <= chunk.len() { letter(at) } else { '=' })
            .collect::<String>()
    });
    chunks.collect()
}
