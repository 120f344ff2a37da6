//! Fills and settlements of both sides.

use super::kind::Kind;
use super::walk::{New, Walk};
use crate::backtest::Again;
use crate::db::decisions::DecisionRow;
use crate::db::fills::FillRow;
use crate::db::settlements::SettlementRow;
use crate::domain::money::{from_e8, to_e8};
use crate::domain::order::{Fill, Settlement};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};

/// All fills of one leg; the price is weighted by size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Filled {
    size: Decimal,
    cost: Decimal,
    fee: Decimal,
}

impl Filled {
    fn add(&mut self, size: Decimal, price: Decimal, fee: Decimal) {
        self.size += size;
        self.cost += size * price;
        self.fee += fee;
    }

    fn price(&self) -> Decimal {
        (self.cost / self.size).round_dp(8).normalize()
    }

    fn text(&self, (call, side): &Leg) -> String {
        let (size, price, fee) = (self.size.normalize(), self.price(), self.fee.normalize());
        format!("{side} {size} {call} at {price}, fee {fee}")
    }
}

/// Contract and side.
type Leg = (String, String);

/// The same decision of both: were its orders filled alike?
pub(super) fn filled(walk: &mut Walk<'_>, row: &DecisionRow, again: &Again) {
    let desk = by_leg(walk.lived.fills_of(&row.id).map(of_row));
    let ours = by_leg(again.fills.iter().map(of_fill));
    let legs: BTreeSet<Leg> = desk.keys().chain(ours.keys()).cloned().collect();
    for leg in legs {
        let (desk, ours) = (desk.get(&leg), ours.get(&leg));
        if desk == ours {
            continue;
        }
        let (kind, explanation) = reason(walk, row, &leg, desk, ours);
        let text = |one: Option<&Filled>| {
            one.map_or_else(|| "not filled".to_owned(), |one| one.text(&leg))
        };
        let n = walk.push(New {
            kind,
            about: "fill",
            at_ms: row.as_of_ms,
            decision: Some(row),
            because: None,
            says: [text(desk), text(ours)],
            explanation,
        });
        walk.touched = Some(n);
    }
}

fn of_row(row: &FillRow) -> (Leg, Decimal, Decimal, Decimal) {
    let leg = (row.instrument.clone(), row.side.clone());
    (
        leg,
        from_e8(row.size_e8),
        from_e8(row.price_e8),
        from_e8(row.fee_e8),
    )
}

fn of_fill(fill: &Fill) -> (Leg, Decimal, Decimal, Decimal) {
    let leg = (fill.instrument.name(), fill.side.as_str().to_owned());
    // As rows keep it.
    (leg, fill.size, fill.price, from_e8(to_e8(fill.fee)))
}

fn by_leg(fills: impl Iterator<Item = (Leg, Decimal, Decimal, Decimal)>) -> BTreeMap<Leg, Filled> {
    let mut legs: BTreeMap<Leg, Filled> = BTreeMap::new();
    for (leg, size, price, fee) in fills {
        legs.entry(leg).or_default().add(size, price, fee);
    }
    legs
}

fn reason(
    walk: &Walk<'_>,
    row: &DecisionRow,
    leg: &Leg,
    desk: Option<&Filled>,
    ours: Option<&Filled>,
) -> (Kind, String) {
    let order = order(walk, row, leg);
    let (Some(desk), Some(ours)) = (desk, ours) else {
        return if ours.is_some() {
            let text = format!("the model fills at once; {order}");
            (Kind::OrderUnfilled, text)
        } else {
            let text = "the desk's order found a counterparty where the model has no quote to fill against";
            (Kind::ModelUnfilled, text.to_owned())
        };
    };
    if desk.size != ours.size {
        let text = format!("the model fills the whole size; {order}");
        return (Kind::OrderPartial, text);
    }
    if desk.price() != ours.price() {
        let text = format!("another price than the fill model's; {order}");
        return (Kind::PriceDiffers, text);
    }
    (
        Kind::FeeDiffers,
        "the exchange took another fee than its published rates give".to_owned(),
    )
}

/// What became of the desk's order, in words.
fn order(walk: &Walk<'_>, row: &DecisionRow, (call, side): &Leg) -> String {
    let mut orders = walk.lived.orders.iter();
    let found = orders
        .find(|order| order.decision == row.id && order.instrument == *call && order.side == *side);
    let Some(order) = found else {
        return "the desk sent no such order".to_owned();
    };
    let limit = order.limit_price_e8.map_or_else(String::new, |limit| {
        format!(" at a limit of {}", from_e8(limit))
    });
    let error = order
        .error
        .as_deref()
        .map_or_else(String::new, |error| format!(": {error}"));
    let (filled, size) = (from_e8(order.filled_e8), from_e8(order.size_e8));
    format!(
        "the desk's order{limit} is {}, {filled} of {size} filled{error}",
        order.state
    )
}

/// Expiries that the backtester settles at this instant.
pub(super) fn settled(walk: &mut Walk<'_>, again: &Again) {
    for ours in &again.settlements {
        let name = ours.instrument.name();
        let mut rows = walk.lived.settlements_in_range();
        let row = rows.find(|row| row.instrument == name).cloned();
        match row {
            Some(row) if alike(&row, ours) => {}
            row => {
                let says = [
                    row.as_ref()
                        .map_or_else(|| "no settlement".to_owned(), of_desk),
                    of_model(ours),
                ];
                let (kind, because, explanation) = expiry(walk, row.is_some());
                let at_ms = ours.at_ms;
                let n = walk.push(New {
                    kind,
                    about: "settlement",
                    at_ms,
                    decision: None,
                    because,
                    says,
                    explanation,
                });
                walk.touched = Some(n);
            }
        }
    }
}

/// Settlements of the desk that the backtester has none of.
pub(super) fn unmatched(walk: &mut Walk<'_>, again: &BTreeMap<i64, Again>) {
    let Some((last_ms, _)) = again.last_key_value() else {
        return;
    };
    let ours = again.values().flat_map(|one| &one.settlements);
    let ours: BTreeSet<String> = ours.map(|one| one.instrument.name()).collect();
    let rows: Vec<SettlementRow> = walk.lived.settlements_in_range().cloned().collect();
    for row in rows {
        if ours.contains(&row.instrument) || row.at_ms > *last_ms {
            continue;
        }
        let (kind, because, explanation) = held_by_desk(walk, &row);
        walk.push(New {
            kind,
            about: "settlement",
            at_ms: row.at_ms,
            decision: None,
            because,
            says: [of_desk(&row), "not held".to_owned()],
            explanation,
        });
    }
}

fn expiry(walk: &Walk<'_>, settled: bool) -> (Kind, Option<i64>, String) {
    if let Some(root) = walk.root.or(walk.touched) {
        let text = format!("the books differ since difference {root}");
        return (Kind::BookDiffers, Some(root), text);
    }
    if settled {
        let text =
            "the same expiry came to another amount: its size, its delivery price or its fee";
        return (Kind::SettlementDiffers, None, text.to_owned());
    }
    let text = "the desk holds the expired call without a settlement; look at its settle jobs";
    (Kind::SettlementMissing, None, text.to_owned())
}

/// A call only the desk held to its end: some difference before the expiry is why.
fn held_by_desk(walk: &Walk<'_>, row: &SettlementRow) -> (Kind, Option<i64>, String) {
    let moves = |one: &&crate::db::drifts::DifferenceRow| {
        one.at_ms <= row.at_ms && ["decision", "fill", "book"].contains(&one.about.as_str())
    };
    let names = |one: &&crate::db::drifts::DifferenceRow| {
        one.desk_says.contains(&row.instrument) || one.backtest_says.contains(&row.instrument)
    };
    let mut before = walk.found.differences.iter().filter(moves).rev();
    if let Some(first) = before.find(names) {
        let text = format!("only the desk held it, since difference {}", first.n);
        return (Kind::BookDiffers, Some(first.n), text);
    }
    let text = "only the desk held it, and no earlier difference says why";
    (Kind::Unexplained, None, text.to_owned())
}

fn alike(row: &SettlementRow, ours: &Settlement) -> bool {
    let desk = (
        row.size_e8,
        row.delivery_price_e8,
        row.payoff_e8,
        row.fee_e8,
    );
    let amounts = [ours.size, ours.delivery_price, ours.payoff, ours.fee].map(to_e8);
    desk == amounts.into()
}

fn of_desk(row: &SettlementRow) -> String {
    let [size, price, cash] = [row.size_e8, row.delivery_price_e8, row.cash_e8].map(from_e8);
    format!("{size} {} at {price}: {cash}", row.instrument)
}

fn of_model(ours: &Settlement) -> String {
    let [size, price, cash] =
        [ours.size, ours.delivery_price, ours.cash()].map(|one| one.normalize());
    format!("{size} {} at {price}: {cash}", ours.instrument)
}
