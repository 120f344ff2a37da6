//! One order of ours on its way: the approved intent, its label and since when.

use crate::domain::order::{Intent, Leg, Side};
use crate::risk::Approved;
use rust_decimal::Decimal;

/// Longest label the exchange keeps.
pub const LABEL_MAX: usize = 64;

/// The label of a decision's leg: `tq-<decision>-<leg>`, unique because a decision has each leg once.
pub fn label(decision: &str, leg: Leg) -> String {
    let label = format!("tq-{decision}-{}", leg.as_str());
    assert!(
        label.len() <= LABEL_MAX,
        "an id of 26 characters and a leg fit the exchange's label: {label}"
    );
    label
}

/// An intent that risk approved and a row remembers; only these reach the exchange.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// See [`label`].
    pub label: String,
    intent: Approved<Intent>,
    size: Decimal,
    /// When the intent was committed, desk time; the price walk starts here. For the opening half of a
    /// roll it is better the time its closing half became final, or the walk begins at its end.
    pub created_ms: i64,
    /// When a request was sent whose answer never came; the exchange may still be about to take it.
    pub sent_ms: Option<i64>,
}

impl Ticket {
    pub fn new(decision: &str, intent: Approved<Intent>, created_ms: i64) -> Self {
        Self {
            label: label(decision, intent.get().leg),
            size: intent.get().size,
            intent,
            created_ms,
            sent_ms: None,
        }
    }

    /// The same ticket with the time of an unanswered request, from its row.
    #[must_use]
    pub fn sent(mut self, sent_ms: Option<i64>) -> Self {
        self.sent_ms = sent_ms;
        self
    }

    /// The same ticket for less than was approved (the opening half of a partly closed roll).
    #[must_use]
    pub fn cut_to(mut self, size: Decimal) -> Self {
        self.size = self.size.min(size);
        self
    }

    pub fn intent(&self) -> &Intent {
        self.intent.get()
    }

    /// Coin to trade, at most the approved size.
    pub fn size(&self) -> Decimal {
        self.size
    }

    pub fn side(&self) -> Side {
        self.intent().leg.side()
    }

    /// Closing legs may never open the other way.
    pub fn reduce_only(&self) -> bool {
        self.side() == Side::Buy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_fit_and_differ_by_leg() {
        let decision = "01KDYBX0G0A1B2C3D4E5F6G7H8";
        let labels =
            [Leg::Open, Leg::Close, Leg::RollClose, Leg::RollOpen].map(|leg| label(decision, leg));
        assert_eq!(labels[2], "tq-01KDYBX0G0A1B2C3D4E5F6G7H8-roll_close");
        assert!(labels.iter().all(|label| label.len() <= LABEL_MAX));
        assert_ne!(labels[0], labels[1]);
    }
}
