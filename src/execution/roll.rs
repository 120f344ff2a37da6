//! A roll as one resumable machine: close, see the fill, open as much as was closed.

use crate::domain::order::{Leg, OrderState};
use rust_decimal::Decimal;

/// One leg of a decision as its row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegState {
    pub leg: Leg,
    /// Coin approved.
    pub size: Decimal,
    /// Coin filled so far.
    pub filled: Decimal,
    pub state: OrderState,
}

/// Which leg of a decision comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextLeg {
    /// Work on `legs[index]`, for at most `size` coin.
    Drive { index: usize, size: Decimal },
    /// `legs[index]` must not be sent: mark it cancelled with this reason.
    Drop { index: usize, reason: &'static str },
    /// Every leg is final.
    Finished,
}

/// The next leg from rows alone, so that a stop between any two statements resumes where it was.
pub fn next_leg(legs: &[LegState]) -> NextLeg {
    let Some(index) = legs
        .iter()
        .enumerate()
        .filter(|(_, leg)| !leg.state.is_final())
        .min_by_key(|(_, leg)| leg.leg == Leg::RollOpen)
        .map(|(index, _)| index)
    else {
        return NextLeg::Finished;
    };
    let leg = legs[index];
    if leg.leg != Leg::RollOpen {
        return NextLeg::Drive {
            index,
            size: leg.size,
        };
    }
    let closed = legs.iter().find(|other| other.leg == Leg::RollClose);
    let closed = closed.map_or(Decimal::ZERO, |close| close.filled);
    if closed.is_zero() && leg.filled.is_zero() {
        let reason = "the closing half of the roll did not fill";
        return NextLeg::Drop { index, reason };
    }
    NextLeg::Drive {
        index,
        size: leg.size.min(closed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(leg: Leg, filled: i64, state: OrderState) -> LegState {
        LegState {
            leg,
            size: Decimal::from(3),
            filled: Decimal::from(filled),
            state,
        }
    }

    fn check(close: (i64, OrderState), open: (i64, OrderState), expect: NextLeg) {
        let legs = [
            leg(Leg::RollClose, close.0, close.1),
            leg(Leg::RollOpen, open.0, open.1),
        ];
        assert_eq!(next_leg(&legs), expect, "{legs:?}");
        let swapped = [legs[1], legs[0]];
        let mirrored = match expect {
            NextLeg::Drive { index, size } => NextLeg::Drive {
                index: 1 - index,
                size,
            },
            NextLeg::Drop { index, reason } => NextLeg::Drop {
                index: 1 - index,
                reason,
            },
            NextLeg::Finished => NextLeg::Finished,
        };
        assert_eq!(next_leg(&swapped), mirrored, "rows in another order");
    }

    /// Mistake 21 of the earlier system: a roll was not atomic and left the desk naked or doubled.
    #[test]
    fn mistake_21_a_roll_opens_only_what_it_closed_wherever_it_stopped() {
        use OrderState::{Cancelled, Filled, Intended, Open, Rejected};
        let drive = |index, size: i64| NextLeg::Drive {
            index,
            size: Decimal::from(size),
        };
        let dropped = NextLeg::Drop {
            index: 1,
            reason: "the closing half of the roll did not fill",
        };
        check((0, Intended), (0, Intended), drive(0, 3));
        check((1, Open), (0, Intended), drive(0, 3));
        check((3, Filled), (0, Intended), drive(1, 3));
        check((1, Cancelled), (0, Intended), drive(1, 1));
        check((0, Cancelled), (0, Intended), dropped);
        check((0, Rejected), (0, Intended), dropped);
        check((3, Filled), (2, Open), drive(1, 3));
        check((3, Filled), (3, Filled), NextLeg::Finished);
    }
}
