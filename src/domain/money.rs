//! Money: decimals at the edges, scaled integers (`_e8`, 1e-8 of a unit) in rows, never floats.

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

/// Decimal places kept in rows; one satoshi is 1 in the last place.
pub const SCALE: u32 = 8;

/// The scaled integer of a row, rounded half to even at the eighth decimal.
///
/// Panics when the amount does not fit a bigint (over 9e10 units), which no account holds.
pub fn to_e8(amount: Decimal) -> i64 {
    let scaled = amount.round_dp(SCALE) * Decimal::from(100_000_000);
    scaled
        .to_i64()
        .expect("an amount of money fits 1e-8 units in a bigint")
}

/// The exact decimal of a row's scaled integer, without trailing zeros.
pub fn from_e8(mut units: i64) -> Decimal {
    let mut scale = SCALE;
    while scale > 0 && units % 10 == 0 {
        (units, scale) = (units / 10, scale - 1);
    }
    Decimal::new(units, scale)
}

/// A float that came from the wire or from pricing, rounded to 8 decimals; `None` when not finite.
pub fn decimal(value: f64) -> Option<Decimal> {
    let scaled = value * 1e8;
    let units = scaled as i64 as f64;
    let rest = (scaled - units).abs();
    // Clearly nearer to one neighbour, and of few enough digits that the product is no matter: ten times as
    // fast as digit by digit, with the same result.
    if scaled.abs() < 1e12 && !(0.49..=0.51).contains(&rest) {
        let away = if rest > 0.5 {
            1.0_f64.copysign(scaled)
        } else {
            0.0
        };
        return Some(from_e8((units + away) as i64));
    }
    digit_by_digit(value)
}

fn digit_by_digit(value: f64) -> Option<Decimal> {
    Decimal::from_f64(value).map(|exact| exact.round_dp(SCALE).normalize())
}

/// A decimal as a float for pricing, features and metrics.
pub fn float(amount: Decimal) -> f64 {
    let units = amount.mantissa();
    // Both numbers are exact floats, so this is the nearest one to their ratio: as what the general way gives,
    // which divides 128-bit integers first.
    if units != 0
        && units.unsigned_abs() < 1 << 49
        && let Some(power) = POWERS.get(amount.scale() as usize)
    {
        return units as i64 as f64 / power;
    }
    amount.to_f64().unwrap_or(f64::NAN)
}

/// Powers of ten by their exponent.
const POWERS: [f64; 13] = [
    1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_every_satoshi() {
        for units in [0, 1, -1, 12_345_678, i64::from(i32::MAX) * 1_000] {
            assert_eq!(to_e8(from_e8(units)), units);
        }
        assert_eq!(to_e8(decimal(0.1 + 0.2).expect("finite")), 30_000_000);
        assert_eq!(decimal(f64::NAN), None);
    }

    #[test]
    fn the_short_way_to_a_float_gives_what_the_long_way_gives() {
        let mut random = crate::clock::Random::from_parts(&["floats"]);
        for at in 0..200_000_u32 {
            let units = (random.next_u64() >> (at % 60)) as i64 >> 1;
            for units in [units, -units] {
                let amount = Decimal::new(units, at % 16);
                let long = amount.to_f64().map(f64::to_bits);
                assert_eq!(Some(float(amount).to_bits()), long, "{amount}");
                assert_eq!(from_e8(units), Decimal::new(units, SCALE));
                assert_eq!(
                    from_e8(units).scale(),
                    Decimal::new(units, SCALE).normalize().scale()
                );
            }
        }
    }

    #[test]
    fn the_short_way_to_a_decimal_gives_what_the_long_way_gives() {
        let mut random = crate::clock::Random::from_parts(&["decimals"]);
        for at in 0..20_000 {
            let digits = f64::from(at % 12);
            let value = (random.unit() - 0.5) * crate::domain::math::pow(10.0, digits - 6.0);
            let tie = (value * 1e8).round() / 1e8 + 0.5e-8;
            for value in [value, tie, -tie, f64::from(at) * 1e-9] {
                assert_eq!(decimal(value), digit_by_digit(value), "{value}");
            }
        }
        assert_eq!(decimal(-0.0), Some(Decimal::ZERO));
    }
}
