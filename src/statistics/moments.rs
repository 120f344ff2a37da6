//! Mean, spread and shape of a sample.

/// None for an empty sample.
pub(super) fn mean(sample: &[f64]) -> Option<f64> {
    (!sample.is_empty()).then(|| sample.iter().sum::<f64>() / sample.len() as f64)
}

/// Sample variance (divided by n - 1), 0 where it is only the rounding of equal values; None below two.
pub(super) fn variance(sample: &[f64]) -> Option<f64> {
    let mean = mean(sample)?;
    let squares: f64 = sample.iter().map(|x| (x - mean) * (x - mean)).sum();
    let variance = squares / (sample.len() as f64 - 1.0);
    let rounding = ROUNDING * mean;
    let real = variance > rounding * rounding;
    (sample.len() > 1).then_some(if real { variance } else { 0.0 })
}

/// Deviations below this share of the mean are rounding: returns of a steady growth differ by as much.
const ROUNDING: f64 = 1e-12;

/// Skewness and kurtosis (3 for a normal sample), divided by n; None without variance.
pub(super) fn shape(sample: &[f64]) -> Option<(f64, f64)> {
    let mean = mean(sample)?;
    let moment = |power: i32| {
        let powers = sample.iter().map(|x| whole_power(x - mean, power));
        powers.sum::<f64>() / sample.len() as f64
    };
    let second = moment(2);
    variance(sample).filter(|spread| *spread > 0.0).map(|_| {
        let skewness = moment(3) / (second * second.sqrt());
        (skewness, moment(4) / (second * second))
    })
}

/// `powi` leaves the order of its products to the compiler; results here are stored.
fn whole_power(x: f64, power: i32) -> f64 {
    (0..power).fold(1.0, |product, _| product * x)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    #[test]
    fn moments_of_a_small_sample_by_hand() {
        // 1, 1, 1, 5: mean 2, deviations -1 -1 -1 3; squares 12, cubes 24, fourth powers 84.
        let sample = [1.0, 1.0, 1.0, 5.0];
        assert_eq!(mean(&sample), Some(2.0));
        assert_eq!(variance(&sample), Some(4.0));
        let (skewness, kurtosis) = shape(&sample).unwrap();
        assert!((skewness - 6.0 / 27.0_f64.sqrt()).abs() < 1e-15);
        assert!((kurtosis - 21.0 / 9.0).abs() < 1e-15);
    }

    #[test]
    fn what_does_not_exist_is_none() {
        assert_eq!((mean(&[]), variance(&[1.0])), (None, None));
        assert_eq!(shape(&[2.0, 2.0, 2.0]), None);
        assert_eq!(
            variance(&[0.1, 0.1, 0.1]),
            Some(0.0),
            "their mean is not 0.1"
        );
    }
}
