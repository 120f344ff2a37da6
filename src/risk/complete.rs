//! Check 1: the action is known and complete. Nothing excuses an incomplete one.

use super::lines::{Lines, Measure};
use crate::domain::account::Position;
use crate::domain::context::Context;
use crate::domain::instrument::Instrument;
use crate::domain::money::float;
use crate::domain::ticks::{is_valid_size, min_size};
use rust_decimal::Decimal;

pub(super) fn nothing(lines: &mut Lines) {
    lines.state("complete", true, None);
}

/// A sale: a call of this underlying, listed, not expired, of a size the venue takes.
pub(super) fn sale(lines: &mut Lines, context: &Context, call: &Instrument, size: Decimal) {
    let mut problems = contract_problems(context, call);
    if context.chain.quote(call).is_none() {
        problems.push(format!("{call} is not listed in the chain"));
    }
    if !is_valid_size(call, size) {
        problems.push(size_problem(call, size));
    }
    write(lines, call, size, &problems);
}

/// A purchase: a short call that is held, at most as much as is held. A held rest below the venue's step
/// may be named whole.
pub(super) fn buy_back(
    lines: &mut Lines,
    context: &Context,
    call: &Instrument,
    held: Option<&Position>,
    size: Decimal,
) {
    let mut problems = contract_problems(context, call);
    match held.map(|position| -position.size) {
        None => problems.push(format!("no short position in {call} to buy back")),
        Some(held) if size > held => {
            problems.push(format!("{size} is more than the {held} sold"));
        }
        Some(held) if size != held && !is_valid_size(call, size) => {
            problems.push(size_problem(call, size));
        }
        Some(_) => {}
    }
    if size <= Decimal::ZERO {
        problems.push(format!("size {size} is not above 0"));
    }
    write(lines, call, size, &problems);
}

fn contract_problems(context: &Context, call: &Instrument) -> Vec<String> {
    let mut problems = Vec::new();
    if call.coin != context.coin {
        problems.push(format!("{call} is not an option on {}", context.coin));
    }
    if !call.is_call() {
        problems.push(format!("{call} is not a call"));
    }
    if call.expiry_ms <= context.as_of_ms {
        problems.push(format!("{call} has expired; it settles by itself"));
    }
    problems
}

fn size_problem(call: &Instrument, size: Decimal) -> String {
    let step = min_size(call.coin, call.style);
    format!("size {size} is not a multiple of {step} from {step} up")
}

fn write(lines: &mut Lines, call: &Instrument, size: Decimal, problems: &[String]) {
    let measure = Measure {
        check: "complete",
        value: Some(float(size)),
        limit: float(min_size(call.coin, call.style)),
        unit: "coin",
        note: (!problems.is_empty()).then(|| problems.join(", ").into()),
    };
    lines.strict(measure, problems.is_empty());
}
