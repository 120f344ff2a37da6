//! Answers that had to be JSON: the schema as it is sent, the JSON in a text, and whether it follows.

use super::words::Tool;
use serde_json::{Map, Value, json};

/// The schema with every object closed: a field that it does not name is refused.
pub(super) fn closed(schema: &Value) -> Value {
    match schema {
        Value::Object(map) => {
            let mut map: Map<String, Value> = map
                .iter()
                .map(|(key, value)| (key.clone(), closed(value)))
                .collect();
            let named = map.get("properties").is_some_and(Value::is_object);
            if named && !map.contains_key("additionalProperties") {
                map.insert("additionalProperties".to_owned(), false.into());
            }
            map.into()
        }
        Value::Array(items) => items.iter().map(closed).collect(),
        other => other.clone(),
    }
}

/// True when the schema is one that servers can hold a model to: an object without alternatives, every
/// field of it required.
pub(super) fn is_strict(schema: &Value) -> bool {
    fn all(schema: &Value) -> bool {
        match schema {
            Value::Object(map) => {
                let names = map.get("properties").and_then(Value::as_object);
                let required = map.get("required").and_then(Value::as_array);
                let whole = names.is_none_or(|names| {
                    let required = required.map_or(&[][..], Vec::as_slice);
                    names
                        .keys()
                        .all(|name| required.iter().any(|one| one == name))
                });
                whole && map.values().all(all)
            }
            Value::Array(items) => items.iter().all(all),
            _ => true,
        }
    }
    let plain = schema["type"] == "object" && schema.get("anyOf").is_none();
    plain && all(schema)
}

/// The schema without its descriptions, which stand in the list of tools already.
fn bare(schema: &Value) -> Value {
    match schema {
        Value::Object(map) => map
            .iter()
            .filter(|(name, value)| *name != "description" || !value.is_string())
            .map(|(name, value)| (name.clone(), bare(value)))
            .collect(),
        Value::Array(items) => items.iter().map(bare).collect(),
        other => other.clone(),
    }
}

/// One of: a tool with arguments of its own schema, or an answer.
pub(super) fn choice_of_tools(tools: &[Tool]) -> Value {
    let object = |properties: Value, required: &[&str]| {
        json!({
            "type": "object", "properties": properties, "required": required,
            "additionalProperties": false,
        })
    };
    let tool = |tool: &Tool| {
        let name = json!({ "type": "string", "enum": [tool.name] });
        let properties = json!({ "tool": name, "arguments": bare(&closed(&tool.parameters)) });
        object(properties, &["tool", "arguments"])
    };
    let answer = object(json!({ "answer": { "type": "string" } }), &["answer"]);
    let all: Vec<Value> = tools.iter().map(tool).chain([answer]).collect();
    // Hosted servers refuse a root without a type.
    json!({ "type": "object", "anyOf": all })
}

/// The first JSON object of a text: models put fences and words around it.
pub(super) fn find(text: &str) -> Result<Value, String> {
    let Some(start) = text.find('{') else {
        return Err("the answer has no JSON object".to_owned());
    };
    let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
    match values.next() {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(format!("the answer is no JSON: {error}")),
        None => Err("the answer has no JSON object".to_owned()),
    }
}

/// What is wrong with a value, by the field it is wrong in.
pub(super) fn check(schema: &Value, value: &Value) -> Result<(), String> {
    let validator = jsonschema::validator_for(&closed(schema))
        .map_err(|error| format!("the schema itself is wrong: {error}"))?;
    let wrong: Vec<String> = validator
        .iter_errors(value)
        .take(3)
        .map(|error| {
            let at = error.instance_path().to_string();
            let field = at.trim_start_matches('/').replace('/', ".");
            let field = if field.is_empty() {
                "the answer"
            } else {
                &field
            };
            format!("{field}: {error}")
        })
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(wrong.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object", "required": ["choice", "size"],
            "properties": { "choice": { "enum": ["c1", "nothing"] }, "size": { "type": "number", "maximum": 2 } },
        })
    }

    #[test]
    fn answers_are_refused_by_field() {
        let refused = |value: Value| check(&schema(), &value).expect_err("it does not follow");
        assert_eq!(
            check(&schema(), &json!({"choice": "c1", "size": 1})),
            Ok(())
        );
        assert!(refused(json!({"choice": "c2", "size": 1})).starts_with("choice: "));
        assert!(refused(json!({"choice": "c1", "size": 3})).starts_with("size: "));
        assert!(refused(json!({"choice": "c1"})).contains("size"));
        assert!(refused(json!({"choice": "c1", "size": 1, "order": "now"})).contains("order"));
    }

    #[test]
    fn json_is_found_among_words_and_fences() {
        let one = json!({"a": {"b": "}"}});
        for text in [
            "{\"a\": {\"b\": \"}\"}}",
            "```json\n{\"a\": {\"b\": \"}\"}}\n```",
            "Here it is: {\"a\": {\"b\": \"}\"}} I hope that helps {",
        ] {
            assert_eq!(find(text), Ok(one.clone()), "{text}");
        }
        assert!(find("no").is_err() && find("{\"a\": ").is_err() && find("{a: 1}").is_err());
    }

    #[test]
    fn descriptions_are_told_once() {
        let tool = Tool {
            name: "look".to_owned(),
            description: "Looks.".to_owned(),
            parameters: json!({"type": "object", "properties": {"description": {"type": "string", "description": "long"}}}),
        };
        let choice = choice_of_tools(&[tool]).to_string();
        assert!(
            choice.contains(r#""description":{"type":"string"}"#) && !choice.contains("long"),
            "{choice}"
        );
    }

    #[test]
    fn only_schemas_that_require_every_field_are_strict() {
        assert!(is_strict(&closed(&schema())));
        let mut loose = schema();
        loose["required"] = json!(["choice"]);
        assert!(
            !is_strict(&loose) && !is_strict(&json!({ "type": "object", "anyOf": [schema()] }))
        );
    }
}
