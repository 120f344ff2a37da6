//! A run's settings as the desk's, and the other way round.

use super::setup::{Policy, Setup};
use crate::domain::coin::Coin;
use crate::domain::settings::{Mode, Settings, Simulator};

/// Keys that [`Setup::settings`] does not read where a model decides: it is not told them.
pub const UNTOLD: [&str; 8] = [
    "from_ms",
    "to_ms",
    "interval_ms",
    "initial_coin",
    "policy",
    "answers",
    "fallback",
    "seed",
];

impl Setup {
    /// The numbers that candidates, policy, risk and fills read.
    pub fn settings(&self) -> Settings {
        let size = self.size();
        Settings {
            policy: self.policy.rules().to_owned(),
            ivrv_min: self.ivrv_min,
            delta_min: self.delta_min,
            delta_max: self.delta_max,
            dte_min: self.dte_min,
            dte_max: self.dte_max,
            max_expiry_exposure_btc: self.max_expiry_exposure,
            max_expiry_exposure_eth: self.max_expiry_exposure,
            explore_prob: self.explore_prob,
            explore_top_k: self.explore_top_k as usize,
            premium_min_usd: self.premium_min_usd,
            yield_min: self.yield_min,
            max_margin_used_pct: self.max_margin_used_pct,
            max_net_delta_abs: self.max_net_delta_abs,
            order_size_btc: size,
            order_size_eth: size,
            max_calls_per_underlying: self.max_calls,
            roll_dte: self.roll_dte,
            roll_dte_itm: self.roll_dte_itm,
            roll_dte_near: self.roll_dte_near,
            roll_near: self.roll_near,
            spread_max: self.spread_max,
            spread_max_ticks: self.spread_max_ticks,
            open_interest_min: self.open_interest_min,
            daily_drawdown_limit: self.daily_drawdown_limit,
            fill_model: self.fill_model,
            fee_model: self.fee_model,
            weight_yield: self.weight_yield,
            weight_delta: self.weight_delta,
            weight_dte: self.weight_dte,
            weight_ivrv: self.weight_ivrv,
            simulator: Simulator {
                exit: self.exit,
                take_profit: self.take_profit,
                roll_dte_min: self.roll_dte_min,
                defend_at: self.defend_at,
                rolls_max: self.rolls_max,
                score_min: self.score_min,
                delta_target: self.delta_target,
                delta_tolerance: self.delta_tolerance,
                dte_target: self.dte_target,
                dte_tolerance: self.dte_tolerance,
            },
            ..Settings::of(Mode::Research)
        }
    }

    /// The run that decides as a desk with these settings does, at every snapshot of a minute or more.
    pub fn of_desk(desk: &Settings, underlying: Coin, seed: &str) -> Self {
        let explores = if desk.mode == Mode::Research {
            desk.explore_prob
        } else {
            0.0
        };
        Self {
            underlying,
            interval_ms: 60_000,
            order_size: desk.order_size(underlying),
            policy: match desk.policy.as_str() {
                "rules_v1" => Policy::RulesV1,
                "simulator_v1" => Policy::Simulator,
                _ => Policy::RulesV2,
            },
            exit: desk.simulator.exit,
            seed: seed.to_owned(),
            explore_prob: explores,
            explore_top_k: u32::try_from(desk.explore_top_k).unwrap_or(u32::MAX),
            fill_model: desk.fill_model,
            fee_model: desk.fee_model,
            dte_target: desk.simulator.dte_target,
            dte_tolerance: desk.simulator.dte_tolerance,
            delta_target: desk.simulator.delta_target,
            delta_tolerance: desk.simulator.delta_tolerance,
            dte_min: desk.dte_min,
            dte_max: desk.dte_max,
            delta_min: desk.delta_min,
            delta_max: desk.delta_max,
            ivrv_min: desk.ivrv_min,
            score_min: desk.simulator.score_min,
            take_profit: desk.simulator.take_profit,
            roll_dte_min: desk.simulator.roll_dte_min,
            defend_at: desk.simulator.defend_at,
            rolls_max: desk.simulator.rolls_max,
            roll_dte: desk.roll_dte,
            roll_dte_itm: desk.roll_dte_itm,
            roll_dte_near: desk.roll_dte_near,
            roll_near: desk.roll_near,
            premium_min_usd: desk.premium_min_usd,
            yield_min: desk.yield_min,
            weight_yield: desk.weight_yield,
            weight_delta: desk.weight_delta,
            weight_dte: desk.weight_dte,
            weight_ivrv: desk.weight_ivrv,
            spread_max: desk.spread_max,
            spread_max_ticks: desk.spread_max_ticks,
            open_interest_min: desk.open_interest_min,
            max_calls: desk.max_calls_per_underlying,
            max_expiry_exposure: desk.max_expiry_exposure(underlying),
            max_margin_used_pct: desk.max_margin_used_pct,
            max_net_delta_abs: desk.max_net_delta_abs,
            daily_drawdown_limit: desk.daily_drawdown_limit,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtest::{Key, Range, keys};
    use crate::domain::settings::ExitStyle;
    use rust_decimal::Decimal;
    use serde_json::{Value, json};

    #[test]
    fn a_desk_and_its_run_have_the_same_settings() {
        let mut desk = Settings::of(Mode::Research);
        desk.simulator.exit = ExitStyle::TpAndRoll;
        desk.weight_dte = 0.25;
        desk.order_size_eth = Decimal::TWO;
        let mut again = Setup::of_desk(&desk, Coin::Eth, "7").settings();
        again.order_size_btc = desk.order_size_btc;
        again.max_expiry_exposure_btc = desk.max_expiry_exposure_btc;
        assert_eq!(again, desk);
    }

    /// The settings with another value under one key.
    fn other(key: &Key) -> Settings {
        let value = match key.range {
            Range::Between(low, high) => {
                let end = if key.default.as_f64() == Some(high) {
                    low
                } else {
                    high
                };
                if key.kind == "number" {
                    json!(end)
                } else {
                    json!(end as i64)
                }
            }
            Range::OneOf(names) => {
                let other = names.iter().find(|name| key.default != **name);
                json!(other)
            }
            Range::Text => json!("another"),
        };
        let mut setup = json!(Setup {
            policy: Policy::Llm,
            ..Setup::default()
        });
        setup[key.key] = if key.key == "policy" {
            json!("llm")
        } else {
            value
        };
        serde_json::from_value::<Setup>(setup)
            .expect(key.key)
            .settings()
    }

    #[test]
    fn what_a_policy_is_not_told_changes_nothing_that_it_reads() {
        let plain: Value = json!(
            Setup {
                policy: Policy::Llm,
                ..Setup::default()
            }
            .settings()
        );
        for key in keys() {
            let same = json!(other(&key)) == plain;
            assert_eq!(same, UNTOLD.contains(&key.key), "{}", key.key);
        }
    }
}
