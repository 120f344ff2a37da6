//! A number written in digits, at the start of a word: sign, groups of thousands, decimals, exponent.

use super::{Number, Unit};

const SIGNS: &[char] = &[
    '-', '\u{2212}', '\u{2013}', '\u{2014}', '+', '±', '$', '€', '₿',
];
const MINUS: &[char] = &['-', '\u{2212}', '\u{2013}', '\u{2014}'];
/// Between groups of three digits, beside comma and point.
pub(super) const SPACES: &[char] = &['\u{a0}', '\u{2009}', '\u{202f}'];

/// The number at the start of a word and its length; `None` when the word is a name with digits.
pub(super) fn number(word: &str) -> Option<(Number, usize)> {
    let head = word.len() - word.trim_start_matches(SIGNS).len();
    let (signs, body) = word.split_at(head);
    let (digits, decimals, mut length) = plain(body)?;
    let mut value: f64 = digits.parse().ok()?;
    let mut decimals = decimals;
    if let Some((power, used)) = exponent(&body[length..]) {
        value = format!("{digits}e{power}").parse().ok()?;
        (decimals, length) = (decimals - power, length + used);
    }
    if is_name(&body[length..]) {
        return None;
    }
    let number = Number {
        value: if signs.contains(MINUS) { -value } else { value },
        decimals,
        unit: if signs.contains(['$', '€', '₿']) {
            Unit::Money
        } else {
            Unit::None
        },
        compound: false,
    };
    Some((number, head + length))
}

/// Digits as Rust reads them, how many of them are decimals, and the length of what was read.
fn plain(body: &str) -> Option<(String, i32, usize)> {
    let (mut digits, mut at) = grouped(body);
    let mut decimals = 0;
    let rest = &body[at..];
    let more = run(rest.get(1..).unwrap_or_default());
    let point = rest.starts_with('.');
    // A comma before decimals, as much of Europe has it.
    let comma = rest.starts_with(',') && !digits.is_empty();
    if more > 0 && (point || comma) {
        digits = format!("{digits}.{}", &rest[1..=more]);
        decimals = i32::try_from(more).ok()?;
        at += 1 + more;
    }
    (at > 0).then_some((digits, decimals, at))
}

/// The digits before the decimals without what stands between their groups.
fn grouped(body: &str) -> (String, usize) {
    let mut at = run(body);
    let mut digits = body[..at].to_owned();
    let between = body[at..].chars().next();
    let Some(between) = between.filter(|c| ",.'\u{2019}_".contains(*c) || SPACES.contains(c))
    else {
        return (digits, at);
    };
    let (first, mut groups) = (at, 0);
    let fits = (1..=3).contains(&first) && !body.starts_with('0');
    let mut end = at;
    if !fits && between != '_' {
        return (digits, at);
    }
    while let Some(rest) = body[end..].strip_prefix(between) {
        if run(rest) != 3 {
            break;
        }
        digits += &rest[..3];
        end = body.len() - rest.len() + 3;
        groups += 1;
    }
    // One point alone is that of decimals, unless a comma has that part.
    let decimal = body[end..].strip_prefix(',').is_some_and(|d| run(d) > 0);
    if between == '.' && groups == 1 && !decimal {
        digits.truncate(first);
    } else {
        at = end;
    }
    (digits, at)
}

/// The power of ten in `e-4` and its length.
fn exponent(tail: &str) -> Option<(i32, usize)> {
    let rest = tail.strip_prefix(['e', 'E'])?;
    let sign = usize::from(rest.starts_with(['-', '+']));
    let digits = run(&rest[sign..]);
    let after = rest[sign + digits..].chars().next();
    if !(1..=2).contains(&digits) || after.is_some_and(char::is_alphanumeric) {
        return None;
    }
    Some((rest[..sign + digits].parse().ok()?, 1 + sign + digits))
}

/// `2x` and `1.5BTC` are numbers; `30JAN26` and a ULID are names.
fn is_name(tail: &str) -> bool {
    let letters = tail.len() - tail.trim_start_matches(char::is_alphabetic).len();
    let next = tail[letters..].chars().next();
    let joined = next.is_some_and(|c| c.is_ascii_digit() || c == '_');
    letters > 4 || joined
}

/// How many digits a text begins with.
fn run(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}
