//! Desk and backtester side by side through the range, one event after the other.

use super::absent::Missed;
use super::instants::{Instant, clock};
use super::kind::Kind;
use super::lived::{Lived, by_hand};
use super::market::FeatureDrift;
use super::valued::Valued;
use super::words::Said;
use super::{explain, trades};
use crate::backtest::Again;
use crate::ctx::Ctx;
use crate::db::decisions::DecisionRow;
use crate::db::drifts::DifferenceRow;
use crate::domain::context::Context;
use std::collections::BTreeMap;

/// What came of the comparison.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// Numbered from 1, in the order of time.
    pub(super) differences: Vec<DifferenceRow>,
    pub(super) compared: i64,
    pub(super) same: i64,
    /// Of both at the last instant they share, 1e-8 coin.
    pub(super) equity: Option<(i64, i64)>,
}

/// The comparison under way.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    pub(super) ctx: &'a Ctx,
    pub(super) lived: &'a Lived,
    pub(super) found: Found,
    /// The difference since which the books differ.
    pub(super) root: Option<i64>,
    /// The latest difference that moves one book and not the other; a root if the books then differ.
    pub(super) touched: Option<i64>,
    pub(super) valued: Valued,
    pub(super) missed: Option<Missed>,
}

/// What is new about a difference; the rest of its row is common.
pub(super) struct New<'a> {
    pub(super) kind: Kind,
    pub(super) about: &'static str,
    pub(super) at_ms: i64,
    pub(super) decision: Option<&'a DecisionRow>,
    pub(super) because: Option<i64>,
    /// What the desk says, what the backtester says.
    pub(super) says: [String; 2],
    pub(super) explanation: String,
}

enum Event<'a> {
    Instant(&'a Instant),
    ByHand(&'a DecisionRow),
}

pub(super) async fn differences(
    ctx: &Ctx,
    lived: &Lived,
    instants: &BTreeMap<i64, Instant>,
    again: &BTreeMap<i64, Again>,
    features: FeatureDrift,
) -> anyhow::Result<Found> {
    let mut walk = Walk {
        ctx,
        lived,
        found: Found::default(),
        root: None,
        touched: None,
        valued: Valued::default(),
        missed: None,
    };
    walk.features(features);
    let mut last: Option<&DecisionRow> = None;
    for (at_ms, event) in events(lived, instants) {
        match event {
            Event::ByHand(row) => walk.by_hand(row),
            Event::Instant(instant) => {
                let row = instant.row.or(instant.failed);
                let row = row.map(|at| &lived.decisions[at]);
                walk.settings(last, row);
                last = row.or(last);
                walk.instant(at_ms, instant, again.get(&at_ms)).await?;
            }
        }
    }
    trades::unmatched(&mut walk, again);
    walk.valued.close(&mut walk.found.differences);
    Ok(walk.found)
}

/// In the order of time; a person acts after the loop did.
fn events<'a>(lived: &'a Lived, instants: &'a BTreeMap<i64, Instant>) -> Vec<(i64, Event<'a>)> {
    let instants = instants.iter();
    let mut events: Vec<(i64, Event<'a>)> = instants
        .map(|(at_ms, instant)| (*at_ms, Event::Instant(instant)))
        .collect();
    let people = lived.decisions.iter().filter(|row| by_hand(row));
    events.extend(people.map(|row| (row.as_of_ms, Event::ByHand(row))));
    events.sort_by_key(|(at_ms, _)| *at_ms);
    events
}

impl Walk<'_> {
    /// Adds a difference and gives its number.
    pub(super) fn push(&mut self, new: New<'_>) -> i64 {
        let n = self.found.differences.len() as i64 + 1;
        let [desk_says, backtest_says] = new.says;
        self.found.differences.push(DifferenceRow {
            drift: String::new(),
            n,
            at_ms: new.at_ms,
            kind: new.kind.as_str().to_owned(),
            about: new.about.to_owned(),
            decision: new.decision.map(|row| row.id.clone()),
            because: new.because,
            desk_says,
            backtest_says,
            explanation: new.explanation,
        });
        n
    }

    fn features(&mut self, drift: FeatureDrift) {
        let Some((at_ms, name, seen, ours)) = drift.first else {
            return;
        };
        let explanation = format!(
            "at {} instants the stored daily prices give other features than the desk saw, first {name}; the run took \
             the desk's. `thetaq fetch-history` brings in what is missing",
            drift.count
        );
        self.push(New {
            kind: Kind::FeaturesDiffer,
            about: "features",
            at_ms,
            decision: None,
            because: None,
            says: [seen, ours],
            explanation,
        });
    }

    fn by_hand(&mut self, row: &DecisionRow) {
        let said = Said::by_desk(row);
        let taken_over = !self.lived.contexts.contains_key(&row.id);
        let (kind, explanation) = if taken_over {
            (Kind::Adopted, row.reason.clone())
        } else {
            let why = format!(
                "a person did it: {}; the backtester has no people",
                row.reason
            );
            (Kind::Manual, why)
        };
        let n = self.push(New {
            kind,
            about: "decision",
            at_ms: row.as_of_ms,
            decision: Some(row),
            because: None,
            says: [said.text(), "nothing".to_owned()],
            explanation,
        });
        self.touched = Some(n);
    }

    /// Says which settings are others than those of the decision before.
    fn settings(&mut self, last: Option<&DecisionRow>, row: Option<&DecisionRow>) {
        let (Some(last), Some(row)) = (last, row) else {
            return;
        };
        if (&last.config_hash, &last.seed) == (&row.config_hash, &row.seed) {
            return;
        }
        let of = |row: &DecisionRow| self.lived.settings.get(&row.config_hash);
        let changes = explain::changed_keys(of(last), of(row), &last.seed, &row.seed);
        self.push(New {
            kind: Kind::SettingsChanged,
            about: "settings",
            at_ms: row.as_of_ms,
            decision: Some(row),
            because: None,
            says: [row.config_hash.clone(), last.config_hash.clone()],
            explanation: format!(
                "settings changed at {}: {changes}; the run follows them from here on",
                clock(row.as_of_ms)
            ),
        });
    }

    async fn instant(
        &mut self,
        at_ms: i64,
        instant: &Instant,
        again: Option<&Again>,
    ) -> anyhow::Result<()> {
        if instant.missed.is_none() {
            self.missed = None;
        }
        match (instant.row, again) {
            (Some(at), Some(again)) => {
                let row = &self.lived.decisions[at];
                let context = self.lived.contexts.get(&row.id);
                match context {
                    Some(context) => self.decided(row, context, again).await?,
                    None => self.not_there(row, "its context is not stored"),
                }
            }
            (Some(at), None) => {
                let row = &self.lived.decisions[at];
                self.not_there(
                    row,
                    "the chain it saw is not stored: import it, or keep more of them",
                );
            }
            (None, again) => self.owed(at_ms, instant, again),
        }
        Ok(())
    }

    /// Both decided: the books, then the decisions, then what was filled, then what it is worth.
    async fn decided(
        &mut self,
        row: &DecisionRow,
        context: &Context,
        again: &Again,
    ) -> anyhow::Result<()> {
        self.found.compared += 1;
        let before = self.found.differences.len();
        let late = self.books(row, context, again);
        trades::settled(self, again);
        let (desk, ours) = (Said::by_desk(row), Said::again(&again.taken));
        if desk != ours {
            let why = explain::decision(self, row, context, again, late).await?;
            let n = self.push(New {
                kind: why.kind,
                about: "decision",
                at_ms: row.as_of_ms,
                decision: Some(row),
                because: why.because,
                says: [desk.text(), ours.text()],
                explanation: why.text,
            });
            if desk.acts() || ours.acts() {
                self.touched = Some(n);
            }
        } else if desk.acts() {
            trades::filled(self, row, again);
        }
        if self.found.differences.len() == before {
            self.found.same += 1;
        }
        Valued::compare(self, row, again, late);
        Ok(())
    }

    /// Compares the books decided on; true when the desk's has yet to settle what the other has settled.
    fn books(&mut self, row: &DecisionRow, context: &Context, again: &Again) -> bool {
        let Some([desk, ours]) = explain::books_differ(self.lived, context, again) else {
            (self.root, self.touched) = (None, None);
            return false;
        };
        if self.root.is_some() {
            return false;
        }
        if explain::unsettled(context, again) {
            self.push(New {
                kind: Kind::SettlementLate,
                about: "settlement",
                at_ms: row.as_of_ms,
                decision: Some(row),
                because: None,
                says: [desk, ours],
                explanation: "the desk looked at the instant of an expiry, before its settlement was booked; the \
                    backtester settles first"
                    .to_owned(),
            });
            return true;
        }
        self.root = self.touched;
        if self.root.is_none() {
            let n = self.push(New {
                kind: Kind::Unexplained,
                about: "book",
                at_ms: row.as_of_ms,
                decision: Some(row),
                because: None,
                says: [desk, ours],
                explanation: "the books differ and nothing in the desk's rows says since when"
                    .to_owned(),
            });
            self.root = Some(n);
        }
        false
    }
}
