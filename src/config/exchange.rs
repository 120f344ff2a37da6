//! [exchange]: where the market and the account are, and the key to them.

use super::ConfigError;
use crate::domain::coin::Coin;
use crate::exchange::deribit::Credentials;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Which exchange the desk trades on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeKind {
    /// The built-in exchange.
    Sim,
    /// Deribit's API at `url`.
    Deribit,
    /// Public market data of `url` under the built-in exchange's account and matching.
    Paper,
}

impl ExchangeKind {
    /// The name in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sim => "sim",
            Self::Deribit => "deribit",
            Self::Paper => "paper",
        }
    }
}

/// Where the built-in exchange takes its prices from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarketKind {
    Synthetic,
    /// Imported chains.
    Replay,
}

section! {
    /// [exchange]
    ExchangeConfig {
        /// sim (built in), deribit (the API at `url`) or paper (its public quotes, orders filled by the built-in exchange).
        kind: ExchangeKind = ExchangeKind::Sim,
        /// Where the API is: test, main (real money), history, or a base URL; THETAQ_EXCHANGE_URL wins and turns kind = sim into deribit.
        url: String = "test".to_owned(),
        /// The third of three settings that let orders go to the main host, besides mode = production and dry_run = false.
        allow_main_host_orders: bool = false,
        /// Prices of the built-in exchange: synthetic (from the seed) or replay (imported chains).
        market: MarketKind = MarketKind::Synthetic,
        /// Seed of the synthetic market and of exploration; the same seed gives the same market.
        seed: String = "thetaq".to_owned(),
        /// Desk seconds per wall second on the built-in exchange; 1 is real time.
        speed: f64 = 720.0,
        /// First instant of the simulated market, ISO 8601 UTC; later starts go on where the desk stopped.
        start: String = "2026-01-05T07:00:00Z".to_owned(),
        /// Bitcoin put into a fresh simulated account.
        deposit_btc: Decimal = Decimal::from(2),
        /// Ether put into a fresh simulated account.
        deposit_eth: Decimal = Decimal::from(4),
    }
}

impl ExchangeConfig {
    /// `start` in milliseconds UTC; `None` when it does not parse.
    pub fn start_ms(&self) -> Option<i64> {
        chrono::DateTime::parse_from_rfc3339(&self.start)
            .ok()
            .map(|at| at.timestamp_millis())
    }

    pub fn deposit(&self, coin: Coin) -> Decimal {
        match coin {
            Coin::Btc => self.deposit_btc,
            Coin::Eth => self.deposit_eth,
        }
    }
}

/// The API key of the exchange, from THETAQ_DERIBIT_CLIENT_ID and THETAQ_DERIBIT_CLIENT_SECRET: `None`
/// when neither is set, an error when only one is. It stands nowhere else.
pub fn credentials() -> Result<Option<Credentials>, ConfigError> {
    let read = |name| {
        std::env::var(name)
            .ok()
            .filter(|value| !value.trim().is_empty())
    };
    match (read(CLIENT_ID), read(CLIENT_SECRET)) {
        (Some(id), Some(secret)) => Ok(Some(Credentials::new(id.trim(), secret.trim()))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(ConfigError::HalfAKey(CLIENT_ID, CLIENT_SECRET)),
        (None, Some(_)) => Err(ConfigError::HalfAKey(CLIENT_SECRET, CLIENT_ID)),
    }
}

const CLIENT_ID: &str = "THETAQ_DERIBIT_CLIENT_ID";
const CLIENT_SECRET: &str = "THETAQ_DERIBIT_CLIENT_SECRET";
