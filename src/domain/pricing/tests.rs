//! Prices and volatilities against 40 digits, against each other, and batches against single options.

use super::batch::{self, Options, Prices, Quoted};
use super::*;
use crate::clock::Random;
use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility};
use proptest::prelude::*;

#[test]
fn price_and_greeks_have_twelve_digits() {
    let table = include_str!("../../../tests/fixtures/black76.csv");
    let rows = check(table, |call, columns| {
        let [forward, strike, vol, years, expected @ ..] = columns else {
            panic!("a row is cut short")
        };
        let ours = black76(call, *forward, *strike, *vol, *years);
        let ours = [
            ours.price_usd,
            ours.delta,
            ours.gamma,
            ours.vega,
            ours.theta,
            ours.rho,
        ];
        ours.into_iter().zip(expected.iter().copied()).collect()
    });
    assert!(rows > 200, "only {rows} rows");
}

#[test]
fn implied_volatilities_have_twelve_digits() {
    let table = include_str!("../../../tests/fixtures/implied_volatility.csv");
    let rows = check(table, |call, columns| {
        let &[forward, strike, price_usd, years, expected] = columns else {
            panic!("a row is cut short")
        };
        let ours = implied_volatility(call, forward, strike, price_usd, years);
        vec![(ours.unwrap_or(f64::NAN), expected)]
    });
    assert!(rows > 100, "only {rows} rows");
}

/// Asserts 1e-12 between the pairs that `run` makes of each row; returns the number of rows.
fn check(table: &str, run: impl Fn(bool, &[f64]) -> Vec<(f64, f64)>) -> usize {
    let rows = || table.lines().filter(|line| !line.starts_with('#'));
    for row in rows() {
        let (call, numbers) = row.split_once(',').expect("columns");
        let columns: Vec<f64> = numbers
            .split(',')
            .map(|x| x.parse().expect("a number"))
            .collect();
        for (ours, expected) in run(call == "true", &columns) {
            let error = (ours / expected - 1.0).abs();
            assert!(
                error <= 1e-12,
                "{ours:e} for {expected:e} ({error:e}): {row}"
            );
        }
    }
    rows().count()
}

#[test]
fn put_call_parity_holds() {
    for strike in [50_000.0, 90_000.0, 150_000.0] {
        let call = black76(true, 90_000.0, strike, 0.45, 0.1);
        let put = black76(false, 90_000.0, strike, 0.45, 0.1);
        assert!((call.price_usd - put.price_usd - (90_000.0 - strike)).abs() < 1e-8);
        assert!((call.delta - put.delta - 1.0).abs() < 1e-14);
    }
}

#[test]
fn expired_is_worth_its_intrinsic_value() {
    let call = black76(true, 110.0, 100.0, 0.5, 0.0);
    let nothing = [call.gamma, call.vega, call.theta, call.rho];
    assert_eq!((call.price_usd, call.delta, nothing), (10.0, 1.0, [0.0; 4]));
    assert_eq!(black76(false, 110.0, 100.0, 0.5, 0.0).price_usd, 0.0);
    assert_eq!(black76(false, 90.0, 100.0, 0.0, 0.5).delta, -1.0);
    assert_eq!(black76(true, 110.0, 100.0, f64::NAN, 0.5).price_usd, 10.0);
}

#[test]
fn a_price_without_a_volatility_has_none() {
    let implied = |price_usd| implied_volatility(true, 110.0, 100.0, price_usd, 0.1);
    assert_eq!(implied(10.0), None, "the intrinsic value");
    assert_eq!(implied(9.0), None, "below it");
    assert_eq!(implied(110.0), None, "the forward itself");
    assert_eq!(implied(f64::NAN), None);
    assert_eq!(implied_volatility(true, 110.0, 100.0, 11.0, 0.0), None);
    assert_eq!(implied_volatility(true, 0.0, 100.0, 11.0, 0.1), None);
    assert!(implied(10.1).is_some() && implied(109.9).is_some());
}

/// As machine code for vectors only where optimised: the benchmark asks this again of a million rows.
#[test]
fn a_batch_gives_the_bits_of_its_options_one_by_one() {
    let book = Book::drawn(100_003);
    let mut prices = Prices::default();
    batch::black76(book.options(), &mut prices);
    let mut vols = Vec::new();
    batch::implied_volatility(book.quoted(&prices.price_usd), &mut vols);
    for (at, &call) in book.call.iter().enumerate() {
        let (forward, strike) = (book.forward[at], book.strike[at]);
        let (vol, years) = (book.vol[at], book.years[at]);
        let single = black76(call, forward, strike, vol, years);
        assert_eq!(bits(prices.row(at)), bits(single), "row {at}");
        let single = implied_volatility(call, forward, strike, prices.price_usd[at], years);
        assert_eq!(vols[at].to_bits(), single.unwrap_or(f64::NAN).to_bits());
    }
}

#[test]
fn a_batch_keeps_no_rows_of_the_last() {
    let mut prices = Prices::default();
    batch::black76(Book::drawn(130).options(), &mut prices);
    let few = Book::drawn(3);
    batch::black76(few.options(), &mut prices);
    assert_eq!((prices.delta.len(), prices.rho.len()), (3, 3));
    batch::black76(Book::drawn(0).options(), &mut prices);
    assert!(prices.price_usd.is_empty());
}

#[test]
#[should_panic(expected = "another number of rows")]
fn columns_of_different_lengths_are_refused() {
    let book = Book::drawn(5);
    let mut options = book.options();
    options.vol = &options.vol[1..];
    batch::black76(options, &mut Prices::default());
}

fn bits(priced: Priced) -> [u64; 6] {
    let Priced {
        price_usd,
        delta,
        gamma,
        vega,
        theta,
        rho,
    } = priced;
    [price_usd, delta, gamma, vega, theta, rho].map(f64::to_bits)
}

/// Options from ordinary to absurd, expired and worthless ones among them.
#[derive(Default)]
struct Book {
    call: Vec<bool>,
    forward: Vec<f64>,
    strike: Vec<f64>,
    vol: Vec<f64>,
    years: Vec<f64>,
}

impl Book {
    fn drawn(rows: usize) -> Self {
        let mut random = Random::from_numbers(76, 0, 0);
        let mut book = Self::default();
        for _ in 0..rows {
            let reach = [0.5, 4.0, 40.0][random.below(3)];
            let vol = [0.0, 0.05, 0.5, 5.0][random.below(4)] * random.unit();
            let years = [0.0, 1e-5, 0.02, 2.0][random.below(4)] * random.unit();
            let distance = reach * vol * years.sqrt() * random.normal();
            let forward = 1.0 + 90_000.0 * random.unit();
            book.call.push(random.below(2) == 0);
            book.forward.push(forward);
            book.strike.push(forward * distance.exp());
            book.vol.push(vol);
            book.years.push(years);
        }
        book
    }

    fn options(&self) -> Options<'_> {
        Options {
            call: &self.call,
            forward: &self.forward,
            strike: &self.strike,
            vol: &self.vol,
            years: &self.years,
        }
    }

    fn quoted<'a>(&'a self, price_usd: &'a [f64]) -> Quoted<'a> {
        Quoted {
            call: &self.call,
            forward: &self.forward,
            strike: &self.strike,
            price_usd,
            years: &self.years,
        }
    }
}

proptest! {
    #[test]
    fn put_call_parity_holds_everywhere(
        moneyness in 0.5..2.0_f64,
        vol in 0.05..3.0_f64,
        days in 0.01..400.0_f64,
    ) {
        let (forward, strike, years) = (90_000.0, 90_000.0 * moneyness, days / 365.0);
        let call = black76(true, forward, strike, vol, years);
        let put = black76(false, forward, strike, vol, years);
        prop_assert!((call.price_usd - put.price_usd - (forward - strike)).abs() < 1e-6);
        prop_assert!((call.delta - put.delta - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_price_rises_with_volatility(
        moneyness in 0.5..2.0_f64,
        vol in 0.05..2.0_f64,
        more in 0.001..1.0_f64,
        days in 0.01..400.0_f64,
        call in any::<bool>(),
    ) {
        let price = |vol| black76(call, 90_000.0, 90_000.0 * moneyness, vol, days / 365.0).price_usd;
        prop_assert!(price(vol + more) >= price(vol) - 1e-8);
    }

    #[test]
    fn the_implied_volatility_inverts_the_price(
        distance in -30.0..30.0_f64,
        vol in 0.01..5.0_f64,
        days in 0.001..400.0_f64,
    ) {
        let years = days / 365.0;
        let strike = 90_000.0 * (distance * vol * years.sqrt()).exp();
        let call = strike >= 90_000.0;
        let price_usd = black76(call, 90_000.0, strike, vol, years).price_usd;
        let implied = implied_volatility(call, 90_000.0, strike, price_usd, years);
        prop_assert!((implied.unwrap_or(f64::NAN) / vol - 1.0).abs() < 1e-12, "{implied:?} {vol}");
    }

    #[test]
    fn another_author_finds_the_same_volatility(
        distance in -6.0..6.0_f64,
        vol in 0.1..2.0_f64,
        days in 0.1..400.0_f64,
    ) {
        let years = days / 365.0;
        let strike = 90_000.0 * (distance * vol * years.sqrt()).exp();
        let call = strike >= 90_000.0;
        let price_usd = black76(call, 90_000.0, strike, vol, years).price_usd;
        let theirs = ImpliedBlackVolatility::builder()
            .option_price(price_usd)
            .forward(90_000.0)
            .strike(strike)
            .expiry(years)
            .is_call(call)
            .build()
            .and_then(|option| option.calculate::<DefaultSpecialFn>());
        let ours = implied_volatility(call, 90_000.0, strike, price_usd, years);
        let apart = ours.unwrap_or(f64::NAN) / theirs.unwrap_or(f64::NAN) - 1.0;
        prop_assert!(apart.abs() < 1e-12, "{ours:?} {theirs:?}");
    }
}
