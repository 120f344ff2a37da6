//! Windows to choose settings on, each followed by a window to judge the choice on.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How a range of history is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalkForward {
    /// Length of the window to choose on, the first one if anchored.
    pub train_ms: i64,
    /// Length of the window to judge on; the next one starts where it ends.
    pub test_ms: i64,
    /// Left out between the two, so that what is open at the end of training is not judged; 0 or more.
    #[serde(default)]
    pub gap_ms: i64,
    /// Every window to choose on starts at the beginning of history and grows.
    #[serde(default)]
    pub anchored: bool,
}

/// Instants of half-open ranges, milliseconds UTC; `train` ends at or before `test` starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    pub train: Range<i64>,
    pub test: Range<i64>,
}

impl WalkForward {
    /// The windows that lie wholly in the range, oldest first; tests touch and never overlap.
    pub fn windows(&self, range: Range<i64>) -> Result<Vec<Window>> {
        self.check(&range)?;
        let first = range.start + self.train_ms + self.gap_ms;
        let starts = (first..).step_by(usize::try_from(self.test_ms)?);
        Ok(starts
            .take_while(|start| start + self.test_ms <= range.end)
            .map(|start| self.window(range.start, start))
            .collect())
    }

    fn check(&self, range: &Range<i64>) -> Result<()> {
        ensure!(
            self.train_ms > 0,
            "train_ms is {}: give a length to choose on",
            self.train_ms
        );
        ensure!(
            self.test_ms > 0,
            "test_ms is {}: give a length to judge on",
            self.test_ms
        );
        ensure!(
            self.gap_ms >= 0,
            "gap_ms is {}: give 0 or more",
            self.gap_ms
        );
        let needed = self.train_ms + self.gap_ms + self.test_ms;
        let length = range.end - range.start;
        ensure!(
            needed <= length,
            "train_ms, gap_ms and test_ms need {needed} ms and the range has {length}: shorten them"
        );
        Ok(())
    }

    fn window(&self, beginning: i64, test_start: i64) -> Window {
        let end = test_start - self.gap_ms;
        let start = if self.anchored {
            beginning
        } else {
            end - self.train_ms
        };
        Window {
            train: start..end,
            test: test_start..test_start + self.test_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    const ROLLING: WalkForward = WalkForward {
        train_ms: 30,
        test_ms: 10,
        gap_ms: 2,
        anchored: false,
    };

    fn window(train: Range<i64>, test: Range<i64>) -> Window {
        Window { train, test }
    }

    #[test]
    fn rolling_windows_by_hand() {
        let found = ROLLING.windows(100..160).unwrap();
        assert_eq!(
            found,
            [window(100..130, 132..142), window(110..140, 142..152)]
        );
    }

    #[test]
    fn anchored_windows_grow_from_the_beginning() {
        let anchored = WalkForward {
            anchored: true,
            ..ROLLING
        };
        let found = anchored.windows(100..162).unwrap();
        let last = window(100..150, 152..162);
        assert_eq!((found.len(), found.last()), (3, Some(&last)));
    }

    #[test]
    fn no_test_is_seen_in_its_own_training() {
        for window in ROLLING.windows(0..1_000).unwrap() {
            assert!(window.train.end + 2 == window.test.start);
            assert_eq!(window.train.end - window.train.start, 30);
        }
    }

    #[test]
    fn a_plan_that_cannot_be_cut_says_why() {
        let message = |plan: WalkForward, range| plan.windows(range).unwrap_err().to_string();
        let zero = WalkForward {
            test_ms: 0,
            ..ROLLING
        };
        assert!(message(zero, 0..100).starts_with("test_ms is 0"));
        assert!(message(ROLLING, 0..41).contains("need 42 ms"));
    }
}
