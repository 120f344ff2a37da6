//! Failures of the exchange, split by what the caller does next and by nothing else.
//!
//! A market order book full of codes comes down to seven decisions; the code
//! and the message stay inside for the row and the log.

use std::fmt;

/// What the exchange said: its code (0 when there is none, as for a timeout) and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub code: i64,
    pub message: String,
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            0 => f.write_str(&self.message),
            code => write!(f, "{} ({code})", self.message),
        }
    }
}

/// Without a code nobody asked for anything: there was no answer.
fn retry(reply: &Reply) -> String {
    let said = if reply.code == 0 {
        "the exchange was not reached"
    } else {
        "exchange asks to retry"
    };
    format!("{said}: {reply}")
}

/// Why a call failed, by what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// Nothing was executed; send the same request again after a pause.
    #[error("{}", retry(.0))]
    Retry(Reply),
    /// The token ran out: authenticate once, then send again.
    #[error("exchange asks to authenticate again: {0}")]
    Reauthenticate(Reply),
    /// An order may or may not have been accepted: look it up by label before anything else.
    #[error("outcome unknown: {0}")]
    UnknownOutcome(Reply),
    /// Not enough funds or over a size limit: never send the same size again.
    #[error("not enough funds: {0}")]
    Funds(Reply),
    /// The price is outside the band or would trade against the order's own rules.
    #[error("price refused: {0}")]
    Reprice(Reply),
    /// The order or the contract is no longer there: read its state and go on from that.
    #[error("gone: {0}")]
    Gone(Reply),
    /// A bug or a missing permission; repeating changes nothing.
    #[error("exchange refused: {0}")]
    Fatal(Reply),
}

impl ExchangeError {
    /// Sorts a code of the exchange into its decision.
    pub fn from_code(code: i64, message: impl Into<String>) -> Self {
        let reply = Reply {
            code,
            message: message.into(),
        };
        match code {
            10_028 | 10_047 | 10_066 | 10_040 | 10_041 | 11_051 | 13_028 | 13_503 | 13_025
            | 11_056 | 10_019 | 13_888 => Self::Retry(reply),
            13_009 => Self::Reauthenticate(reply),
            0 | 11_094 | 10_001 => Self::UnknownOutcome(reply),
            10_009 | 10_039 | 10_037 | 10_013..=10_018 | 10_038 => Self::Funds(reply),
            10_003 | 10_005..=10_007 | 10_011 | 11_054 | 11_055 | 11_021 | 11_039 => {
                Self::Reprice(reply)
            }
            10_004 | 10_010 | 11_008 | 11_044 | 10_029 | 13_032 | 13_777 | 13_666 | 10_012
            | 13_019 | 11_037 | 11_046 => Self::Gone(reply),
            _ => Self::Fatal(reply),
        }
    }

    /// No quotes, no book, no answer from our own storage: nothing was executed.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::from_code(13_503, message)
    }

    /// True when the same request may be sent again without looking anything up.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Retry(_))
    }

    pub fn reply(&self) -> &Reply {
        match self {
            Self::Retry(reply)
            | Self::Reauthenticate(reply)
            | Self::UnknownOutcome(reply)
            | Self::Funds(reply)
            | Self::Reprice(reply)
            | Self::Gone(reply)
            | Self::Fatal(reply) => reply,
        }
    }

    pub fn code(&self) -> i64 {
        self.reply().code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(codes: &[i64], decision: fn(Reply) -> ExchangeError) {
        for code in codes {
            let reply = Reply {
                code: *code,
                message: "m".to_owned(),
            };
            assert_eq!(
                ExchangeError::from_code(*code, "m"),
                decision(reply),
                "{code}"
            );
        }
    }

    /// The published codes, class by class.
    #[test]
    fn every_code_has_its_decision() {
        check(
            &[10_028, 10_047, 10_066, 10_040, 10_041],
            ExchangeError::Retry,
        );
        check(
            &[11_051, 13_028, 13_503, 13_025, 11_056, 10_019, 13_888],
            ExchangeError::Retry,
        );
        check(&[13_009], ExchangeError::Reauthenticate);
        check(&[11_094, 10_001, 0], ExchangeError::UnknownOutcome);
        check(
            &[10_009, 10_039, 10_037, 10_018, 10_013, 10_017, 10_038],
            ExchangeError::Funds,
        );
        check(&[10_005, 10_006, 10_007, 10_011], ExchangeError::Reprice);
        check(
            &[11_054, 11_055, 11_021, 11_039, 10_003],
            ExchangeError::Reprice,
        );
        check(
            &[10_004, 10_010, 11_008, 11_044, 10_029],
            ExchangeError::Gone,
        );
        check(
            &[13_032, 13_777, 13_666, 10_012, 13_019, 11_037, 11_046],
            ExchangeError::Gone,
        );
        check(
            &[10_043, 10_026, 10_002, 10_021, 10_022, 10_023],
            ExchangeError::Fatal,
        );
        check(
            &[10_027, 10_031, 10_032, 10_000, 13_004, 13_403],
            ExchangeError::Fatal,
        );
        check(
            &[13_021, 11_042, 10_020, 13_020, -32_602, 13_030],
            ExchangeError::Fatal,
        );
        check(
            &[11_098, 11_030, 11_050, -32_601, -32_700, -32_600],
            ExchangeError::Fatal,
        );
    }

    #[test]
    fn only_what_was_not_executed_is_retried_blindly() {
        assert!(ExchangeError::from_code(10_041, "settlement_in_progress").is_retryable());
        assert!(!ExchangeError::from_code(11_094, "internal_server_error").is_retryable());
        assert!(!ExchangeError::from_code(10_009, "not_enough_funds").is_retryable());
    }
}
