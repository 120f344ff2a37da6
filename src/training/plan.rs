//! What a dataset depends on besides its data.

use super::split::Splits;
use crate::backtest::Setup;
use crate::domain::coin::Coin;
use crate::domain::settings::Settings;
use crate::policy::profiles::Profile;
use serde::{Deserialize, Serialize};

/// Everything but the market. Bands of delta and days are those of the profiles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// In the order in which they are walked.
    pub underlyings: Vec<Coin>,
    /// By name, in the order in which they choose.
    pub profiles: Vec<(String, Profile)>,
    /// Calls a profile may hold at once, and decisions it may make at one instant.
    pub ladder: u32,
    /// Shares of the time; what is left is for tests.
    pub train_share: f64,
    pub validation_share: f64,
    pub discount_per_day: f64,
    /// Exits, sizes, limits, fills, fees, exploration and its seed.
    pub setup: Setup,
}

/// A plan that cannot be carried out; names the key and what it may be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct PlanError {
    pub key: &'static str,
    pub problem: String,
}

/// Probability of exploring when the settings do not say.
pub(crate) const EXPLORE_PROB: f64 = 0.25;

impl Plan {
    pub fn check(&self) -> Result<(), PlanError> {
        let refuse = |key, problem: String| Err(PlanError { key, problem });
        if self.underlyings.is_empty() {
            return refuse("underlyings", "name BTC, ETH or both".to_owned());
        }
        if self.profiles.is_empty() {
            return refuse("profiles", "name at least one, or `all`".to_owned());
        }
        if !(1..=2).contains(&self.ladder) {
            let problem = format!("{} is not 1 or 2 calls per profile", self.ladder);
            return refuse("ladder", problem);
        }
        let (train, validation) = (self.train_share, self.validation_share);
        let shares = [train, validation, train + validation];
        if shares
            .iter()
            .any(|share| !(0.0..=1.0 + 1e-9).contains(share))
        {
            let problem = format!("{train} and {validation} are not shares of one whole");
            return refuse("train_share, validation_share", problem);
        }
        if !(self.discount_per_day > 0.0 && self.discount_per_day <= 1.0) {
            let problem = format!("{} is not above 0 and at most 1", self.discount_per_day);
            return refuse("discount_per_day", problem);
        }
        Ok(())
    }

    /// The run of one profile's book.
    pub fn setup_of(&self, coin: Coin, profile: &Profile) -> Setup {
        Setup {
            underlying: coin,
            delta_min: profile.delta_min,
            delta_max: profile.delta_max,
            dte_min: profile.dte_min,
            dte_max: profile.dte_max,
            max_calls: self.ladder,
            ..self.setup.clone()
        }
    }

    pub fn settings_of(&self, coin: Coin, profile: &Profile) -> Settings {
        profile.settings(&self.setup_of(coin, profile).settings())
    }

    /// The splits of a range.
    pub fn splits(&self, from_ms: i64, to_ms: i64) -> Splits {
        Splits::cut(from_ms, to_ms, self.train_share, self.validation_share)
    }

    pub fn names(&self) -> Vec<&str> {
        self.profiles
            .iter()
            .map(|(name, _)| name.as_str())
            .collect()
    }
}
