//! [desk] and [policy]: what is traded, within which limits, and who decides.

use super::Config;
use crate::backtest::Answers;
use crate::domain::coin::Coin;
use crate::domain::settings::{FillModel, Mode, Preset, Settings};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

section! {
    /// [desk]. `None` follows the preset, then the mode.
    Desk {
        /// research or production.
        mode: Mode = Mode::Research,
        /// ULTRA_SAFE, BALANCED or AGGRESSIVE; unset for the mode's own limits.
        preset: Option<Preset> = None,
        /// Coins to write calls on.
        underlyings: Vec<Coin> = Coin::ALL.to_vec(),
        /// Fills come from the fill model and no order is sent to the exchange.
        dry_run: bool = true,
        /// Nothing opens while true, and working orders are taken back.
        kill_switch: bool = false,
        /// Closing and buy-backs only.
        close_only: bool = false,
        /// Least implied / realised volatility ratio (research 1.0, production 1.2).
        ivrv_min: Option<f64> = None,
        /// Least delta of a call (0.10 / 0.20).
        delta_min: Option<f64> = None,
        /// Greatest delta of a call (0.40 / 0.30).
        delta_max: Option<f64> = None,
        /// Least days to expiry (1 / 5).
        dte_min: Option<f64> = None,
        /// Most days to expiry (21 / 10).
        dte_max: Option<f64> = None,
        /// Most short calls per expiry, BTC (1.0 / 0.3).
        max_expiry_exposure_btc: Option<Decimal> = None,
        /// Most short calls per expiry, ETH (1 / 3).
        max_expiry_exposure_eth: Option<Decimal> = None,
        /// Most initial margin / equity after a trade, percent.
        max_margin_used_pct: Option<f64> = None,
        /// Most |net delta| after a trade, the coin included, in coin.
        max_net_delta_abs: Option<f64> = None,
        /// Size of one call, BTC; the venue's minimum is 0.1.
        order_size_btc: Option<Decimal> = None,
        /// Size of one call, ETH; the venue's minimum is 1.
        order_size_eth: Option<Decimal> = None,
        /// Short calls open at once per underlying.
        max_calls_per_underlying: Option<u32> = None,
        /// Widest spread / mid of a candidate (0.05).
        spread_max: Option<f64> = None,
        /// A spread of so many ticks passes whatever its share of the mid.
        spread_max_ticks: Option<f64> = None,
        /// Least open interest of a candidate, coin.
        open_interest_min: Option<f64> = None,
        /// Loss since the day's peak equity that stops new entries, a fraction; 0 is off.
        daily_drawdown_limit: Option<f64> = None,
        /// Quotes older than this refuse a trade, milliseconds.
        quote_max_age_ms: Option<i64> = None,
        /// Most orders per minute.
        order_rate_max: Option<u32> = None,
        /// Fills of dry runs: mid, bid_ask or bid_ask_size.
        fill_model: Option<FillModel> = None,
        /// Sell orders start at the midpoint and walk to the bid in so many steps.
        walk_steps: u32 = 4,
        /// Orders may only add liquidity.
        post_only: bool = false,
        /// Positions that differ from the exchange's: halt (stop and say so) or adopt (take theirs).
        reconcile: Reconcile = Reconcile::Halt,
        /// Differences up to this value agree, USD.
        reconcile_tolerance_usd: f64 = 10.0,
        /// Resting orders are cancelled when the desk stops.
        cancel_on_stop: bool = true,
    }
}

/// What to do when the exchange holds something else than our folded fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reconcile {
    Halt,
    Adopt,
}

/// Who decides at a tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionMode {
    /// The rules.
    #[default]
    RuleOnly,
    /// The model; where it fails, what [llm] fallback says.
    LlmOnly,
    /// The rules, and the model is asked what it would have done.
    HybridShadow,
}

section! {
    /// [policy]
    PolicyConfig {
        /// rules_v2, or rules_v1 (the baseline).
        name: String = "rules_v2".to_owned(),
        /// Who decides: rule_only, llm_only (the model of [llm]), or hybrid_shadow (the rules; the model is asked and scored beside them).
        decision_mode: DecisionMode = DecisionMode::RuleOnly,
        /// llm_only on a replayed desk: replay (stored answers to the same request; a missing one is an error) or ask (the model where there is none).
        answers: Answers = Answers::Replay,
        /// Probability of drawing from the top k instead of taking the best (research 0.25, production 0).
        explore_prob: Option<f64> = None,
        /// How many of the best are drawn from.
        explore_top_k: Option<usize> = None,
        /// rules_v1: least premium in USD per 1.0 contract.
        premium_min_usd: Option<f64> = None,
        /// Any call with fewer days to expiry is rolled (1); 0 holds it to expiry.
        roll_dte: Option<f64> = None,
        /// A call in the money is rolled from so many days to expiry on (2).
        roll_dte_itm: Option<f64> = None,
        /// A call out of the money by less than roll_near is rolled from so many days to expiry on (1).
        roll_dte_near: Option<f64> = None,
        /// How close to the strike the index counts as near, a fraction of it (0.02).
        roll_near: Option<f64> = None,
        /// rules_v2: least annualised premium yield on the coin, net of fees, a fraction.
        yield_min: Option<f64> = None,
        /// rules_v2: weight of the yield term.
        weight_yield: Option<f64> = None,
        /// rules_v2: weight of the distance from the middle of the delta band.
        weight_delta: Option<f64> = None,
        /// rules_v2: weight of the distance from the middle of the DTE band.
        weight_dte: Option<f64> = None,
        /// rules_v2: weight of the implied / realised volatility ratio.
        weight_ivrv: Option<f64> = None,
    }
}

impl Config {
    /// The numbers decisions depend on: mode, then preset, then single keys.
    pub fn settings(&self) -> Settings {
        let (desk, policy) = (&self.desk, &self.policy);
        let base = Settings::of(desk.mode);
        let base = desk
            .preset
            .map_or(base.clone(), |preset| base.preset(preset));
        Settings {
            mode: desk.mode,
            policy: policy.name.clone(),
            ivrv_min: desk.ivrv_min.unwrap_or(base.ivrv_min),
            delta_min: desk.delta_min.unwrap_or(base.delta_min),
            delta_max: desk.delta_max.unwrap_or(base.delta_max),
            dte_min: desk.dte_min.unwrap_or(base.dte_min),
            dte_max: desk.dte_max.unwrap_or(base.dte_max),
            max_expiry_exposure_btc: desk
                .max_expiry_exposure_btc
                .unwrap_or(base.max_expiry_exposure_btc),
            max_expiry_exposure_eth: desk
                .max_expiry_exposure_eth
                .unwrap_or(base.max_expiry_exposure_eth),
            explore_prob: policy.explore_prob.unwrap_or(base.explore_prob),
            explore_top_k: policy.explore_top_k.unwrap_or(base.explore_top_k),
            premium_min_usd: policy.premium_min_usd.unwrap_or(base.premium_min_usd),
            yield_min: policy.yield_min.unwrap_or(base.yield_min),
            max_margin_used_pct: desk.max_margin_used_pct.unwrap_or(base.max_margin_used_pct),
            max_net_delta_abs: desk.max_net_delta_abs.unwrap_or(base.max_net_delta_abs),
            order_size_btc: desk.order_size_btc.unwrap_or(base.order_size_btc),
            order_size_eth: desk.order_size_eth.unwrap_or(base.order_size_eth),
            max_calls_per_underlying: desk
                .max_calls_per_underlying
                .unwrap_or(base.max_calls_per_underlying),
            roll_dte: policy.roll_dte.unwrap_or(base.roll_dte),
            roll_dte_itm: policy.roll_dte_itm.unwrap_or(base.roll_dte_itm),
            roll_dte_near: policy.roll_dte_near.unwrap_or(base.roll_dte_near),
            roll_near: policy.roll_near.unwrap_or(base.roll_near),
            spread_max: desk.spread_max.unwrap_or(base.spread_max),
            spread_max_ticks: desk.spread_max_ticks.unwrap_or(base.spread_max_ticks),
            open_interest_min: desk.open_interest_min.unwrap_or(base.open_interest_min),
            daily_drawdown_limit: desk
                .daily_drawdown_limit
                .unwrap_or(base.daily_drawdown_limit),
            kill_switch: desk.kill_switch,
            close_only: desk.close_only,
            paused: false,
            quote_max_age_ms: desk.quote_max_age_ms.unwrap_or(base.quote_max_age_ms),
            order_rate_max: desk.order_rate_max.unwrap_or(base.order_rate_max),
            fill_model: desk.fill_model.unwrap_or(base.fill_model),
            fee_model: base.fee_model,
            weight_yield: policy.weight_yield.unwrap_or(base.weight_yield),
            weight_delta: policy.weight_delta.unwrap_or(base.weight_delta),
            weight_dte: policy.weight_dte.unwrap_or(base.weight_dte),
            weight_ivrv: policy.weight_ivrv.unwrap_or(base.weight_ivrv),
            simulator: base.simulator,
        }
    }
}
