//! Price steps of the exchange's contracts in whole units: the one table, in floats here, in decimals in `ticks`.

use super::coin::Coin;
use super::instrument::Style;

/// Price ticks of one contract family: `fine` up to and including `above`, `coarse` over it.
///
/// In units of 1/`per_unit` of the quote currency, whole numbers, so that prices on a tick are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TickSteps {
    pub per_unit: u32,
    pub fine: u32,
    pub above: u32,
    pub coarse: u32,
}

/// Tick steps of the exchange's instruments, quote currency per coin.
pub fn tick_steps(coin: Coin, style: Style) -> TickSteps {
    let (per_unit, fine, above, coarse) = match (style, coin) {
        (Style::Inverse, _) => (10_000, 1, 50, 5),
        (Style::Linear, Coin::Btc) => (1, 5, 1_000, 20),
        (Style::Linear, Coin::Eth) => (10, 2, 500, 10),
    };
    TickSteps {
        per_unit,
        fine,
        above,
        coarse,
    }
}

impl TickSteps {
    /// The tick at a price.
    pub fn tick(self, price: f64) -> f64 {
        f64::from(self.units(price)) / f64::from(self.per_unit)
    }

    /// The highest price on a tick that is not above this one; 0 when it is under one tick.
    pub fn floor(self, price: f64) -> f64 {
        let unit = f64::from(self.units(price));
        let scaled = price * f64::from(self.per_unit) / unit;
        floor(scaled + ON_TICK) * unit / f64::from(self.per_unit)
    }

    /// The lowest price on a tick that is not below this one; at least one tick.
    pub fn ceil(self, price: f64) -> f64 {
        let unit = f64::from(self.units(price));
        let scaled = price * f64::from(self.per_unit) / unit;
        (-floor(ON_TICK - scaled)).max(1.0) * unit / f64::from(self.per_unit)
    }

    fn units(self, price: f64) -> u32 {
        let above = f64::from(self.above) / f64::from(self.per_unit);
        if price > above {
            self.coarse
        } else {
            self.fine
        }
    }
}

/// The whole number at or below a number of ticks; `f64::floor` is a call on most x86-64 targets.
fn floor(ticks: f64) -> f64 {
    let whole = ticks as i64 as f64;
    if whole > ticks { whole - 1.0 } else { whole }
}

/// Prices closer to a tick than this part of it are on it: 0.0345 * 10,000 is not 345 in binary.
const ON_TICK: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_floor_is_the_floor() {
        for half in -9..9 {
            for away in [-1e-9, 0.0, 1e-9] {
                let ticks = f64::from(half) / 2.0 + away;
                assert_eq!(floor(ticks), ticks.floor(), "{ticks}");
                assert_eq!(-floor(-ticks), ticks.ceil(), "{ticks}");
            }
        }
    }

    #[test]
    fn prices_land_on_the_ticks_of_both_families() {
        let steps = tick_steps(Coin::Btc, Style::Inverse);
        assert_eq!(
            (steps.floor(0.00314), steps.ceil(0.00314)),
            (0.0031, 0.0032)
        );
        assert_eq!((steps.floor(0.01234), steps.ceil(0.01234)), (0.012, 0.0125));
        assert_eq!((steps.floor(0.0345), steps.ceil(0.0345)), (0.0345, 0.0345));
        assert_eq!((steps.floor(0.00003), steps.ceil(0.00003)), (0.0, 0.0001));
        assert_eq!(steps.tick(0.005), 0.0001);
        let linear = tick_steps(Coin::Btc, Style::Linear);
        assert_eq!(
            (linear.floor(1_005.0), linear.ceil(1_005.0)),
            (1_000.0, 1_020.0)
        );
    }
}
