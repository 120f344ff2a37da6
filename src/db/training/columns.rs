//! The columns of a row and of a candidate, once for both engines.

use crate::db::bulk::float;
use crate::domain::action::Action;
use crate::domain::money::to_e8;
use crate::training::{Offer, Row};

/// One value on its way into a column.
#[derive(Debug)]
pub(super) enum Cell<'a> {
    Text(&'a str),
    Owned(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Null,
}

impl<'a> Cell<'a> {
    fn text(value: Option<&'a str>) -> Self {
        value.map_or(Self::Null, Self::Text)
    }

    fn owned(value: Option<String>) -> Self {
        value.map_or(Self::Null, Self::Owned)
    }

    fn int(value: Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Int)
    }

    fn float(value: Option<f64>) -> Self {
        float(value).map_or(Self::Null, Self::Float)
    }

    /// Whether both are stored as the same bits.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::Owned(one), Self::Owned(other)) => one == other,
            (Self::Int(one), Self::Int(other)) => one == other,
            (Self::Float(one), Self::Float(other)) => one.to_bits() == other.to_bits(),
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::Null, Self::Null) => true,
            _ => false,
        }
    }
}

pub(super) const ROW: [&str; 34] = [
    "dataset",
    "n",
    "underlying",
    "profile",
    "episode",
    "step",
    "decision",
    "chain",
    "at_ms",
    "split",
    "price_source",
    "regime",
    "index_price",
    "observation",
    "legal_actions",
    "proposed_action",
    "action",
    "instrument",
    "rolled_from",
    "size_e8",
    "propensity",
    "explored",
    "refusal",
    "fills",
    "fees_e8",
    "reward_coin",
    "reward_usd",
    "reward_versus_holding",
    "next_at_ms",
    "next_observation",
    "terminated",
    "truncated",
    "discount",
    "error",
];

pub(super) fn row<'a>(dataset: &'a str, n: i64, row: &'a Row) -> [Cell<'a>; 34] {
    let (taken, followed) = (row.taken.as_ref(), row.followed.as_ref());
    let rewards = followed.map(|followed| followed.rewards);
    let shown = taken.map(|taken| match taken.action {
        Action::DoNothing => taken.proposed,
        carried_out => carried_out,
    });
    [
        Cell::Text(dataset),
        Cell::Int(n),
        Cell::Text(row.underlying.as_str()),
        Cell::Text(&row.profile),
        Cell::Text(&row.episode),
        Cell::Int(row.step as i64),
        Cell::Text(&row.decision),
        Cell::text(row.chain.as_deref()),
        Cell::Int(row.at_ms),
        Cell::Text(row.split.as_str()),
        Cell::Text(row.price_source.as_str()),
        Cell::Text(row.regime.as_str()),
        Cell::Float(row.index_price),
        Cell::Text(&row.observation),
        Cell::Int(row.legal.0),
        Cell::text(taken.map(|taken| taken.proposed.name())),
        Cell::text(taken.map(|taken| taken.action.name())),
        Cell::owned(shown.and_then(|shown| Some(shown.instrument()?.name()))),
        Cell::owned(shown.and_then(|shown| Some(shown.rolled_from()?.name()))),
        Cell::int(shown.and_then(|shown| shown.size()).map(to_e8)),
        Cell::float(taken.map(|taken| taken.propensity)),
        Cell::Bool(taken.is_some_and(|taken| taken.explored)),
        Cell::text(taken.and_then(|taken| taken.refusal.as_deref())),
        Cell::Int(taken.map_or(0, |taken| i64::from(taken.fills))),
        Cell::Int(taken.map_or(0, |taken| to_e8(taken.fees))),
        Cell::float(rewards.map(|rewards| rewards.coin)),
        Cell::float(rewards.map(|rewards| rewards.usd)),
        Cell::float(rewards.map(|rewards| rewards.versus_holding)),
        Cell::int(followed.map(|followed| followed.at_ms)),
        Cell::text(followed.map(|followed| followed.observation.as_str())),
        Cell::Bool(row.terminated),
        Cell::Bool(row.truncated),
        Cell::float(followed.map(|followed| followed.discount)),
        Cell::text(row.error.as_deref()),
    ]
}

pub(super) const CANDIDATE: [&str; 19] = [
    "dataset",
    "step_n",
    "n",
    "instrument",
    "dte",
    "delta",
    "bid",
    "ask",
    "mark_iv",
    "ivrv",
    "open_interest",
    "premium_usd",
    "yield_net",
    "score",
    "rank",
    "legal",
    "propensity",
    "chosen",
    "terms",
];

pub(super) fn candidate<'a>(
    dataset: &'a str,
    step_n: i64,
    n: i64,
    offer: &'a Offer,
) -> [Cell<'a>; 19] {
    let call = &offer.call;
    [
        Cell::Text(dataset),
        Cell::Int(step_n),
        Cell::Int(n),
        Cell::Owned(call.instrument.name()),
        Cell::Float(call.dte),
        Cell::float(call.delta),
        Cell::float(call.bid),
        Cell::float(call.ask),
        Cell::float(call.mark_iv),
        Cell::float(call.ivrv),
        Cell::float(call.open_interest),
        Cell::float(call.premium_usd),
        Cell::float(call.yield_net),
        Cell::float(call.score),
        Cell::int(call.rank.map(i64::from)),
        Cell::Bool(offer.legal),
        Cell::Float(call.propensity),
        Cell::Bool(call.chosen),
        Cell::Owned(serde_json::to_string(&call.terms).unwrap_or_default()),
    ]
}
