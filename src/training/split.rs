//! Training, validation and test by time. No chain is ever in two of them: a call may only be sold that
//! expires before its split ends, so every book is empty there.

use crate::domain::instrument::DAY_MS;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    Train,
    Validation,
    Test,
}

impl Split {
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// Instants at which validation and test begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Splits {
    pub validation_ms: i64,
    pub test_ms: i64,
}

/// One split as a document shows it; the end is not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    pub split: Split,
    pub from_ms: i64,
    pub to_ms: i64,
}

impl Splits {
    /// Cuts `[from_ms, to_ms]` by share, at the start of a day where a split has ten days or more.
    pub fn cut(from_ms: i64, to_ms: i64, train: f64, validation: f64) -> Self {
        let length = (to_ms - from_ms) as f64;
        let at = |share: f64| {
            let place = from_ms + (length * share) as i64;
            // All of the range in a split leaves nothing after it.
            if share >= 1.0 {
                to_ms + 1
            } else if length * validation >= (10 * DAY_MS) as f64 {
                place - place.rem_euclid(DAY_MS)
            } else {
                place
            }
        };
        Self {
            validation_ms: at(train),
            test_ms: at(train + validation),
        }
    }

    pub fn of(&self, at_ms: i64) -> Split {
        if at_ms < self.validation_ms {
            Split::Train
        } else if at_ms < self.test_ms {
            Split::Validation
        } else {
            Split::Test
        }
    }

    /// Where a split ends, not included; the last one has no end of its own.
    pub fn end_ms(&self, split: Split) -> Option<i64> {
        match split {
            Split::Train => Some(self.validation_ms),
            Split::Validation => Some(self.test_ms),
            Split::Test => None,
        }
    }

    /// The three of a range whose last instant is `to_ms`.
    pub fn spans(&self, from_ms: i64, to_ms: i64) -> [Span; 3] {
        let span = |split, from_ms, to_ms| Span {
            split,
            from_ms,
            to_ms,
        };
        [
            span(Split::Train, from_ms, self.validation_ms),
            span(Split::Validation, self.validation_ms, self.test_ms),
            span(Split::Test, self.test_ms, to_ms + 1),
        ]
    }
}
