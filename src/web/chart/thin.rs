//! At most 2,000 points of a line: more than a screen has columns, few enough to send.
//!
//! Largest triangle three buckets (Steinarsson 2013): both ends stay, and of every bucket the point that
//! makes the largest triangle with its neighbours; the highest and the lowest point stay as well.

use super::gaps::is_torn;

const POINTS_MAX: usize = 2_000;

/// The points that are drawn, in their order; those on both sides of a gap stay.
pub(super) fn thin(points: &[(f64, f64)], gaps: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if !is_thinned(points) {
        return points.to_vec();
    }
    let torn = |at: &usize| is_torn(points[*at - 1], points[*at], gaps);
    let sides: Vec<usize> = (1..points.len())
        .filter(torn)
        .flat_map(|at| [at - 1, at])
        .collect();
    thinned(points, POINTS_MAX, &sides)
}

/// True when some points are not drawn.
pub(super) fn is_thinned(points: &[(f64, f64)]) -> bool {
    points.len() > POINTS_MAX
}

/// With the points at `sides`.
fn thinned(points: &[(f64, f64)], most: usize, sides: &[usize]) -> Vec<(f64, f64)> {
    let count = points.len();
    // Two places are kept for the ends and two for the extremes.
    let buckets = most.saturating_sub(4 + sides.len()).max(1);
    let edge = |n: usize| 1 + n * (count - 2) / buckets;
    let mut kept = vec![0];
    for n in 0..buckets {
        let next = mean(&points[edge(n + 1).min(count - 1)..edge(n + 2).min(count)]);
        let from = points[kept[kept.len() - 1]];
        let area = |at: &usize| triangle(from, points[*at], next.unwrap_or(points[count - 1]));
        let best = (edge(n)..edge(n + 1)).max_by(|a, b| area(a).total_cmp(&area(b)));
        kept.extend(best);
    }
    kept.push(count - 1);
    let by_value = |a: &usize, b: &usize| points[*a].1.total_cmp(&points[*b].1);
    kept.extend((0..count).max_by(by_value));
    kept.extend((0..count).min_by(by_value));
    kept.extend(sides);
    kept.sort_unstable();
    kept.dedup();
    kept.into_iter().map(|at| points[at]).collect()
}

fn mean(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let count = (!points.is_empty()).then_some(points.len() as f64)?;
    let (x, y) = points
        .iter()
        .fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    Some((x / count, y / count))
}

/// Twice the area.
fn triangle(a: (f64, f64), b: (f64, f64), c: (f64, f64)) -> f64 {
    ((a.0 - c.0) * (b.1 - a.1) - (a.0 - b.0) * (c.1 - a.1)).abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_extremes_stay_and_order_is_kept() {
        let mut points: Vec<(f64, f64)> = (0..50_000)
            .map(|n| (f64::from(n), f64::from(n % 97)))
            .collect();
        points[31_234].1 = 1e6;
        points[11_111].1 = -1e6;
        let kept = thinned(&points, 2_000, &[20_000, 20_001]);
        assert!(kept.len() <= 2_000 && kept.len() > 1_900, "{}", kept.len());
        assert_eq!((kept[0], kept[kept.len() - 1]), (points[0], points[49_999]));
        assert!(kept.contains(&points[31_234]) && kept.contains(&points[11_111]));
        assert!(kept.contains(&points[20_000]) && kept.contains(&points[20_001]));
        assert!(kept.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn short_lines_are_left_alone() {
        let points = [(0.0, 1.0), (1.0, 2.0)];
        assert_eq!(thin(&points, &[]), points);
    }
}
