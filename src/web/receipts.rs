//! A text of a model as HTML: escaped, numbers that a row holds linked to it, the others marked.

use crate::chat::receipts::Receipt;
use crate::chat::times::in_words;
use crate::db::chats::{MessageRow, PartRow};
use serde_json::{Value, json};

/// An answer as its templates name it: parts with ready HTML, and what it came from.
pub(super) fn answer(row: &MessageRow, parts: &[PartRow], drafts: &Value) -> Value {
    let open = row.is_open();
    // A job that ended without a word about its answer has taken it along.
    let lost = !open && ["waiting", "running"].contains(&row.state.as_str());
    let state = if lost { "stopped" } else { &row.state };
    let mut shown: Vec<Value> = parts.iter().map(|part| self::part(part, drafts)).collect();
    // What a command gave is the answer itself; what a model looked up is folded.
    let unfolded = !open && row.model.is_none();
    for part in &mut shown {
        part["open"] = unfolded.into();
    }
    json!({
        "row": row, "open": open, "state": state, "parts": shown,
        "citations": row.citations.as_ref().map(links),
        "bare": row.model.is_none(),
    })
}

/// One part.
pub(super) fn part(part: &PartRow, drafts: &Value) -> Value {
    let html =
        (part.kind == "text").then(|| html(&part.message, &part.text, part.numbers.as_ref()));
    let draft = drafts
        .as_array()
        .into_iter()
        .flatten()
        .find(|draft| draft["id"] == part.text.as_str())
        .map(|draft| {
            let mut shown = draft.clone();
            shown["args"] = in_words(&draft["args"]);
            shown
        });
    json!({ "part": part, "html": html, "draft": draft })
}

fn links(citations: &Value) -> Vec<Value> {
    let cited = citations.as_array().into_iter().flatten();
    let linked = cited.filter_map(|row| {
        let (table, id) = (row["table"].as_str()?, row["id"].as_str()?);
        Some(json!({"table": table, "id": id, "href": href(table, id)}))
    });
    linked.collect()
}

/// The page of a row, if it has one.
fn href(table: &str, id: &str) -> Option<String> {
    let page = match table {
        "v_decisions" | "v_candidates" | "v_risk_lines" | "v_orders" => "/decisions",
        "v_jobs" => "/jobs",
        "v_backtests" => "/lab",
        "v_sweeps" => "/lab/sweeps",
        _ => return None,
    };
    let ulid = id.len() == 26 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    ulid.then(|| format!("{page}/{id}"))
}

/// `message` is what the anchors of its parts begin with.
pub(super) fn html(message: &str, text: &str, numbers: Option<&Value>) -> String {
    let receipts: Vec<Receipt> = numbers
        .and_then(|numbers| serde_json::from_value(numbers.clone()).ok())
        .unwrap_or_default();
    let (mut html, mut at) = (String::new(), 0);
    for receipt in receipts {
        let (Some(before), Some(word)) = (
            text.get(at..receipt.start),
            text.get(receipt.start..receipt.end),
        ) else {
            break;
        };
        html += &escape(before);
        let told = match &receipt.row {
            None => format!(
                "<mark class=\"unsupported\" title=\"No row that was read holds this\">{}</mark>",
                escape(word)
            ),
            Some(row) => {
                let to = href(&row.table, &row.id)
                    .unwrap_or_else(|| format!("#part-{message}-{}", row.part));
                let of = escape(&format!("{} {}", row.table, row.id));
                format!(
                    "<a class=\"receipt\" href=\"{to}\" title=\"{of}\">{}</a>",
                    escape(word)
                )
            }
        };
        html += &told;
        at = receipt.end;
    }
    html + &escape(text.get(at..).unwrap_or_default())
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\'' => safe += "&#39;",
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_linked_or_marked_and_the_rest_is_escaped() {
        let id = "01KE6Z0V1W3T5Q8R2M4N6P8S0A";
        let numbers = json!([
            {"start": 2, "end": 3, "row": {"part": 1, "table": "v_decisions", "id": id}},
            {"start": 8, "end": 9, "row": null},
            {"start": 13, "end": 14, "row": {"part": 2, "table": "query", "id": "<x>"}},
        ]);
        let html = html("m", "<b5 and 6 or 7>", Some(&numbers));
        assert_eq!(
            html,
            format!(
                "&lt;b<a class=\"receipt\" href=\"/decisions/{id}\" title=\"v_decisions {id}\">5</a> and \
                 <mark class=\"unsupported\" title=\"No row that was read holds this\">6</mark> or \
                 <a class=\"receipt\" href=\"#part-m-2\" title=\"query &lt;x&gt;\">7</a>&gt;"
            )
        );
    }
}
