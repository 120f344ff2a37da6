//! Numbers in words: `three calls`, `a dozen`, `two thirds`, `half of it`; English only.

use super::units::behind;
use super::{Kind, Number, Said};

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = [
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];
const PARTS: [&str; 8] = [
    "third", "quarter", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
];
/// What a `one`, and a number in an adjective, is counted of; before other words both are a figure of speech.
const COUNTED: [&str; 44] = [
    "backtest",
    "bitcoin",
    "btc",
    "call",
    "candidate",
    "chain",
    "check",
    "coin",
    "contract",
    "day",
    "decision",
    "delta",
    "dollar",
    "error",
    "eth",
    "expiry",
    "fill",
    "hour",
    "job",
    "leg",
    "loss",
    "lot",
    "minute",
    "month",
    "opinion",
    "option",
    "order",
    "percent",
    "point",
    "position",
    "profit",
    "quote",
    "roll",
    "row",
    "run",
    "second",
    "settlement",
    "snapshot",
    "step",
    "sweep",
    "tick",
    "trade",
    "week",
    "year",
];
/// Before `half`, that say which one.
const WHICH: [&str; 6] = ["first", "second", "other", "latter", "former", "in"];

/// A word of letters alone, in small letters.
struct Word {
    start: usize,
    end: usize,
    text: String,
}

/// A number that was read: its words, its value and decimals.
struct Read {
    to: usize,
    value: f64,
    decimals: i32,
}

/// Every number in words, in their order.
pub(super) fn said(text: &str) -> Vec<Said> {
    let words = words(text);
    let (mut found, mut at) = (Vec::new(), 0);
    while at < words.len() {
        let Some(read) = number(text, &words, at) else {
            at += 1;
            continue;
        };
        let (first, last) = (&words[at], &words[read.to - 1]);
        let (rest, hyphen) = after(text, last.end);
        if read.to - at > 1 || counts(&words, at, rest, hyphen) {
            found.push(Said {
                start: first.start,
                end: last.end,
                kind: Kind::Number(Number {
                    value: read.value,
                    decimals: read.decimals,
                    unit: behind("", rest).0,
                    compound: hyphen,
                }),
            });
        }
        at = read.to;
    }
    found
}

/// Words that are no part of a name: no digit, point or underscore beside them.
fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut start = None;
    for (at, letter) in text.char_indices().chain([(text.len(), ' ')]) {
        match (start, letter.is_alphabetic()) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                let joins = |c: char| c.is_ascii_digit() || c == '_' || c == '/';
                let before = text[..from].chars().next_back();
                if !joins(letter) && !before.is_some_and(joins) {
                    found.push(Word {
                        start: from,
                        end: at,
                        text: text[from..at].to_lowercase(),
                    });
                }
                start = None;
            }
            _ => {}
        }
    }
    found
}

/// What stands behind a number without `a` and `of`, and whether a hyphen joins it.
fn after(text: &str, end: usize) -> (&str, bool) {
    let rest = &text[end..];
    if let Some(joined) = rest.strip_prefix('-') {
        return (joined, joined.starts_with(char::is_alphabetic));
    }
    let rest = rest.trim_start();
    let rest = rest.strip_prefix("of ").unwrap_or(rest);
    let article = rest.strip_prefix("a ").or_else(|| rest.strip_prefix("an "));
    (article.unwrap_or(rest), false)
}

/// Whether the single word at `at` counts something.
fn counts(words: &[Word], at: usize, rest: &str, hyphen: bool) -> bool {
    let next: Vec<String> = rest
        .split(|c: char| c.is_whitespace() || c == '-')
        .take(2)
        .map(|word| {
            word.trim_matches(|c: char| !c.is_alphabetic())
                .to_lowercase()
        })
        .collect();
    let counted = |word: &String| {
        let one = |name: &str| {
            let plural = word
                .strip_prefix(name)
                .is_some_and(|end| ["", "s", "es"].contains(&end));
            plural || (*word == "expiries" && name == "expiry")
        };
        COUNTED.iter().any(|name| one(name))
    };
    let before = at.checked_sub(1).map_or("", |at| words[at].text.as_str());
    match words[at].text.as_str() {
        // `one of the two calls`, `the one`, `one can`
        "one" => next.iter().take(1 + usize::from(!hyphen)).any(counted) && next[0] != "of",
        "half" => !hyphen && !WHICH.contains(&before) && next[0] != "way",
        // `the two differ`, `these two`: whose number was said before
        "two" if ["the", "these", "those", "between", "other"].contains(&before) => {
            next.iter().any(counted)
        }
        _ => !hyphen || next.first().is_some_and(counted),
    }
}

/// The number that begins with this word.
fn number(text: &str, words: &[Word], at: usize) -> Option<Read> {
    // `90 thousand` is a number in digits, with its unit.
    let in_digits = text[..words[at].start]
        .trim_end()
        .ends_with(|c: char| c.is_ascii_digit());
    if in_digits && ["hundred", "thousand", "million"].contains(&words[at].text.as_str()) {
        return None;
    }
    if let Some(read) = half(words, at).or_else(|| part(text, words, at)) {
        return Some(read);
    }
    let mut read = cardinal(text, words, at)?;
    let word = |n: usize| words.get(read.to + n).map(|word| word.text.as_str());
    if let (Some("and"), Some("a"), Some("half")) = (word(0), word(1), word(2)) {
        read = Read {
            to: read.to + 3,
            value: read.value + 0.5,
            decimals: 1,
        };
    }
    Some(read)
}

fn half(words: &[Word], at: usize) -> Option<Read> {
    let word = |n: usize| words.get(at + n).map(|word| word.text.as_str());
    let (to, value, decimals) = match (word(0)?, word(1), word(2)) {
        ("half", Some("a"), Some("dozen")) => (at + 3, 6.0, 0),
        ("half", _, _) => (at + 1, 0.5, 2),
        _ => return None,
    };
    Some(Read {
        to,
        value,
        decimals,
    })
}

/// `a third of`, `two thirds`, `three-quarters`; `a third call` is the one after two.
fn part(text: &str, words: &[Word], at: usize) -> Option<Read> {
    let count = match words[at].text.as_str() {
        "a" | "an" => 1,
        other => SMALL[..10].iter().position(|name| *name == other)?,
    };
    let word = words.get(at + 1)?;
    let below = PARTS.iter().position(|name| {
        let plural = word.text.strip_prefix(name);
        plural.is_some_and(|end| end == if count > 1 { "s" } else { "" })
    })? + 3;
    let next = words.get(at + 2);
    let ends =
        next.is_none_or(|next| next.text == "of" || !text[word.end..next.start].trim().is_empty());
    ends.then(|| Read {
        to: at + 2,
        value: count as f64 / below as f64,
        decimals: 2,
    })
}

/// `twenty-five`, `two hundred and six`, `two dozen`.
fn cardinal(text: &str, words: &[Word], at: usize) -> Option<Read> {
    let (mut total, mut current, mut to) = (0_u64, None::<u64>, at);
    let mut whole = 0;
    while let Some(word) = words.get(to) {
        let joined = to == at || ["", "-"].contains(&text[words[to - 1].end..word.start].trim());
        let Some(next) = joined.then(|| step(&word.text, total, current)).flatten() else {
            break;
        };
        (total, current) = next;
        to += 1;
        if word.text != "and" {
            whole = to;
        }
    }
    // `two and ..`: the last word belongs to what follows.
    (whole > at).then(|| Read {
        to: whole,
        value: (total + current.unwrap_or(0)) as f64,
        decimals: 0,
    })
}

/// What one more word makes of what was read so far; `None` when it begins something else.
fn step(word: &str, total: u64, current: Option<u64>) -> Option<(u64, Option<u64>)> {
    if let Some(value) = SMALL.iter().position(|name| *name == word) {
        let free = current.is_none_or(|c| {
            c % 100 == 0 && c > 0 || c % 10 == 0 && c % 100 >= 20 && (1..10).contains(&value)
        });
        return free.then(|| (total, Some(current.unwrap_or(0) + value as u64)));
    }
    if let Some(tens) = TENS.iter().position(|name| *name == word) {
        let free = current.is_none_or(|c| c % 100 == 0 && c > 0);
        return free.then(|| (total, Some(current.unwrap_or(0) + 10 * (tens as u64 + 2))));
    }
    match (word, current) {
        ("and", Some(c)) if c > 0 && c % 100 == 0 => Some((total, current)),
        ("and", None) if total > 0 => Some((total, current)),
        ("dozen", _) => Some((total + 12 * current.unwrap_or(1), None)),
        ("hundred", _) => Some((total, Some(100 * current.unwrap_or(1)))),
        ("thousand", _) => Some((total + 1_000 * current.unwrap_or(1), None)),
        ("million", _) => Some((total + 1_000_000 * current.unwrap_or(1), None)),
        ("twice", None) if total == 0 => Some((0, Some(2))),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
