//! Commands that answer without a model: a slash, a name, and what it is about.

use serde_json::{Value, json};

/// A command as the help shows it: (how it is written, what it answers).
pub const COMMANDS: [(&str, &str); 8] = [
    ("/positions", "what the desk holds"),
    ("/decisions [N]", "the latest decisions"),
    ("/why CONTRACT", "why a contract was sold, or was not"),
    ("/market", "the latest quotes and prices the desk has seen"),
    ("/limits", "the limits in force"),
    ("/jobs [STATE]", "the latest jobs"),
    ("/sql SELECT ..", "rows of the views"),
    ("/help", "this list"),
];

/// What a line asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Help,
    /// A look-up by its name, with its arguments.
    Look(&'static str, Value),
    /// Not one of ours, or not as it should be: what is wrong.
    Wrong(String),
}

/// `None` when the line is no command.
pub fn parse(line: &str) -> Option<Command> {
    let rest = line.trim().strip_prefix('/')?;
    let (name, about) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let about = about.trim();
    Some(match name {
        "help" | "" => Command::Help,
        "positions" => Command::Look("get_positions", json!({})),
        "decisions" => match about.parse::<u8>() {
            _ if about.is_empty() => Command::Look("list_decisions", json!({})),
            Ok(limit @ 1..=200) => Command::Look("list_decisions", json!({ "limit": limit })),
            _ => wrong("/decisions takes a number from 1 to 200, for example /decisions 20"),
        },
        "why" if about.is_empty() => {
            wrong("/why takes a contract, for example /why BTC-30JAN26-90000-C")
        }
        "why" => Command::Look("why_not", json!({ "contract": about })),
        "market" => Command::Look("market", json!({})),
        "limits" => Command::Look("risk_limits", json!({})),
        "jobs" if about.is_empty() => Command::Look("list_jobs", json!({})),
        "jobs" => Command::Look("list_jobs", json!({ "state": about })),
        "sql" if about.is_empty() => {
            wrong("/sql takes a statement, for example /sql select * from v_positions")
        }
        "sql" => Command::Look("query_sql", json!({ "sql": about })),
        other => wrong(&format!(
            "there is no command /{other}; /help lists those there are"
        )),
    })
}

fn wrong(text: &str) -> Command {
    Command::Wrong(text.to_owned())
}

/// The list of commands, a line each.
pub fn help() -> String {
    let line = |(how, what): &(&str, &str)| format!("{how}: {what}");
    COMMANDS.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_become_look_ups() {
        let look = |line: &str| match parse(line) {
            Some(Command::Look(name, arguments)) => format!("{name} {arguments}"),
            other => format!("{other:?}"),
        };
        assert_eq!(
            look(" /why btc-30jan26-90000-c "),
            r#"why_not {"contract":"btc-30jan26-90000-c"}"#
        );
        assert_eq!(look("/decisions 7"), r#"list_decisions {"limit":7}"#);
        assert_eq!(look("/sql select 1"), r#"query_sql {"sql":"select 1"}"#);
        assert_eq!(parse("what do I hold?"), None);
        assert!(matches!(parse("/sell"), Some(Command::Wrong(text)) if text.contains("/help")));
        assert!(matches!(parse("/decisions 900"), Some(Command::Wrong(_))));
    }
}
