//! Asking, and the stream of an answer: pieces of its text and its parts as they are written.
//!
//! Every event's id says how far the reader is (`MESSAGE:PART:BYTES`), so a stream that was cut goes on from there.

use super::access::Actor;
use super::error::PageError;
use super::pages::Query;
use super::{Site, receipts, view};
use crate::db::access::audit;
use crate::db::chat_drafts;
use crate::db::chats::{self, MessageRow, PartRow};
use crate::jobs::chat::{self, Asked};
use axum::Form;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Redirect;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

/// How often a growing answer is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(150);

#[derive(serde::Deserialize)]
pub(super) struct Question {
    text: String,
    thread: Option<String>,
}

/// The form of the page: stores the question and goes to where the answer appears.
pub(super) async fn post(
    State(site): State<Site>,
    Extension(actor): Extension<Actor>,
    Form(question): Form<Question>,
) -> Result<Redirect, PageError> {
    let thread = question.thread.as_deref().filter(|id| !id.is_empty());
    let asked = store(&site, &actor, thread, &question.text).await?;
    Ok(Redirect::to(&format!("/chat/{}#end", asked.thread)))
}

/// The question, its empty answer, its job and its line in the audit trail, in one transaction.
pub(super) async fn store(
    site: &Site,
    actor: &Actor,
    thread: Option<&str>,
    text: &str,
) -> Result<Asked, PageError> {
    let ctx = &site.ctx;
    let mut tx = ctx.db.begin().await?;
    let asked = chat::ask(&mut tx, ctx, &actor.0, thread, text)
        .await
        .map_err(|error| {
            PageError::bad_request(
                format!("{error:#}"),
                "Write a question, or a command such as /help.",
            )
        })?;
    audit(
        &mut tx,
        &ctx.clock,
        &actor.0,
        "chat",
        Some(&asked.message),
        json!(asked),
    )
    .await?;
    tx.commit().await?;
    Ok(asked)
}

/// State of one stream.
struct Following {
    site: Site,
    message: String,
    /// The part that is being read, and how many bytes of its text were sent.
    n: i64,
    at: usize,
    waiting: VecDeque<Event>,
    ended: bool,
}

/// `/chat/THREAD/events?message=ID`, from the beginning or from `Last-Event-ID`.
pub(super) async fn stream(
    State(site): State<Site>,
    Path(thread): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, PageError> {
    let query = Query::of(&uri);
    let id = query.get("message").unwrap_or_default().to_owned();
    let row = chats::message(&site.ctx.db, &id).await?;
    row.filter(|row| row.thread == thread)
        .ok_or_else(|| PageError::not_found("That answer"))?;
    let last = headers
        .get("last-event-id")
        .and_then(|last| last.to_str().ok());
    let (n, at) = last.and_then(|last| place(&id, last)).unwrap_or((1, 0));
    let following = Following {
        site,
        message: id,
        n,
        at,
        waiting: VecDeque::new(),
        ended: false,
    };
    let events = futures::stream::unfold(following, |mut following| async move {
        let event = following.next().await?;
        Some((Ok(event), following))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

/// `MESSAGE:PART:BYTES`
fn place(message: &str, last: &str) -> Option<(i64, usize)> {
    let (n, at) = last
        .strip_prefix(message)?
        .strip_prefix(':')?
        .split_once(':')?;
    Some((n.parse().ok()?, at.parse().ok()?))
}

impl Following {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            if let Err(error) = self.look().await {
                tracing::warn!(error = %error.detail, "an answer could not be followed");
            }
            if self.waiting.is_empty() && !self.ended {
                let shutdown = self.site.shutdown.clone();
                tokio::select! {
                    () = shutdown.cancelled() => return None,
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            }
        }
    }

    async fn look(&mut self) -> Result<(), PageError> {
        let db = &self.site.ctx.db;
        // The row first: parts that are written after it was read come with the next look.
        let row = chats::message(db, &self.message).await?;
        let row = row.ok_or_else(|| PageError::not_found("That answer"))?;
        for part in chats::parts(db, &self.message, self.n).await? {
            self.send(&part).await?;
        }
        if !row.is_open() {
            let html = whole(&self.site, &row).await?;
            self.push("done", &json!({ "html": html }));
            self.ended = true;
        }
        Ok(())
    }

    async fn send(&mut self, part: &PartRow) -> Result<(), PageError> {
        if part.n > self.n {
            (self.n, self.at) = (part.n, 0);
        }
        if part.kind == "text" {
            let more = part.text.get(self.at..).unwrap_or_default().to_owned();
            if !more.is_empty() {
                let from = self.at;
                self.at = part.text.len();
                self.push(
                    "text",
                    &json!({"n": part.n, "at": from, "text": more, "next": self.at}),
                );
            }
            return Ok(());
        }
        let drafts = drafts(&self.site, &self.message).await?;
        let values = json!({"message": self.message, "p": receipts::part(part, &drafts)});
        let html = view::render(&self.site, "chat/part.html", &values)?;
        self.n += 1;
        self.at = 0;
        self.push("part", &json!({"n": part.n, "html": html}));
        Ok(())
    }

    fn push(&mut self, name: &str, data: &Value) {
        let id = format!("{}:{}:{}", self.message, self.n, self.at);
        let event = Event::default().event(name).id(id).data(data.to_string());
        self.waiting.push_back(event);
    }
}

pub(super) async fn drafts(site: &Site, message: &str) -> Result<Value, PageError> {
    Ok(json!(chat_drafts::of_message(&site.ctx.db, message).await?))
}

/// An answer with everything that belongs to it.
pub(super) async fn shown(site: &Site, row: &MessageRow) -> Result<Value, PageError> {
    let parts = chats::parts(&site.ctx.db, &row.id, 1).await?;
    Ok(receipts::answer(row, &parts, &drafts(site, &row.id).await?))
}

async fn whole(site: &Site, row: &MessageRow) -> Result<String, PageError> {
    let values = json!({
        "a": shown(site, row).await?, "desk_now_ms": site.ctx.clock.now_ms(), "wall_now_ms": site.ctx.clock.wall_ms(),
    });
    Ok(view::render(site, "chat/answer.html", &values)?)
}
