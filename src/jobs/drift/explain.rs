//! Why a decision came out otherwise: by making it again from what the desk had before it.

use super::kind::Kind;
use super::lived::Lived;
use super::walk::Walk;
use crate::backtest::Again;
use crate::ctx::CODE_VERSION;
use crate::db::decisions::DecisionRow;
use crate::domain::account::Position;
use crate::domain::context::Context;
use crate::domain::instrument::Style;
use crate::domain::order::Settlement;
use crate::domain::settings::Settings;
use crate::replay::replay_decision;
use rust_decimal::Decimal;
use serde_json::Value;

/// The reason of a difference between two decisions.
pub(super) struct Why {
    pub(super) kind: Kind,
    pub(super) because: Option<i64>,
    pub(super) text: String,
}

/// A difference is explained only when the desk's own inputs give the desk's decision again: then it lies
/// in an input, and the first one that differs is named.
pub(super) async fn decision(
    walk: &Walk<'_>,
    row: &DecisionRow,
    context: &Context,
    again: &Again,
    late: bool,
) -> anyhow::Result<Why> {
    let why = |kind, text: String| Why {
        kind,
        because: None,
        text,
    };
    match replay_decision(walk.ctx, &row.id).await {
        Err(error) => {
            let text = format!("the decision cannot be made again: {error:#}");
            return Ok(why(Kind::Unexplained, text));
        }
        Ok(replay) if !replay.identical => {
            let first = replay.differences.first();
            let field = first.map_or("", |first| first.field.as_str());
            if row.code_version == CODE_VERSION {
                let text = format!("the same inputs give another decision now, first in {field}");
                return Ok(why(Kind::Unexplained, text));
            }
            let (then, now) = (&row.code_version, CODE_VERSION);
            let text = format!(
                "version {then} decided; {now} decides otherwise on the same inputs, first in {field}"
            );
            return Ok(why(Kind::CodeChanged, text));
        }
        Ok(_) => {}
    }
    let (kind, text) = input(walk, row, context, again, late);
    let because = walk.root.filter(|_| kind == Kind::BookDiffers);
    Ok(Why {
        because,
        ..why(kind, text)
    })
}

/// The first input that differs.
fn input(
    walk: &Walk<'_>,
    row: &DecisionRow,
    context: &Context,
    again: &Again,
    late: bool,
) -> (Kind, String) {
    if let Some(root) = walk.root {
        let first = &walk.found.differences[root as usize - 1];
        let text = format!(
            "the books differ since difference {root} ({}); on the desk's own book its decision comes out the same",
            first.kind
        );
        return (Kind::BookDiffers, text);
    }
    if late {
        let text = "an expired call was not settled yet when the desk looked".to_owned();
        return (Kind::SettlementLate, text);
    }
    if !context.working.is_empty() || context.orders_last_minute > 0 {
        let (count, sent) = (context.working.len(), context.orders_last_minute);
        let text = format!(
            "{count} orders of the desk were still working, {sent} were sent in the minute before"
        );
        return (Kind::OrderWorking, text);
    }
    let age_ms = row.as_of_ms - row.snapshot_at_ms.unwrap_or(row.as_of_ms);
    if age_ms > 0 {
        let text = format!(
            "the desk's quotes were {age_ms} ms old; the backtester takes them as of the decision"
        );
        return (Kind::QuotesOlder, text);
    }
    if let Some(text) = account(walk.lived, context, again) {
        return (Kind::AccountDiffers, text);
    }
    let text = "every input that is recorded is the same".to_owned();
    (Kind::Unexplained, text)
}

fn account(lived: &Lived, context: &Context, again: &Again) -> Option<String> {
    let (desk, ours) = (context.account, again.book.cash(lived.coin.as_str()));
    if !lived.dry_run {
        return Some(format!(
            "the exchange's account said {} and an initial margin of {:.6}, the folded book {ours}",
            desk.balance, desk.initial_margin
        ));
    }
    let peak = context.day_peak_equity.filter(|peak| *peak > desk.equity)?;
    Some(format!(
        "the day's highest equity was {peak} for the desk; the backtester saw its own instants only"
    ))
}

/// Both books in words when they differ; cash is compared where it is our own fold.
pub(super) fn books_differ(lived: &Lived, context: &Context, again: &Again) -> Option<[String; 2]> {
    let now_ms = again.point.at_ms;
    let open = |held: &&Position| {
        held.instrument.expiry_ms > now_ms && held.instrument.style == Style::Inverse
    };
    let desk: Vec<&Position> = context.positions.iter().filter(open).collect();
    let ours: Vec<&Position> = again.book.positions().filter(open).collect();
    let key = |held: &&Position| (held.instrument, held.size, held.average_price, held.rolls);
    let alike = desk.iter().map(key).eq(ours.iter().map(key));
    let cash = [
        context.account.balance,
        again.book.cash(lived.coin.as_str()),
    ];
    if alike && (cash[0] == cash[1] || !lived.dry_run) {
        return None;
    }
    Some([text(&desk, cash[0]), text(&ours, cash[1])])
}

/// Whether the balances differ by what the backtester has just settled, and by nothing else.
pub(super) fn unsettled(context: &Context, again: &Again) -> bool {
    let cash: Decimal = again.settlements.iter().map(Settlement::cash).sum();
    let ours = again.book.cash(context.coin.as_str());
    !again.settlements.is_empty() && context.account.balance == ours - cash
}

fn text(held: &[&Position], cash: Decimal) -> String {
    let held = held.iter().map(|held| {
        let rolls = if held.rolls > 0 {
            format!(" after {} rolls", held.rolls)
        } else {
            String::new()
        };
        format!(
            "{} {} at {}{rolls}",
            held.size,
            held.instrument,
            held.average_price.normalize()
        )
    });
    let held: Vec<String> = held.collect();
    let held = if held.is_empty() {
        "no call".to_owned()
    } else {
        held.join(", ")
    };
    format!("{held}; balance {}", cash.normalize())
}

/// `delta_max 0.4 -> 0.3, ..`.
pub(super) fn changed_keys(
    before: Option<&Settings>,
    after: Option<&Settings>,
    seed_before: &str,
    seed_after: &str,
) -> String {
    let value = |settings: Option<&Settings>| serde_json::to_value(settings).unwrap_or_default();
    let mut changes = Vec::new();
    keys("", &value(before), &value(after), &mut changes);
    if seed_before != seed_after {
        changes.push(format!("seed {seed_before} -> {seed_after}"));
    }
    changes.join(", ")
}

fn keys(path: &str, before: &Value, after: &Value, changes: &mut Vec<String>) {
    if let (Some(old), Some(new)) = (before.as_object(), after.as_object()) {
        for (name, value) in new {
            let inner = old.get(name).unwrap_or(&Value::Null);
            keys(&format!("{path}{name} "), inner, value, changes);
        }
    } else if before != after {
        changes.push(format!("{path}{before} -> {after}"));
    }
}
