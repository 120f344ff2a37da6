//! The form of a run that adds rows where a dataset is thin.

use crate::db::training::DatasetRow;
use crate::web::pages::{Query, lab};

/// A cell with too few rows.
pub(super) struct Lack<'a> {
    pub grid: &'a str,
    pub profile: &'a str,
    pub column: &'a str,
}

/// Draws of the filling run that are not the best call.
const EXPLORE_PROB: &str = "0.5";

/// The same market with other draws, more of them exploring. Another regime needs another market; rolls and
/// early closes need an exit style that has them.
pub(super) fn address(row: &DatasetRow, coin: Option<&str>, lack: &Lack<'_>) -> String {
    let seed = format!("{}-fill", row.seed);
    let (source, market) = lab::market(row.source.clone());
    let other = format!(
        "{}-{}",
        market.unwrap_or_else(|| "fill".to_owned()),
        lack.column
    );
    let mut changes = vec![
        ("new", "1"),
        ("copy", row.id.as_str()),
        ("profile", lack.profile),
        ("seed", seed.as_str()),
        ("explore_prob", EXPLORE_PROB),
    ];
    changes.extend(coin.map(|coin| ("coin", coin)));
    let words = lack.column.replace('_', " ").to_lowercase();
    let mut why = format!(
        "More rows of {} at {words}: other draws on the same market.",
        lack.profile
    );
    if lack.grid == "regimes" {
        changes.extend([("source", "synthetic"), ("market_seed", other.as_str())]);
        why = format!(
            "More rows of {} in a {words} market: another synthetic market. Chains of other months do it too.",
            lack.profile
        );
    }
    let leaves = ["ROLL_COVERED_CALL", "CLOSE_COVERED_CALL"].contains(&lack.column);
    if leaves && row.exit_style == "hold_to_expiry" {
        changes.push(("exit", "tp_and_roll"));
        why += " Calls held to expiry are never rolled or closed, so it leaves earlier.";
    }
    if let (true, Some("synthetic")) = (lack.grid != "regimes", source.as_deref()) {
        why += " Another market seed adds more.";
    }
    changes.push(("why", &why));
    Query::default().with("/training", &changes)
}
