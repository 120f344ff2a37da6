//! Steps of a run that a language model decides: its answers by request, stored or asked for.
//!
//! A `backtest` takes them one at a time, between its checkpoints; a look-ahead check and the settings of a
//! sweep are walked whole, and say where an answer was missing.

use super::decide::{PAST_MAX, became};
use super::propose::{Asked, propose_llm};
use super::{JobError, Running};
use crate::backtest::{Data, Outcome, Run, RunError, Setup, State, Strategy, Taken};
use crate::ctx::Ctx;
use crate::db::llm_calls;
use crate::domain::action::Action;
use crate::llm::{Outcome as Ended, Purpose};
use crate::policy::llm::{Past, Said};
use crate::step::{Step, StepInput, carry_out, step_said};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;

/// The model as a run's thread sees it: it waits for an answer, which the runtime fetches.
pub(super) struct Model {
    ctx: Ctx,
    job: Running,
    setup: Arc<Setup>,
    /// The run that calls are kept under.
    backtest: Option<String>,
    /// A run that stands beside others ends where the budget does: half by a model is no result.
    whole: bool,
    runtime: Handle,
    now: Mutex<Now>,
}

/// Where a run is.
#[derive(Default)]
struct Now {
    past: Vec<Past>,
    /// Hashes of what was asked, for each decision.
    requests: Vec<Vec<String>>,
    failed: Option<anyhow::Error>,
}

/// A run that was walked whole, or up to the decision that had no answer.
pub(super) struct Walked {
    pub(super) outcome: Outcome,
    /// Hashes of what was asked, for each decision taken.
    pub(super) requests: Vec<Vec<String>>,
    pub(super) failed: Option<anyhow::Error>,
}

/// No answer, because the budget does not allow to ask.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Spent(String);

/// Takes every step of a run apart from the job of a backtest.
pub(super) async fn walk(
    ctx: &Ctx,
    job: &Running,
    data: Arc<Data>,
    setup: Setup,
) -> Result<Walked, JobError> {
    let model = Model::new(ctx, job, Arc::new(setup), None);
    let work = move || model.walk(&data);
    tokio::task::spawn_blocking(work).await?
}

/// Takes the next step of a run from a state; true when it was the last. One whose answer is missing is not taken.
pub(super) async fn step(
    model: Model,
    data: Arc<Data>,
    state: State,
) -> Result<(State, bool), JobError> {
    let job = model.job.clone();
    let work = move || {
        let take = |input: &StepInput<'_>| model.take(input);
        model.look(&state);
        let mut run = Run::resume(&data, &model.setup, Strategy::Step(&take), state)?;
        let done = run.advance(1)?;
        Ok::<_, RunError>((run.into_state(), done, model.now().failed.take()))
    };
    let stepped = tokio::task::spawn_blocking(work).await?;
    let (state, done, failed) = stepped.map_err(|error| JobError::Abort(error.into()))?;
    job.check()?;
    match failed {
        Some(error) => Err(JobError::Abort(error)),
        None => Ok((state, done)),
    }
}

impl Model {
    pub(super) fn new(ctx: &Ctx, job: &Running, setup: Arc<Setup>, backtest: Option<&str>) -> Self {
        Self {
            ctx: ctx.clone(),
            job: job.clone(),
            setup,
            backtest: backtest.map(str::to_owned),
            whole: backtest.is_none(),
            runtime: Handle::current(),
            now: Mutex::default(),
        }
    }

    fn walk(&self, data: &Data) -> Result<Walked, JobError> {
        let abort = |error: RunError| JobError::Abort(error.into());
        let take = |input: &StepInput<'_>| self.take(input);
        let mut run = Run::new(data, &self.setup, Strategy::Step(&take)).map_err(abort)?;
        let mut done = false;
        while !done && self.now().failed.is_none() {
            self.job.check()?;
            self.look(run.state());
            done = run.advance(1).map_err(abort)?;
        }
        // A call that was cut short is no answer.
        self.job.check()?;
        let mut outcome = run.finish();
        let now = std::mem::take(&mut *self.now());
        outcome.taken.truncate(now.requests.len());
        Ok(Walked {
            outcome,
            requests: now.requests,
            failed: now.failed,
        })
    }

    /// What the next decision is told of those before it.
    fn look(&self, state: &State) {
        let wanted = state.taken().iter().rev();
        let wanted = wanted.filter(|taken| taken.proposed != Action::DoNothing);
        self.now().past = wanted.take(PAST_MAX).map(told).collect();
    }

    fn take(&self, input: &StepInput<'_>) -> Step {
        match self.runtime.block_on(self.answer(input)) {
            Ok((step, requests)) => {
                self.now().requests.push(requests);
                step
            }
            Err(error) => {
                self.now().failed = Some(error);
                // Thrown away with its run.
                carry_out(input, crate::step::decide(input))
            }
        }
    }

    async fn answer(&self, input: &StepInput<'_>) -> anyhow::Result<(Step, Vec<String>)> {
        let past = self.now().past.clone();
        let asked = Asked {
            context: input.context,
            settings: input.settings,
            past: &past,
            purpose: Purpose::Decision,
            model: None,
            decision: None,
            backtest: self.backtest.as_deref(),
            answers: self.setup.answers,
            replayed: true,
        };
        let proposal = propose_llm(&self.ctx, &self.job, &asked).await?;
        self.afford(&proposal.said)?;
        let step = step_said(input, proposal.menu, &proposal.said, self.setup.fallback);
        if let Some(call) = proposal.calls.last() {
            let became = became(input, &proposal.said, &step);
            let mut tx = self.ctx.db.begin().await?;
            llm_calls::became(&mut tx, call, &became).await?;
            tx.commit().await?;
        }
        Ok((step, proposal.requests))
    }

    fn afford(&self, said: &Said) -> Result<(), Spent> {
        match said {
            Said::Failed { outcome, error }
                if self.whole && outcome == Ended::BudgetExhausted.as_str() =>
            {
                Err(Spent(error.clone()))
            }
            _ => Ok(()),
        }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn told(taken: &Taken) -> Past {
    let shown = match taken.final_action {
        Action::DoNothing => taken.proposed,
        carried_out => carried_out,
    };
    Past {
        at_ms: taken.at_ms,
        action: taken.final_action.name().to_owned(),
        instrument: shown.instrument().map(|call| call.name()),
        reason: taken.reason.clone(),
    }
}
