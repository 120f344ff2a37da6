//! JSON columns read back to the last bit.
//!
//! `serde_json` reads a float up to one unit in the last place off, and Postgres reorders keys: a stored
//! context must come back as it was, or re-running its decision would differ.

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;

/// Parses a JSON text with every number exact and every object's keys in order.
pub fn exact(text: &str) -> serde_json::Result<Value> {
    value(&serde_json::from_str::<Box<RawValue>>(text)?)
}

/// Reads a stored row's JSON into its type, floats exact; a mismatch is a decode error of the database.
pub fn decode<T: serde::de::DeserializeOwned>(text: &str) -> sqlx::Result<T> {
    exact(text)
        .and_then(serde_json::from_value)
        .map_err(|error| sqlx::Error::Decode(error.into()))
}

/// The one text of a value, whichever engine stored it: keys sorted, no spaces, no negative zero.
pub fn canonical<T: serde::Serialize>(row: &T) -> serde_json::Result<String> {
    Ok(value(&to_raw_value(row)?)?.to_string())
}

fn value(raw: &RawValue) -> serde_json::Result<Value> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{') => object(text),
        Some(b'[') => {
            let items: Vec<Box<RawValue>> = serde_json::from_str(text)?;
            items.iter().map(|item| value(item)).collect()
        }
        Some(b'-' | b'0'..=b'9') => number(text),
        _ => serde_json::from_str(text),
    }
}

fn object(text: &str) -> serde_json::Result<Value> {
    let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text)?;
    let mut map = Map::new();
    for (key, raw) in fields {
        map.insert(key, value(&raw)?);
    }
    Ok(Value::Object(map))
}

/// Whole numbers stay whole; the others are read by the standard library, which is exact.
fn number(text: &str) -> serde_json::Result<Value> {
    if let Ok(whole) = text.parse::<i64>() {
        return Ok(Value::from(whole));
    }
    let float = text.parse::<f64>().ok().map(|float| float + 0.0);
    match float.and_then(Number::from_f64) {
        Some(number) => Ok(Value::Number(number)),
        None => serde_json::from_str(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_come_back_to_the_last_bit() {
        let mut random = crate::clock::Random::from_parts(&["floats"]);
        for _ in 0..2_000 {
            let float = f64::from_bits(random.next_u64() >> 2);
            let text = serde_json::to_string(&float).expect("a finite float");
            assert_eq!(exact(&text).expect("a number").as_f64(), Some(float));
        }
    }

    #[test]
    fn the_canonical_text_ignores_order_spaces_and_the_sign_of_zero() {
        let stored = r#"{"b": [-0.0, 1.50, {"y": null, "x": 9007199254740993}], "a": true}"#;
        let text = exact(stored).expect("JSON").to_string();
        assert_eq!(
            text,
            r#"{"a":true,"b":[0.0,1.5,{"x":9007199254740993,"y":null}]}"#
        );
        assert_eq!(
            canonical(&exact(stored).expect("JSON")).expect("JSON"),
            text
        );
    }
}
