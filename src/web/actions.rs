//! What a person may change: controls of the desk and of the queue. Every action is one transaction
//! with its line in the audit trail, and answers with a redirect back to the page.

use super::Site;
use super::access::Actor;
use super::error::PageError;
use super::pages::encode;
use crate::db::Tx;
use crate::db::access::audit;
use crate::db::desks::{self, DeskState};
use axum::Form;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, header};
use axum::response::Redirect;
use serde_json::json;

/// What a form may carry; each action reads its own fields.
pub(super) type Fields = Vec<(String, String)>;

pub(super) async fn act(
    State(site): State<Site>,
    Extension(actor): Extension<Actor>,
    Path(action): Path<String>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Result<Redirect, PageError> {
    let mut tx = site.ctx.db.begin().await?;
    let notice = perform(&site, &mut tx, &action, &fields).await?;
    let detail = json!({ "fields": fields, "notice": notice });
    let target = first(&fields, "id").or_else(|| first(&fields, "instrument"));
    audit(&mut tx, &site.ctx.clock, &actor.0, &action, target, detail).await?;
    tx.commit().await?;
    Ok(Redirect::to(&back(&headers, &action, &notice)))
}

async fn perform(
    site: &Site,
    tx: &mut Tx,
    action: &str,
    fields: &Fields,
) -> Result<String, PageError> {
    let (desk, now_ms) = (&site.ctx.desk, site.ctx.clock.wall_ms());
    match action {
        "start" => {
            desks::set_state(tx, desk, DeskState::Running, now_ms).await?;
            Ok("The desk runs.".to_owned())
        }
        "pause" => {
            desks::set_state(tx, desk, DeskState::Paused, now_ms).await?;
            Ok("The desk is paused: it manages what is open and opens nothing.".to_owned())
        }
        "stop" => {
            confirmed(fields)?;
            desks::set_state(tx, desk, DeskState::Stopped, now_ms).await?;
            Ok("The desk is stopped.".to_owned())
        }
        "kill" => {
            confirmed(fields)?;
            desks::set_kill_switch(tx, desk, true, now_ms).await?;
            Ok("The kill switch is on: nothing opens, positions are closed.".to_owned())
        }
        "kill-off" => {
            desks::set_kill_switch(tx, desk, false, now_ms).await?;
            Ok("The kill switch is off.".to_owned())
        }
        "close-only" => {
            let on = first(fields, "on") == Some("yes");
            desks::set_close_only(tx, desk, on, now_ms).await?;
            Ok(format!("Close-only is {}.", if on { "on" } else { "off" }))
        }
        _ => Err(PageError::not_found("That action")),
    }
}

/// Dangerous actions come from the confirmation page and nowhere else.
fn confirmed(fields: &Fields) -> Result<(), PageError> {
    if first(fields, "confirmed") == Some("yes") {
        return Ok(());
    }
    Err(PageError::bad_request(
        "This action wants to be confirmed",
        "Open /confirm/NAME first and press its button; programs send confirmed=yes.",
    ))
}

pub(super) fn first<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// The page the form was on, with the outcome in words; confirmations go back to the desk.
fn back(headers: &HeaderMap, _action: &str, notice: &str) -> String {
    let path = headers
        .get(header::REFERER)
        .and_then(|referer| referer.to_str().ok())
        .and_then(|referer| referer.parse::<axum::http::Uri>().ok())
        .map_or_else(|| "/".to_owned(), |uri| uri.path().to_owned());
    let path = if path.starts_with("/confirm/") {
        "/"
    } else {
        &path
    };
    format!("{path}?notice={}", encode(notice))
}
