//! The numbers a text says, as people write them: signs, groups, decimals, percent, k and M, names and times.

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
    pub decimals: i32,
    pub unit: Unit,
}

/// What follows a number and changes what it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    None,
    Percent,
    BasisPoints,
    Thousand,
    Million,
    Seconds,
    Minutes,
    Hours,
    Days,
}

/// Every number of the text in its order; the numbers of a list's lines are none.
pub(super) fn said(text: &str) -> Vec<Said> {
    let mut found = Vec::new();
    let mut line_at = 0;
    for line in text.split_inclusive('\n') {
        let skip = ordinal(line);
        let mut at = line_at + skip;
        for word in
            line[skip..].split_inclusive(|c: char| c.is_whitespace() || "|()[]\"`*".contains(c))
        {
            let rest = &text[at + word.len()..];
            found.extend(one(word, at, rest));
            at += word.len();
        }
        line_at += line.len();
    }
    found
}

/// Length of the `1. ` or `2) ` that a line of a list begins with.
fn ordinal(line: &str) -> usize {
    let blank = line.len() - line.trim_start().len();
    let digits = line[blank..].bytes().take_while(u8::is_ascii_digit).count();
    let after = line[blank + digits..].chars().next();
    let listed = (1..=2).contains(&digits) && matches!(after, Some('.' | ')')) && {
        let next = line[blank + digits + 1..].chars().next();
        next.is_none_or(char::is_whitespace)
    };
    if listed { blank + digits + 1 } else { 0 }
}

const EDGES: &[char] = &[
    ',', ';', ':', '!', '?', '.', '\'', '(', ')', '[', ']', '"', '`', '*', '|', '{', '}', '<', '>',
    '_', '=', '~', '≈', '\u{201c}', '\u{201d}', '\u{2019}', '…',
];

fn one(word: &str, at: usize, rest: &str) -> Option<Said> {
    let trimmed = word.trim();
    let front = trimmed.trim_start_matches(EDGES);
    // A decimal may begin with its point.
    let core = front.trim_end_matches(EDGES);
    if !core.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let start = at + word.find(core)?;
    let said = |end: usize, kind| Said {
        start,
        end: start + end,
        kind,
    };
    let Some((number, length)) = number(core) else {
        return Some(said(core.len(), Kind::Name));
    };
    let tail = &core[length..];
    if tail.starts_with('-')
        && tail[1..]
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_digit())
        || tail.starts_with(':')
        || tail.starts_with('/')
    {
        return Some(said(core.len(), Kind::Name));
    }
    let (unit, used) = unit(tail, rest.trim_start());
    let number = Number { unit, ..number };
    Some(said(length + used, Kind::Number(number)))
}

/// The number at the start of a word and its length; `None` when the word is a name with digits.
fn number(word: &str) -> Option<(Number, usize)> {
    let signs: &[char] = &['-', '\u{2212}', '+', '$', '€', '₿', '±'];
    let head = word.len() - word.trim_start_matches(signs).len();
    let negative = word[..head].contains(['-', '\u{2212}']);
    let body = &word[head..];
    let mut digits = String::new();
    let mut length = 0;
    let mut decimals = None;
    let bytes = body.as_bytes();
    while let Some(byte) = bytes.get(length) {
        let next_is_digit = bytes.get(length + 1).is_some_and(u8::is_ascii_digit);
        match byte {
            b'0'..=b'9' => {
                digits.push(char::from(*byte));
                decimals = decimals.map(|count: i32| count + 1);
            }
            b',' | b'_' if next_is_digit && decimals.is_none() => {}
            b'.' if next_is_digit && decimals.is_none() => {
                digits.push('.');
                decimals = Some(0);
            }
            _ => break,
        }
        length += 1;
    }
    let value: f64 = digits.parse().ok()?;
    let value = if negative { -value } else { value };
    let tail = &body[length..];
    let letters: String = tail.chars().take_while(|c| c.is_alphabetic()).collect();
    // `2x` and `1.5BTC` are numbers; `30JAN26` and a ULID are names.
    let joined = tail[letters.len()..]
        .bytes()
        .any(|byte| byte.is_ascii_digit());
    if letters.len() > 4 || (joined && !letters.is_empty()) {
        return None;
    }
    let number = Number {
        value,
        decimals: decimals.unwrap_or(0),
        unit: Unit::None,
    };
    Some((number, head + length))
}

/// The unit right behind the number, or in the word after it, and how much of the number's word it takes.
fn unit(tail: &str, rest: &str) -> (Unit, usize) {
    let close = [
        ("%", Unit::Percent),
        ("bps", Unit::BasisPoints),
        ("bp", Unit::BasisPoints),
        ("k", Unit::Thousand),
        ("K", Unit::Thousand),
        ("M", Unit::Million),
        ("min", Unit::Minutes),
        ("s", Unit::Seconds),
        ("h", Unit::Hours),
        ("d", Unit::Days),
    ];
    let whole = |name: &&(&str, Unit)| {
        let after = tail.strip_prefix(name.0);
        after.is_some_and(|after| !after.starts_with(|c: char| c.is_alphanumeric()))
    };
    if let Some((name, unit)) = close.iter().find(whole) {
        return (*unit, name.len());
    }
    let word: String = rest
        .chars()
        .take_while(|c| c.is_alphabetic() || *c == '%')
        .collect();
    let word = tail.strip_prefix('-').map_or(word, str::to_owned);
    let unit = match word.to_lowercase().as_str() {
        "%" | "percent" => Unit::Percent,
        "bps" | "bp" => Unit::BasisPoints,
        "thousand" => Unit::Thousand,
        "million" => Unit::Million,
        "s" | "second" | "seconds" => Unit::Seconds,
        "min" | "minute" | "minutes" => Unit::Minutes,
        "h" | "hour" | "hours" => Unit::Hours,
        "d" | "day" | "days" => Unit::Days,
        _ => Unit::None,
    };
    (unit, 0)
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
    }
}
