//! What a policy may ask for: one action per underlying per tick.

use super::instrument::Instrument;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Sizes are in coin, above zero; a call is sold to open and bought to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Action {
    DoNothing,
    OpenCoveredCall {
        instrument: Instrument,
        size: Decimal,
    },
    RollCoveredCall {
        from: Instrument,
        to: Instrument,
        size: Decimal,
    },
    CloseCoveredCall {
        instrument: Instrument,
        size: Decimal,
    },
}

impl Action {
    /// The name in rows and on pages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::DoNothing => "DO_NOTHING",
            Self::OpenCoveredCall { .. } => "OPEN_COVERED_CALL",
            Self::RollCoveredCall { .. } => "ROLL_COVERED_CALL",
            Self::CloseCoveredCall { .. } => "CLOSE_COVERED_CALL",
        }
    }

    /// The contract sold (open, roll) or bought back (close).
    pub fn instrument(&self) -> Option<Instrument> {
        match self {
            Self::DoNothing => None,
            Self::OpenCoveredCall { instrument, .. }
            | Self::CloseCoveredCall { instrument, .. } => Some(*instrument),
            Self::RollCoveredCall { to, .. } => Some(*to),
        }
    }

    /// The contract bought back by a roll.
    pub fn rolled_from(&self) -> Option<Instrument> {
        match self {
            Self::RollCoveredCall { from, .. } => Some(*from),
            _ => None,
        }
    }

    pub fn size(&self) -> Option<Decimal> {
        match self {
            Self::DoNothing => None,
            Self::OpenCoveredCall { size, .. }
            | Self::RollCoveredCall { size, .. }
            | Self::CloseCoveredCall { size, .. } => Some(*size),
        }
    }
}
