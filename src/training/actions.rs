//! Which actions a step could take, as a mask that is stored with it.

use crate::domain::action::Action;
use crate::domain::context::Context;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// (action, its bit in the mask); an action's number is its place.
pub const ACTIONS: [(&str, i64); 4] = [
    ("DO_NOTHING", 1),
    ("OPEN_COVERED_CALL", 2),
    ("ROLL_COVERED_CALL", 4),
    ("CLOSE_COVERED_CALL", 8),
];

/// A sum of the bits of [`ACTIONS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Legal(pub i64);

impl Legal {
    /// Before risk: doing nothing always, opening with room and a call to sell, rolling with a call held
    /// and another to sell, closing with a call held.
    pub fn of(context: &Context, calls_most: u32, can_sell: bool) -> Self {
        let short = context.positions.iter();
        let held = short.filter(|held| held.size < Decimal::ZERO).count();
        let may = |bit: i64, is_legal: bool| if is_legal { bit } else { 0 };
        Self(
            1 + may(2, can_sell && held < calls_most as usize)
                + may(4, can_sell && held > 0)
                + may(8, held > 0),
        )
    }

    pub fn allows(self, action: &Action) -> bool {
        let found = ACTIONS.iter().find(|(name, _)| *name == action.name());
        found.is_some_and(|(_, bit)| self.0 & bit != 0)
    }
}
