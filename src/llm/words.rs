//! A question to a model and its reply.

use serde_json::Value;

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Decision,
    Council,
    Chat,
    Insight,
}

impl Purpose {
    /// The name in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Council => "council",
            Self::Chat => "chat",
            Self::Insight => "insight",
        }
    }
}

/// One question.
#[derive(Clone, Debug)]
pub struct Ask {
    pub purpose: Purpose,
    /// Another model than the configured one.
    pub model: Option<String>,
    pub messages: Vec<Message>,
    pub answer: Answer,
    /// Of the text that the messages were made from.
    pub prompt_version: String,
}

/// The form of the answer.
#[derive(Clone, Debug)]
pub enum Answer {
    Text,
    /// One JSON value of a schema.
    Json {
        name: String,
        schema: Value,
    },
    /// Text, or calls of these.
    Tools(Vec<Tool>),
}

/// A function that the model may ask for.
#[derive(Clone, Debug)]
pub struct Tool {
    pub name: String,
    pub description: String,
    /// JSON schema of the arguments.
    pub parameters: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    System(String),
    User(String),
    Assistant {
        text: Option<String>,
        calls: Vec<ToolCall>,
    },
    /// What a call gave.
    Tool {
        /// Id of the call.
        call: String,
        text: String,
    },
}

/// What the model asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// A JSON object, as text.
    pub arguments: String,
}

/// A question as it is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub bytes: Vec<u8>,
    /// SHA-256 of the bytes, hexadecimal.
    pub hash: String,
    /// SHA-256 of the messages alone.
    pub prompt_hash: String,
}

/// What came of a question.
#[derive(Clone, Debug)]
pub struct Reply {
    pub outcome: Outcome,
    /// The answer; of [`Answer::Json`] the JSON alone.
    pub text: String,
    pub calls: Vec<ToolCall>,
    /// As the server named it.
    pub model: Option<String>,
    pub finish_reason: Option<String>,
    pub usage: Usage,
    /// HTTP status of the last response.
    pub status: Option<u16>,
    /// Requests that were sent.
    pub attempts: u32,
    pub latency_ms: i64,
    pub request: Request,
    /// The bytes of the last response, as far as they came; the key in them, if any, is struck out.
    pub response: Vec<u8>,
    /// Why the outcome is not `ok`, in words.
    pub error: Option<String>,
}

impl Reply {
    /// A reply without an answer.
    pub fn failed(outcome: Outcome, error: impl Into<String>) -> Self {
        Self {
            outcome,
            text: String::new(),
            calls: Vec::new(),
            model: None,
            finish_reason: None,
            usage: Usage::default(),
            status: None,
            attempts: 0,
            latency_ms: 0,
            request: Request::default(),
            response: Vec::new(),
            error: Some(error.into()),
        }
    }
}

/// Tokens as the server counted them; `None` when it did not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    /// The model would not answer.
    Refused,
    /// The answer ended before its end.
    Truncated,
    InvalidJson,
    SchemaViolation,
    /// An answer in form that the limits did not take; said by who asked.
    RiskRejected,
    Timeout,
    HttpError,
    /// Not sent: the budget is spent.
    BudgetExhausted,
    Cancelled,
}

impl Outcome {
    pub const ALL: [Self; 10] = [
        Self::Ok,
        Self::Refused,
        Self::Truncated,
        Self::InvalidJson,
        Self::SchemaViolation,
        Self::RiskRejected,
        Self::Timeout,
        Self::HttpError,
        Self::BudgetExhausted,
        Self::Cancelled,
    ];

    /// The outcome of that name in rows.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == name)
    }

    /// The name in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Truncated => "truncated",
            Self::InvalidJson => "invalid_json",
            Self::SchemaViolation => "schema_violation",
            Self::RiskRejected => "risk_rejected",
            Self::Timeout => "timeout",
            Self::HttpError => "http_error",
            Self::BudgetExhausted => "budget_exhausted",
            Self::Cancelled => "cancelled",
        }
    }
}
