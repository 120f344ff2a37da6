//! Numbers as text, by hand: exact, and without an allocation.

use rust_decimal::Decimal;
use std::io::Write;

pub(super) fn int(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The shortest digits that read back to the same float; the caller has made sure that it is finite.
pub(super) fn float(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
}

/// Hundred-millionths as a decimal without trailing zeros: 10000000 is `0.1`.
pub(super) fn e8(out: &mut Vec<u8>, units: i64) {
    const ONE: u64 = 100_000_000;
    if units < 0 {
        out.push(b'-');
    }
    let units = units.unsigned_abs();
    out.extend_from_slice(itoa::Buffer::new().format(units / ONE).as_bytes());
    let mut rest = units % ONE;
    if rest == 0 {
        return;
    }
    let mut digits = [b'0'; 8];
    for digit in digits.iter_mut().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
    let kept = 1 + digits.iter().rposition(|digit| *digit != b'0').unwrap_or(0);
    out.push(b'.');
    out.extend_from_slice(&digits[..kept]);
}

pub(super) fn decimal(out: &mut Vec<u8>, value: Decimal) {
    write!(out, "{}", value.normalize()).expect("a Vec takes any bytes");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("digits")
    }

    #[test]
    fn hundred_millionths_are_exact() {
        for (units, expect) in [
            (0, "0"),
            (10_000_000, "0.1"),
            (-1, "-0.00000001"),
            (123_456_789_000, "1234.56789"),
            (i64::MIN, "-92233720368.54775808"),
        ] {
            assert_eq!(text(|out| e8(out, units)), expect);
        }
    }

    proptest::proptest! {
        #[test]
        fn every_float_reads_back_to_the_same_bits(bits: u64) {
            let value = f64::from_bits(bits);
            if value.is_finite() {
                let text = text(|out| float(out, value));
                let read: f64 = text.parse().expect("a number");
                proptest::prop_assert_eq!(read.to_bits(), bits);
                proptest::prop_assert!(serde_json::from_str::<f64>(&text).is_ok(), "{} is JSON", text);
            }
        }
    }
}
