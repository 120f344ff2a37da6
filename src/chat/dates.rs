//! Days and months in words, as texts name them.

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The number of a month that a word names in full or by its first three letters.
pub(super) fn month(word: &str) -> Option<usize> {
    let word = word
        .trim_matches(|c: char| !c.is_alphabetic())
        .to_lowercase();
    let short = |month: &str| {
        word.len() == 3 && month.starts_with(&word) || word == "sept" && month == "september"
    };
    let at = MONTHS
        .iter()
        .position(|month| *month == word || short(month));
    at.map(|at| at + 1)
}

/// What times and contracts say of the day or the year at these bytes of a text: `-01-05` and `-5jan` of `5 January`,
/// `2026-` of `in 2026`. Empty where it is none.
pub(super) fn written(text: &str, start: usize, end: usize) -> Vec<String> {
    let digits = text[start..end].trim_end_matches(char::is_alphabetic);
    let Ok(said) = digits.parse::<usize>() else {
        return Vec::new();
    };
    let before: Vec<&str> = text[..start].split_whitespace().rev().take(2).collect();
    let behind = text[end..].trim_start_matches(|c: char| c.is_alphabetic());
    let mut after = behind.split_whitespace().filter(|word| *word != "of");
    let month = before
        .first()
        .and_then(|word| month(word))
        .or_else(|| month(after.next()?));
    if (1..=31).contains(&said) {
        let Some(month) = month else {
            return Vec::new();
        };
        let letters = &MONTHS[month - 1][..3];
        return vec![
            format!("-{month:02}-{said:02}"),
            format!("-{said}{letters}"),
        ];
    }
    if digits.len() != 4 || !(1900..2200).contains(&said) {
        return Vec::new();
    }
    let month = month.or_else(|| self::month(before.get(1)?));
    match (month, before.first()) {
        (Some(month), _) => vec![
            format!("{said}-{month:02}-"),
            format!("{}{:02}-", &MONTHS[month - 1][..3], said % 100),
        ],
        (None, Some(word)) if BEFORE_YEARS.contains(&word.to_lowercase().as_str()) => {
            vec![format!("{said}-")]
        }
        _ => Vec::new(),
    }
}

const BEFORE_YEARS: [&str; 10] = [
    "in", "since", "during", "year", "until", "of", "early", "late", "before", "after",
];
