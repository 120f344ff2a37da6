//! Steps with their candidates, row by row, grouped into conversations and preference pairs.

use super::Kind;
use super::prompt::{self, Answer};
use crate::db::scan::{self, Cell, Column, Halt, Sink, Type};
use serde_json::{Value, json};

/// One decision as the export reads it; what followed it is in `rewards` and nowhere else.
#[derive(Clone, Debug, Default)]
pub(super) struct Step {
    pub(super) n: i64,
    rewards: [Option<f64>; 3],
    pub(super) at_ms: i64,
    pub(super) underlying: String,
    pub(super) profile: String,
    pub(super) regime: String,
    pub(super) index_price: f64,
    pub(super) observation: String,
    pub(super) legal_actions: i64,
    pub(super) action: Option<String>,
    pub(super) instrument: Option<String>,
    pub(super) size_e8: Option<i64>,
    pub(super) explored: bool,
    pub(super) chain: Option<String>,
    pub(super) calls: Vec<Call>,
}

/// A call that could be sold.
#[derive(Clone, Debug, Default)]
pub(super) struct Call {
    pub(super) instrument: String,
    /// dte, delta, bid, ask, mark_iv, ivrv, open_interest, premium_usd, yield_net.
    pub(super) terms: [Option<f64>; 9],
    pub(super) score: Option<f64>,
}

/// Cells before what is printed: the key, and what the linter compares the prompt with.
pub(super) const HIDDEN: [&str; 5] = [
    "n",
    "reward_coin",
    "reward_usd",
    "reward_versus_holding",
    "prompt_checked",
];

/// Collects the rows of a step and hands on one row for it.
pub(super) struct Steps<S> {
    kind: Kind,
    features: Vec<(String, String)>,
    actions: Vec<(String, i64)>,
    open: Option<Step>,
    sink: S,
    full: bool,
}

impl<S: Sink> Steps<S> {
    pub(super) fn new(kind: Kind, dataset: Option<&Value>, sink: S) -> Self {
        let list = |key: &str| {
            let found = dataset.and_then(|dataset| dataset[key].as_array());
            found.cloned().unwrap_or_default()
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            kind,
            features: list("features")
                .iter()
                .map(|one| (text(&one["name"]), text(&one["unit"])))
                .collect(),
            actions: list("actions")
                .iter()
                .map(|one| (text(&one["action"]), one["bit"].as_i64().unwrap_or(0)))
                .collect(),
            open: None,
            sink,
            full: false,
        }
    }

    fn emit(&mut self) -> Result<(), Halt> {
        let Some(step) = self.open.take() else {
            return Ok(());
        };
        let Some(taken) = Answer::taken(&step) else {
            return Ok(());
        };
        let user = prompt::user(&step, &self.features, &self.actions);
        let number = |value: Option<f64>| value.map_or(Cell::Null, Cell::Float);
        let [coin, usd, holding] = step.rewards.map(number);
        let hidden = [Cell::Int(step.n), coin, usd, holding, Cell::Text(&user)];
        let sent = if self.kind == Kind::Chat {
            let messages = json!([
                {"role": "system", "content": prompt::SYSTEM},
                {"role": "user", "content": user},
                {"role": "assistant", "content": taken.text()},
            ])
            .to_string();
            let mut row = hidden.to_vec();
            row.push(Cell::Text(&messages));
            self.sink.row(&row)
        } else {
            let Some((chosen, rejected)) = prompt::pair(&step, &taken) else {
                return Ok(());
            };
            let asked = format!("{}\n\n{user}", prompt::SYSTEM);
            let (chosen, rejected) = (chosen.text(), rejected.text());
            let mut row = hidden.to_vec();
            row.extend([&asked, &chosen, &rejected].map(|text| Cell::Text(text)));
            self.sink.row(&row)
        };
        self.full |= matches!(sent, Err(Halt::Enough));
        sent
    }
}

impl<S: Sink> Sink for Steps<S> {
    fn begin(&mut self, _: &[Column]) -> Result<(), Halt> {
        let shown: &[&str] = if self.kind == Kind::Chat {
            &["messages"]
        } else {
            &["prompt", "chosen", "rejected"]
        };
        let columns = HIDDEN.iter().chain(shown).map(|name| Column {
            name: (*name).to_owned(),
            declared: if *name == "messages" {
                Type::Json
            } else {
                Type::Text
            },
        });
        self.sink.begin(&columns.collect::<Vec<_>>())
    }

    fn row(&mut self, row: &[Cell<'_>]) -> Result<(), Halt> {
        let n = int(row, 0).unwrap_or_default();
        if self.open.as_ref().is_none_or(|open| open.n != n) {
            self.emit()?;
            self.open = Some(step(row));
        }
        if let (Some(open), Some(call)) = (&mut self.open, call(row)) {
            open.calls.push(call);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Halt> {
        if self.full {
            return Ok(());
        }
        self.emit()?;
        self.sink.end()
    }
}

impl<S> Steps<S> {
    pub(super) fn into_sink(self) -> S {
        self.sink
    }
}

fn step(row: &[Cell<'_>]) -> Step {
    Step {
        n: int(row, 0).unwrap_or_default(),
        rewards: [1, 2, 3].map(|at| float(row, at)),
        at_ms: int(row, 4).unwrap_or_default(),
        underlying: text(row, 5).unwrap_or_default(),
        profile: text(row, 6).unwrap_or_default(),
        regime: text(row, 7).unwrap_or_default(),
        index_price: float(row, 8).unwrap_or_default(),
        observation: text(row, 9).unwrap_or_default(),
        legal_actions: int(row, 10).unwrap_or_default(),
        action: text(row, 11),
        instrument: text(row, 12),
        size_e8: int(row, 13),
        explored: matches!(row[14], Cell::Bool(true)),
        chain: text(row, 15),
        calls: Vec::new(),
    }
}

fn call(row: &[Cell<'_>]) -> Option<Call> {
    Some(Call {
        instrument: text(row, 17)?,
        terms: std::array::from_fn(|at| float(row, 18 + at)),
        score: float(row, 27),
    })
}

fn int(row: &[Cell<'_>], at: usize) -> Option<i64> {
    match row[at] {
        Cell::Int(number) => Some(number),
        _ => None,
    }
}

fn float(row: &[Cell<'_>], at: usize) -> Option<f64> {
    match row[at] {
        Cell::Float(number) => Some(number),
        Cell::Int(number) => Some(number as f64),
        scan::Cell::Null | scan::Cell::Bool(_) | scan::Cell::Decimal(_) | scan::Cell::Text(_) => {
            None
        }
    }
}

fn text(row: &[Cell<'_>], at: usize) -> Option<String> {
    match row[at] {
        Cell::Text(text) => Some(text.to_owned()),
        _ => None,
    }
}
