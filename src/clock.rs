//! The only door to time, ids and randomness. The same seed gives the same rows.
//!
//! Two times exist. *Desk time* is the market's: real, accelerated or set by hand; decisions, orders
//! and expiries live in it. *Wall time* is the machine's; leases, heartbeats and timeouts of the job
//! queue live in it. On a real clock they are equal; on a manual clock both are the value set.
//! An [`Anchor`] ties the two together: the desk's own, or the one a simulated exchange names.

mod anchor;

pub use anchor::Anchor;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Shared handle; clones read the same time and draw from the same generator of ids.
#[derive(Clone, Debug)]
pub struct Clock {
    time: Arc<RwLock<Time>>,
    ids: Arc<Mutex<Random>>,
}

/// Desk time as a function of wall time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Time {
    Real,
    /// Desk time runs by the anchor, and stands from `until_wall_ms` of the wall on.
    Scaled {
        anchor: Anchor,
        until_wall_ms: i64,
    },
    /// Stands still until set; for drains, replays and tests.
    Manual {
        now_ms: i64,
    },
}

impl Time {
    /// Desk time by an anchor, without an end.
    pub fn running(anchor: Anchor) -> Self {
        Self::Scaled {
            anchor,
            until_wall_ms: i64::MAX,
        }
    }
}

/// A followed exchange that is silent for longer has stopped, as far as desk time goes; wall milliseconds.
pub const SILENCE_MAX_MS: i64 = 3_000;

impl Clock {
    /// The machine's time; ids from the operating system's entropy.
    pub fn real() -> Self {
        Self::new(Time::Real, Random::from_entropy())
    }

    /// Desk time from an anchor at a speed; ids from entropy, since the wall is not repeatable.
    pub fn scaled(desk_ms: i64, wall_ms: i64, speed: f64) -> Self {
        let anchor = Anchor {
            desk_ms,
            wall_ms,
            speed,
        };
        Self::new(Time::running(anchor), Random::from_entropy())
    }

    /// A clock that stands at `now_ms` until set; ids repeat for the same seed parts.
    pub fn manual(now_ms: i64, seed: &[&str]) -> Self {
        Self::new(Time::Manual { now_ms }, Random::from_parts(seed))
    }

    fn new(time: Time, ids: Random) -> Self {
        Self {
            time: Arc::new(RwLock::new(time)),
            ids: Arc::new(Mutex::new(ids)),
        }
    }

    pub fn time(&self) -> Time {
        *self.time.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the time, for every clone: another anchor, or the next instant of a manual clock.
    pub fn set(&self, time: Time) {
        *self.time.write().unwrap_or_else(PoisonError::into_inner) = time;
    }

    /// Desk time, milliseconds UTC.
    pub fn now_ms(&self) -> i64 {
        match self.time() {
            Time::Real => machine_ms(),
            Time::Scaled {
                anchor,
                until_wall_ms,
            } => anchor.desk_at_ms(machine_ms().min(until_wall_ms)),
            Time::Manual { now_ms } => now_ms,
        }
    }

    /// Wall time, milliseconds UTC: what leases and heartbeats compare.
    pub fn wall_ms(&self) -> i64 {
        match self.time() {
            Time::Manual { now_ms } => now_ms,
            Time::Real | Time::Scaled { .. } => machine_ms(),
        }
    }

    /// The wall time at which desk time will be `desk_ms`, if it does not stand still before.
    pub fn wall_at_ms(&self, desk_ms: i64) -> i64 {
        match self.time() {
            Time::Scaled { anchor, .. } => anchor.wall_at_ms(desk_ms),
            Time::Real | Time::Manual { .. } => desk_ms,
        }
    }

    /// Desk seconds per second of the wall.
    pub fn speed(&self) -> f64 {
        match self.time() {
            Time::Scaled { anchor, .. } => anchor.speed,
            Time::Real | Time::Manual { .. } => 1.0,
        }
    }

    /// What ties desk time to the wall; `None` on a real and on a manual clock.
    pub fn anchor(&self) -> Option<Anchor> {
        match self.time() {
            Time::Scaled { anchor, .. } => Some(anchor),
            Time::Real | Time::Manual { .. } => None,
        }
    }

    /// Takes over the time of a simulated exchange that was heard just now. Desk time stands when it is
    /// not heard again for [`SILENCE_MAX_MS`]: nothing happens on a market that is gone. A manual clock
    /// stays its owner's.
    pub fn follow(&self, anchor: Anchor) {
        let until_wall_ms = machine_ms() + SILENCE_MAX_MS;
        let mut time = self.time.write().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*time, Time::Manual { .. }) {
            *time = Time::Scaled {
                anchor,
                until_wall_ms,
            };
        }
    }

    /// How long ago the followed exchange was heard, wall milliseconds; `None` when none is followed.
    pub fn silent_ms(&self) -> Option<i64> {
        match self.time() {
            Time::Scaled { until_wall_ms, .. } if until_wall_ms < i64::MAX => {
                Some(machine_ms() - (until_wall_ms - SILENCE_MAX_MS))
            }
            _ => None,
        }
    }

    /// A fresh ULID: desk time in front, so that ids sort by time; then 80 drawn bits.
    pub fn id(&self) -> String {
        let mut random = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let bits = (u128::from(random.next_u64()) << 16) | u128::from(random.next_u64() >> 48);
        ulid::Ulid::from_parts(self.now_ms().max(0) as u64, bits).to_string()
    }

    /// 32 bytes from the clock's generator, for tokens and keys.
    pub fn secret(&self) -> [u8; 32] {
        let mut random = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = [0; 32];
        random.0.fill_bytes(&mut bytes);
        bytes
    }
}

/// The least id that an instant can have: ids made from then on are at or above it.
pub fn id_floor(at_ms: i64) -> String {
    ulid::Ulid::from_parts(at_ms.max(0) as u64, 0).to_string()
}

/// An id that is a function of its parts, with `at_ms` in front so that it sorts by time: the same
/// decision made again has the same id, whichever process makes it.
pub fn derived_id(at_ms: i64, parts: &[&str]) -> String {
    let mut random = Random::from_parts(parts);
    let bits = (u128::from(random.next_u64()) << 16) | u128::from(random.next_u64() >> 48);
    ulid::Ulid::from_parts(at_ms.max(0) as u64, bits).to_string()
}

/// Wall-clock stopwatch for durations that are shown or logged, never stored in deterministic rows.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

fn machine_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}

/// A generator with the same stream on every machine.
#[derive(Clone, Debug)]
pub struct Random(ChaCha8Rng);

impl Random {
    /// A stream that is a function of the parts alone, for example (run seed, tick, underlying).
    pub fn from_parts(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        Self(ChaCha8Rng::from_seed(hash.finalize().into()))
    }

    /// A cheap stream for many small draws keyed by numbers (synthetic market, one per day and purpose).
    pub fn from_numbers(seed: u64, stream: u64, index: u64) -> Self {
        let mut bytes = [0; 32];
        for (slot, number) in bytes
            .chunks_exact_mut(8)
            .zip([seed, stream, index, 0x7468_6574_6171])
        {
            slot.copy_from_slice(&number.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(bytes))
    }

    fn from_entropy() -> Self {
        let (high, low) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
        let mut seed = [0; 32];
        seed[..16].copy_from_slice(high.as_bytes());
        seed[16..].copy_from_slice(low.as_bytes());
        Self(ChaCha8Rng::from_seed(seed))
    }

    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in [0, 1), 53 bits.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in 0..n without modulo bias worth speaking of (n far below 2^32); 0 when n is 0.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next_u64()) * n as u128) >> 64) as usize
    }

    /// Standard normal by Box-Muller, with machine-independent ln, sqrt and cos.
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }
}

/// Draws without a state: each is a function of its key alone, in any order of asking.
///
/// A generator costs more to seed than to draw from; a path that is refined at the place asked for
/// needs one draw at each of many keys (SplitMix64's finaliser over the key, chained).
#[derive(Clone, Copy, Debug)]
pub struct Noise(u64);

impl Noise {
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(mix(seed ^ mix(stream.wrapping_add(0x7468_6574_6171))))
    }

    /// The same stream under a further part of the key.
    #[must_use]
    pub fn at(self, part: u64) -> Self {
        Self(mix(self.0 ^ mix(part)))
    }

    /// Uniform in [0, 1), 53 bits.
    pub fn unit(self) -> f64 {
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Two independent standard normals (both halves of Box-Muller).
    pub fn normals(self) -> [f64; 2] {
        let (radius, angle) = self.polar();
        [radius * libm::cos(angle), radius * libm::sin(angle)]
    }

    /// The first of [`Self::normals`].
    pub fn normal(self) -> f64 {
        let (radius, angle) = self.polar();
        radius * libm::cos(angle)
    }

    fn polar(self) -> (f64, f64) {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        (radius, std::f64::consts::TAU * self.at(1).unit())
    }
}

fn mix(key: u64) -> u64 {
    let mut x = key.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// `2026-01-05T08:00:00Z` of milliseconds UTC; the number itself when no calendar has it.
pub fn iso(at_ms: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(at_ms);
    at.map_or_else(
        || at_ms.to_string(),
        |at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
    )
}

/// Milliseconds UTC of a date, at its first instant, or of an ISO 8601 time; `None` when it is neither.
pub fn from_iso(text: &str) -> Option<i64> {
    let whole = if text.len() == 10 {
        format!("{text}T00:00:00Z")
    } else {
        text.to_owned()
    };
    let time = chrono::DateTime::parse_from_rfc3339(&whole).ok()?;
    Some(time.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_reads_in_utc_to_the_second() {
        assert_eq!(from_iso("2026-01-05T08:00:00Z"), Some(1_767_600_000_000));
        assert_eq!(
            from_iso("2026-01-05"),
            from_iso("2026-01-05T01:00:00+01:00")
        );
        assert_eq!(from_iso("5 January"), None);
        assert_eq!(iso(1_767_600_000_000), "2026-01-05T08:00:00Z");
        assert_eq!(iso(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn stateless_draws_are_normal_and_repeat() {
        let noise = Noise::new(7, 1);
        let draws: Vec<f64> = (0..20_000).map(|key| noise.at(key).normals()[0]).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let variance = draws.iter().map(|draw| draw * draw).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04);
        assert_eq!(noise.at(5).unit(), Noise::new(7, 1).at(5).unit());
        assert_ne!(noise.at(5).unit(), Noise::new(8, 1).at(5).unit());
    }

    #[test]
    fn same_seed_same_ids() {
        let ids = |seed: &str| {
            let clock = Clock::manual(1_767_312_000_000, &["test", seed]);
            (0..3).map(|_| clock.id()).collect::<Vec<_>>()
        };
        assert_eq!(ids("7"), ids("7"));
        assert_ne!(ids("7"), ids("8"));
        assert!(
            ids("7")[0].starts_with("01KDY"),
            "the first ten characters are the time"
        );
    }

    #[test]
    fn desk_time_runs_at_its_speed() {
        let wall_ms = machine_ms();
        let clock = Clock::scaled(1_000_000, wall_ms, 600.0);
        assert_eq!(clock.wall_at_ms(1_000_000 + 60_000), wall_ms + 100);
        assert!(clock.now_ms() >= 1_000_000);
    }

    #[test]
    fn a_followed_time_stands_when_nothing_is_heard() {
        let anchor = Anchor {
            desk_ms: 1_000_000,
            wall_ms: machine_ms() - 60_000,
            speed: 600.0,
        };
        let clock = Clock::real();
        assert_eq!(clock.silent_ms(), None);
        clock.follow(anchor);
        assert!(clock.now_ms() >= 1_000_000 + 60_000 * 600);
        assert!(clock.silent_ms().is_some_and(|silent_ms| silent_ms < 1_000));
        clock.set(Time::Scaled {
            anchor,
            until_wall_ms: anchor.wall_ms + 1_000,
        });
        assert_eq!(clock.now_ms(), 1_600_000);
        assert!(
            clock
                .silent_ms()
                .is_some_and(|silent_ms| silent_ms > 60_000)
        );
        let manual = Clock::manual(5, &["test"]);
        manual.follow(anchor);
        assert_eq!(manual.now_ms(), 5);
    }

    #[test]
    fn draws_are_uniform_enough() {
        let mut random = Random::from_parts(&["uniform"]);
        let mean = (0..10_000).map(|_| random.unit()).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "mean {mean}");
        assert!((0..1_000).all(|_| random.below(3) < 3));
    }
}
