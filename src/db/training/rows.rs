//! The rows of a dataset as they are read back: decision steps and the calls they could choose from.

use crate::db::{Db, json};
use crate::domain::decision::Candidate;
use crate::training::Offer;
use crate::training::off_policy::Step;

/// One row of `training_rows`; null is "not known" and, in an error row, "did not happen".
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct TrainingRow {
    pub dataset: String,
    pub n: i64,
    pub underlying: String,
    pub profile: String,
    pub episode: String,
    pub step: i64,
    pub decision: String,
    pub chain: Option<String>,
    pub at_ms: i64,
    pub split: String,
    pub price_source: String,
    pub regime: String,
    pub index_price: f64,
    /// JSON array in the order of the dataset's features.
    pub observation: String,
    pub legal_actions: i64,
    pub proposed_action: Option<String>,
    pub action: Option<String>,
    pub instrument: Option<String>,
    pub rolled_from: Option<String>,
    pub size_e8: Option<i64>,
    pub propensity: Option<f64>,
    pub explored: bool,
    pub refusal: Option<String>,
    pub fills: i64,
    pub fees_e8: i64,
    pub reward_coin: Option<f64>,
    pub reward_usd: Option<f64>,
    pub reward_versus_holding: Option<f64>,
    pub next_at_ms: Option<i64>,
    pub next_observation: Option<String>,
    pub terminated: bool,
    pub truncated: bool,
    pub discount: Option<f64>,
    pub error: Option<String>,
}

/// One row of `training_candidates`; `step_n` is the training row.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct TrainingCandidateRow {
    pub dataset: String,
    pub step_n: i64,
    pub n: i64,
    pub instrument: String,
    pub dte: f64,
    pub delta: Option<f64>,
    pub bid: Option<f64>,
    pub ask: Option<f64>,
    pub mark_iv: Option<f64>,
    pub ivrv: Option<f64>,
    pub open_interest: Option<f64>,
    pub premium_usd: Option<f64>,
    pub yield_net: Option<f64>,
    pub score: Option<f64>,
    pub rank: Option<i64>,
    pub legal: bool,
    pub propensity: f64,
    pub chosen: bool,
    /// JSON object.
    pub terms: String,
}

impl TrainingRow {
    /// Nobody decided, and the book went on as it was.
    pub fn is_missed(&self) -> bool {
        self.error.is_some() && self.propensity.is_none() && !self.truncated
    }

    /// The row as an estimate reads it; `None` when what followed is not known.
    pub fn step(&self, reward: &str, offers: Vec<Offer>) -> sqlx::Result<Option<Step>> {
        let reward = match reward {
            "reward_usd" => self.reward_usd,
            "reward_versus_holding" => self.reward_versus_holding,
            _ => self.reward_coin,
        };
        let known = reward.zip(self.discount).filter(|_| self.error.is_none());
        let Some((reward, discount)) = known else {
            return Ok(None);
        };
        Ok(Some(Step {
            episode: self.episode.clone(),
            observation: json::decode(&self.observation)?,
            index_price: self.index_price,
            reward,
            discount,
            ends: self.terminated || self.truncated,
            offers,
        }))
    }
}

impl TrainingCandidateRow {
    pub fn offer(self) -> sqlx::Result<Offer> {
        Ok(Offer {
            legal: self.legal,
            call: Candidate {
                instrument: crate::db::fills::instrument(&self.instrument)?,
                dte: self.dte,
                delta: self.delta,
                bid: self.bid,
                ask: self.ask,
                mark_iv: self.mark_iv,
                ivrv: self.ivrv,
                open_interest: self.open_interest,
                premium_usd: self.premium_usd,
                yield_net: self.yield_net,
                failed: None,
                score: self.score,
                rank: self.rank.and_then(|rank| u32::try_from(rank).ok()),
                propensity: self.propensity,
                chosen: self.chosen,
                terms: json::decode(&self.terms)?,
            },
        })
    }
}

/// Rows of a dataset from number `from` on, at most `limit`.
pub async fn page(db: &Db, dataset: &str, from: i64, limit: i64) -> sqlx::Result<Vec<TrainingRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from training_rows where dataset = $1 and n >= $2 order by n limit $3",
    )
    .bind(dataset).bind(from).bind(limit).fetch_all(pool).await)
}

/// The candidates of the steps numbered `[from, to)`, in order.
pub async fn candidates(
    db: &Db,
    dataset: &str,
    from: i64,
    to: i64,
) -> sqlx::Result<Vec<TrainingCandidateRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from training_candidates where dataset = $1 and step_n >= $2 and step_n < $3 order by step_n, n",
    )
    .bind(dataset).bind(from).bind(to).fetch_all(pool).await)
}
