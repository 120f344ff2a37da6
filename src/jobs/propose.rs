//! Asks the model for a decision about one tick: at most one repair, every call kept, nothing traded here.
//!
//! It runs outside of any transaction: a slow model holds up nobody. What its answer comes to is for
//! [`step_said`](crate::step::step_said), the same for a tick, a backtest and a decision made again.

mod stored;

use super::llm_call::{self, Subject};
use crate::backtest::Answers;
use crate::clock::Stopwatch;
use crate::ctx::{Ctx, LIVE};
use crate::db::llm_calls::{self, Became};
use crate::domain::context::Context;
use crate::domain::settings::Settings;
use crate::jobs::Running;
use crate::llm::{Answer, Ask, Llm, Message, Outcome, Purpose, Reply};
use crate::policy::llm::{Menu, Past, Question, Rejection, Said, repair};
use crate::step::StepInput;
use anyhow::bail;
use std::time::Duration;
pub(super) use stored::said_again;

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
    /// Hashes of what was asked or looked up, in order.
    pub requests: Vec<String>,
}

/// A replay without the answer that it needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no answer is stored to the request of step {step} (model {model}, hash {hash}): record it with {record}, \
     which asks the model where no answer is stored"
)]
pub struct Missing {
    /// The coin and the instant.
    pub step: String,
    pub model: String,
    pub hash: String,
    record: &'static str,
}

/// Asks, or takes a stored answer to the same request. Fails without a model, a database, or a stored answer
/// that there should be; whatever else goes wrong is what was said.
pub async fn propose_llm(ctx: &Ctx, job: &Running, asked: &Asked<'_>) -> anyhow::Result<Proposal> {
    let menu = Menu::of(asked.context, asked.settings);
    let mut proposal = Proposal {
        menu,
        said: Said::NotAsked,
        calls: Vec::new(),
        requests: Vec::new(),
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
    let hash = llm.request(ask).hash;
    let stored = stored::answer(ctx, asked, &hash).await?;
    proposal.requests.push(hash);
    let mut reply = match stored {
        Some(row) => {
            let reply = stored::reply(ctx, ask, &row)?;
            if asked.decision.is_some() {
                let call = stored::call(ctx, job, asked, row).await?;
                proposal.calls.push(call);
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

impl Missing {
    #[cfg(test)]
    pub(super) fn of(step: &str, model: &str, hash: &str) -> Self {
        Self {
            step: step.to_owned(),
            model: model.to_owned(),
            hash: hash.to_owned(),
            record: "",
        }
    }
}

fn missing(llm: &Llm, ask: &Ask, asked: &Asked<'_>) -> Missing {
    let context = asked.context;
    Missing {
        step: format!("{} {}", context.coin, crate::clock::iso(context.as_of_ms)),
        model: llm.model(ask).to_owned(),
        hash: llm.request(ask).hash,
        record: match asked.decision {
            None => "--set answers=ask",
            Some(_) => "[policy] answers = \"ask\" in workers.toml",
        },
    }
}
