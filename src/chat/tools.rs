//! What a model may look up, and the one thing it may propose: names, descriptions, schemas of arguments.

use crate::llm::Tool;
use serde_json::{Value, json};

/// The tool whose result is a card for a person; every other one only reads.
pub const DRAFT: &str = "draft_job";
/// The tool that runs a statement through the guarded reader.
pub const QUERY: &str = "query_sql";

/// Kinds of jobs that may be drafted: research and files, nothing that trades or changes the desk.
pub const DRAFTABLE: [&str; 9] = [
    "backtest",
    "sweep",
    "what_if",
    "lookahead",
    "train",
    "evaluate",
    "drift",
    "insight",
    "replay_decision",
];

/// Every tool with its schema; `arguments` says what each kind of job takes.
pub fn all(arguments: &str) -> Vec<Tool> {
    let text = |about: &str| json!({"type": "string", "description": about});
    let underlying = json!({"type": "string", "enum": ["BTC", "ETH"]});
    let limit = json!({"type": "integer", "minimum": 1, "maximum": 200});
    vec![
        tool(
            "get_positions",
            "Contracts the desk holds; with all=true also those it held before. Size is coin, negative for a short call.",
            &json!({"underlying": underlying, "all": {"type": "boolean"}}),
            &[],
        ),
        tool(
            "list_decisions",
            "The latest decisions of the desk with what risk made of them and why.",
            &json!({"underlying": underlying, "action": text("final action, such as OPEN_COVERED_CALL"), "limit": limit}),
            &[],
        ),
        tool(
            "explain_decision",
            "One decision with the calls it ranked, every check of risk with its headroom, and its orders. The latest without an id.",
            &json!({"id": text("id of the decision")}),
            &[],
        ),
        tool(
            "why_not",
            "Why a contract was not sold (or that it was): its row in the latest decisions that looked at it.",
            &json!({"contract": text("full name such as BTC-30JAN26-90000-C, or a part of it")}),
            &["contract"],
        ),
        tool(
            "get_backtest",
            "Settings, figures and baselines of one backtest. The latest one without an id.",
            &json!({"id": text("id of the backtest")}),
            &[],
        ),
        tool(
            "compare_runs",
            "Two backtests beside each other: settings that differ, figures and their differences.",
            &json!({"a": text("id of the baseline"), "b": text("id of the other run")}),
            &["a", "b"],
        ),
        tool(
            "list_jobs",
            "The latest jobs of the queue.",
            &json!({"kind": text("kind of job"), "state": text("succeeded, discarded, running .."), "limit": limit}),
            &[],
        ),
        tool(
            "risk_limits",
            "The settings in force now: every limit and filter, and the controls of the desk.",
            &json!({}),
            &[],
        ),
        tool(
            "market",
            "The latest index price, regime and account figures of each underlying that the desk has seen.",
            &json!({"underlying": underlying}),
            &[],
        ),
        tool(
            QUERY,
            "One SQL select over the views v_*, read only, at most 200 rows. Use it when no other tool has the figure, \
             also for sums, averages and counts: never calculate yourself.",
            &json!({"sql": text("one select statement")}),
            &["sql"],
        ),
        tool(
            DRAFT,
            "Proposes a job of research to the person, who starts it with a click or does not. It starts nothing. \
             Orders cannot be proposed.",
            &json!({
                "kind": {"type": "string", "enum": DRAFTABLE},
                "args": {"type": "object", "description": arguments},
                "why": text("one sentence for the person"),
            }),
            &["kind", "args", "why"],
        ),
    ]
}

fn tool(name: &str, description: &str, properties: &Value, required: &[&str]) -> Tool {
    Tool {
        name: name.to_owned(),
        description: description.to_owned(),
        parameters: json!({
            "type": "object", "properties": properties, "required": required, "additionalProperties": false,
        }),
    }
}
