//! The price walk: from the midpoint to the far side of the book in steps of time, on the venue's ticks.

use crate::domain::chain::Quote;
use crate::domain::money;
use crate::domain::order::Side;
use crate::fills::{Rounding, round_to_tick};
use rust_decimal::Decimal;

/// How an order is worked. Times are desk milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Reprices between the midpoint (step 0) and the bid of a sale or ask of a purchase (the last).
    pub steps: u32,
    /// Between two steps.
    pub step_ms: i64,
    /// The order stays this long at the last price before it is given up.
    pub linger_ms: i64,
    /// A request is void after so long; until then an unanswered one may still be accepted.
    pub validity_ms: i64,
    /// An intent that was never sent is dropped after so long.
    pub stale_ms: i64,
    /// A sale never goes below this share of the midpoint: the floor.
    pub floor_share: f64,
    /// Never take liquidity: the last step stays one tick inside the book.
    pub post_only: bool,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            steps: 4,
            step_ms: 15_000,
            linger_ms: 60_000,
            validity_ms: 5_000,
            stale_ms: 600_000,
            floor_share: 0.5,
            post_only: false,
        }
    }
}

impl Schedule {
    /// The step of the walk at an instant, `0..=steps`.
    pub fn step(&self, created_ms: i64, at_ms: i64) -> u32 {
        let elapsed = (at_ms - created_ms).max(0) / self.step_ms.max(1);
        u32::try_from(elapsed).unwrap_or(u32::MAX).min(self.steps)
    }

    /// When the step after `at_ms` begins; `None` on the last.
    pub fn next_step_ms(&self, created_ms: i64, at_ms: i64) -> Option<i64> {
        let step = self.step(created_ms, at_ms);
        (step < self.steps).then(|| created_ms + i64::from(step + 1) * self.step_ms.max(1))
    }

    /// When an order that never filled is given up, at the earliest.
    pub fn deadline_ms(&self, created_ms: i64) -> i64 {
        created_ms + i64::from(self.steps) * self.step_ms + self.linger_ms
    }

    /// The limit price of a step, on a tick; `None` when the book shows nothing to start from.
    ///
    /// Before the last step prices round away from the trade (a sale up, a purchase down); the last one
    /// meets the other side.
    pub fn price(&self, side: Side, quote: &Quote, step: u32) -> Option<Decimal> {
        let (near, far) = match side {
            Side::Sell => (quote.mid().or(quote.mark)?, quote.bid),
            Side::Buy => (quote.mid().or(quote.mark).or(quote.ask)?, quote.ask),
        };
        let share = if self.steps == 0 {
            1.0
        } else {
            f64::from(step.min(self.steps)) / f64::from(self.steps)
        };
        let raw = money::decimal(near + (far.unwrap_or(near) - near) * share)?;
        let last = step >= self.steps;
        let rounding = match (side, last) {
            (Side::Sell, false) | (Side::Buy, true) => Rounding::Up,
            (Side::Sell, true) | (Side::Buy, false) => Rounding::Down,
        };
        let price = round_to_tick(&quote.instrument, raw, rounding);
        match side {
            Side::Sell => Some(price.max(self.floor(quote, near)?)),
            Side::Buy => Some(price),
        }
    }

    fn floor(&self, quote: &Quote, near: f64) -> Option<Decimal> {
        let floor = money::decimal(near * self.floor_share)?;
        Some(round_to_tick(&quote.instrument, floor, Rounding::Up))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(name: &str, bid: Option<f64>, ask: Option<f64>) -> Quote {
        Quote {
            instrument: name.parse().expect(name),
            underlying_price: 90_000.0,
            bid,
            ask,
            bid_size: None,
            ask_size: None,
            mark: Some(0.011),
            mark_iv: None,
            delta: None,
            open_interest: None,
            volume: None,
        }
    }

    fn walk(side: Side, quote: &Quote) -> Vec<Option<String>> {
        let schedule = Schedule::default();
        (0..=schedule.steps)
            .map(|step| {
                schedule
                    .price(side, quote, step)
                    .map(|price| price.to_string())
            })
            .collect()
    }

    /// Mistake 21 of the earlier system: prices of the walk were off the venue's ticks.
    #[test]
    fn mistake_21_the_walk_stays_on_ticks_and_ends_at_the_other_side() {
        let some = |prices: [&str; 5]| prices.map(|price| Some(price.to_owned())).to_vec();
        let coarse = quote("BTC-25DEC26-100000-C", Some(0.010), Some(0.013));
        assert_eq!(
            walk(Side::Sell, &coarse),
            some(["0.0115", "0.0115", "0.011", "0.0105", "0.01"])
        );
        assert_eq!(
            walk(Side::Buy, &coarse),
            some(["0.0115", "0.0115", "0.012", "0.0125", "0.013"])
        );
        let fine = quote("BTC-25DEC26-100000-C", Some(0.0030), Some(0.0034));
        assert_eq!(
            walk(Side::Sell, &fine),
            some(["0.0032", "0.0032", "0.0031", "0.0031", "0.003"])
        );
    }

    #[test]
    fn a_sale_stops_at_its_floor() {
        let wide = quote("BTC-25DEC26-100000-C", Some(0.001), Some(0.009));
        assert_eq!(walk(Side::Sell, &wide)[4].as_deref(), Some("0.0025"));
        let no_bid = quote("BTC-25DEC26-100000-C", None, Some(0.009));
        assert_eq!(walk(Side::Sell, &no_bid)[4].as_deref(), Some("0.011"));
    }

    #[test]
    fn steps_follow_time_alone() {
        let schedule = Schedule::default();
        let steps = [0, 14_999, 15_000, 59_999, 60_000, 900_000].map(|at| schedule.step(0, at));
        assert_eq!(steps, [0, 0, 1, 3, 4, 4]);
        assert_eq!(schedule.next_step_ms(0, 16_000), Some(30_000));
        assert_eq!(schedule.next_step_ms(0, 60_000), None);
        assert_eq!(schedule.deadline_ms(0), 120_000);
    }
}
