//! How many rows a dataset has of what, and what they earned: where it says enough, and where it does not.
//!
//! A dataset keeps them as its rows come; those of older versions are counted when somebody asks.

use crate::backtest::{DELTA, DTE};
use crate::db::{Db, json};
use crate::domain::action::Action;
use crate::training::{Rewards, Row};
use serde::{Deserialize, Serialize};

/// Rows of one action in one regime; `action` is `ERROR` where a step failed.
#[derive(Clone, Debug, Default, PartialEq, sqlx::FromRow, Serialize, Deserialize)]
pub struct ActionCell {
    pub underlying: String,
    pub profile: String,
    pub action: String,
    pub regime: String,
    pub rows: i64,
    /// Rows whose reward is known, and the sums of their rewards.
    pub rewarded: i64,
    pub reward_coin: Option<f64>,
    pub reward_usd: Option<f64>,
    pub reward_versus_holding: Option<f64>,
}

/// Calls that were sold, by what they were at the sale: places in the buckets of delta and of days.
#[derive(Clone, Debug, Default, PartialEq, sqlx::FromRow, Serialize, Deserialize)]
pub struct CallCell {
    pub underlying: String,
    pub profile: String,
    pub delta_bucket: i64,
    pub dte_bucket: i64,
    pub rows: i64,
    pub rewarded: i64,
    pub reward_coin: Option<f64>,
    pub reward_usd: Option<f64>,
    pub reward_versus_holding: Option<f64>,
}

/// Both kinds of a dataset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cells {
    pub actions: Vec<ActionCell>,
    pub calls: Vec<CallCell>,
}

impl Cells {
    /// Rows counted.
    pub fn rows(&self) -> i64 {
        self.actions.iter().map(|cell| cell.rows).sum()
    }

    /// Counts a row in.
    pub fn count(&mut self, row: &Row) {
        let rewards = row.followed.as_ref().map(|followed| followed.rewards);
        let (coin, action, regime) = (
            row.underlying.as_str(),
            row.action_name(),
            row.regime.as_str(),
        );
        let same = |cell: &&mut ActionCell| {
            cell.action == action
                && cell.profile == row.profile
                && cell.regime == regime
                && cell.underlying == coin
        };
        if self.actions.iter_mut().find(same).is_none() {
            self.actions.push(ActionCell {
                underlying: coin.to_owned(),
                profile: row.profile.clone(),
                action: action.to_owned(),
                regime: regime.to_owned(),
                ..ActionCell::default()
            });
        }
        if let Some(cell) = self.actions.iter_mut().find(same) {
            cell.add(rewards);
        }
        self.count_sold(row, rewards);
    }

    /// By what the call was at its sale, when the row sold one.
    fn count_sold(&mut self, row: &Row, rewards: Option<Rewards>) {
        let sold = row.taken.as_ref().filter(|taken| sells(&taken.action));
        let offer = row.offers.iter().find(|offer| offer.call.chosen);
        let Some((_, offer)) = sold.zip(offer) else {
            return;
        };
        let places = (
            place(offer.call.delta, &DELTA),
            place(Some(offer.call.dte), &DTE),
        );
        let coin = row.underlying.as_str();
        let same = |cell: &&mut CallCell| {
            (cell.delta_bucket, cell.dte_bucket) == places
                && cell.profile == row.profile
                && cell.underlying == coin
        };
        if self.calls.iter_mut().find(same).is_none() {
            self.calls.push(CallCell {
                underlying: coin.to_owned(),
                profile: row.profile.clone(),
                delta_bucket: places.0,
                dte_bucket: places.1,
                ..CallCell::default()
            });
        }
        if let Some(cell) = self.calls.iter_mut().find(same) {
            cell.add(rewards);
        }
    }
}

fn sells(action: &Action) -> bool {
    matches!(
        action,
        Action::OpenCoveredCall { .. } | Action::RollCoveredCall { .. }
    )
}

macro_rules! adds {
    ($cell:ident) => {
        impl $cell {
            fn add(&mut self, rewards: Option<Rewards>) {
                self.rows += 1;
                let Some(rewards) = rewards else { return };
                self.rewarded += 1;
                for (sum, reward) in [
                    (&mut self.reward_coin, rewards.coin),
                    (&mut self.reward_usd, rewards.usd),
                    (&mut self.reward_versus_holding, rewards.versus_holding),
                ] {
                    *sum = Some(sum.unwrap_or(0.0) + reward);
                }
            }
        }
    };
}

adds!(ActionCell);
adds!(CallCell);

/// The place of the last edge that a value reaches; -1 where it is not known.
fn place(value: Option<f64>, edges: &[(f64, &str)]) -> i64 {
    let reached = value.and_then(|value| edges.iter().rposition(|(edge, _)| value >= *edge));
    reached.map_or(-1, |at| at as i64)
}

/// As they were kept; counted from the rows of a dataset that is older than that.
pub async fn cells(db: &Db, dataset: &str) -> sqlx::Result<Cells> {
    let kept: Option<Option<String>> = read!(db, pool => sqlx::query_scalar(
        "select cells from training_datasets where id = $1")
        .bind(dataset).fetch_optional(pool).await)?;
    match kept.flatten() {
        Some(text) => json::decode(&text),
        None => Ok(Cells {
            actions: by_action(db, dataset).await?,
            calls: by_call(db, dataset).await?,
        }),
    }
}

pub async fn by_action(db: &Db, dataset: &str) -> sqlx::Result<Vec<ActionCell>> {
    read!(db, pool => sqlx::query_as(
        "select underlying, profile, coalesce(action, 'ERROR') as action, regime, cast(count(*) as bigint) as rows, \
           cast(count(reward_usd) as bigint) as rewarded, sum(reward_coin) as reward_coin, \
           sum(reward_usd) as reward_usd, sum(reward_versus_holding) as reward_versus_holding \
         from training_rows where dataset = $1 group by underlying, profile, coalesce(action, 'ERROR'), regime \
         order by underlying, profile, action, regime")
        .bind(dataset).fetch_all(pool).await)
}

pub async fn by_call(db: &Db, dataset: &str) -> sqlx::Result<Vec<CallCell>> {
    let (delta, dte) = (bucket("c.delta", &DELTA), bucket("c.dte", &DTE));
    let sql = format!(
        "select underlying, profile, delta_bucket, dte_bucket, cast(count(*) as bigint) as rows, \
           cast(count(reward_usd) as bigint) as rewarded, sum(reward_coin) as reward_coin, \
           sum(reward_usd) as reward_usd, sum(reward_versus_holding) as reward_versus_holding from ( \
           select r.underlying, r.profile, cast({delta} as bigint) as delta_bucket, \
             cast({dte} as bigint) as dte_bucket, r.reward_coin, r.reward_usd, r.reward_versus_holding \
           from training_rows r join training_candidates c on c.dataset = r.dataset and c.step_n = r.n and c.chosen \
           where r.dataset = $1 and r.action in ('OPEN_COVERED_CALL', 'ROLL_COVERED_CALL')) as sold \
         group by underlying, profile, delta_bucket, dte_bucket \
         order by underlying, profile, delta_bucket, dte_bucket"
    );
    read!(db, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).bind(dataset).fetch_all(pool).await)
}

/// The place of the last edge that a column reaches; -1 where it is not known.
fn bucket(column: &str, edges: &[(f64, &str)]) -> String {
    let reached = edges.iter().enumerate().rev();
    let reached = reached.map(|(at, (edge, _))| format!(" when {column} >= {edge:?} then {at}"));
    format!("case{} else -1 end", reached.collect::<String>())
}
