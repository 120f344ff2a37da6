//! A question within one deadline: asked again at most twice, and only while no text was handed over.

use super::strike::{self, Held};
use super::wire::{self, Events, Said};
use super::words::{Ask, Outcome, Reply, Request};
use super::{Llm, read};
use crate::clock::{Random, Stopwatch};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const ATTEMPTS_MAX: u32 = 3;
/// Wait before the second attempt; it doubles, and each is drawn between half of it and all of it.
const WAIT: Duration = Duration::from_millis(400);
/// A server that wants a longer wait is asked again after this one.
const WAIT_MAX: Duration = Duration::from_secs(3);

/// What one attempt came to, and when the server wants the next.
struct Attempt {
    reply: Reply,
    retry_after: Option<Duration>,
    /// No piece of an answer was handed over.
    silent: bool,
}

impl Llm {
    pub(super) async fn run(
        &self,
        ask: &Ask,
        request: Request,
        stop: &CancellationToken,
        on_text: &mut (dyn FnMut(&str) + Send),
    ) -> Reply {
        let watch = Stopwatch::start();
        let mut state = Progress::default();
        let timeout_ms = self.config.timeout_ms;
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => Err((Outcome::Cancelled, "the call was stopped".to_owned())),
            reply = self.attempts(ask, &request, on_text, &mut state) => Ok(reply),
            () = tokio::time::sleep(Duration::from_millis(timeout_ms)) => Err((
                Outcome::Timeout,
                format!("no whole answer within [llm] timeout_ms = {timeout_ms}"),
            )),
        };
        let mut reply = ended.unwrap_or_else(|(outcome, error)| {
            let so_far = strike::body(self.transport.key(), std::mem::take(&mut state.body));
            let mut reply = read::reply(&self.config, ask, state.status.unwrap_or(0), &so_far);
            reply.status = state.status;
            (reply.outcome, reply.error) = (outcome, Some(error));
            reply
        });
        reply.attempts = state.attempts;
        reply.latency_ms = watch.elapsed().as_millis() as i64;
        reply.request = request;
        self.strike_out(&mut reply);
        reply
    }

    async fn attempts(
        &self,
        ask: &Ask,
        request: &Request,
        on_text: &mut (dyn FnMut(&str) + Send),
        state: &mut Progress,
    ) -> Reply {
        let mut random = Random::from_parts(&["llm", &request.hash]);
        loop {
            state.attempts += 1;
            let attempt = self.attempt(ask, request, on_text, state).await;
            let last = state.attempts >= ATTEMPTS_MAX;
            if last || !attempt.silent || !may_help(&attempt.reply) {
                return attempt.reply;
            }
            let growing = WAIT * 2_u32.pow(state.attempts - 1);
            let wait = attempt.retry_after.unwrap_or(growing).min(WAIT_MAX);
            tokio::time::sleep(wait.mul_f64(0.5 + random.unit() / 2.0)).await;
        }
    }

    async fn attempt(
        &self,
        ask: &Ask,
        request: &Request,
        on_text: &mut (dyn FnMut(&str) + Send),
        state: &mut Progress,
    ) -> Attempt {
        (state.status, state.body) = (None, Vec::new());
        let mut response = match self.transport.send(&request.bytes).await {
            Ok(response) => response,
            Err(lost) => return Attempt::lost(&lost.0),
        };
        state.status = Some(response.status);
        let (mut events, mut said, mut silent) = (Events::default(), Said::default(), true);
        let mut held = Held::new(self.transport.key());
        let cut = loop {
            match response.chunk(state.body.len()).await {
                Ok(Some(chunk)) => {
                    state.body.extend_from_slice(&chunk);
                    if !wire::is_stream(&state.body) {
                        continue;
                    }
                    for data in events.push(&chunk) {
                        let text = held.push(&said.event(&data).unwrap_or_default());
                        silent &= said.text.is_empty();
                        if !text.is_empty() {
                            on_text(&text);
                        }
                    }
                }
                Ok(None) => break None,
                Err(lost) => break Some(lost.0),
            }
        };
        let last = held.end();
        if !last.is_empty() {
            on_text(&last);
        }
        let body = strike::body(self.transport.key(), std::mem::take(&mut state.body));
        let mut reply = read::reply(&self.config, ask, response.status, &body);
        if let Some(why) = cut {
            let outcome = if said.answered {
                Outcome::Truncated
            } else {
                Outcome::HttpError
            };
            (reply.outcome, reply.error) = (outcome, Some(format!("the reply was {why}")));
        }
        Attempt {
            reply,
            retry_after: response.retry_after,
            silent,
        }
    }

    /// Texts that were put together out of a clean body; whatever made them of it, the key is in none.
    fn strike_out(&self, reply: &mut Reply) {
        let key = self.transport.key();
        let calls = reply.calls.iter_mut().map(|call| &mut call.arguments);
        let texts = calls.chain([&mut reply.text]).chain(&mut reply.error);
        texts.for_each(|text| strike::text(key, text));
    }
}

/// How far a call is, for when it is stopped in the middle.
#[derive(Debug, Default)]
struct Progress {
    attempts: u32,
    status: Option<u16>,
    body: Vec<u8>,
}

impl Attempt {
    fn lost(error: &str) -> Self {
        Self {
            reply: Reply::failed(Outcome::HttpError, format!("no response: {error}")),
            retry_after: None,
            silent: true,
        }
    }
}

/// True for failures that pass: the server is busy or broken, or the connection was lost.
fn may_help(reply: &Reply) -> bool {
    let passing = |code: u16| code == 408 || code == 429 || code >= 500;
    let lost = reply.outcome == Outcome::HttpError;
    lost && reply
        .status
        .is_none_or(|status| passing(status) || (200..300).contains(&status))
}
