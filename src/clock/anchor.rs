//! An anchor: an instant of desk time tied to one of the wall, and how fast desk time runs from there.

use std::fmt;
use std::str::FromStr;

/// Desk time as a line over wall time. Its text is `DESK_MS WALL_MS SPEED`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Anchor {
    pub desk_ms: i64,
    pub wall_ms: i64,
    /// Desk seconds per second of the wall; at 0 desk time stands.
    pub speed: f64,
}

/// Why a text is no anchor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not DESK_MS WALL_MS SPEED with a speed above 0 and at most {SPEED_MAX}")]
pub struct NotAnAnchor(String);

/// A month passes in less than three seconds; whoever says more has a mistake.
const SPEED_MAX: f64 = 1e6;

impl Anchor {
    /// Desk time at an instant of the wall.
    pub fn desk_at_ms(&self, wall_ms: i64) -> i64 {
        self.desk_ms + ((wall_ms - self.wall_ms) as f64 * self.speed) as i64
    }

    /// The wall time of an instant of the desk; at speed 0 it is never reached.
    pub fn wall_at_ms(&self, desk_ms: i64) -> i64 {
        let wait_ms = ((desk_ms - self.desk_ms) as f64 / self.speed).ceil() as i64;
        self.wall_ms.saturating_add(wait_ms)
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.desk_ms, self.wall_ms, self.speed)
    }
}

impl FromStr for Anchor {
    type Err = NotAnAnchor;

    fn from_str(text: &str) -> Result<Self, NotAnAnchor> {
        let parse = || {
            let mut words = text.split(' ');
            let anchor = Self {
                desk_ms: words.next()?.parse().ok()?,
                wall_ms: words.next()?.parse().ok()?,
                speed: words.next()?.parse().ok()?,
            };
            let sound = anchor.speed > 0.0 && anchor.speed <= SPEED_MAX && words.next().is_none();
            sound.then_some(anchor)
        };
        parse().ok_or_else(|| NotAnAnchor(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_reads_back_what_it_prints() {
        let anchor = Anchor {
            desk_ms: 1_767_596_400_000,
            wall_ms: 1_795_607_840_123,
            speed: 0.1,
        };
        assert_eq!(anchor.to_string().parse(), Ok(anchor));
        for text in [
            "", "1 2", "1 2 0", "1 2 -3", "1 2 nan", "1 2 inf", "1 2 3 4", "a 2 3",
        ] {
            assert!(text.parse::<Anchor>().is_err(), "{text}");
        }
    }

    #[test]
    fn desk_and_wall_time_are_each_other_s_inverse() {
        let anchor = Anchor {
            desk_ms: 1_000,
            wall_ms: 50,
            speed: 600.0,
        };
        assert_eq!(anchor.desk_at_ms(60), 7_000);
        assert_eq!(anchor.wall_at_ms(7_000), 60);
        assert_eq!(anchor.wall_at_ms(7_001), 61, "not before");
        let standing = Anchor {
            speed: 0.0,
            ..anchor
        };
        assert_eq!(standing.wall_at_ms(2_000), i64::MAX);
    }
}
