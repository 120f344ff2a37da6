//! Parameters as literals: `copy` of Postgres takes none.

use serde_json::Value;

/// Puts each value where `$n` stands; a number without a value stays.
pub(super) fn fill(sql: &str, parameters: &[Value]) -> String {
    let mut filled = String::new();
    let mut rest = sql;
    while let Some(at) = rest.find('$') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        filled += before;
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let place: Option<usize> = after[..digits].parse().ok();
        if let Some(value) = place.and_then(|place| parameters.get(place.checked_sub(1)?)) {
            filled += &literal(value);
        } else {
            filled.push('$');
            filled += &after[..digits];
        }
        rest = &after[digits..];
    }
    filled + rest
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("({number})"),
        Value::String(text) => quoted(text),
        other => quoted(&other.to_string()),
    }
}

/// An escape string, whose meaning no setting of the server changes.
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('\'', "''");
    format!("E'{text}'")
}

#[cfg(test)]
mod tests {
    use super::fill;
    use serde_json::json;

    #[test]
    fn values_stand_where_their_numbers_stood() {
        let filled = fill(
            "a = $1 and b > $2 or c = $3 or $10",
            &[json!("it's \\ $2"), json!(-5), json!(null)],
        );
        assert_eq!(
            filled,
            r"a = E'it''s \\ $2' and b > (-5) or c = null or $10"
        );
    }
}
