//! `chat`: one answer of a conversation, written piece by piece where the page and the command line read it.
//!
//! A line that begins with a slash is looked up without a model. Whatever is asked, this job reads: its only
//! writes are the answer's own rows and drafts that wait for a person.

mod answer;
mod ask;
mod draft;
mod model;

pub use ask::{Asked, ask, confirm, dismiss};

use super::{Defaults, Done, Job, JobError, Running};
use crate::chat::command::{self, Command};
use crate::ctx::Ctx;
use crate::db::chats::{self, MessageRow};
use answer::Answer;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Writes the answer that waits under this id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chat {
    /// Id of the empty answer.
    pub message: String,
}

impl Job for Chat {
    const KIND: &'static str = "chat";
    const DEFAULTS: Defaults = Defaults {
        priority: 5,
        concurrency: 4,
        timeout_ms: 600_000,
        max_attempts: 2,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let row = chats::message(&ctx.db, &self.message).await?;
        let row = row
            .with_context(|| format!("there is no answer {} to write", self.message))
            .map_err(JobError::Abort)?;
        let before = chats::messages(&ctx.db, &row.thread).await?;
        let question = before.iter().find(|other| other.n + 1 == row.n);
        let question = question.map_or("", |question| question.text.as_str());
        let mut answer = Answer::begin(&ctx, row.clone()).await?;
        match command::parse(question) {
            Some(command) => by_command(&ctx, &mut answer, command).await?,
            None if ctx.llm.is_none() => answer.text(NO_MODEL).await?,
            None => model::converse(&ctx, job, &mut answer, &before, question).await?,
        }
        finish(job, answer).await
    }
}

/// What a question without a slash gets where no model is configured.
pub const NO_MODEL: &str = "No language model is configured, so only commands are answered: /positions, /decisions, \
    /why CONTRACT, /market, /limits, /jobs, /sql SELECT .. and /help. To set one, put base_url and model under [llm] in \
    workers.toml, its key into THETAQ_LLM_API_KEY, and start thetaq again.";

async fn by_command(ctx: &Ctx, answer: &mut Answer, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Help => answer.text(&command::help()).await,
        Command::Wrong(what) => {
            answer.fail(what);
            Ok(())
        }
        Command::Look(name, arguments) => match answer.look(ctx, name, &arguments).await? {
            Ok(found) if found.rows() == 0 => answer.text("Nothing is there.").await,
            Ok(found) if found.tables.iter().any(|table| table.truncated) => {
                answer
                    .text("These are the first rows; there are more.")
                    .await
            }
            Ok(_) => Ok(()),
            Err(error) => {
                answer.fail(error);
                Ok(())
            }
        },
    }
}

/// The answer and the end of the job, in one transaction; one that was stopped keeps what there is of it.
async fn finish(job: &mut Running, answer: Answer) -> Result<Done, JobError> {
    let ctx = answer.ctx().clone();
    let stopped = job.cancelled();
    let row: MessageRow = answer.end(stopped).await?;
    let done = json!({
        "thread": row.thread, "message": row.id, "state": row.state, "unsupported": row.unsupported, "model": row.model,
        "input_tokens": row.input_tokens, "output_tokens": row.output_tokens, "cost_usd": row.cost_usd, "error": row.error,
    });
    let mut tx = ctx.db.begin().await?;
    chats::end_answer(&mut tx, &row).await?;
    if stopped {
        tx.commit().await?;
        return Err(JobError::Cancelled);
    }
    job.finish(&mut tx, &done).await?;
    tx.commit().await?;
    Ok(done)
}
