//! Roll chains and their legs, written from the same fills and settlements as the portfolio is folded from.

use crate::domain::coin::Coin;
use crate::domain::context::Regime;
use crate::domain::decision::Candidate;
use crate::domain::instrument::Instrument;
use crate::domain::money::{SCALE, float};
use crate::domain::order::{Fill, Settlement, Side};
use crate::policy;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What ended a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    TpRoll,
    DefensiveRoll,
    /// The rules' thresholds by days and moneyness.
    RulesRoll,
    /// Bought back by a policy of the caller's own.
    Closed,
    Expiry,
    /// Still open at the last snapshot; valued at its mark, not traded.
    EndOfData,
}

impl Trigger {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TpRoll => "tp_roll",
            Self::DefensiveRoll => "defensive_roll",
            Self::RulesRoll => "rules_roll",
            Self::Closed => "closed",
            Self::Expiry => "expiry",
            Self::EndOfData => "end_of_data",
        }
    }

    /// By what the policy said of the position; nothing said means the caller's own reasons.
    pub(super) fn of(due: Option<policy::Trigger>) -> Self {
        match due {
            Some(policy::Trigger::TakeProfit) => Self::TpRoll,
            Some(policy::Trigger::Defence) => Self::DefensiveRoll,
            Some(policy::Trigger::Rules) => Self::RulesRoll,
            None => Self::Closed,
        }
    }
}

/// One call from its sale to its end. Prices are coin per coin; amounts are of the whole leg.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leg {
    /// From 0 in its chain.
    pub index: u32,
    pub instrument: Instrument,
    /// Coin sold.
    pub size: Decimal,
    pub opened_ms: i64,
    pub closed_ms: i64,
    pub strike_usd: u32,
    /// Days to expiry at the sale.
    pub dte_open: f64,
    pub delta_open: Option<f64>,
    pub iv_open: Option<f64>,
    pub score: Option<f64>,
    pub regime: Regime,
    pub open_price: Decimal,
    pub open_price_usd: f64,
    /// Paid to buy back, or the payoff at expiry, or the last mark at the end of the data.
    pub close_price: Decimal,
    pub close_price_usd: f64,
    /// Coin, delivery included.
    pub fees: Decimal,
    pub fees_usd: f64,
    /// Coin: premium less purchase or payoff, less fees.
    pub pnl: Decimal,
    /// Each amount at the index of its own instant.
    pub pnl_usd: f64,
    /// Null while open.
    pub trigger: Option<Trigger>,
    /// Expired in the money.
    pub assigned: bool,
    /// Coin still short.
    open: Decimal,
}

/// A sale with everything that was rolled out of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RollChain {
    /// The decision that opened it.
    pub decision: String,
    pub underlying: Coin,
    pub opened_ms: i64,
    pub closed_ms: i64,
    pub regime: Regime,
    pub pnl: Decimal,
    pub pnl_usd: f64,
    pub fees: Decimal,
    /// Deepest fall of its running result below its best so far, marks included, coin.
    pub max_drawdown: f64,
    pub legs: Vec<Leg>,
    /// Best running result so far, coin.
    best: f64,
}

/// What a sale was made of, for its leg.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sale<'a> {
    pub(super) chain: &'a str,
    pub(super) candidate: Option<&'a Candidate>,
    pub(super) delta: Option<f64>,
    pub(super) iv: Option<f64>,
    pub(super) regime: Regime,
}

/// Every chain of a run, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Ledger {
    pub(super) chains: Vec<RollChain>,
    /// Chains before this place are over.
    first: usize,
}

impl Ledger {
    pub(super) fn sell(&mut self, fill: &Fill, sale: &Sale<'_>) {
        if let Some(leg) = self.open_leg(&fill.instrument) {
            // A second sale of a held contract: the price is that of both.
            let before = leg.size * leg.open_price;
            leg.size += fill.size;
            leg.open += fill.size;
            leg.open_price = (before + fill.size * fill.price) / leg.size;
            book(leg, fill.cash(), fill.fee, float(fill.index_price));
            return;
        }
        let known = self
            .chains
            .iter()
            .rposition(|chain| chain.decision == sale.chain);
        let at = known.unwrap_or_else(|| {
            self.chains.push(chain(fill, sale));
            self.chains.len() - 1
        });
        let chain = &mut self.chains[at];
        let mut leg = leg(fill, sale, chain.legs.len());
        book(&mut leg, fill.cash(), fill.fee, float(fill.index_price));
        chain.legs.push(leg);
    }

    pub(super) fn buy(&mut self, fill: &Fill, trigger: Trigger) {
        let index = float(fill.index_price);
        let Some(leg) = self.open_leg(&fill.instrument) else {
            return;
        };
        let bought = leg.size - leg.open;
        leg.close_price =
            (bought * leg.close_price + fill.size * fill.price) / (bought + fill.size);
        leg.open -= fill.size;
        book(leg, fill.cash(), fill.fee, index);
        if leg.open <= Decimal::ZERO {
            close(leg, fill.at_ms, trigger, index);
        }
    }

    pub(super) fn settle(&mut self, settlement: &Settlement) {
        let index = float(settlement.delivery_price);
        let Some(leg) = self.open_leg(&settlement.instrument) else {
            return;
        };
        leg.close_price = (-settlement.payoff / leg.open).round_dp(SCALE);
        leg.assigned = !settlement.payoff.is_zero();
        leg.open = Decimal::ZERO;
        book(leg, settlement.cash(), settlement.fee, index);
        close(leg, settlement.at_ms, Trigger::Expiry, index);
    }

    /// What is open is valued at `mark` (coin per coin) and ended; nothing is traded.
    pub(super) fn end(&mut self, at_ms: i64, index: f64, mark: impl Fn(&Instrument) -> Decimal) {
        for leg in self.chains.iter_mut().flat_map(|chain| &mut chain.legs) {
            if leg.trigger.is_none() {
                leg.close_price = mark(&leg.instrument);
                let value = -(leg.open * leg.close_price).round_dp(SCALE);
                book(leg, value, Decimal::ZERO, index);
                close(leg, at_ms, Trigger::EndOfData, index);
            }
        }
        for chain in &mut self.chains {
            chain.finish();
        }
    }

    /// Rolls of a chain so far.
    pub(super) fn rolls(&self, chain: &str) -> u32 {
        let mut chains = self.chains.iter().rev();
        let found = chains.find(|one| one.decision == chain);
        found.map_or(0, |chain| (chain.legs.len() as u32).saturating_sub(1))
    }

    /// Follows the running result of every open chain; `mark` is coin per coin.
    pub(super) fn mark(&mut self, mark: impl Fn(&Instrument) -> f64) {
        for chain in &mut self.chains[self.first..] {
            if chain.closed_ms != 0 {
                continue;
            }
            let mut running = 0.0;
            let mut open = false;
            for leg in &chain.legs {
                running += float(leg.pnl);
                if leg.trigger.is_none() {
                    open = true;
                    running -= float(leg.open) * mark(&leg.instrument);
                }
            }
            chain.follow(running);
            if !open {
                chain.finish();
            }
        }
        let over = |chain: &RollChain| chain.closed_ms != 0;
        while self.chains.get(self.first).is_some_and(over) {
            self.first += 1;
        }
    }

    fn open_leg(&mut self, instrument: &Instrument) -> Option<&mut Leg> {
        let chains = self.chains[self.first..].iter_mut();
        let mut legs = chains.flat_map(|chain| chain.legs.iter_mut());
        legs.find(|leg| leg.trigger.is_none() && leg.instrument == *instrument)
    }
}

impl RollChain {
    fn follow(&mut self, running: f64) {
        self.best = self.best.max(running);
        self.max_drawdown = self.max_drawdown.max(self.best - running);
    }

    /// Adds up the legs.
    fn finish(&mut self) {
        self.pnl = self.legs.iter().map(|leg| leg.pnl).sum();
        self.fees = self.legs.iter().map(|leg| leg.fees).sum();
        self.pnl_usd = self.legs.iter().map(|leg| leg.pnl_usd).sum();
        self.closed_ms = self.legs.iter().map(|leg| leg.closed_ms).max().unwrap_or(0);
    }
}

fn chain(fill: &Fill, sale: &Sale<'_>) -> RollChain {
    RollChain {
        decision: sale.chain.to_owned(),
        underlying: fill.instrument.coin,
        opened_ms: fill.at_ms,
        closed_ms: 0,
        regime: sale.regime,
        pnl: Decimal::ZERO,
        pnl_usd: 0.0,
        fees: Decimal::ZERO,
        max_drawdown: 0.0,
        legs: Vec::new(),
        best: 0.0,
    }
}

fn leg(fill: &Fill, sale: &Sale<'_>, index: usize) -> Leg {
    debug_assert_eq!(fill.side, Side::Sell);
    Leg {
        index: index as u32,
        instrument: fill.instrument,
        size: fill.size,
        opened_ms: fill.at_ms,
        closed_ms: 0,
        strike_usd: fill.instrument.strike_usd,
        dte_open: fill.instrument.dte(fill.at_ms),
        delta_open: sale.delta,
        iv_open: sale.iv,
        score: sale.candidate.and_then(|call| call.score),
        regime: sale.regime,
        open_price: fill.price,
        open_price_usd: float(fill.price) * float(fill.index_price),
        close_price: Decimal::ZERO,
        close_price_usd: 0.0,
        fees: Decimal::ZERO,
        fees_usd: 0.0,
        pnl: Decimal::ZERO,
        pnl_usd: 0.0,
        trigger: None,
        assigned: false,
        open: fill.size,
    }
}

/// Adds an amount of cash, net of its fee, at the index of its instant.
fn book(leg: &mut Leg, cash: Decimal, fee: Decimal, index: f64) {
    leg.pnl += cash;
    leg.pnl_usd += float(cash) * index;
    leg.fees += fee;
    leg.fees_usd += float(fee) * index;
}

fn close(leg: &mut Leg, at_ms: i64, trigger: Trigger, index: f64) {
    leg.closed_ms = at_ms;
    leg.close_price_usd = float(leg.close_price) * index;
    leg.trigger = Some(trigger);
}
