//! Checks 2 to 12, each against the state after the leg.

use super::book::Book;
use super::lines::{Lines, Measure};
use crate::domain::context::Context;
use crate::domain::instrument::Instrument;
use crate::domain::money::float;
use crate::domain::settings::Settings;
use crate::domain::ticks::tick_size;

/// Float noise allowed when a spread is counted in ticks.
const TICK_NOISE: f64 = 1e-9;

/// Every check after the first, in order.
pub(super) fn all(
    lines: &mut Lines,
    context: &Context,
    settings: &Settings,
    traded: &Instrument,
    after: &Book,
) {
    switches(lines, settings);
    lines.state("do_nothing", true, Some("not this action".into()));
    lines.above(measure("equity", Some(after.equity), 0.0, "coin"));
    fresh(lines, context, settings);
    cover(lines, after);
    exposure(lines, context, settings, traded, after);
    margin(lines, settings, after);
    net_delta(lines, context, settings, after);
    drawdown(lines, context, settings, after);
    liquidity(lines, context, settings, traded);
    order_rate(lines, settings, after);
}

/// Check 2. Both switches refuse what opens and nothing else.
pub(super) fn switches(lines: &mut Lines, settings: &Settings) {
    for (check, on) in [
        ("kill_switch", settings.kill_switch),
        ("close_only", settings.close_only),
    ] {
        lines.state(check, !on, Some(if on { "on" } else { "off" }.into()));
    }
}

/// Check 5. A quote of the future is as bad as an old one.
fn fresh(lines: &mut Lines, context: &Context, settings: &Settings) {
    let age_ms = context.as_of_ms - context.chain.at_ms;
    let known = age_ms >= 0 && !context.chain.quotes.is_empty();
    let note = if context.chain.quotes.is_empty() {
        Some("the chain has no quotes".into())
    } else {
        (age_ms < 0).then(|| "the quotes are later than the decision".into())
    };
    lines.at_most(Measure {
        note,
        ..measure(
            "quote_age",
            known.then_some(age_ms as f64),
            settings.quote_max_age_ms as f64,
            "ms",
        )
    });
}

/// Check 6. Calls held short, sell orders still working and this sale, against the coin balance.
fn cover(lines: &mut Lines, after: &Book) {
    let (short, coin) = (after.short_calls(), after.coin_held);
    lines.at_most(measure("cover", Some(float(short)), float(coin), "coin"));
}

/// Check 7. One bucket per underlying and expiry: BTC and ETH of one Friday do not share it.
fn exposure(
    lines: &mut Lines,
    context: &Context,
    settings: &Settings,
    traded: &Instrument,
    after: &Book,
) {
    let limit = float(settings.max_expiry_exposure(context.coin));
    let value = Some(float(after.short_calls_of(traded)));
    lines.at_most(measure("expiry_exposure", value, limit, "coin"));
}

/// Check 8. Initial margin after the leg as a percentage of equity.
fn margin(lines: &mut Lines, settings: &Settings, after: &Book) {
    let used = |margin: f64| (after.equity > 0.0).then(|| 100.0 * margin / after.equity);
    let value = after.initial_margin.and_then(used);
    let limit = settings.max_margin_used_pct;
    lines.below(Measure {
        note: value
            .is_none()
            .then(|| "no mark or no equity to margin it with".into()),
        ..measure("margin_used", value, limit, "%")
    });
}

/// Check 9. The coin itself counts: a covered call lowers the delta of the coin that covers it.
fn net_delta(lines: &mut Lines, context: &Context, settings: &Settings, after: &Book) {
    let (net, unknown) = after.net_delta(context);
    let names: Vec<String> = unknown.iter().map(Instrument::name).collect();
    let note = (!names.is_empty())
        .then(|| format!("no delta for {}: taken as 0", names.join(", ")).into());
    let limit = settings.max_net_delta_abs;
    lines.at_most(Measure {
        note,
        ..measure("net_delta", Some(net.abs()), limit, "coin")
    });
}

/// Check 10. Loss since the day's highest equity; a limit of 0 is off.
fn drawdown(lines: &mut Lines, context: &Context, settings: &Settings, after: &Book) {
    let limit = settings.daily_drawdown_limit;
    let peak = context.day_peak_equity.filter(|peak| *peak > 0.0);
    match peak.map(|peak| (1.0 - after.equity / peak).max(0.0)) {
        _ if limit <= 0.0 => lines.state("daily_drawdown", true, Some("off".into())),
        Some(loss) => lines.at_most(measure("daily_drawdown", Some(loss), limit, "fraction")),
        None => {
            let note = "no earlier equity of this day";
            lines.state("daily_drawdown", true, Some(note.into()));
        }
    }
}

/// Check 11. The spread as a share of the mid or in ticks, and the open interest.
fn liquidity(lines: &mut Lines, context: &Context, settings: &Settings, traded: &Instrument) {
    let quote = context.chain.quote(traded);
    let sides = quote.and_then(|quote| Some((quote.bid?, quote.ask?)));
    let share = sides.map(|(bid, ask)| (ask - bid) / f64::midpoint(bid, ask));
    let ticks = sides.map(|(bid, ask)| (ask - bid) / tick_size(traded, f64::midpoint(bid, ask)));
    match ticks {
        // Two ticks of a cheap call are a large share of its price and no sign of a thin market.
        Some(ticks) if ticks <= settings.spread_max_ticks + TICK_NOISE => {
            lines.at_most(measure(
                "spread",
                Some(ticks),
                settings.spread_max_ticks + TICK_NOISE,
                "ticks",
            ));
        }
        _ => lines.at_most(Measure {
            note: share.is_none().then(|| "not quoted on both sides".into()),
            ..measure("spread", share, settings.spread_max, "of mid")
        }),
    }
    open_interest(lines, quote.and_then(|quote| quote.open_interest), settings);
}

/// A limit of 0 asks for nothing, so it admits an interest that nobody knows: that of a rebuilt chain.
fn open_interest(lines: &mut Lines, interest: Option<f64>, settings: &Settings) {
    let limit = settings.open_interest_min;
    if interest.is_none() && limit <= 0.0 {
        return lines.state("open_interest", true, Some("not known; no limit".into()));
    }
    lines.at_least(measure("open_interest", interest, limit, "coin"));
}

/// Check 12. Orders of the last minute and those of this action so far.
fn order_rate(lines: &mut Lines, settings: &Settings, after: &Book) {
    let limit = f64::from(settings.order_rate_max);
    let value = Some(f64::from(after.orders));
    lines.at_most(measure("order_rate", value, limit, "per minute"));
}

fn measure(check: &'static str, value: Option<f64>, limit: f64, unit: &'static str) -> Measure {
    Measure {
        check,
        value,
        limit,
        unit,
        note: None,
    }
}
