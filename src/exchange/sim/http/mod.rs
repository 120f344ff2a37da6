//! The built-in exchange on a port: the public and private JSON-RPC methods of Deribit over HTTP.
//!
//! Read in this order: `methods` (what is served), `deliver` (one request from arrival to answer, faults
//! included), `market` and `account` (the methods), `shape` (their JSON). Time and book are the
//! exchange's own; tokens and credits run on the machine's time, as they would for any client.

mod account;
mod call;
mod calls;
mod credits;
mod deliver;
mod line;
mod market;
mod methods;
mod params;
mod reply;
mod request;
mod session;
mod shape;
mod span;

pub use calls::{Calls, Count};
pub use methods::{METHODS, Method};
pub use session::Key;

use super::SimExchange;
use super::faults::Faults;
use crate::clock::Clock;
use crate::domain::chain::Chain;
use crate::domain::coin::Coin;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use credits::Credits;
use line::{Line, Lines};
use session::Sessions;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Version of the published API document whose methods are served.
const VERSION: &str = "2.1.1";

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct Served {
    pub sim: SimExchange,
    pub clock: Clock,
    /// The one API key of the account.
    pub key: Key,
    /// What goes wrong, and the count of it.
    pub faults: Faults,
    /// What was called, whatever became of it.
    pub calls: Calls,
    /// The public tape reaches back to the beginning and shows the trades of others too, as the
    /// exchange's history host does; otherwise the last day of this account's own.
    pub history: bool,
}

/// Everything a request needs.
struct House {
    sim: SimExchange,
    clock: Clock,
    key: Key,
    faults: Faults,
    calls: Calls,
    history: bool,
    sessions: Mutex<Sessions>,
    credits: Mutex<Credits>,
    /// Chains of the last 08:00 UTC, whose marks are the settlement prices.
    settled: Mutex<BTreeMap<Coin, (i64, Arc<Chain>)>>,
}

/// Answers requests until `stop` is cancelled.
///
/// Refuses a listener that other machines reach: its account is for tests and its key no secret.
pub async fn serve(
    served: Served,
    listener: TcpListener,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        return Err(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            format!("{address} is reached from other machines; bind the exchange to 127.0.0.1"),
        ));
    }
    let house = Arc::new(House {
        sim: served.sim,
        clock: served.clock,
        key: served.key,
        faults: served.faults,
        calls: served.calls,
        history: served.history,
        sessions: Mutex::default(),
        credits: Mutex::default(),
        settled: Mutex::default(),
    });
    let router = Router::new()
        .fallback(deliver::deliver)
        .layer(DefaultBodyLimit::disable())
        .with_state(house);
    let service = router.into_make_service_with_connect_info::<Line>();
    axum::serve(Lines(listener), service)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
