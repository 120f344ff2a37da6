//! Price ticks and order sizes, read from the contract's style and coin, never one constant for all.

use super::coin::Coin;
use super::instrument::{Instrument, Style};
use super::tick_steps::tick_steps;
use rust_decimal::{Decimal, RoundingStrategy};

/// Where a price between two ticks goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Towards zero: a sale asks no more, a purchase pays no more.
    Down,
    /// Away from zero.
    Up,
    /// To the closer tick, half up.
    Nearest,
}

/// Two tick sizes of one contract family: `fine` up to `above`, `coarse` over it.
struct Steps {
    fine: Decimal,
    above: Decimal,
    coarse: Decimal,
}

/// Tick steps of the exchange's instruments, quote currency per coin.
fn steps(coin: Coin, style: Style) -> Steps {
    let table = tick_steps(coin, style);
    let decimal = |units: u32| Decimal::new(i64::from(units), table.per_unit.ilog10()).normalize();
    Steps {
        fine: decimal(table.fine),
        above: decimal(table.above),
        coarse: decimal(table.coarse),
    }
}

/// Smallest price step at a price, quote currency per coin.
pub fn tick(instrument: &Instrument, price: Decimal) -> Decimal {
    let steps = steps(instrument.coin, instrument.style);
    if price > steps.above {
        steps.coarse
    } else {
        steps.fine
    }
}

/// [`tick`] as a float, for features and filters, which count spreads in ticks.
pub fn tick_size(instrument: &Instrument, price: f64) -> f64 {
    tick_steps(instrument.coin, instrument.style).tick(price)
}

/// The price on the contract's ticks; never below one tick, because nothing trades at 0.
pub fn round_to_tick(instrument: &Instrument, price: Decimal, rounding: Rounding) -> Decimal {
    let tick = tick(instrument, price);
    let strategy = match rounding {
        Rounding::Down => RoundingStrategy::ToZero,
        Rounding::Up => RoundingStrategy::AwayFromZero,
        Rounding::Nearest => RoundingStrategy::MidpointAwayFromZero,
    };
    let rounded = (price / tick).round_dp_with_strategy(0, strategy) * tick;
    let fine = steps(instrument.coin, instrument.style).fine;
    rounded.max(fine).normalize()
}

/// One tick towards higher (`up`) or lower prices from a price on a tick; across the step, the finer
/// side's tick counts downwards and the coarser side's upwards.
pub fn step_tick(instrument: &Instrument, price: Decimal, up: bool) -> Decimal {
    let steps = steps(instrument.coin, instrument.style);
    let size = if price > steps.above || (up && price == steps.above) {
        steps.coarse
    } else {
        steps.fine
    };
    let next = if up { price + size } else { price - size };
    next.max(steps.fine).normalize()
}

/// True when an order at this price would not be refused with 10043 `price_wrong_tick`.
pub fn is_on_tick(instrument: &Instrument, price: Decimal) -> bool {
    price > Decimal::ZERO && (price % tick(instrument, price)).is_zero()
}

/// Smallest order, coin: 0.1 BTC / 1 ETH inverse, 0.01 BTC / 0.1 ETH linear.
pub fn min_size(coin: Coin, style: Style) -> Decimal {
    match (coin, style) {
        (Coin::Btc, Style::Linear) => Decimal::new(1, 2),
        (Coin::Btc, Style::Inverse) | (Coin::Eth, Style::Linear) => Decimal::new(1, 1),
        (Coin::Eth, Style::Inverse) => Decimal::ONE,
    }
}

/// Sizes are multiples of this, coin; the exchange uses the minimum as the step.
pub fn size_step(coin: Coin, style: Style) -> Decimal {
    min_size(coin, style)
}

/// The size cut down to the contract's step; zero when less than the minimum is left.
pub fn round_size(instrument: &Instrument, size: Decimal) -> Decimal {
    let step = size_step(instrument.coin, instrument.style);
    ((size / step).floor() * step).normalize()
}

/// True when the size is at least the minimum and a multiple of the step.
pub fn is_valid_size(instrument: &Instrument, size: Decimal) -> bool {
    size >= min_size(instrument.coin, instrument.style)
        && (size % size_step(instrument.coin, instrument.style)).is_zero()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instrument(name: &str) -> Instrument {
        name.parse().expect(name)
    }

    fn decimal(text: &str) -> Decimal {
        text.parse().expect(text)
    }

    fn check(name: &str, price: &str, tick_expected: &str, down: &str, up: &str) {
        let (contract, price) = (instrument(name), decimal(price));
        assert_eq!(
            tick(&contract, price),
            decimal(tick_expected),
            "{name} {price}"
        );
        assert_eq!(
            round_to_tick(&contract, price, Rounding::Down),
            decimal(down),
            "{name} {price}"
        );
        assert_eq!(
            round_to_tick(&contract, price, Rounding::Up),
            decimal(up),
            "{name} {price}"
        );
    }

    /// Mistake 21 of the earlier system: ticks were hard-coded, so half of its orders were refused.
    #[test]
    fn mistake_21_ticks_follow_the_contract_and_the_price() {
        check(
            "BTC-25DEC26-100000-C",
            "0.00314",
            "0.0001",
            "0.0031",
            "0.0032",
        );
        check("BTC-25DEC26-100000-C", "0.005", "0.0001", "0.005", "0.005");
        check(
            "BTC-25DEC26-100000-C",
            "0.01234",
            "0.0005",
            "0.012",
            "0.0125",
        );
        check("ETH-25DEC26-4000-C", "0.0502", "0.0005", "0.05", "0.0505");
        check("BTC_USDC-25DEC26-100000-C", "998", "5", "995", "1000");
        check("BTC_USDC-25DEC26-100000-C", "1005", "20", "1000", "1020");
        check("ETH_USDC-25DEC26-4000-C", "12.3", "0.2", "12.2", "12.4");
        check("ETH_USDC-25DEC26-4000-C", "50.5", "1", "50", "51");
        check(
            "BTC-25DEC26-100000-C",
            "0.00003",
            "0.0001",
            "0.0001",
            "0.0001",
        );
    }

    #[test]
    fn stepping_crosses_the_tick_step_both_ways() {
        let btc = instrument("BTC-25DEC26-100000-C");
        assert_eq!(step_tick(&btc, decimal("0.005"), true), decimal("0.0055"));
        assert_eq!(step_tick(&btc, decimal("0.005"), false), decimal("0.0049"));
        assert_eq!(step_tick(&btc, decimal("0.0055"), false), decimal("0.005"));
        assert_eq!(step_tick(&btc, decimal("0.0001"), false), decimal("0.0001"));
    }

    #[test]
    fn sizes_have_a_minimum_and_a_step() {
        let check = |name: &str, size: &str, valid: bool, cut: &str| {
            let contract = instrument(name);
            assert_eq!(
                is_valid_size(&contract, decimal(size)),
                valid,
                "{name} {size}"
            );
            assert_eq!(
                round_size(&contract, decimal(size)),
                decimal(cut),
                "{name} {size}"
            );
        };
        check("BTC-25DEC26-100000-C", "0.1", true, "0.1");
        check("BTC-25DEC26-100000-C", "0.15", false, "0.1");
        check("BTC-25DEC26-100000-C", "0.05", false, "0");
        check("ETH-25DEC26-4000-C", "0.5", false, "0");
        check("BTC_USDC-25DEC26-100000-C", "0.03", true, "0.03");
        check("ETH_USDC-25DEC26-4000-C", "0.3", true, "0.3");
    }

    #[test]
    fn the_tick_of_features_is_the_tick_of_orders() {
        for name in [
            "BTC-25DEC26-100000-C",
            "BTC_USDC-25DEC26-100000-C",
            "ETH_USDC-25DEC26-4000-C",
        ] {
            let contract: Instrument = name.parse().expect(name);
            for price in ["0.0004", "0.005", "0.0055", "3", "50", "51", "1000", "1020"] {
                let exact = tick(&contract, price.parse().expect(price));
                let quick = tick_size(&contract, price.parse().expect(price));
                assert_eq!(exact.to_string(), quick.to_string(), "{name} at {price}");
            }
        }
    }
}
