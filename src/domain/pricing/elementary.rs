//! Elementary functions of the pricing kernel, of plain additions, products and quotients only.
//!
//! Such operations are exact to the last bit by IEEE 754, so a result is the same on every machine, in
//! every vector width; and there is no branch, so that a loop over options becomes vector code. Nothing
//! here may call `mul_add`, which without the hardware feature is a slow library call.
//!
//! The coefficients are our own fits, made with 60 digits: rational interpolation at Chebyshev nodes of
//! (y - 4) / (y + 4) for the Mills ratio and its slope, polynomial interpolation for the other two.
#![expect(
    clippy::inline_always,
    reason = "a call inside the loop would keep it from becoming vector code"
)]

/// Mills ratio of the normal distribution, (1 - N(y)) / n(y), for y >= 0; relative error of the fit 2e-17.
#[inline(always)]
pub(super) fn mills(y: f64) -> f64 {
    let y = capped(y);
    polynomial(&MILLS_ABOVE, y) / polynomial(&MILLS_BELOW, y)
}

/// Minus the slope of the Mills ratio, 1 - y mills(y), without that difference's loss of digits;
/// y >= 0, relative error of the fit 4e-17.
#[inline(always)]
pub(super) fn mills_slope(y: f64) -> f64 {
    let y = capped(y);
    polynomial(&SLOPE_ABOVE, y) / polynomial(&SLOPE_BELOW, y)
}

/// Keeps the highest power below overflow; both ratios are decided by their leading terms long before.
#[inline(always)]
fn capped(y: f64) -> f64 {
    if y < 1e20 { y } else { 1e20 }
}

/// Standard normal density; 0 where it would be subnormal (beyond 37.6 deviations).
#[inline(always)]
pub(super) fn density(y: f64) -> f64 {
    exp(-0.5 * (y * y)) * ONE_BY_ROOT_TAU
}

/// exp(z) for z <= 709: 2^k times a polynomial on half a power of two around 1; 0 below -708.
#[inline(always)]
pub(super) fn exp(z: f64) -> f64 {
    let shifted = z * LOG2_E + ROUNDER;
    let k = shifted - ROUNDER;
    let rest = (z - k * LN_2_HIGH) - k * LN_2_LOW;
    let series = 1.0 + (rest + rest * rest * polynomial(&EXP, rest));
    // The low bits of `shifted` hold k as an integer.
    let scaled = f64::from_bits(series.to_bits().wrapping_add(shifted.to_bits() << 52));
    if z < -708.0 { 0.0 } else { scaled }
}

/// ln(a / b) of positive normal numbers, to full relative precision also where a is near b.
#[inline(always)]
pub(super) fn ln_ratio(a: f64, b: f64) -> f64 {
    let (shift, exponent) = nearest_power_of_two(a, b);
    let b = f64::from_bits(b.to_bits().wrapping_add(shift));
    // Exact: a and b are now within a factor of 1.51 of each other.
    let r = (a - b) / (a + b);
    let square = r * r;
    let series = 2.0 * r + (r * square * polynomial(&ATANH, square) + exponent * LN_2_LOW);
    exponent * LN_2_HIGH + series
}

/// The power of two nearest to a / b, roughly: as an addition to the bits of b, and its exponent.
#[inline(always)]
fn nearest_power_of_two(a: f64, b: f64) -> (u64, f64) {
    const HALF: u64 = 1 << 51;
    // Keeps the difference positive, since AVX2 shifts 64-bit numbers without their sign only.
    const BIAS: u64 = 1 << 63;
    let apart = a.to_bits().wrapping_sub(b.to_bits());
    let biased = apart.wrapping_add(HALF + BIAS) >> 52;
    let exponent = f64::from_bits(biased | TWO_POW_52.to_bits()) - (TWO_POW_52 + 2048.0);
    ((biased << 52) ^ BIAS, exponent)
}

#[inline(always)]
pub(super) fn polynomial<const N: usize>(coefficients: &[f64; N], x: f64) -> f64 {
    let mut at = N - 1;
    let mut sum = coefficients[at];
    while at > 0 {
        at -= 1;
        sum = sum * x + coefficients[at];
    }
    sum
}

pub(super) const ONE_BY_ROOT_TAU: f64 = 0.398_942_280_401_432_7;
const TWO_POW_52: f64 = 4_503_599_627_370_496.0;
/// Adding it rounds to an integer, to even, in every rounding of IEEE's default mode.
const ROUNDER: f64 = 1.5 * TWO_POW_52;
const LOG2_E: f64 = std::f64::consts::LOG2_E;
/// ln 2 in two parts; the first has 11 zero bits at its end, so that k times it is exact.
const LN_2_HIGH: f64 = 0.693_147_180_559_890_3;
const LN_2_LOW: f64 = 5.497_923_018_708_371e-14;

/// (exp(r) - 1 - r) / r^2 for |r| <= ln(2) / 2.
const EXP: [f64; 10] = [
    0.500_000_000_000_000_1,
    0.166_666_666_666_666_69,
    0.041_666_666_666_623_824,
    0.008_333_333_333_330_039,
    0.001_388_888_891_736_708_1,
    0.000_198_412_698_631_715_57,
    2.480_152_105_786_820_4e-05,
    2.755_726_827_690_569_6e-06,
    2.762_020_159_103_154_7e-07,
    2.510_047_250_569_499_6e-08,
];
/// (2 atanh(r) - 2 r) / r^3 as a polynomial in r^2, for |r| <= 0.2.
const ATANH: [f64; 8] = [
    0.666_666_666_666_666_6,
    0.400_000_000_000_110_6,
    0.285_714_285_659_078_6,
    0.222_222_232_706_928_9,
    0.181_817_205_926_333_82,
    0.153_895_321_332_017_55,
    0.131_969_495_432_284_48,
    0.137_047_304_102_256_5,
];
const MILLS_ABOVE: [f64; 11] = [
    1.253_314_137_315_500_3,
    2.157_926_028_321_684_3,
    1.834_910_619_262_374_3,
    0.998_835_270_207_105_7,
    0.382_400_536_112_906_3,
    0.107_198_306_031_442_09,
    0.022_272_312_377_164_878,
    0.003_393_812_407_902_026,
    0.000_364_806_778_927_312_37,
    2.520_291_757_586_895e-05,
    8.634_943_994_072_101e-07,
];
const MILLS_BELOW: [f64; 12] = [
    1.0,
    2.519_660_422_155_385_3,
    2.974_445_002_866_433_5,
    2.176_350_294_818_652,
    1.099_497_997_937_477_5,
    0.403_951_869_330_424_4,
    0.110_541_712_616_229_48,
    0.022_635_392_167_119_316,
    0.003_419_015_325_479_393_5,
    0.000_365_670_273_326_713,
    2.520_291_757_586_896_5e-05,
    8.634_943_994_072_101e-07,
];
const SLOPE_ABOVE: [f64; 11] = [
    1.0,
    1.451_587_740_267_785_3,
    1.062_588_310_258_356,
    0.506_680_527_246_896_8,
    0.172_530_968_287_921_25,
    0.043_608_802_767_234_52,
    0.008_272_093_718_820_267,
    0.001_164_429_951_434_366_4,
    0.000_116_976_558_036_123_47,
    7.646_037_044_141_847e-06,
    2.516_777_321_443_409e-07,
];
const SLOPE_BELOW: [f64; 13] = [
    1.0,
    2.704_901_877_583_284_3,
    3.452_680_073_484_786_2,
    2.755_728_466_046_405,
    1.535_356_888_189_721_3,
    0.630_841_512_306_151_3,
    0.196_655_959_903_363_93,
    0.047_056_216_412_475_89,
    0.008_621_513_326_362_054,
    0.001_187_368_062_568_153,
    0.000_117_731_591_232_551_04,
    7.646_037_044_141_855e-06,
    2.516_777_321_443_409e-07,
];
