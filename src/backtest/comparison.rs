//! Runs beside each other: in what they differ, and how far their figures are from the first one's.

use super::answers::{cutoff_notice, unanswered};
use serde_json::{Map, Value, json};

/// One figure of a run's document.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    pub name: &'static str,
    /// Where it stands in the document.
    path: &'static [&'static str],
    pub unit: Unit,
}

/// How a figure is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A fraction, shown as percent.
    Share,
    Ratio,
    Count,
    Days,
    /// Amounts of coin.
    Coin,
    /// Amounts of USD.
    Usd,
}

const fn figure(name: &'static str, path: &'static [&'static str], unit: Unit) -> Figure {
    Figure { name, path, unit }
}

/// What runs are compared by, the headline first.
pub const FIGURES: &[Figure] = &[
    figure(
        "return coin",
        &["metrics", "coin", "total_return"],
        Unit::Share,
    ),
    figure(
        "return USD",
        &["metrics", "usd", "total_return"],
        Unit::Share,
    ),
    figure(
        "annualised coin",
        &["metrics", "coin", "annualised_return"],
        Unit::Share,
    ),
    figure(
        "annualised USD",
        &["metrics", "usd", "annualised_return"],
        Unit::Share,
    ),
    figure(
        "volatility coin",
        &["metrics", "coin", "volatility"],
        Unit::Share,
    ),
    figure(
        "volatility USD",
        &["metrics", "usd", "volatility"],
        Unit::Share,
    ),
    figure("sharpe coin", &["metrics", "coin", "sharpe"], Unit::Ratio),
    figure("sharpe USD", &["metrics", "usd", "sharpe"], Unit::Ratio),
    figure("sortino coin", &["metrics", "coin", "sortino"], Unit::Ratio),
    figure("sortino USD", &["metrics", "usd", "sortino"], Unit::Ratio),
    figure("calmar coin", &["metrics", "coin", "calmar"], Unit::Ratio),
    figure("calmar USD", &["metrics", "usd", "calmar"], Unit::Ratio),
    figure(
        "drawdown coin",
        &["metrics", "coin", "max_drawdown"],
        Unit::Share,
    ),
    figure(
        "drawdown USD",
        &["metrics", "usd", "max_drawdown"],
        Unit::Share,
    ),
    figure(
        "longest drawdown coin",
        &["metrics", "coin", "drawdown_days"],
        Unit::Days,
    ),
    figure(
        "longest drawdown USD",
        &["metrics", "usd", "drawdown_days"],
        Unit::Days,
    ),
    figure(
        "end of equity coin",
        &["metrics", "coin", "end"],
        Unit::Coin,
    ),
    figure("end of equity USD", &["metrics", "usd", "end"], Unit::Usd),
    figure("chains", &["metrics", "chains"], Unit::Count),
    figure("legs", &["metrics", "legs"], Unit::Count),
    figure("rolls", &["metrics", "rolls"], Unit::Count),
    figure("win rate", &["metrics", "win_rate"], Unit::Share),
    figure("profit factor", &["metrics", "profit_factor"], Unit::Ratio),
    figure("premium kept", &["metrics", "premium_kept"], Unit::Share),
    figure(
        "assignment rate",
        &["metrics", "assignment_rate"],
        Unit::Share,
    ),
    figure("fees", &["metrics", "fees"], Unit::Coin),
    figure(
        "upside given away",
        &["metrics", "upside_given_away"],
        Unit::Coin,
    ),
    figure(
        "time in market",
        &["metrics", "time_in_market"],
        Unit::Share,
    ),
    figure(
        "weekly 25 delta",
        &["baselines", "weekly_25_delta", "coin", "total_return"],
        Unit::Share,
    ),
];

/// `{runs, settings: {key: [value ..]}, same_data, notices: [{run, bad, text}], metrics: {name: {values, differences}}}`
/// of runs' documents; settings are those in which the runs differ, or all. Where quotes came from counts among them.
/// Notices are of runs that a language model decided.
pub fn comparison(runs: &[Value], all: bool) -> Value {
    let ids: Vec<&Value> = runs.iter().map(|run| &run["id"]).collect();
    let prints: Vec<&Value> = runs.iter().map(|run| &run["data"]["fingerprint"]).collect();
    let metrics: Map<String, Value> = FIGURES
        .iter()
        .map(|figure| (figure.name.to_owned(), measured(runs, figure)))
        .collect();
    json!({
        "runs": ids,
        "settings": settings(runs, all),
        "same_data": prints.windows(2).all(|pair| pair[0] == pair[1]),
        "notices": runs.iter().flat_map(notices).collect::<Vec<_>>(),
        "metrics": metrics,
    })
}

/// Who decided a run, where that bears on what its figures are worth.
fn notices(run: &Value) -> Vec<Value> {
    let failed = unanswered(&run["model"]).map(|text| (true, text));
    let told = failed
        .into_iter()
        .chain(cutoff_notice(&run["model"], "run"));
    told.map(|(bad, text)| json!({ "run": run["id"], "bad": bad, "text": text }))
        .collect()
}

/// Every run's value, and how far it is from the first one's.
fn measured(runs: &[Value], figure: &Figure) -> Value {
    let at = |run| {
        figure
            .path
            .iter()
            .fold(run, |value: &Value, name| &value[name])
    };
    let values: Vec<&Value> = runs.iter().map(at).collect();
    let first = values.first().and_then(|value| value.as_f64());
    let away = |value: &&Value| Some(value.as_f64()? - first?);
    let differences: Vec<Option<f64>> = values.iter().map(away).collect();
    json!({ "values": values, "differences": differences })
}

fn settings(runs: &[Value], all: bool) -> Value {
    let mut found = Map::new();
    let mut keep = |name: &str, values: Vec<&Value>| {
        if all || values.iter().any(|value| *value != values[0]) {
            found.insert(name.to_owned(), json!(values));
        }
    };
    keep(
        "source",
        runs.iter().map(|run| &run["data"]["source"]).collect(),
    );
    for key in super::keys() {
        let of = |run| &Value::get(run, "settings").unwrap_or(&Value::Null)[key.key];
        keep(key.key, runs.iter().map(of).collect());
    }
    Value::Object(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_named_and_distances_are_from_the_first() {
        let run = |id: &str, exit: &str, total: Option<f64>| {
            json!({
                "id": id, "settings": {"exit": exit, "delta_max": 0.4}, "data": {"source": "recorded", "fingerprint": "f"},
                "metrics": {"coin": {"total_return": total}},
            })
        };
        let runs = [
            run("a", "rules", Some(0.01)),
            run("b", "tp_and_roll", Some(0.03)),
            run("c", "rules", None),
        ];
        let found = comparison(&runs, false);
        assert_eq!(
            found["settings"],
            json!({"exit": ["rules", "tp_and_roll", "rules"]})
        );
        let away = found["metrics"]["return coin"]["differences"].clone();
        let [first, second, third] = [0, 1, 2].map(|n| away[n].as_f64());
        assert_eq!((first, third), (Some(0.0), None));
        assert!((second.unwrap_or_default() - 0.02).abs() < 1e-12);
        assert!(comparison(&runs, true)["settings"]["delta_max"].is_array());
        assert_eq!(found["same_data"], true);
        assert_eq!(found["notices"], json!([]), "rules decided");
    }

    #[test]
    fn a_run_whose_model_may_know_the_future_is_marked() {
        let model = json!({"name": "tester", "training_cutoff": "2026-02-01", "before_training_cutoff": true});
        let found = comparison(
            &[json!({"id": "a"}), json!({"id": "b", "model": model})],
            false,
        );
        let notice = &found["notices"][0];
        assert_eq!(
            (&notice["run"], &notice["bad"]),
            (&json!("b"), &json!(true))
        );
        let text = notice["text"].as_str().unwrap_or_default();
        assert!(text.contains("may know what followed"), "{text}");
    }
}
