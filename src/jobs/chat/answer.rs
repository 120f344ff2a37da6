//! An answer while it is written: its parts in the database, and at its end the receipts of its numbers.

use super::draft;
use crate::chat::facts::Facts;
use crate::chat::found::Found;
use crate::chat::{lookup, receipts};
use crate::clock::Stopwatch;
use crate::ctx::Ctx;
use crate::db::chat_drafts::{self, DraftRow};
use crate::db::chats::{self, MessageRow, PartRow};
use serde_json::{Value, json};

/// The parts so far.
pub(super) struct Answer {
    ctx: Ctx,
    row: MessageRow,
    parts: Vec<PartRow>,
    facts: Facts,
}

impl Answer {
    /// Takes away what an earlier attempt wrote.
    pub(super) async fn begin(ctx: &Ctx, row: MessageRow) -> anyhow::Result<Self> {
        let mut tx = ctx.db.begin().await?;
        chats::begin_answer(&mut tx, &row.id).await?;
        tx.commit().await?;
        Ok(Self {
            ctx: ctx.clone(),
            row,
            parts: Vec::new(),
            facts: Facts::default(),
        })
    }

    pub(super) fn ctx(&self) -> &Ctx {
        &self.ctx
    }

    pub(super) fn row(&mut self) -> &mut MessageRow {
        &mut self.row
    }

    /// There is no answer, for this reason.
    pub(super) fn fail(&mut self, why: impl Into<String>) {
        self.row.error = Some(why.into());
    }

    /// A text that is whole.
    pub(super) async fn text(&mut self, text: &str) -> anyhow::Result<()> {
        self.begin_text();
        self.put_text(text).await
    }

    /// The next pieces are a text of their own.
    pub(super) fn begin_text(&mut self) {
        let part = self.part("text");
        self.parts.push(part);
    }

    /// The text that was begun, as far as it has come. An empty one is not written.
    pub(super) async fn put_text(&mut self, text: &str) -> anyhow::Result<()> {
        let Some(part) = self.parts.last_mut() else {
            return Ok(());
        };
        if text.is_empty() || part.text == text {
            return Ok(());
        }
        text.clone_into(&mut part.text);
        let part = part.clone();
        self.write(&part).await
    }

    /// Takes back a begun text that stayed empty.
    pub(super) fn end_text(&mut self) {
        let empty = |part: &PartRow| part.kind == "text" && part.text.is_empty();
        if self.parts.last().is_some_and(empty) {
            self.parts.pop();
        }
    }

    /// Looks something up and keeps what was found as a part; an error is kept there as well.
    pub(super) async fn look(
        &mut self,
        ctx: &Ctx,
        tool: &str,
        arguments: &Value,
    ) -> anyhow::Result<Result<Found, String>> {
        let since = Stopwatch::start();
        let found = lookup::look(ctx, tool, arguments).await;
        let mut part = self.part("tool");
        part.tool = Some(tool.to_owned());
        part.arguments = Some(arguments.clone());
        part.took_ms = i64::try_from(since.elapsed().as_millis()).ok();
        match &found {
            Ok(found) => {
                part.rows = Some(found.rows());
                part.result = Some(found.value());
                self.facts.add(part.n, found);
            }
            Err(error) => part.text.clone_from(error),
        }
        self.write(&part).await?;
        self.parts.push(part);
        Ok(found)
    }

    /// A card that waits for a person; gives what the model is told about it.
    pub(super) async fn draft(
        &mut self,
        arguments: &Value,
    ) -> anyhow::Result<Result<String, String>> {
        let kind = arguments["kind"].as_str().unwrap_or_default();
        let args = draft::args(kind, &arguments["args"]);
        let mut part = self.part(if args.is_ok() { "draft" } else { "tool" });
        part.tool = Some("draft_job".to_owned());
        part.arguments = Some(arguments.clone());
        let args = match args {
            Ok(args) => args,
            Err(error) => {
                part.text.clone_from(&error);
                self.write(&part).await?;
                self.parts.push(part);
                return Ok(Err(error));
            }
        };
        let draft = DraftRow {
            id: self.ctx.clock.id(),
            message: self.row.id.clone(),
            kind: kind.to_owned(),
            args,
            why: arguments["why"].as_str().unwrap_or_default().to_owned(),
            created_ms: self.ctx.clock.wall_ms(),
            ..DraftRow::default()
        };
        part.text.clone_from(&draft.id);
        let mut tx = self.ctx.db.begin().await?;
        chat_drafts::insert(&mut tx, &draft).await?;
        chats::put_part(&mut tx, &part).await?;
        tx.commit().await?;
        self.parts.push(part);
        Ok(Ok("A card is shown to the person. Nothing was started; the person starts it with a click, or not.".to_owned()))
    }

    /// The whole answer with the receipts of its numbers.
    pub(super) async fn end(mut self, stopped: bool) -> anyhow::Result<MessageRow> {
        let looked_up =
            self.parts.iter().any(|part| part.kind == "tool") || self.row.model.is_some();
        let (mut texts, mut cited, mut unsupported) = (Vec::new(), Vec::new(), 0);
        for mut part in std::mem::take(&mut self.parts) {
            if part.kind != "text" || part.text.is_empty() {
                continue;
            }
            texts.push(part.text.clone());
            if !looked_up {
                continue;
            }
            let found = receipts::check(&part.text, &self.facts);
            unsupported += receipts::unsupported(&found);
            cited.extend(receipts::citations(&found));
            part.numbers = Some(serde_json::to_value(&found)?);
            self.write(&part).await?;
        }
        cited.sort();
        cited.dedup_by(|a, b| (&a.table, &a.id) == (&b.table, &b.id));
        let citations = cited
            .iter()
            .map(|row| json!({"table": row.table, "id": row.id}));
        let mut row = self.row;
        row.text = texts.join("\n\n");
        row.citations = Some(citations.collect());
        row.unsupported = Some(unsupported);
        row.finished_ms = Some(self.ctx.clock.wall_ms());
        let state = match (stopped, &row.error) {
            (true, _) => "stopped",
            (false, Some(_)) => "failed",
            (false, None) => "done",
        };
        state.clone_into(&mut row.state);
        Ok(row)
    }

    fn part(&self, kind: &str) -> PartRow {
        PartRow {
            message: self.row.id.clone(),
            n: self.parts.len() as i64 + 1,
            kind: kind.to_owned(),
            ..PartRow::default()
        }
    }

    async fn write(&self, part: &PartRow) -> anyhow::Result<()> {
        let mut tx = self.ctx.db.begin().await?;
        chats::put_part(&mut tx, part).await?;
        Ok(tx.commit().await?)
    }
}
