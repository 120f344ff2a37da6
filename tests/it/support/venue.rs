//! The built-in exchange behind the desk's own enum: in this process, or over HTTP through the client.

use super::served::{START_MS, Server, deposits};
use std::sync::Arc;
use thetaq::clock::Clock;
use thetaq::exchange::Exchange;
use thetaq::exchange::deribit::{Credentials, DeribitClient, Host, Settings};
use thetaq::exchange::sim::SimExchange;
use thetaq::exchange::sim::faults::FaultPlan;
use thetaq::exchange::sim::http::Key;
use thetaq::exchange::sim::keeper::MemoryKeeper;
use thetaq::exchange::sim::market::Market;

/// A fresh account at [`START_MS`].
pub(crate) struct Venue {
    pub(crate) exchange: Exchange,
    pub(crate) server: Option<Server>,
    pub(crate) now_ms: i64,
}

impl Venue {
    pub(crate) fn direct(market: Market) -> Self {
        let keeper = Arc::new(MemoryKeeper::default());
        let sim = SimExchange::new(market, keeper, deposits());
        Self {
            exchange: Exchange::Sim(sim),
            server: None,
            now_ms: START_MS,
        }
    }

    pub(crate) async fn over_http(market: Market) -> Self {
        let clock = Clock::manual(START_MS, &["served"]);
        let key = Key::from_seed("served");
        let server = Server::over(market, FaultPlan::calm(), clock, key).await;
        let host = Host::parse(&server.root).unwrap();
        let key = Credentials::new(&server.key.client_id, &server.key.client_secret);
        let client = DeribitClient::new(Settings::new(host, Some(key)), &server.clock).unwrap();
        Self {
            exchange: Exchange::Deribit(client),
            server: Some(server),
            now_ms: START_MS,
        }
    }

    pub(crate) fn pass(&mut self, ms: i64) {
        self.now_ms += ms;
        if let Some(server) = &self.server {
            server.set(self.now_ms);
        }
    }
}
