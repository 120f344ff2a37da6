//! Ridge regression: least squares with a price on large coefficients, so that it always has an answer.

/// A fitted linear model over standardised inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Ridge {
    mean: Vec<f64>,
    /// 0 for an input that never varies: it is left out.
    scale: Vec<f64>,
    intercept: f64,
    weights: Vec<f64>,
}

impl Ridge {
    /// Fits targets to inputs of equal length; `penalty` is in units of one standardised observation, above
    /// 0. None without observations.
    pub fn fit(inputs: &[Vec<f64>], targets: &[f64], penalty: f64) -> Option<Self> {
        let width = inputs.first()?.len();
        let count = inputs.len() as f64;
        let intercept = targets.iter().sum::<f64>() / count;
        let mut model = Self {
            mean: vec![0.0; width],
            scale: vec![0.0; width],
            intercept,
            weights: vec![0.0; width],
        };
        model.standardise(inputs);
        let mut matrix = vec![0.0; width * width];
        let mut right = vec![0.0; width];
        let mut row = vec![0.0; width];
        for (input, target) in inputs.iter().zip(targets) {
            model.centre(input, &mut row);
            for i in 0..width {
                right[i] += row[i] * (target - intercept);
                for j in 0..=i {
                    matrix[i * width + j] += row[i] * row[j];
                }
            }
        }
        (0..width).for_each(|i| matrix[i * width + i] += penalty);
        model.weights = solve(matrix, right);
        Some(model)
    }

    pub fn predict(&self, input: &[f64]) -> f64 {
        let mut sum = self.intercept;
        for (at, value) in input.iter().enumerate() {
            sum += self.weights[at] * (value - self.mean[at]) * self.scale[at];
        }
        sum
    }

    fn standardise(&mut self, inputs: &[Vec<f64>]) {
        let count = inputs.len() as f64;
        for at in 0..self.mean.len() {
            let mean = inputs.iter().map(|input| input[at]).sum::<f64>() / count;
            let squares = inputs.iter().map(|input| (input[at] - mean).powi(2));
            let deviation = (squares.sum::<f64>() / count).sqrt();
            self.mean[at] = mean;
            // What differs by rounding alone does not vary.
            let varies = deviation > 1e-12 * mean.abs().max(1e-300);
            self.scale[at] = if varies { 1.0 / deviation } else { 0.0 };
        }
    }

    fn centre(&self, input: &[f64], row: &mut [f64]) {
        for (at, value) in input.iter().enumerate() {
            row[at] = (value - self.mean[at]) * self.scale[at];
        }
    }
}

/// Solves a symmetric positive definite system, of which the lower triangle is given, by Cholesky.
fn solve(mut matrix: Vec<f64>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| matrix[i * n + k] * matrix[j * n + k]).sum();
            let rest = matrix[i * n + j] - dot;
            matrix[i * n + j] = if i == j {
                rest.sqrt()
            } else {
                rest / matrix[j * n + j]
            };
        }
    }
    for i in 0..n {
        let dot: f64 = (0..i).map(|k| matrix[i * n + k] * right[k]).sum();
        right[i] = (right[i] - dot) / matrix[i * n + i];
    }
    for i in (0..n).rev() {
        let dot: f64 = (i + 1..n).map(|k| matrix[k * n + i] * right[k]).sum();
        right[i] = (right[i] - dot) / matrix[i * n + i];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Random;

    #[test]
    fn a_line_is_found_and_what_never_varies_is_left_out() {
        let mut random = Random::from_parts(&["ridge"]);
        let inputs: Vec<Vec<f64>> = (0..200)
            .map(|_| vec![random.normal(), 1e6 * random.normal(), 7.0])
            .collect();
        let of = |input: &[f64]| 3.0 + 2.0 * input[0] - 1e-6 * input[1];
        let targets: Vec<f64> = inputs.iter().map(|input| of(input)).collect();
        let model = Ridge::fit(&inputs, &targets, 1e-9).expect("observations");
        let probe = [0.5, -2e6, 7.0];
        assert!((model.predict(&probe) - of(&probe)).abs() < 1e-6);
        assert_eq!(model.scale[2], 0.0);
    }

    #[test]
    fn a_penalty_shrinks_towards_the_mean() {
        let inputs = vec![vec![-1.0], vec![1.0]];
        let model = Ridge::fit(&inputs, &[0.0, 4.0], 2.0).expect("observations");
        // Weight 4 / (2 + 2) instead of 2.
        assert!((model.predict(&[1.0]) - 3.0).abs() < 1e-12);
        assert_eq!(Ridge::fit(&[], &[], 1.0), None);
    }
}
