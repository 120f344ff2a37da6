//! The two coins the desk holds and writes calls on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An underlying of the desk; its name is the name of the coin it is margined in.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Coin {
    #[serde(rename = "BTC")]
    Btc,
    #[serde(rename = "ETH")]
    Eth,
}

impl Coin {
    pub const ALL: [Self; 2] = [Self::Btc, Self::Eth];

    /// `BTC` or `ETH`, as in instrument names and rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Btc => "BTC",
            Self::Eth => "ETH",
        }
    }

    /// The exchange's index of this coin in USD, which settles its options.
    pub fn index_name(self) -> &'static str {
        match self {
            Self::Btc => "btc_usd",
            Self::Eth => "eth_usd",
        }
    }
}

impl fmt::Display for Coin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text was not the name of a coin the desk trades.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown underlying `{0}`; use BTC or ETH")]
pub struct UnknownCoin(pub String);

impl FromStr for Coin {
    type Err = UnknownCoin;

    fn from_str(text: &str) -> Result<Self, UnknownCoin> {
        match text.trim().to_ascii_uppercase().as_str() {
            "BTC" => Ok(Self::Btc),
            "ETH" => Ok(Self::Eth),
            _ => Err(UnknownCoin(text.to_owned())),
        }
    }
}
