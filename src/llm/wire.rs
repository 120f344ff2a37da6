//! What servers send, read leniently: a whole answer or a stream of events, every field optional.

use super::words::{ToolCall, Usage};
use serde::Deserialize;
use serde_json::Value;

/// What a body says, whole or in pieces.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) refusal: String,
    pub(super) calls: Vec<ToolCall>,
    pub(super) model: Option<String>,
    pub(super) finish_reason: Option<String>,
    pub(super) usage: Usage,
    /// The server's own error, in words.
    pub(super) error: Option<String>,
    /// The error's code where it is a number: some servers put the HTTP status there.
    pub(super) code: Option<u16>,
    /// There was an answer at all.
    pub(super) answered: bool,
    /// A stream said that it was over.
    pub(super) done: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    model: Option<String>,
    choices: Option<Vec<Choice>>,
    usage: Option<Tokens>,
    error: Option<Value>,
    /// Some servers say `message` or `detail` at the top.
    message: Option<Value>,
    detail: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice {
    message: Option<Part>,
    delta: Option<Part>,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Part {
    content: Option<Value>,
    refusal: Option<String>,
    tool_calls: Option<Vec<Call>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Call {
    index: Option<usize>,
    id: Option<String>,
    function: Option<Function>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Function {
    name: Option<String>,
    /// Text that holds JSON, or with some servers the JSON itself.
    arguments: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tokens {
    prompt_tokens: Option<i64>,
    completion_tokens: Option<i64>,
}

/// Reads a body; the error says why it is none.
pub(super) fn read(body: &[u8]) -> Result<Said, String> {
    let mut said = Said::default();
    if is_stream(body) {
        let mut events = Events::default();
        for data in events.push(body) {
            said.event(&data)?;
        }
        // A cut stream may end in the middle of an event.
        let _whole = events.rest().map(|data| said.event(&data));
        return Ok(said);
    }
    said.add(serde_json::from_slice(body).map_err(|error| error.to_string())?);
    said.done = true;
    Ok(said)
}

/// True when the body is a stream of events.
pub(super) fn is_stream(body: &[u8]) -> bool {
    let text = body.trim_ascii_start();
    let starts = [&b"data:"[..], b"event:", b"id:", b":"];
    starts.iter().any(|start| text.starts_with(start))
}

impl Said {
    /// One event of a stream; gives the text it adds.
    pub(super) fn event(&mut self, data: &str) -> Result<String, String> {
        if data.trim() == "[DONE]" {
            self.done = true;
            return Ok(String::new());
        }
        let body = serde_json::from_str(data).map_err(|error| error.to_string())?;
        let before = self.text.len();
        self.add(body);
        Ok(self.text[before..].to_owned())
    }

    fn add(&mut self, body: Body) {
        self.model = body
            .model
            .filter(|model| !model.is_empty())
            .or(self.model.take());
        if let Some(tokens) = body.usage {
            self.usage = Usage {
                input_tokens: tokens.prompt_tokens,
                output_tokens: tokens.completion_tokens,
            };
        }
        if let Some(error) = body.error.or(body.message).or(body.detail) {
            let code = &error["code"];
            let code = code.as_u64().or_else(|| code.as_str()?.parse().ok());
            self.code = code.and_then(|code| u16::try_from(code).ok());
            self.error = Some(words(&error));
        }
        // One answer is asked for; a server that gives more is taken at its first.
        if let Some(choice) = body.choices.unwrap_or_default().into_iter().next() {
            self.answered = true;
            self.finish_reason = choice.finish_reason.or(self.finish_reason.take());
            if let Some(part) = choice.message.or(choice.delta) {
                self.part(part);
            }
        }
    }

    fn part(&mut self, part: Part) {
        self.text += &part
            .content
            .map(|content| plain(&content))
            .unwrap_or_default();
        self.refusal += part.refusal.as_deref().unwrap_or_default();
        for (at, call) in part.tool_calls.into_iter().flatten().enumerate() {
            self.call(at, call);
        }
    }

    /// Pieces of a call share its index; a whole call may have none.
    fn call(&mut self, at: usize, call: Call) {
        let index = call.index.unwrap_or(at);
        while self.calls.len() <= index.min(CALLS_MAX) {
            self.calls.push(ToolCall {
                id: format!("call_{}", self.calls.len() + 1),
                name: String::new(),
                arguments: String::new(),
            });
        }
        let Some(known) = self.calls.get_mut(index) else {
            return;
        };
        if let Some(id) = call.id.filter(|id| !id.is_empty()) {
            known.id = id;
        }
        let function = call.function.unwrap_or_default();
        known.name += function.name.as_deref().unwrap_or_default();
        match function.arguments {
            Some(Value::String(text)) => known.arguments += &text,
            Some(Value::Null) | None => {}
            Some(other) => known.arguments += &other.to_string(),
        }
    }
}

/// More calls than that in one answer are not read.
const CALLS_MAX: usize = 32;

/// Content is a text, or a list of parts that have one.
fn plain(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect(),
        _ => String::new(),
    }
}

/// The message of an error, whatever its shape.
fn words(error: &Value) -> String {
    let message = error["message"].as_str().or(error.as_str());
    let text = message.map_or_else(|| error.to_string(), str::to_owned);
    match &error["code"] {
        Value::Null => text,
        Value::String(code) => format!("{text} ({code})"),
        code => format!("{text} ({code})"),
    }
}

/// Bytes of a stream, cut into the data of its events.
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Vec<u8>,
    data: String,
}

impl Events {
    /// The data of every event that is complete by now.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        for byte in bytes {
            if *byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                found.extend(self.end_of(&line));
            } else {
                self.line.push(*byte);
            }
        }
        found
    }

    /// A last event that no empty line ended.
    pub(super) fn rest(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let ended = self.end_of(&line);
        ended.or_else(|| self.end_of(b""))
    }

    fn end_of(&mut self, line: &[u8]) -> Option<String> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            return (!data.is_empty()).then_some(data);
        }
        if let Some(data) = line.strip_prefix(b"data:") {
            let data = String::from_utf8_lossy(data);
            self.data += data.strip_prefix(' ').unwrap_or(&data);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_may_be_missing() {
        let said = read(b"{}").expect("an object");
        assert!(!said.answered && said.usage == Usage::default());
        let said = read(br#"{"choices":[{"message":{"content":null}}],"usage":null}"#);
        let said = said.expect("an answer");
        assert!(said.answered && said.text.is_empty() && said.usage.input_tokens.is_none());
        assert!(read(b"<html>").is_err());
    }

    #[test]
    fn error_codes_may_be_numbers() {
        let said = read(br#"{"error":{"code":429,"message":"slow down"}}"#).expect("an object");
        assert_eq!(
            (said.code, said.error.as_deref()),
            (Some(429), Some("slow down (429)"))
        );
        let said = read(br#"{"error":"no such model"}"#).expect("an object");
        assert_eq!(
            (said.code, said.error.as_deref()),
            (None, Some("no such model"))
        );
    }

    #[test]
    fn streams_are_put_together_from_any_cut() {
        let body = "data: {\"choices\":[{\"delta\":{\"content\":\"Gr\"}}]}\r\n\r\n: ping\n\n\
             data: {\"choices\":[{\"delta\":{\"content\":\"üß\",\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":\
             {\"name\":\"market\",\"arguments\":\"{\\\"x\\\"\"}}]}}]}\n\n\
             data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\":1}\"}}]},\
             \"finish_reason\":\"eos\"}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":7}}\n\ndata: [DONE]";
        for size in [1, 2, 3, 7, 1_000] {
            let (mut events, mut said) = (Events::default(), Said::default());
            for piece in body.as_bytes().chunks(size) {
                for data in events.push(piece) {
                    said.event(&data).expect("an event");
                }
            }
            said.event(&events.rest().expect("the last"))
                .expect("an event");
            assert_eq!((said.text.as_str(), said.done), ("Grüß", true));
            assert_eq!(said.finish_reason.as_deref(), Some("eos"));
            assert_eq!(
                (said.usage.input_tokens, said.usage.output_tokens),
                (Some(7), None)
            );
            let call = &said.calls[0];
            assert_eq!(
                (call.id.as_str(), call.arguments.as_str()),
                ("a", "{\"x\":1}")
            );
        }
    }
}
