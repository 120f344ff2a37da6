//! The guard on SQLite.

use super::{Limits, ReadError, Rows};
use crate::clock::Stopwatch;
use crate::db::engine::SqliteDb;
use crate::db::{json, views};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Statement};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// (base table, column) pairs a statement may read.
type Allowed = BTreeSet<(String, String)>;

/// Functions a statement may call: none loads code, sleeps, or makes a value out of nothing.
const FUNCTIONS: &[&str] = &[
    "abs",
    "avg",
    "coalesce",
    "concat",
    "concat_ws",
    "count",
    "cume_dist",
    "date",
    "datetime",
    "dense_rank",
    "first_value",
    "glob",
    "group_concat",
    "ifnull",
    "iif",
    "instr",
    "json_array_length",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_type",
    "->",
    "->>",
    "julianday",
    "lag",
    "last_value",
    "lead",
    "length",
    "like",
    "lower",
    "ltrim",
    "max",
    "min",
    "nth_value",
    "ntile",
    "nullif",
    "percent_rank",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "strftime",
    "string_agg",
    "substr",
    "substring",
    "sum",
    "time",
    "total",
    "trim",
    "typeof",
    "unixepoch",
    "upper",
];

/// Longest single value, bytes.
const VALUE_BYTES: i32 = 4 << 20;
/// Virtual machine steps between two looks at the deadline.
const STEPS: i32 = 2_000;

pub(super) async fn query(
    db: &SqliteDb,
    sql: &str,
    parameters: &[Value],
    limits: Limits,
) -> Result<Rows, ReadError> {
    let (path, sql, parameters) = (db.path.clone(), sql.to_owned(), parameters.to_vec());
    let abandoned = Abandoned::default();
    let seen = abandoned.0.clone();
    tokio::task::spawn_blocking(move || run(&path, &sql, &parameters, limits, seen))
        .await
        .map_err(|error| ReadError::Unavailable(error.to_string()))?
}

/// Tells the statement to stop when nobody waits for it any more.
#[derive(Default)]
struct Abandoned(Arc<AtomicBool>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn run(
    path: &Path,
    sql: &str,
    parameters: &[Value],
    limits: Limits,
    abandoned: Arc<AtomicBool>,
) -> Result<Rows, ReadError> {
    let explain = |error| explained(&error, limits.time);
    let started = Stopwatch::start();
    let stop = move || abandoned.load(Ordering::Relaxed) || started.elapsed() > limits.time;
    let connection = guarded(path, stop).map_err(explain)?;
    let mut statement = connection.prepare(sql).map_err(explain)?;
    query_only(&statement)?;
    bind(&mut statement, parameters)?;
    collect(&mut statement, &limits).map_err(explain)
}

/// A connection on which a person's SQL may be prepared; a statement ends once `stop` says so.
pub(in crate::db) fn guarded(
    path: &Path,
    stop: impl Fn() -> bool + Send + 'static,
) -> rusqlite::Result<Connection> {
    let connection = open(path)?;
    let stored = stored_names(&connection)?;
    let allowed = view_columns(&connection)?;
    connection.authorizer(Some(move |context: AuthContext<'_>| {
        permit(&context.action, &allowed, &stored)
    }))?;
    connection.progress_handler(STEPS, Some(stop))?;
    Ok(connection)
}

/// A connection for the program's own selects.
pub(in crate::db) fn own(
    path: &Path,
    stop: impl Fn() -> bool + Send + 'static,
) -> rusqlite::Result<Connection> {
    let connection = open(path)?;
    connection.progress_handler(STEPS, Some(stop))?;
    Ok(connection)
}

/// Refuses what gives no rows or writes.
pub(in crate::db) fn query_only(statement: &Statement<'_>) -> Result<(), ReadError> {
    if !statement.readonly() || statement.column_count() == 0 {
        return Err(ReadError::Refused("this is not a query".to_owned()));
    }
    Ok(())
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.execute_batch("pragma query_only = 1")?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.set_limit(Limit::SQLITE_LIMIT_EXPR_DEPTH, 200)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000)?;
    Ok(connection)
}

/// Names in small letters of everything a `from` can reach: tables, views, and modules such as `json_each`.
fn stored_names(connection: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    let names = "select name from sqlite_master union select name from pragma_module_list";
    let mut statement = connection.prepare(names)?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    names.map(|name| Ok(name?.to_ascii_lowercase())).collect()
}

/// What the views read, as SQLite itself reports it while preparing them.
fn view_columns(connection: &Connection) -> rusqlite::Result<Allowed> {
    let seen = Arc::new(Mutex::new(Allowed::new()));
    let notes = seen.clone();
    connection.authorizer(Some(move |context: AuthContext<'_>| {
        if let AuthAction::Read {
            table_name,
            column_name,
        } = context.action
        {
            let pair = (table_name.to_owned(), column_name.to_owned());
            notes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(pair);
        }
        Authorization::Allow
    }))?;
    for view in views::all() {
        connection.prepare(&format!("select * from {}", view.name))?;
    }
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *seen))
}

/// Never looks at who asks: a common table expression may bear the name of a view.
fn permit(action: &AuthAction<'_>, allowed: &Allowed, stored: &BTreeSet<String>) -> Authorization {
    let good = match action {
        AuthAction::Select | AuthAction::Recursive => true,
        // An empty column name is `count(*)`, or a common table expression of constants: which name is read from is
        // all that is told. A name that nothing stored has can only be the statement's own.
        AuthAction::Read {
            table_name,
            column_name: "",
        } => {
            let name = table_name.to_ascii_lowercase();
            let hidden = ["sqlite_", "pragma_"]
                .iter()
                .any(|start| name.starts_with(start));
            let of_a_view = allowed
                .iter()
                .any(|(table, _)| table.eq_ignore_ascii_case(&name));
            of_a_view || !hidden && !stored.contains(&name)
        }
        AuthAction::Read {
            table_name,
            column_name,
        } => allowed.contains(&((*table_name).to_owned(), (*column_name).to_owned())),
        AuthAction::Function { function_name } => {
            let name = function_name.to_ascii_lowercase();
            FUNCTIONS.contains(&name.as_str())
        }
        _ => false,
    };
    if good {
        Authorization::Allow
    } else {
        Authorization::Deny
    }
}

/// Binds by number: SQLite takes `$2` for a name and counts it by where it first stands.
pub(in crate::db) fn bind(
    statement: &mut Statement<'_>,
    parameters: &[Value],
) -> Result<(), ReadError> {
    let wanted = statement.parameter_count();
    if wanted != parameters.len() {
        return Err(ReadError::Sql(format!(
            "the statement has {wanted} parameters, {} were given",
            parameters.len()
        )));
    }
    for index in 1..=wanted {
        let number = statement
            .parameter_name(index)
            .and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok())
            .unwrap_or(index);
        let value = parameters.get(number.wrapping_sub(1));
        let value =
            value.ok_or_else(|| ReadError::Sql(format!("no value was given for ${number}")))?;
        statement
            .raw_bind_parameter(index, Parameter(value))
            .map_err(|error| ReadError::Sql(error.to_string()))?;
    }
    Ok(())
}

struct Parameter<'a>(&'a Value);

impl rusqlite::ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Owned(rusqlite::types::Value::Null),
            Value::Bool(flag) => (*flag).into(),
            Value::Number(number) => match number.as_i64() {
                Some(integer) => integer.into(),
                None => number.as_f64().unwrap_or_default().into(),
            },
            Value::String(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            other => other.to_string().into(),
        })
    }
}

fn collect(statement: &mut Statement<'_>, limits: &Limits) -> rusqlite::Result<Rows> {
    let (columns, types): (Vec<String>, Vec<String>) = statement
        .columns()
        .iter()
        .map(|column| {
            let declared = column.decl_type().unwrap_or_default();
            (column.name().to_owned(), declared.to_ascii_lowercase())
        })
        .unzip();
    let mut result = Rows::of(columns.into_iter());
    let mut bytes = 0;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        let values: rusqlite::Result<Vec<Value>> = types
            .iter()
            .enumerate()
            .map(|(at, declared)| Ok(value(row.get_ref(at)?, declared)))
            .collect();
        if !result.push(values?, &mut bytes, limits) {
            break;
        }
    }
    Ok(result)
}

/// SQLite stores booleans as integers and JSON as text: the declared type tells them apart.
fn value(stored: ValueRef<'_>, declared: &str) -> Value {
    match stored {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(flag) if declared == "boolean" => Value::Bool(flag != 0),
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => {
            let text = String::from_utf8_lossy(text);
            if declared == "jsonb"
                && let Ok(parsed) = json::exact(&text)
            {
                return parsed;
            }
            text.into()
        }
        ValueRef::Blob(bytes) => format!("({} bytes)", bytes.len()).into(),
    }
}

pub(in crate::db) fn explained(error: &rusqlite::Error, time: Duration) -> ReadError {
    match error {
        rusqlite::Error::MultipleStatement => {
            ReadError::Refused("there is more than one statement".to_owned())
        }
        _ => match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => ReadError::TimedOut(time),
            Some(ErrorCode::AuthorizationForStatementDenied | ErrorCode::ReadOnly) => {
                ReadError::Refused(refused(error))
            }
            Some(ErrorCode::CannotOpen | ErrorCode::DatabaseBusy) => {
                ReadError::Unavailable(error.to_string())
            }
            _ => ReadError::Sql(error.to_string()),
        },
    }
}

/// SQLite's own words name a column or a function, or nothing at all.
fn refused(error: &rusqlite::Error) -> String {
    let said = error.to_string();
    if said != "not authorized" {
        return said;
    }
    "not authorized: a statement is one select over the views v_*, and a `with` in it must not bear the name of another \
     table; `thetaq sql` lists the views"
        .to_owned()
}
