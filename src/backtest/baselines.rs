//! What the same coin would have come to otherwise: held, sold at once, or overwritten every week.

use super::RunError;
use super::data::Data;
use super::gaps::longest_ms;
use super::metrics::{Performance, performance_but};
use super::outcome::{Outcome, Point};
use super::run::Run;
use super::setup::{Policy, Setup};
use super::strategy::{Strategy, decision, overwrite};
use crate::domain::action::Action;
use crate::domain::context::Context;
use crate::domain::decision::{Candidate, Decision};
use crate::domain::money::float;
use crate::domain::settings::{ExitStyle, Settings};
use crate::fills::is_daily;
use serde::{Deserialize, Serialize};

/// Coin and USD of one alternative.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    pub coin: Performance,
    pub usd: Performance,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    pub hold_coin: Baseline,
    /// The coin is sold at the first index and never bought back.
    pub hold_usd: Baseline,
    /// Each week a call of 25 delta and about seven days, held to expiry; size, fees and fills of the run.
    pub weekly_25_delta: Baseline,
}

/// The three baselines over the steps of a run, and the equity (coin) of the weekly one at each of them.
pub fn baselines(data: &Data, run: &Outcome) -> Result<(Baselines, Vec<f64>), RunError> {
    let points = &run.points;
    let start = float(run.setup.coin());
    let first = points.first().map_or(0.0, |point| point.index_price);
    let gap_ms = longest_ms(points, run.setup.interval_ms);
    let of = |equity: &dyn Fn(&Point) -> f64| Baseline {
        coin: performance_but(
            gap_ms,
            start,
            points.iter().map(|point| (point.at_ms, equity(point))),
        ),
        usd: performance_but(
            gap_ms,
            start * first,
            points
                .iter()
                .map(|point| (point.at_ms, equity(point) * point.index_price)),
        ),
    };
    let weekly = weekly(data, run)?;
    let found = Baselines {
        hold_coin: of(&|_| start),
        hold_usd: of(&|point| start * first / point.index_price),
        weekly_25_delta: Baseline {
            coin: weekly.metrics.coin,
            usd: weekly.metrics.usd,
        },
    };
    let equity = weekly.points.iter().map(|point| point.equity);
    Ok((found, equity.collect()))
}

/// The fixed overwrite as a run of its own, over the same steps and through the same risk and fills.
fn weekly(data: &Data, run: &Outcome) -> Result<Outcome, RunError> {
    let last_ms = run.points.last().map_or(0, |point| point.at_ms);
    let setup = Setup {
        policy: Policy::Always,
        exit: ExitStyle::HoldToExpiry,
        dte_min: 1.0,
        dte_max: 13.0,
        delta_min: 0.05,
        delta_max: 0.60,
        max_calls: 1,
        // The overwrite is fixed: only cover, exposure and margin may stop it.
        spread_max: 2.0,
        open_interest_min: 0.0,
        to_ms: last_ms,
        ..run.setup.clone()
    };
    let mut weekly = Run::new(data, &setup, Strategy::Own(&sell_weekly))?;
    weekly.advance(usize::MAX)?;
    Ok(weekly.finish())
}

/// The Friday nearest to seven days away first, then the delta nearest to 0.25.
fn sell_weekly(context: &Context, settings: &Settings) -> Decision {
    if !context.positions.is_empty() {
        return decision(settings, Action::DoNothing, "holding to expiry");
    }
    let away = |call: &Candidate| {
        let daily = if is_daily(&call.instrument) { 1e6 } else { 0.0 };
        let delta = (call.delta.unwrap_or(0.0) - 0.25).abs();
        daily + 1e3 * (call.dte - 7.0).abs() + delta
    };
    overwrite(context, settings, away)
}
