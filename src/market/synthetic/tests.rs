//! The synthetic market repeats, does not depend on the order of asking, and is free of arbitrage.

use super::*;
use crate::domain::chain::Quote;
use crate::domain::instrument::parse_expiry;
use crate::market::surface::Slice;
use sha2::{Digest, Sha256};

const NEW_YEAR_MS: i64 = 1_767_225_600_000;
const HOUR_MS: i64 = 3_600_000;

fn sha256(chain: &Chain) -> String {
    let json = serde_json::to_string(chain).expect("a chain is JSON");
    let digest = Sha256::digest(json);
    let head = digest[..8].try_into().expect("a digest has eight bytes");
    format!("{:016x}", u64::from_be_bytes(head))
}

/// Changes when the market of every seed changes: runs made before cannot be repeated after.
#[test]
fn a_seed_is_the_same_market_on_every_machine() {
    let market = Synthetic::new("golden");
    let chains = Coin::ALL.map(|coin| sha256(&market.chain(coin, NEW_YEAR_MS + 5 * HOUR_MS)));
    assert_eq!(chains[0], "ee6c791286f9b0b0");
    assert_eq!(chains[1], "f3637decbe5f1993");
}

#[test]
fn the_order_of_asking_changes_nothing() {
    let instants: Vec<i64> = (0..40)
        .map(|n| NEW_YEAR_MS + n * 37 * HOUR_MS + n * 1_234)
        .collect();
    let forward = Synthetic::new("order");
    let backward = Synthetic::new("order");
    for coin in Coin::ALL {
        let asked: Vec<Chain> = instants.iter().map(|at| forward.chain(coin, *at)).collect();
        for (at_ms, chain) in instants.iter().zip(&asked).rev() {
            assert_eq!(&backward.chain(coin, *at_ms), chain);
            assert_eq!(backward.index(coin, *at_ms), chain.index_price);
        }
    }
    assert_ne!(
        sha256(&forward.chain(Coin::Btc, NEW_YEAR_MS)),
        sha256(&Synthetic::new("other").chain(Coin::Btc, NEW_YEAR_MS))
    );
}

#[test]
fn a_band_holds_the_same_quotes_as_the_chain() {
    let market = Synthetic::new("band");
    let at_ms = NEW_YEAR_MS + 5 * HOUR_MS;
    let chain = market.chain(Coin::Eth, at_ms);
    let band = market.chain_band(Coin::Eth, at_ms, 1.0, 21.0, true);
    let expected: Vec<Quote> = chain.dte_band(1.0, 21.0).to_vec();
    let calls: Vec<Quote> = expected
        .into_iter()
        .filter(|quote| quote.instrument.is_call())
        .collect();
    assert_eq!(band.quotes, calls);
    let parts = [(1.0, 9.0), (3.0, 12.0), (12.0, 21.0)];
    let parts = market.chain_bands(Coin::Eth, at_ms, &parts, true);
    assert_eq!(
        parts.quotes, calls,
        "overlapping bands quote a call twice, or not at all"
    );
    assert!(chain.quotes.is_sorted_by_key(|quote| quote.instrument));
    assert!(
        (400..=1_100).contains(&chain.quotes.len()),
        "{}",
        chain.quotes.len()
    );
}

#[test]
fn listings_are_the_chain_and_last_until_expiry() {
    let market = Synthetic::new("listings");
    let mut before: Vec<Instrument> = Vec::new();
    for step in 0..120 {
        let at_ms = NEW_YEAR_MS + step * 6 * HOUR_MS;
        let listed = market.listings(Coin::Btc, at_ms);
        let chain = market.chain(Coin::Btc, at_ms);
        let quoted: Vec<Instrument> = chain.quotes.iter().map(|quote| quote.instrument).collect();
        assert_eq!(listed, quoted);
        for one in before.iter().filter(|one| one.expiry_ms > at_ms) {
            assert!(
                listed.binary_search(one).is_ok(),
                "{one} was delisted early"
            );
        }
        before = listed;
    }
}

#[test]
fn history_starts_with_enough_days_for_the_long_average() {
    let market = Synthetic::new("history");
    let history = market.history(Coin::Btc, NEW_YEAR_MS);
    assert!(history.closes.len() > 700, "{}", history.closes.len());
    assert!(
        history
            .closes
            .iter()
            .all(|(at_ms, _)| *at_ms <= NEW_YEAR_MS)
    );
    let expiry_ms = parse_expiry("26DEC25").expect("a date");
    let close = history
        .closes
        .iter()
        .find(|(at_ms, _)| *at_ms == expiry_ms)
        .expect("that day");
    assert_eq!(close.1, market.delivery_price(Coin::Btc, expiry_ms));
}

#[test]
fn surfaces_are_free_of_calendar_and_butterfly_arbitrage() {
    let market = Synthetic::new("arbitrage");
    for coin in Coin::ALL {
        for step in 0..300 {
            let at_ms = NEW_YEAR_MS + step * 101 * HOUR_MS;
            let surface = market.instant(coin, at_ms).surface;
            let years = expiries(at_ms)
                .into_iter()
                .map(|expiry_ms| (expiry_ms - at_ms) as f64);
            let slices: Vec<_> = years
                .map(|ms| surface.slice(ms / (365.0 * DAY_MS as f64)))
                .collect();
            assert!(
                slices.iter().all(Slice::is_butterfly_free),
                "{coin} {at_ms}"
            );
            for pair in slices.windows(2) {
                for k in (-20..=20).map(|k| f64::from(k) * 0.05) {
                    let (sooner, later) = (pair[0].total_variance(k), pair[1].total_variance(k));
                    assert!(
                        later >= sooner,
                        "{coin} {at_ms} k {k}: {sooner} then {later}"
                    );
                }
            }
        }
    }
}

#[test]
fn marks_keep_put_call_parity_and_fall_with_the_strike() {
    let market = Synthetic::new("parity");
    for coin in Coin::ALL {
        let chain = market.chain(coin, NEW_YEAR_MS + 77 * HOUR_MS);
        for pair in chain.quotes.chunks_exact(2) {
            let (call, put) = (&pair[0], &pair[1]);
            let strike = call.instrument.strike() / call.underlying_price;
            let gap = call.mark.unwrap_or(0.0) - put.mark.unwrap_or(0.0) - (1.0 - strike);
            assert!(gap.abs() < 3e-8, "{}: {gap}", call.instrument);
            for quote in pair {
                let mark = quote.mark.unwrap_or(0.0);
                assert!(quote.bid.is_none_or(|bid| bid <= mark + 1e-7), "{quote:?}");
                assert!(quote.ask.is_none_or(|ask| ask >= mark - 1e-7), "{quote:?}");
            }
        }
        let calls = chain
            .quotes
            .iter()
            .filter(|quote| quote.instrument.is_call());
        let calls: Vec<&Quote> = calls.collect();
        for pair in calls.windows(2) {
            if pair[0].instrument.expiry_ms == pair[1].instrument.expiry_ms {
                assert!(pair[0].mark >= pair[1].mark, "{}", pair[1].instrument);
            }
        }
    }
}

#[test]
fn daily_returns_have_the_volatility_tails_and_correlation_of_the_record() {
    let returns = |seed: u32, coin: Coin| -> Vec<f64> {
        let market = Synthetic::new(&format!("returns {seed}"));
        let index = |day: i64| market.index(coin, path::EPOCH_MS + day * DAY_MS);
        (1..2_500)
            .map(|day| crate::domain::math::ln(index(day) / index(day - 1)))
            .collect()
    };
    let (mut btc, mut eth) = (Vec::new(), Vec::new());
    for seed in 0..4 {
        btc.extend(returns(seed, Coin::Btc));
        eth.extend(returns(seed, Coin::Eth));
    }
    let moment = |values: &[f64], power: i32| {
        values.iter().map(|value| value.powi(power)).sum::<f64>() / values.len() as f64
    };
    let volatility = |values: &[f64]| (moment(values, 2) * 365.0).sqrt();
    let kurtosis = |values: &[f64]| moment(values, 4) / moment(values, 2).powi(2) - 3.0;
    let products: Vec<f64> = btc
        .iter()
        .zip(&eth)
        .map(|(one, other)| one * other)
        .collect();
    let correlation = moment(&products, 1) / (moment(&btc, 2) * moment(&eth, 2)).sqrt();
    let jumps = btc.iter().filter(|one| one.abs() > 0.07).count() as f64 * 365.0 / btc.len() as f64;
    assert!(
        (0.40..0.60).contains(&volatility(&btc)),
        "BTC volatility {}",
        volatility(&btc)
    );
    assert!(
        (0.53..0.80).contains(&volatility(&eth)),
        "ETH volatility {}",
        volatility(&eth)
    );
    assert!(
        (1.5..7.0).contains(&kurtosis(&btc)),
        "excess kurtosis {}",
        kurtosis(&btc)
    );
    assert!(
        (0.75..0.93).contains(&correlation),
        "correlation {correlation}"
    );
    assert!(
        (4.0..20.0).contains(&jumps),
        "{jumps} days a year beyond 7 %"
    );
}

/// Mistake 6 of the earlier system: the volatility of another day was used in the past.
#[test]
fn mistake_6_each_instant_has_its_own_volatility_and_skew() {
    let market = Synthetic::new("own volatility");
    let day = |step: i64| {
        market
            .instant(Coin::Btc, NEW_YEAR_MS + step * DAY_MS)
            .surface
    };
    let month = 30.0 / 365.0;
    let levels: Vec<f64> = (0..90)
        .map(|step| day(step).slice(month).volatility(0.0))
        .collect();
    let spread = levels.iter().copied().fold(f64::MIN, f64::max)
        - levels.iter().copied().fold(f64::MAX, f64::min);
    assert!(spread > 0.05, "the level moved by {spread} only");
    let tilts: Vec<f64> = (0..90).map(|step| day(step).slice(month).rho).collect();
    assert!(
        tilts.iter().any(|rho| (rho - tilts[0]).abs() > 0.05),
        "the skew stood still"
    );
    let earlier = market.chain(Coin::Btc, NEW_YEAR_MS);
    market.chain(Coin::Btc, NEW_YEAR_MS + 30 * DAY_MS);
    assert_eq!(market.chain(Coin::Btc, NEW_YEAR_MS), earlier);
}

#[test]
fn delivery_is_the_mean_of_the_half_hour_before() {
    let market = Synthetic::new("delivery");
    let expiry_ms = NEW_YEAR_MS + 8 * HOUR_MS;
    let samples = (1..=450).map(|sample| market.index(Coin::Eth, expiry_ms - sample * 4_000));
    let mean = samples.sum::<f64>() / 450.0;
    assert!((market.delivery_price(Coin::Eth, expiry_ms) - mean).abs() < 0.01);
}

#[test]
fn each_regime_has_its_own_volatility_and_stress_the_most() {
    let mut squares: BTreeMap<MarketRegime, (f64, f64)> = BTreeMap::new();
    for seed in 0..4 {
        let market = Synthetic::new(&format!("regimes {seed}"));
        for day in 1..2_500 {
            let coin_day = &market.path.day(day).coins[0];
            let sum = squares.entry(market.path.day(day).regime).or_default();
            *sum = (
                sum.0 + (coin_day.diffusion + coin_day.jump).powi(2),
                sum.1 + 1.0,
            );
        }
    }
    let volatility = |regime| {
        let (sum, days): (f64, f64) = squares[&regime];
        (sum / days * 365.0).sqrt()
    };
    assert!((0.33..0.55).contains(&volatility(MarketRegime::Bull)));
    assert!((0.36..0.62).contains(&volatility(MarketRegime::Bear)));
    assert!((0.29..0.52).contains(&volatility(MarketRegime::Sideways)));
    assert!((0.75..1.35).contains(&volatility(MarketRegime::Stress)));
    let share = |regime| squares[&regime].1 / (4.0 * 2_499.0);
    assert!((0.2..0.4).contains(&share(MarketRegime::Bull)));
    assert!((0.02..0.12).contains(&share(MarketRegime::Stress)));
}

#[test]
fn the_tape_repeats_in_both_directions_and_trades_at_the_quotes_of_its_moment() {
    let market = Synthetic::new("tape");
    let (from_ms, to_ms) = (NEW_YEAR_MS + HOUR_MS, NEW_YEAR_MS + 5 * HOUR_MS);
    let trades: Vec<TapeTrade> = market.tape(Coin::Btc, from_ms, to_ms).collect();
    let mut backwards: Vec<TapeTrade> = market.tape(Coin::Btc, from_ms, to_ms).rev().collect();
    backwards.reverse();
    assert_eq!(trades, backwards);
    assert!((60..240).contains(&trades.len()), "{}", trades.len());
    assert!(trades.is_sorted_by(|a, b| (a.at_ms, a.number) < (b.at_ms, b.number)));
    let within = market.tape(Coin::Btc, trades[3].at_ms, trades[9].at_ms);
    assert_eq!(within.collect::<Vec<_>>(), trades[3..=9]);
    for trade in trades.iter().step_by(17) {
        let chain = market.chain(Coin::Btc, trade.at_ms);
        let quote = chain
            .quote(&trade.quote.instrument)
            .expect("listed at the trade");
        let met = if trade.side == crate::domain::order::Side::Buy {
            quote.ask
        } else {
            quote.bid
        };
        assert_eq!(Some(trade.price), met);
    }
    assert_ne!(
        trades[0].quote,
        Synthetic::new("x")
            .tape(Coin::Btc, from_ms, to_ms)
            .next()
            .expect("one")
            .quote
    );
}
