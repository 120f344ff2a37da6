//! Numbers and times as people read them: grouped digits, UTC, and how long ago.

use chrono::DateTime;

/// What stands where no value is known.
pub(super) const NONE: &str = "–";

/// `12,345.60`: digits grouped by thousands; a real minus sign, so that columns align.
pub(super) fn grouped(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let plain = format!("{:.digits$}", value.abs());
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut text = String::new();
    let zero = plain.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    if value < 0.0 && !zero {
        text.push('\u{2212}');
    }
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// A scaled integer of a row (1e-8 of a unit) with only the digits it needs, at least two.
pub(super) fn e8(units: i64) -> String {
    let value = crate::domain::money::from_e8(units);
    let digits = value.scale().max(2) as usize;
    grouped(crate::domain::money::float(value), digits)
}

/// `05 Jan 2026 08:00:00`, UTC.
pub(super) fn date_time(at_ms: i64) -> String {
    stamp(at_ms, "%d %b %Y %H:%M:%S")
}

/// `09 Jan 26`, UTC: how expiries are shown.
pub(super) fn day(at_ms: i64) -> String {
    stamp(at_ms, "%d %b %y")
}

pub(super) fn stamp(at_ms: i64, pattern: &str) -> String {
    DateTime::from_timestamp_millis(at_ms)
        .map_or_else(|| NONE.to_owned(), |at| at.format(pattern).to_string())
}

/// `3 min ago`, `in 2 h`, `just now`; `delta_ms` is now less then.
pub(super) fn relative(delta_ms: i64) -> String {
    let span = duration(delta_ms.unsigned_abs() as i64);
    match delta_ms {
        -999..=999 => "just now".to_owned(),
        1_000.. => format!("{span} ago"),
        _ => format!("in {span}"),
    }
}

/// One unit is enough for a glance: `45 s`, `3 min`, `2 h`, `5 d`.
pub(super) fn duration(span_ms: i64) -> String {
    match span_ms {
        ..1_000 => format!("{span_ms} ms"),
        1_000..60_000 => format!("{} s", span_ms / 1_000),
        60_000..3_600_000 => format!("{} min", span_ms / 60_000),
        3_600_000..172_800_000 => format!("{} h", span_ms / 3_600_000),
        _ => format!("{} d", span_ms / 86_400_000),
    }
}

/// `734 B`, `1.2 MB`: thousands of bytes at a glance.
pub(super) fn bytes(count: i64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (count as f64, 0);
    while value >= 1_000.0 && unit + 1 < units.len() {
        value /= 1_000.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 100.0);
    format!("{} {}", grouped(value, digits), units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped() {
        assert_eq!(grouped(1_234_567.891, 2), "1,234,567.89");
        assert_eq!(grouped(-0.001, 2), "0.00", "no minus in front of nothing");
        assert_eq!(grouped(-1234.5, 1), "\u{2212}1,234.5");
        assert_eq!(grouped(f64::NAN, 2), NONE);
        assert_eq!(e8(10_000_000), "0.10");
        assert_eq!(e8(12_345_678), "0.12345678");
    }

    #[test]
    fn spans_read_in_one_unit() {
        assert_eq!(relative(0), "just now");
        assert_eq!(relative(185_000), "3 min ago");
        assert_eq!(relative(-7_200_000), "in 2 h");
        assert_eq!(
            (bytes(734), bytes(1_234_567)),
            ("734 B".to_owned(), "1.2 MB".to_owned())
        );
    }
}
