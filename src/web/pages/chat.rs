//! Conversations: the list, and one of them with its questions and answers.

use crate::chat::command::COMMANDS;
use crate::db::chats::{self, MessageRow};
use crate::web::Site;
use crate::web::chat::shown;
use crate::web::error::PageError;
use crate::web::table::Table;
use crate::web::view::View;
use serde_json::{Value, json};

/// Conversations in the list.
const THREADS: i64 = 50;

pub(super) async fn view(site: &Site, path: &[&str]) -> Result<View, PageError> {
    let db = &site.ctx.db;
    let (thread, messages) = match path {
        [] => (None, Vec::new()),
        [id] => {
            let thread = chats::thread(db, id).await?;
            let thread = thread.ok_or_else(|| PageError::not_found("That conversation"))?;
            (Some(thread), chats::messages(db, id).await?)
        }
        _ => return Err(PageError::not_found("That page")),
    };
    let mut said = Vec::new();
    for row in &messages {
        said.push(match row.role.as_str() {
            "user" => json!({ "row": row }),
            _ => shown(site, row).await?,
        });
    }
    let threads = chats::threads(db, &site.ctx.desk, THREADS).await?;
    let title = thread
        .as_ref()
        .map_or("Chat", |thread| thread.title.as_str());
    Ok(View {
        title: title.to_owned(),
        name: "chat",
        fragments: &["threads"],
        values: json!({
            "thread": thread, "messages": said, "threads": threads, "model": model(site), "mode": mode(site), "commands": COMMANDS,
            "cost": costs(&messages),
        }),
        tables: vec![Table::of("messages", COLUMNS, &messages)],
    })
}

const COLUMNS: &[&str] = &[
    "id",
    "n",
    "role",
    "state",
    "text",
    "unsupported",
    "model",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "job",
    "error",
    "created_ms",
    "finished_ms",
];

/// The configured model; null without one.
pub(super) fn model(site: &Site) -> Value {
    let llm = site.ctx.llm.as_ref();
    llm.map_or(Value::Null, |llm| llm.config().model.as_str().into())
}

/// How the model is asked for look-ups; null without one.
fn mode(site: &Site) -> Value {
    let llm = site.ctx.llm.as_ref();
    llm.map_or(Value::Null, |llm| {
        llm.config().structured_mode.as_str().into()
    })
}

/// What the answers cost whose cost is known, null without one, and how many others there are.
fn costs(messages: &[MessageRow]) -> Value {
    let asked = messages.iter().filter(|row| row.model.is_some());
    let (known, unknown): (Vec<_>, Vec<_>) =
        asked.map(|row| row.cost_usd).partition(Option::is_some);
    let sum: f64 = known.iter().flatten().sum();
    json!({ "known": (!known.is_empty()).then_some(sum), "unknown": unknown.len() })
}
