//! Secrets in a job's arguments or result are shown as stars: on pages, in the API, to a model.

use serde_json::{Map, Value};

/// A key whose name holds one of these has a value nobody needs to read.
const SECRET: [&str; 6] = [
    "secret",
    "password",
    "token",
    "api_key",
    "apikey",
    "private_key",
];

/// The value with every secret in it replaced.
pub fn redact(value: &Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(object.iter().map(pair).collect::<Map<_, _>>()),
        Value::Array(items) => Value::Array(items.iter().map(redact).collect()),
        other => other.clone(),
    }
}

fn pair((key, value): (&String, &Value)) -> (String, Value) {
    let name = key.to_lowercase();
    let secret = SECRET.iter().any(|word| name.contains(word)) && !value.is_number();
    let shown = if secret { "***".into() } else { redact(value) };
    (key.clone(), shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_stars_and_big_integers_stay_exact() {
        let args = json!({"n": 9_007_199_254_740_993_i64, "tokens": 512, "venue": {"api_key": "abc", "list": [{"Password": "x"}]}});
        let shown = redact(&args);
        assert_eq!(shown["n"], 9_007_199_254_740_993_i64);
        assert_eq!(shown["tokens"], 512, "a count of tokens is no secret");
        assert_eq!(
            shown["venue"],
            json!({"api_key": "***", "list": [{"Password": "***"}]})
        );
    }
}
