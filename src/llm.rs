//! The language model: what is asked, and what came back, byte for byte. Any server with OpenAI's chat completions.
//!
//! [`words`] are the question and the reply; `request` writes a question as bytes, always the same; `transport` sends
//! them once; `retry` sends them again when that may help, within one deadline; `wire` and `read` make a reply of
//! whatever bytes came back, from which `strike` takes the key; `schema` checks answers that had to be JSON;
//! `advice` is for the person whose question was not answered; `probe` asks whether a server is there. Nothing here decides, and no text of a
//! model becomes anything but text.

mod advice;
mod probe;
mod read;
mod request;
mod retry;
mod schema;
mod strike;
mod transport;
mod wire;
mod words;

pub use probe::Probe;
pub use words::{Answer, Ask, Message, Outcome, Purpose, Reply, Request, Tool, ToolCall, Usage};

use crate::config::LlmConfig;
use secrecy::SecretString;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;
use transport::Transport;

/// Reads the bytes of a stored response again, without a server.
pub fn read(config: &LlmConfig, ask: &Ask, status: u16, response: &[u8]) -> Reply {
    read::reply(config, ask, status, response)
}

/// The configured model of the configured server.
#[derive(Debug)]
pub struct Llm {
    config: LlmConfig,
    transport: Transport,
    /// The most that calls under way may cost, USD.
    under_way_usd: Mutex<f64>,
}

/// A call that a budget was found to allow; while it is under way, it counts at its worst.
#[derive(Debug)]
pub struct Reserved<'a> {
    llm: &'a Llm,
    pub worst_usd: f64,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        *self.llm.under_way() -= self.worst_usd;
    }
}

impl Llm {
    /// `None` when no server is configured; connects to nothing yet. Fails when the key cannot be sent.
    pub fn new(config: &LlmConfig, key: Option<SecretString>) -> anyhow::Result<Option<Self>> {
        if config.base_url.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            transport: Transport::new(config, key)?,
            config: config.clone(),
            under_way_usd: Mutex::new(0.0),
        }))
    }

    /// The question as it is sent: the same question and settings give the same bytes.
    pub fn request(&self, ask: &Ask) -> Request {
        request::build(&self.config, ask, false)
    }

    /// Asks, and gives the reply whole. Whatever went wrong is in the reply.
    pub async fn ask(&self, ask: &Ask, stop: &CancellationToken) -> Reply {
        self.run(ask, self.request(ask), stop, &mut |_| ()).await
    }

    /// Asks, and hands over pieces of the text as they come; the reply has all of it.
    pub async fn stream(
        &self,
        ask: &Ask,
        stop: &CancellationToken,
        mut on_text: impl FnMut(&str) + Send,
    ) -> Reply {
        let request = request::build(&self.config, ask, true);
        self.run(ask, request, stop, &mut on_text).await
    }

    /// Reads stored bytes again: what a replay answers with.
    pub fn read(&self, ask: &Ask, status: u16, response: &[u8]) -> Reply {
        let mut reply = read::reply(&self.config, ask, status, response);
        reply.request = self.request(ask);
        reply
    }

    /// The model that a question goes to.
    pub fn model<'a>(&'a self, ask: &'a Ask) -> &'a str {
        ask.model.as_deref().unwrap_or(&self.config.model)
    }

    /// What tokens cost, USD; `None` without prices or counts.
    pub fn cost_usd(&self, usage: &Usage) -> Option<f64> {
        let price = |tokens: Option<i64>, price: Option<f64>| Some(tokens? as f64 * price? / 1e6);
        let input = price(usage.input_tokens, self.config.price_input_usd)?;
        Some(input + price(usage.output_tokens, self.config.price_output_usd)?)
    }

    /// The most that a request can cost, USD: no token is shorter than a byte, and an answer has its limit.
    pub fn worst_cost_usd(&self, request: &Request) -> Option<f64> {
        self.cost_usd(&Usage {
            input_tokens: Some(request.bytes.len() as i64),
            output_tokens: Some(i64::from(self.config.max_tokens)),
        })
    }

    /// Counts a request as under way until the guard is dropped; gives with it what the others may cost that
    /// are under way, USD. `None` without prices.
    pub fn reserve(&self, request: &Request) -> Option<(f64, Reserved<'_>)> {
        let worst_usd = self.worst_cost_usd(request)?;
        let mut under_way = self.under_way();
        let others_usd = *under_way;
        *under_way += worst_usd;
        let reserved = Reserved {
            llm: self,
            worst_usd,
        };
        Some((others_usd, reserved))
    }

    fn under_way(&self) -> MutexGuard<'_, f64> {
        self.under_way_usd
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub fn config(&self) -> &LlmConfig {
        &self.config
    }
}
