//! Which words are numbers, and which are prose.

use super::super::Unit;
use super::*;

fn values(text: &str) -> Vec<(String, f64)> {
    let value = |one: &Said| match &one.kind {
        Kind::Number(number) => (text[one.start..one.end].to_owned(), number.value),
        Kind::Name => panic!("{text} has a name"),
    };
    said(text).iter().map(value).collect()
}

#[test]
fn counts_in_words_are_numbers() {
    for (text, wanted) in [
        (
            "Three calls and seven fills",
            &[("Three", 3.0), ("seven", 7.0)][..],
        ),
        (
            "twenty-five, twenty five",
            &[("twenty-five", 25.0), ("twenty five", 25.0)],
        ),
        (
            "two hundred and six rows",
            &[("two hundred and six", 206.0)],
        ),
        (
            "one hundred thousand dollars",
            &[("one hundred thousand", 100_000.0)],
        ),
        (
            "a dozen, two dozen",
            &[("dozen", 12.0), ("two dozen", 24.0)],
        ),
        ("two and a half hours", &[("two and a half", 2.5)]),
        (
            "half of it, half a coin, half a dozen",
            &[("half", 0.5), ("half", 0.5), ("half a dozen", 6.0)],
        ),
        (
            "a third of them, three-quarters",
            &[("a third", 1.0 / 3.0), ("three-quarters", 0.75)],
        ),
        ("one call, one open position", &[("one", 1.0), ("one", 1.0)]),
        ("two and three", &[("two", 2.0), ("three", 3.0)]),
        ("a two-day wait, twice", &[("two", 2.0), ("twice", 2.0)]),
    ] {
        let wanted: Vec<(String, f64)> =
            wanted.iter().map(|(t, v)| ((*t).to_owned(), *v)).collect();
        assert_eq!(values(text), wanted, "{text}");
    }
    assert_eq!(said("twelve percent").len(), 1);
    let Kind::Number(percent) = &said("half a percent")[0].kind else {
        panic!("a number")
    };
    assert_eq!(percent.unit, Unit::Percent);
}

#[test]
fn prose_is_left_alone() {
    for text in [
        "One of the reasons, no one, the one that risk refused, one can see",
        "the first half, in half, halfway, half-hearted",
        "a third call, the second one, at first, on the other hand",
        "a two-sided quote and a zero-sum game, this quarter",
        "the two differ, these two",
        "dozens of times, once, both, a couple, several",
        "rules_two and two_more",
        "90 thousand",
    ] {
        assert_eq!(values(text), [], "{text}");
    }
}
