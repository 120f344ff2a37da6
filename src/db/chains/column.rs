//! One packed column of numbers: the smallest of four forms that gives every bit back.
//!
//! all null | one constant | integers of 1, 2 or 4 bytes above a base, scaled by a power of ten | raw.
//! The greatest integer of its width stands for null; in the raw form NaN does.

use super::bytes::{Corrupt, Reader};

const NULL: u8 = 0;
const CONSTANT: u8 = 1;
const SCALED: u8 = 2;
const RAW: u8 = 3;

/// Decimals tried; exchange figures have at most 8.
const DECIMALS: usize = 9;
const POWERS: [f64; DECIMALS] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];
/// Integers beyond this are no longer exact in a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Appends `values` (NaN is null) to `out`.
pub(super) fn encode(values: &[f64], out: &mut Vec<u8>) {
    if values.iter().all(|value| value.is_nan()) {
        out.push(NULL);
    } else if constant(values) {
        out.push(CONSTANT);
        out.extend_from_slice(&values[0].to_le_bytes());
    } else if let Some(scaled) = Scaled::of(values) {
        out.push(SCALED);
        scaled.write(values, out);
    } else {
        out.push(RAW);
        for value in values {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

/// Reads `rows` values written by [`encode`].
pub(super) fn decode(reader: &mut Reader<'_>, rows: usize) -> Result<Vec<f64>, Corrupt> {
    Ok(match reader.u8()? {
        NULL => vec![f64::NAN; rows],
        CONSTANT => vec![reader.f64()?; rows],
        SCALED => scaled(reader, rows)?,
        RAW => {
            let raw = reader.take(rows * 8)?.as_chunks::<8>().0;
            raw.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()
        }
        _ => return Err(Corrupt("unknown form of a column")),
    })
}

fn constant(values: &[f64]) -> bool {
    values
        .iter()
        .all(|value| value.to_bits() == values[0].to_bits())
}

struct Scaled {
    decimals: usize,
    base: i64,
    width: u8,
}

impl Scaled {
    /// The fewest decimals and bytes that hold every value exactly; `None` when none do.
    fn of(values: &[f64]) -> Option<Self> {
        let mut decimals = 0;
        let (mut least, mut most) = (i64::MAX, i64::MIN);
        for value in values.iter().filter(|value| !value.is_nan()) {
            while !exact(*value, decimals) {
                decimals += 1;
                if decimals == DECIMALS {
                    return None;
                }
            }
        }
        for value in values.iter().filter(|value| !value.is_nan()) {
            if !exact(*value, decimals) {
                return None;
            }
            let integer = (value * POWERS[decimals]).round() as i64;
            (least, most) = (least.min(integer), most.max(integer));
        }
        let width = match most - least {
            0..0xFF => 1,
            0xFF..0xFFFF => 2,
            0xFFFF..0xFFFF_FFFF => 4,
            _ => return None,
        };
        Some(Self {
            decimals,
            base: least,
            width,
        })
    }

    fn write(&self, values: &[f64], out: &mut Vec<u8>) {
        out.push(self.decimals as u8);
        out.push(self.width);
        out.extend_from_slice(&self.base.to_le_bytes());
        let power = POWERS[self.decimals];
        for value in values {
            let above = if value.is_nan() {
                u32::MAX
            } else {
                ((value * power).round() as i64 - self.base) as u32
            };
            out.extend_from_slice(&above.to_le_bytes()[..usize::from(self.width)]);
        }
    }
}

/// True when the value is an integer over 10^decimals to the last bit (so -0.0 is not).
fn exact(value: f64, decimals: usize) -> bool {
    let integer = (value * POWERS[decimals]).round();
    integer.abs() < EXACT
        && ((integer as i64) as f64 / POWERS[decimals]).to_bits() == value.to_bits()
}

fn scaled(reader: &mut Reader<'_>, rows: usize) -> Result<Vec<f64>, Corrupt> {
    let power = *POWERS
        .get(usize::from(reader.u8()?))
        .ok_or(Corrupt("decimals of a column"))?;
    let width = reader.u8()?;
    let base = reader.i64()?;
    let value = |above: u32, null: u32| {
        let value = (base + i64::from(above)) as f64 / power;
        if above == null { f64::NAN } else { value }
    };
    let bytes = reader.take(rows * usize::from(width))?;
    Ok(match width {
        1 => bytes
            .iter()
            .map(|byte| value(u32::from(*byte), 0xFF))
            .collect(),
        2 => {
            let pairs = bytes.as_chunks::<2>().0.iter();
            pairs
                .map(|pair| value(u32::from(u16::from_le_bytes(*pair)), 0xFFFF))
                .collect()
        }
        4 => {
            let quads = bytes.as_chunks::<4>().0.iter();
            quads
                .map(|quad| value(u32::from_le_bytes(*quad), u32::MAX))
                .collect()
        }
        _ => return Err(Corrupt("width of a column")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(values: &[f64]) -> usize {
        let mut packed = Vec::new();
        encode(values, &mut packed);
        let mut reader = Reader::new(&packed);
        let read = decode(&mut reader, values.len()).expect("what was packed unpacks");
        let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        assert!(read.iter().zip(values).all(same), "{values:?} {read:?}");
        assert!(reader.is_empty());
        packed.len()
    }

    #[test]
    fn each_form_is_chosen_and_exact() {
        let null = f64::NAN;
        assert_eq!(round_trip(&[null; 9]), 1);
        assert_eq!(round_trip(&[0.1 + 0.2; 9]), 9);
        assert_eq!(round_trip(&[0.0005, null, 0.0125]), 11 + 3);
        assert_eq!(round_trip(&[19.18, 348.82, null]), 11 + 6);
        assert_eq!(round_trip(&[0.000_317_21, 4.965_044_24]), 11 + 8);
        assert_eq!(round_trip(&[0.0, -0.0]), 17, "the sign of zero is kept");
        assert_eq!(round_trip(&[0.1 + 0.2, f64::INFINITY, null]), 25);
        round_trip(&[0.0, 254.0, 255.0, 65_534.0, 65_535.0, 4_294_967_294.0]);
        round_trip(&[]);
    }

    proptest! {
        #[test]
        fn any_values_come_back(values in proptest::collection::vec(proptest::num::f64::ANY, 0..40)) {
            round_trip(&values);
        }

        #[test]
        fn any_ticks_come_back(ticks in proptest::collection::vec(proptest::option::of(-2_000_000_i64..2_000_000), 1..40), decimals in 0_usize..8) {
            let value = |tick: &Option<i64>| tick.map_or(f64::NAN, |tick| tick as f64 / POWERS[decimals]);
            let size = round_trip(&ticks.iter().map(value).collect::<Vec<_>>());
            prop_assert!(size <= 11 + 4 * ticks.len());
        }
    }
}
