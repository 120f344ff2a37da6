//! What came out of a policy, before and after risk, with everything needed to ask why.

use super::action::Action;
use super::instrument::Instrument;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a policy proposes for one underlying at one instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub proposed: Action,
    pub reason: String,
    /// `rules_v1`, `rules_v2` ..
    pub policy: String,
    pub policy_version: String,
    pub source: DecisionSource,
    /// Probability with which this action was drawn; 1 when nothing was drawn.
    pub propensity: f64,
    /// True when exploration drew something other than the best.
    pub explored: bool,
    /// Every call of the chain, in chain order.
    pub candidates: Vec<Candidate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionSource {
    RuleBased,
    Llm,
    TrainingMode,
    Manual,
    Error,
}

impl DecisionSource {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RuleBased => "rule_based",
            Self::Llm => "llm",
            Self::TrainingMode => "training_mode",
            Self::Manual => "manual",
            Self::Error => "error",
        }
    }
}

/// One call as the policy saw it: qualified and scored, or stopped at its first failed filter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    pub instrument: Instrument,
    pub dte: f64,
    pub delta: Option<f64>,
    pub bid: Option<f64>,
    pub ask: Option<f64>,
    pub mark_iv: Option<f64>,
    /// mark IV / realised volatility of the matching horizon.
    pub ivrv: Option<f64>,
    pub open_interest: Option<f64>,
    /// Bid premium in USD per 1.0 contract.
    pub premium_usd: Option<f64>,
    /// Annualised premium on the coin, net of the trade fee, at the bid; a fraction.
    pub yield_net: Option<f64>,
    pub failed: Option<FailedFilter>,
    pub score: Option<f64>,
    /// 1 is the best; null when it did not qualify.
    pub rank: Option<u32>,
    pub propensity: f64,
    pub chosen: bool,
    /// Contribution of each term to the score, by name; the names are the policy's own.
    pub terms: BTreeMap<Cow<'static, str>, f64>,
}

/// The first filter a contract failed, by how much, and the setting that would have admitted it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailedFilter {
    pub filter: Filter,
    /// Distance to the limit in the filter's unit, zero or above; null where there is none (no bid).
    pub by: Option<f64>,
    /// The value the setting would need for this filter to pass.
    pub admit_at: Option<f64>,
}

/// Filters in the order they are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    OutOfTheMoney,
    Bid,
    Ask,
    DteMin,
    DteMax,
    Delta,
    DeltaMin,
    DeltaMax,
    Spread,
    OpenInterest,
    MarkIv,
    RealisedVol,
    Ivrv,
    PremiumMin,
    YieldMin,
}

impl Filter {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OutOfTheMoney => "out_of_the_money",
            Self::Bid => "bid",
            Self::Ask => "ask",
            Self::DteMin => "dte_min",
            Self::DteMax => "dte_max",
            Self::Delta => "delta",
            Self::DeltaMin => "delta_min",
            Self::DeltaMax => "delta_max",
            Self::Spread => "spread",
            Self::OpenInterest => "open_interest",
            Self::MarkIv => "mark_iv",
            Self::RealisedVol => "realised_vol",
            Self::Ivrv => "ivrv",
            Self::PremiumMin => "premium_min",
            Self::YieldMin => "yield_min",
        }
    }
}

/// One stored check of the risk engine: value against limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RiskLine {
    /// `action`, or the leg the check speaks of: open, close, roll_close, roll_open.
    pub leg: Cow<'static, str>,
    pub check: Cow<'static, str>,
    pub value: Option<f64>,
    pub limit: Option<f64>,
    /// limit - value in the direction of safety; negative when refused.
    pub headroom: Option<f64>,
    pub unit: Cow<'static, str>,
    pub verdict: LineVerdict,
    pub note: Option<Cow<'static, str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineVerdict {
    Pass,
    /// Over nine tenths of the limit.
    Warn,
    Refuse,
    /// Over the limit, yet never refused because the action reduces risk.
    Exempt,
}

impl LineVerdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Refuse => "refuse",
            Self::Exempt => "exempt",
        }
    }
}
