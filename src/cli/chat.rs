//! `thetaq chat`: one question to the desk and its answer, as a `chat` job.

use super::Usage;
use super::follow::{live, wait};
use super::output::table;
use super::session::Session;
use crate::ctx::{Ctx, Purpose};
use crate::db::chat_drafts::{self, DraftRow};
use crate::db::chats::{self, MessageRow, PartRow};
use crate::jobs::chat;
use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

/// Ask the desk a question; lines that begin with a slash are answered without a model
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq chat /positions\n  thetaq chat \"/why BTC-30JAN26-90000-C\"\n  thetaq chat \"Why did the desk not sell a BTC call today?\" --json\n  thetaq chat \"And ETH?\" --thread 01KE6Z0V1W3T5Q8R2M4N6P8S0A\n\nA number in the answer that no row holds is followed by [no receipt]. /help lists the commands.\n\nQuestions in words want a model: base_url and model under [llm] in workers.toml, the key, where the server\nwants one, in THETAQ_LLM_API_KEY. `thetaq config` prints every key of [llm] with its meaning."
)]
pub(super) struct Chat {
    /// The question, or a command such as /positions
    question: String,
    /// Conversation to go on with
    #[arg(long, value_name = "ID")]
    thread: Option<String>,
}

impl Chat {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        if self.question.trim().is_empty() {
            return Err(Usage("QUESTION: must not be empty".to_owned()).into());
        }
        let ctx = live(session, Purpose::Watch).await?;
        let mut tx = ctx.db.begin().await?;
        let thread = self.thread.as_deref();
        let asked = chat::ask(&mut tx, &ctx, "command line", thread, &self.question).await?;
        tx.commit().await?;
        wait(&ctx, &asked.job).await?;
        let row = chats::message(&ctx.db, &asked.message).await?;
        let row = row.context("the answer was deleted")?;
        let parts = chats::parts(&ctx.db, &row.id, 1).await?;
        let drafts = chat_drafts::of_message(&ctx.db, &row.id).await?;
        session
            .output
            .result(&document(&row, &parts, &drafts), || {
                text(&row, &parts, &drafts)
            })?;
        ended(&ctx, &row)
    }
}

fn ended(ctx: &Ctx, row: &MessageRow) -> anyhow::Result<()> {
    let no_model = ctx.llm.is_none() && row.text == chat::NO_MODEL;
    anyhow::ensure!(!no_model, "no language model is configured");
    let error = row.error.as_deref().unwrap_or("it was stopped");
    // What is wrong with a command stands for itself.
    anyhow::ensure!(row.state != "failed" || row.model.is_some(), "{error}");
    anyhow::ensure!(row.state == "done", "there is no whole answer: {error}");
    Ok(())
}

fn document(row: &MessageRow, parts: &[PartRow], drafts: &[DraftRow]) -> Value {
    let called = parts.iter().filter(|part| part.kind != "text");
    let tools = called.map(|part| {
        json!({
            "name": part.tool, "arguments": part.arguments, "rows": part.rows, "took_ms": part.took_ms,
            "error": (part.kind == "tool" && !part.text.is_empty()).then_some(&part.text), "result": part.result,
        })
    });
    json!({
        "thread": row.thread, "message": row.id, "state": row.state, "answer": row.text, "citations": row.citations,
        "unsupported": row.unsupported, "tools": tools.collect::<Vec<_>>(),
        "drafts": drafts.iter().map(|draft| json!({"id": draft.id, "kind": draft.kind, "args": draft.args, "why": draft.why, "state": draft.state})).collect::<Vec<_>>(),
        "model": row.model, "tokens": {"input": row.input_tokens, "output": row.output_tokens}, "cost": row.cost_usd,
        "error": row.error, "job": row.job,
    })
}

fn text(row: &MessageRow, parts: &[PartRow], drafts: &[DraftRow]) -> String {
    let mut said: Vec<String> = Vec::new();
    for part in parts {
        match part.kind.as_str() {
            "text" => said.push(marked(part)),
            "tool" if row.model.is_none() => said.push(rows(part)),
            "tool" => said.push(looked_up(part)),
            _ => {}
        }
    }
    for draft in drafts {
        let (kind, why) = (&draft.kind, &draft.why);
        said.push(format!(
            "Proposed: a {kind} job ({why}). The page of the conversation starts it: /chat/{}",
            row.thread
        ));
    }
    said.push(stamp(row));
    said.join("\n\n")
}

/// A look-up of the model, in a line.
fn looked_up(part: &PartRow) -> String {
    let tool = part.tool.as_deref().unwrap_or("tool");
    match part.rows {
        Some(1) => format!("({tool}: 1 row)"),
        Some(rows) => format!("({tool}: {rows} rows)"),
        None => format!("({tool} was refused: {})", part.text),
    }
}

/// What the answer cost, and how to go on.
fn stamp(row: &MessageRow) -> String {
    let mut lines = Vec::new();
    if let Some(count) = row.unsupported.filter(|count| *count > 0) {
        let numbers = if count == 1 { "number" } else { "numbers" };
        lines.push(format!(
            "{count} {numbers} without a receipt: no row that was read holds what is marked"
        ));
    }
    if let Some(model) = &row.model {
        let tokens = row.input_tokens.zip(row.output_tokens);
        let tokens = tokens.map_or_else(
            || "tokens unknown".to_owned(),
            |(input, output)| format!("{input} + {output} tokens"),
        );
        let cost = row.cost_usd.map_or_else(
            || "cost unknown".to_owned(),
            |cost| format!("{cost:.5} USD"),
        );
        lines.push(format!("{model}, {tokens}, {cost}"));
    }
    lines.push(format!("thread {}", row.thread));
    lines.join("\n")
}

/// The text with a word behind every number that has no receipt.
fn marked(part: &PartRow) -> String {
    let mut text = part.text.clone();
    let numbers = part.numbers.as_ref().and_then(Value::as_array);
    for number in numbers.into_iter().flatten().rev() {
        let end = number["end"]
            .as_u64()
            .and_then(|end| usize::try_from(end).ok());
        if let (true, Some(end)) = (
            number["row"].is_null(),
            end.filter(|end| text.is_char_boundary(*end)),
        ) {
            text.insert_str(end, " [no receipt]");
        }
    }
    text
}

fn rows(part: &PartRow) -> String {
    let tables = part
        .result
        .as_ref()
        .and_then(|result| result["tables"].as_array());
    let shown = tables.into_iter().flatten().map(|found| {
        let columns: Vec<&str> = found["columns"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let rows = found["rows"].as_array().into_iter().flatten();
        let rows: Vec<Vec<Value>> = rows
            .map(|row| columns.iter().map(|column| row[*column].clone()).collect())
            .collect();
        table(&columns, &rows)
    });
    shown.collect::<Vec<_>>().join("\n")
}
