//! Words with digits in them: where each begins and ends, and whether it is a number, two of a range, or a name.

use super::digits::{self, SPACES};
use super::units::behind;
use super::{Kind, Said, Unit};

/// Stand at the edge of a word and are no part of it.
const EDGES: &[char] = &[',', ':', '.', '\'', '\u{2018}', '\u{2019}', '_', '%', '&'];
const DASHES: &[char] = &['\u{2013}', '\u{2014}'];
/// Figures of speech.
const IDIOMS: &[&str] = &["24/7"];
/// What is numbered, before a number of one or two digits.
const LABELS: &[&str] = &[
    "step", "option", "point", "item", "part", "phase", "note", "section",
];

/// Every number and name with digits, in their order.
pub(super) fn said(text: &str) -> Vec<Said> {
    let mut found = Vec::new();
    let mut line_at = 0;
    for line in text.split_inclusive('\n') {
        let begin = line_at + ordinal(line);
        line_at += line.len();
        let mut at = begin;
        while let Some((start, end)) = next(text, at, line_at) {
            word(text, start, end, &mut found);
            at = end;
        }
    }
    found
}

/// Length of the `1. `, `2) `, `**3.**` or `(4) ` that a line of a list begins with.
fn ordinal(line: &str) -> usize {
    let digits_at = line.len()
        - line
            .trim_start_matches([' ', '\t', '*', '#', '>', '_', '('])
            .len();
    let rest = &line[digits_at..];
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let mut after = rest[digits..].chars();
    let listed = (1..=2).contains(&digits)
        && matches!(after.next(), Some('.' | ')'))
        && after.next().is_none_or(|c| c.is_whitespace() || c == '*');
    if listed { digits_at + digits + 1 } else { 0 }
}

/// Where the next word begins and ends.
fn next(text: &str, from: usize, to: usize) -> Option<(usize, usize)> {
    let mut start = None;
    for (offset, letter) in text[from..to].char_indices() {
        let at = from + offset;
        match (start, parts(text, at, letter)) {
            (None, false) => start = Some(at),
            (Some(start), true) => return Some((start, at)),
            _ => {}
        }
    }
    start.map(|start| (start, to))
}

/// Whether the letter stands between words.
fn parts(text: &str, at: usize, letter: char) -> bool {
    let before = text[..at].chars().next_back();
    let after = text[at + letter.len_utf8()..].chars().next();
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    match letter {
        _ if SPACES.contains(&letter) => !(digit(before) && digit(after)),
        '/' | ':' => !(digit(before) && digit(after)),
        _ if DASHES.contains(&letter) => {
            let opens = before.is_none_or(|c| c.is_whitespace() || c == '(');
            !(opens && (digit(after) || after == Some('$') || after == Some('.')))
        }
        '_' | '-' | '+' | '.' | ',' | '\'' | '\u{2019}' | '%' | '$' | '€' | '₿' | '±'
        | '\u{2212}' | '&' => false,
        other => !other.is_alphanumeric(),
    }
}

fn word(text: &str, start: usize, end: usize, found: &mut Vec<Said>) {
    let whole = &text[start..end];
    let front = whole.trim_start_matches(EDGES);
    // A decimal may begin with its point.
    let pointed = whole[..whole.len() - front.len()].ends_with('.')
        && front.starts_with(|c: char| c.is_ascii_digit());
    let start = end - front.len() - usize::from(pointed);
    let core = text[start..end].trim_end_matches(|c| EDGES.contains(&c) && c != '%');
    let core = core.trim_end_matches("'s").trim_end_matches("\u{2019}s");
    if !core.contains(char::is_numeric) || is_said_otherwise(text, start, core) {
        return;
    }
    let mut at = start;
    let mut parts: Vec<&str> = vec![core];
    if is_list(core) {
        parts = core.split(',').collect();
    }
    for part in parts {
        split(text, at, part, found);
        at += part.len() + 1;
    }
}

/// `1,2,3`, which are no groups of thousands.
fn is_list(core: &str) -> bool {
    let parts: Vec<&str> = core.split(',').collect();
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.len() > 2 && parts.iter().all(digits) && parts[1..].iter().any(|part| part.len() != 3)
}

/// `1st`, `24/7` and the `2` of `Step 2` say which one, not how many; but `5th January` is a day.
fn is_said_otherwise(text: &str, start: usize, core: &str) -> bool {
    let before = text[..start].trim_end();
    let label = before.rsplit(|c: char| !c.is_alphabetic()).next();
    let labelled = label.is_some_and(|label| LABELS.contains(&label.to_lowercase().as_str()));
    let short = core.len() <= 2 && core.bytes().all(|byte| byte.is_ascii_digit());
    IDIOMS.contains(&core) || (labelled && short && before.len() < start) || {
        let digits = core.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let ordinal = matches!(&core[digits.len()..], "st" | "nd" | "rd" | "th");
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        ordinal && plain && !beside_month(text, start, start + core.len())
    }
}

fn beside_month(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].split_whitespace().next_back();
    let mut after = text[end..].split_whitespace().filter(|word| *word != "of");
    [before, after.next()]
        .into_iter()
        .flatten()
        .any(|word| crate::chat::dates::month(word).is_some())
}

/// A number, the two of a range, or a name.
fn split(text: &str, start: usize, core: &str, found: &mut Vec<Said>) {
    let name = |from: usize, to: usize| Said {
        start: start + from,
        end: start + to,
        kind: Kind::Name,
    };
    if let Some((first, second)) = clocks(core) {
        found.extend([name(0, first), name(second, core.len())]);
        return;
    }
    let read = (!is_calendar(core)).then(|| digits::number(core)).flatten();
    let Some((mut number, length)) = read else {
        found.push(name(0, core.len()));
        return;
    };
    let tail = &core[length..];
    let (unit, used) = behind(tail, &text[start + core.len()..]);
    if unit != Unit::None {
        number.unit = unit;
    }
    let after = &tail[used..];
    let more = after.strip_prefix(['-', '/']).unwrap_or_default();
    let more_at = core.len() - more.len();
    number.compound = after.starts_with('-') && more.starts_with(char::is_alphabetic);
    if is_end_of_range(more) {
        let mut others = Vec::new();
        split(text, start + more_at, more, &mut others);
        if let (Unit::None, Some(Kind::Number(next))) = (unit, others.first().map(|one| &one.kind))
        {
            number.unit = next.unit;
        }
        found.push(Said {
            start,
            end: start + length + used,
            kind: Kind::Number(number),
        });
        found.extend(others);
        return;
    }
    let other = after.starts_with(':') || after.contains(|c: char| c.is_ascii_digit());
    found.push(if other {
        name(0, core.len())
    } else {
        Said {
            start,
            end: start + length + used,
            kind: Kind::Number(number),
        }
    });
}

/// Whether what stands behind a number and its dash is the end of a range.
fn is_end_of_range(more: &str) -> bool {
    let read = digits::number(more);
    read.is_some_and(|(_, length)| length + behind(&more[length..], "").1 == more.len())
}

/// Where the first of two times of day ends and the second begins: `09:00-10:00`.
fn clocks(core: &str) -> Option<(usize, usize)> {
    let (first, second) = core.split_once('-')?;
    let clock = |text: &str| {
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b':');
        plain && text.contains(':')
    };
    (clock(first) && clock(second)).then_some((first.len(), first.len() + 1))
}

/// A day or a month in digits: `2026-01-05`, `2026-01`, `05/01/2026`.
fn is_calendar(core: &str) -> bool {
    let day = |separator: char| {
        let parts: Vec<&str> = core.split(separator).collect();
        let plain = |part: &&str| {
            (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        let year =
            |part: &&str| part.len() == 4 && (part.starts_with("19") || part.starts_with("20"));
        let month = |part: &str| part.len() == 2 && part <= "12";
        let whole = parts.iter().all(plain);
        match parts[..] {
            [a, b] => whole && (year(&a) && month(b) || month(a) && year(&b)),
            [a, _, c] => whole && (year(&a) || year(&c)),
            _ => false,
        }
    };
    day('-') || day('/')
}
