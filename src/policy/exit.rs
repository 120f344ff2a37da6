//! Whether a short call is to be bought back now, by the exit style of the settings.

use super::roll;
use crate::domain::account::Position;
use crate::domain::context::Context;
use crate::domain::money::float;
use crate::domain::settings::{ExitStyle, Settings, Simulator};

/// What made a call due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Days and moneyness, by the rules' thresholds.
    Rules,
    /// Most of its premium is earned.
    TakeProfit,
    /// The spot is near the strike.
    Defence,
}

/// A call that must be rolled, or closed where there is nothing to roll into.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    pub trigger: Trigger,
    pub why: String,
}

/// Why a position must be rolled now, or `None`. An expired call is not due: it settles by itself.
pub fn due(position: &Position, context: &Context, settings: &Settings) -> Option<Due> {
    match settings.simulator.exit {
        ExitStyle::HoldToExpiry => None,
        ExitStyle::Rules => {
            let why = roll::due(&position.instrument, context, settings)?;
            let trigger = Trigger::Rules;
            Some(Due { trigger, why })
        }
        ExitStyle::TpAndRoll => tp_and_roll(position, context, &settings.simulator),
    }
}

/// What is earned is measured at the ask, which is what a purchase pays.
fn tp_and_roll(position: &Position, context: &Context, numbers: &Simulator) -> Option<Due> {
    let call = &position.instrument;
    if position.rolls >= numbers.rolls_max || call.dte(context.as_of_ms) <= numbers.roll_dte_min {
        return None;
    }
    let ask = context.chain.quote(call).and_then(|quote| quote.ask);
    let sold = float(position.average_price);
    let captured = ask.map(|ask| 1.0 - ask / sold).filter(|_| sold > 0.0);
    if let Some(share) = captured.filter(|share| *share >= numbers.take_profit) {
        return Some(Due {
            trigger: Trigger::TakeProfit,
            why: format!("{call} has earned {:.1} % of its premium", 100.0 * share),
        });
    }
    let nearness = context.index_price / call.strike();
    (nearness >= numbers.defend_at).then(|| Due {
        trigger: Trigger::Defence,
        why: format!(
            "the index is at {:.1} % of the strike of {call}",
            100.0 * nearness
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::coin::Coin;
    use crate::domain::fixture::{self, named, short};
    use crate::domain::settings::Mode;
    use std::sync::Arc;

    const CALL: &str = "BTC-30JAN26-97200-C";

    /// A call sold at 0.01, ten days before it expires, at an ask and an index.
    fn check(ask: Option<f64>, index: f64, rolls: u32, days: f64, expect: Option<Trigger>) {
        let mut context = fixture::context(Coin::Btc);
        let chain = Arc::make_mut(&mut context.chain);
        let quote = chain
            .quotes
            .iter_mut()
            .find(|quote| quote.instrument == named(CALL));
        quote.expect("quoted").ask = ask;
        context.index_price = index;
        let mut settings = Settings::of(Mode::Research);
        settings.simulator.exit = ExitStyle::TpAndRoll;
        settings.simulator.roll_dte_min = 10.0 - days;
        let mut held = short(CALL, "0.1");
        held.rolls = rolls;
        let due = due(&held, &context, &settings).map(|due| due.trigger);
        assert_eq!(due, expect, "{ask:?} {index} {rolls} {days}");
    }

    #[test]
    fn a_call_is_taken_or_defended_while_it_may_be_rolled() {
        check(Some(0.002), 90_000.0, 0, 1.0, Some(Trigger::TakeProfit));
        check(Some(0.0021), 90_000.0, 0, 1.0, None);
        check(None, 90_000.0, 0, 1.0, None);
        check(Some(0.02), 95_256.0, 0, 1.0, Some(Trigger::Defence));
        check(None, 95_256.0, 2, 1.0, Some(Trigger::Defence));
        check(Some(0.02), 95_200.0, 0, 1.0, None);
        check(Some(0.001), 99_000.0, 3, 1.0, None);
        check(Some(0.001), 99_000.0, 0, 0.0, None);
    }
}
