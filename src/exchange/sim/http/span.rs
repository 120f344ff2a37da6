//! Which trades a call asks for: by id, number or time, how many, from which end.

use super::params::{Params, needed};
use super::reply::RpcError;
use crate::exchange::sim::venue::Print;
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
            count: params.count(10, 1_000)?,
            oldest_first: match sorting {
                Some("asc") => true,
                Some("desc") => false,
                _ => started,
            },
        })
    }

    /// As [`Self::of`], with both times required.
    pub(super) fn timed(params: &Params) -> Result<Self, RpcError> {
        needed("start_timestamp", params.whole("start_timestamp")?)?;
        needed("end_timestamp", params.whole("end_timestamp")?)?;
        Self::of(params)
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
        let mut chosen: Vec<&Print> = prints.filter(|print| self.holds(print)).collect();
        if !self.oldest_first {
            chosen.reverse();
        }
        let has_more = chosen.len() > self.count;
        let shown = chosen.into_iter().take(self.count);
        json!({"trades": shown.map(shape).collect::<Vec<_>>(), "has_more": has_more})
    }

    fn holds(&self, print: &Print) -> bool {
        let fill = &print.trade.fill;
        let (id, seq) = (number(&fill.trade_id).unwrap_or(0), print.seq as i64);
        (self.start_ms..=self.end_ms).contains(&fill.at_ms)
            && self.start_id.is_none_or(|start| id >= start)
            && self.end_id.is_none_or(|end| id <= end)
            && self.start_seq.is_none_or(|start| seq >= start)
            && self.end_seq.is_none_or(|end| seq <= end)
    }
}

/// The digits of `123` and `ETH-123`.
fn number(id: &str) -> Option<u64> {
    id.rsplit('-').next()?.parse().ok()
}
