//! One decision step, in the form in which it is stored.

use super::actions::Legal;
use super::rewards::{Rewards, Worth};
use super::split::Split;
use crate::domain::action::Action;
use crate::domain::chain::Source;
use crate::domain::coin::Coin;
use crate::domain::context::Regime;
use crate::domain::decision::Candidate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A step of one profile's book.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub underlying: Coin,
    pub profile: String,
    pub episode: String,
    /// From 0 in its episode.
    pub step: u64,
    pub decision: String,
    /// The roll chain acted on or held.
    pub chain: Option<String>,
    pub at_ms: i64,
    pub split: Split,
    pub price_source: Source,
    pub regime: Regime,
    /// USD.
    pub index_price: f64,
    /// JSON array in the order of the features.
    pub observation: String,
    pub legal: Legal,
    /// `None` when the step failed before there was one.
    pub taken: Option<Taken>,
    /// What came after; `None` when the step, or the one after it, failed.
    pub followed: Option<Followed>,
    /// The book has no calls any more.
    pub terminated: bool,
    /// The split, the data, or what could be simulated ends here.
    pub truncated: bool,
    pub error: Option<String>,
    pub offers: Vec<Offer>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Taken {
    pub proposed: Action,
    /// After risk.
    pub action: Action,
    /// Of the proposed action.
    pub propensity: f64,
    pub explored: bool,
    pub refusal: Option<String>,
    pub fills: u32,
    /// Coin.
    pub fees: Decimal,
    /// Before the decision.
    pub worth: Worth,
    /// A call was held before the decision or sold by it.
    pub in_market: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Followed {
    pub rewards: Rewards,
    pub at_ms: i64,
    pub observation: String,
    pub discount: f64,
}

/// A call the step could choose from, and whether it could be sold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    pub call: Candidate,
    pub legal: bool,
}

impl Row {
    /// The name under which the row is counted.
    pub fn action_name(&self) -> &'static str {
        let taken = self.taken.as_ref();
        taken.map_or("ERROR", |taken| taken.action.name())
    }
}
