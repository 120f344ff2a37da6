//! Lines of one leg: a value against its limit, with the headroom that is left.

use crate::domain::decision::{LineVerdict, RiskLine};
use std::borrow::Cow;

/// A value over this share of its limit is a warning.
const WARN_SHARE: f64 = 0.9;
/// Relative float noise that is not a breach.
const NOISE: f64 = 1e-12;

/// The checks made so far on one leg, in order.
pub(super) struct Lines {
    leg: &'static str,
    /// A line over its limit does not refuse: the leg reduces risk.
    exempt: bool,
    pub(super) rows: Vec<RiskLine>,
}

/// One measurement; the sides of the limit are chosen by the method it is handed to.
pub(super) struct Measure {
    pub(super) check: &'static str,
    /// `None` when it cannot be known, which is a breach.
    pub(super) value: Option<f64>,
    pub(super) limit: f64,
    pub(super) unit: &'static str,
    pub(super) note: Option<Cow<'static, str>>,
}

impl Lines {
    /// Lines of a leg that adds risk: a breach refuses it.
    pub(super) fn opening(leg: &'static str) -> Self {
        Self::new(leg, false)
    }

    /// Lines of a leg that reduces risk: a breach is shown and exempt.
    pub(super) fn reducing(leg: &'static str) -> Self {
        Self::new(leg, true)
    }

    fn new(leg: &'static str, exempt: bool) -> Self {
        Self {
            leg,
            exempt,
            rows: Vec::with_capacity(16),
        }
    }

    /// Passes up to the limit, warns above nine tenths of it.
    pub(super) fn at_most(&mut self, measure: Measure) {
        let within = |value: f64| value <= measure.limit + NOISE * measure.limit.abs();
        let ok = measure.value.is_some_and(within);
        self.upper(measure, ok);
    }

    /// Passes below the limit, warns above nine tenths of it.
    pub(super) fn below(&mut self, measure: Measure) {
        let ok = measure.value.is_some_and(|value| value < measure.limit);
        self.upper(measure, ok);
    }

    /// Passes from the limit on.
    pub(super) fn at_least(&mut self, measure: Measure) {
        let ok = measure.value.is_some_and(|value| value >= measure.limit);
        self.lower(measure, ok, self.exempt);
    }

    /// Passes above the limit.
    pub(super) fn above(&mut self, measure: Measure) {
        let ok = measure.value.is_some_and(|value| value > measure.limit);
        self.lower(measure, ok, self.exempt);
    }

    /// A line that no exemption excuses: what it speaks of makes the leg impossible.
    pub(super) fn strict(&mut self, measure: Measure, ok: bool) {
        self.lower(measure, ok, false);
    }

    /// A yes-or-no check without a measure.
    pub(super) fn state(&mut self, check: &'static str, ok: bool, note: Option<Cow<'static, str>>) {
        let verdict = verdict(ok, false, self.exempt);
        self.push(check, (None, None, None), "", verdict, note);
    }

    /// Every reason for which this leg is refused; `None` when it is not.
    pub(super) fn refusal(&self) -> Option<String> {
        let refused = self
            .rows
            .iter()
            .filter(|line| line.verdict == LineVerdict::Refuse);
        let reasons: Vec<String> = refused.map(reason).collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    fn upper(&mut self, measure: Measure, ok: bool) {
        let warn = measure.limit > 0.0
            && measure
                .value
                .is_some_and(|value| value > WARN_SHARE * measure.limit);
        let headroom = measure.value.map(|value| measure.limit - value);
        let verdict = verdict(ok, warn, self.exempt);
        let numbers = (measure.value, Some(measure.limit), headroom);
        self.push(measure.check, numbers, measure.unit, verdict, measure.note);
    }

    fn lower(&mut self, measure: Measure, ok: bool, exempt: bool) {
        let headroom = measure.value.map(|value| value - measure.limit);
        let numbers = (measure.value, Some(measure.limit), headroom);
        let verdict = verdict(ok, false, exempt);
        self.push(measure.check, numbers, measure.unit, verdict, measure.note);
    }

    fn push(
        &mut self,
        check: &'static str,
        (value, limit, headroom): (Option<f64>, Option<f64>, Option<f64>),
        unit: &'static str,
        verdict: LineVerdict,
        note: Option<Cow<'static, str>>,
    ) {
        self.rows.push(RiskLine {
            leg: self.leg.into(),
            check: check.into(),
            value,
            limit,
            headroom,
            unit: unit.into(),
            verdict,
            note,
        });
    }
}

fn verdict(ok: bool, warn: bool, exempt: bool) -> LineVerdict {
    match (ok, warn, exempt) {
        (true, false, _) => LineVerdict::Pass,
        (true, true, _) => LineVerdict::Warn,
        (false, _, true) => LineVerdict::Exempt,
        (false, _, false) => LineVerdict::Refuse,
    }
}

/// `open cover: 0.3 coin against 0.2`, or the note where there is one.
fn reason(line: &RiskLine) -> String {
    let measured = match (line.value, line.limit) {
        (Some(value), Some(limit)) => format!("{value} {} against {limit}", line.unit),
        (None, Some(_)) => "not known".to_owned(),
        _ => String::new(),
    };
    let note = line.note.as_deref().unwrap_or_default();
    let gap = if measured.is_empty() || note.is_empty() {
        ""
    } else {
        ", "
    };
    format!("{} {}: {measured}{gap}{note}", line.leg, line.check)
}
