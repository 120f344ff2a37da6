//! Decisions and fills as a person reads them.

use crate::backtest::Taken;
use crate::db::decisions::DecisionRow;
use crate::domain::action::Action;
use crate::domain::money::{from_e8, to_e8};

/// Everything of a decision that must come out the same.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    proposed: String,
    carried_out: String,
    instrument: Option<String>,
    rolled_from: Option<String>,
    size_e8: Option<i64>,
    propensity: f64,
    explored: bool,
    refusal: Option<String>,
}

impl Said {
    pub(super) fn by_desk(row: &DecisionRow) -> Self {
        Self {
            proposed: row.proposed_action.clone(),
            carried_out: row.final_action.clone(),
            instrument: row.instrument.clone(),
            rolled_from: row.rolled_from.clone(),
            size_e8: row.size_e8,
            propensity: row.propensity,
            explored: row.explored,
            refusal: row.refusal.clone(),
        }
    }

    pub(super) fn again(taken: &Taken) -> Self {
        let shown = match taken.final_action {
            Action::DoNothing => taken.proposed,
            carried_out => carried_out,
        };
        Self {
            proposed: taken.proposed.name().to_owned(),
            carried_out: taken.final_action.name().to_owned(),
            instrument: shown.instrument().map(|call| call.name()),
            rolled_from: shown.rolled_from().map(|call| call.name()),
            size_e8: shown.size().map(to_e8),
            propensity: taken.propensity,
            explored: taken.explored,
            refusal: taken.refusal.clone(),
        }
    }

    /// Whether something was sent.
    pub(super) fn acts(&self) -> bool {
        self.carried_out != Action::DoNothing.name()
    }

    pub(super) fn text(&self) -> String {
        let what = match &self.refusal {
            Some(refusal) => format!("{} refused ({refusal})", self.proposed),
            None => self.carried_out.clone(),
        };
        let call = self.instrument.as_ref().map(|call| {
            let from = self.rolled_from.as_deref();
            let from = from.map_or_else(String::new, |from| format!(" from {from}"));
            format!(" {} {call}{from}", from_e8(self.size_e8.unwrap_or(0)))
        });
        let drawn = self.explored || self.propensity < 1.0;
        let drawn = drawn.then(|| format!(", drawn with probability {:.6}", self.propensity));
        [Some(what), call, drawn].into_iter().flatten().collect()
    }
}
