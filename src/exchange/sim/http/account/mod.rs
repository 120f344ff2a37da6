//! Private methods: the account, its orders, trades and log; and how one gets a token for them.

pub(super) mod cancels;
pub(super) mod log;
pub(super) mod orders;
pub(super) mod positions;
pub(super) mod summary;
pub(super) mod trades;
pub(super) mod trading;

use super::call::Call;
use super::held;
use super::reply::Answer;
use serde_json::json;

/// `public/auth`.
pub(super) async fn auth(call: &Call<'_>) -> Answer {
    let house = call.house;
    held(&house.sessions).auth(call.params, &house.key, &house.clock)
}

/// `private/logout`: the caller's token counts no longer.
pub(super) async fn logout(call: &Call<'_>) -> Answer {
    if let Some(header) = call.header {
        held(&call.house.sessions).forget(header);
    }
    Ok(json!("ok"))
}
