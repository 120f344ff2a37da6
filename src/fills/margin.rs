//! Standard margin of options, per position and stand-alone: Deribit nets nothing in this class.

use crate::domain::instrument::{Instrument, Style};
use crate::domain::money::{self, SCALE};
use rust_decimal::Decimal;

/// Shares of the underlying that a short option must be backed with.
///
/// The exchange announced a new model for August 2026 whose option figures are not known; a live desk
/// asks `get_margins`, the simulated exchange uses these.
#[derive(Clone, Copy, Debug)]
pub struct ShortMargin {
    /// Initial margin at the money, before the out-of-the-money discount.
    pub initial: Decimal,
    /// Initial margin never falls below this.
    pub initial_min: Decimal,
    pub maintenance: Decimal,
}

/// One set of constants for both coins and styles.
pub const SHORT_MARGIN: ShortMargin = ShortMargin {
    initial: Decimal::from_parts(15, 0, 0, false, 2),
    initial_min: Decimal::from_parts(10, 0, 0, false, 2),
    maintenance: Decimal::from_parts(75, 0, 0, false, 3),
};

/// Initial and maintenance margin of a position, at the cost of little more than one; arguments as
/// [`initial_margin`].
pub fn margins(
    instrument: &Instrument,
    size: Decimal,
    mark: f64,
    index: f64,
) -> (Decimal, Decimal) {
    Short::of(instrument, size, mark, index).map_or((Decimal::ZERO, Decimal::ZERO), |short| {
        (short.initial(instrument), short.maintenance(instrument))
    })
}

/// Initial margin of a position of `size` coin (negative when short; longs need none), quote currency.
/// `mark` is quote currency per coin, `index` USD.
pub fn initial_margin(instrument: &Instrument, size: Decimal, mark: f64, index: f64) -> Decimal {
    Short::of(instrument, size, mark, index)
        .map_or(Decimal::ZERO, |short| short.initial(instrument))
}

/// Maintenance margin of a position, quote currency; arguments as [`initial_margin`].
pub fn maintenance_margin(
    instrument: &Instrument,
    size: Decimal,
    mark: f64,
    index: f64,
) -> Decimal {
    Short::of(instrument, size, mark, index)
        .map_or(Decimal::ZERO, |short| short.maintenance(instrument))
}

/// A short position with everything in decimals; `unit` is one coin in the quote currency.
struct Short {
    size: Decimal,
    mark: Decimal,
    index: Decimal,
    unit: Decimal,
    /// How far out of the money, USD; not above 0 in the money.
    away: Decimal,
}

impl Short {
    /// `None` for a long or flat position and without an index.
    fn of(instrument: &Instrument, size: Decimal, mark: f64, index: f64) -> Option<Self> {
        if size >= Decimal::ZERO {
            return None;
        }
        let index = money::decimal(index).filter(|index| *index > Decimal::ZERO)?;
        let strike = Decimal::from(instrument.strike_usd);
        let away = if instrument.is_call() {
            strike - index
        } else {
            index - strike
        };
        Some(Self {
            size: -size,
            mark: money::decimal(mark).unwrap_or_default(),
            index,
            unit: match instrument.style {
                Style::Inverse => Decimal::ONE,
                Style::Linear => index,
            },
            away,
        })
    }

    fn initial(&self, instrument: &Instrument) -> Decimal {
        let scaled = self.initial_share() * self.unit + self.mark;
        let per_coin = if instrument.is_call() {
            scaled
        } else {
            scaled.max(self.maintenance_per_coin(instrument))
        };
        (self.size * per_coin).round_dp(SCALE)
    }

    fn maintenance(&self, instrument: &Instrument) -> Decimal {
        (self.size * self.maintenance_per_coin(instrument)).round_dp(SCALE)
    }

    fn initial_share(&self) -> Decimal {
        let out_of_the_money = self.away.max(Decimal::ZERO);
        // The discount ends where the least margin begins: no division then, which is dear in decimals.
        let discount_max = SHORT_MARGIN.initial - SHORT_MARGIN.initial_min;
        if out_of_the_money >= discount_max * self.index {
            return SHORT_MARGIN.initial_min;
        }
        (SHORT_MARGIN.initial - out_of_the_money / self.index).max(SHORT_MARGIN.initial_min)
    }

    fn maintenance_per_coin(&self, instrument: &Instrument) -> Decimal {
        let rate = SHORT_MARGIN.maintenance;
        let base = match (instrument.is_call(), instrument.style) {
            (true, _) => rate * self.unit,
            (false, Style::Inverse) => rate.max(rate * self.mark),
            (false, Style::Linear) => rate * self.index.min(Decimal::from(instrument.strike_usd)),
        };
        base + self.mark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, size: i64, mark: f64, index: f64, initial: &str, maintenance: &str) {
        let contract: Instrument = name.parse().expect(name);
        let size = Decimal::from(size);
        let decimal = |text: &str| text.parse::<Decimal>().expect(text);
        assert_eq!(
            initial_margin(&contract, size, mark, index),
            decimal(initial),
            "{name} initial"
        );
        assert_eq!(
            maintenance_margin(&contract, size, mark, index),
            decimal(maintenance),
            "{name} maintenance"
        );
        let both = margins(&contract, size, mark, index);
        assert_eq!(both, (decimal(initial), decimal(maintenance)), "{name}");
    }

    #[test]
    fn short_options_follow_the_published_formulas() {
        // At and in the money: 0.15 + mark; 2 % out: 0.13; beyond 5 % out: the floor of 0.10.
        check("BTC-25DEC26-100000-C", -1, 0.05, 100_000.0, "0.2", "0.125");
        check("BTC-25DEC26-90000-C", -1, 0.12, 100_000.0, "0.27", "0.195");
        check("BTC-25DEC26-102000-C", -2, 0.04, 100_000.0, "0.34", "0.23");
        check("BTC-25DEC26-120000-C", -1, 0.01, 100_000.0, "0.11", "0.085");
        check("ETH-25DEC26-4000-P", -1, 0.02, 4_000.0, "0.17", "0.095");
        check(
            "BTC_USDC-25DEC26-102000-C",
            -1,
            4_000.0,
            100_000.0,
            "17000",
            "11500",
        );
    }

    #[test]
    fn longs_need_no_margin_beyond_their_premium() {
        check("BTC-25DEC26-100000-C", 1, 0.05, 100_000.0, "0", "0");
        check("BTC-25DEC26-100000-C", 0, 0.05, 100_000.0, "0", "0");
    }
}
