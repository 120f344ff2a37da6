//! The key wherever a server gives it back, struck out: in bytes, in the texts inside of JSON however they are
//! escaped, across the pieces of a stream, and while that stream is handed over.

use super::wire;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Range;

const STRUCK_OUT: &str = "[the key]";
/// So much of the key at the end of a text that was cut is struck out as well.
const PART: usize = 8;
/// Shorter ones, such as `none` or `x`, are given to servers near by that want no key: nobody is to miss these letters.
const SECRET: usize = 6;

/// A body without the key.
pub(super) fn body(key: &str, body: Vec<u8>) -> Vec<u8> {
    if !is_secret(key) {
        return body;
    }
    let body = inside(key, &bytes(key, body));
    let said = wire::read(&body).unwrap_or_default();
    let calls = said.calls.iter().map(|call| &call.arguments);
    let texts = [&said.text, &said.refusal].into_iter().chain(calls);
    // A shape that was not foreseen: rather nothing than the key.
    if texts.chain(&said.error).any(|text| text.contains(key)) {
        return STRUCK_OUT.as_bytes().to_vec();
    }
    body
}

/// A whole text without the key.
pub(super) fn text(key: &str, text: &mut String) {
    if is_secret(key) && text.contains(key) {
        *text = text.replace(key, STRUCK_OUT);
    }
}

fn is_secret(key: &str) -> bool {
    key.len() >= SECRET
}

/// A text that comes in pieces; the end of it that could be the beginning of the key waits for the next piece.
#[derive(Debug)]
pub(super) struct Held<'a> {
    key: &'a str,
    waiting: String,
}

impl<'a> Held<'a> {
    pub(super) fn new(key: &'a str) -> Self {
        Self {
            key,
            waiting: String::new(),
        }
    }

    /// One more piece; gives what can be shown by now.
    pub(super) fn push(&mut self, piece: &str) -> String {
        self.waiting += piece;
        text(self.key, &mut self.waiting);
        let waits = is_secret(self.key).then(|| beginning(self.key, &self.waiting));
        let shown = self.waiting.len() - waits.unwrap_or(0);
        let waiting = self.waiting.split_off(shown);
        std::mem::replace(&mut self.waiting, waiting)
    }

    /// What waited, at the end of the text.
    pub(super) fn end(self) -> String {
        if self.waiting.len() < PART {
            return self.waiting;
        }
        STRUCK_OUT.to_owned()
    }
}

/// Length of the longest end of the text that the key begins with, the whole key aside.
fn beginning(key: &str, text: &str) -> usize {
    let longest = key.len().saturating_sub(1).min(text.len());
    let fits = |length: &usize| text.as_bytes().ends_with(&key.as_bytes()[..*length]);
    (1..=longest).rev().find(fits).unwrap_or(0)
}

fn bytes(key: &str, body: Vec<u8>) -> Vec<u8> {
    let key = key.as_bytes();
    if !body.windows(key.len()).any(|part| part == key) {
        return body;
    }
    let mut clean = Vec::with_capacity(body.len());
    let mut at = 0;
    while at < body.len() {
        if body[at..].starts_with(key) {
            clean.extend_from_slice(STRUCK_OUT.as_bytes());
            at += key.len();
        } else {
            clean.push(body[at]);
            at += 1;
        }
    }
    clean
}

/// Strikes the key out of texts in the JSON of a body, also where it is spread over events; events without it keep
/// their bytes.
fn inside(key: &str, body: &[u8]) -> Vec<u8> {
    let mut documents: Vec<(Range<usize>, Value)> = documents(body);
    let mut pieces: BTreeMap<String, Vec<(usize, String)>> = BTreeMap::new();
    for (n, (_, document)) in documents.iter().enumerate() {
        walk(document, String::new(), &mut |pointer, text| {
            pieces
                .entry(pointer)
                .or_default()
                .push((n, text.to_owned()));
        });
    }
    let mut changed = vec![false; documents.len()];
    for (pointer, pieces) in pieces {
        for (n, clean) in across(key, &pieces) {
            if let Some(text) = documents[n].1.pointer_mut(&pointer) {
                *text = clean.into();
                changed[n] = true;
            }
        }
    }
    let (mut clean, mut at) = (Vec::with_capacity(body.len()), 0);
    for ((range, document), _) in documents
        .iter()
        .zip(changed)
        .filter(|(_, changed)| *changed)
    {
        clean.extend_from_slice(&body[at..range.start]);
        clean.extend_from_slice(document.to_string().as_bytes());
        at = range.end;
    }
    clean.extend_from_slice(&body[at..]);
    clean
}

/// The JSON of every event of a stream, or of the whole body, and where it stands.
fn documents(body: &[u8]) -> Vec<(Range<usize>, Value)> {
    let read =
        |range: Range<usize>| Some((range.clone(), serde_json::from_slice(&body[range]).ok()?));
    if !wire::is_stream(body) {
        return read(0..body.len()).into_iter().collect();
    }
    let (mut found, mut at) = (Vec::new(), 0);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let end = at + line.trim_ascii_end().len();
        let data = line.starts_with(b"data:").then(|| read(at + 5..end));
        found.extend(data.flatten());
        at += line.len();
    }
    found
}

/// Every text of a document with its JSON pointer.
fn walk(value: &Value, pointer: String, found: &mut impl FnMut(String, &str)) {
    match value {
        Value::String(text) => found(pointer, text),
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                walk(item, format!("{pointer}/{n}"), found);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                walk(value, format!("{pointer}/{name}"), found);
            }
        }
        _ => {}
    }
}

/// The pieces of one text that have a part of the key, without it.
fn across(key: &str, pieces: &[(usize, String)]) -> Vec<(usize, String)> {
    let whole: String = pieces.iter().map(|(_, text)| text.as_str()).collect();
    let mut struck: Vec<Range<usize>> = whole
        .match_indices(key)
        .map(|(at, key)| at..at + key.len())
        .collect();
    let after = struck.last().map_or(0, |last| last.end);
    let part = beginning(key, &whole[after..]);
    if part >= PART {
        struck.push(whole.len() - part..whole.len());
    }
    let (mut clean, mut at) = (Vec::new(), 0);
    for (n, piece) in pieces {
        let within = at..at + piece.len();
        at = within.end;
        if !struck
            .iter()
            .any(|key| key.start < within.end && within.start < key.end)
        {
            continue;
        }
        let mut text = String::new();
        for (offset, letter) in piece.char_indices() {
            let here = within.start + offset;
            match struck.iter().find(|key| key.contains(&here)) {
                Some(key) if key.start == here => text += STRUCK_OUT,
                Some(_) => {}
                None => text.push(letter),
            }
        }
        clean.push((*n, text));
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-a/distinctive+key";

    fn stream(pieces: &[&str]) -> Vec<u8> {
        let event = |piece: &&str| {
            let content = serde_json::json!({"choices": [{"delta": {"content": piece}}]});
            format!("data: {content}\n\n")
        };
        let events: String = pieces.iter().map(event).collect();
        format!(": ping\n\n{events}data: [DONE]\n\n").into_bytes()
    }

    fn said(body: &[u8]) -> String {
        wire::read(body).expect("a body").text
    }

    #[test]
    fn a_key_over_several_events_is_struck_out_and_other_events_keep_their_bytes() {
        let text = format!("You sent {KEY}, it is wrong; {KEY}.");
        for size in [1, 2, 3, 7, 20, 100] {
            let letters: Vec<char> = text.chars().collect();
            let pieces: Vec<String> = letters.chunks(size).map(|c| c.iter().collect()).collect();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let clean = body(KEY, stream(&pieces));
            assert_eq!(said(&clean), "You sent [the key], it is wrong; [the key].");
            let mut held = Held::new(KEY);
            let mut shown: String = pieces.iter().map(|piece| held.push(piece)).collect();
            shown += &held.end();
            assert_eq!(shown, said(&clean), "the page shows what is stored");
        }
        let other = stream(&["sk-", "another key"]);
        assert_eq!(body(KEY, other.clone()), other);
        for key in ["", "x"] {
            assert_eq!(body(key, stream(&["x x"])), stream(&["x x"]), "no secret");
            assert_eq!(Held::new(key).push("x x"), "x x");
        }
    }

    #[test]
    fn escapes_and_cut_ends_do_not_hide_it() {
        let escaped = br#"{"error":{"message":"no: sk-a\/distinctive\u002Bkey"}}"#;
        let clean = String::from_utf8(body(KEY, escaped.to_vec())).expect("text");
        assert!(clean.contains("no: [the key]"), "{clean}");
        let cut = body(KEY, stream(&["it is sk-a/dis", "tinct"]));
        assert_eq!(said(&cut), "it is [the key]");
        let mut held = Held::new(KEY);
        assert_eq!(held.push("it is sk-a/dis") + &held.push("tinct"), "it is ");
        assert_eq!(held.end(), "[the key]");
        let mut held = Held::new(KEY);
        assert_eq!(
            held.push("a sk") + &held.end(),
            "a sk",
            "that may be any word"
        );
    }

    #[test]
    fn a_shape_that_was_not_foreseen_leaves_nothing() {
        let event = |n: usize, text: &str| {
            let function =
                serde_json::json!({"index": n, "function": {"name": "x", "arguments": text}});
            let delta = serde_json::json!({"choices": [{"delta": {"tool_calls": [function]}}]});
            format!("data: {delta}\n\n")
        };
        let (start, end) = KEY.split_at(9);
        let mixed = event(0, start) + &event(1, "{}") + &event(0, end);
        assert_eq!(body(KEY, mixed.into_bytes()), b"[the key]");
    }
}
