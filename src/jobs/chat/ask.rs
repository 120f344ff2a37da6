//! A person's part: a question that a job will answer, and the click on a draft.

use super::Chat;
use crate::chat::tools::DRAFTABLE;
use crate::ctx::Ctx;
use crate::db::Tx;
use crate::db::chat_drafts::{self, DraftRow};
use crate::db::chats::{self, MessageRow, ThreadRow};
use crate::jobs::{Options, enqueue, registry, source};
use anyhow::ensure;
use serde::Serialize;

/// Where an answer will be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    pub thread: String,
    /// The answer, empty so far.
    pub message: String,
    pub job: String,
}

/// Longest question, bytes.
const QUESTION_BYTES: usize = 20_000;
/// Letters of a question that name its conversation.
const TITLE: usize = 80;

/// Stores the question with its empty answer, and enqueues the job that writes it.
pub async fn ask(
    tx: &mut Tx,
    ctx: &Ctx,
    who: &str,
    thread: Option<&str>,
    question: &str,
) -> anyhow::Result<Asked> {
    let question = question.trim();
    ensure!(!question.is_empty(), "the question is empty");
    ensure!(
        question.len() <= QUESTION_BYTES,
        "the question is longer than {QUESTION_BYTES} bytes"
    );
    let thread = match thread {
        Some(id) => {
            let known = chats::thread(&ctx.db, id).await?;
            ensure!(known.is_some(), "there is no conversation `{id}`");
            id.to_owned()
        }
        None => ctx.clock.id(),
    };
    let at_ms = ctx.clock.wall_ms();
    let row = ThreadRow {
        id: thread.clone(),
        desk: ctx.desk.clone(),
        title: question.chars().take(TITLE).collect(),
        created_by: who.to_owned(),
        created_ms: at_ms,
        updated_ms: at_ms,
        messages: 0,
    };
    chats::touch(tx, &row).await?;
    let asked = MessageRow {
        id: ctx.clock.id(),
        thread: thread.clone(),
        role: "user".to_owned(),
        state: "done".to_owned(),
        text: question.to_owned(),
        created_ms: at_ms,
        finished_ms: Some(at_ms),
        ..MessageRow::default()
    };
    chats::add_message(tx, &asked).await?;
    let message = ctx.clock.id();
    let job = Chat {
        message: message.clone(),
    };
    let job = enqueue(tx, ctx, &job, Options::default()).await?.id;
    let empty = MessageRow {
        id: message.clone(),
        thread: thread.clone(),
        role: "assistant".to_owned(),
        state: "waiting".to_owned(),
        job: Some(job.clone()),
        created_ms: at_ms,
        ..MessageRow::default()
    };
    chats::add_message(tx, &empty).await?;
    Ok(Asked {
        thread,
        message,
        job,
    })
}

/// A person starts the drafted job; gives its id.
pub async fn confirm(
    tx: &mut Tx,
    ctx: &Ctx,
    who: &str,
    draft: &DraftRow,
) -> anyhow::Result<String> {
    ensure!(
        DRAFTABLE.contains(&draft.kind.as_str()),
        "jobs of kind {} are not started from a draft",
        draft.kind
    );
    if let Some(unknown) = source::unknown(&ctx.db, &draft.kind, &draft.args).await? {
        return Err(unknown.into());
    }
    let kinds = registry::all();
    let made = kinds.enqueue(tx, ctx, &draft.kind, draft.args.clone(), Options::default());
    let job = made.await?.id;
    decide(tx, ctx, who, draft, "confirmed", Some(job.clone())).await?;
    Ok(job)
}

/// A person does not want it.
pub async fn dismiss(tx: &mut Tx, ctx: &Ctx, who: &str, draft: &DraftRow) -> anyhow::Result<()> {
    decide(tx, ctx, who, draft, "dismissed", None).await
}

async fn decide(
    tx: &mut Tx,
    ctx: &Ctx,
    who: &str,
    draft: &DraftRow,
    state: &str,
    job: Option<String>,
) -> anyhow::Result<()> {
    let decided = DraftRow {
        state: state.to_owned(),
        job,
        decided_by: Some(who.to_owned()),
        decided_ms: Some(ctx.clock.wall_ms()),
        ..draft.clone()
    };
    let ours = chat_drafts::decide(tx, &decided).await?;
    ensure!(ours, "this draft was {} already", draft.state);
    Ok(())
}
