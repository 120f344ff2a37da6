//! JSON-RPC 2.0 as Deribit wraps it, and the reply of `public/auth`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// In the replies of a simulated exchange alone: how its time runs, as [`crate::clock::Anchor`] prints it.
pub const ANCHOR_HEADER: &str = "x-thetaq-anchor";

/// A call. Parameters are named; those not set are left out, never null.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request<P> {
    pub jsonrpc: String,
    /// A number or a text; echoed in the reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Value>,
    /// `public/get_time`, `private/buy` ..
    pub method: String,
    pub params: P,
}

impl<P> Request<P> {
    pub fn new(id: u64, method: &str, params: P) -> Self {
        Self {
            jsonrpc: "2.0".to_owned(),
            id: Some(Value::from(id)),
            method: method.to_owned(),
            params,
        }
    }
}

/// An answer: exactly one of `result` and `error`. RPC errors travel with HTTP status 400.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub struct Reply<T> {
    #[serde(default = "version")]
    pub jsonrpc: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Value>,
    #[serde(default = "nothing", skip_serializing_if = "Option::is_none")]
    pub result: Option<T>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RpcError>,
    /// False on production only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub testnet: Option<bool>,
    /// Microseconds since the epoch at which the call arrived.
    #[serde(default, rename = "usIn", skip_serializing_if = "Option::is_none")]
    pub us_in: Option<i64>,
    #[serde(default, rename = "usOut", skip_serializing_if = "Option::is_none")]
    pub us_out: Option<i64>,
    #[serde(default, rename = "usDiff", skip_serializing_if = "Option::is_none")]
    pub us_diff: Option<i64>,
}

fn version() -> String {
    "2.0".to_owned()
}

fn nothing<T>() -> Option<T> {
    None
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RpcError {
    pub code: i64,
    #[serde(default)]
    pub message: String,
    /// `{reason, param}` for wrong parameters, a text or nothing otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl RpcError {
    /// The message with the reason and the parameter that `data` names.
    pub fn text(&self) -> String {
        let part = |key: &str| self.data.as_ref()?.get(key)?.as_str();
        let mut text = self.message.clone();
        for (name, part) in [("reason", part("reason")), ("parameter", part("param"))] {
            if let Some(part) = part {
                let short: String = part.chars().take(PART_MAX).collect();
                text = format!("{text}, {name} {short}");
            }
        }
        text
    }
}

/// Characters of a reason that are worth keeping.
const PART_MAX: usize = 120;

/// The reply of `public/auth`. Its Debug shows neither token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub access_token: String,
    /// Seconds; whatever the exchange says, between minutes and a year.
    pub expires_in: i64,
    /// Good for one refresh; the reply to that holds the next.
    #[serde(default)]
    pub refresh_token: String,
    /// Granted scopes: the wanted ones as far as the key allows them.
    #[serde(default)]
    pub scope: String,
    #[serde(default)]
    pub token_type: String,
    #[serde(default)]
    pub enabled_features: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("scope", &self.scope)
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}
