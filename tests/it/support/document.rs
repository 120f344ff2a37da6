//! The exchange's published API document, asked whether a call is one it describes.

use super::shared_data;
use flate2::read::GzDecoder;
use serde_json::Value;
use std::fs::File;

/// The document of August 2026.
pub(crate) struct Document(Value);

impl Document {
    /// `None` where the shared data is absent.
    pub(crate) fn read() -> Option<Self> {
        let path = shared_data("spec/deribit-openapi_v2.1.1_2026-08.json.gz")?;
        let file = GzDecoder::new(File::open(path).unwrap());
        Some(Self(serde_json::from_reader(file).unwrap()))
    }

    /// What is wrong with a call: unknown names, missing parameters, words and types that are not allowed.
    pub(crate) fn problems(&self, method: &str, params: &Value) -> Vec<String> {
        let Some(described) = self.0["paths"][format!("/{method}")]["get"]["parameters"].as_array()
        else {
            let known = self.0["paths"].get(format!("/{method}")).is_some();
            return if known {
                Vec::new()
            } else {
                vec![format!("{method} is not in the document")]
            };
        };
        let described: Vec<&Value> = described
            .iter()
            .map(|parameter| self.follow(parameter))
            .collect();
        let sent = params.as_object().unwrap();
        let named = |name: &str| described.iter().find(|parameter| parameter["name"] == name);
        let mut problems = Vec::new();
        for (name, value) in sent {
            match named(name) {
                None => problems.push(format!("{method}: no parameter `{name}`")),
                Some(parameter) if !self.fits(&parameter["schema"], value) => {
                    problems.push(format!(
                        "{method}: {name} = {value} is not {}",
                        self.follow(&parameter["schema"])
                    ));
                }
                Some(_) => {}
            }
        }
        // Of authentication the document calls every way's parameters required at once.
        for parameter in described.iter().filter(|_| method != "public/auth") {
            let name = parameter["name"].as_str().unwrap();
            if parameter["required"] == true && !sent.contains_key(name) {
                problems.push(format!("{method}: `{name}` is required"));
            }
        }
        problems
    }

    fn fits(&self, schema: &Value, value: &Value) -> bool {
        let schema = self.follow(schema);
        if let Some(ways) = schema["oneOf"].as_array() {
            return ways.iter().any(|way| self.fits(way, value));
        }
        let allowed = schema["enum"]
            .as_array()
            .is_none_or(|words| words.contains(value));
        allowed
            && match schema["type"].as_str() {
                Some("string") => value.is_string(),
                Some("integer") => value.is_i64(),
                Some("number") => value.is_number(),
                Some("boolean") => value.is_boolean(),
                _ => true,
            }
    }

    fn follow<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => {
                self.follow(self.0.pointer(reference.trim_start_matches('#')).unwrap())
            }
            None => value,
        }
    }
}
