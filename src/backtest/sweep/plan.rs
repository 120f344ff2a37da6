//! Which settings a sweep tries: every combination of its axes, or random draws from them.

use super::axis::{Axis, Spread};
use crate::backtest::setup::refuse;
use crate::backtest::{Setup, SetupError, keys};
use crate::clock::Random;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The axes, and how points are taken from their product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    pub axes: Vec<Axis>,
    /// So many random points; every combination when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draws: Option<usize>,
    /// Of the random points.
    #[serde(default = "seed")]
    pub seed: String,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            axes: Vec::new(),
            draws: None,
            seed: seed(),
        }
    }
}

fn seed() -> String {
    "thetaq".to_owned()
}

/// One point: the values of the axes, and the settings they make.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    pub values: Map<String, Value>,
    pub setup: Setup,
}

/// The points of a plan, in order, each once.
#[derive(Clone, Debug, PartialEq)]
pub struct Trials {
    pub points: Vec<Trial>,
    /// Combinations that are no settings, such as a band whose ends are crossed.
    pub refused: usize,
}

/// Points of one sweep.
pub(super) const POINTS_MAX: usize = 10_000;

impl Plan {
    /// Lays the plan over the settings that stay. Equal plans give equal points.
    pub fn trials(&self, base: &Map<String, Value>) -> Result<Trials, SetupError> {
        let axes = self.values(base)?;
        let points = match self.draws {
            Some(draws) => self.drawn(&axes, draws)?,
            None => grid(&axes)?,
        };
        let mut trials = Trials {
            points: Vec::with_capacity(points.len()),
            refused: 0,
        };
        let mut refusal = None;
        for values in points {
            let mut settings = base.clone();
            settings.extend(values.clone());
            match Setup::parse(&Value::Object(settings)) {
                Ok(setup) => trials.points.push(Trial { values, setup }),
                Err(error) => {
                    trials.refused += 1;
                    refusal.get_or_insert(error);
                }
            }
        }
        match refusal {
            Some(error) if trials.points.is_empty() => Err(error),
            _ => Ok(trials),
        }
    }

    fn values(&self, base: &Map<String, Value>) -> Result<Vec<(String, Spread)>, SetupError> {
        if self.axes.is_empty() {
            return Err(refuse("axes", "a sweep varies at least one setting"));
        }
        Setup::parse(&Value::Object(base.clone()))?;
        let keys = keys();
        let mut seen = BTreeSet::new();
        let spread = |axis: &Axis| {
            if !seen.insert(axis.key.clone()) {
                return Err(refuse(
                    &axis.key,
                    "varies twice; name all its values at once",
                ));
            }
            Ok((axis.key.clone(), axis.spread(&keys)?))
        };
        self.axes.iter().map(spread).collect()
    }

    /// Points drawn one after the other; the same point is not taken twice.
    fn drawn(
        &self,
        axes: &[(String, Spread)],
        draws: usize,
    ) -> Result<Vec<Map<String, Value>>, SetupError> {
        if !(1..=POINTS_MAX).contains(&draws) {
            let problem = format!("{draws} is not from 1 to {POINTS_MAX}");
            return Err(refuse("draws", problem));
        }
        let mut random = Random::from_parts(&["sweep", &self.seed]);
        let (mut points, mut seen) = (Vec::new(), BTreeSet::new());
        // A small product is exhausted before every draw has found a new point.
        for _ in 0..20 * draws {
            let point: Map<_, _> = axes
                .iter()
                .map(|(key, axis)| (key.clone(), axis.draw(&mut random)))
                .collect();
            if points.len() < draws && seen.insert(Value::Object(point.clone()).to_string()) {
                points.push(point);
            }
        }
        Ok(points)
    }
}

/// Every combination, the last axis fastest.
fn grid(axes: &[(String, Spread)]) -> Result<Vec<Map<String, Value>>, SetupError> {
    let mut points = vec![Map::new()];
    for (key, axis) in axes {
        let Spread::Values(values) = axis else {
            return Err(refuse(
                key,
                "a grid needs a step, such as 0.1..0.4/0.05; or draw points at random",
            ));
        };
        if points.len() * values.len() > POINTS_MAX {
            let problem = format!(
                "the grid has more than {POINTS_MAX} points; take fewer values, or draw points at random"
            );
            return Err(refuse("axes", problem));
        }
        points = points
            .iter()
            .flat_map(|point| values.iter().map(|value| with(point, key, value)))
            .collect();
    }
    Ok(points)
}

fn with(point: &Map<String, Value>, key: &str, value: &Value) -> Map<String, Value> {
    let mut point = point.clone();
    point.insert(key.to_owned(), value.clone());
    point
}
