//! What a simulation came to, for people and programs.

use super::Scenario;
use super::checks::Violations;
use super::desk::Rig;
use crate::replay;
use serde::Serialize;
use std::collections::BTreeMap;

/// One seed's run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeedReport {
    pub seed: u64,
    /// Injected faults by kind; `killed` counts deaths of the process.
    pub faults: BTreeMap<String, u64>,
    /// Outside calls the desk made while something could go wrong with them.
    pub calls: u64,
    pub jobs: u64,
    pub decisions: u64,
    pub orders: u64,
    pub fills: u64,
    pub settlements: u64,
    /// SHA-256 over the canonical rows of decisions, orders, fills and settlements.
    pub digest: String,
    pub failing: Vec<Failing>,
}

/// Something that must hold and did not, with the command that shows it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failing {
    pub seed: u64,
    pub checker: String,
    pub message: String,
    pub command: String,
}

/// The document `simulate --json` prints.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SimulationReport {
    pub seeds: u64,
    pub faults: BTreeMap<String, u64>,
    pub violations: u64,
    pub decisions: u64,
    pub orders: u64,
    pub fills: u64,
    pub settlements: u64,
    pub failing: Vec<Failing>,
    pub seconds: f64,
}

impl SimulationReport {
    /// Adds one seed's run.
    pub fn add(&mut self, seed: SeedReport) {
        self.seeds += 1;
        for (kind, count) in seed.faults {
            *self.faults.entry(kind).or_default() += count;
        }
        self.violations += seed.failing.len() as u64;
        self.decisions += seed.decisions;
        self.orders += seed.orders;
        self.fills += seed.fills;
        self.settlements += seed.settlements;
        self.failing.extend(seed.failing);
    }
}

pub(super) async fn of_seed(
    scenario: &Scenario,
    rig: &Rig,
    (calls, kills, jobs): (u64, u64, u64),
    violations: Violations,
) -> anyhow::Result<SeedReport> {
    let rows = replay::rows(&rig.ctx).await?;
    let injected = rig.faults.injected().into_iter();
    let mut faults: BTreeMap<String, u64> = injected
        .map(|(kind, count)| (kind.as_str().to_owned(), count))
        .collect();
    faults.insert("killed".to_owned(), kills);
    let call = scenario
        .fail_call
        .map(|call| format!(" --fail-call {call}"));
    let command = format!(
        "thetaq simulate --seed {} --days {}{}",
        scenario.seed,
        scenario.days,
        call.unwrap_or_default()
    );
    let failing = violations
        .found
        .into_iter()
        .map(|(checker, message)| Failing {
            seed: scenario.seed,
            checker: checker.to_owned(),
            message,
            command: command.clone(),
        });
    Ok(SeedReport {
        seed: scenario.seed,
        calls,
        faults,
        jobs,
        decisions: rows.decisions.len() as u64,
        orders: rows.orders.len() as u64,
        fills: rows.book.fills.len() as u64,
        settlements: rows.book.settlements.len() as u64,
        digest: rows.digest()?,
        failing: failing.collect(),
    })
}
