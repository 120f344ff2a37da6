//! The leak linter: reads everything once before a file is begun, and says what should not be learned from.
//!
//! What would teach a model the future, or count one thing twice, is an error and blocks; a column that says
//! nothing is a warning. A person may allow a finding by its code, or have warnings block too.

mod columns;
mod parts;
mod prompts;
mod splits;
mod twice;

use super::Kind;
use super::reading::Reading;
use super::schema::{Column, resolved};
use crate::db::scan::{self, Cell, Halt, Sink};
use columns::Columns;
use parts::Parts;
use prompts::Prompts;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use splits::Splits;
use twice::Twice;

/// What the linter looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Something is named as, or dated, later than the decision.
    LaterThanDecision,
    /// A prompt speaks of the outcome.
    RewardInPrompt,
    /// A chain or an episode is in two splits.
    ChainAcrossSplits,
    /// The same row twice.
    Duplicate,
    /// A column has one value only.
    ConstantColumn,
    /// A column has no value at all, or a feature none in a whole split of a coin.
    NullColumn,
}

impl Code {
    pub const ALL: [Self; 6] = [
        Self::LaterThanDecision,
        Self::RewardInPrompt,
        Self::ChainAcrossSplits,
        Self::Duplicate,
        Self::ConstantColumn,
        Self::NullColumn,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::LaterThanDecision => "later_than_decision",
            Self::RewardInPrompt => "reward_in_prompt",
            Self::ChainAcrossSplits => "chain_across_splits",
            Self::Duplicate => "duplicate",
            Self::ConstantColumn => "constant_column",
            Self::NullColumn => "null_column",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Error,
    Warning,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub code: Code,
    pub severity: Severity,
    pub column: String,
    /// Rows it was seen in.
    pub rows: u64,
    pub text: String,
}

/// What the linter saw.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub columns: Vec<Column>,
    pub rows: u64,
    pub findings: Vec<Finding>,
}

/// Which findings a person lets pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leave {
    #[serde(default)]
    pub allow: Vec<Code>,
    /// Warnings block too.
    #[serde(default)]
    pub strict: bool,
}

impl Leave {
    /// Findings that stop the export.
    pub fn blocking<'f>(&self, findings: &'f [Finding]) -> Vec<&'f Finding> {
        let blocks = |finding: &&Finding| {
            (self.strict || finding.severity == Severity::Error)
                && !self.allow.contains(&finding.code)
        };
        findings.iter().filter(blocks).collect()
    }
}

/// A [`Sink`] that looks at every row.
pub struct Linter {
    kind: Kind,
    known: Option<Vec<Column>>,
    features: Vec<String>,
    hidden: usize,
    rows: u64,
    declared: Vec<scan::Column>,
    columns: Columns,
    observation: Option<usize>,
    parts: Parts,
    splits: Splits,
    twice: Twice,
    prompts: Prompts,
}

impl Linter {
    pub fn new(reading: &Reading) -> Self {
        let features = reading.dataset.as_ref().map(|dataset| &dataset["features"]);
        let features = features.and_then(Value::as_array).cloned();
        let name = |one: &Value| one["name"].as_str().unwrap_or_default().to_owned();
        Self {
            kind: reading.kind,
            known: reading.columns.clone(),
            features: features.unwrap_or_default().iter().map(name).collect(),
            hidden: reading.hidden,
            rows: 0,
            declared: Vec::new(),
            columns: Columns::default(),
            observation: None,
            parts: Parts::default(),
            splits: Splits::default(),
            twice: Twice::default(),
            prompts: Prompts::default(),
        }
    }

    pub fn report(self) -> Report {
        let seen = self.columns.seen();
        let found = self
            .declared
            .iter()
            .skip(self.hidden)
            .zip(seen.iter().skip(self.hidden));
        let found = found
            .map(|(column, seen)| resolved(column, *seen))
            .collect();
        let mut findings = splits::names(&self.features);
        findings.extend(self.splits.findings());
        findings.extend(self.prompts.finding());
        findings.extend(self.twice.finding(self.kind));
        findings.extend(
            self.columns
                .findings(self.hidden, self.rows, &self.features),
        );
        findings.extend(self.parts.findings(&self.features));
        Report {
            columns: self.known.unwrap_or(found),
            rows: self.rows,
            findings,
        }
    }
}

impl Sink for Linter {
    fn begin(&mut self, columns: &[scan::Column]) -> Result<(), Halt> {
        let mut names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        if let Some(known) = &self.known {
            for (name, column) in names.iter_mut().skip(self.hidden).zip(known) {
                name.clone_from(&column.name);
            }
        }
        same_name_twice(&names[self.hidden.min(names.len())..])?;
        self.declared = columns.to_vec();
        self.columns = Columns::new(&names);
        self.observation = names.iter().position(|name| name == "observation");
        self.parts = Parts::new(&names);
        self.splits = Splits::new(&names);
        self.twice = Twice::new(&names, self.hidden, self.kind);
        self.prompts = Prompts::new(&names);
        Ok(())
    }

    fn row(&mut self, row: &[Cell<'_>]) -> Result<(), Halt> {
        self.rows += 1;
        self.columns.row(row);
        if let Some(Cell::Text(text)) = self.observation.map(|at| row[at]) {
            self.parts.row(row, text);
        }
        self.splits.row(row);
        self.twice.row(row);
        self.prompts.row(row);
        Ok(())
    }
}

/// Every format needs its columns apart.
fn same_name_twice(names: &[String]) -> Result<(), Halt> {
    let twice = names
        .iter()
        .enumerate()
        .find(|(at, name)| names[..*at].contains(name));
    match twice {
        None => Ok(()),
        Some((_, name)) => Err(std::io::Error::other(format!(
            "two columns are named {name}; give one another name with `as`"
        ))
        .into()),
    }
}

/// Folds one value into a hash.
fn mix(sum: u64, cell: &Cell<'_>) -> u64 {
    let value = match cell {
        Cell::Null => 1,
        Cell::Bool(flag) => 2 + u64::from(*flag),
        Cell::Int(number) => (*number as u64).wrapping_mul(3),
        Cell::Float(number) => number.to_bits(),
        Cell::Decimal(number) => number.mantissa() as u64 ^ u64::from(number.scale()),
        Cell::Text(text) => text_hash(text.as_bytes()),
    };
    let mixed = (sum.rotate_left(5) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 32)
}

fn text_hash(bytes: &[u8]) -> u64 {
    let mut sum = bytes.len() as u64;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        let word = u64::from_le_bytes(word);
        sum = (sum.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        sum ^= sum >> 29;
    }
    sum
}
