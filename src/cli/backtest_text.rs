//! Backtests as people read them; programs read the documents.

use super::output::{cell, table};
use crate::backtest::{Gap, calls_text, cutoff_notice, gap_warning, unanswered};
use crate::clock::iso;
use serde_json::Value;

pub(super) fn key_table(keys: &Value) -> String {
    let rows = keys.as_array().map_or(&[][..], Vec::as_slice).iter();
    let rows: Vec<Vec<Value>> = rows
        .map(|key| {
            let names = ["key", "default", "unit", "range", "help"];
            names
                .into_iter()
                .map(|name| shown(name, &key[name]))
                .collect()
        })
        .collect();
    table(&["key", "default", "unit", "range", "meaning"], &rows)
}

/// `0 to 1`, or the names there are.
fn shown(name: &str, value: &Value) -> Value {
    if name != "range" {
        return cell(value).into();
    }
    if let [low, high] = value["between"].as_array().map_or(&[][..], Vec::as_slice) {
        return format!("{} to {}", cell(low), cell(high)).into();
    }
    let names = value["one_of"].as_array().map_or(&[][..], Vec::as_slice);
    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    names.join(", ").into()
}

/// Headline figures beside the baselines, then where they came from, then the chains.
pub(super) fn report(run: &Value) -> String {
    let data = &run["data"];
    let time = |name: &str| data[name].as_i64().map_or_else(String::new, iso);
    let head = format!(
        "Backtest {} ({}), {} to {}: {} snapshots, {} quotes of {}",
        cell(&run["id"]),
        cell(&run["state"]),
        time("from_ms"),
        time("to_ms"),
        data["snapshots"],
        data["quotes"],
        cell(&data["source"]),
    );
    format!(
        "{head}\n{}{}\n{}\n{}\n{}\n{}",
        of_model(&run["model"]),
        warnings(&run["metrics"]),
        against(run),
        counts(&run["metrics"]),
        causes(&run["attribution"]),
        chain_table(&run["chains"])
    )
}

/// Whether the model answered, whether it may know the future, and its calls; nothing where rules decided.
fn of_model(model: &Value) -> String {
    let warned = |text: String| format!("warning: {text}\n");
    let cutoff = cutoff_notice(model, "run").map_or_else(String::new, |(bad, text)| {
        if bad { warned(text) } else { text + "\n" }
    });
    let calls = calls_text(model).map_or_else(String::new, |text| format!("model: {text}\n"));
    unanswered(model).map_or_else(String::new, warned) + &cutoff + &calls
}

/// Gaps of the data and what stood in the way, a line each.
fn warnings(metrics: &Value) -> String {
    let obstacles = metrics["obstacles"].as_array();
    let obstacles = obstacles.map_or(&[][..], Vec::as_slice);
    let gaps: Vec<Gap> = serde_json::from_value(metrics["gaps"].clone()).unwrap_or_default();
    let mut lines =
        gap_warning(&gaps).map_or_else(String::new, |text| format!("warning: {text}\n"));
    if metrics["chains"] == 0 && !obstacles.is_empty() {
        lines.push_str("no call was sold\n");
    }
    for obstacle in obstacles {
        // Whole: the setting that helps stands at the end.
        lines.push_str(obstacle["text"].as_str().unwrap_or_default());
        lines.push('\n');
    }
    lines
}

/// The run and its baselines, in coin and in USD.
fn against(run: &Value) -> String {
    let series = [
        ("this run", &run["metrics"]),
        ("hold the coin", &run["baselines"]["hold_coin"]),
        ("hold USD", &run["baselines"]["hold_usd"]),
        ("weekly 25 delta", &run["baselines"]["weekly_25_delta"]),
    ];
    let rows: Vec<Vec<Value>> = series
        .into_iter()
        .map(|(name, of)| {
            let mut row = vec![name.into()];
            for currency in ["coin", "usd"] {
                row.push(percent(&of[currency]["total_return"]));
                row.push(rounded(&of[currency]["sharpe"]));
                row.push(percent(&of[currency]["max_drawdown"]));
            }
            row
        })
        .collect();
    table(
        &[
            "",
            "return coin %",
            "sharpe",
            "drawdown %",
            "return USD %",
            "sharpe",
            "drawdown %",
        ],
        &rows,
    )
}

fn counts(metrics: &Value) -> String {
    let share = |name: &str| cell(&percent(&metrics[name]));
    format!(
        "{} chains, {} legs, {} rolls; {} % of chains won, {} % of expiries assigned, {} % of the time in the market\n\
         premium {} coin, {} % of it kept; fees {} coin, rolls cost {} coin\n",
        metrics["chains"],
        metrics["legs"],
        metrics["rolls"],
        share("win_rate"),
        share("assignment_rate"),
        share("time_in_market"),
        cell(&metrics["premium_collected"]),
        share("premium_kept"),
        cell(&metrics["fees"]),
        cell(&metrics["roll_cost"]),
    )
}

fn causes(attribution: &Value) -> String {
    let names = [
        "underlying",
        "premium",
        "delta",
        "vega",
        "spread",
        "roll_cost",
        "fees",
        "residual",
    ];
    let row = |name: &str| {
        let of = |currency: &str, digits| round_to(&attribution[currency][name], digits);
        vec![name.into(), of("coin", 8), of("usd", 2)]
    };
    let rows: Vec<Vec<Value>> = names.into_iter().map(row).collect();
    table(&["came from", "coin", "USD"], &rows)
}

/// Chains shown to a person; `--json` and v_backtest_legs have them all.
const CHAINS_SHOWN: usize = 30;

fn chain_table(chains: &Value) -> String {
    let chains = chains.as_array().map_or(&[][..], Vec::as_slice);
    let rows: Vec<Vec<Value>> = chains
        .iter()
        .rev()
        .take(CHAINS_SHOWN)
        .map(chain_row)
        .collect();
    let more = if chains.len() > CHAINS_SHOWN {
        format!(
            "the newest {CHAINS_SHOWN} of {} chains; --json has all\n",
            chains.len()
        )
    } else {
        String::new()
    };
    let columns = [
        "opened",
        "legs",
        "first call",
        "ended by",
        "pnl coin",
        "pnl USD",
    ];
    format!("{}{more}", table(&columns, &rows))
}

fn chain_row(chain: &Value) -> Vec<Value> {
    let legs = chain["legs"].as_array().map_or(&[][..], Vec::as_slice);
    let of = |leg: Option<&Value>, name: &str| leg.map_or(Value::Null, |leg| leg[name].clone());
    vec![
        chain["opened_ms"]
            .as_i64()
            .map_or(Value::Null, |at_ms| iso(at_ms).into()),
        legs.len().into(),
        of(legs.first(), "instrument"),
        of(legs.last(), "trigger"),
        chain["pnl"].clone(),
        round_to(&chain["pnl_usd"], 2),
    ]
}

pub(super) fn call_text(found: &Value) -> String {
    let columns = [
        "instrument",
        "opened",
        "price",
        "closed",
        "price ",
        "ended by",
        "fees",
        "pnl coin",
        "pnl USD",
    ];
    let legs = found["chain"]["legs"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let time = |value: &Value| {
        value
            .as_i64()
            .map_or(Value::Null, |at_ms| iso(at_ms).into())
    };
    let rows: Vec<Vec<Value>> = legs
        .iter()
        .map(|leg| {
            vec![
                leg["instrument"].clone(),
                time(&leg["opened_ms"]),
                leg["open_price"].clone(),
                time(&leg["closed_ms"]),
                leg["close_price"].clone(),
                leg["trigger"].clone(),
                leg["fees"].clone(),
                leg["pnl"].clone(),
                round_to(&leg["pnl_usd"], 2),
            ]
        })
        .collect();
    table(&columns, &rows)
}

pub(super) fn cut_text(found: &Value) -> String {
    let cuts = found["cuts"].as_array().map_or(&[][..], Vec::as_slice);
    let rows: Vec<Vec<Value>> = cuts
        .iter()
        .map(|cut| {
            let differing = cut["differences"].as_array().map_or(0, Vec::len);
            let at = cut["at_ms"]
                .as_i64()
                .map_or(Value::Null, |at_ms| iso(at_ms).into());
            vec![at, cut["decisions"].clone(), differing.into()]
        })
        .collect();
    table(&["data end", "decisions", "made otherwise"], &rows)
}

pub(super) fn percent(value: &Value) -> Value {
    value
        .as_f64()
        .map_or(Value::Null, |share| round_to(&(100.0 * share).into(), 2))
}

pub(super) fn rounded(value: &Value) -> Value {
    round_to(value, 2)
}

fn round_to(value: &Value, digits: i32) -> Value {
    let scale = 10_f64.powi(digits);
    value.as_f64().map_or(Value::Null, |number| {
        ((number * scale).round() / scale + 0.0).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_report_begins_with_the_gaps_and_with_what_stood_in_the_way() {
        let text = |metrics: Value| report(&json!({ "metrics": metrics }));
        let warned = text(json!({
            "chains": 0,
            "gaps": [{"from_ms": 1_767_225_600_000_i64, "to_ms": 1_780_272_000_000_i64}],
            "obstacles": [{"what": "ivrv", "decisions": 3, "text": "3 of 3 decisions found no call to sell; the nearest failed ivrv: `--set ivrv_min=0.8`"}],
        }));
        assert!(
            warned.contains("2026-01-01 to 2026-06-01 (151 days)"),
            "{warned}"
        );
        assert!(
            warned.contains("no call was sold\n3 of 3 decisions found"),
            "{warned}"
        );
        assert!(warned.contains("`--set ivrv_min=0.8`\n"), "{warned}");
        let old = text(json!({ "chains": 0 }));
        assert!(
            !old.contains("warning") && !old.contains("no call"),
            "{old}"
        );
    }
}
