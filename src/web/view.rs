//! From rows to pages: the embedded templates, the words they use, and what a page consists of.

use super::Site;
use super::format;
use super::table::Table;
use crate::backtest::{cutoff_notice, unanswered};
use crate::clock::iso;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, State};

/// A page ready to be rendered: whole, as single fragments, or as its tables.
#[derive(Debug)]
pub(super) struct View {
    pub title: String,
    /// `live` renders templates/live.html; its fragments are templates/live/ID.html.
    pub name: &'static str,
    /// Ids of the parts that are sent again when their content changed.
    pub fragments: &'static [&'static str],
    /// A JSON object: what the templates of the page name.
    pub values: serde_json::Value,
    /// What the CSV and JSON links of this page give.
    pub tables: Vec<Table>,
}

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../templates/", $name)))),*]
    };
}

const TEMPLATES: &[(&str, &str)] = templates![
    "base.html",
    "macros.html",
    "error.html",
    "status.html",
    "nav.html",
    "confirm.html",
    "live.html",
    "live/controls.html",
    "live/cards.html",
    "live/charts.html",
    "live/payoffs.html",
    "live/positions.html",
    "live/feed.html",
    "council.html",
    "council/opinions.html",
    "decision.html",
    "decision/model.html",
    "decision/outcome.html",
    "decision/replay.html",
    "decision/why_not.html",
    "jobs.html",
    "jobs/counts.html",
    "jobs/list.html",
    "jobs/queues.html",
    "jobs/workers.html",
    "jobs/schedules.html",
    "job.html",
    "job/detail.html",
    "job/drift.html",
    "lab.html",
    "lab/calendar.html",
    "lab/data.html",
    "lab/form.html",
    "lab/runs.html",
    "lab/waiting.html",
    "lab_compare.html",
    "lab_coverage.html",
    "lab_lookahead.html",
    "lab_lookahead/result.html",
    "lab_lookahead/work.html",
    "lab_run.html",
    "lab_run/answers.html",
    "lab_run/checks.html",
    "lab_run/progress.html",
    "lab_run/work.html",
    "lab_run/result.html",
    "lab_sweeps.html",
    "lab_sweep.html",
    "lab_sweep/form.html",
    "lab_sweep/list.html",
    "lab_sweep/verdict.html",
    "lab_sweep/work.html",
    "lab_what_if.html",
    "lab_what_if/answer.html",
    "lab_what_if/earlier.html",
    "lab_what_if/form.html",
    "lab_what_if/work.html",
    "chat.html",
    "chat/answer.html",
    "chat/part.html",
    "chat/threads.html",
    "insight.html",
    "quotes.html",
    "sql.html",
    "sql/result.html",
    "sql/side.html",
    "exports.html",
    "exports/form.html",
    "exports/list.html",
    "exports/preview.html",
    "exports_one.html",
    "exports_one/detail.html",
    "training.html",
    "training/cells.html",
    "training/datasets.html",
    "training/form.html",
    "training/waiting.html",
    "training_dataset.html",
    "training_dataset/figures.html",
    "training_dataset/progress.html",
    "training_dataset/tabs.html",
    "training_dataset/work.html",
    "training_policies.html",
    "training_policies/form.html",
    "training_policies/judged.html",
    "training_rows.html",
];

/// Renders one template of the binary.
pub(super) fn render(
    site: &Site,
    template: &str,
    values: &serde_json::Value,
) -> anyhow::Result<String> {
    let template = site.templates.get_template(template)?;
    Ok(template.render(Value::from(Serde(values)))?)
}

/// The template engine with every template and filter; templates are part of the binary, so a
/// template that does not parse is found by any test that opens a page.
pub(super) fn environment() -> anyhow::Result<Environment<'static>> {
    let mut environment = Environment::new();
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()?,
    );
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    environment.add_filter("n", number);
    environment.add_filter("short", short);
    environment.add_filter("pct", percent);
    environment.add_filter("e8", scaled);
    environment.add_filter("tone", tone);
    environment.add_filter("when", when);
    environment.add_filter("wall", wall);
    environment.add_filter("iso", |at_ms: Option<i64>| at_ms.map(iso));
    environment.add_filter("day", |at_ms: i64| format::day(at_ms));
    environment.add_filter("span", |span_ms: Option<i64>| {
        span_ms.map_or_else(|| format::NONE.to_owned(), format::duration)
    });
    environment.add_filter("bytes", |count: i64| format::bytes(count));
    environment.add_filter("words", words);
    environment.add_filter("urlencode", |text: &str| super::pages::encode(text));
    environment.add_filter("pretty", pretty);
    environment.add_filter("cutoff", |model: Serde<serde_json::Value>, what: &str| {
        let told = cutoff_notice(&model.0, what);
        told.map(|(bad, text)| minijinja::context! { bad, text })
    });
    environment.add_filter("unanswered", |model: Serde<serde_json::Value>| {
        unanswered(&model.0)
    });
    Ok(environment)
}

/// `OPEN_COVERED_CALL` and `record_market:BTC` as words; a coin keeps its capitals.
fn words(text: &str) -> String {
    let (text, coin) = text.split_once(':').unwrap_or((text, ""));
    let words = text.replace('_', " ").to_lowercase();
    if coin.is_empty() {
        words
    } else {
        format!("{words} {coin}")
    }
}

fn number(value: Option<f64>, digits: Option<usize>) -> String {
    value.map_or_else(
        || format::NONE.to_owned(),
        |number| format::grouped(number, digits.unwrap_or(2)),
    )
}

/// At most four decimals, none that says nothing.
fn short(value: Option<f64>) -> String {
    value.map_or_else(
        || format::NONE.to_owned(),
        |number| {
            let text = format::grouped(number, 4);
            if !text.contains('.') {
                return text;
            }
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        },
    )
}

/// A fraction as percent: the only place where percent exists.
fn percent(value: Option<f64>, digits: Option<usize>) -> String {
    value.map_or_else(
        || format::NONE.to_owned(),
        |fraction| {
            format!(
                "{} %",
                format::grouped(fraction * 100.0, digits.unwrap_or(1))
            )
        },
    )
}

fn scaled(units: Option<i64>) -> String {
    units.map_or_else(|| format::NONE.to_owned(), format::e8)
}

/// The class of a gain, a loss, or neither.
fn tone(value: Option<f64>) -> &'static str {
    match value {
        Some(gain) if gain > 0.0 => "gain",
        Some(loss) if loss < 0.0 => "loss",
        _ => "",
    }
}

/// Desk time with the span to desk now.
fn when(state: &State<'_, '_>, at_ms: Option<i64>) -> Value {
    time(state, at_ms, "desk")
}

/// Wall time (jobs, leases, heartbeats) with the span to wall now.
fn wall(state: &State<'_, '_>, at_ms: Option<i64>) -> Value {
    time(state, at_ms, "wall")
}

fn time(state: &State<'_, '_>, at_ms: Option<i64>, clock: &str) -> Value {
    let Some(at_ms) = at_ms else {
        return Value::from(format::NONE);
    };
    let now_ms = state
        .lookup(&format!("{clock}_now_ms"))
        .and_then(|now| i64::try_from(now).ok())
        .unwrap_or(at_ms);
    Value::from_safe_string(format!(
        "<time datetime=\"{0}\" title=\"{0}\" data-clock=\"{clock}\"><span class=\"at\">{1}</span> <span class=\"ago\">{2}</span></time>",
        iso(at_ms),
        format::date_time(at_ms),
        format::relative(now_ms - at_ms),
    ))
}

/// JSON for people to read.
fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
