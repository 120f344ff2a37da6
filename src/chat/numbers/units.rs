//! What follows a number, or stands before it, and changes what it counts.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::chat) enum Unit {
    None,
    /// USD or coin: never a count of rows.
    Money,
    Percent,
    BasisPoints,
    /// Hundredths of a coin per coin, as in `25-delta`.
    Delta,
    Thousand,
    Million,
    Billion,
    Seconds,
    Minutes,
    Hours,
    Days,
}

/// Directly behind the digits.
const CLOSE: [(&str, Unit); 13] = [
    ("%", Unit::Percent),
    ("bps", Unit::BasisPoints),
    ("bp", Unit::BasisPoints),
    ("k", Unit::Thousand),
    ("K", Unit::Thousand),
    ("M", Unit::Million),
    ("mn", Unit::Million),
    ("bn", Unit::Billion),
    ("B", Unit::Billion),
    ("min", Unit::Minutes),
    ("s", Unit::Seconds),
    ("h", Unit::Hours),
    ("d", Unit::Days),
];

/// The unit behind the number, or in the word after it, and how much of the number's own word it takes.
pub(super) fn behind(tail: &str, rest: &str) -> (Unit, usize) {
    let whole = |name: &&(&str, Unit)| {
        let after = tail.strip_prefix(name.0);
        after.is_some_and(|after| !after.starts_with(|c: char| c.is_alphanumeric()))
    };
    if let Some((name, unit)) = CLOSE.iter().find(whole) {
        return (*unit, name.len());
    }
    let words = if tail.is_empty() {
        rest.trim_start()
    } else {
        tail.trim_start_matches('-')
    };
    (named(words), 0)
}

/// The unit that a text begins with.
fn named(text: &str) -> Unit {
    if text.starts_with('%') {
        return Unit::Percent;
    }
    let mut words = text.split(|c: char| !c.is_alphabetic());
    let first = words.next().unwrap_or_default().to_lowercase();
    match first.as_str() {
        "percent" | "pct" | "percentage" => Unit::Percent,
        "per" if words.next() == Some("cent") => Unit::Percent,
        "bps" | "bp" => Unit::BasisPoints,
        "basis" if words.next().is_some_and(|word| word.starts_with("point")) => Unit::BasisPoints,
        "delta" => Unit::Delta,
        "thousand" => Unit::Thousand,
        "million" => Unit::Million,
        "billion" => Unit::Billion,
        "s" | "second" | "seconds" => Unit::Seconds,
        "min" | "minute" | "minutes" => Unit::Minutes,
        "h" | "hour" | "hours" => Unit::Hours,
        "d" | "day" | "days" => Unit::Days,
        "btc" | "eth" | "usd" | "usdc" | "usdt" | "dollar" | "dollars" => Unit::Money,
        _ => Unit::None,
    }
}
