//! Instants at which one side has nothing: a tick that was missed or failed, a chain that is gone.

use super::instants::{Instant, clock};
use super::kind::Kind;
use super::walk::{New, Walk};
use super::words::Said;
use crate::backtest::Again;
use crate::db::decisions::DecisionRow;

/// Missed instants in a row for one reason are one difference.
#[derive(Debug)]
pub(super) struct Missed {
    n: i64,
    reason: String,
    count: usize,
    did: Vec<String>,
}

impl Walk<'_> {
    pub(super) fn not_there(&mut self, row: &DecisionRow, why: &str) {
        let n = self.push(New {
            kind: Kind::ChainMissing,
            about: "decision",
            at_ms: row.as_of_ms,
            decision: Some(row),
            because: None,
            says: [Said::by_desk(row).text(), "nothing".to_owned()],
            explanation: format!("nothing can be decided again here: {why}"),
        });
        if Said::by_desk(row).acts() {
            self.touched = Some(n);
        }
    }

    /// No decision of the desk stands at this instant.
    pub(super) fn owed(&mut self, at_ms: i64, instant: &Instant, again: Option<&Again>) {
        let did = again.map(|again| Said::again(&again.taken));
        let did = did.filter(Said::acts);
        let acts = did.is_some();
        let text = did.map_or_else(|| "nothing to do".to_owned(), |did| did.text());
        let text = if again.is_none() {
            "no chain is stored".to_owned()
        } else {
            text
        };
        let n = match (&instant.missed, instant.failed) {
            (Some(reason), _) => self.miss(at_ms, reason, text),
            (None, Some(at)) => self.failed(&self.lived.decisions[at], text),
            (None, None) => return,
        };
        if acts {
            self.touched = Some(n);
        }
    }

    fn failed(&mut self, row: &DecisionRow, text: String) -> i64 {
        let error = row.error.as_deref().unwrap_or_default();
        self.push(New {
            kind: Kind::TickFailed,
            about: "decision",
            at_ms: row.as_of_ms,
            decision: Some(row),
            because: None,
            says: ["failed".to_owned(), text],
            explanation: format!("the tick failed: {error}"),
        })
    }

    fn miss(&mut self, at_ms: i64, reason: &str, text: String) -> i64 {
        let same = self.missed.take().filter(|one| one.reason == reason);
        let mut stretch = match same {
            Some(stretch) => stretch,
            None => Missed {
                n: self.push(New {
                    kind: Kind::TickMissed,
                    about: "decision",
                    at_ms,
                    decision: None,
                    because: None,
                    says: ["no decision".to_owned(), String::new()],
                    explanation: String::new(),
                }),
                reason: reason.to_owned(),
                count: 0,
                did: Vec::new(),
            },
        };
        stretch.count += 1;
        if !stretch.did.contains(&text) {
            stretch.did.push(text);
        }
        let row = &mut self.found.differences[stretch.n as usize - 1];
        row.backtest_says = stretch.did.join("; ");
        row.explanation = if stretch.count == 1 {
            format!("no decision at this instant: {reason}")
        } else {
            let (count, last) = (stretch.count, clock(at_ms));
            format!("no decision at {count} instants up to {last}: {reason}")
        };
        let n = stretch.n;
        self.missed = Some(stretch);
        n
    }
}
