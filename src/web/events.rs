//! One stream per page: fragments whose content changed are sent again, by id.
//!
//! Rendering happens only when the cheap mark of `db::pages::status` moved, and a fragment is sent
//! only when its text differs from what this stream sent last.

use super::error::PageError;
use super::view::{self, View};
use super::{Site, pages};
use crate::db::pages::status;
use axum::extract::{Query, State};
use axum::http::Uri;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

/// How often the mark is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(700);

#[derive(serde::Deserialize)]
pub(super) struct Follow {
    /// Address of the page, with its query.
    page: String,
    /// The mark the page was rendered at.
    #[serde(default)]
    mark: String,
}

/// State of one stream.
struct Following {
    site: Site,
    uri: Uri,
    mark: String,
    sent: BTreeMap<String, String>,
    waiting: Vec<Event>,
}

pub(super) async fn stream(
    State(site): State<Site>,
    Query(follow): Query<Follow>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, PageError> {
    let uri: Uri = follow.page.parse().map_err(|_| {
        PageError::bad_request("`page` is no address", "Use page=/jobs, for example.")
    })?;
    pages::open(&site, &uri, pages::Part::Live).await?;
    let following = Following {
        site,
        uri,
        mark: follow.mark,
        sent: BTreeMap::new(),
        waiting: vec![Event::default().event("hello").data("")],
    };
    let events = futures::stream::unfold(following, |mut following| async move {
        let event = following.next().await?;
        Some((Ok(event), following))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

impl Following {
    /// The next fragment to send; `None` once the dashboard stops.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop() {
                return Some(event);
            }
            let shutdown = self.site.shutdown.clone();
            tokio::select! {
                () = shutdown.cancelled() => return None,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if let Err(error) = self.look().await {
                tracing::warn!(error = %error.detail, "a live page could not be refreshed");
            }
        }
    }

    async fn look(&mut self) -> Result<(), PageError> {
        let mark = status::change_mark(&self.site.ctx.db, &self.site.ctx.desk).await?;
        if mark == self.mark {
            return Ok(());
        }
        let view = pages::open(&self.site, &self.uri, pages::Part::Live).await?;
        for (id, html) in self.render(&view).await? {
            if self.sent.get(&id) != Some(&html) {
                let body = serde_json::json!({"id": id, "html": html, "mark": mark});
                self.waiting
                    .push(Event::default().event("fragment").data(body.to_string()));
                self.sent.insert(id, html);
            }
        }
        self.waiting.reverse();
        self.mark = mark;
        Ok(())
    }

    async fn render(&self, view: &View) -> Result<Vec<(String, String)>, PageError> {
        let values = pages::values(&self.site, &self.uri, view).await?;
        let mut parts = vec![
            ("status".to_owned(), "status.html".to_owned()),
            ("nav".to_owned(), "nav.html".to_owned()),
        ];
        parts.extend(
            view.fragments
                .iter()
                .map(|id| ((*id).to_owned(), fragment(view.name, id))),
        );
        let mut rendered = Vec::with_capacity(parts.len());
        for (id, template) in parts {
            let html = view::render(&self.site, &template, &values)?;
            rendered.push((id, html));
        }
        Ok(rendered)
    }
}

/// Where the template of a fragment stands; a text about a result looks the same on every page.
fn fragment(page: &str, id: &str) -> String {
    match id {
        "insight" => "insight.html".to_owned(),
        _ => format!("{page}/{id}.html"),
    }
}
