//! Lists of rows: one view each, filtered, newest first, page by page behind an opaque cursor.

use crate::db::reader::{Limits, Reader};
use crate::domain::hex::hex;
use crate::domain::redact::redact;
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::pages::Query;
use axum::Json;
use axum::http::Uri;
use serde_json::{Value, json};

/// One list: a view, how it is ordered, and what it can be filtered by.
#[derive(Debug)]
pub(super) struct List {
    pub path: &'static str,
    pub view: &'static str,
    /// Text columns that order the rows and together name one.
    pub key: &'static [&'static str],
    /// Greatest key first.
    pub newest_first: bool,
    /// Text columns that may be asked for by value.
    pub filters: &'static [&'static str],
    /// The ISO 8601 column that `from` (inclusive) and `to` (exclusive) speak of.
    pub time: Option<&'static str>,
    /// Rows belong to a book: `desk` chooses it, the live one unless it is given.
    pub desk: bool,
}

pub(super) const LISTS: &[List] = &[
    List {
        filters: &[
            "underlying",
            "proposed_action",
            "final_action",
            "source",
            "risk_verdict",
            "job",
        ],
        time: Some("decided_at"),
        ..List::by_id("/decisions", "v_decisions")
    },
    List {
        key: &["opened_at", "instrument", "chain"],
        filters: &["underlying", "side", "instrument", "chain"],
        time: Some("opened_at"),
        ..List::by_id("/positions", "v_positions")
    },
    List {
        filters: &[
            "underlying",
            "state",
            "instrument",
            "decision",
            "leg",
            "chain",
        ],
        time: Some("created_at"),
        ..List::by_id("/orders", "v_orders")
    },
    List {
        key: &["filled_at", "trade_id"],
        filters: &[
            "underlying",
            "instrument",
            "side",
            "decision",
            "order_id",
            "chain",
        ],
        time: Some("filled_at"),
        ..List::by_id("/fills", "v_fills")
    },
    List {
        key: &["settled_at", "instrument", "chain"],
        filters: &["underlying", "instrument", "chain"],
        time: Some("settled_at"),
        ..List::by_id("/settlements", "v_settlements")
    },
    List {
        key: &["at", "underlying"],
        filters: &["underlying"],
        time: Some("at"),
        ..List::by_id("/equity", "v_equity")
    },
    List {
        key: &["created_at", "id"],
        filters: &["kind", "state", "queue", "parent", "unique_key"],
        time: Some("created_at"),
        ..List::by_id("/jobs", "v_jobs")
    },
    List {
        key: &["name"],
        filters: &["kind"],
        newest_first: false,
        desk: false,
        ..List::by_id("/schedules", "v_schedules")
    },
    List {
        filters: &["host"],
        desk: false,
        ..List::by_id("/workers", "v_workers")
    },
    List {
        key: &["day", "kind", "source", "underlying"],
        filters: &["kind", "source", "underlying"],
        time: Some("day"),
        desk: false,
        ..List::by_id("/coverage", "v_coverage")
    },
    List {
        filters: &["id", "thread", "role", "state", "job"],
        time: Some("created_at"),
        ..List::by_id("/chat/messages", "v_chat")
    },
    List {
        filters: &["about", "subject", "other", "state"],
        time: Some("created_at"),
        desk: false,
        ..List::by_id("/insights", "v_insights")
    },
    List {
        newest_first: false,
        desk: false,
        ..List::by_id("/desks", "v_desks")
    },
];

impl List {
    const fn by_id(path: &'static str, view: &'static str) -> Self {
        Self {
            path,
            view,
            key: &["id"],
            newest_first: true,
            filters: &[],
            time: None,
            desk: true,
        }
    }

    /// Every query parameter the list understands.
    pub(super) fn parameters(&self) -> Vec<&'static str> {
        let mut names = vec!["limit", "cursor"];
        names.extend(self.desk.then_some("desk"));
        names.extend(self.time.iter().flat_map(|_| ["from", "to"]));
        names.extend(self.filters);
        names
    }
}

const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1_000;

pub(super) async fn answer(site: &Site, list: &List, uri: &Uri) -> Result<Json<Value>, PageError> {
    let query = Query::of(uri);
    known(list, &query)?;
    let limit = limit(&query)?;
    let (sql, values) = statement(list, &query, &site.ctx.desk, limit)?;
    let rows = Reader::new(&site.ctx.db)
        .query(&sql, &values, Limits::default())
        .await?;
    let mut items = rows.objects();
    // One row more than was asked for tells that there is a next page.
    let next = (items.len() > limit).then(|| cursor(list, &items[limit - 1]));
    items.truncate(limit);
    let items: Vec<Value> = items.iter().map(redact).collect();
    Ok(Json(json!({ "items": items, "next": next })))
}

fn known(list: &List, query: &Query) -> Result<(), PageError> {
    let names = list.parameters();
    match query.names().find(|name| !names.contains(name)) {
        None => Ok(()),
        Some(unknown) => Err(PageError::bad_request(
            format!("`{unknown}` is no parameter of {}", list.path),
            format!("There are {}.", names.join(", ")),
        )),
    }
}

fn limit(query: &Query) -> Result<usize, PageError> {
    let Some(text) = query.get("limit") else {
        return Ok(LIMIT);
    };
    let limit = text
        .parse()
        .ok()
        .filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| {
        PageError::bad_request(
            format!("`limit`: {text} is out of range"),
            format!("Use a whole number from 1 to {LIMIT_MAX}."),
        )
    })
}

/// The select and its parameters; only names of our own tables go into the text.
fn statement(
    list: &List,
    query: &Query,
    desk: &str,
    limit: usize,
) -> Result<(String, Vec<Value>), PageError> {
    let mut values: Vec<Value> = Vec::new();
    let mut bind = |value: &str| {
        values.push(value.into());
        format!("cast(${} as text)", values.len())
    };
    let mut conditions = Vec::new();
    if list.desk {
        conditions.push(format!(
            "desk = {}",
            bind(query.get("desk").unwrap_or(desk))
        ));
    }
    for (name, sign) in [("from", ">="), ("to", "<")] {
        if let (Some(column), Some(value)) = (list.time, query.get(name)) {
            conditions.push(format!("{column} {sign} {}", bind(value)));
        }
    }
    for column in list.filters {
        if let Some(value) = query.get(column) {
            conditions.push(format!("{column} = {}", bind(value)));
        }
    }
    let (sign, order) = if list.newest_first {
        ("<", " desc")
    } else {
        (">", "")
    };
    if let Some(text) = query.get("cursor") {
        let places: Vec<String> = after(list, text)?.iter().map(|value| bind(value)).collect();
        conditions.push(format!(
            "({}) {sign} ({})",
            list.key.join(", "),
            places.join(", ")
        ));
    }
    let filter = if conditions.is_empty() {
        "true".to_owned()
    } else {
        conditions.join(" and ")
    };
    let ordered: Vec<String> = list
        .key
        .iter()
        .map(|column| format!("{column}{order}"))
        .collect();
    let sql = format!(
        "select * from {} where {filter} order by {} limit {}",
        list.view,
        ordered.join(", "),
        limit + 1
    );
    Ok((sql, values))
}

/// The key of a page's last row, as hexadecimal JSON: opaque, and safe in an address.
fn cursor(list: &List, row: &Value) -> String {
    let key: Vec<&Value> = list.key.iter().map(|column| &row[*column]).collect();
    hex(json!(key).to_string().as_bytes())
}

fn after(list: &List, text: &str) -> Result<Vec<String>, PageError> {
    let bytes: Option<Vec<u8>> = (0..text.len() / 2)
        .map(|n| u8::from_str_radix(text.get(2 * n..2 * n + 2)?, 16).ok())
        .collect();
    let key: Option<Vec<String>> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    key.filter(|key| key.len() == list.key.len())
        .ok_or_else(|| {
            PageError::bad_request(
                "`cursor` is not one of ours",
                "Send the `next` of the page before, unchanged.",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_names_the_last_row() {
        let list = LISTS
            .iter()
            .find(|list| list.path == "/fills")
            .expect("a list");
        let row = json!({"filled_at": "2026-01-05T08:00:00.000Z", "trade_id": "t-1", "size": 1});
        let key = after(list, &cursor(list, &row));
        assert_eq!(
            key.expect("a cursor of ours"),
            ["2026-01-05T08:00:00.000Z", "t-1"]
        );
        assert!(after(list, "zz").is_err() && after(list, "5b5d").is_err());
    }

    #[test]
    fn every_column_a_list_names_is_one_of_its_view() {
        for list in LISTS {
            let view = crate::db::views::all()
                .into_iter()
                .find(|view| view.name == list.view);
            let columns: Vec<&str> = view
                .expect("its view exists")
                .columns
                .iter()
                .map(|column| column.name)
                .collect();
            let named = list.key.iter().chain(list.filters).chain(&list.time);
            for column in named {
                assert!(columns.contains(column), "{}: {column}", list.path);
            }
            assert!(!list.desk || columns.contains(&"desk"), "{}", list.path);
        }
    }
}
