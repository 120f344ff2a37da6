//! Steps of a run that a language model decides: its answers by request, stored or asked for.

use super::Open;
use crate::backtest::{Run, RunError, Setup, State, Strategy, Taken};
use crate::ctx::Ctx;
use crate::db::llm_calls;
use crate::domain::action::Action;
use crate::jobs::decide::{PAST_MAX, became};
use crate::jobs::propose::{Asked, propose_llm};
use crate::jobs::{JobError, Running};
use crate::llm::Purpose;
use crate::policy::llm::Past;
use crate::step::{Step, StepInput, carry_out, step_said};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;

impl Open {
    /// Takes one step; true when it was the last. A step whose answer is missing is not taken.
    pub(super) async fn answered(&mut self, ctx: &Ctx, job: &Running) -> Result<bool, JobError> {
        let (data, setup, state) = (self.data.clone(), self.setup.clone(), self.state.clone());
        let model = Model::new(ctx, job, &self.id, &setup, &state);
        let work = move || {
            let take = |input: &StepInput<'_>| model.take(input);
            let mut run = Run::resume(&data, &setup, Strategy::Step(&take), state)?;
            let done = run.advance(1)?;
            let state = run.into_state();
            Ok::<_, RunError>((state, done, model.failure()))
        };
        let stepped = tokio::task::spawn_blocking(work).await?;
        let (state, done, failure) = stepped.map_err(|error| JobError::Abort(error.into()))?;
        job.check()?;
        if let Some(error) = failure {
            return Err(JobError::Abort(error));
        }
        self.state = state;
        Ok(done)
    }
}

/// The model as a run's thread sees it: it waits for an answer, which the runtime fetches.
struct Model {
    ctx: Ctx,
    job: Running,
    run: String,
    setup: Arc<Setup>,
    past: Vec<Past>,
    runtime: Handle,
    failed: Mutex<Option<anyhow::Error>>,
}

impl Model {
    fn new(ctx: &Ctx, job: &Running, run: &str, setup: &Arc<Setup>, state: &State) -> Self {
        let wanted = state.taken().iter().rev();
        let wanted = wanted.filter(|taken| taken.proposed != Action::DoNothing);
        Self {
            ctx: ctx.clone(),
            job: job.clone(),
            run: run.to_owned(),
            setup: setup.clone(),
            past: wanted.take(PAST_MAX).map(told).collect(),
            runtime: Handle::current(),
            failed: Mutex::new(None),
        }
    }

    fn take(&self, input: &StepInput<'_>) -> Step {
        match self.runtime.block_on(self.answer(input)) {
            Ok(step) => step,
            Err(error) => {
                *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                // Thrown away with its run.
                carry_out(input, crate::step::decide(input))
            }
        }
    }

    async fn answer(&self, input: &StepInput<'_>) -> anyhow::Result<Step> {
        let asked = Asked {
            context: input.context,
            settings: input.settings,
            past: &self.past,
            purpose: Purpose::Decision,
            model: None,
            decision: None,
            backtest: Some(&self.run),
            answers: self.setup.answers,
            replayed: true,
        };
        let proposal = propose_llm(&self.ctx, &self.job, &asked).await?;
        let step = step_said(input, proposal.menu, &proposal.said, self.setup.fallback);
        if let Some(call) = proposal.calls.last() {
            let became = became(input, &proposal.said, &step);
            let mut tx = self.ctx.db.begin().await?;
            llm_calls::became(&mut tx, call, &became).await?;
            tx.commit().await?;
        }
        Ok(step)
    }

    fn failure(&self) -> Option<anyhow::Error> {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.take()
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
