//! The page between a dangerous action and its effect; it needs no script.

use super::query::Query;
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
];

pub(super) fn view(action: &str, query: &Query) -> Result<View, PageError> {
    let (_, heading, effect, button) = ACTIONS
        .iter()
        .find(|(name, ..)| *name == action)
        .ok_or_else(|| PageError::not_found("That action"))?;
    Ok(View {
        title: (*heading).to_owned(),
        name: "confirm",
        fragments: &[],
        values: json!({
            "action": action, "heading": heading, "effect": effect, "button": button,
            "instrument": query.get("instrument"),
        }),
        tables: Vec::new(),
    })
}
