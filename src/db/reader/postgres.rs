//! The guard on Postgres: a connection per statement, as a role that owns nothing.

use super::{Limits, ReadError, Rows, role};
use crate::db::engine::PostgresDb;
use crate::db::json;
use futures::TryStreamExt;
use serde_json::Value;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArguments, PgColumn, PgRow, PgTypeInfo, PgValueRef};
use sqlx::{
    AssertSqlSafe, Column, Connection, Decode, Executor, PgConnection, Postgres, Row, SqlSafeStr,
    Statement, Type, TypeInfo, ValueRef,
};
use std::fmt::Write as _;
use std::time::Duration;

/// Time a killed statement gets to say so before its connection is dropped.
const GRACE: Duration = Duration::from_secs(1);
/// Longest text, characters.
const VALUE_CHARS: usize = 4 << 20;
/// Types besides texts and documents that have a value in JSON.
const KINDS: &[&str] = &[
    "BOOL",
    "INT2",
    "INT4",
    "INT8",
    "OID",
    "FLOAT4",
    "FLOAT8",
    "NUMERIC",
    "BPCHAR",
    "NAME",
    "CHAR",
    "TIMESTAMPTZ",
    "TIMESTAMP",
    "DATE",
];
/// How often the server looks whether its client is still there, milliseconds.
const LOOK_MS: u32 = 250;

pub(super) async fn query(
    db: &PostgresDb,
    sql: &str,
    parameters: &[Value],
    limits: Limits,
) -> Result<Rows, ReadError> {
    let options = role::options(db).await?;
    let mut connection = PgConnection::connect_with(&options)
        .await
        .map_err(|error| ReadError::Unavailable(error.to_string()))?;
    let done = tokio::time::timeout(
        limits.time + GRACE,
        run(&mut connection, sql, parameters, &limits),
    )
    .await;
    // Dropped, not closed: a truncated result must not be read to its end.
    drop(connection);
    done.map_err(|_| ReadError::TimedOut(limits.time))?
        .map_err(|error| explained(&error, limits.time))
}

async fn run(
    connection: &mut PgConnection,
    sql: &str,
    parameters: &[Value],
    limits: &Limits,
) -> sqlx::Result<Rows> {
    let milliseconds = limits.time.as_millis();
    // With the second setting the server ends a statement whose client has gone; old servers lack it.
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe(format!(
            "begin read only; set local statement_timeout = {milliseconds}; \
             select set_config(name, '{LOOK_MS}', true) from pg_settings \
             where name = 'client_connection_check_interval'"
        ))))
        .await?;
    let statement = connection
        .prepare(AssertSqlSafe(sql.to_owned()).into_sql_str())
        .await?;
    let names = statement.columns().iter();
    let mut result = Rows::of(names.map(|column| column.name().to_owned()));
    let statement = match bounded(sql, statement.columns())? {
        Some(sql) => {
            connection
                .prepare(AssertSqlSafe(sql).into_sql_str())
                .await?
        }
        None => statement,
    };
    let mut bytes = 0;
    let mut rows = statement
        .query_with(arguments(parameters)?)
        .fetch(&mut *connection);
    while let Some(row) = rows.try_next().await? {
        if !result.push(values(&row)?, &mut bytes, limits) {
            return Ok(result);
        }
    }
    drop(rows);
    connection.execute(sqlx::raw_sql("rollback")).await?;
    Ok(result)
}

/// The statement with its texts cut, so that no single value fills the memory; SQLite has a setting for it.
///
/// `None` when nothing in it can be long.
fn bounded(sql: &str, columns: &[PgColumn]) -> sqlx::Result<Option<String>> {
    let sql = sql.trim().trim_end_matches(';');
    let first = sql.split_whitespace().next().unwrap_or_default();
    let plans = ["explain", "show"]
        .iter()
        .any(|word| first.eq_ignore_ascii_case(word));
    let mut long = false;
    let mut cells = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        let kind = column.type_info().name();
        cells.push(match kind {
            "TEXT" | "VARCHAR" | "UNKNOWN" => format!("left(c{at}, {})", VALUE_CHARS + 1),
            // What is left of a document that is cut is none, and fails.
            "JSON" | "JSONB" => format!(
                "case when length(cast(c{at} as text)) > {VALUE_CHARS} \
                 then cast(left(cast(c{at} as text), 9) as {kind}) else c{at} end"
            ),
            _ if KINDS.contains(&kind) => format!("c{at}"),
            _ => return Err(unreadable(at, kind)),
        });
        long |= cells[at] != format!("c{at}");
    }
    let names: Vec<String> = (0..columns.len()).map(|at| format!("c{at}")).collect();
    let (cells, names) = (cells.join(", "), names.join(", "));
    Ok((long && !plans).then(|| format!("select {cells} from (\n{sql}\n) as asked ({names})")))
}

fn unreadable(at: usize, kind: &str) -> sqlx::Error {
    let words = format!("column {} is of type {kind}; cast it to text", at + 1);
    sqlx::Error::Decode(words.into())
}

fn arguments(parameters: &[Value]) -> sqlx::Result<PgArguments> {
    let mut arguments = PgArguments::default();
    for value in parameters {
        let added = match value {
            Value::Null => sqlx::Arguments::add(&mut arguments, None::<String>),
            Value::Bool(flag) => sqlx::Arguments::add(&mut arguments, *flag),
            Value::Number(number) => match number.as_i64() {
                Some(integer) => sqlx::Arguments::add(&mut arguments, integer),
                None => sqlx::Arguments::add(&mut arguments, number.as_f64()),
            },
            Value::String(text) => sqlx::Arguments::add(&mut arguments, text.as_str()),
            other => sqlx::Arguments::add(&mut arguments, other.to_string()),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn values(row: &PgRow) -> sqlx::Result<Vec<Value>> {
    (0..row.len()).map(|at| value(row, at)).collect()
}

fn value(row: &PgRow, at: usize) -> sqlx::Result<Value> {
    let raw = row.try_get_raw(at)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let name = raw.type_info().name().to_owned();
    Ok(match name.as_str() {
        "BOOL" => row.try_get::<bool, _>(at)?.into(),
        "INT2" => row.try_get::<i16, _>(at)?.into(),
        "INT4" => row.try_get::<i32, _>(at)?.into(),
        "INT8" => row.try_get::<i64, _>(at)?.into(),
        "OID" => row.try_get::<Oid, _>(at)?.0.into(),
        "FLOAT4" => row.try_get::<f32, _>(at)?.into(),
        "FLOAT8" => row.try_get::<f64, _>(at)?.into(),
        "NUMERIC" => row.try_get::<Numeric, _>(at)?.0,
        "JSON" | "JSONB" => row.try_get::<Document, _>(at)?.0,
        "TEXT" | "VARCHAR" | "BPCHAR" | "NAME" | "CHAR" | "UNKNOWN" => {
            let text: String = row.try_get_unchecked(at)?;
            if text.chars().nth(VALUE_CHARS).is_some() {
                let words = format!(
                    "column {} has a text of more than {VALUE_CHARS} characters",
                    at + 1
                );
                return Err(sqlx::Error::Decode(words.into()));
            }
            text.into()
        }
        "TIMESTAMPTZ" => {
            let time: chrono::DateTime<chrono::Utc> = row.try_get(at)?;
            time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
                .into()
        }
        "TIMESTAMP" => {
            let time: chrono::NaiveDateTime = row.try_get(at)?;
            time.to_string().into()
        }
        "DATE" => row.try_get::<chrono::NaiveDate, _>(at)?.to_string().into(),
        other => return Err(unreadable(at, other)),
    })
}

/// JSON with its keys in order, as SQLite's reader gives it.
struct Document(Value);

impl Type<Postgres> for Document {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("jsonb")
    }

    fn compatible(found: &PgTypeInfo) -> bool {
        ["JSON", "JSONB"].contains(&found.name())
    }
}

impl<'r> Decode<'r, Postgres> for Document {
    fn decode(raw: PgValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
        let bytes = raw.as_bytes()?;
        // The binary form of jsonb starts with a version byte.
        let text = bytes.strip_prefix(&[1]).unwrap_or(bytes);
        Ok(Self(json::exact(std::str::from_utf8(text)?)?))
    }
}

/// `sum(bigint)` and `avg`: an integer when it is whole and fits, else the nearest float.
struct Numeric(Value);

impl Type<Postgres> for Numeric {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("numeric")
    }

    fn compatible(found: &PgTypeInfo) -> bool {
        found.name() == "NUMERIC"
    }
}

impl<'r> Decode<'r, Postgres> for Numeric {
    fn decode(raw: PgValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
        Ok(Self(numeric(raw.as_bytes()?)?))
    }
}

/// Postgres's binary numeric: count, weight, sign, scale, then base-10000 digits, each 16 bits.
fn numeric(bytes: &[u8]) -> Result<Value, sqlx::error::BoxDynError> {
    let words: Vec<i16> = bytes
        .chunks_exact(2)
        .map(|pair| i16::from_be_bytes([pair[0], pair[1]]))
        .collect();
    let [_, weight, sign, scale, digits @ ..] = words.as_slice() else {
        return Err("a numeric value is cut short".into());
    };
    if *sign & 0x4000 == 0 || *sign == 0x4000 {
        let mut text = if *sign == 0 { "" } else { "-" }.to_owned();
        for place in 0..=(*weight).max(0) {
            let skip = usize::from(*weight < 0);
            let digit = (skip == 0).then(|| digits.get(place as usize)).flatten();
            write!(text, "{:04}", digit.copied().unwrap_or(0))?;
        }
        if *scale == 0 {
            if let Ok(whole) = text.parse::<i64>() {
                return Ok(whole.into());
            }
            return Ok(text.parse::<f64>()?.into());
        }
        text.push('.');
        for _ in *weight + 1..0 {
            text += "0000";
        }
        let first = usize::try_from((*weight + 1).max(0))?;
        for digit in digits.iter().skip(first) {
            write!(text, "{digit:04}")?;
        }
        text.push('0');
        return Ok(text.parse::<f64>()?.into());
    }
    Ok(Value::Null)
}

pub(in crate::db) fn explained(error: &sqlx::Error, time: Duration) -> ReadError {
    let Some(database) = error.as_database_error() else {
        return ReadError::Sql(error.to_string());
    };
    let message = database.message().to_owned();
    match database.code().as_deref() {
        // query_canceled
        Some("57014") => ReadError::TimedOut(time),
        // insufficient_privilege, read_only_sql_transaction, active_sql_transaction
        Some("42501" | "25006" | "25001") => ReadError::Refused(message),
        Some("42601") if message.contains("multiple commands") => {
            ReadError::Refused("there is more than one statement".to_owned())
        }
        _ => ReadError::Sql(message),
    }
}

#[cfg(test)]
mod tests {
    use super::numeric;
    use serde_json::json;

    #[test]
    fn numerics_decode_by_their_binary_form() {
        let bytes = |words: &[i16]| {
            words
                .iter()
                .flat_map(|word| word.to_be_bytes())
                .collect::<Vec<u8>>()
        };
        let check = |words: &[i16], expect: serde_json::Value| {
            assert_eq!(
                numeric(&bytes(words)).expect("a numeric"),
                expect,
                "{words:?}"
            );
        };
        check(&[2, 1, 0, 0, 1, 2345], json!(12345));
        check(&[1, 1, 0, 0, 3], json!(30_000));
        check(&[0, 0, 0, 0], json!(0));
        check(&[2, 0, 0x4000, 2, 7, 2500], json!(-7.25));
        check(&[1, -2, 0, 8, 12], json!(0.000_000_12));
    }
}
