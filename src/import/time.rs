//! Times in files: always UTC, whatever zone the machine is set to.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// Earliest and latest instant a market file may speak of: 2010 to 2100.
const RANGE_MS: std::ops::Range<i64> = 1_262_304_000_000..4_102_444_800_000;

/// Milliseconds of an ISO 8601 time, a date (its 00:00) or a number of milliseconds.
///
/// A time without a zone is UTC, as the data's README says; one with a zone is converted.
pub(super) fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let at_ms = if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()?
    } else if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis()
    } else if let Ok(zoned) = DateTime::parse_from_rfc3339(text) {
        zoned.timestamp_millis()
    } else {
        let naive = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f");
        let naive = naive.or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f"));
        naive.ok()?.and_utc().timestamp_millis()
    };
    plausible(at_ms)
}

/// The instant itself when a market file may speak of it.
pub(super) fn plausible(at_ms: i64) -> Option<i64> {
    RANGE_MS.contains(&at_ms).then_some(at_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mistake 25 of the earlier system: naive times read in the machine's zone.
    #[test]
    fn mistake_25_naive_times_are_utc() {
        let noon = 1_767_355_200_000;
        for text in [
            "2026-01-02 12:00:00",
            "2026-01-02T12:00:00",
            "2026-01-02 12:00:00.000000",
            "2026-01-02T12:00:00Z",
            "2026-01-02T14:00:00+02:00",
            "1767355200000",
        ] {
            assert_eq!(parse(text), Some(noon), "{text}");
        }
        assert_eq!(parse("2026-01-02"), Some(noon - 12 * 3_600_000));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-13-01",
            "02/01/2026",
            "12",
            "99999999999999",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
