//! The numbers a text says, as people write them: digits with their signs, groups and units, words, names and times.

mod digits;
mod tokens;
mod units;
mod words;

pub(super) use units::Unit;

/// A number, or a name with digits in it, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    pub start: usize,
    pub end: usize,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Number(Number),
    /// `BTC-30JAN26-90000-C`, `2026-01-05`, `09:00`: must be found as it stands.
    Name,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number {
    pub value: f64,
    /// Digits behind the point; below 0 where an exponent leaves out digits before it.
    pub decimals: i32,
    pub unit: Unit,
    /// Part of an adjective, as in `25-delta` and `30-day`: it may be in the name of what was found.
    pub compound: bool,
}

/// Every number of the text in its order. Which one of a list something is, is no number; nor is a `one` or a `half`
/// that counts nothing.
pub(super) fn said(text: &str) -> Vec<Said> {
    let mut found = tokens::said(text);
    let mut words = words::said(text);
    // The `one` of `phase-one-2` is a part of that name.
    words.retain(|word| {
        let inside = |one: &Said| one.start < word.end && word.start < one.end;
        !found.iter().any(inside)
    });
    found.extend(words);
    found.sort_by_key(|one| one.start);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        said(text)
            .iter()
            .map(|one| &text[one.start..one.end])
            .collect()
    }

    fn values(text: &str) -> Vec<f64> {
        let value = |one: &Said| match &one.kind {
            Kind::Number(number) => Some(number.value),
            Kind::Name => None,
        };
        said(text).iter().filter_map(value).collect()
    }

    #[test]
    fn numbers_are_found_as_people_write_them() {
        let text = "1. You hold -0.1 BTC ($9,312.50), 3.2% of it; delta 0.31, 12 h old.\n2) BTC-30JAN26-90000-C at 09:00 on 2026-01-05";
        assert_eq!(
            texts(text),
            [
                "-0.1",
                "$9,312.50",
                "3.2%",
                "0.31",
                "12",
                "BTC-30JAN26-90000-C",
                "09:00",
                "2026-01-05"
            ]
        );
        let numbers = said(text);
        let Kind::Number(percent) = &numbers[2].kind else {
            panic!("{numbers:?}")
        };
        assert_eq!(
            (percent.value, percent.decimals, percent.unit),
            (3.2, 1, Unit::Percent)
        );
        let Kind::Number(hours) = &numbers[4].kind else {
            panic!("{numbers:?}")
        };
        assert_eq!(hours.unit, Unit::Hours);
    }

    #[test]
    fn names_stay_whole_and_plain_words_are_no_numbers() {
        assert_eq!(said("rules_v1 and 01KE6Z0V1W3T5Q8R2M4N6P8S0A").len(), 2);
        assert!(said("rules_v1").iter().all(|one| one.kind == Kind::Name));
        assert_eq!(said("none of it"), []);
        assert_eq!(texts("a 25-delta call, 90k, 1.5x"), ["25", "90k", "1.5"]);
        assert_eq!(
            texts("BTC-27MAR26-80000-C's bid, **BTC-27MAR26-80000-C**, `BTC-27MAR26-80000-C`."),
            ["BTC-27MAR26-80000-C"; 3]
        );
        assert_eq!(texts("at /decisions/01KE6Z0V"), ["01KE6Z0V"]);
    }

    #[test]
    fn groups_and_decimals_of_either_custom_are_read() {
        for (text, wanted) in [
            ("91,234.56 and 1,234,567", &[91_234.56, 1_234_567.0][..]),
            (
                "91\u{202f}234 and 91\u{a0}234.5 and 91'234",
                &[91_234.0, 91_234.5, 91_234.0],
            ),
            ("9.312,50 and 0,31 and 0,315", &[9_312.5, 0.31, 0.315]),
            ("1,2,3", &[1.0, 2.0, 3.0]),
            (".31 and -.31", &[0.31, -0.31]),
            ("1e-4, 1.5E3", &[1e-4, 1_500.0]),
            ("5 000", &[5.0, 0.0]),
        ] {
            assert_eq!(values(text), wanted, "{text}");
        }
    }

    #[test]
    fn signs_ranges_and_equations_are_taken_apart() {
        for (text, wanted) in [
            (
                "-0.1, \u{2212}0.1, \u{2013}0.1, -$5, $-5, +0.1",
                &[-0.1, -0.1, -0.1, -5.0, -5.0, 0.1][..],
            ),
            (
                "0.2-0.3, 3\u{2013}5, 10%-15%, 5\u{2014}6",
                &[0.2, 0.3, 3.0, 5.0, 10.0, 15.0, 5.0, 6.0],
            ),
            (
                "n=12, delta:0.31, >5, ~3, (7)",
                &[12.0, 0.31, 5.0, 3.0, 7.0],
            ),
            ("3/5 and +0.3%/-0.2%", &[3.0, 5.0, 0.3, -0.2]),
            ("open 24/7, as in 2026-01, 01/2026, 2026-01-05", &[]),
        ] {
            assert_eq!(values(text), wanted, "{text}");
        }
        let Kind::Number(first) = &said("10-15%")[0].kind else {
            panic!("a number")
        };
        assert_eq!(first.unit, Unit::Percent, "a range has one unit");
        assert_eq!(texts("09:00-10:00"), ["09:00", "10:00"]);
    }

    #[test]
    fn places_in_a_list_are_no_numbers() {
        for text in [
            "1. first\n2) second\n**3.** third\n### 4. fourth\n(5) fifth",
            "Step 1: look. Option 2 is to wait.",
            "The 1st and the 2nd.",
        ] {
            assert_eq!(texts(text), Vec::<&str>::new(), "{text}");
        }
        assert_eq!(texts("1.5 at the start\n- 2 calls"), ["1.5", "2"]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "([0-9.,:'%$/ \\-\u{a0}\u{2013}\u{2019}e_]|half|two|a third|Jan|BTC|\\PC){0,24}") {
            let mut end = 0;
            for one in said(&text) {
                proptest::prop_assert!(end <= one.start && one.start < one.end, "{one:?}");
                proptest::prop_assert!(text.get(one.start..one.end).is_some(), "{one:?}");
                end = one.end;
            }
        }
    }
}
