//! Names of option contracts: parsing, printing, and what a name alone says.

use super::coin::Coin;
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Milliseconds of one day.
pub const DAY_MS: i64 = 86_400_000;
/// Options expire at 08:00 UTC.
pub const EXPIRY_HOUR_MS: i64 = 8 * 3_600_000;

/// How a contract is quoted, margined and settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Premium and settlement in the coin itself.
    Inverse,
    /// Premium and settlement in USDC.
    Linear,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionType {
    Call,
    Put,
}

/// One option contract, identified by its name `BTC-25DEC26-100000-C`.
///
/// The order of the fields is the order of a chain: expiry, strike, calls before puts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instrument {
    pub coin: Coin,
    pub style: Style,
    /// 08:00 UTC of the expiry day.
    pub expiry_ms: i64,
    /// Whole USD; the exchange lists no fractional strikes on BTC and ETH.
    pub strike_usd: u32,
    pub option_type: OptionType,
}

impl Instrument {
    /// Days to expiry at an instant; negative once expired.
    pub fn dte(&self, at_ms: i64) -> f64 {
        (self.expiry_ms - at_ms) as f64 / DAY_MS as f64
    }

    /// Years (365 days) to expiry, never negative.
    pub fn years(&self, at_ms: i64) -> f64 {
        (self.dte(at_ms) / 365.0).max(0.0)
    }

    pub fn is_call(&self) -> bool {
        self.option_type == OptionType::Call
    }

    pub fn strike(&self) -> f64 {
        f64::from(self.strike_usd)
    }

    pub fn name(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = DateTime::from_timestamp_millis(self.expiry_ms).unwrap_or_default();
        let (date, year) = (day.day(), day.year().rem_euclid(100));
        let month = MONTHS[day.month0() as usize];
        let linear = if self.style == Style::Linear {
            "_USDC"
        } else {
            ""
        };
        let side = if self.is_call() { "C" } else { "P" };
        let (coin, strike) = (self.coin, self.strike_usd);
        write!(f, "{coin}{linear}-{date}{month}{year:02}-{strike}-{side}")
    }
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];

/// Why a text is not an option of the desk; names the part that is wrong.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NameError {
    #[error("`{0}` is not an option name; expected the form BTC-25DEC26-100000-C")]
    Shape(String),
    #[error("`{0}`: underlying is not BTC, ETH, BTC_USDC or ETH_USDC")]
    Underlying(String),
    #[error("`{0}`: expiry is not a date of the form 25DEC26")]
    Expiry(String),
    #[error("`{0}`: strike is not a whole number of USD above 0")]
    Strike(String),
    #[error("`{0}`: the last part is not C or P")]
    Type(String),
}

impl FromStr for Instrument {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        let whole = || name.to_owned();
        let parts: Vec<&str> = name.split('-').collect();
        let [underlying, date, strike, side] = parts[..] else {
            return Err(NameError::Shape(whole()));
        };
        let (coin, style) = match underlying {
            "BTC" => (Coin::Btc, Style::Inverse),
            "ETH" => (Coin::Eth, Style::Inverse),
            "BTC_USDC" => (Coin::Btc, Style::Linear),
            "ETH_USDC" => (Coin::Eth, Style::Linear),
            _ => return Err(NameError::Underlying(whole())),
        };
        let option_type = match side {
            "C" => OptionType::Call,
            "P" => OptionType::Put,
            _ => return Err(NameError::Type(whole())),
        };
        let expiry_ms = parse_expiry(date).ok_or_else(|| NameError::Expiry(whole()))?;
        let strike_usd = parse_strike(strike).ok_or_else(|| NameError::Strike(whole()))?;
        Ok(Self {
            coin,
            style,
            expiry_ms,
            strike_usd,
            option_type,
        })
    }
}

/// `25DEC26` (one or two digits of the day, upper-case month) to 08:00 UTC of that day.
pub fn parse_expiry(text: &str) -> Option<i64> {
    let split = text.len().checked_sub(5)?;
    let (day, rest) = (text.get(..split)?, text.get(split..)?);
    if !(1..=2).contains(&day.len()) || rest.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    let month = MONTHS.iter().position(|month| *month == &rest[..3])? as u32 + 1;
    let year: i32 = rest[3..].parse().ok()?;
    let date = NaiveDate::from_ymd_opt(2000 + year, month, day.parse().ok()?)?;
    Some(date.and_time(NaiveTime::MIN).and_utc().timestamp_millis() + EXPIRY_HOUR_MS)
}

fn parse_strike(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|strike| *strike > 0)
}

impl Serialize for Instrument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instrument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for name in [
            "BTC-25DEC26-100000-C",
            "ETH-1JAN26-3000-P",
            "BTC_USDC-9FEB26-64000-C",
        ] {
            let parsed: Instrument = name.parse().expect(name);
            assert_eq!(parsed.name(), name);
        }
    }

    /// Mistake 19 of the earlier system: names with an underscore were split wrongly.
    #[test]
    fn mistake_19_underscore_names_are_linear() {
        let linear: Instrument = "BTC_USDC-25DEC26-100000-C".parse().expect("linear name");
        assert_eq!((linear.coin, linear.style), (Coin::Btc, Style::Linear));
        assert_ne!(
            linear,
            "BTC-25DEC26-100000-C".parse().expect("inverse name")
        );
    }

    #[test]
    fn bad_names_say_which_part() {
        let shape = |name: &str| NameError::Shape(name.to_owned());
        let check =
            |name: &str, expect: NameError| assert_eq!(name.parse::<Instrument>(), Err(expect));
        check("", shape(""));
        check("BTC-PERPETUAL", shape("BTC-PERPETUAL"));
        check(
            "SOL-25DEC26-100-C",
            NameError::Underlying("SOL-25DEC26-100-C".into()),
        );
        check(
            "BTC-31FEB26-100-C",
            NameError::Expiry("BTC-31FEB26-100-C".into()),
        );
        check(
            "BTC-25DEC26-0-C",
            NameError::Strike("BTC-25DEC26-0-C".into()),
        );
        check(
            "BTC-25DEC26-0d5-C",
            NameError::Strike("BTC-25DEC26-0d5-C".into()),
        );
        check(
            "BTC-25DEC26-100-X",
            NameError::Type("BTC-25DEC26-100-X".into()),
        );
    }
}
