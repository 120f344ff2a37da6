//! Prices with greeks and implied volatilities, in batches and one by one, against a plain scalar loop
//! and another author's crate in the same run. One JSON line per figure.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and fails by panicking"
)]

use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility};
use serde_json::json;
use std::hint::black_box;
use thetaq::clock::{Random, Stopwatch};
use thetaq::domain::math::{ln, norm_cdf, norm_pdf};
use thetaq::domain::pricing::batch::{self, Options, Prices, Quoted};
use thetaq::domain::pricing::{self, Priced};

/// About the contracts of five books.
const ROWS: usize = 4_096;
const ROUNDS: usize = 200;

fn main() {
    same_bits(&Book::drawn(1_000_003));
    let book = Book::drawn(ROWS);
    let mut prices = Prices::default();
    let mut vols = Vec::new();
    batch::black76(book.options(), &mut prices);
    let quoted = prices.price_usd.clone();

    // In turns, so that a busy moment of the machine falls on all alike; the best round counts.
    let mut best = [f64::INFINITY; 7];
    for _ in 0..ROUNDS {
        let times = [
            time(|| batch::black76(book.options(), &mut prices)),
            time(|| book.each(|option, _| option.price().price_usd, &quoted)),
            time(|| book.each(|option, _| plain(option).price_usd, &quoted)),
            time(|| batch::implied_volatility(book.quoted(&quoted), &mut vols)),
            time(|| book.each(Contract::implied, &quoted)),
            time(|| book.each(newton, &quoted)),
            time(|| book.each(another_author, &quoted)),
        ];
        for (best, time) in best.iter_mut().zip(times) {
            *best = time.min(*best);
        }
    }
    let [price_batch, price_single, price_plain, ..] = best;
    let [.., vol_batch, vol_single, vol_plain, vol_crate] = best;
    let scalar = "scalar loop over libm";
    print("price_and_greeks_batch", price_batch, scalar, price_plain);
    print("price_and_greeks_single", price_single, scalar, price_plain);
    let newton = "scalar Newton over libm";
    print("implied_volatility_batch", vol_batch, newton, vol_plain);
    print("implied_volatility_single", vol_single, newton, vol_plain);
    let peer = "implied-vol crate";
    print("implied_volatility_batch", vol_batch, peer, vol_crate);
}

fn print(bench: &str, value: f64, reference: &str, reference_value: f64) {
    let line = json!({
        "bench": bench,
        "value": value,
        "unit": "ns/option",
        "reference": reference,
        "reference_value": reference_value,
        "ratio": value / reference_value,
    });
    println!("{line}");
}

/// Nanoseconds an option.
fn time(run: impl FnOnce()) -> f64 {
    let watch = Stopwatch::start();
    run();
    watch.elapsed().as_nanos() as f64 / ROWS as f64
}

/// Panics unless the vector code gives every row the bits of the scalar code.
fn same_bits(book: &Book) {
    let mut prices = Prices::default();
    batch::black76(book.options(), &mut prices);
    let mut vols = Vec::new();
    batch::implied_volatility(book.quoted(&prices.price_usd), &mut vols);
    for (at, vol) in vols.iter().enumerate() {
        let option = book.contract(at);
        let (single, row) = (bits(option.price()), bits(prices.row(at)));
        assert_eq!(single, row, "row {at}");
        let single = option.implied(prices.price_usd[at]);
        assert_eq!(single.to_bits(), vol.to_bits(), "row {at}");
    }
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

/// Out-of-the-money options within three deviations, 5 hours to 300 days.
struct Book {
    call: Vec<bool>,
    forward: Vec<f64>,
    strike: Vec<f64>,
    vol: Vec<f64>,
    years: Vec<f64>,
}

impl Book {
    fn drawn(rows: usize) -> Self {
        let mut random = Random::from_numbers(76, 1, 0);
        let mut column =
            |draw: fn(f64) -> f64| -> Vec<f64> { (0..rows).map(|_| draw(random.unit())).collect() };
        let forward = column(|unit| 1_000.0 + 90_000.0 * unit);
        let vol = column(|unit| 0.2 + unit);
        let years = column(|unit| (0.2 + 300.0 * unit) / 365.0);
        let distance = column(|unit| 6.0 * unit - 3.0);
        let strike: Vec<f64> = (0..rows)
            .map(|at| forward[at] * (distance[at] * vol[at] * years[at].sqrt()).exp())
            .collect();
        Self {
            call: strike.iter().zip(&forward).map(|(k, f)| k >= f).collect(),
            forward,
            strike,
            vol,
            years,
        }
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

    fn contract(&self, at: usize) -> Contract {
        Contract {
            call: self.call[at],
            forward: self.forward[at],
            strike: self.strike[at],
            vol: self.vol[at],
            years: self.years[at],
        }
    }

    fn each(&self, run: impl Fn(&Contract, f64) -> f64, prices: &[f64]) {
        for (at, &price) in prices.iter().enumerate() {
            black_box(run(&self.contract(at), price));
        }
    }
}

struct Contract {
    call: bool,
    forward: f64,
    strike: f64,
    vol: f64,
    years: f64,
}

impl Contract {
    fn price(&self) -> Priced {
        black_box(pricing::black76(
            self.call,
            self.forward,
            self.strike,
            self.vol,
            self.years,
        ))
    }

    fn implied(&self, price_usd: f64) -> f64 {
        let (forward, strike) = (self.forward, self.strike);
        pricing::implied_volatility(self.call, forward, strike, price_usd, self.years)
            .unwrap_or(f64::NAN)
    }
}

/// Black-76 as a textbook writes it.
fn plain(option: &Contract) -> Priced {
    let (forward, strike, vol) = (option.forward, option.strike, option.vol);
    let root_years = option.years.sqrt();
    let deviation = vol * root_years;
    let d1 = ln(forward / strike) / deviation + 0.5 * deviation;
    let d2 = d1 - deviation;
    let sign = if option.call { 1.0 } else { -1.0 };
    let (first, second) = (norm_cdf(sign * d1), norm_cdf(sign * d2));
    let weight = forward * norm_pdf(d1);
    black_box(Priced {
        price_usd: sign * (forward * first - strike * second),
        delta: sign * first,
        gamma: weight / (forward * forward * deviation),
        vega: weight * root_years / 100.0,
        theta: -weight * vol / (2.0 * root_years) / 365.0,
        rho: sign * strike * option.years * second / 100.0,
    })
}

/// Newton from the inflection point of the price, from where it cannot overshoot.
fn newton(option: &Contract, price_usd: f64) -> f64 {
    let logarithm = ln(option.forward / option.strike);
    let mut vol = (2.0 * logarithm.abs() / option.years).sqrt().max(0.01);
    for _ in 0..100 {
        let priced = plain(&Contract { vol, ..*option });
        let step = (priced.price_usd - price_usd) / (100.0 * priced.vega);
        vol -= step;
        if step.abs() <= 1e-12 * vol {
            break;
        }
    }
    vol
}

fn another_author(option: &Contract, price_usd: f64) -> f64 {
    let quoted = ImpliedBlackVolatility::builder()
        .option_price(price_usd)
        .forward(option.forward)
        .strike(option.strike)
        .expiry(option.years)
        .is_call(option.call)
        .build();
    quoted.unwrap().calculate::<DefaultSpecialFn>().unwrap()
}
