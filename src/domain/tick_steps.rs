//! Price steps of the exchange's contracts in whole units: the one table, in floats here, in decimals in `ticks`.

use super::coin::Coin;
use super::instrument::Style;

/// Price ticks of one contract family: `fine` up to and including `above`, `coarse` over it.
///
/// In units of 1/`per_unit` of the quote currency, whole numbers, so that prices on a tick are exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TickSteps {
    pub per_unit: u32,
    pub fine: u32,
    pub above: u32,
    pub coarse: u32,
    /// The same as floats, divided once: a chain has thousands of prices.
    per_unit_float: f64,
    above_price: f64,
    fine_float: f64,
    coarse_float: f64,
    fine_tick: f64,
    coarse_tick: f64,
}

/// Tick steps of the exchange's instruments, quote currency per coin.
pub fn tick_steps(coin: Coin, style: Style) -> TickSteps {
    const INVERSE: TickSteps = TickSteps::new(10_000, 1, 50, 5);
    const LINEAR_BTC: TickSteps = TickSteps::new(1, 5, 1_000, 20);
    const LINEAR_ETH: TickSteps = TickSteps::new(10, 2, 500, 10);
    match (style, coin) {
        (Style::Inverse, _) => INVERSE,
        (Style::Linear, Coin::Btc) => LINEAR_BTC,
        (Style::Linear, Coin::Eth) => LINEAR_ETH,
    }
}

impl TickSteps {
    const fn new(per_unit: u32, fine: u32, above: u32, coarse: u32) -> Self {
        let per_unit_float = per_unit as f64;
        Self {
            per_unit,
            fine,
            above,
            coarse,
            per_unit_float,
            above_price: above as f64 / per_unit_float,
            fine_float: fine as f64,
            coarse_float: coarse as f64,
            fine_tick: fine as f64 / per_unit_float,
            coarse_tick: coarse as f64 / per_unit_float,
        }
    }

    /// The tick at a price.
    pub fn tick(self, price: f64) -> f64 {
        if price > self.above_price {
            self.coarse_tick
        } else {
            self.fine_tick
        }
    }

    /// The highest price on a tick that is not above this one; 0 when it is under one tick.
    pub fn floor(self, price: f64) -> f64 {
        let unit = self.units(price);
        let scaled = price * self.per_unit_float / unit;
        floor(scaled + ON_TICK) * unit / self.per_unit_float
    }

    /// The lowest price on a tick that is not below this one; at least one tick.
    pub fn ceil(self, price: f64) -> f64 {
        let unit = self.units(price);
        let scaled = price * self.per_unit_float / unit;
        (-floor(ON_TICK - scaled)).max(1.0) * unit / self.per_unit_float
    }

    fn units(self, price: f64) -> f64 {
        if price > self.above_price {
            self.coarse_float
        } else {
            self.fine_float
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
