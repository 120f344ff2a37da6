//! The synthetic market repeats, does not depend on the order of asking, and is free of arbitrage.

use super::*;
use crate::domain::instrument::parse_expiry;
use sha2::{Digest, Sha256};

const NEW_YEAR_MS: i64 = 1_767_225_600_000;
const HOUR_MS: i64 = 3_600_000;

fn sha256(chain: &Chain) -> String {
    let json = serde_json::to_string(chain).expect("a chain is JSON");
    Sha256::digest(json)
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
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
    assert!(chain.quotes.is_sorted_by_key(|quote| quote.instrument));
    assert!(
        (200..=1_200).contains(&chain.quotes.len()),
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
