//! Which trades a call asks for: by id, number or time, how many, from which end.

use super::params::{Params, needed};
use super::reply::RpcError;
use crate::exchange::sim::venue::Print;
use crate::market::synthetic::TapeTrade;
use serde_json::{Value, json};

/// The filters that all trade lists share.
#[derive(Debug)]
pub(super) struct Span {
    start_id: Option<u64>,
    end_id: Option<u64>,
    start_seq: Option<i64>,
    end_seq: Option<i64>,
    start_ms: i64,
    end_ms: i64,
    count: usize,
    oldest_first: bool,
}

impl Span {
    /// The filters of a call; newest first unless it says where to start.
    pub(super) fn of(params: &Params) -> Result<Self, RpcError> {
        Self::up_to(params, COUNT_MAX)
    }

    /// As [`Self::of`], with at most `count_max` trades in an answer.
    pub(super) fn up_to(params: &Params, count_max: usize) -> Result<Self, RpcError> {
        let id = |name: &str| -> Result<Option<u64>, RpcError> {
            let given = params.text(name)?.map(number);
            given
                .map(|number| number.ok_or_else(|| RpcError::param(name, "invalid trade id")))
                .transpose()
        };
        let (start_id, start_seq) = (id("start_id")?, params.whole("start_seq")?);
        let start_ms = params.whole("start_timestamp")?;
        let started = start_id.is_some() || start_seq.is_some() || start_ms.is_some();
        let sorting = params.choice("sorting", &["asc", "desc", "default"])?;
        Ok(Self {
            start_id,
            end_id: id("end_id")?,
            start_seq,
            end_seq: params.whole("end_seq")?,
            start_ms: start_ms.unwrap_or(i64::MIN),
            end_ms: params.whole("end_timestamp")?.unwrap_or(i64::MAX),
            count: params.count(10, count_max)?,
            oldest_first: match sorting {
                Some("asc") => true,
                Some("desc") => false,
                _ => started,
            },
        })
    }

    /// As [`Self::of`], with both times required.
    pub(super) fn timed(params: &Params) -> Result<Self, RpcError> {
        Self::require_times(params)?;
        Self::of(params)
    }

    pub(super) fn require_times(params: &Params) -> Result<(), RpcError> {
        needed("start_timestamp", params.whole("start_timestamp")?)?;
        needed("end_timestamp", params.whole("end_timestamp")?)?;
        Ok(())
    }

    /// Drops everything before an instant.
    #[must_use]
    pub(super) fn not_before(mut self, at_ms: i64) -> Self {
        self.start_ms = self.start_ms.max(at_ms);
        self
    }

    /// Drops everything after an instant.
    #[must_use]
    pub(super) fn not_after(mut self, at_ms: i64) -> Self {
        self.end_ms = self.end_ms.min(at_ms);
        self
    }

    pub(super) fn start_ms(&self) -> i64 {
        self.start_ms
    }

    /// `{trades, has_more}` of prints in the order of time.
    pub(super) fn page<'a>(
        &self,
        prints: impl DoubleEndedIterator<Item = &'a Print>,
        shape: impl Fn(&Print) -> Value,
    ) -> Value {
        let chosen = self.chosen(prints.map(|print| (key(print), print)));
        self.cut(&chosen, |print| shape(print))
    }

    /// As [`Self::page`], with the trades of others between them; `tape` is asked in the order wanted and no
    /// further than a page goes.
    pub(super) fn page_with<'a>(
        &self,
        prints: impl DoubleEndedIterator<Item = &'a Print>,
        tape: impl DoubleEndedIterator<Item = TapeTrade>,
        shape: impl Fn(&Either<'_>) -> Value,
    ) -> Value {
        let own = prints.map(|print| (key(print), Either::Own(print)));
        let tape = tape.map(|trade| (tape_key(&trade), Either::Tape(Box::new(trade))));
        let mut chosen = self.chosen(own);
        chosen.extend(self.chosen(tape));
        chosen.sort_by_key(|(key, _)| (key.at_ms, key.id));
        if !self.oldest_first {
            chosen.reverse();
        }
        self.cut(&chosen, |either| shape(either))
    }

    /// The first of the trades asked for in the order wanted, one more than fit.
    fn chosen<T>(&self, trades: impl DoubleEndedIterator<Item = (Key, T)>) -> Vec<(Key, T)> {
        let held = trades.filter(|(key, _)| self.holds(key));
        if self.oldest_first {
            held.take(self.count + 1).collect()
        } else {
            held.rev().take(self.count + 1).collect()
        }
    }

    fn cut<T>(&self, chosen: &[(Key, T)], shape: impl Fn(&T) -> Value) -> Value {
        let has_more = chosen.len() > self.count;
        let shown = chosen.iter().take(self.count);
        let trades: Vec<Value> = shown.map(|(_, trade)| shape(trade)).collect();
        json!({"trades": trades, "has_more": has_more})
    }

    fn holds(&self, key: &Key) -> bool {
        (self.start_ms..=self.end_ms).contains(&key.at_ms)
            && self.start_id.is_none_or(|start| key.id >= start)
            && self.end_id.is_none_or(|end| key.id <= end)
            && self.start_seq.is_none_or(|start| key.seq >= start)
            && self.end_seq.is_none_or(|end| key.seq <= end)
    }

    pub(super) fn end_ms(&self) -> i64 {
        self.end_ms
    }
}

/// A trade of this account or of others.
pub(super) enum Either<'a> {
    Own(&'a Print),
    Tape(Box<TapeTrade>),
}

/// What the filters look at.
struct Key {
    at_ms: i64,
    id: u64,
    seq: i64,
}

fn key(print: &Print) -> Key {
    let fill = &print.trade.fill;
    Key {
        at_ms: fill.at_ms,
        id: number(&fill.trade_id).unwrap_or(0),
        seq: print.seq as i64,
    }
}

fn tape_key(trade: &TapeTrade) -> Key {
    Key {
        at_ms: trade.at_ms,
        id: trade.number,
        seq: trade.number as i64,
    }
}

/// Most trades in an answer.
const COUNT_MAX: usize = 1_000;

/// The digits of `123` and `ETH-123`.
fn number(id: &str) -> Option<u64> {
    id.rsplit('-').next()?.parse().ok()
}
