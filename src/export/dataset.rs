//! What the kinds of a dataset read, and what their columns mean.

use super::Kind;
use super::schema::{Column, Type};

/// A select up to `where`; the cells before `columns` are hidden.
pub(super) struct Select {
    pub(super) sql: String,
    pub(super) key: Vec<String>,
    pub(super) hidden: usize,
    pub(super) columns: Vec<Column>,
}

pub(super) fn select(kind: Kind) -> Select {
    match kind {
        Kind::Candidates => flat(&["c.step_n", "c.n"], CANDIDATES, CANDIDATE_TABLES),
        Kind::Chat => Select {
            columns: vec![described(
                "messages",
                Type::Json,
                "",
                "system, user, assistant",
            )],
            ..steps()
        },
        Kind::Preference => Select {
            columns: columns(PREFERENCE),
            ..steps()
        },
        Kind::Rows | Kind::Transitions => flat(&["r.n"], TRANSITIONS, TRANSITION_TABLES),
    }
}

pub(super) fn order(kind: Kind) -> &'static str {
    match kind {
        Kind::Candidates => "c.step_n, c.n",
        Kind::Chat | Kind::Preference => "r.n, c.n",
        Kind::Rows | Kind::Transitions => "r.n",
    }
}

fn flat(key: &[&str], table: &'static str, tables: &str) -> Select {
    let fields = fields(table);
    let shown = fields
        .iter()
        .map(|(sql, column)| format!("{sql} as {}", column.name));
    let hidden = key.iter().map(|name| (*name).to_owned());
    let list: Vec<String> = hidden.chain(shown).collect();
    Select {
        sql: format!("select {} from {tables}", list.join(", ")),
        key: key.iter().map(|name| (*name).to_owned()).collect(),
        hidden: key.len(),
        columns: columns(table),
    }
}

/// Steps with their candidates, for [`super::chat`]: a step that failed is nothing to learn from.
fn steps() -> Select {
    let sql = format!(
        "select {} from training_rows r left join training_candidates c on c.dataset = r.dataset and c.step_n = r.n \
         and c.legal and r.error is null",
        STEP.join(", ")
    );
    Select {
        sql,
        key: vec!["r.n".to_owned()],
        hidden: super::chat::HIDDEN.len(),
        columns: Vec::new(),
    }
}

/// The cells that [`super::chat::Step`] and [`super::chat::Call`] take, in their order.
pub(super) const STEP: [&str; 28] = [
    "r.n",
    "r.reward_coin",
    "r.reward_usd",
    "r.reward_versus_holding",
    "r.at_ms",
    "r.underlying",
    "r.profile",
    "r.regime",
    "r.index_price",
    "r.observation",
    "r.legal_actions",
    "r.action",
    "r.instrument",
    "r.size_e8",
    "r.explored",
    "r.chain",
    "c.n",
    "c.instrument",
    "c.dte",
    "c.delta",
    "c.bid",
    "c.ask",
    "c.mark_iv",
    "c.ivrv",
    "c.open_interest",
    "c.premium_usd",
    "c.yield_net",
    "c.score",
];

/// One line of a table: expression | name | type | unit | meaning.
type Field = (&'static str, Column);

fn fields(table: &'static str) -> Vec<Field> {
    table.lines().filter_map(field).collect()
}

fn field(line: &'static str) -> Option<Field> {
    let mut cells = line.split(" | ");
    let (sql, name, kind) = (cells.next()?, cells.next()?, cells.next()?);
    let (unit, about) = (cells.next()?.trim_matches('-'), cells.next()?);
    let kind = serde_json::from_value(kind.into()).ok()?;
    Some((sql, described(name, kind, unit, about)))
}

fn columns(table: &'static str) -> Vec<Column> {
    fields(table)
        .into_iter()
        .map(|(_, column)| column)
        .collect()
}

fn described(name: &str, kind: Type, unit: &str, about: &str) -> Column {
    Column {
        unit: unit.to_owned(),
        about: about.to_owned(),
        ..Column::new(name, kind)
    }
}

const PREFERENCE: &str = "\
- | prompt | text | - | what was known at the decision
- | chosen | text | JSON | what the policy prefers by its own score
- | rejected | text | JSON | a lawful answer that it scores lower";

const TRANSITION_TABLES: &str = "training_rows r join training_datasets d on d.id = r.dataset";

const TRANSITIONS: &str = "\
r.dataset | dataset | text | - | the run that made the row
r.n | n | int | - | place in the dataset
r.episode | episode | text | - | from a book without calls to a book without calls
r.step | step | int | - | from 0 in its episode
r.decision | decision | text | - | id of the decision
r.chain | chain | text | - | roll chain acted on or held
r.at_ms | at_ms | int | milliseconds since 1970 UTC | time of the decision
r.underlying | underlying | text | - | BTC or ETH
r.profile | profile | text | - | how careful the policy was
d.policy | policy | text | - | name of the policy
d.policy_version | policy_version | text | - | its version
d.mode | mode | text | - | research or production
d.exit_style | exit_style | text | - | how calls end
d.seed | seed | text | - | of exploration
r.price_source | price_source | text | - | where the quotes are from
r.regime | regime | text | - | of the market
r.index_price | index_price | float | USD | of the underlying
r.observation | observation | floats | see features | the state, in the order of the features
r.legal_actions | legal_actions | int | sum of bits | what could be done; bits in the action map
r.proposed_action | proposed_action | text | - | before the risk checks
r.action | action | text | - | after the risk checks; missing in error rows
r.instrument | instrument | text | - | sold, or bought back by a close
r.rolled_from | rolled_from | text | - | bought back by a roll
r.size_e8 | size | e8 | coin | of the order
r.propensity | propensity | float | probability | with which the proposed action was drawn
r.explored | explored | bool | - | drawn, not the best
r.refusal | refusal | text | - | what risk refused, and why
r.fills | fills | int | - | fills of the step
r.fees_e8 | fees | e8 | coin | paid at the step
r.reward_coin | reward_coin | float | coin | see the reward definition
r.reward_usd | reward_usd | float | USD | see the reward definition
r.reward_versus_holding | reward_versus_holding | float | USD | see the reward definition
d.reward_definition | reward_definition | text | - | id of the one definition of the rewards
r.next_at_ms | next_at_ms | int | milliseconds since 1970 UTC | time of the next observation
r.next_observation | next_observation | floats | see features | the state that followed
r.terminated | terminated | bool | - | the book has no calls any more
r.truncated | truncated | bool | - | the split or the data end here
r.discount | discount | float | - | factor on what follows
d.fee_model | fee_model | text | - | which fees were charged
d.config_hash | config_hash | text | - | of everything the rows depend on besides the data
r.split | split | text | - | train, validation or test, by time
r.error | error | text | - | why the step failed; then there is no action and no reward";

const CANDIDATE_TABLES: &str =
    "training_rows r join training_candidates c on c.dataset = r.dataset and c.step_n = r.n";

const CANDIDATES: &str = "\
r.dataset | dataset | text | - | the run that made the row
c.step_n | step_n | int | - | `n` of the transition
c.n | n | int | - | place in the chain
r.episode | episode | text | - | of the transition
r.step | step | int | - | of the transition
r.decision | decision | text | - | id of the decision
r.at_ms | at_ms | int | milliseconds since 1970 UTC | time of the decision
r.underlying | underlying | text | - | BTC or ETH
r.profile | profile | text | - | how careful the policy was
r.split | split | text | - | train, validation or test, by time
c.instrument | instrument | text | - | the call
c.dte | dte | float | days | to expiry
c.delta | delta | float | - | of the call
c.bid | bid | float | coin | best bid
c.ask | ask | float | coin | best ask
c.mark_iv | mark_iv | float | fraction a year | implied volatility of the mark
c.ivrv | ivrv | float | ratio | implied to realised volatility
c.open_interest | open_interest | float | coin | of the call
c.premium_usd | premium_usd | float | USD | of one contract
c.yield_net | yield_net | float | fraction a year | of the premium on the coin, after fees
c.score | score | float | - | by the policy
c.rank | rank | int | - | by score, from 1
c.legal | legal | bool | - | could be sold at this step
c.propensity | propensity | float | probability | with which it was drawn
c.chosen | chosen | bool | - | it was the one
c.terms | terms | json | score | what each term contributed";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_tables_is_read() {
        for table in [PREFERENCE, TRANSITIONS, CANDIDATES] {
            assert_eq!(fields(table).len(), table.lines().count());
        }
        let size = columns(TRANSITIONS)
            .into_iter()
            .find(|column| column.name == "size");
        assert_eq!(
            size,
            Some(described("size", Type::E8, "coin", "of the order"))
        );
    }
}
