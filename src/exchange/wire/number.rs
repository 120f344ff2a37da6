//! Numbers of the wire: JSON numbers in any form, exact to the digits that were written.
//!
//! A double names at most 17 digits and prints back the shortest text that reads as itself, so a decimal
//! made from that text has the value that was sent as long as the sender wrote no more than 15.

use rust_decimal::Decimal;
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

/// A field that must be a number.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    deserializer.deserialize_any(NumberVisitor)
}

/// A decimal as a JSON number.
pub fn serialize<S: Serializer>(number: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    let float: f64 = number
        .to_string()
        .parse()
        .map_err(serde::ser::Error::custom)?;
    serializer.serialize_f64(float)
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Decimal, E> {
        Ok(Decimal::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Decimal, E> {
        Ok(Decimal::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Decimal, E> {
        // Rust prints a double without an exponent, with the fewest digits that read back as the same.
        value
            .to_string()
            .parse()
            .map_err(|_| E::invalid_value(Unexpected::Float(value), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Decimal, E> {
        let number = text.parse().or_else(|_| Decimal::from_scientific(text));
        number.map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// A field that may be missing or null; both are `None`.
pub mod option {
    use super::{Decimal, Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    struct Number(#[serde(with = "super")] Decimal);

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Decimal>, D::Error> {
        let number = Option::<Number>::deserialize(deserializer)?;
        Ok(number.map(|Number(number)| number))
    }

    pub fn serialize<S: Serializer>(
        number: &Option<Decimal>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match number {
            Some(number) => super::serialize(number, serializer),
            None => serializer.serialize_none(),
        }
    }
}

/// A number, or a word in its place: `market_price`, `expired`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NumberOrWord {
    Number(#[serde(with = "self")] Decimal),
    Word(String),
}

impl NumberOrWord {
    pub fn number(&self) -> Option<Decimal> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Word(_) => None,
        }
    }
}

/// `None` for 0 and below: how an older wire says that a side of the book is empty.
pub fn quoted(price: Option<f64>) -> Option<f64> {
    price.filter(|price| price.is_finite() && *price > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sample {
        #[serde(with = "super")]
        a: Decimal,
        #[serde(default, with = "super::option")]
        b: Option<Decimal>,
    }

    fn check(json: &str, a: &str, b: Option<&str>) {
        let sample: Sample = serde_json::from_str(json).expect(json);
        let decimal = |text: &str| text.parse::<Decimal>().expect(text);
        assert_eq!(sample.a, decimal(a), "{json}");
        assert_eq!(sample.b, b.map(decimal), "{json}");
        let printed = serde_json::to_string(&sample).expect("plain data");
        assert_eq!(
            serde_json::from_str::<Sample>(&printed).expect(&printed),
            sample
        );
    }

    #[test]
    fn every_form_of_a_number_is_read() {
        check(r#"{"a":2.2e3}"#, "2200", None);
        check(r#"{"a":1.423e-4,"b":null}"#, "0.0001423", None);
        check(
            r#"{"a":-1e-8,"b":302.60065765}"#,
            "-0.00000001",
            Some("302.60065765"),
        );
        check(
            r#"{"a":7131.214606410254,"b":0}"#,
            "7131.214606410254",
            Some("0"),
        );
        check(
            r#"{"a":5927000000,"b":"1.5e-3"}"#,
            "5927000000",
            Some("0.0015"),
        );
    }

    #[test]
    fn words_stand_in_for_numbers_only_where_they_may() {
        let read = |json: &str| serde_json::from_str::<NumberOrWord>(json).expect(json);
        assert_eq!(read("\"market_price\"").number(), None);
        assert_eq!(read("0.0155").number(), Some(Decimal::new(155, 4)));
        assert!(serde_json::from_str::<Sample>(r#"{"a":"expired"}"#).is_err());
        assert_eq!(quoted(Some(0.0)), None);
        assert_eq!(quoted(Some(0.0005)), Some(0.0005));
    }
}
