//! Every number a decision depends on, resolved: mode, then preset, then single keys.

use super::coin::Coin;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The two modes of the desk; production narrows the bands and never explores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Research,
    Production,
}

impl Mode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Research => "research",
            Self::Production => "production",
        }
    }
}

/// Bundles of limits a person can pick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Preset {
    UltraSafe,
    Balanced,
    Aggressive,
}

/// Where fills of the fill model happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillModel {
    /// Both sides at the midpoint.
    Mid,
    /// Sales at the bid, purchases at the ask, any size.
    BidAsk,
    /// As `bid_ask`, never more than the size shown.
    BidAskSize,
}

impl FillModel {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mid => "mid",
            Self::BidAsk => "bid_ask",
            Self::BidAskSize => "bid_ask_size",
        }
    }
}

/// Which fees a simulated fill and a simulated delivery pay. The exchange's own fees are not ours to set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeModel {
    /// The exchange's Standard tier, with its caps.
    #[default]
    Standard,
    /// Nothing: shows what fees cost. Yields of candidates stay net of the standard fee.
    None,
}

impl FeeModel {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::None => "none",
        }
    }
}

/// When a short call is bought back before it expires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitStyle {
    /// The rules' own thresholds by days and moneyness (`roll_dte` and the others).
    #[default]
    Rules,
    /// Never.
    HoldToExpiry,
    /// When most of the premium is earned, or the spot comes near the strike.
    TpAndRoll,
}

impl ExitStyle {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::HoldToExpiry => "hold_to_expiry",
            Self::TpAndRoll => "tp_and_roll",
        }
    }
}

/// Numbers of the covered-call simulator: its exits and its score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Simulator {
    pub exit: ExitStyle,
    /// Share of the premium received that a purchase at the ask would keep.
    pub take_profit: f64,
    /// A call with no more days to expiry is not rolled any more.
    pub roll_dte_min: f64,
    /// Spot / strike from which a call is defended.
    pub defend_at: f64,
    pub rolls_max: u32,
    /// `simulator_v1` only: least score of a call that is sold, 0..10.
    pub score_min: f64,
    pub delta_target: f64,
    /// Half of the delta term is lost at this distance, all of it at twice.
    pub delta_tolerance: f64,
    /// Days.
    pub dte_target: f64,
    /// The days term is lost at this distance.
    pub dte_tolerance: f64,
}

impl Default for Simulator {
    fn default() -> Self {
        Self {
            exit: ExitStyle::Rules,
            take_profit: 0.80,
            roll_dte_min: 2.0,
            defend_at: 0.98,
            rolls_max: 3,
            score_min: 3.0,
            delta_target: 0.25,
            delta_tolerance: 0.05,
            dte_target: 7.0,
            dte_tolerance: 2.0,
        }
    }
}

/// Settings of candidates, policy, risk and fills. Fractions unless the name says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub mode: Mode,
    /// `rules_v1`, `rules_v2` or `simulator_v1`.
    pub policy: String,
    pub ivrv_min: f64,
    pub delta_min: f64,
    pub delta_max: f64,
    pub dte_min: f64,
    pub dte_max: f64,
    /// Coin of short calls per underlying and expiry.
    pub max_expiry_exposure_btc: Decimal,
    pub max_expiry_exposure_eth: Decimal,
    pub explore_prob: f64,
    pub explore_top_k: usize,
    /// `rules_v1` only: USD of premium per 1.0 contract.
    pub premium_min_usd: f64,
    /// `rules_v2` only: annualised net premium yield on the coin.
    pub yield_min: f64,
    pub max_margin_used_pct: f64,
    pub max_net_delta_abs: f64,
    pub order_size_btc: Decimal,
    pub order_size_eth: Decimal,
    pub max_calls_per_underlying: u32,
    /// Any call with fewer days to expiry is rolled; 0 holds it to expiry.
    pub roll_dte: f64,
    /// A call in the money is rolled from so many days to expiry on.
    pub roll_dte_itm: f64,
    /// A call out of the money by less than `roll_near` is rolled from so many days to expiry on.
    pub roll_dte_near: f64,
    /// Share of the index.
    pub roll_near: f64,
    /// Spread / mid.
    pub spread_max: f64,
    pub spread_max_ticks: f64,
    pub open_interest_min: f64,
    /// Loss of equity (coin) since the day's peak as a fraction; 0 is off.
    pub daily_drawdown_limit: f64,
    pub kill_switch: bool,
    pub close_only: bool,
    /// The desk is paused: positions are managed and rolled, nothing new is opened. Set from the desk's row.
    #[serde(default)]
    pub paused: bool,
    pub quote_max_age_ms: i64,
    pub order_rate_max: u32,
    pub fill_model: FillModel,
    #[serde(default)]
    pub fee_model: FeeModel,
    pub weight_yield: f64,
    pub weight_delta: f64,
    pub weight_dte: f64,
    pub weight_ivrv: f64,
    #[serde(default)]
    pub simulator: Simulator,
}

impl Settings {
    /// The default numbers of a mode.
    pub fn of(mode: Mode) -> Self {
        let research = mode == Mode::Research;
        let pick = |in_research: f64, in_production: f64| {
            if research { in_research } else { in_production }
        };
        Self {
            mode,
            policy: "rules_v2".to_owned(),
            ivrv_min: pick(1.0, 1.2),
            delta_min: pick(0.10, 0.20),
            delta_max: pick(0.40, 0.30),
            dte_min: pick(1.0, 5.0),
            dte_max: pick(21.0, 10.0),
            max_expiry_exposure_btc: Decimal::new(if research { 10 } else { 3 }, 1),
            // 0.3 would be under the venue's minimum of 1 ETH: production could never trade ETH.
            max_expiry_exposure_eth: Decimal::from(if research { 1 } else { 3 }),
            explore_prob: pick(0.25, 0.0),
            explore_top_k: 3,
            premium_min_usd: 50.0,
            yield_min: 0.02,
            max_margin_used_pct: 80.0,
            max_net_delta_abs: 5.0,
            order_size_btc: Decimal::new(1, 1),
            order_size_eth: Decimal::ONE,
            max_calls_per_underlying: 1,
            roll_dte: 1.0,
            roll_dte_itm: 2.0,
            roll_dte_near: 1.0,
            roll_near: 0.02,
            spread_max: 0.05,
            spread_max_ticks: 2.0,
            open_interest_min: 50.0,
            daily_drawdown_limit: 0.0,
            kill_switch: false,
            close_only: false,
            paused: false,
            quote_max_age_ms: 60_000,
            order_rate_max: 10,
            fill_model: FillModel::BidAsk,
            fee_model: FeeModel::Standard,
            weight_yield: 1.0,
            weight_delta: 1.0,
            weight_dte: 0.5,
            weight_ivrv: 1.0,
            simulator: Simulator::default(),
        }
    }

    /// Overlays a preset: margin, net delta, expiry exposure, IV/RV, delta, DTE, premium.
    #[must_use]
    pub fn preset(mut self, preset: Preset) -> Self {
        let (margin, net_delta, expiry, ivrv, delta, dte, premium) = match preset {
            Preset::UltraSafe => (40.0, 2.5, 15, 1.3, (0.15, 0.30), (7.0, 21.0), 300.0),
            Preset::Balanced => (60.0, 3.5, 25, 1.15, (0.15, 0.35), (3.0, 21.0), 200.0),
            Preset::Aggressive => (80.0, 5.0, 60, 1.0, (0.10, 0.40), (1.0, 21.0), 100.0),
        };
        self.max_margin_used_pct = margin;
        self.max_net_delta_abs = net_delta;
        self.max_expiry_exposure_btc = Decimal::new(expiry, 2);
        self.max_expiry_exposure_eth = Decimal::new(expiry, 1);
        self.ivrv_min = ivrv;
        (self.delta_min, self.delta_max) = delta;
        (self.dte_min, self.dte_max) = dte;
        self.premium_min_usd = premium;
        self
    }

    pub fn order_size(&self, coin: Coin) -> Decimal {
        match coin {
            Coin::Btc => self.order_size_btc,
            Coin::Eth => self.order_size_eth,
        }
    }

    pub fn max_expiry_exposure(&self, coin: Coin) -> Decimal {
        match coin {
            Coin::Btc => self.max_expiry_exposure_btc,
            Coin::Eth => self.max_expiry_exposure_eth,
        }
    }

    /// Middle of the delta band.
    pub fn delta_target(&self) -> f64 {
        f64::midpoint(self.delta_min, self.delta_max)
    }

    /// Middle of the DTE band, days.
    pub fn dte_target(&self) -> f64 {
        f64::midpoint(self.dte_min, self.dte_max)
    }
}
