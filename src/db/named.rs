//! The questions that come with the program: sql/analysis, one file each, run by the guarded reader.
//!
//! A file starts with `-- title`, then `-- :name type default: meaning` per parameter, then
//! `-- Read it: ..`, then one select over the views with `:name` where a parameter goes.

use crate::db::reader::{Limits, ReadError, Reader, Rows};
use crate::domain::coin::Coin;
use serde_json::Value;
use std::collections::BTreeMap;

macro_rules! questions {
    ($($topic:literal: [$($name:literal),* $(,)?]),* $(,)?) => {
        /// (topic, name, text) in the order a reader meets them.
        const SOURCES: &[(&str, &str, &str)] = &[
            $($(($topic, $name, include_str!(concat!("../../sql/analysis/", $name, ".sql")))),*),*
        ];
    };
}

questions![
    "Decisions": [
        "decisions_by_action",
        "actions_by_regime",
        "funnel_by_day",
        "failed_filters",
        "exploration",
        "replays",
        "quote_age_by_day",
    ],
    "Risk": [
        "refusals",
        "refused_and_missed",
        "tightest_limits",
        "cover_used",
    ],
    "Trades and costs": [
        "premium_by_month",
        "yield_at_entry",
        "ivrv_against_result",
        "slippage_by_month",
        "spread_by_dte",
        "fees_by_month",
        "schedule_to_fill",
    ],
    "Chains and equity": [
        "roll_chains",
        "roll_cost",
        "settlements_by_day",
        "equity_by_day",
        "drawdown_by_day",
    ],
    "Backtests and sweeps": [
        "backtests_compared",
        "backtest_equity",
        "backtest_by_month",
        "kept_by_regime_and_delta",
        "assignment_by_dte",
        "exits",
        "rolls_in_backtests",
        "drift_by_kind",
        "sweeps_best",
        "sweep_ranking",
    ],
    "Training": [
        "training_rewards",
        "training_by_day",
        "training_coverage",
        "training_exploration",
        "training_choices",
        "off_policy_estimates",
    ],
    "Models": [
        "council_by_policy",
        "llm_against_rules",
        "llm_cost",
        "llm_outcomes",
    ],
    "Jobs and data": [
        "jobs_by_day",
        "jobs_by_wait",
        "slow_jobs",
        "failing_jobs",
        "coverage_by_month",
    ],
];

/// One named question.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Question {
    pub name: &'static str,
    /// What it is listed under.
    pub topic: &'static str,
    pub title: &'static str,
    /// One sentence: how to read the result.
    pub read_it: &'static str,
    pub parameters: Vec<Parameter>,
    #[serde(skip)]
    sql: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Parameter {
    pub name: &'static str,
    /// `text`, `bigint` or `double precision`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The value when none is given; `null` asks for everything.
    pub default: &'static str,
    pub meaning: &'static str,
}

/// Every question, in the order of the list above.
pub fn all() -> Vec<Question> {
    SOURCES
        .iter()
        .map(|(topic, name, sql)| question(topic, name, sql))
        .collect()
}

pub fn find(name: &str) -> Option<Question> {
    all().into_iter().find(|question| question.name == name)
}

impl Question {
    /// Runs it with the given parameters, texts as a person types them.
    pub async fn run(
        &self,
        reader: &Reader,
        given: &BTreeMap<String, String>,
        limits: Limits,
    ) -> Result<Rows, ReadError> {
        let (sql, values) = self.statement(given)?;
        reader.query(&sql, &values, limits).await
    }

    /// Its select with `$1`, `$2` .. and the values for them.
    pub fn statement(
        &self,
        given: &BTreeMap<String, String>,
    ) -> Result<(String, Vec<Value>), ReadError> {
        if let Some(unknown) = given.keys().find(|key| !self.knows(key)) {
            return Err(ReadError::Sql(format!(
                "{} has no parameter `{unknown}`; it has {}",
                self.name,
                self.parameter_names()
            )));
        }
        let mut sql = self.sql.to_owned();
        let mut values = Vec::new();
        for (at, parameter) in self.parameters.iter().enumerate() {
            let place = format!("cast(${} as {})", at + 1, parameter.kind);
            sql = sql.replace(&format!(":{}", parameter.name), &place);
            let text = given
                .get(parameter.name)
                .map_or(parameter.default, String::as_str);
            values.push(parameter.value(text)?);
        }
        Ok((sql, values))
    }

    /// Its select with the parameters written into it: what a person starts from to ask something else.
    pub fn text(&self, given: &BTreeMap<String, String>) -> Result<String, ReadError> {
        let (mut sql, values) = self.statement(given)?;
        for (at, parameter) in self.parameters.iter().enumerate().rev() {
            let kind = parameter.kind;
            let literal = match &values[at] {
                Value::Null => format!("cast(null as {kind})"),
                Value::String(text) => format!("'{}'", text.replace('\'', "''")),
                other => other.to_string(),
            };
            sql = sql.replace(&format!("cast(${} as {kind})", at + 1), &literal);
        }
        Ok(sql)
    }

    /// The names of its parameters, for messages.
    pub fn parameter_names(&self) -> String {
        let names: Vec<_> = self.parameters.iter().map(|one| one.name).collect();
        if names.is_empty() {
            return "none".to_owned();
        }
        names.join(", ")
    }

    fn knows(&self, name: &str) -> bool {
        self.parameters
            .iter()
            .any(|parameter| parameter.name == name)
    }
}

impl Parameter {
    /// What is asked for when none is given, in a word: the default, or what `null` stands for.
    pub fn without(&self) -> &'static str {
        let stands_for = self.meaning.rsplit_once("null for ");
        match stands_for.filter(|_| self.default == "null") {
            Some((_, all)) => all,
            None => self.default,
        }
    }

    fn value(&self, text: &str) -> Result<Value, ReadError> {
        if text == "null" {
            return Ok(Value::Null);
        }
        let wrong = || ReadError::Sql(format!("{}: `{text}` is not a number", self.name));
        // An unknown coin would have an empty answer, which looks like one.
        if self.name == "underlying" {
            let coin: Coin = text
                .parse()
                .map_err(|_| ReadError::Sql(format!("underlying: `{text}` is not BTC or ETH")))?;
            return Ok(coin.as_str().into());
        }
        match self.kind {
            "bigint" => Ok(text.parse::<i64>().map_err(|_| wrong())?.into()),
            "double precision" => Ok(text.parse::<f64>().map_err(|_| wrong())?.into()),
            _ => Ok(text.into()),
        }
    }
}

fn question(topic: &'static str, name: &'static str, source: &'static str) -> Question {
    let mut comments = source
        .lines()
        .take_while(|line| line.starts_with("--"))
        .map(|line| line.trim_start_matches("-- "));
    let title = comments.next().unwrap_or_default();
    let mut found = Question {
        name,
        topic,
        title,
        read_it: "",
        parameters: Vec::new(),
        sql: source.find("\nselect").map_or("", |at| &source[at + 1..]),
    };
    for comment in comments {
        match comment.strip_prefix(':') {
            Some(line) => found.parameters.extend(parameter(line)),
            None => found.read_it = comment.trim_start_matches("Read it: "),
        }
    }
    found
}

/// `name type default: meaning`; the type may be two words.
fn parameter(line: &'static str) -> Option<Parameter> {
    let (declaration, meaning) = line.split_once(": ")?;
    let (name, rest) = declaration.split_once(' ')?;
    let (kind, default) = rest.rsplit_once(' ')?;
    Some(Parameter {
        name,
        kind,
        default,
        meaning,
    })
}
