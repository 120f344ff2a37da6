//! [llm] and [council]: the language model, and who is judged beside the desk.

use crate::policy::llm::Fallback;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// How a server is asked for JSON that follows a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StructuredMode {
    /// `response_format` with the schema.
    JsonSchema,
    /// `response_format` that says JSON, the schema in the prompt.
    JsonObject,
    /// A function that must be called, the schema being its parameters'.
    Tool,
    /// The schema in the prompt, nothing else.
    Prompt,
}

impl StructuredMode {
    /// The name in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JsonSchema => "json_schema",
            Self::JsonObject => "json_object",
            Self::Tool => "tool",
            Self::Prompt => "prompt",
        }
    }
}

/// Which field of a request bounds the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenField {
    MaxTokens,
    MaxCompletionTokens,
}

section! {
    /// [llm]
    LlmConfig {
        /// Address of an OpenAI-compatible server such as http://127.0.0.1:8080/v1; empty: no model is asked.
        base_url: String = String::new(),
        /// Name of the model, as the server knows it.
        model: String = String::new(),
        /// How the server is asked for JSON: json_schema, json_object, tool or prompt. The chat calls functions in mode tool alone; in the others every look-up is a JSON object.
        structured_mode: StructuredMode = StructuredMode::JsonSchema,
        /// Which field bounds an answer: max_tokens or max_completion_tokens.
        token_field: TokenField = TokenField::MaxTokens,
        /// Most tokens of one answer.
        max_tokens: u32 = 800,
        /// Randomness of answers, 0 for the most repeatable; unset: it is not sent, as reasoning models want it.
        temperature: Option<f64> = None,
        /// One call may take so long, waits and retries included, milliseconds.
        timeout_ms: u64 = 60_000,
        /// A connection may take so long, milliseconds.
        connect_timeout_ms: u64 = 5_000,
        /// Price of a million input tokens, USD; unset: costs are unknown, not 0.
        price_input_usd: Option<f64> = None,
        /// Price of a million output tokens, USD; unset: costs are unknown, not 0.
        price_output_usd: Option<f64> = None,
        /// Which price list that is, as kept with every call.
        price_version: String = String::new(),
        /// Most that calls may cost in a day of desk time, USD; unset for no limit. Wants both prices.
        budget_day_usd: Option<f64> = None,
        /// Most that one backtest, one setting of a sweep or one answer of the chat may cost, USD; unset for no limit. Wants both prices.
        budget_run_usd: Option<f64> = None,
        /// Last day the model was trained on, such as 2025-06-30; backtests before it are flagged.
        training_cutoff: String = String::new(),
        /// What is done without a usable answer, or where risk refuses it: nothing, or rule (what the rules would do, labelled as that). A backtest may name its own.
        fallback: Fallback = Fallback::Nothing,
    }
}

section! {
    /// [council]
    CouncilConfig {
        /// Any of rules_v1, rules_v2, random, always, never, llm and llm:MODEL; empty: nobody is asked. Nothing of it is traded.
        policies: Vec<String> = Vec::new(),
    }
}

/// The key of the language model's server, from THETAQ_LLM_API_KEY; it stands nowhere else.
pub fn llm_key() -> Option<SecretString> {
    let key = std::env::var(LLM_KEY).ok();
    key.filter(|key| !key.trim().is_empty()).map(Into::into)
}

/// The variable of the language model's key.
pub const LLM_KEY: &str = "THETAQ_LLM_API_KEY";
