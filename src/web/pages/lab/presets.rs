//! Named sets of settings that a person can start from: how much to risk, and when to leave.

use crate::backtest::keys;
use crate::web::pages::Query;
use serde_json::{Map, Value, json};

/// (name, what it is for, settings); what a preset does not name keeps the form's value.
fn presets() -> [(&'static str, &'static str, Value); 6] {
    [
        (
            "ultra_safe",
            "far calls, dear volatility only, little margin",
            json!({
                "max_margin_used_pct": 40.0, "max_net_delta_abs": 2.5, "max_expiry_exposure": 0.15, "ivrv_min": 1.3,
                "delta_min": 0.15, "delta_max": 0.30, "dte_min": 7.0, "dte_max": 21.0, "premium_min_usd": 300.0,
                "dte_target": 14.0, "delta_target": 0.20,
            }),
        ),
        (
            "balanced",
            "the middle way",
            json!({
                "max_margin_used_pct": 60.0, "max_net_delta_abs": 3.5, "max_expiry_exposure": 0.25, "ivrv_min": 1.15,
                "delta_min": 0.15, "delta_max": 0.35, "dte_min": 3.0, "dte_max": 21.0, "premium_min_usd": 200.0,
                "dte_target": 7.0, "delta_target": 0.25,
            }),
        ),
        (
            "aggressive",
            "near calls, any volatility",
            json!({
                "max_margin_used_pct": 80.0, "max_net_delta_abs": 5.0, "max_expiry_exposure": 0.6, "ivrv_min": 1.0,
                "delta_min": 0.10, "delta_max": 0.40, "dte_min": 1.0, "dte_max": 21.0, "premium_min_usd": 100.0,
                "dte_target": 7.0, "delta_target": 0.30,
            }),
        ),
        (
            "hold",
            "sold and kept to expiry",
            json!({"exit": "hold_to_expiry"}),
        ),
        (
            "take_profit",
            "bought back at 80 % of the premium, rolled when the spot comes near",
            json!({"exit": "tp_and_roll", "take_profit": 0.8, "defend_at": 0.98, "rolls_max": 3}),
        ),
        (
            "rules",
            "rolled by days and moneyness, as the live desk does",
            json!({"exit": "rules", "policy": "rules_v2"}),
        ),
    ]
}

/// The settings of a preset, as a form takes them.
pub(super) fn settings(name: &str) -> Option<Map<String, Value>> {
    let found = presets().into_iter().find(|(known, ..)| *known == name)?;
    found.2.as_object().cloned()
}

/// Presets as links: one more is laid over those the address has, and taken off again.
pub(super) fn shown(query: &Query) -> Vec<Value> {
    let chosen = query.all("preset");
    let one = |(name, help, settings): (&'static str, &'static str, Value)| {
        let on = chosen.contains(&name);
        let others = chosen.iter().copied().filter(|other| *other != name);
        let mut changes: Vec<(&str, &str)> = others.map(|other| ("preset", other)).collect();
        changes.extend((!on).then_some(("preset", name)));
        changes.extend([("new", "1"), ("notice", "")]);
        // A value of the address would win over the preset's.
        let keys = keys();
        let named = keys.iter().filter(|key| settings.get(key.key).is_some());
        changes.extend(named.map(|key| (key.key, "")));
        if changes.iter().all(|(key, _)| *key != "preset") {
            changes.push(("preset", ""));
        }
        json!({"name": name, "help": help, "on": on, "address": query.with("/lab", &changes)})
    };
    presets().into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtest::Setup;

    #[test]
    fn every_preset_is_of_settings_that_can_be_run() {
        for (name, _, settings) in presets() {
            let setup = Setup::parse(&settings);
            assert!(setup.is_ok(), "{name}: {setup:?}");
        }
        assert!(settings("balanced").is_some() && settings("none").is_none());
    }
}
