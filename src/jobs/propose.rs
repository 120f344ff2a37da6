//! Asks the model for a decision about one tick: at most one repair, every call kept, nothing traded here.
//!
//! It runs outside of any transaction: a slow model holds up nobody. What its answer comes to is for
//! [`step_said`](crate::step::step_said), the same for a tick, a backtest and a decision made again.

use super::llm_call::{self, Subject};
use crate::backtest::Answers;
use crate::clock::{Stopwatch, derived_id};
use crate::ctx::{Ctx, LIVE};
use crate::db::llm_calls::{self, Became, LlmCallRow};
use crate::domain::context::Context;
use crate::domain::settings::Settings;
use crate::jobs::Running;
use crate::llm::{self, Answer, Ask, Llm, Message, Outcome, Purpose, Reply};
use crate::policy::llm::{Menu, Past, Question, Rejection, Said, repair};
use crate::step::StepInput;
use anyhow::{Context as _, bail};
use std::time::Duration;

/// What a model is asked about.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    pub context: &'a Context,
    pub settings: &'a Settings,
    /// What the desk did lately in this underlying, newest first.
    pub past: &'a [Past],
    pub purpose: Purpose,
    /// Another model than the configured one.
    pub model: Option<&'a str>,
    /// The decision it is about, or the run it belongs to.
    pub decision: Option<&'a str>,
    pub backtest: Option<&'a str>,
    pub answers: Answers,
    /// Stored answers are looked for first; the live desk always asks.
    pub replayed: bool,
}

impl<'a> Asked<'a> {
    /// About a decision of the desk; a replayed desk takes stored answers.
    pub(super) fn of_desk(ctx: &Ctx, input: &StepInput<'a>, past: &'a [Past]) -> Self {
        Self {
            context: input.context,
            settings: input.settings,
            past,
            purpose: Purpose::Decision,
            model: None,
            decision: Some(input.decision),
            backtest: None,
            answers: ctx.config.policy.answers,
            replayed: ctx.desk != LIVE,
        }
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Proposal {
    pub menu: Menu,
    pub said: Said,
    /// The rows of `llm_calls` that were written, in order; what was said is in the last.
    pub calls: Vec<String>,
}

/// Asks, or takes a stored answer to the same request. Fails without a model, a database, or a stored answer
/// that there should be; whatever else goes wrong is what was said.
pub async fn propose_llm(ctx: &Ctx, job: &Running, asked: &Asked<'_>) -> anyhow::Result<Proposal> {
    let menu = Menu::of(asked.context, asked.settings);
    let mut proposal = Proposal {
        menu,
        said: Said::NotAsked,
        calls: Vec::new(),
    };
    if !proposal.menu.is_open() {
        return Ok(proposal);
    }
    let watch = Stopwatch::start();
    let llm = llm_call::model(ctx)?;
    let patience = Duration::from_millis(llm.config().timeout_ms);
    let question = Question::new(&proposal.menu, asked.context, asked.settings, asked.past)?;
    let mut ask = ask(&question, asked);
    let reply = exchange(ctx, job, &llm, asked, &ask, &mut proposal).await?;
    if is_worth_repairing(reply.outcome) && watch.elapsed() < patience {
        let problem = reply.error.as_deref().unwrap_or_default();
        ask.messages.push(Message::Assistant {
            text: Some(reply.text.clone()),
            calls: Vec::new(),
        });
        ask.messages.push(Message::User(repair(problem)?));
        exchange(ctx, job, &llm, asked, &ask, &mut proposal).await?;
    }
    let late =
        watch.elapsed() > Duration::from_millis(asked.settings.quote_max_age_ms.unsigned_abs());
    if late && matches!(proposal.said, Said::Chose(_)) {
        let error = format!(
            "the answer came {} ms after the quotes it is about, later than quote_max_age_ms",
            watch.elapsed().as_millis()
        );
        proposal.refuse(ctx, Outcome::Timeout, error).await?;
    }
    Ok(proposal)
}

/// The question as the client takes it.
fn ask(question: &Question, asked: &Asked<'_>) -> Ask {
    Ask {
        purpose: asked.purpose,
        model: asked.model.map(str::to_owned),
        messages: vec![
            Message::System(question.system.clone()),
            Message::User(question.user.clone()),
        ],
        answer: answer(question.schema.clone()),
        prompt_version: question.version.to_owned(),
    }
}

fn answer(schema: serde_json::Value) -> Answer {
    Answer::Json {
        name: "decision".to_owned(),
        schema,
    }
}

/// What another try may mend: form, not will.
fn is_worth_repairing(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::InvalidJson | Outcome::SchemaViolation | Outcome::Truncated
    )
}

/// One question and its answer, judged by the menu; the outcome of the reply is the one that counts.
async fn exchange(
    ctx: &Ctx,
    job: &Running,
    llm: &Llm,
    asked: &Asked<'_>,
    ask: &Ask,
    proposal: &mut Proposal,
) -> anyhow::Result<Reply> {
    let stored = if asked.replayed {
        llm_calls::answer_to(&ctx.db, &llm.request(ask).hash).await?
    } else {
        None
    };
    let mut reply = match stored {
        Some(row) => {
            let reply = replayed(ctx, ask, &row)?;
            if asked.decision.is_some() {
                proposal.calls.push(again(ctx, job, asked, row).await?);
            }
            reply
        }
        None if asked.replayed && asked.answers == Answers::Replay => {
            bail!(missing(llm, ask, asked))
        }
        None => {
            let (reply, id) = llm_call::call(ctx, job, &subject(ctx, asked), ask).await?;
            proposal.calls.push(id);
            reply
        }
    };
    let (said, found) = read(&proposal.menu, &reply);
    proposal.said = said;
    if let Some((outcome, error)) = found {
        proposal.refuse(ctx, outcome, error.clone()).await?;
        (reply.outcome, reply.error) = (outcome, Some(error));
    }
    Ok(reply)
}

impl Proposal {
    /// Takes the answer for none, in its row too.
    async fn refuse(&mut self, ctx: &Ctx, outcome: Outcome, error: String) -> anyhow::Result<()> {
        if let Some(call) = self.calls.last() {
            let became = Became {
                outcome: Some(outcome.as_str().to_owned()),
                error: Some(error.clone()),
                ..Became::default()
            };
            let mut tx = ctx.db.begin().await?;
            llm_calls::became(&mut tx, call, &became).await?;
            tx.commit().await?;
        }
        self.said = failed(outcome, error);
        Ok(())
    }
}

/// What a reply says; where the menu rejects what passed as JSON of the schema, the outcome that is.
fn read(menu: &Menu, reply: &Reply) -> (Said, Option<(Outcome, String)>) {
    if reply.outcome != Outcome::Ok {
        let error = reply.error.clone().unwrap_or_default();
        return (failed(reply.outcome, error), None);
    }
    match menu.read(&reply.text) {
        Ok(chosen) => (Said::Chose(chosen), None),
        Err(rejection) => {
            let outcome = match rejection {
                Rejection::InvalidJson(_) => Outcome::InvalidJson,
                Rejection::Schema(_) => Outcome::SchemaViolation,
            };
            let error = rejection.to_string();
            (failed(outcome, error.clone()), Some((outcome, error)))
        }
    }
}

fn failed(outcome: Outcome, error: String) -> Said {
    Said::Failed {
        outcome: outcome.as_str().to_owned(),
        error,
    }
}

fn subject(ctx: &Ctx, asked: &Asked<'_>) -> Subject {
    let context = asked.context;
    let source = ctx.snapshot_source(context.chain.source);
    Subject {
        desk: Some(ctx.desk.clone()),
        decision: asked.decision.map(str::to_owned),
        backtest: asked.backtest.map(str::to_owned),
        underlying: Some(context.coin.as_str().to_owned()),
        as_of_ms: Some(context.as_of_ms),
        snapshot_hash: Some(snapshot_hash(&source, context)),
        ..Subject::default()
    }
}

/// Stands for the chain that was shown: where it is stored, and every quote of it.
fn snapshot_hash(source: &str, context: &Context) -> String {
    let chain = &context.chain;
    let text = serde_json::to_string(&chain.quotes).unwrap_or_default();
    crate::db::configs::digest(&format!("{source} {} {} {text}", chain.coin, chain.at_ms))
}

/// A stored answer read again from its bytes; a call that got none has its outcome alone.
fn replayed(ctx: &Ctx, ask: &Ask, row: &LlmCallRow) -> anyhow::Result<Reply> {
    let outcome = Outcome::named(&row.outcome)
        .with_context(|| format!("outcome `{}` of call {}", row.outcome, row.id))?;
    let came = !matches!(outcome, Outcome::Timeout | Outcome::HttpError);
    match row.status.filter(|_| came && !row.response.is_empty()) {
        Some(status) => {
            let status = u16::try_from(status).context("a stored HTTP status")?;
            Ok(llm::read(&ctx.config.llm, ask, status, &row.response))
        }
        None => Ok(Reply::failed(
            outcome,
            row.error.clone().unwrap_or_default(),
        )),
    }
}

/// The row of a decision that took a stored answer: nothing was sent and nothing paid.
async fn again(
    ctx: &Ctx,
    job: &Running,
    asked: &Asked<'_>,
    row: LlmCallRow,
) -> anyhow::Result<String> {
    let subject = subject(ctx, asked);
    let refused = row.outcome == Outcome::RiskRejected.as_str();
    // Other than those of the same replay before.
    let parts = [
        "answered",
        &row.id,
        &ctx.desk,
        asked.decision.unwrap_or_default(),
    ];
    let row = LlmCallRow {
        id: derived_id(ctx.clock.now_ms(), &parts),
        // What the limits say of it is for this book to find out.
        outcome: if refused {
            Outcome::Ok.as_str().to_owned()
        } else {
            row.outcome
        },
        error: row.error.filter(|_| !refused),
        job: job.id.clone(),
        desk: ctx.desk.clone(),
        purpose: asked.purpose.as_str().to_owned(),
        decision: subject.decision,
        backtest: None,
        underlying: subject.underlying,
        as_of_ms: subject.as_of_ms,
        created_ms: ctx.clock.now_ms(),
        input_tokens: None,
        output_tokens: None,
        cost_usd: None,
        latency_ms: 0,
        attempts: 0,
        snapshot_hash: subject.snapshot_hash,
        llm_action: None,
        rule_action: None,
        verdict: None,
        final_action: None,
        ..row
    };
    let mut tx = ctx.db.begin().await?;
    llm_calls::insert(&mut tx, &row).await?;
    tx.commit().await?;
    Ok(row.id)
}

fn missing(llm: &Llm, ask: &Ask, asked: &Asked<'_>) -> String {
    let how = match asked.backtest {
        Some(_) => "--set answers=ask",
        None => "[policy] answers = \"ask\" in workers.toml",
    };
    format!(
        "no answer is stored to the request of step {} {} (model {}, hash {}): record it with {how}, which asks \
         the model where no answer is stored",
        asked.context.coin,
        crate::clock::iso(asked.context.as_of_ms),
        llm.model(ask),
        llm.request(ask).hash,
    )
}

/// What was said about a decision, out of its stored calls, oldest first.
pub(super) fn said_again(ctx: &Ctx, menu: &Menu, calls: &[LlmCallRow]) -> anyhow::Result<Said> {
    let own = |call: &&LlmCallRow| call.purpose == Purpose::Decision.as_str();
    let Some(last) = calls.iter().rfind(own) else {
        return Ok(Said::NotAsked);
    };
    let ask = Ask {
        purpose: Purpose::Decision,
        model: None,
        messages: Vec::new(),
        answer: answer(menu.schema()),
        prompt_version: last.prompt_version.clone(),
    };
    let outcome = Outcome::named(&last.outcome);
    if !matches!(outcome, Some(Outcome::Ok | Outcome::RiskRejected)) {
        return Ok(Said::Failed {
            outcome: last.outcome.clone(),
            error: last.error.clone().unwrap_or_default(),
        });
    }
    Ok(read(menu, &replayed(ctx, &ask, last)?).0)
}
