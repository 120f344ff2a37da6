//! Requests and replies against the exchange's published API document.
//!
//! A small reading of OpenAPI 3.0: references, types, enums, required and unknown fields, arrays,
//! allOf, oneOf, nullable. What the document has wrong is told by the test that uses this.

use super::shared_data;
use flate2::read::GzDecoder;
use serde_json::{Map, Value};

const FILE: &str = "spec/deribit-openapi_v2.1.1_2026-08.json.gz";

pub(crate) struct Document(Value);

/// One disagreement: where, and in what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// `trades[].matching_id` of a result, or the name of a parameter.
    pub(crate) path: String,
    pub(crate) what: String,
}

impl Document {
    /// The document of the shared data; prints why and gives `None` where it is absent.
    pub(crate) fn load() -> Option<Self> {
        let file = std::fs::File::open(shared_data(FILE)?).unwrap();
        Some(Self(serde_json::from_reader(GzDecoder::new(file)).unwrap()))
    }

    pub(crate) fn has(&self, method: &str) -> bool {
        self.0["paths"].get(format!("/{method}")).is_some()
    }

    /// Parameters that are unknown, of the wrong type, or missing.
    pub(crate) fn request(&self, method: &str, params: &Map<String, Value>) -> Vec<Problem> {
        let known = self.operation(method)["parameters"].as_array();
        let known: Vec<&Value> = known
            .into_iter()
            .flatten()
            .map(|one| self.target(one))
            .collect();
        let mut problems = Vec::new();
        for (name, value) in params {
            match known.iter().find(|one| one["name"] == name.as_str()) {
                Some(one) => self.check(&one["schema"], value, name, &mut problems),
                None => problems.push(problem(name, "unknown field")),
            }
        }
        for one in known {
            let name = one["name"].as_str().unwrap();
            if one["required"] == true && !params.contains_key(name) {
                problems.push(problem(name, "missing"));
            }
        }
        problems
    }

    /// What is wrong with the result of a reply.
    pub(crate) fn result(&self, method: &str, result: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        let response = self.target(&self.operation(method)["responses"]["200"]);
        let reply = self.target(&response["content"]["application/json"]["schema"]);
        match reply["properties"].get("result") {
            Some(schema) => self.check(schema, result, "", &mut problems),
            None => problems.push(problem("", "no schema")),
        }
        problems.sort();
        problems.dedup();
        problems
    }

    fn operation(&self, method: &str) -> &Value {
        &self.0["paths"][format!("/{method}")]["get"]
    }

    /// Follows references.
    fn target<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        while let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            schema = self.0.pointer(&reference[1..]).expect(reference);
        }
        schema
    }

    fn check(&self, schema: &Value, value: &Value, path: &str, problems: &mut Vec<Problem>) {
        let schema = self.target(schema);
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            return self.check_all(parts, value, path, problems);
        }
        let any = schema.get("oneOf").or_else(|| schema.get("anyOf"));
        if let Some(choices) = any.and_then(Value::as_array) {
            let fits = |choice: &Value| self.problems(choice, value).is_empty();
            if !choices.iter().any(fits) {
                problems.push(problem(path, "none of the forms"));
            }
            return;
        }
        if value.is_null() {
            if schema["nullable"] != true && schema.get("type").is_some() {
                problems.push(problem(path, "null"));
            }
            return;
        }
        if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
            && !allowed.contains(value)
        {
            problems.push(problem(path, &format!("{value} is not in the list")));
        }
        self.check_type(schema, value, path, problems);
    }

    fn problems(&self, schema: &Value, value: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.check(schema, value, "", &mut problems);
        problems
    }

    /// All parts apply; a field is unknown when no part has it.
    fn check_all(&self, parts: &[Value], value: &Value, path: &str, problems: &mut Vec<Problem>) {
        let mut found: Vec<Vec<Problem>> = Vec::new();
        for part in parts {
            let mut of_part = Vec::new();
            self.check(part, value, path, &mut of_part);
            found.push(of_part);
        }
        for one in found.concat() {
            let everywhere = found.iter().all(|of_part| of_part.contains(&one));
            if one.what != "unknown field" || everywhere {
                problems.push(one);
            }
        }
    }

    fn check_type(&self, schema: &Value, value: &Value, path: &str, problems: &mut Vec<Problem>) {
        let fits = match schema["type"].as_str() {
            Some("object") => return self.check_object(schema, value, path, problems),
            Some("array") => return self.check_array(schema, value, path, problems),
            Some("string") => value.is_string(),
            Some("boolean") => value.is_boolean(),
            Some("number") => value.is_number(),
            // 1.0 is a whole number.
            Some("integer") => value.as_f64().is_some_and(|number| number.fract() == 0.0),
            _ => true,
        };
        if !fits {
            problems.push(problem(path, &format!("not of type {}", schema["type"])));
        }
    }

    fn check_array(&self, schema: &Value, value: &Value, path: &str, problems: &mut Vec<Problem>) {
        let Some(items) = value.as_array() else {
            problems.push(problem(path, "not an array"));
            return;
        };
        for item in items {
            self.check(&schema["items"], item, &format!("{path}[]"), problems);
        }
    }

    fn check_object(&self, schema: &Value, value: &Value, path: &str, problems: &mut Vec<Problem>) {
        let Some(fields) = value.as_object() else {
            problems.push(problem(path, "not an object"));
            return;
        };
        let below = |name: &str| {
            let path = path.trim_end_matches('.');
            if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            }
        };
        let known = schema.get("properties").and_then(Value::as_object);
        let open = known.is_none_or(Map::is_empty);
        for (name, field) in fields {
            match (
                known.and_then(|known| known.get(name)),
                schema.get("additionalProperties"),
            ) {
                (Some(schema), _) => self.check(schema, field, &below(name), problems),
                (None, Some(schema)) if schema.is_object() => {
                    self.check(schema, field, &below("*"), problems);
                }
                (None, _) if !open => problems.push(problem(&below(name), "unknown field")),
                (None, _) => {}
            }
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap();
            if !fields.contains_key(name) {
                problems.push(problem(&below(name), "missing"));
            }
        }
    }
}

fn problem(path: &str, what: &str) -> Problem {
    Problem {
        path: path.to_owned(),
        what: what.to_owned(),
    }
}
