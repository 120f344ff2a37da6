//! What jobs that decide have in common: gather a context, record a step in one transaction.

mod adopt;
mod gather;
mod model;
mod rebuild;
mod record;
mod value;

pub(super) use adopt::{Moment, adopt};
pub(super) use gather::gather;
pub(super) use model::{PAST_MAX, became, past, take};
pub use rebuild::{Rebuilt, rebuild};
pub(super) use rebuild::{stored_chain, synthetic};
pub(super) use record::{Recorded, failed, record};

use crate::clock::derived_id;
use crate::ctx::Ctx;
use crate::domain::coin::Coin;

/// The id of a decision: the same job deciding again for the same instant makes the same row.
pub(super) fn decision_id(ctx: &Ctx, coin: Coin, as_of_ms: i64, key: &str) -> String {
    let at = as_of_ms.to_string();
    derived_id(as_of_ms, &["decision", &ctx.desk, coin.as_str(), &at, key])
}
