//! The client of Deribit's API v2, or of anything that speaks it: JSON-RPC over HTTP POST.
//!
//! `transport` sends one call and says what became of it; `token` keeps the access token; `credits` spaces
//! calls so that the exchange never has to refuse one for their number; this file joins the three and
//! decides what may be sent twice. The other files are the desk's questions in the exchange's methods.
//! Nothing here logs, prints or returns a secret or a token.

mod convert;
pub mod credits;
mod deliveries;
mod market;
mod past;
mod settings;
mod token;
mod trade;
mod transport;

pub use past::{Candle, TradesPage, perpetual};
pub use settings::{Credentials, Host, Settings, Timeouts};

use super::Result;
use super::error::{ExchangeError, Reply};
use super::wire::market::Instrument;
use crate::clock::{Clock, Random, Stopwatch};
use credits::{Class, Credits};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use token::Tokens;
use transport::{Outcome, Transport};

/// What is lost or done twice when a call is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// Nothing: repeated until it is answered.
    Read,
    /// Done once or twice, it comes to the same: repeated like a read.
    Idempotent,
    /// An order: never repeated by the client; without an answer its outcome is unknown.
    Order,
}

/// Attempts of a call that may be repeated.
const ATTEMPTS_MAX: u32 = 3;
/// Wait before the second attempt; it doubles, and each is drawn between half of it and all of it.
const RETRY_WAIT: Duration = Duration::from_millis(400);

/// A client with one account, or with none for public data; clones share token, credits and connections.
#[derive(Clone, Debug)]
pub struct DeribitClient {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    transport: Transport,
    tokens: Tokens,
    credits: Credits,
    /// The desk's.
    clock: Clock,
    /// How far the exchange's clock is ahead of it, and since when that is known.
    ahead: Mutex<Option<(i64, Stopwatch)>>,
    random: Mutex<Random>,
    /// Contracts whose ticks were read, by name.
    contracts: Mutex<BTreeMap<String, Arc<Instrument>>>,
}

impl DeribitClient {
    /// Connects to nothing yet. `clock` is that of the times the desk will speak of; it follows the
    /// exchange's where that is a simulated one. Fails when the address or the certificates of this
    /// machine are unusable.
    pub fn new(settings: Settings, clock: &Clock) -> Result<Self> {
        let shared = Shared {
            transport: Transport::new(&settings, clock)?,
            tokens: Tokens::new(settings.credentials.clone()),
            credits: Credits::default(),
            clock: clock.clone(),
            ahead: Mutex::default(),
            random: Mutex::new(Random::from_parts(&["deribit", &clock.id()])),
            contracts: Mutex::default(),
            settings,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// A call that changes nothing; public ones carry the token too, since the exchange counts calls
    /// without one per address and says not how many.
    async fn read<P: Serialize, T: DeserializeOwned>(&self, method: &str, params: P) -> Result<T> {
        self.call(Effect::Read, method, params).await
    }

    /// Repeats what may be repeated, with growing pauses.
    async fn call<P: Serialize, T: DeserializeOwned>(
        &self,
        effect: Effect,
        method: &str,
        params: P,
    ) -> Result<T> {
        let params = params_value(method, &params)?;
        let mut attempt = 1;
        loop {
            let outcome = self.authorized(method, &params).await;
            let again = effect != Effect::Order && attempt < ATTEMPTS_MAX && outcome.may_repeat();
            if !again {
                return outcome.into_result(effect == Effect::Order, method);
            }
            tokio::time::sleep(self.pause(attempt)).await;
            attempt += 1;
        }
    }

    /// One call under a valid token; once more when the exchange no longer takes that token, in which
    /// case it has executed nothing.
    async fn authorized<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &serde_json::Value,
    ) -> Outcome<T> {
        let shared = &self.shared;
        if method.starts_with("private/") && shared.settings.credentials.is_none() {
            return Outcome::refused(-1, NO_CREDENTIALS);
        }
        let mut renewed = false;
        loop {
            let bearer = match shared
                .tokens
                .bearer(&shared.transport, &shared.credits)
                .await
            {
                Ok(bearer) => bearer,
                Err(failed) => return failed,
            };
            let outcome = self.once(method, params, bearer.as_ref()).await;
            if outcome.is_unauthorized() && bearer.is_some() && !renewed {
                shared.tokens.forget(bearer.as_ref()).await;
                renewed = true;
                continue;
            }
            return outcome;
        }
    }

    async fn once<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &serde_json::Value,
        bearer: Option<&token::Bearer>,
    ) -> Outcome<T> {
        let (shared, class) = (&self.shared, Class::of(method));
        if !shared
            .credits
            .turn(class, shared.settings.timeouts.overall)
            .await
        {
            return Outcome::not_sent(format!("{method}: too many calls wait for their turn"));
        }
        let outcome = shared.transport.send(method, params, bearer).await;
        if outcome.is_over_limit() {
            shared.credits.drain(class);
            tracing::warn!(
                exchange.method = method,
                "the exchange refused a call for their number"
            );
        }
        outcome
    }

    fn pause(&self, attempt: u32) -> Duration {
        let mut random = self
            .shared
            .random
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let longest = RETRY_WAIT * 2_u32.pow(attempt - 1);
        longest.mul_f64(0.5 + 0.5 * random.unit())
    }
}

const NO_CREDENTIALS: &str = "no credentials: set THETAQ_DERIBIT_CLIENT_ID and \
     THETAQ_DERIBIT_CLIENT_SECRET in the environment";

fn params_value<P: Serialize>(method: &str, params: &P) -> Result<serde_json::Value> {
    serde_json::to_value(params).map_err(|error| {
        let message = format!("{method}: parameters are no JSON: {error}");
        ExchangeError::Fatal(Reply { code: -1, message })
    })
}
