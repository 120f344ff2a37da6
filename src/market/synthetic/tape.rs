//! The public tape of the synthetic market: trades of others at its own quotes, a function of the seed.
//!
//! Time is cut into slots of five minutes, each with up to five trades at drawn moments: a taker lifts the
//! ask or hits the bid of a contract that is listed and quoted at that very moment, mostly of a near expiry
//! and out of the money, as on the real tape.

use super::Synthetic;
use crate::clock::Noise;
use crate::domain::chain::Quote;
use crate::domain::coin::Coin;
use crate::domain::instrument::DAY_MS;
use crate::domain::order::Side;

/// One trade of the tape, with the quote it met.
#[derive(Clone, Debug, PartialEq)]
pub struct TapeTrade {
    /// Ascending in time, unique per coin.
    pub number: u64,
    pub at_ms: i64,
    /// Of the taker.
    pub side: Side,
    /// The ask of a buy, the bid of a sell.
    pub price: f64,
    /// Coin.
    pub amount: f64,
    /// USD.
    pub index_price: f64,
    pub quote: Quote,
}

impl Synthetic {
    /// The trades of `[from_ms, to_ms]`, oldest first, or newest first when reversed; made as they are
    /// asked for, so that a reader of a few pays for a few.
    pub fn tape(
        &self,
        coin: Coin,
        from_ms: i64,
        to_ms: i64,
    ) -> impl DoubleEndedIterator<Item = TapeTrade> + '_ {
        let from_ms = from_ms.max(super::path::EPOCH_MS);
        let slots = from_ms.div_euclid(SLOT_MS)..to_ms.div_euclid(SLOT_MS).max(-1) + 1;
        slots
            .flat_map(move |slot| self.tape_slot(coin, slot))
            .filter(move |trade| (from_ms..=to_ms).contains(&trade.at_ms))
    }

    fn tape_slot(&self, coin: Coin, slot: i64) -> Vec<TapeTrade> {
        let noise = Noise::new(self.seed, STREAM)
            .at(coin as u64)
            .at(slot as u64);
        let count = (noise.unit() * (TRADES_MAX + 1) as f64) as u64;
        let mut moments: Vec<i64> = (0..count)
            .map(|n| slot * SLOT_MS + (noise.at(n).at(MOMENT).unit() * SLOT_MS as f64) as i64)
            .collect();
        moments.sort_unstable();
        let trades = moments.into_iter().zip(0_u64..);
        trades
            .filter_map(|(at_ms, n)| {
                let number = slot as u64 * NUMBERS_PER_SLOT + n;
                self.tape_trade(coin, number, at_ms, noise.at(n))
            })
            .collect()
    }

    /// `None` when the draw met nothing that is quoted on both sides.
    fn tape_trade(&self, coin: Coin, number: u64, at_ms: i64, noise: Noise) -> Option<TapeTrade> {
        let tradable = |expiry_ms: &i64| expiry_ms - at_ms >= HOUR_MS;
        let listed = self.expiries(at_ms);
        let listed: Vec<i64> = listed.iter().copied().filter(tradable).collect();
        let near = noise.at(EXPIRY).unit();
        let expiry_ms = listed[(near * near * listed.len() as f64) as usize];
        let dte = (expiry_ms - at_ms) as f64 / DAY_MS as f64;
        let chain = self.chain_band(coin, at_ms, dte, dte, false);
        let quoted: Vec<&Quote> = chain
            .quotes
            .iter()
            .filter(|quote| is_traded(quote))
            .collect();
        let place = noise.at(CONTRACT).unit() * quoted.len() as f64;
        let quote = **quoted.get(place as usize)?;
        let (side, price) = if noise.at(SIDE).unit() < 0.5 {
            (Side::Buy, quote.ask?)
        } else {
            (Side::Sell, quote.bid?)
        };
        let size = noise.at(SIZE).unit();
        let lots = 1.0 + (size * size * size * 60.0).floor();
        Some(TapeTrade {
            number,
            at_ms,
            side,
            price,
            amount: match coin {
                Coin::Btc => lots / 10.0,
                Coin::Eth => lots,
            },
            index_price: chain.index_price,
            quote,
        })
    }
}

/// Quoted on both sides and not deep in the money, where hardly anybody trades.
fn is_traded(quote: &Quote) -> bool {
    let delta = quote.delta.unwrap_or(0.0).abs();
    quote.bid.is_some() && quote.ask.is_some() && (0.01..0.7).contains(&delta)
}

const STREAM: u64 = 5;
const SLOT_MS: i64 = 300_000;
const HOUR_MS: i64 = 3_600_000;
/// Most trades of a slot.
const TRADES_MAX: u64 = 5;
const NUMBERS_PER_SLOT: u64 = 8;
/// What a trade's draws are for.
const MOMENT: u64 = 1;
const EXPIRY: u64 = 2;
const CONTRACT: u64 = 3;
const SIDE: u64 = 4;
const SIZE: u64 = 5;
