//! Where values stand in a drawing, and the round values that label its axes.

use super::{BOTTOM, HEIGHT, LEFT, Plot, RIGHT, TOP, WIDTH};

/// The ranges of a drawing.
pub(super) struct Frame {
    pub from: f64,
    pub to: f64,
    pub low: f64,
    pub high: f64,
    log: bool,
}

impl Frame {
    pub(super) fn of(plot: &Plot<'_>) -> Self {
        let all = || plot.lines.iter().flat_map(|line| line.points.iter());
        let range = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::MAX, f64::MIN), |(low, high), value| {
                (low.min(value), high.max(value))
            })
        };
        let (from, to) = range(&mut all().map(|(x, _)| *x));
        let (zero, spans) = (
            plot.zero.then_some(0.0),
            plot.spans.iter().map(|span| span.at),
        );
        let values = all().map(|(_, y)| *y).filter(|value| value.is_finite());
        let (low, high) = range(&mut values.chain(spans).chain(zero));
        let log = plot.log && low > 0.0;
        if log {
            let pad = (high / low).max(1.0 + 1e-6).powf(0.06);
            let (low, high) = (low / pad, high * pad);
            return Self {
                from,
                to,
                low,
                high,
                log,
            };
        }
        let pad = ((high - low) * 0.06).max(high.abs() * 1e-6).max(1e-9);
        Self {
            from,
            to,
            low: low - pad,
            high: high + pad,
            log,
        }
    }

    /// Values are spaced by their ratio: asked for, and all are positive.
    pub(super) fn log(&self) -> bool {
        self.log
    }

    pub(super) fn x(&self, value: f64) -> f64 {
        let span = (self.to - self.from).max(f64::MIN_POSITIVE);
        LEFT + (value - self.from) / span * (WIDTH - LEFT - RIGHT)
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        let place = |value: f64| if self.log { value.ln() } else { value };
        let (low, high) = (place(self.low), place(self.high));
        TOP + (high - place(value)) / (high - low) * (HEIGHT - TOP - BOTTOM)
    }

    /// Round values within the range, at least `least`.
    pub(super) fn levels(&self, least: usize) -> Vec<f64> {
        ticks(self.low, self.high, least)
    }
}

/// At least `least` round values within a range, as few as that allows: multiples of 1, 2 or 5 times a
/// power of ten.
pub(super) fn ticks(low: f64, high: f64, least: usize) -> Vec<f64> {
    let mut power = 1e12;
    while power > 1e-12 {
        for factor in [5.0, 2.0, 1.0] {
            let step = factor * power;
            let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
            if last - first + 1 >= least as i64 {
                return (first..=last).map(|n| n as f64 * step).collect();
            }
        }
        power /= 10.0;
    }
    vec![low, high]
}

/// Decimals that tell neighbouring ticks apart.
pub(super) fn digits(ticks: &[f64]) -> usize {
    let step = ticks.get(1).zip(ticks.first()).map_or(1.0, |(b, a)| b - a);
    (0..9)
        .find(|digits| step * 10_f64.powi(*digits) >= 0.999)
        .unwrap_or(9) as usize
}
