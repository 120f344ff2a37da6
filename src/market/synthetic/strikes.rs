//! Which strikes of an expiry are listed, as a function of where the index has been since it was listed.
//!
//! At its listing an expiry gets a fine grid around the forward and coarser wings; whenever the index
//! has moved, the grid around the new level is added, with the steps that suit the days then left.
//! Nothing is taken away: an instrument once listed stays until it expires.

use crate::domain::coin::Coin;
use crate::domain::instrument::DAY_MS;
use crate::domain::math::{exp, ln, pow};
use crate::market::listing::listed_at_ms;
use std::collections::BTreeMap;

/// A strike and when it was listed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Strike {
    pub(super) usd: u32,
    pub(super) logarithm: f64,
    /// When it was listed.
    pub(super) since_ms: i64,
}

/// All strikes an expiry will ever have, ascending; `index` gives the index at an instant.
///
/// Each strike's time of listing depends on the index up to that time and on nothing later.
pub(super) fn strikes(coin: Coin, expiry_ms: i64, index: impl Fn(i64) -> f64) -> Vec<Strike> {
    let mut listed: BTreeMap<u32, i64> = BTreeMap::new();
    let mut reviewed = (0.0, 0);
    let mut at_ms = listed_at_ms(expiry_ms);
    while at_ms < expiry_ms {
        let dte = (expiry_ms - at_ms) as f64 / DAY_MS as f64;
        let grid = Grid::new(coin, index(at_ms), dte);
        let moved = (grid.level - reviewed.0).abs() > 0.5 * f64::from(grid.step);
        if moved || grid.step != reviewed.1 {
            grid.each(|strike| {
                listed.entry(strike).or_insert(at_ms);
            });
            reviewed = (grid.level, grid.step);
        }
        at_ms += if dte > FREQUENT_DTE {
            DAY_MS
        } else {
            DAY_MS / 4
        };
    }
    let with_logarithm = |(usd, since_ms)| Strike {
        usd,
        logarithm: ln(f64::from(usd)),
        since_ms,
    };
    listed.into_iter().map(with_logarithm).collect()
}

/// Strikes are reviewed four times a day in the last days, once a day before.
const FREQUENT_DTE: f64 = 8.0;

/// The strikes that suit one level of the index and one time to expiry.
struct Grid {
    level: f64,
    /// USD between strikes at the money.
    step: u32,
    /// Half widths of core, middle and wings as log-moneyness, with their multiples of the step.
    zones: [(f64, u32); 3],
}

impl Grid {
    fn new(coin: Coin, level: f64, dte: f64) -> Self {
        let daily = dte <= DAILY_DTE;
        let deviation = volatility(coin) * (dte.max(1.0) / 365.0).sqrt();
        let widths = if daily {
            [1.0, 1.6, 2.2]
        } else {
            [0.35, 0.8, 1.5]
        };
        let multiples = if daily { [1, 2, 2] } else { [1, 2, 5] };
        Self {
            level,
            step: step(coin, level, dte),
            zones: std::array::from_fn(|zone| (widths[zone] * deviation, multiples[zone])),
        }
    }

    fn each(&self, mut add: impl FnMut(u32)) {
        for (half_width, multiple) in self.zones {
            let step = f64::from(self.step * multiple);
            let from = (self.level * exp(-half_width) / step).floor().max(1.0) as u32;
            let to = (self.level * exp(half_width) / step).ceil() as u32;
            (from..=to).for_each(|number| add(number * self.step * multiple));
        }
    }
}

/// Volatility by which the venue sizes its grids, a fraction.
fn volatility(coin: Coin) -> f64 {
    match coin {
        Coin::Btc => 0.45,
        Coin::Eth => 0.65,
    }
}

const DAILY_DTE: f64 = 4.0;

/// USD between strikes at the money: the largest round number within a part of the level.
fn step(coin: Coin, level: f64, dte: f64) -> u32 {
    let part = match (coin, dte) {
        (Coin::Btc, dte) if dte <= DAILY_DTE => 0.012,
        (Coin::Eth, dte) if dte <= DAILY_DTE => 0.016,
        (Coin::Btc, dte) if dte <= 100.0 => 0.021,
        (Coin::Eth, dte) if dte <= 100.0 => 0.032,
        (Coin::Btc, _) => 0.055,
        (Coin::Eth, _) => 0.065,
    };
    let most = part * level;
    let decade = pow(10.0, (ln(most) / std::f64::consts::LN_10 + 1e-9).floor());
    let digits = if coin == Coin::Eth && decade < 50.0 {
        [5.0, 2.5, 1.0]
    } else {
        [5.0, 2.0, 1.0]
    };
    let digit = digits.into_iter().find(|digit| digit * decade <= most);
    (digit.unwrap_or(1.0) * decade).round().max(1.0) as u32
}
