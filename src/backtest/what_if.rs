//! One call at one instant: what would selling it then have come to?

use super::RunError;
use super::data::Data;
use super::outcome::Outcome;
use super::run::Run;
use super::setup::Setup;
use super::strategy::{Strategy, decision};
use crate::clock::iso;
use crate::domain::action::Action;
use crate::domain::context::Context;
use crate::domain::decision::Decision;
use crate::domain::instrument::Instrument;
use crate::domain::settings::{ExitStyle, Settings};

/// Which call, at the first snapshot at or after an instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wanted {
    Contract(Instrument),
    /// The call nearest to these days to expiry, and of those of that expiry to this delta.
    Near {
        dte: f64,
        delta: f64,
    },
}

/// Sells the call at `at_ms` under the settings' sizes, fees, fills and limits, and follows it to expiry,
/// or to its purchase by the exits of the settings; nothing follows it.
///
/// Filters of candidates do not apply: the question is about this call. Risk does.
pub fn what_if(
    data: &Data,
    setup: &Setup,
    at_ms: i64,
    wanted: Wanted,
) -> Result<Outcome, RunError> {
    let steps = data.between(at_ms, setup.to_ms);
    let first = steps.first().ok_or(RunError::NoSnapshots(data.coin))?;
    let chosen = choose(first.chain.quotes.iter(), wanted, first.chain.at_ms);
    let call = chosen.ok_or_else(|| {
        RunError::WhatIf(unlisted(
            first.chain.quotes.iter(),
            wanted,
            first.chain.at_ms,
        ))
    })?;
    let last_ms = steps
        .iter()
        .map(|step| step.chain.at_ms)
        .find(|ms| *ms >= call.expiry_ms);
    let setup = Setup {
        from_ms: first.chain.at_ms,
        to_ms: last_ms.unwrap_or(setup.to_ms),
        // One contract of any spread and interest may be asked about.
        spread_max: 2.0,
        open_interest_min: 0.0,
        interval_ms: 60_000,
        ..setup.clone()
    };
    let opened_ms = setup.from_ms;
    let propose = |context: &Context, settings: &Settings| {
        propose(context, settings, &call, context.as_of_ms == opened_ms)
    };
    let mut run = Run::new(data, &setup, Strategy::Own(&propose))?;
    run.advance(usize::MAX)?;
    let outcome = run.finish();
    match outcome.taken.first() {
        Some(taken) if taken.fills == 0 => {
            let nobody = "nobody bids for it".to_owned();
            let why = taken.refusal.clone().unwrap_or(nobody);
            Err(RunError::WhatIf(format!("{call} could not be sold: {why}")))
        }
        _ => Ok(outcome),
    }
}

fn choose<'q>(
    quotes: impl Iterator<Item = &'q crate::domain::chain::Quote> + Clone,
    wanted: Wanted,
    at_ms: i64,
) -> Option<Instrument> {
    match wanted {
        Wanted::Contract(call) => quotes
            .map(|quote| quote.instrument)
            .find(|instrument| *instrument == call),
        Wanted::Near { dte, delta } => {
            let away = |call: &Instrument| (call.dte(at_ms) - dte).abs();
            let listed = quotes.clone().map(|quote| quote.instrument);
            let expiry = listed.min_by(|a, b| away(a).total_cmp(&away(b)))?.expiry_ms;
            let of_expiry = quotes.filter(|quote| quote.instrument.expiry_ms == expiry);
            let known = of_expiry.filter_map(|quote| Some((quote.instrument, quote.delta?)));
            let nearest = known.min_by(|a, b| (a.1 - delta).abs().total_cmp(&(b.1 - delta).abs()));
            nearest.map(|(instrument, _)| instrument)
        }
    }
}

/// Calls named to choose from.
const NAMED: usize = 5;

/// Why there is no such call, and the ones nearest to it.
fn unlisted<'q>(
    quotes: impl Iterator<Item = &'q crate::domain::chain::Quote>,
    wanted: Wanted,
    at_ms: i64,
) -> String {
    let Wanted::Contract(call) = wanted else {
        return "no call with a known delta is listed then; `thetaq quotes` shows the chain"
            .to_owned();
    };
    let away = |other: &Instrument| {
        let strike = other.strike_usd.abs_diff(call.strike_usd);
        (other.expiry_ms.abs_diff(call.expiry_ms), strike)
    };
    let listed = quotes.map(|quote| quote.instrument);
    let mut listed: Vec<Instrument> = listed.filter(Instrument::is_call).collect();
    listed.sort_by_key(away);
    listed.truncate(NAMED);
    let near: Vec<String> = listed.iter().map(ToString::to_string).collect();
    format!(
        "instrument (--instrument): {call} is not listed at {}; near it are {}",
        iso(at_ms),
        near.join(", ")
    )
}

fn propose(context: &Context, settings: &Settings, call: &Instrument, first: bool) -> Decision {
    if first {
        let size = settings.order_size(context.coin);
        let action = Action::OpenCoveredCall {
            instrument: *call,
            size,
        };
        return decision(settings, action, "asked for");
    }
    let mut held = context.positions.iter();
    let due = held.find(|held| crate::policy::due(held, context, settings).is_some());
    match due.filter(|_| settings.simulator.exit != ExitStyle::HoldToExpiry) {
        Some(held) => {
            let action = Action::CloseCoveredCall {
                instrument: held.instrument,
                size: -held.size,
            };
            decision(settings, action, "due")
        }
        None => decision(settings, Action::DoNothing, "holding"),
    }
}
