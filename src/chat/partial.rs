//! The text of an answer inside of JSON that is still being written.

/// What `{"answer": "..` says so far; empty while it says something else.
pub fn answer(json: &str) -> String {
    let Some((_, rest)) = json.split_once("\"answer\"") else {
        return String::new();
    };
    let rest = rest.trim_start().strip_prefix(':').map(str::trim_start);
    let Some(body) = rest.and_then(|rest| rest.strip_prefix('"')) else {
        return String::new();
    };
    let mut end = 0;
    let mut letters = body.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => break,
            '\\' => match letters.next() {
                Some((_, 'u')) if body.len() >= at + 6 => end = at + 6,
                Some((_, 'u')) | None => break,
                Some((at, escaped)) => end = at + escaped.len_utf8(),
            },
            letter => end = at + letter.len_utf8(),
        }
    }
    // Half of a surrogate pair does not decode: the text before it is shown until the rest comes.
    let whole = |text: &str| serde_json::from_str::<String>(&format!("\"{text}\"")).ok();
    let text = body.get(..end).unwrap_or_default();
    whole(text)
        .or_else(|| whole(text.get(..end.saturating_sub(6))?))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_grows_with_the_json() {
        let json = r#"{"answer": "It \"waits\" \u00e9\ud83d\ude00."}"#;
        assert_eq!(answer(json), "It \"waits\" é😀.");
        let mut before = String::new();
        for end in 0..json.len() {
            let now = answer(&json[..end]);
            assert!(now.starts_with(&before), "{now} after {before}");
            before = now;
        }
        assert_eq!(answer(r#"{"tool": "market", "arguments": {}}"#), "");
    }
}
