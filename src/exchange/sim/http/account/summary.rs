//! Money per currency, and the account's own settings.

use crate::exchange::facts::{Holding, Summary};
use crate::exchange::sim::http::call::Call;
use crate::exchange::sim::http::market::coins;
use crate::exchange::sim::http::params::{needed, paid_in};
use crate::exchange::sim::http::reply::{Answer, RpcError};
use crate::exchange::sim::http::shape::account;
use crate::exchange::sim::http::shape::trade::merge;
use crate::exchange::sim::quotes::Quotes;
use crate::exchange::sim::venue::{SelfTrade, Venue};
use serde_json::{Value, json};

/// Currencies the account may hold.
const HELD: [&str; 3] = ["BTC", "ETH", "USDC"];

/// `private/get_account_summary`.
pub(in super::super) async fn get_account_summary(call: &Call<'_>) -> Answer {
    let currency = call.params.needed_currency(&[])?;
    let user = call.ask(&[], |venue, _| Ok(account::user(venue))).await?;
    let mut shown = summary_of(call, currency).await?;
    shown["fees"] = account::fees_by_index();
    // The published form has the user's fields in both lengths of the answer.
    merge(&mut shown, user);
    Ok(shown)
}

/// `private/get_account_summaries`.
pub(in super::super) async fn get_account_summaries(call: &Call<'_>) -> Answer {
    let mut shown = call.ask(&[], |venue, _| Ok(account::user(venue))).await?;
    let mut summaries = Vec::new();
    for currency in HELD {
        let mut summary = summary_of(call, currency).await?;
        summary["fees"] = account::fees_as_list();
        summaries.push(summary);
    }
    shown["summaries"] = Value::Array(summaries);
    Ok(shown)
}

async fn summary_of(call: &Call<'_>, currency: &str) -> Answer {
    let coins = coins(currency);
    let valued = |venue: &mut Venue, quotes: &Quotes| {
        let held = coins.iter().flat_map(|coin| venue.holdings(*coin, quotes));
        let held = held.filter(|held| paid_in(&held.instrument, currency));
        let held: Vec<Holding> = held.collect();
        let summary: Summary = venue.summary(currency, quotes);
        Ok(account::summary(&summary, &held))
    };
    call.ask(&coins, valued).await
}

/// `private/set_self_trading_config`.
pub(in super::super) async fn set_self_trading_config(call: &Call<'_>) -> Answer {
    let modes = ["reject_taker", "cancel_maker"];
    let mode = match needed("mode", call.params.choice("mode", &modes)?)? {
        "cancel_maker" => SelfTrade::CancelMaker,
        _ => SelfTrade::RejectTaker,
    };
    let extended = call.params.flag("extended_to_subaccounts")?;
    if needed("extended_to_subaccounts", extended)? {
        return Err(RpcError::param(
            "extended_to_subaccounts",
            "there are no subaccounts",
        ));
    }
    call.ask(&[], |venue, _| {
        venue.set_self_trade(mode);
        Ok(json!("ok"))
    })
    .await
}
