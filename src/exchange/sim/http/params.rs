//! Parameters by name and kind; what is wrong with one is -32602 with the reason and its name.

use super::reply::RpcError;
use crate::domain::instrument::Instrument;
use crate::domain::portfolio::currency;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// Named parameters; from a query string every value is text.
#[derive(Debug)]
pub(super) struct Params {
    values: Map<String, Value>,
    lenient: bool,
}

type Given<T> = Result<Option<T>, RpcError>;

/// Currencies of market methods; contracts quoted in USDC are found under it.
const CURRENCIES: [&str; 5] = ["BTC", "ETH", "USDC", "USDT", "EURR"];

impl Params {
    pub(super) fn strict(values: Map<String, Value>) -> Self {
        Self {
            values,
            lenient: false,
        }
    }

    pub(super) fn lenient(values: Map<String, Value>) -> Self {
        Self {
            values,
            lenient: true,
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    pub(super) fn text(&self, name: &str) -> Given<&str> {
        let Some(value) = self.values.get(name) else {
            return Ok(None);
        };
        let text = value.as_str();
        let text = text.ok_or_else(|| RpcError::param(name, "must be a string"))?;
        Ok(Some(text))
    }

    pub(super) fn whole(&self, name: &str) -> Given<i64> {
        let bad = || RpcError::param(name, "must be an integer");
        self.read(name, bad, |value| match value {
            Value::Number(number) => {
                // 5.0 is five on this wire.
                let float = number.as_f64().filter(|float| float.fract() == 0.0);
                number.as_i64().or(float.map(|float| float as i64))
            }
            _ => None,
        })
    }

    /// Exact: the digits as they were sent, exponents included.
    pub(super) fn decimal(&self, name: &str) -> Given<Decimal> {
        let bad = || RpcError::param(name, "must be a number");
        self.read(name, bad, |value| match value {
            Value::Number(number) => {
                let digits = number.to_string();
                let plain = digits.parse().ok();
                plain.or_else(|| Decimal::from_scientific(&digits).ok())
            }
            _ => None,
        })
    }

    pub(super) fn flag(&self, name: &str) -> Given<bool> {
        let bad = || RpcError::param(name, "must be a boolean");
        self.read(name, bad, Value::as_bool)
    }

    /// True only when it was sent as true.
    pub(super) fn is(&self, name: &str) -> Result<bool, RpcError> {
        Ok(self.flag(name)?.unwrap_or(false))
    }

    /// A word that may also be sent as a number, such as a resolution.
    pub(super) fn word(&self, name: &str) -> Option<String> {
        match self.values.get(name)? {
            Value::String(text) => Some(text.clone()),
            value => Some(value.to_string()),
        }
    }

    /// One of the words allowed.
    pub(super) fn choice(&self, name: &str, allowed: &[&str]) -> Given<&str> {
        match self.text(name)? {
            Some(word) if !allowed.contains(&word) => {
                let reason = format!("must be one of {}", allowed.join(", "));
                Err(RpcError::param(name, &reason))
            }
            word => Ok(word),
        }
    }

    /// A number of items from 1 to `max`.
    pub(super) fn count(&self, default: usize, max: usize) -> Result<usize, RpcError> {
        match self.whole("count")? {
            None => Ok(default),
            Some(count) if (1..=max as i64).contains(&count) => Ok(count as usize),
            Some(_) => Err(RpcError::param("count", &format!("must be 1 to {max}"))),
        }
    }

    pub(super) fn contract(&self) -> Result<Instrument, RpcError> {
        let name = needed("instrument_name", self.text("instrument_name")?)?;
        name.parse().map_err(|_| unknown_instrument())
    }

    /// A currency that the exchange knows; `extra` are words a method takes besides.
    pub(super) fn currency(&self, extra: &[&str]) -> Given<&str> {
        match self.text("currency")? {
            Some(word) if CURRENCIES.contains(&word) || extra.contains(&word) => Ok(Some(word)),
            Some(_) => Err(RpcError::param("currency", "invalid currency")),
            None => Ok(None),
        }
    }

    pub(super) fn needed_currency(&self, extra: &[&str]) -> Result<&str, RpcError> {
        needed("currency", self.currency(extra)?)
    }

    /// Whether options are among the kinds asked for: there is nothing else here.
    pub(super) fn wants_options(&self) -> Result<bool, RpcError> {
        let kinds = [
            "future",
            "option",
            "spot",
            "future_combo",
            "option_combo",
            "combo",
            "any",
        ];
        let kind = self.choice("kind", &kinds)?;
        Ok(kind.is_none_or(|kind| kind == "option" || kind == "any"))
    }

    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, RpcError> {
        let bad = || RpcError::param(name, "must be an array of strings");
        let list = self.read(name, bad, |value| {
            let items = value.as_array()?.iter();
            let texts = items.map(|item| item.as_str().map(str::to_owned));
            texts.collect::<Option<Vec<String>>>()
        })?;
        needed(name, list)
    }

    fn read<T>(
        &self,
        name: &str,
        bad: impl Fn() -> RpcError,
        convert: impl Fn(&Value) -> Option<T>,
    ) -> Given<T> {
        let Some(value) = self.values.get(name) else {
            return Ok(None);
        };
        let parsed = match value {
            Value::String(text) if self.lenient => serde_json::from_str(text).ok(),
            value => Some(value.clone()),
        };
        let converted = parsed.as_ref().and_then(convert);
        converted.map(Some).ok_or_else(bad)
    }
}

/// The value, or the refusal of a call without it.
pub(super) fn needed<T>(name: &str, value: Option<T>) -> Result<T, RpcError> {
    value.ok_or_else(|| RpcError::param(name, "value is required"))
}

pub(super) fn unknown_instrument() -> RpcError {
    RpcError::param("instrument_name", "instrument not found")
}

/// True when a contract is paid in the currency asked for.
pub(super) fn paid_in(contract: &Instrument, asked: &str) -> bool {
    asked == "any" || currency(contract) == asked
}
