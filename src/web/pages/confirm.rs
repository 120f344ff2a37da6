//! The page between a dangerous action and its effect; it needs no script.

use super::jobs::filter;
use super::query::Query;
use crate::db::jobs;
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::view::View;
use serde_json::json;

/// (action, heading, what will happen, word on the button)
const ACTIONS: &[(&str, &str, &str, &str)] = &[
    (
        "kill",
        "Pull the kill switch?",
        "Nothing opens any more and working orders are cancelled. Open calls stay and are managed; close them with Close all. It stays on until you turn it off.",
        "Kill switch on",
    ),
    (
        "close-all",
        "Close all positions?",
        "Every open call is bought back. Cover stays; the desk goes on with its present state.",
        "Close all",
    ),
    (
        "close",
        "Close this position?",
        "The call is bought back.",
        "Close position",
    ),
    (
        "cancel-orders",
        "Cancel all working orders?",
        "Orders that rest on the exchange are taken back. Positions stay as they are.",
        "Cancel orders",
    ),
    (
        "stop",
        "Stop the desk?",
        "Ticks do nothing until it is started again. Expiries are still settled; open positions are not managed.",
        "Stop",
    ),
    (
        "send-orders",
        "Send orders to the exchange?",
        "The dry run ends: the desk stops, and the balances and positions of the account take the place of the dry run's. Look at them, then press Start; from then on orders are real.",
        "Send orders",
    ),
    (
        "dry-run",
        "Back to a dry run?",
        "Working orders are taken back and the desk stops. Positions stay at the exchange, and nobody manages them there any more.",
        "Dry run",
    ),
    (
        "jobs-retry-all",
        "Retry all that match?",
        "Each gets one more attempt; its history stays. Jobs that run or have succeeded are left alone.",
        "Retry all",
    ),
    (
        "jobs-cancel-all",
        "Cancel all that match?",
        "Waiting jobs never run, running ones are asked to stop. Finished jobs are left alone.",
        "Cancel all",
    ),
];

/// Jobs that one confirmation changes.
const ALL_MAX: i64 = 1_000;

pub(super) async fn view(site: &Site, action: &str, query: &Query) -> Result<View, PageError> {
    let (_, heading, effect, button) = ACTIONS
        .iter()
        .find(|(name, ..)| *name == action)
        .ok_or_else(|| PageError::not_found("That action"))?;
    let q = query.get("q");
    let matching = match q.filter(|_| action.starts_with("jobs-")) {
        Some(text) => Some(matching(site, text).await?),
        None => None,
    };
    let back = q.map(|q| Query::default().with("/jobs", &[("q", q)]));
    Ok(View {
        title: (*heading).to_owned(),
        name: "confirm",
        fragments: &[],
        values: json!({
            "action": action, "heading": heading, "effect": effect, "button": button,
            "instrument": query.get("instrument"), "q": q, "matching": matching,
            "back": back.unwrap_or_else(|| "/".to_owned()),
        }),
        tables: Vec::new(),
    })
}

/// How many jobs a search finds, up to what one action changes.
async fn matching(site: &Site, text: &str) -> Result<usize, PageError> {
    let filter = jobs::Filter {
        limit: ALL_MAX,
        ..filter(text, &site.ctx.desk)
    };
    Ok(jobs::list(&site.ctx.db, &filter).await?.len())
}
