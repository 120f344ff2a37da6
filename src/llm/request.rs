//! A question as bytes: the mode of the server decides how JSON and tools are asked for.

use super::schema;
use super::words::{Answer, Ask, Message, Request, Tool, ToolCall};
use crate::config::{LlmConfig, StructuredMode, TokenField};
use async_openai::types::chat::{
    ChatCompletionMessageToolCall, ChatCompletionMessageToolCalls, ChatCompletionNamedToolChoice,
    ChatCompletionRequestAssistantMessage, ChatCompletionRequestMessage,
    ChatCompletionRequestSystemMessage, ChatCompletionRequestToolMessage,
    ChatCompletionRequestUserMessage, ChatCompletionStreamOptions, ChatCompletionTool,
    ChatCompletionToolChoiceOption, ChatCompletionTools, CreateChatCompletionRequest, FunctionCall,
    FunctionName, FunctionObject, ResponseFormat, ResponseFormatJsonSchema,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Writes the request; a streamed one asks for the usage too, which comes last.
pub(super) fn build(config: &LlmConfig, ask: &Ask, stream: bool) -> Request {
    let native = config.structured_mode == StructuredMode::Tool;
    let mut wire = CreateChatCompletionRequest {
        model: ask.model.clone().unwrap_or_else(|| config.model.clone()),
        messages: messages(&ask.messages, native),
        temperature: config.temperature.map(|value| value as f32),
        ..CreateChatCompletionRequest::default()
    };
    bound(&mut wire, config);
    match &ask.answer {
        Answer::Text => {}
        Answer::Json { name, schema } => json(&mut wire, config.structured_mode, name, schema),
        Answer::Tools(tools) if native => wire.tools = Some(tools.iter().map(function).collect()),
        Answer::Tools(tools) => {
            let schema = schema::choice_of_tools(tools);
            wire.messages.push(system(&described(tools)));
            json(&mut wire, config.structured_mode, "step", &schema);
        }
    }
    if stream {
        wire.stream = Some(true);
        wire.stream_options = Some(ChatCompletionStreamOptions {
            include_usage: Some(true),
            ..ChatCompletionStreamOptions::default()
        });
    }
    let bytes = serde_json::to_vec(&wire).expect("a request is plain values with text keys");
    let prompt = serde_json::to_vec(&wire.messages).expect("messages are plain values");
    Request {
        hash: hex(&bytes),
        prompt_hash: hex(&prompt),
        bytes,
    }
}

#[expect(
    deprecated,
    reason = "servers of local models know the older field only"
)]
fn bound(wire: &mut CreateChatCompletionRequest, config: &LlmConfig) {
    match config.token_field {
        TokenField::MaxTokens => wire.max_tokens = Some(config.max_tokens),
        TokenField::MaxCompletionTokens => wire.max_completion_tokens = Some(config.max_tokens),
    }
}

/// Asks for one JSON value in the way that the server knows.
fn json(wire: &mut CreateChatCompletionRequest, mode: StructuredMode, name: &str, schema: &Value) {
    let schema = schema::closed(schema);
    match mode {
        StructuredMode::JsonSchema => {
            wire.response_format = Some(ResponseFormat::JsonSchema {
                json_schema: ResponseFormatJsonSchema {
                    name: name.to_owned(),
                    strict: schema::is_strict(&schema).then_some(true),
                    schema,
                    description: None,
                },
            });
        }
        StructuredMode::JsonObject => {
            wire.messages.push(system(&told(&schema)));
            wire.response_format = Some(ResponseFormat::JsonObject);
        }
        StructuredMode::Prompt => wire.messages.push(system(&told(&schema))),
        StructuredMode::Tool => {
            let tool = Tool {
                name: name.to_owned(),
                description: "Gives the answer.".to_owned(),
                parameters: schema,
            };
            wire.tools = Some(vec![function(&tool)]);
            let function = FunctionName {
                name: name.to_owned(),
            };
            wire.tool_choice = Some(ChatCompletionToolChoiceOption::Function(
                ChatCompletionNamedToolChoice { function },
            ));
        }
    }
}

fn told(schema: &Value) -> String {
    format!(
        "Answer with one JSON object and nothing else: no other text, no Markdown. Its JSON schema: {schema}"
    )
}

fn described(tools: &[Tool]) -> String {
    let lines = tools.iter().map(|tool| {
        let (name, about, parameters) = (&tool.name, &tool.description, &tool.parameters);
        format!("- {name}: {about} Arguments: {parameters}\n")
    });
    format!(
        "Tools you may ask for, one at a time, with {{\"tool\": NAME, \"arguments\": {{..}}}}; with \
         {{\"answer\": TEXT}} you answer:\n{}",
        lines.collect::<String>()
    )
}

fn function(tool: &Tool) -> ChatCompletionTools {
    ChatCompletionTools::Function(ChatCompletionTool {
        function: FunctionObject {
            name: tool.name.clone(),
            description: Some(tool.description.clone()),
            parameters: Some(schema::closed(&tool.parameters)),
            strict: None,
        },
    })
}

fn messages(said: &[Message], native: bool) -> Vec<ChatCompletionRequestMessage> {
    said.iter().map(|message| one(message, native)).collect()
}

/// A server without function calling sees calls and what they gave as text.
fn one(message: &Message, native: bool) -> ChatCompletionRequestMessage {
    match message {
        Message::System(text) => system(text),
        Message::User(text) => user(text),
        Message::Assistant { text, calls } if calls.is_empty() || native => {
            assistant(text.as_deref(), calls)
        }
        Message::Assistant { text, calls } => {
            let text = text.iter().cloned();
            let calls = calls.iter().map(|call| {
                let (name, arguments) = (Value::from(call.name.as_str()), &call.arguments);
                format!("{{\"tool\":{name},\"arguments\":{arguments}}}")
            });
            let lines: Vec<String> = text.chain(calls).collect();
            assistant(Some(&lines.join("\n")), &[])
        }
        Message::Tool { call, text } if native => ChatCompletionRequestToolMessage {
            content: text.as_str().into(),
            tool_call_id: call.clone(),
        }
        .into(),
        Message::Tool { call, text } => user(&format!("Result of tool call {call}:\n{text}")),
    }
}

fn system(text: &str) -> ChatCompletionRequestMessage {
    ChatCompletionRequestSystemMessage::from(text).into()
}

fn user(text: &str) -> ChatCompletionRequestMessage {
    ChatCompletionRequestUserMessage::from(text).into()
}

fn assistant(text: Option<&str>, calls: &[ToolCall]) -> ChatCompletionRequestMessage {
    let call = |call: &ToolCall| {
        ChatCompletionMessageToolCalls::Function(ChatCompletionMessageToolCall {
            id: call.id.clone(),
            function: FunctionCall {
                name: call.name.clone(),
                arguments: call.arguments.clone(),
            },
        })
    };
    ChatCompletionRequestAssistantMessage {
        content: text.map(Into::into),
        tool_calls: (!calls.is_empty()).then(|| calls.iter().map(call).collect()),
        ..ChatCompletionRequestAssistantMessage::default()
    }
    .into()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::digest(bytes);
    digest.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing into a String cannot fail");
        text
    })
}
