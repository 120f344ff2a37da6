//! Whether a server answers at all: its list of models, asked for once and within seconds; no question is sent.

use super::Llm;
use super::strike;
use serde_json::Value;
use std::time::Duration;

/// A server that is up has its list at hand.
const PATIENCE: Duration = Duration::from_secs(4);
/// Models of a list that are named.
const NAMED: usize = 5;

/// What came of asking for the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// The configured model is in it.
    Listed,
    /// It is not; some of those that are. Servers of one model often answer to any name.
    NotListed(Vec<String>),
    /// The server answers, and has no such list.
    NoList,
    /// 401 or 403.
    KeyRefused(u16),
    /// An HTTP status that says the server is in trouble.
    Failed(u16),
    Unreachable(String),
}

impl Llm {
    /// Asks for the list of models.
    pub async fn probe(&self) -> Probe {
        let asked = self.transport.get("/models");
        let (status, body) = match tokio::time::timeout(PATIENCE, asked).await {
            Err(_) => return Probe::Unreachable(format!("no answer within {PATIENCE:?}")),
            Ok(Err(lost)) => return Probe::Unreachable(lost.0),
            Ok(Ok(answered)) => answered,
        };
        let body = strike::body(self.transport.key(), body);
        match status {
            200..=299 => self.found(&body),
            401 | 403 => Probe::KeyRefused(status),
            500.. => Probe::Failed(status),
            _ => Probe::NoList,
        }
    }

    fn found(&self, body: &[u8]) -> Probe {
        let list: Value = serde_json::from_slice(body).unwrap_or_default();
        let Some(list) = list["data"].as_array().filter(|list| !list.is_empty()) else {
            return Probe::NoList;
        };
        let names = || list.iter().filter_map(|one| one["id"].as_str());
        if names().any(|name| name == self.config.model) {
            return Probe::Listed;
        }
        let plain = |name: &str| name.chars().filter(|c| !c.is_control()).take(80).collect();
        Probe::NotListed(names().take(NAMED).map(plain).collect())
    }
}
