//! Stretches without data: a shade behind the lines, which stop at its one side and go on at the other.

use super::frame::Frame;
use super::{BOTTOM, HEIGHT, Line, Plot, TOP};
use crate::backtest::Gap;
use crate::web::format;
use std::fmt::Write as _;

/// A shade this wide has room for its label.
const LABELLED: f64 = 90.0;

/// The shades; the script moves them when the range changes.
pub(super) fn shades(text: &mut String, plot: &Plot<'_>, frame: &Frame) {
    for gap in plot.gaps {
        let (from, to) = (gap.0.max(frame.from), gap.1.min(frame.to));
        if from >= to {
            continue;
        }
        let (left, right) = (frame.x(from), frame.x(to));
        let label = if right - left < LABELLED {
            "hidden"
        } else {
            "visible"
        };
        let _ = write!(
            text,
            "<g class=\"gap\" data-from=\"{}\" data-to=\"{}\"><title>{}</title><rect class=\"gap\" x=\"{left:.1}\" \
             y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\"/><text class=\"tick middle\" x=\"{:.1}\" y=\"{:.1}\" \
             visibility=\"{label}\">no data</text></g>",
            gap.0,
            gap.1,
            words(*gap),
            right - left,
            HEIGHT - TOP - BOTTOM,
            f64::midpoint(left, right),
            HEIGHT - BOTTOM - 8.0,
        );
    }
}

/// Gaps as stretches of an axis of time.
pub(in crate::web) fn places(gaps: &[Gap]) -> Vec<(f64, f64)> {
    let ends = |gap: &Gap| (gap.from_ms as f64, gap.to_ms as f64);
    gaps.iter().map(ends).collect()
}

/// Those that some line has points around.
pub(super) fn inside<'p>(plot: &'p Plot<'_>) -> impl Iterator<Item = (f64, f64)> + 'p {
    let around = |gap: &(f64, f64)| {
        let ends = |line: &Line| Some((line.points.first()?.0, line.points.last()?.0));
        let mut ends = plot.lines.iter().filter_map(ends);
        ends.any(|(first, last)| first <= gap.0 && gap.1 <= last)
    };
    plot.gaps.iter().copied().filter(around)
}

/// `No data from 03 Mar 2026 to 09 Mar 2026`
pub(super) fn words((from, to): (f64, f64)) -> String {
    let day = |at: f64| format::stamp(at as i64, "%d %b %Y");
    format!("No data from {} to {}", day(from), day(to))
}

/// The parts of a line between gaps.
pub(in crate::web) fn stretches<'p>(
    points: &'p [(f64, f64)],
    gaps: &'p [(f64, f64)],
) -> impl Iterator<Item = &'p [(f64, f64)]> {
    points.chunk_by(move |a, b| !is_torn(*a, *b, gaps))
}

/// A gap lies between two points that follow each other.
pub(super) fn is_torn(a: (f64, f64), b: (f64, f64), gaps: &[(f64, f64)]) -> bool {
    gaps.iter().any(|(from, to)| a.0 <= *from && *to <= b.0)
}

#[cfg(test)]
mod tests {
    use super::super::svg;
    use super::*;

    /// Ten days, a hundred of nothing, one lone day, a hundred of nothing, ten days.
    #[test]
    fn a_line_stops_at_a_gap_and_goes_on_behind_it() {
        let day = |n: i32| f64::from(n) * 86_400_000.0;
        let days = (0..10).chain([110]).chain(211..221);
        let points: Vec<_> = days.map(|n| (day(n), f64::from(n))).collect();
        let gaps = [(day(9), day(110)), (day(110), day(211))];
        let lines = [Line {
            name: "held".into(),
            class: "equity",
            points: points.clone(),
        }];
        let plot = Plot {
            title: "Torn",
            lines: &lines,
            gaps: &gaps,
            ..Plot::default()
        };
        let text = svg(&plot, None);
        let path = text.split("class=\"line equity\" d=\"").nth(1);
        let path = path
            .and_then(|rest| rest.split('"').next())
            .expect("a line");
        assert_eq!(path.matches('M').count(), 3, "{path}");
        assert_eq!(
            path.matches("h0").count(),
            1,
            "the lone day is a dot: {path}"
        );
        assert_eq!(text.matches("<rect class=\"gap\"").count(), 2);
        assert!(
            text.contains("No data from 10 Jan 1970 to 21 Apr 1970."),
            "{text}"
        );
        let whole = svg(&Plot { gaps: &[], ..plot }, None);
        assert_eq!(whole.matches('M').count() - whole.matches("Mar").count(), 1);
        let rows = super::super::points(&plot, (f64::MIN, f64::MAX));
        assert_eq!(rows.len(), points.len(), "the file has every point");
    }

    #[test]
    fn a_long_line_keeps_both_sides_of_its_gap() {
        let at = |n: i32| f64::from(if n < 5_003 { n } else { n + 9_000 });
        let points: Vec<_> = (0..10_000).map(|n| (at(n), f64::from(n % 7))).collect();
        let gap = [(points[5_002].0, points[5_003].0)];
        let kept = super::super::thin::thin(&points, &gap);
        let parts: Vec<_> = stretches(&kept, &gap).collect();
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].last(), Some(&points[5_002]));
        assert_eq!(parts[1].first(), Some(&points[5_003]));
        assert!(kept.len() <= 2_000, "{}", kept.len());
    }
}
