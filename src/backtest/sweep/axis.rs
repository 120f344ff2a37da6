//! One setting of a sweep that varies: the values it takes, or the range it is drawn from.

use super::plan::POINTS_MAX;
use crate::backtest::setup::refuse;
use crate::backtest::{Key, SetupError};
use crate::clock::Random;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// They say which market a sweep is over.
const MARKET: [&str; 3] = ["underlying", "from_ms", "to_ms"];

/// One setting that varies: over `values`, or from `from` to `to`, both included, in steps of `step`.
///
/// A range without a step is drawn from, to a thousandth of its length; a grid needs the step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    pub key: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>")]
    pub from: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>")]
    pub to: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>")]
    pub step: Option<Decimal>,
}

impl Axis {
    /// Reads `key=a,b,c`, `key=from..to` or `key=from..to/step`.
    pub fn parse(text: &str) -> Result<Self, SetupError> {
        let written = "write KEY=A,B,C, KEY=FROM..TO/STEP or, to draw from it, KEY=FROM..TO";
        let (key, over) = text.split_once('=').ok_or_else(|| refuse(text, written))?;
        let key = key.trim().to_owned();
        let Some((from, rest)) = over.split_once("..") else {
            let values = over.split(',').map(|value| plain(value.trim())).collect();
            return Ok(Self {
                key,
                values,
                ..Self::default()
            });
        };
        let (to, step) = rest
            .split_once('/')
            .map_or((rest, None), |(to, step)| (to, Some(step)));
        let read = |text: &str| {
            let number = text.trim().parse::<Decimal>();
            number.map_err(|_| {
                refuse(
                    &key,
                    format!("`{}` is not a number: {written}", text.trim()),
                )
            })
        };
        Ok(Self {
            from: Some(read(from)?),
            to: Some(read(to)?),
            step: step.map(read).transpose()?,
            key,
            values: Vec::new(),
        })
    }

    /// How [`Axis::parse`] reads it.
    pub fn text(&self) -> String {
        let values = || self.values.iter().map(shown).collect::<Vec<_>>().join(",");
        let over = match (self.from, self.to, self.step) {
            (Some(from), Some(to), Some(step)) => format!("{from}..{to}/{step}"),
            (Some(from), Some(to), None) => format!("{from}..{to}"),
            _ => values(),
        };
        format!("{}={over}", self.key)
    }
}

fn plain(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

fn shown(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// The values of one axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Spread {
    Values(Vec<Value>),
    Between {
        from: Decimal,
        to: Decimal,
        whole: bool,
    },
}

impl Axis {
    pub(super) fn spread(&self, keys: &[Key]) -> Result<Spread, SetupError> {
        if MARKET.contains(&self.key.as_str()) {
            return Err(refuse(
                &self.key,
                "says which market a sweep is over and cannot vary; start a sweep for each",
            ));
        }
        let Some(key) = keys.iter().find(|key| key.key == self.key) else {
            return Err(refuse(
                &self.key,
                "there is no such setting; `thetaq backtest --keys` lists them",
            ));
        };
        let spread = match (self.from, self.to) {
            (None, None) if self.step.is_none() && !self.values.is_empty() => {
                Spread::Values(self.values.clone())
            }
            (Some(from), Some(to)) if self.values.is_empty() && from < to => {
                self.range(key, from, to)?
            }
            _ => {
                return Err(refuse(
                    &self.key,
                    "give values, or from below to, and for a grid a step",
                ));
            }
        };
        for value in &spread.ends() {
            key.check(value)?;
        }
        Ok(spread)
    }

    fn range(&self, key: &Key, from: Decimal, to: Decimal) -> Result<Spread, SetupError> {
        let whole = match key.kind {
            "integer" => true,
            "number" | "amount" => false,
            _ => return Err(refuse(&self.key, "is not a number: give its values")),
        };
        let Some(step) = self.step else {
            return Ok(Spread::Between { from, to, whole });
        };
        let steps = Some(step)
            .filter(|step| *step > Decimal::ZERO)
            .and_then(|step| ((to - from) / step).floor().to_usize())
            .filter(|steps| *steps < POINTS_MAX)
            .ok_or_else(|| refuse(&self.key, format!("a step of {step} does not lead from {from} to {to} in less than {POINTS_MAX}")))?;
        let at = |n: usize| number(from + step * Decimal::from(n), whole);
        Ok(Spread::Values((0..=steps).map(at).collect()))
    }
}

impl Spread {
    fn ends(&self) -> Vec<Value> {
        match self {
            Self::Values(values) => values.clone(),
            Self::Between { from, to, whole } => vec![number(*from, *whole), number(*to, *whole)],
        }
    }

    pub(super) fn draw(&self, random: &mut Random) -> Value {
        match self {
            Self::Values(values) => values[random.below(values.len())].clone(),
            Self::Between {
                from,
                to,
                whole: true,
            } => {
                let length = (to - from).to_usize().unwrap_or(0);
                number(from + Decimal::from(random.below(length + 1)), true)
            }
            Self::Between {
                from,
                to,
                whole: false,
            } => {
                let part = Decimal::from(random.below(1_001)) / Decimal::ONE_THOUSAND;
                number(from + (to - from) * part, false)
            }
        }
    }
}

/// A number as settings are written: exact in its decimal digits.
fn number(value: Decimal, whole: bool) -> Value {
    if whole {
        return value.to_i64().map_or(Value::Null, Value::from);
    }
    value
        .normalize()
        .to_string()
        .parse::<f64>()
        .map_or(Value::Null, Value::from)
}
