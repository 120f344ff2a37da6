//! What a run came to: the rows it is stored as, and the numbers people compare.

use super::answers::Tally;
use super::attribution::Attribution;
use super::breakdown::{Breakdowns, breakdowns};
use super::data::{Data, Stamp};
use super::gaps::{self, Gap};
use super::intervals::Intervals;
use super::ledger::{RollChain, Trigger};
use super::metrics::{Performance, performance_but};
use super::obstacles::Obstacle;
use super::run::{Event, State};
use super::setup::Setup;
use crate::domain::action::Action;
use crate::domain::context::Regime;
use crate::domain::money::float;
use crate::domain::order::Side;
use crate::policy::llm::Answered;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Everything a run did, in the order of time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    pub setup: Setup,
    pub data: Stamp,
    pub points: Vec<Point>,
    pub taken: Vec<Taken>,
    pub chains: Vec<RollChain>,
    pub attribution: Attribution,
    pub metrics: Metrics,
    pub breakdowns: Breakdowns,
    pub flows: Flows,
}

/// The book at the end of one step. Amounts are coin; equity = balance + option value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub at_ms: i64,
    /// USD.
    pub index_price: f64,
    pub balance: Decimal,
    /// Negative when short.
    pub option_value: f64,
    pub equity: f64,
    pub short_calls: Decimal,
    pub regime: Regime,
}

impl Point {
    pub fn equity_usd(&self) -> f64 {
        self.equity * self.index_price
    }
}

/// One decision; the reason is kept of those that wanted something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Taken {
    pub at_ms: i64,
    pub proposed: Action,
    pub final_action: Action,
    pub propensity: f64,
    pub explored: bool,
    pub reason: String,
    pub refusal: Option<String>,
    pub fills: u32,
    /// `None` where no model was to decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<Answered>,
}

/// How often things happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub decisions: u64,
    /// Approved orders without a quote on their side to fill against.
    pub unfilled: u64,
}

/// Money that moved, coin; the change of the balance is premium - paid - fees - settlements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Flows {
    /// Received for calls sold.
    pub premium: Decimal,
    /// Paid to buy calls back.
    pub paid: Decimal,
    /// Of trades and deliveries.
    pub fees: Decimal,
    /// Paid at expiry.
    pub settlements: Decimal,
}

/// The result in numbers. Shares are fractions; null is "not known", for example of too short a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    pub coin: Performance,
    pub usd: Performance,
    pub days: f64,
    pub decisions: u64,
    pub unfilled: u64,
    pub refused: u64,
    pub chains: u64,
    pub legs: u64,
    /// Chains that earned something, of all.
    pub win_rate: Option<f64>,
    /// What winning chains earned / what losing ones lost.
    pub profit_factor: Option<f64>,
    /// Coin a winning chain.
    pub average_win: Option<f64>,
    /// Coin a losing chain, negative.
    pub average_loss: Option<f64>,
    /// Coin.
    pub premium_collected: f64,
    /// What is left of the premium after purchases and settlements, of it; fees apart.
    pub premium_kept: Option<f64>,
    /// Legs assigned, of those that expired.
    pub assignment_rate: Option<f64>,
    pub rolls: u64,
    /// Coin, positive: distance from the mark of purchases and of the sales that followed them.
    pub roll_cost: f64,
    /// Coin.
    pub fees: f64,
    /// Coin paid at expiry: the upside that was given away.
    pub upside_given_away: f64,
    /// Share of the time with a call open.
    pub time_in_market: f64,
    /// Coin of contracts traded per coin held at the start.
    pub turnover: f64,
    /// See [`Outcome::with_intervals`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intervals: Option<Intervals>,
    /// See [`Outcome::with_obstacles`]; the most frequent first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obstacles: Vec<Obstacle>,
    /// How a model's answers went; `None` where rules decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Tally>,
    /// Stretches without data, longest first: no days of the market, and in no daily or annualised figure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

impl Outcome {
    pub(super) fn new(data: &Data, setup: &Setup, state: State) -> Self {
        let flows = flows(&state.events);
        let chains = state.ledger.chains;
        let metrics = Metrics::of(setup, &state.points, &chains, &flows, &state.counts);
        Self {
            setup: setup.clone(),
            data: data.stamp.clone(),
            metrics: Metrics {
                refused: state
                    .taken
                    .iter()
                    .filter(|one| one.refusal.is_some())
                    .count() as u64,
                roll_cost: 0.0 - state.attribution.coin.roll_cost,
                turnover: traded(&state.events) / float(setup.coin()),
                answers: Tally::of(&state.taken),
                ..metrics
            },
            breakdowns: breakdowns(
                float(setup.coin()),
                setup.interval_ms,
                &state.points,
                &chains,
            ),
            points: state.points,
            taken: state.taken,
            chains,
            attribution: state.attribution,
            flows,
        }
    }
}

fn flows(events: &[Event]) -> Flows {
    let mut flows = Flows::default();
    for event in events {
        match event {
            Event::Fill(fill, ..) => {
                let premium = (fill.cash() + fill.fee).abs();
                match fill.side {
                    Side::Sell => flows.premium += premium,
                    Side::Buy => flows.paid += premium,
                }
                flows.fees += fill.fee;
            }
            Event::Settlement(settlement) => {
                flows.settlements -= settlement.payoff;
                flows.fees += settlement.fee;
            }
        }
    }
    flows
}

fn traded(events: &[Event]) -> f64 {
    let sizes = events.iter().filter_map(|event| match event {
        Event::Fill(fill, ..) => Some(float(fill.size)),
        Event::Settlement(_) => None,
    });
    sizes.sum()
}

impl Metrics {
    fn of(
        setup: &Setup,
        points: &[Point],
        chains: &[RollChain],
        flows: &Flows,
        counts: &Counts,
    ) -> Self {
        let start = float(setup.coin());
        let first = points.first().map_or(0.0, |point| point.index_price);
        let legs = || chains.iter().flat_map(|chain| &chain.legs);
        let won: Vec<f64> = results(chains, |pnl| pnl > 0.0);
        let lost: Vec<f64> = results(chains, |pnl| pnl < 0.0);
        let sum = |values: &[f64]| values.iter().sum::<f64>();
        let mean = |values: &[f64]| (!values.is_empty()).then(|| sum(values) / values.len() as f64);
        let expired = legs()
            .filter(|leg| leg.trigger == Some(Trigger::Expiry))
            .count();
        let assigned = legs().filter(|leg| leg.assigned).count();
        let share = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
        let kept = flows.premium - flows.paid - flows.settlements;
        let gap_ms = gaps::longest_ms(points, setup.interval_ms);
        let gaps = gaps::gaps(points, gap_ms);
        let lost_ms: i64 = gaps.iter().map(|gap| gap.to_ms - gap.from_ms).sum();
        let span = points.first().zip(points.last());
        let days = span.map_or(0.0, |(first, last)| {
            (last.at_ms - first.at_ms - lost_ms) as f64 / crate::domain::instrument::DAY_MS as f64
        });
        Self {
            coin: performance_but(
                gap_ms,
                start,
                points.iter().map(|point| (point.at_ms, point.equity)),
            ),
            usd: performance_but(
                gap_ms,
                start * first,
                points.iter().map(|point| (point.at_ms, point.equity_usd())),
            ),
            days,
            decisions: counts.decisions,
            unfilled: counts.unfilled,
            refused: 0,
            chains: chains.len() as u64,
            legs: legs().count() as u64,
            win_rate: share(won.len() as f64, chains.len() as f64),
            profit_factor: share(sum(&won), -sum(&lost)),
            average_win: mean(&won),
            average_loss: mean(&lost),
            premium_collected: float(flows.premium),
            premium_kept: share(float(kept), float(flows.premium)),
            assignment_rate: share(assigned as f64, expired as f64),
            rolls: chains.iter().map(|chain| chain.legs.len() as u64 - 1).sum(),
            roll_cost: 0.0,
            fees: float(flows.fees),
            upside_given_away: float(flows.settlements),
            time_in_market: in_market(points, gap_ms),
            turnover: 0.0,
            intervals: None,
            obstacles: Vec::new(),
            answers: None,
            gaps,
        }
    }
}

fn results(chains: &[RollChain], of: impl Fn(f64) -> bool) -> Vec<f64> {
    let results = chains.iter().map(|chain| float(chain.pnl));
    results.filter(|pnl| of(*pnl)).collect()
}

/// By what was open at the start of each interval; gaps apart.
fn in_market(points: &[Point], gap_ms: i64) -> f64 {
    let (mut open, mut all) = (0, 0);
    for pair in points.windows(2) {
        let length = pair[1].at_ms - pair[0].at_ms;
        if length > gap_ms {
            continue;
        }
        all += length;
        if pair[0].short_calls > Decimal::ZERO {
            open += length;
        }
    }
    if all > 0 {
        open as f64 / all as f64
    } else {
        0.0
    }
}
