//! Chains rebuilt from the synthetic market's tape, against the chains that market really showed.

use super::*;
use crate::domain::order::Side;
use crate::domain::pricing::implied_volatility;
use crate::market::synthetic::{Synthetic, TapeTrade};

/// 2026-01-09 13:00 UTC.
const AT_MS: i64 = 1_767_963_600_000;

/// The tape as the exchange's history gives it: the price's own volatility to two decimals of percent.
fn print(trade: &TapeTrade) -> Print {
    let (one, forward) = (trade.quote.instrument, trade.quote.underlying_price);
    let usd = trade.price * forward;
    let years = one.years(trade.at_ms);
    let iv = implied_volatility(one.is_call(), forward, one.strike(), usd, years);
    Print {
        trade_id: trade.number.to_string(),
        at_ms: trade.at_ms,
        instrument: one,
        side: trade.side,
        price: trade.price,
        amount: trade.amount,
        iv: iv.map(|iv| (iv * 1e4).round() / 1e4),
        mark_price: trade.quote.mark,
        index_price: Some(trade.index_price),
        is_block: false,
        is_liquidation: false,
    }
}

fn tape(market: &Synthetic, coin: Coin, to_ms: i64) -> Vec<Print> {
    let trades = market.tape(coin, to_ms - LOOKBACK_MS, to_ms);
    trades.map(|trade| print(&trade)).collect()
}

fn beside(market: &Synthetic, coin: Coin) -> Beside {
    Beside {
        dvol: Some(market.volatility_index(coin, AT_MS - DAY_MS / 2)),
        delivery: None,
    }
}

/// The weeklies and monthlies that covered calls are written in come out within a volatility point.
#[test]
fn a_rebuilt_chain_is_close_to_the_one_that_was_quoted() {
    for (seed, coin) in [("one", Coin::Btc), ("two", Coin::Eth), ("three", Coin::Btc)] {
        let market = Synthetic::new(seed);
        let prints = tape(&market, coin, AT_MS);
        let rebuilt = rebuild(coin, AT_MS, &prints, beside(&market, coin)).expect("a chain");
        let real = market.chain(coin, AT_MS);
        assert!((rebuilt.chain.index_price / real.index_price - 1.0).abs() < 0.005);
        let mut misses: Vec<f64> = Vec::new();
        for quote in rebuilt.chain.dte_band(2.0, 40.0) {
            let shown = real
                .quote(&quote.instrument)
                .expect("a strike that traded is listed");
            let delta = shown.delta.unwrap_or(0.0).abs();
            if (0.1..0.6).contains(&delta) {
                let (ours, theirs) = (quote.mark_iv.unwrap_or(0.0), shown.mark_iv.unwrap_or(0.0));
                misses.push((ours - theirs).abs());
                let forward = quote.underlying_price / shown.underlying_price;
                let index = rebuilt.chain.index_price / real.index_price;
                assert!((forward / index - 1.0).abs() < 5e-4, "{}", quote.instrument);
            }
        }
        misses.sort_by(f64::total_cmp);
        let (median, worst) = (misses[misses.len() / 2], misses[misses.len() * 95 / 100]);
        assert!(misses.len() > 50, "{seed}: {} quotes", misses.len());
        assert!(
            median < 0.01 && worst < 0.03,
            "{seed}: median {median}, 95 % {worst}"
        );
    }
}

#[test]
fn quotes_are_a_models_around_their_mark_and_say_what_stands_behind() {
    let market = Synthetic::new("one");
    let prints = tape(&market, Coin::Btc, AT_MS);
    let rebuilt = rebuild(Coin::Btc, AT_MS, &prints, Beside::default()).expect("a chain");
    assert_eq!(rebuilt.chain.source, Source::Model);
    assert!(
        rebuilt
            .chain
            .quotes
            .is_sorted_by_key(|quote| quote.instrument)
    );
    assert_eq!(rebuilt.chain.quotes.len(), rebuilt.provenance.len());
    let traded: BTreeSet<(i64, u32)> = prints
        .iter()
        .filter(|print| print.at_ms > AT_MS - HOUR_MS)
        .map(|print| (print.instrument.expiry_ms, print.instrument.strike_usd))
        .collect();
    for (quote, provenance) in rebuilt.chain.quotes.iter().zip(&rebuilt.provenance) {
        let one = quote.instrument;
        let own = traded.contains(&(one.expiry_ms, one.strike_usd));
        assert_eq!(*provenance == Provenance::Print, own, "{one}");
        let (mark, ask) = (quote.mark.expect("a mark"), quote.ask.expect("an ask"));
        assert!(
            ask >= mark && quote.bid.is_none_or(|bid| bid > 0.0 && bid <= mark),
            "{one}"
        );
        assert_eq!(
            (quote.bid_size, quote.ask_size, quote.open_interest),
            (None, None, None)
        );
    }
    assert!(rebuilt.provenance.contains(&Provenance::Print));
    assert!(rebuilt.provenance.contains(&Provenance::Surface));
    let traded: f64 = prints
        .iter()
        .filter(|print| print.at_ms > AT_MS - DAY_MS)
        .map(|print| print.amount)
        .sum();
    let expired: f64 = prints
        .iter()
        .filter(|print| print.at_ms > AT_MS - DAY_MS && print.instrument.expiry_ms <= AT_MS)
        .map(|print| print.amount)
        .sum();
    let volume: f64 = rebuilt
        .chain
        .quotes
        .iter()
        .filter_map(|quote| quote.volume)
        .sum();
    assert!((volume - (traded - expired)).abs() < 1e-6);
}

/// Trades after the instant change nothing, and no contract is there before its strike was listed.
#[test]
fn nothing_later_than_the_instant_is_in_a_rebuilt_chain() {
    let market = Synthetic::new("four");
    let whole = tape(&market, Coin::Btc, AT_MS + DAY_MS);
    for hours in [0, 1, 7, 30, 100] {
        let at_ms = AT_MS - hours * HOUR_MS;
        let cut: Vec<Print> = whole
            .iter()
            .filter(|print| print.at_ms <= at_ms)
            .cloned()
            .collect();
        let beside = beside(&market, Coin::Btc);
        let rebuilt = rebuild(Coin::Btc, at_ms, &whole, beside).expect("a chain");
        assert_eq!(
            rebuild(Coin::Btc, at_ms, &cut, beside).as_ref(),
            Some(&rebuilt)
        );
        let listed: BTreeSet<Instrument> = market.listings(Coin::Btc, at_ms).into_iter().collect();
        assert!(
            rebuilt
                .chain
                .quotes
                .iter()
                .all(|quote| listed.contains(&quote.instrument))
        );
    }
}

#[test]
fn without_an_index_or_a_volatility_there_is_no_chain() {
    let market = Synthetic::new("five");
    let at_ms = AT_MS - 5 * HOUR_MS;
    assert_eq!(at_ms % DAY_MS, 8 * HOUR_MS);
    let old: Vec<Print> = tape(&market, Coin::Btc, at_ms - 2 * HOUR_MS);
    let none = Beside {
        dvol: Some(0.5),
        delivery: None,
    };
    assert_eq!(
        rebuild(Coin::Btc, at_ms, &old, none),
        None,
        "no index of the hour"
    );
    let delivered = Beside {
        delivery: Some((at_ms, 91_000.0)),
        ..none
    };
    let rebuilt = rebuild(Coin::Btc, at_ms, &old, delivered).expect("the delivery price is one");
    assert_eq!(rebuilt.chain.index_price, 91_000.0);
    let later = Beside {
        delivery: Some((at_ms + 1, 91_000.0)),
        ..none
    };
    assert_eq!(
        rebuild(Coin::Btc, at_ms, &old, later),
        None,
        "it is not known yet"
    );
    let mut blind = old[..3].to_vec();
    for print in &mut blind {
        print.iv = None;
    }
    let delivery = delivered.delivery;
    let nothing = Beside {
        dvol: None,
        delivery,
    };
    assert_eq!(
        rebuild(Coin::Btc, at_ms, &blind, nothing),
        None,
        "no volatility at all"
    );
    let model = rebuild(Coin::Btc, at_ms, &blind, delivered).expect("the index's level");
    assert!(
        model
            .provenance
            .iter()
            .all(|one| *one == Provenance::Surface)
    );
}

/// One trade far from all others hardly bends its smile.
#[test]
fn a_wild_trade_is_outvoted() {
    let market = Synthetic::new("six");
    let mut prints = tape(&market, Coin::Btc, AT_MS);
    let calm = rebuild(Coin::Btc, AT_MS, &prints, Beside::default()).expect("a chain");
    let last = prints.len() - 1;
    let wild = prints.iter().rposition(|print| {
        let dte = print.instrument.dte(AT_MS);
        (5.0..40.0).contains(&dte) && print.at_ms < AT_MS - 2 * HOUR_MS
    });
    let mut print = prints[wild.expect("a trade")].clone();
    let (one, index) = (print.instrument, print.index_price.unwrap_or(1.0));
    print.at_ms = AT_MS - HOUR_MS;
    print.mark_price = None;
    print.iv = Some(2.5);
    print.side = Side::Buy;
    print.price = black76(
        one.is_call(),
        index,
        one.strike(),
        2.5,
        one.years(print.at_ms),
    )
    .price_usd
        / index;
    let at = prints.partition_point(|other| other.at_ms <= print.at_ms);
    prints.insert(at.min(last), print);
    let bent = rebuild(Coin::Btc, AT_MS, &prints, Beside::default()).expect("a chain");
    let far =
        |quote: &&Quote| quote.instrument.expiry_ms == one.expiry_ms && quote.instrument != one;
    for (before, after) in calm
        .chain
        .quotes
        .iter()
        .zip(&bent.chain.quotes)
        .filter(|(before, _)| far(before))
    {
        let change = (after.mark_iv.unwrap_or(0.0) - before.mark_iv.unwrap_or(0.0)).abs();
        assert!(change < 0.05, "{}: {change}", before.instrument);
    }
}
