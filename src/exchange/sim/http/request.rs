//! Requests in their three forms: a query string, a JSON-RPC body under GET, a JSON-RPC body under POST.

use super::params::Params;
use super::reply::RpcError;
use axum::body::Bytes;
use axum::extract::Query;
use axum::http::Uri;
use serde_json::{Map, Value};

/// Longest body taken, bytes.
pub(super) const BODY_MAX_BYTES: usize = 32 * 1024;

/// One request, understood as far as its form goes.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) id: Option<Value>,
    /// `public/ticker`.
    pub(super) method: String,
    pub(super) params: Params,
}

/// A request of bad form, with its id where one could be read.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) id: Option<Value>,
    pub(super) error: RpcError,
}

impl Refused {
    pub(super) fn new(id: Option<Value>, error: RpcError) -> Self {
        Self { id, error }
    }
}

/// Reads a request below `/api/v2`; `path` is what follows it, without slashes at the ends.
pub(super) fn read(path: &str, uri: &Uri, body: &Bytes) -> Result<Asked, Box<Refused>> {
    if body.len() > BODY_MAX_BYTES {
        let error = RpcError::because(-32_600, "Invalid Request", "request entity too large");
        return Err(Box::new(Refused::new(None, error)));
    }
    if body.is_empty() {
        return from_query(path, uri).map_err(|error| Box::new(Refused::new(None, error)));
    }
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return Err(Box::new(Refused::new(
            None,
            RpcError::bad_request("invalid json"),
        )));
    };
    from_body(path, body)
}

fn from_query(path: &str, uri: &Uri) -> Result<Asked, RpcError> {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
    let Ok(Query(pairs)) = pairs else {
        return Err(RpcError::bad_request("invalid query string"));
    };
    let values = pairs
        .into_iter()
        .map(|(name, value)| (name, Value::String(value)));
    Ok(Asked {
        id: None,
        method: path.to_owned(),
        params: Params::lenient(values.collect()),
    })
}

fn from_body(path: &str, body: Value) -> Result<Asked, Box<Refused>> {
    let Value::Object(mut body) = body else {
        let error = RpcError::because(-32_600, "Invalid Request", "one request object expected");
        return Err(Box::new(Refused::new(None, error)));
    };
    let id = body.remove("id").filter(|id| !id.is_null());
    let invalid = |reason: &str| {
        let error = RpcError::because(-32_600, "Invalid Request", reason);
        Box::new(Refused::new(id.clone(), error))
    };
    if body.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(invalid("jsonrpc must be \"2.0\""));
    }
    if !id.iter().all(|id| id.is_number() || id.is_string()) {
        return Err(invalid("id must be a number or a string"));
    }
    let named = body.get("method").and_then(Value::as_str);
    let method = match (path.is_empty(), named) {
        (false, _) => path.to_owned(),
        (true, Some(named)) => named.trim_matches('/').to_owned(),
        (true, None) => return Err(invalid("method must be a string")),
    };
    let params = match body.remove("params") {
        None => Map::new(),
        Some(Value::Object(params)) => params,
        Some(_) => {
            let error = RpcError::because(-32_602, "Invalid params", "params must be named");
            return Err(Box::new(Refused::new(id, error)));
        }
    };
    Ok(Asked {
        id,
        method,
        params: Params::strict(params),
    })
}
