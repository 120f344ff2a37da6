//! How often work that comes in desk time may come: an accelerated clock must not outrun the machine, nor
//! the calls that an exchange allows per second of the wall.

use crate::config::Config;

/// Least wall time between two slots of a kind, seconds.
const LEAST_S: f64 = 2.0;

/// Every five minutes of desk time, or at the smallest round pace that the speed allows.
pub(super) fn ticks(config: &Config) -> String {
    match fitting(config, &[5, 10, 15, 30]) {
        Some(minutes) => format!("0 */{minutes} * * * *"),
        None => hours(config, 0),
    }
}

/// Every hour on the hour, or every few hours.
pub(super) fn hourly(config: &Config) -> String {
    hours(config, 0)
}

/// Every hour, or every few hours, five minutes later: when what the hour brought is done.
pub(super) fn hourly_after(config: &Config) -> String {
    hours(config, 5)
}

fn hours(config: &Config, minute: u32) -> String {
    match fitting(config, &[60, 120, 180, 240, 360, 480, 720]) {
        Some(60) => format!("0 {minute} * * * *"),
        Some(minutes) => format!("0 {minute} */{} * * *", minutes / 60),
        None => format!("0 {minute} 0 * * *"),
    }
}

fn fitting(config: &Config, minutes: &[u32]) -> Option<u32> {
    let fits = |minutes: &&u32| f64::from(**minutes) * 60.0 >= LEAST_S * config.exchange.speed;
    minutes.iter().find(fits).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_follows_the_speed() {
        let check = |speed: f64, expect_ticks: &str, expect_after: &str| {
            let mut config = Config::default();
            config.exchange.speed = speed;
            assert_eq!(ticks(&config), expect_ticks, "speed {speed}");
            assert_eq!(hourly_after(&config), expect_after, "speed {speed}");
        };
        check(1.0, "0 */5 * * * *", "0 5 * * * *");
        check(150.0, "0 */5 * * * *", "0 5 * * * *");
        check(720.0, "0 */30 * * * *", "0 5 * * * *");
        check(1_800.0, "0 0 * * * *", "0 5 * * * *");
        check(3_600.0, "0 0 */2 * * *", "0 5 */2 * * *");
        check(10_000.0, "0 0 */6 * * *", "0 5 */6 * * *");
        check(1e6, "0 0 0 * * *", "0 5 0 * * *");
    }
}
