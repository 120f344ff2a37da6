//! Inside a day: Brownian bridges refined by halves, so that any instant costs a fixed few draws.

use crate::clock::Noise;

/// Displacement of two independent standard bridges (unit variance over the day) at a part of it.
///
/// Halves the day `levels` times towards `part`, drawing the middle of each interval from its key
/// alone, then interpolates: the same value whatever was asked before.
pub(super) fn bridge(noise: Noise, levels: u32, part: f64) -> Segment {
    refined(levels, part, |node| noise.at(node).normals())
}

/// The first of the two alone, as [`bridge`] has it; the other stays at 0.
pub(super) fn first_bridge(noise: Noise, levels: u32, part: f64) -> Segment {
    refined(levels, part, |node| [noise.at(node).normal(), 0.0])
}

fn refined(levels: u32, part: f64, draws: impl Fn(u64) -> [f64; 2]) -> Segment {
    let mut segment = Segment {
        from: 0.0,
        to: 1.0,
        at_from: [0.0; 2],
        at_to: [0.0; 2],
    };
    let mut node = 1_u64;
    for _ in 0..levels {
        let right = segment.halve(draws(node), part);
        node = 2 * node + u64::from(right);
    }
    segment
}

/// One interval of a refined day, straight inside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    from: f64,
    to: f64,
    at_from: [f64; 2],
    at_to: [f64; 2],
}

impl Segment {
    pub(super) fn at(&self, part: f64) -> [f64; 2] {
        let along = (part - self.from) / (self.to - self.from);
        std::array::from_fn(|side| {
            self.at_from[side] + along * (self.at_to[side] - self.at_from[side])
        })
    }

    pub(super) fn contains(&self, part: f64) -> bool {
        (self.from..self.to).contains(&part)
    }

    /// Keeps the half that holds `part`; true when it is the right one.
    fn halve(&mut self, draws: [f64; 2], part: f64) -> bool {
        let middle = f64::midpoint(self.from, self.to);
        let deviation = 0.5 * (self.to - self.from).sqrt();
        let at_middle = std::array::from_fn(|side| {
            f64::midpoint(self.at_from[side], self.at_to[side]) + deviation * draws[side]
        });
        let right = part >= middle;
        if right {
            (self.from, self.at_from) = (middle, at_middle);
        } else {
            (self.to, self.at_to) = (middle, at_middle);
        }
        right
    }
}
