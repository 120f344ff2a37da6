//! The conversation with a model: it asks for look-ups until it answers, within its turns and the budget.

use super::answer::Answer;
use super::draft;
use crate::chat::history::{Turn, cut, tokens};
use crate::chat::{partial, prompt, tools};
use crate::clock::iso;
use crate::config::StructuredMode;
use crate::ctx::Ctx;
use crate::db::chats::MessageRow;
use crate::jobs::Running;
use crate::jobs::llm_call::{Subject, call_streaming};
use crate::llm::{Answer as Form, Ask, Message, Outcome, Purpose, Reply, ToolCall};
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Times the model is asked for one answer.
const TURNS: usize = 8;
/// Look-ups of one answer.
const CALLS: usize = 24;
/// Tokens of earlier questions and answers that are said again.
const HISTORY_TOKENS: usize = 4_000;
/// Bytes of one result that the model is shown.
const RESULT_BYTES: usize = 12_000;
/// Statements that may fail in one answer: the first, and one more try.
const SQL_FAILURES: usize = 2;
/// How often a growing text is written.
const WRITE_EVERY: Duration = Duration::from_millis(150);

/// Asks, looks up, asks again; what went wrong becomes the answer's error.
pub(super) async fn converse(
    ctx: &Ctx,
    job: &Running,
    answer: &mut Answer,
    before: &[MessageRow],
    question: &str,
) -> anyhow::Result<()> {
    let subject = Subject {
        thread: Some(answer.row().thread.clone()),
        ..Subject::default()
    };
    let mut talk = Talk {
        messages: opening(ctx, before, answer.row().n, question),
        calls: 0,
        sql_failures: 0,
    };
    for turn in 0..TURNS {
        let last = turn + 1 == TURNS || talk.calls >= CALLS;
        let ask = Ask {
            purpose: Purpose::Chat,
            model: None,
            messages: talk.messages.clone(),
            answer: if last {
                Form::Text
            } else {
                Form::Tools(tools::all(&draft::told()))
            },
            prompt_version: prompt::VERSION.to_owned(),
        };
        job.progress(turn as f64 / TURNS as f64, "asking the model")
            .await;
        let (reply, _) = streamed(ctx, job, answer, &subject, &ask).await?;
        count(ctx, answer, &reply);
        if reply.outcome != Outcome::Ok {
            if reply.outcome != Outcome::Cancelled {
                let llm = ctx.llm.as_ref();
                let error = llm.and_then(|llm| llm.explained(&reply));
                answer.fail(error.unwrap_or_default());
            }
            return Ok(());
        }
        if reply.calls.is_empty() || last {
            return Ok(());
        }
        talk.take_up(ctx, job, answer, reply).await?;
        if job.cancelled() {
            return Ok(());
        }
    }
    Ok(())
}

/// The system message, the latest of the conversation, and the question.
fn opening(ctx: &Ctx, before: &[MessageRow], n: i64, question: &str) -> Vec<Message> {
    let mut messages = vec![Message::System(prompt::chat(
        &iso(ctx.clock.now_ms()),
        &ctx.desk,
    ))];
    let earlier: Vec<Turn> = before
        .iter()
        .filter(|asked| asked.role == "user" && asked.n + 1 < n)
        .map(|asked| Turn {
            question: asked.text.clone(),
            answer: before
                .iter()
                .find(|reply| reply.n == asked.n + 1)
                .map_or_else(String::new, |reply| reply.text.clone()),
        })
        .filter(|turn| !turn.answer.is_empty() && !turn.question.starts_with('/'))
        .collect();
    let budget = HISTORY_TOKENS.saturating_sub(tokens(question));
    let (kept, left_out) = cut(&earlier, budget);
    if left_out > 0 {
        messages.push(Message::System(format!(
            "The first {left_out} questions of this conversation are left out."
        )));
    }
    for turn in kept {
        messages.push(Message::User(turn.question.clone()));
        messages.push(Message::Assistant {
            text: Some(turn.answer.clone()),
            calls: Vec::new(),
        });
    }
    messages.push(Message::User(question.to_owned()));
    messages
}

/// Asks, and writes the text while it comes.
async fn streamed(
    ctx: &Ctx,
    job: &Running,
    answer: &mut Answer,
    subject: &Subject,
    ask: &Ask,
) -> anyhow::Result<(Reply, String)> {
    let text = Mutex::new(String::new());
    let functions = ctx
        .llm
        .as_ref()
        .is_some_and(|llm| llm.config().structured_mode == StructuredMode::Tool);
    let inside = !functions && matches!(ask.answer, Form::Tools(_));
    let so_far = || {
        let text = text.lock().unwrap_or_else(PoisonError::into_inner);
        if inside {
            partial::answer(&text)
        } else {
            text.clone()
        }
    };
    answer.begin_text();
    let asked = call_streaming(ctx, job, subject, ask, |piece| {
        let mut text = text.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(piece);
    });
    let mut asked = std::pin::pin!(asked);
    let reply = loop {
        tokio::select! {
            reply = &mut asked => break reply?,
            () = tokio::time::sleep(WRITE_EVERY) => answer.put_text(&so_far()).await?,
        }
    };
    // Of an answer that did not come to its end, what came is kept.
    let whole = match reply.0.outcome {
        Outcome::Ok if !reply.0.text.is_empty() => reply.0.text.clone(),
        _ => so_far(),
    };
    answer.put_text(&whole).await?;
    answer.end_text();
    Ok(reply)
}

/// Tokens and cost of all calls of the answer; unknown as soon as one is unknown.
fn count(ctx: &Ctx, answer: &mut Answer, reply: &Reply) {
    let cost = ctx.llm.as_ref().and_then(|llm| llm.cost_usd(&reply.usage));
    let configured = ctx.llm.as_ref().map(|llm| llm.config().model.clone());
    let row = answer.row();
    let first = row.model.is_none();
    if reply.attempts == 0 {
        // Nothing was sent: that is known to cost nothing.
        if first {
            (row.input_tokens, row.output_tokens, row.cost_usd) = (Some(0), Some(0), Some(0.0));
        }
        row.model = row.model.take().or(configured);
        return;
    }
    let sum = |known: Option<i64>, more: Option<i64>| {
        let known = if first { Some(0) } else { known };
        known.zip(more).map(|(known, more)| known + more)
    };
    row.input_tokens = sum(row.input_tokens, reply.usage.input_tokens);
    row.output_tokens = sum(row.output_tokens, reply.usage.output_tokens);
    let known = if first { Some(0.0) } else { row.cost_usd };
    row.cost_usd = known.zip(cost).map(|(known, more)| known + more);
    row.model = reply.model.clone().or(configured);
}

/// What is said to the model, and what it may still do.
struct Talk {
    messages: Vec<Message>,
    calls: usize,
    sql_failures: usize,
}

impl Talk {
    /// Does what the model asked for, and tells it what came of it.
    async fn take_up(
        &mut self,
        ctx: &Ctx,
        job: &Running,
        answer: &mut Answer,
        reply: Reply,
    ) -> anyhow::Result<()> {
        let calls = reply.calls.clone();
        self.messages.push(Message::Assistant {
            text: Some(reply.text).filter(|text| !text.is_empty()),
            calls: reply.calls,
        });
        for call in calls {
            self.calls += 1;
            let text = if self.calls > CALLS || job.cancelled() {
                refusal("no more look-ups in this answer: answer with what is known")
            } else {
                self.one(ctx, answer, &call).await?
            };
            self.messages.push(Message::Tool {
                call: call.id,
                text,
            });
        }
        Ok(())
    }

    async fn one(
        &mut self,
        ctx: &Ctx,
        answer: &mut Answer,
        call: &ToolCall,
    ) -> anyhow::Result<String> {
        let given = if call.arguments.trim().is_empty() {
            "{}"
        } else {
            &call.arguments
        };
        let arguments: Value = match serde_json::from_str(given) {
            Ok(arguments @ Value::Object(_)) => arguments,
            _ => return Ok(refusal("the arguments are no JSON object")),
        };
        if call.name == tools::DRAFT {
            return Ok(match answer.draft(&arguments).await? {
                Ok(told) => json!({ "draft": told }).to_string(),
                Err(error) => refusal(&error),
            });
        }
        let sql = call.name == tools::QUERY;
        if sql && self.sql_failures >= SQL_FAILURES {
            return Ok(refusal(
                "two statements failed already: use the other tools, or say what is not known",
            ));
        }
        Ok(match answer.look(ctx, &call.name, &arguments).await? {
            Ok(found) => found.text(RESULT_BYTES),
            Err(error) => {
                self.sql_failures += usize::from(sql);
                refusal(&error)
            }
        })
    }
}

fn refusal(why: &str) -> String {
    json!({ "error": why }).to_string()
}
