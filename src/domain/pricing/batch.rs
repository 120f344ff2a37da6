//! Many options at once: the scalar arithmetic over columns, about five times as fast.
//!
//! Bit for bit what [`black76`](super::black76) and [`implied_volatility`](super::implied_volatility)
//! give for each row, in any order and batch.
#![expect(
    clippy::inline_always,
    reason = "the loop must be compiled inside the function that has the CPU feature"
)]

use super::vector::{self, Batch};
use super::{Priced, elementary, implied, kernel};

/// Columns of equal length: one option a row, in the units of [`black76`](super::black76).
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    pub call: &'a [bool],
    pub forward: &'a [f64],
    pub strike: &'a [f64],
    pub vol: &'a [f64],
    pub years: &'a [f64],
}

/// Columns of equal length: one quoted option a row, in the units of
/// [`implied_volatility`](super::implied_volatility).
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a> {
    pub call: &'a [bool],
    pub forward: &'a [f64],
    pub strike: &'a [f64],
    pub price_usd: &'a [f64],
    pub years: &'a [f64],
}

/// The columns of [`Priced`](super::Priced), one row an option.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prices {
    pub price_usd: Vec<f64>,
    pub delta: Vec<f64>,
    pub gamma: Vec<f64>,
    pub vega: Vec<f64>,
    pub theta: Vec<f64>,
    pub rho: Vec<f64>,
}

impl Prices {
    /// One row again as the scalar function returns it.
    pub fn row(&self, at: usize) -> Priced {
        Priced {
            price_usd: self.price_usd[at],
            delta: self.delta[at],
            gamma: self.gamma[at],
            vega: self.vega[at],
            theta: self.theta[at],
            rho: self.rho[at],
        }
    }
}

/// Price and greeks of every row into `prices`, whose memory is used again.
///
/// # Panics
/// When the columns differ in length.
pub fn black76(options: Options<'_>, prices: &mut Prices) {
    vector::run(Pricing { options, prices });
}

/// The volatility of every row into `vols`, whose memory is used again; NaN where none gives the price.
///
/// # Panics
/// When the columns differ in length.
pub fn implied_volatility(quoted: Quoted<'_>, vols: &mut Vec<f64>) {
    vector::run(Implying { quoted, vols });
}

/// e to the power of each value in place; 0 below -708, and nothing above 709 may be asked for.
pub fn exp(values: &mut [f64]) {
    vector::run(Exponents(values));
}

/// Rows are worked on in blocks of this many in local arrays, which the compiler knows not to overlap;
/// over eleven slices of unknown place it would give up.
const BLOCK: usize = 64;
/// What is left after the last whole block goes in blocks of this many, so that few rows cost little.
const REST: usize = 16;

type Column = [f64; BLOCK];

struct Pricing<'a> {
    options: Options<'a>,
    prices: &'a mut Prices,
}

impl Batch for Pricing<'_> {
    #[inline(always)]
    fn run(mut self) {
        let Options {
            call,
            forward,
            strike,
            vol,
            years,
        } = self.options;
        let rows = call.len();
        same_length(rows, [forward, strike, vol, years]);
        for column in self.prices.columns() {
            column.resize(rows, 0.0);
        }
        let whole = rows - rows % BLOCK;
        self.blocks::<BLOCK>(0, whole);
        self.blocks::<REST>(whole, rows);
    }
}

impl Pricing<'_> {
    #[inline(always)]
    fn blocks<const N: usize>(&mut self, mut from: usize, to: usize) {
        let options = self.options;
        let [mut signs, mut forwards, mut strikes, mut vols, mut years] = [[1.0; N]; 5];
        let mut out = [[0.0; N]; 6];
        while from < to {
            let end = to.min(from + N);
            load_signs(&mut signs, &options.call[from..end]);
            load(&mut forwards, &options.forward[from..end]);
            load(&mut strikes, &options.strike[from..end]);
            load(&mut vols, &options.vol[from..end]);
            load(&mut years, &options.years[from..end]);
            price_block(&signs, &forwards, &strikes, &vols, &years, &mut out);
            for (column, block) in self.prices.columns().into_iter().zip(&out) {
                column[from..end].copy_from_slice(&block[..end - from]);
            }
            from = end;
        }
    }
}

impl Prices {
    fn columns(&mut self) -> [&mut Vec<f64>; 6] {
        [
            &mut self.price_usd,
            &mut self.delta,
            &mut self.gamma,
            &mut self.vega,
            &mut self.theta,
            &mut self.rho,
        ]
    }
}

#[inline(always)]
fn price_block<const N: usize>(
    signs: &[f64; N],
    forwards: &[f64; N],
    strikes: &[f64; N],
    vols: &[f64; N],
    years: &[f64; N],
    out: &mut [[f64; N]; 6],
) {
    for at in 0..N {
        let priced = kernel::price(signs[at], forwards[at], strikes[at], vols[at], years[at]);
        out[0][at] = priced.price_usd;
        out[1][at] = priced.delta;
        out[2][at] = priced.gamma;
        out[3][at] = priced.vega;
        out[4][at] = priced.theta;
        out[5][at] = priced.rho;
    }
}

struct Exponents<'a>(&'a mut [f64]);

impl Batch for Exponents<'_> {
    #[inline(always)]
    fn run(self) {
        for value in self.0 {
            *value = elementary::exp(*value);
        }
    }
}

struct Implying<'a> {
    quoted: Quoted<'a>,
    vols: &'a mut Vec<f64>,
}

impl Batch for Implying<'_> {
    #[inline(always)]
    fn run(self) {
        let Quoted {
            call,
            forward,
            strike,
            price_usd,
            years,
        } = self.quoted;
        let rows = call.len();
        same_length(rows, [forward, strike, price_usd, years]);
        self.vols.resize(rows, 0.0);
        let mut from = 0;
        let [mut signs, mut forwards, mut strikes, mut prices] = [[1.0; BLOCK]; 4];
        while from < rows {
            let end = rows.min(from + BLOCK);
            load_signs(&mut signs, &call[from..end]);
            load(&mut forwards, &forward[from..end]);
            load(&mut strikes, &strike[from..end]);
            load(&mut prices, &price_usd[from..end]);
            let block = implied_block(&signs, &forwards, &strikes, &prices);
            let rows = self.vols[from..end].iter_mut().zip(&years[from..end]);
            for (at, (vol, &years)) in rows.enumerate() {
                *vol = block.vol(at, years);
            }
            from = end;
        }
    }
}

/// Where a block of searches stands.
struct Searches {
    x: Column,
    per_low: Column,
    deviation: Column,
    last_step: Column,
}

impl Searches {
    #[inline(always)]
    fn vol(&self, at: usize, years: f64) -> f64 {
        implied::finish(
            self.x[at],
            self.per_low[at],
            self.deviation[at],
            self.last_step[at],
            years,
        )
    }
}

#[inline(always)]
fn implied_block(signs: &Column, forwards: &Column, strikes: &Column, prices: &Column) -> Searches {
    let [x, per_low, deviation, last_step] = [[0.0; BLOCK]; 4];
    let mut block = Searches {
        x,
        per_low,
        deviation,
        last_step,
    };
    for at in 0..BLOCK {
        let start = implied::start(signs[at], forwards[at], strikes[at], prices[at]);
        block.x[at] = start.x;
        block.per_low[at] = start.per_low;
        block.deviation[at] = start.deviation;
    }
    // The rounds are outside: inside a row's loop nothing would become vector code.
    for _ in 0..implied::ROUNDS {
        for at in 0..BLOCK {
            let step = implied::step(block.x[at], block.per_low[at], block.deviation[at]);
            block.last_step[at] = step;
            block.deviation[at] += step;
        }
    }
    block
}

#[inline(always)]
fn same_length<const N: usize>(rows: usize, columns: [&[f64]; N]) {
    for column in columns {
        assert_eq!(column.len(), rows, "a column has another number of rows");
    }
}

#[inline(always)]
fn load<const N: usize>(block: &mut [f64; N], rows: &[f64]) {
    block[..rows.len()].copy_from_slice(rows);
}

#[inline(always)]
fn load_signs<const N: usize>(block: &mut [f64; N], calls: &[bool]) {
    for (sign, &call) in block.iter_mut().zip(calls) {
        *sign = super::sign(call);
    }
}
