//! The market at one instant, as the venue is shown it.

use crate::domain::chain::{Chain, Quote};
use crate::domain::coin::Coin;
use crate::domain::instrument::{Instrument, Style};
use crate::domain::money;
use crate::domain::pricing::{Priced, black76};
use rust_decimal::Decimal;
use std::sync::Arc;

/// Chains of the coins a command touches; shares them, so it is cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Quotes {
    chains: Vec<Arc<Chain>>,
}

impl Quotes {
    pub fn of(chains: Vec<Arc<Chain>>) -> Self {
        Self { chains }
    }

    pub fn chain(&self, coin: Coin) -> Option<&Chain> {
        let found = self.chains.iter().find(|chain| chain.coin == coin);
        found.map(AsRef::as_ref)
    }

    pub fn quote(&self, instrument: &Instrument) -> Option<&Quote> {
        self.chain(instrument.coin)?.quote(instrument)
    }

    /// The same market in which one contract shows at most `size` coin on each side.
    #[must_use]
    pub fn thinned(&self, instrument: &Instrument, size: f64) -> Self {
        let cut = |shown: Option<f64>| Some(shown.map_or(size, |shown| shown.min(size)));
        let thin = |chain: &Arc<Chain>| {
            let mut chain = Chain::clone(chain);
            for quote in &mut chain.quotes {
                if quote.instrument == *instrument {
                    quote.bid_size = cut(quote.bid_size);
                    quote.ask_size = cut(quote.ask_size);
                }
            }
            Arc::new(chain)
        };
        Self {
            chains: self.chains.iter().map(thin).collect(),
        }
    }

    /// USD; zero when the coin's market is not at hand.
    pub fn index(&self, coin: Coin) -> f64 {
        self.chain(coin).map_or(0.0, |chain| chain.index_price)
    }
}

/// The mark of a quote in quote currency per coin: as quoted, else Black-76 at the mark volatility, else
/// the midpoint.
pub fn mark(quote: &Quote, at_ms: i64) -> Option<Decimal> {
    let modelled = || greeks(quote, at_ms).map(|priced| in_quote_currency(quote, priced.price_usd));
    let mark = quote.mark.or_else(modelled).or_else(|| quote.mid())?;
    money::decimal(mark)
}

/// Price and greeks of a quote at its mark volatility.
pub fn greeks(quote: &Quote, at_ms: i64) -> Option<Priced> {
    let contract = &quote.instrument;
    Some(black76(
        contract.is_call(),
        quote.underlying_price,
        contract.strike(),
        quote.mark_iv?,
        contract.years(at_ms),
    ))
}

fn in_quote_currency(quote: &Quote, price_usd: f64) -> f64 {
    match quote.instrument.style {
        Style::Inverse => price_usd / quote.underlying_price,
        Style::Linear => price_usd,
    }
}
