//! What the values of a view's column count in, out of how its definition makes and describes them.

/// Numbers of something: how many, which one, in which order.
const COUNTS: &[&str] = &[
    "n",
    "legs",
    "chains",
    "fills",
    "candidates",
    "passed",
    "snapshots",
    "quotes",
    "steps",
    "steps_done",
    "runs",
    "runs_done",
    "runs_failed",
    "refused",
    "rolls",
    "rows",
    "rows_expected",
    "files",
    "errors",
    "draws",
    "episodes",
    "step",
    "step_n",
    "rank",
    "place",
    "attempt",
    "attempts",
    "max_attempts",
    "priority",
    "pid",
    "running",
    "done",
    "ladder",
    "explore_top_k",
    "legal_actions",
];
const FLAGS: &[&str] = &[
    "explored",
    "chosen",
    "assigned",
    "dry_run",
    "kill_switch",
    "close_only",
    "cancel_requested",
    "reduce_only",
    "post_only",
    "simulated",
    "paused",
    "legal",
    "terminated",
    "truncated",
];
/// Names, and beginnings of names that end with `_`.
const FRACTIONS: &[&str] = &[
    "propensity",
    "progress",
    "win_rate",
    "premium_kept",
    "assignment_rate",
    "time_in_market",
    "deflated_sharpe",
    "overfit_probability",
    "mark_iv",
    "iv_open",
    "yield_net",
    "explore_prob",
    "uncovered",
    "level",
    "discount",
    "discount_per_day",
    "return_",
    "annualised_",
    "volatility_",
    "drawdown_",
    "excess_",
];
/// (names or beginnings of names, unit).
const NAMES: &[(&[&str], &str)] = &[
    (COUNTS, "count"),
    (FLAGS, "true or false"),
    (FRACTIONS, "fraction"),
    (&["sharpe_", "sortino_"], "a year's ratio"),
    (
        &["ivrv", "speed", "max_weight", "effective_sample_size"],
        "ratio",
    ),
    (&["delta", "delta_open"], "coin per coin"),
    (
        &["logged", "ips", "ips_", "snips", "snips_", "dr", "dr_"],
        "in column reward",
    ),
    (&["score"], "score"),
    (&["failed_by", "admit_at"], "of the filter"),
    (&["value", "limit_value", "headroom"], "in column unit"),
    (&["dte", "dte_open"], "days"),
];
/// (how a meaning begins, unit).
const MEANINGS: &[(&str, &str)] = &[
    ("JSON", "JSON"),
    ("USD per", "USD per coin"),
    ("USD", "USD"),
    ("coin per coin", "coin per coin"),
    ("coin", "coin"),
    ("milliseconds", "ms"),
    ("days", "days"),
];

pub(super) fn unit(expression: &str, name: &str, meaning: &str) -> &'static str {
    let named = |names: &[&str]| {
        let fits = |one: &&str| *one == name || one.ends_with('_') && name.starts_with(*one);
        names.iter().any(fits)
    };
    if expression.starts_with("iso(") {
        return "UTC time";
    }
    if expression.starts_with("substr(iso(") {
        return "UTC day";
    }
    let by_name = NAMES.iter().find(|(names, _)| named(names));
    let by_meaning = MEANINGS
        .iter()
        .find(|(start, _)| meaning.starts_with(start));
    match (by_name, by_meaning) {
        (Some((_, unit)), _) | (None, Some((_, unit))) => unit,
        _ if meaning.ends_with(", coin") => "coin",
        _ if name.ends_with("_usd") => "USD",
        _ if expression.starts_with("e8(") => "in column currency",
        _ => "text",
    }
}
