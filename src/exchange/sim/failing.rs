//! Carries the decisions of a fault plan out on calls made inside the process.
//!
//! There is no line to cut here, so every way of getting no answer is the same to the caller: an error
//! with an unknown outcome, while the book knows what happened.

use super::faults::{CallKind, Fault, FaultKind, Faults};
use crate::domain::chain::{Chain, Source};
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
/// It is no function of a seed any more, only what was read at the time.
pub(super) fn without_quotes(mut chain: Chain, share: f64) -> Chain {
    chain.source = Source::Live;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::coin::Coin;
    use crate::domain::order::{OrderState, Side};
    use crate::exchange::facts::{Order, Placed};
    use crate::exchange::sim::SimExchange;
    use crate::exchange::sim::faults::FaultPlan;
    use crate::exchange::sim::testing::{
        CALL, MINUTE_MS, NEXT_CALL, START_MS, Script, chain, decimal, quote, request,
    };

    /// An exchange on which one kind strikes whenever it can, and its faults.
    fn struck(kind: FaultKind) -> (SimExchange, Faults) {
        let book = |at_ms| {
            let call = quote(CALL, 0.010, 0.012, Some(5.0));
            chain(at_ms, vec![call, quote(NEXT_CALL, 0.02, 0.0215, Some(5.0))])
        };
        let mut script = Script::default();
        script
            .chains
            .extend([book(START_MS - 40 * MINUTE_MS), book(START_MS)]);
        let plan = FaultPlan::calm().with(kind, 1.0).seeded("in process");
        let faults = Faults::new(plan);
        (script.exchange().failing(faults.clone()), faults)
    }

    /// What selling 1 coin answers, and the order found afterwards, when nothing fails any more.
    async fn sold(kind: FaultKind) -> (Result<Placed>, Option<Order>) {
        let (exchange, faults) = struck(kind);
        let asked = request("l", CALL, Side::Sell, "1", "0.01");
        let answer = exchange.place(&asked, START_MS).await;
        faults.stop();
        let found = exchange.order_by_label(Coin::Btc, "l", START_MS).await;
        (answer, found.expect("read"))
    }

    #[tokio::test]
    async fn what_the_caller_hears_and_what_the_book_knows() {
        let (answer, order) = sold(FaultKind::RequestLost).await;
        assert!(matches!(answer, Err(ExchangeError::UnknownOutcome(_))) && order.is_none());
        for kind in [FaultKind::AnswerLost, FaultKind::Truncated] {
            let (answer, order) = sold(kind).await;
            assert!(
                matches!(answer, Err(ExchangeError::UnknownOutcome(_))),
                "{kind:?}"
            );
            assert_eq!(order.map(|order| order.state), Some(OrderState::Filled));
        }
        for (kind, code) in [
            (FaultKind::RateLimited, 10_028),
            (FaultKind::Retry, 10_040),
            (FaultKind::Maintenance, 11_051),
            (FaultKind::Unavailable, 13_028),
        ] {
            let (answer, order) = sold(kind).await;
            assert_eq!(answer.expect_err("refused").code(), code);
            assert_eq!(order, None);
        }
    }

    #[tokio::test]
    async fn a_second_delivery_is_a_second_order() {
        let (exchange, faults) = struck(FaultKind::Duplicate);
        let asked = request("l", CALL, Side::Sell, "1", "0.01");
        exchange
            .place(&asked, START_MS)
            .await
            .expect("answered once");
        faults.stop();
        let fills = exchange.fills_by_label(Coin::Btc, "l", START_MS).await;
        let sizes: Vec<_> = fills
            .expect("read")
            .iter()
            .map(|trade| trade.fill.size)
            .collect();
        assert_eq!(sizes, [decimal("1"), decimal("1")]);
    }

    #[tokio::test]
    async fn a_part_fills_and_the_rest_is_cancelled() {
        let (answer, order) = sold(FaultKind::PartialThenCancel).await;
        let order = order.expect("known");
        assert_eq!(answer.expect("answered").order, order);
        assert_eq!(order.state, OrderState::Cancelled);
        assert_eq!(order.cancel_reason.as_deref(), Some("risk_mitigation"));
        assert!(order.filled > decimal("0") && order.filled < decimal("1"));
    }

    #[tokio::test]
    async fn an_order_that_comes_late_meets_its_valid_until() {
        let (exchange, _) = struck(FaultKind::AnswerLate);
        let mut asked = request("l", CALL, Side::Sell, "1", "0.01");
        asked.valid_until_ms = Some(START_MS);
        let late = exchange
            .place(&asked, START_MS)
            .await
            .expect_err("too late");
        assert_eq!(late.code(), 13_888);
    }

    #[tokio::test]
    async fn quotes_are_old_or_gone() {
        let (exchange, _) = struck(FaultKind::StaleQuotes);
        let old = exchange.chain(Coin::Btc, START_MS).await.expect("quoted");
        assert!(old.at_ms < START_MS);
        let (exchange, _) = struck(FaultKind::MissingQuotes);
        let gone = exchange.chain(Coin::Btc, START_MS).await.expect("listed");
        assert_eq!((gone.quotes[0].bid, gone.quotes[0].mark_iv), (None, None));
    }
}
