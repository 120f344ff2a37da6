//! What is supported, what is marked.

use super::*;
use crate::chat::found::{Found, Table};
use serde_json::json;

fn facts() -> Facts {
    let rows = vec![
        json!({"id": "01KE6Z0V1W3T5Q8R2M4N6P8S0A", "decided_at": "2026-01-05T09:00:00.000Z", "delta": 0.3149,
               "instrument": "BTC-30JAN26-90000-C", "return_coin": 0.0321, "pnl": -0.0042, "index_price": 91_234.56,
               "age_ms": 5_400_000, "size": "0.10", "fees": -1.5, "margin_used_pct": 7, "share": 0.5,
               "rv_30d": 0.45, "iv": 1.0, "expires_at": "2026-01-30T08:00:00.000Z", "moved_bps": 40,
               "reason": "spread of 4.5 percent, 6 h old, three of five filters"}),
        json!({"id": "b", "chains": 12, "premium_usd": 1_234_567.8}),
    ];
    let table = Table {
        table: "v_decisions".to_owned(),
        rows,
        ..Table::default()
    };
    let mut facts = Facts::default();
    facts.add(1, &Found::one(table));
    facts
}

fn marked(text: &str) -> Vec<&str> {
    let receipts = check(text, &facts());
    let without = receipts.iter().filter(|receipt| receipt.row.is_none());
    without
        .map(|receipt| &text[receipt.start..receipt.end])
        .collect()
}

#[test]
fn forms_of_a_fact_are_supported() {
    for text in [
        "delta 0.31, or 0.315, or 0.3149",
        "3.2 % in coin, 3.21%, 321 bps",
        "index at $91,235, about 91.2k",
        "it lost 0.0042 BTC, that is -0.0042",
        "quotes are 1.5 hours old, 90 minutes",
        "size 0.1, 12 chains, 2 rows",
        "BTC-30JAN26-90000-C at 2026-01-05T09:00:00Z, that is 2026-01-05, 09:00",
        "on 5 January 2026",
        "decision 01KE6Z0V1W3T5Q8R2M4N6P8S0A",
        "no number at all",
        "twelve chains, a dozen, two rows",
        "half of it, 50 %",
        "margin 7 %, 7 percent, 0.4 % and 40 bps",
        "three of the five filters, 4.5% wide, 6 hours, 360 minutes",
        "$1,234,567.80, 1.23M, 1.2 million, 1235k, $1\u{202f}234\u{202f}568",
        "\u{2212}0.0042 and -0.0042 and \u{2013}0.0042",
        "3.2-4.5%, or 12\u{2013}7",
        "30-day volatility of 45 %, 100 % at most",
        "the 31-delta call, BTC-30JAN26-90000-C's bid, the 30JAN26 expiry of 30 January, January 30, 2026",
        "in 2026, January 2026, 30th of January, at 9:00",
        "the first half, one of the calls, step 1",
    ] {
        assert_eq!(marked(text), Vec::<&str>::new(), "{text}");
    }
}

#[test]
fn what_no_look_up_holds_is_marked() {
    assert_eq!(marked("delta 0.33 and 0.32"), ["0.33", "0.32"]);
    assert_eq!(marked("13 chains, 5.0%"), ["13", "5.0%"]);
    assert_eq!(
        marked("strike BTC-30JAN26-95000-C"),
        ["BTC-30JAN26-95000-C"]
    );
    assert_eq!(
        marked("it earned +0.0321, or -0.0321"),
        ["-0.0321"],
        "a gain is no loss"
    );
    assert_eq!(marked("on 6 January 2026, at 10:00"), ["6", "10:00"]);
    assert_eq!(
        marked("8 h old"),
        ["8"],
        "a span is told in its own size only"
    );
}

#[test]
fn a_fact_is_not_told_in_a_unit_it_does_not_have() {
    for (text, wanted) in [
        ("12 % of them, 1200 %", &["12 %", "1200 %"][..]),
        ("12 bps and 31 %, 31 bps", &["12", "31"]),
        (
            "2 %, 2 BTC, $2, 2 days: there are 2 rows",
            &["2 %", "2", "$2", "2"],
        ),
        ("0.5 % of a share", &["0.5"]),
        ("0 calls, 0.0 BTC, 0.00", &["0", "0.0", "0.00"]),
        ("2 calls lost 1 coin, and 0 were kept", &["0"]),
        ("12k, 12 million", &["12k", "12"]),
    ] {
        let found: Vec<&str> = marked(text);
        let wanted: Vec<&str> = wanted
            .iter()
            .map(|one| one.trim_end_matches(" %"))
            .collect();
        assert_eq!(found, wanted, "{text}");
    }
}

#[test]
fn numbers_in_words_need_a_row_as_well() {
    for (text, wanted) in [
        ("Four calls, thirteen chains", &["Four", "thirteen"][..]),
        (
            "two dozen, a quarter of them, two thirds",
            &["two dozen", "a quarter", "two thirds"],
        ),
        ("eight percent, twenty-five bps", &["eight", "twenty-five"]),
        ("a six-day wait", &["six"]),
    ] {
        assert_eq!(marked(text), wanted, "{text}");
    }
}

#[test]
fn days_and_contracts_are_those_of_a_row() {
    for (text, wanted) in [
        ("BTC-27MAR26-80000-C", &["BTC-27MAR26-80000-C"][..]),
        (
            "the 27MAR26 expiry, 27 March, in 2025",
            &["27MAR26", "27", "2025"],
        ),
        ("30 markets, 30 February", &["30", "30"]),
        ("0.2-0.9 and 3/7", &["0.2", "0.9"]),
        ("a 90-day average", &["90"]),
    ] {
        assert_eq!(marked(text), wanted, "{text}");
    }
}

#[test]
fn every_row_is_cited_once() {
    let receipts = check("0.31 and 3.2 % and 12 of 2", &facts());
    let rows: Vec<String> = citations(&receipts).into_iter().map(|row| row.id).collect();
    assert_eq!(rows, ["01KE6Z0V1W3T5Q8R2M4N6P8S0A", "b"]);
    assert_eq!(unsupported(&receipts), 0);
}
