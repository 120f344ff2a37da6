//! The one definition of reward, for every exit style, mode and market.
//!
//! A book is worth its equity: balance and calls at their marks. What a step earned is the change of that
//! worth from right before its decision to right before the next one of the same book, costs of its
//! trades included; so the rewards of a run add up to what its equity gained.

use serde::{Deserialize, Serialize};

/// Changes whenever the meaning of a reward does.
pub const REWARD_DEFINITION: &str = "equity_change_v1";

/// (name, what it is).
pub const REWARDS: [(&str, &str); 3] = [
    (
        "reward_coin",
        "change of equity in coin, marked to market, from this decision to the next",
    ),
    (
        "reward_usd",
        "change of equity in USD, each equity at the index of its own instant",
    ),
    (
        "reward_versus_holding",
        "USD: change of equity less what the same coin would have made untouched; the change in coin at the next index",
    ),
];

/// What a book is worth at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Worth {
    /// Coin.
    pub equity: f64,
    /// USD.
    pub index_price: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rewards {
    pub coin: f64,
    pub usd: f64,
    /// USD.
    pub versus_holding: f64,
}

impl Worth {
    pub fn to(self, next: Self) -> Rewards {
        let coin = next.equity - self.equity;
        Rewards {
            coin,
            usd: next.equity * next.index_price - self.equity * self.index_price,
            versus_holding: coin * next.index_price,
        }
    }
}
