//! The envelope around every answer, and errors in the exchange's words.

use crate::exchange::error::ExchangeError;
use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde_json::{Map, Value, json};

/// What a method gives.
pub(super) type Answer = Result<Value, RpcError>;

/// An error as JSON-RPC carries it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RpcError {
    pub(super) code: i64,
    message: String,
    data: Option<Value>,
}

impl RpcError {
    pub(super) fn new(code: i64, message: &str) -> Self {
        Self {
            code,
            message: message.to_owned(),
            data: None,
        }
    }

    pub(super) fn because(code: i64, message: &str, reason: &str) -> Self {
        Self {
            data: Some(json!({"reason": reason})),
            ..Self::new(code, message)
        }
    }

    /// -32602 with what is wrong with which parameter.
    pub(super) fn param(name: &str, reason: &str) -> Self {
        Self {
            data: Some(json!({"reason": reason, "param": name})),
            ..Self::new(-32_602, "Invalid params")
        }
    }

    /// 11050 for a body that is not JSON.
    pub(super) fn bad_request(what: &str) -> Self {
        Self {
            data: Some(json!(what)),
            ..Self::new(11_050, "bad_request")
        }
    }

    pub(super) fn unauthorized() -> Self {
        Self::because(13_009, "unauthorized", "invalid_token")
    }

    fn json(&self) -> Value {
        let mut error = json!({"code": self.code, "message": self.message});
        if let Some(data) = &self.data {
            error["data"] = data.clone();
        }
        error
    }
}

/// The book's refusals have the exchange's codes; what is our own trouble is an internal error to a client.
impl From<ExchangeError> for RpcError {
    fn from(error: ExchangeError) -> Self {
        let reply = error.reply();
        let (message, reason) = match reply.message.split_once(": ") {
            Some((message, reason)) => (message, Some(reason)),
            None => (reply.message.as_str(), None),
        };
        match (reply.code, reason) {
            (0 | 11_031, _) => Self::because(11_094, "internal_server_error", &reply.message),
            (13_503, _) => Self::because(13_503, "unavailable", &reply.message),
            (code, None) => Self::new(code, message),
            (code, Some(reason)) => Self::because(code, message, reason),
        }
    }
}

/// Who asked and when.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    /// Echoed when the request had one.
    pub(super) id: Option<Value>,
    pub(super) in_us: i64,
    pub(super) out_us: i64,
}

impl Envelope {
    /// The reply as it goes over the line: 200, or 400 for errors, with the JSON in both cases.
    pub(super) fn seal(&self, answer: &Answer) -> Sealed {
        let mut reply = Map::new();
        reply.insert("jsonrpc".to_owned(), json!("2.0"));
        if let Some(id) = &self.id {
            reply.insert("id".to_owned(), id.clone());
        }
        match answer {
            Ok(result) => reply.insert("result".to_owned(), result.clone()),
            Err(error) => reply.insert("error".to_owned(), error.json()),
        };
        reply.insert("usIn".to_owned(), json!(self.in_us));
        reply.insert("usOut".to_owned(), json!(self.out_us));
        reply.insert("usDiff".to_owned(), json!(self.out_us - self.in_us));
        reply.insert("testnet".to_owned(), json!(true));
        let refused = answer.as_ref().err().map(|error| error.code);
        Sealed {
            status: match refused {
                None => StatusCode::OK,
                Some(_) => StatusCode::BAD_REQUEST,
            },
            // Over the limit the exchange ends the connection.
            closes: refused == Some(10_028),
            body: Value::Object(reply).to_string(),
        }
    }
}

/// Status and bytes of a reply.
pub(super) struct Sealed {
    pub(super) status: StatusCode,
    pub(super) closes: bool,
    pub(super) body: String,
}

impl Sealed {
    pub(super) fn response(self) -> Response {
        let mut reply = Response::builder()
            .status(self.status)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CACHE_CONTROL, "no-store");
        if self.closes {
            reply = reply.header(header::CONNECTION, "close");
        }
        reply
            .body(Body::from(self.body))
            .expect("the headers are constants")
    }

    /// The first part of the body alone; the JSON ends in its middle.
    pub(super) fn truncated(mut self, share: f64) -> Self {
        let mut end = (self.body.len() as f64 * share) as usize;
        while !self.body.is_char_boundary(end) {
            end -= 1;
        }
        self.body.truncate(end);
        self
    }
}
