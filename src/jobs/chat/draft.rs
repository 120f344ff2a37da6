//! What a drafted job may be asked for: the arguments of each kind as a model is told them, and their check.

use crate::backtest::{Key, Range, Setup, keys};
use crate::chat::times::{TIMES, in_ms};
use crate::chat::tools::DRAFTABLE;
use crate::jobs::backtest::Backtest;
use crate::jobs::drift::Drift;
use crate::jobs::evaluate::Evaluate;
use crate::jobs::insight::Insight;
use crate::jobs::lookahead::Lookahead;
use crate::jobs::replay_decision::ReplayDecision;
use crate::jobs::sweep::Sweep;
use crate::jobs::train::Train;
use crate::jobs::what_if::WhatIf;
use crate::jobs::{Job, registry};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

type Schema = fn() -> Value;

/// The kinds of [`DRAFTABLE`], each with the schema of its arguments.
const KINDS: [(&str, Schema); 9] = [
    (Backtest::KIND, schema::<Backtest>),
    (Sweep::KIND, schema::<Sweep>),
    (WhatIf::KIND, schema::<WhatIf>),
    (Lookahead::KIND, schema::<Lookahead>),
    (Train::KIND, schema::<Train>),
    (Evaluate::KIND, schema::<Evaluate>),
    (Drift::KIND, schema::<Drift>),
    (Insight::KIND, schema::<Insight>),
    (ReplayDecision::KIND, schema::<ReplayDecision>),
];

/// What a model is told of `args`: a schema for each kind, and the keys of `settings` once for all.
pub(super) fn told() -> String {
    let kinds = KINDS.map(|(kind, schema)| format!("{kind}: {}", schema()));
    let settings: Vec<String> = keys().iter().map(key).collect();
    format!(
        "Arguments of the job, by kind, as JSON schemas:\n{}\n`settings` has any of these keys, and an axis of a \
         sweep names one: {}",
        kinds.join("\n"),
        settings.join("; ")
    )
}

/// The arguments of a draft as its job reads them; the error names what is wrong, and repeats the schema.
pub(super) fn args(kind: &str, given: &Value) -> Result<Value, String> {
    let Some((_, schema)) = KINDS.iter().find(|(known, _)| *known == kind) else {
        return Err(format!(
            "`{kind}` cannot be drafted; there are {}. Orders and controls are a person's, on the Live page",
            DRAFTABLE.join(", ")
        ));
    };
    let checked = in_ms(given).and_then(|args| check(kind, &args).map(|()| args));
    checked.map_err(|error| format!("{error}. The arguments of {kind}: {}", schema()))
}

fn check(kind: &str, args: &Value) -> Result<(), String> {
    let kinds = registry::all();
    let known = kinds.known(kind).map_err(|error| error.to_string())?;
    known.check(args).map_err(|error| format!("{error:#}"))?;
    if kind == Sweep::KIND {
        let sweep: Sweep =
            serde_json::from_value(args.clone()).map_err(|error| error.to_string())?;
        let trials = sweep.plan.trials(&sweep.settings);
        return trials.map(|_| ()).map_err(|error| error.to_string());
    }
    match &args["settings"] {
        Value::Null => Ok(()),
        settings => Setup::parse(settings)
            .map(|_| ())
            .map_err(|error| error.to_string()),
    }
}

/// Of a job's own argument type; times are told as ISO 8601, and what every kind has in common is told once.
fn schema<T: JsonSchema>() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    if let Some(root) = schema.as_object_mut() {
        for name in ["$schema", "title", "description"] {
            root.remove(name);
        }
    }
    let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
    let Some(fields) = fields else {
        return short(&schema);
    };
    // How often a checkpoint is written is nobody's question.
    fields.remove("checkpoint_steps");
    for name in TIMES {
        if let Some(field) = fields.get_mut(name) {
            *field = json!({ "type": "string", "description": "ISO 8601 date or time, UTC" });
        }
    }
    if let Some(field) = fields.get_mut("settings") {
        *field = json!({ "type": "object", "description": "keys below; none are the defaults" });
    }
    short(&schema)
}

/// Without what a check needs and a reader does not: widths of numbers, null for what may be left out.
fn short(schema: &Value) -> Value {
    match schema {
        Value::Object(map) => {
            let kept = map
                .iter()
                .filter(|(name, value)| {
                    let noise = ["format", "additionalProperties"].contains(&name.as_str());
                    !(noise || *name == "minimum" && **value == 0)
                })
                .map(|(name, value)| {
                    let value = match (name.as_str(), value.as_array().map(Vec::as_slice)) {
                        ("type", Some([one, null])) if null == "null" => one.clone(),
                        _ => short(value),
                    };
                    (name.clone(), value)
                });
            Value::Object(kept.collect())
        }
        Value::Array(items) => {
            let known = items.iter().filter(|item| !item.is_null());
            known.map(short).collect()
        }
        other => other.clone(),
    }
}

/// `delta_max: number, 0 to 1, default 0.4`
fn key(key: &Key) -> String {
    if TIMES.contains(&key.key) {
        return format!("{}: ISO 8601 date or time, UTC", key.key);
    }
    let range = match &key.range {
        Range::Between(low, high) => format!(", {low} to {high}"),
        Range::OneOf(names) => format!(", {}", names.join(" or ")),
        Range::Text => String::new(),
    };
    let unit = if key.unit.is_empty() {
        String::new()
    } else {
        format!(" of {}", key.unit)
    };
    format!(
        "{}: {}{unit}{range}, default {}",
        key.key, key.kind, key.default
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_told_with_its_arguments_and_times_are_iso() {
        assert_eq!(KINDS.map(|(kind, _)| kind), DRAFTABLE);
        let told = told();
        for part in [
            "\"market_seed\"",
            "delta_max: number",
            "\"axes\"",
            "\"decision\"",
            "\"at_ms\":{\"type\":\"string\"",
        ] {
            assert!(told.contains(part), "{part} in {told}");
        }
        assert!(!told.contains("ms UTC") && !told.contains("$ref"), "{told}");
        assert!(!told.contains("null"), "{told}");
        assert!(told.len() < 12_000, "{} bytes", told.len());
    }

    #[test]
    fn times_are_taken_as_iso_and_what_is_wrong_is_named_with_the_schema() {
        let settings = json!({"from_ms": "2026-01-05", "to_ms": "2026-01-09"});
        let made = args(
            "backtest",
            &json!({"source": "synthetic", "settings": settings}),
        )
        .unwrap_or_default();
        assert_eq!(made["settings"]["from_ms"], 1_767_571_200_000_i64);
        let refused = |kind: &str, given: Value| args(kind, &given).err().unwrap_or_default();
        let wrong = refused(
            "backtest",
            json!({"source": "synthetic", "settings": {"delta": 1}}),
        );
        assert!(
            wrong.contains("delta") && wrong.contains("market_seed"),
            "{wrong}"
        );
        let wrong = refused(
            "sweep",
            json!({"source": "synthetic", "plan": {"axes": [{"key": "no", "values": [1]}]}}),
        );
        assert!(wrong.contains("no"), "{wrong}");
        assert!(refused("trade", json!({})).contains("cannot be drafted"));
        assert!(
            refused("what_if", json!({"source": "synthetic", "at_ms": "soon"}))
                .starts_with("at_ms: `soon`")
        );
    }
}
