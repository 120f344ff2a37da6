//! Carries the decisions of a fault plan out on calls made inside the process.
//!
//! There is no line to cut here, so every way of getting no answer is the same to the caller: an error
//! with an unknown outcome, while the book knows what happened.

use super::faults::{CallKind, Fault, FaultKind, Faults};
use crate::domain::chain::Chain;
use crate::domain::money;
use crate::exchange::Result;
use crate::exchange::error::ExchangeError;
use crate::exchange::facts::OrderRequest;
use crate::fills::{min_size, round_size};
use rust_decimal::Decimal;

/// How one call fares: when it arrives, how often, and whether its answer does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// The exchange's time on arrival.
    pub(super) at_ms: i64,
    /// It arrives twice.
    pub(super) twice: bool,
    lost: Option<FaultKind>,
    quoteless: Option<f64>,
    cut: Option<f64>,
}

impl Way {
    /// Decides on the next call; an error when it never reaches the book.
    pub(super) fn of(faults: Option<&Faults>, call: CallKind, at_ms: i64) -> Result<Self> {
        let clear = Self {
            at_ms,
            twice: false,
            lost: None,
            quoteless: None,
            cut: None,
        };
        match faults.and_then(|faults| faults.next(call, at_ms)) {
            None => Ok(clear),
            Some(fault) => clear.under(fault),
        }
    }

    fn under(self, fault: Fault) -> Result<Self> {
        if let Some((code, message)) = fault.kind.refusal() {
            return Err(ExchangeError::from_code(code, message));
        }
        let moved_ms = self.at_ms + fault.by_ms;
        Ok(match fault.kind {
            FaultKind::AnswerLate | FaultKind::ClockSkew => Self {
                at_ms: moved_ms,
                ..self
            },
            FaultKind::StaleQuotes => Self {
                at_ms: self.at_ms - fault.by_ms,
                ..self
            },
            FaultKind::MissingQuotes => Self {
                quoteless: Some(fault.share),
                ..self
            },
            FaultKind::PartialThenCancel => Self {
                cut: Some(fault.share),
                ..self
            },
            FaultKind::Duplicate => Self {
                twice: true,
                ..self
            },
            FaultKind::RequestLost => return Err(no_answer(fault.kind)),
            kind if fault.executed => Self {
                lost: Some(kind),
                ..self
            },
            kind => return Err(no_answer(kind)),
        })
    }

    /// What the caller gets to hear.
    pub(super) fn answer<T>(&self, answer: Result<T>) -> Result<T> {
        match self.lost {
            None => answer,
            Some(kind) => Err(no_answer(kind)),
        }
    }

    /// A chain as this call shows it.
    pub(super) fn shown(&self, chain: Chain) -> Chain {
        match self.quoteless {
            None => chain,
            Some(share) => without_quotes(chain, share),
        }
    }

    /// The size an order may fill before the exchange cancels the rest; `None` for an undisturbed one.
    pub(super) fn shown_size(&self, request: &OrderRequest) -> Option<Decimal> {
        self.cut.map(|share| part_of(request, share))
    }
}

/// A part of an order's size, on the contract's step and at least its minimum.
pub(super) fn part_of(request: &OrderRequest, share: f64) -> Decimal {
    let contract = &request.instrument;
    let part = request.size * money::decimal(share).unwrap_or_default();
    round_size(contract, part).max(min_size(contract.coin, contract.style))
}

/// The chain with the bids, asks and volatilities of a share of its contracts gone, nearest expiry first.
pub(super) fn without_quotes(mut chain: Chain, share: f64) -> Chain {
    let emptied = (chain.quotes.len() as f64 * share).ceil() as usize;
    for quote in chain.quotes.iter_mut().take(emptied) {
        quote.bid = None;
        quote.ask = None;
        quote.bid_size = None;
        quote.ask_size = None;
        quote.mark_iv = None;
        quote.delta = None;
    }
    chain
}

fn no_answer(kind: FaultKind) -> ExchangeError {
    ExchangeError::from_code(0, format!("no answer ({})", kind.as_str()))
}
