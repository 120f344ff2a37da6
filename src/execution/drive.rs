//! One visit to the exchange on behalf of one order: look it up, do at most a few steps, say when to return.

use super::plan::{Known, Seen, Step, next};
use super::schedule::Schedule;
use super::ticket::Ticket;
use crate::domain::order::OrderState;
use crate::exchange::error::ExchangeError;
use crate::exchange::facts::{Order, PostOnly, TimeInForce, Trade};
use crate::exchange::{Exchange, Result};
use rust_decimal::Decimal;

/// More steps than one visit can need; a walk that loops is a bug and must not spin.
const STEPS_MAX: usize = 8;
/// Wait after the exchange asked for a retry.
const RETRY_MS: i64 = 1_000;

/// What a visit found: everything the caller writes into its rows, in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    pub state: OrderState,
    pub exchange_order_id: Option<String>,
    pub limit_price: Option<Decimal>,
    /// Coin filled so far.
    pub filled: Decimal,
    pub average_price: Option<Decimal>,
    /// Every execution so far, also those of earlier visits: insert by `trade_id`, ignore known ones.
    pub trades: Vec<Trade>,
    /// When a request was sent whose answer never came; goes back into [`Ticket::sent`].
    pub sent_ms: Option<i64>,
    /// When to come back; `None` once the state is final.
    pub next_at_ms: Option<i64>,
    /// Why it waits, was cancelled or was refused.
    pub note: Option<String>,
}

/// Visits the exchange once. Every visit begins with a look-up by label and never sleeps; an error means
/// that nothing could be read, nothing was sent, and the same visit may be repeated.
pub async fn turn(
    exchange: &Exchange,
    ticket: &Ticket,
    schedule: &Schedule,
    withdraw: bool,
    at_ms: i64,
) -> Result<Turn> {
    let mut visit = Visit::begin(exchange, ticket, withdraw, at_ms).await?;
    for _ in 0..STEPS_MAX {
        let step = next(&visit.ticket, &visit.seen, schedule, at_ms);
        match visit.act(step).await? {
            Ended::No => {}
            Ended::Waiting { until_ms, note } => return visit.waiting(until_ms, note).await,
            Ended::Final { state, note } => return visit.finished(state, note).await,
        }
    }
    visit
        .waiting(at_ms + RETRY_MS, "too many steps in one visit".to_owned())
        .await
}

enum Ended {
    No,
    Waiting {
        until_ms: i64,
        note: String,
    },
    Final {
        state: OrderState,
        note: Option<String>,
    },
}

struct Visit<'a> {
    exchange: &'a Exchange,
    ticket: Ticket,
    seen: Seen,
    /// Open orders of the coin as the visit found them, for the first look-up.
    open: Option<Vec<Order>>,
    at_ms: i64,
}

impl<'a> Visit<'a> {
    async fn begin(
        exchange: &'a Exchange,
        ticket: &Ticket,
        withdraw: bool,
        at_ms: i64,
    ) -> Result<Self> {
        let instrument = ticket.intent().instrument;
        let chain = exchange.chain(instrument.coin, at_ms).await?;
        let open = exchange.open_orders(instrument.coin, at_ms).await?;
        let other_working = open
            .iter()
            .any(|order| order.instrument == instrument && order.label != ticket.label);
        Ok(Self {
            exchange,
            ticket: ticket.clone(),
            seen: Seen {
                known: Known::Unknown,
                quote: chain.quote(&instrument).copied(),
                other_working,
                withdraw,
            },
            open: Some(open),
            at_ms,
        })
    }

    async fn act(&mut self, step: Step) -> Result<Ended> {
        let answer = match step {
            Step::LookUp => {
                self.seen.known = self.look_up().await?;
                return Ok(Ended::No);
            }
            Step::Wait { until_ms, reason } => {
                let note = reason.to_owned();
                return Ok(Ended::Waiting { until_ms, note });
            }
            Step::Done { state, reason } => {
                return Ok(Ended::Final {
                    state,
                    note: reason,
                });
            }
            Step::Send(request) => {
                let placed = self.exchange.place(&request, self.at_ms).await;
                placed.map(|placed| placed.order)
            }
            Step::Reprice { order_id, price } => {
                let size = self.booked_size();
                let edited = self.exchange.edit(&order_id, size, price, self.at_ms).await;
                edited.map(|placed| placed.order)
            }
            Step::Cancel { order_id, .. } => self.exchange.cancel(&order_id, self.at_ms).await,
        };
        Ok(self.answered(answer))
    }

    /// The size the exchange took the order with: a reduce-only order may have been cut.
    fn booked_size(&self) -> Decimal {
        match &self.seen.known {
            Known::Order(order) => order.size,
            Known::Unknown | Known::Absent => self.ticket.size(),
        }
    }

    /// Takes the order over, or turns the error into what to do about it.
    fn answered(&mut self, answer: Result<Order>) -> Ended {
        let working = matches!(self.seen.known, Known::Order(_));
        let error = match answer {
            Ok(order) => {
                self.seen.known = Known::Order(order);
                return Ended::No;
            }
            Err(error) => error,
        };
        let note = error.to_string();
        match error {
            ExchangeError::UnknownOutcome(_) => {
                self.ticket.sent_ms = Some(self.at_ms);
                self.seen.known = Known::Unknown;
                Ended::No
            }
            ExchangeError::Gone(_) if working => {
                self.seen.known = Known::Unknown;
                Ended::No
            }
            ExchangeError::Retry(_)
            | ExchangeError::Reauthenticate(_)
            | ExchangeError::Reprice(_) => Ended::Waiting {
                until_ms: self.at_ms + RETRY_MS,
                note,
            },
            // A working order that cannot be changed still works: only its next change waits.
            ExchangeError::Funds(_) | ExchangeError::Fatal(_) if working => Ended::Waiting {
                until_ms: self.at_ms + RETRY_MS,
                note,
            },
            ExchangeError::Funds(_) | ExchangeError::Fatal(_) | ExchangeError::Gone(_) => {
                Ended::Final {
                    state: OrderState::Rejected,
                    note: Some(note),
                }
            }
        }
    }

    /// The order by label; when the exchange has dropped it already, its trades tell that it was there.
    async fn look_up(&mut self) -> Result<Known> {
        if let Some(order) = self.look_up_open().await? {
            return Ok(Known::Order(order));
        }
        let coin = self.ticket.intent().instrument.coin;
        let label = &self.ticket.label;
        let found = self.exchange.order_by_label(coin, label, self.at_ms);
        if let Some(order) = found.await? {
            return Ok(Known::Order(order));
        }
        let trades = self.exchange.fills_by_label(coin, label, self.at_ms);
        let trades = trades.await?;
        Ok(trades.last().map_or(Known::Absent, |last| {
            Known::Order(self.forgotten(&trades, last))
        }))
    }

    /// The open order of this intent. A request that was carried out twice left two: one is worked on,
    /// and whatever would fill more than the intent is cancelled.
    async fn look_up_open(&mut self) -> Result<Option<Order>> {
        let coin = self.ticket.intent().instrument.coin;
        let open = match self.open.take() {
            Some(open) => open,
            None => self.exchange.open_orders(coin, self.at_ms).await?,
        };
        let mut own = open
            .into_iter()
            .filter(|order| order.label == self.ticket.label);
        let Some(mut order) = own.next() else {
            return Ok(None);
        };
        for twin in own {
            self.exchange.cancel(&twin.order_id, self.at_ms).await?;
        }
        let trades = self
            .exchange
            .fills_by_label(coin, &self.ticket.label, self.at_ms)
            .await?;
        let filled: Decimal = trades.iter().map(|trade| trade.fill.size).sum();
        if filled + order.remaining() > self.ticket.size() {
            order = self.exchange.cancel(&order.order_id, self.at_ms).await?;
        }
        Ok(Some(order))
    }

    /// An order that only its trades still show: final, whatever it was.
    fn forgotten(&self, trades: &[Trade], last: &Trade) -> Order {
        let filled: Decimal = trades.iter().map(|trade| trade.fill.size).sum();
        let whole = filled >= self.ticket.size();
        Order {
            order_id: last.order_id.clone(),
            label: last.label.clone(),
            instrument: last.fill.instrument,
            side: last.fill.side,
            size: self.ticket.size(),
            filled,
            average_price: average(trades).unwrap_or_default(),
            price: last.fill.price,
            state: if whole {
                OrderState::Filled
            } else {
                OrderState::Cancelled
            },
            time_in_force: TimeInForce::GoodTilDay,
            post_only: PostOnly::Off,
            reduce_only: self.ticket.reduce_only(),
            cancel_reason: (!whole).then(|| "no longer shown by the exchange".to_owned()),
            created_ms: trades[0].fill.at_ms,
            updated_ms: last.fill.at_ms,
        }
    }

    async fn waiting(self, until_ms: i64, note: String) -> Result<Turn> {
        let state = match &self.seen.known {
            Known::Order(order) => order.state,
            Known::Unknown | Known::Absent => OrderState::Intended,
        };
        let next_at_ms = Some(until_ms.max(self.at_ms + 1));
        self.report(state, next_at_ms, Some(note)).await
    }

    async fn finished(self, state: OrderState, note: Option<String>) -> Result<Turn> {
        self.report(state, None, note).await
    }

    async fn report(
        self,
        state: OrderState,
        next_at_ms: Option<i64>,
        note: Option<String>,
    ) -> Result<Turn> {
        let coin = self.ticket.intent().instrument.coin;
        let trades = self
            .exchange
            .fills_by_label(coin, &self.ticket.label, self.at_ms)
            .await?;
        let filled = trades.iter().map(|trade| trade.fill.size).sum();
        let order = match &self.seen.known {
            Known::Order(order) => Some(order),
            Known::Unknown | Known::Absent => None,
        };
        Ok(Turn {
            state,
            exchange_order_id: order.map(|order| order.order_id.clone()),
            limit_price: order.map(|order| order.price),
            filled,
            average_price: average(&trades),
            trades,
            sent_ms: self.ticket.sent_ms,
            next_at_ms,
            note,
        })
    }
}

/// Size-weighted price of executions; `None` without any.
fn average(trades: &[Trade]) -> Option<Decimal> {
    let size: Decimal = trades.iter().map(|trade| trade.fill.size).sum();
    let paid: Decimal = trades
        .iter()
        .map(|trade| trade.fill.size * trade.fill.price)
        .sum();
    paid.checked_div(size)
}
