//! The Postgres role of guarded reads: select on the views, nothing else. Its password is a row of `keys`.

use super::ReadError;
use crate::clock::Clock;
use crate::db::engine::{Db, PostgresDb};
use crate::db::views;
use crate::domain::hex::hex;
use sqlx::postgres::PgConnectOptions;

/// Makes the role and grants it the views, when this user may; SQLite needs none.
pub(in crate::db) async fn create(db: &Db) -> sqlx::Result<()> {
    let Db::Postgres(postgres) = db else {
        return Ok(());
    };
    let name = name(postgres);
    if !may_create(postgres).await? || ready(postgres, &name).await? {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    views::lock(&mut tx).await?;
    let password = hex(&Clock::real().secret());
    let known: bool = on!(tx, conn => sqlx::query_scalar(
        "select exists (select 1 from pg_roles where rolname = $1)",
    )
    .bind(&name).fetch_one(&mut *conn).await)?;
    let verb = if known { "alter" } else { "create" };
    let mut statements = vec![
        format!(
            "{verb} role \"{name}\" login nosuperuser nocreatedb nocreaterole password '{password}'"
        ),
        format!("grant usage on schema public to \"{name}\""),
    ];
    for view in views::all() {
        statements.push(format!("grant select on {} to \"{name}\"", view.name));
    }
    for statement in statements {
        views::execute(&mut tx, statement).await?;
    }
    on!(tx, conn => sqlx::query(
        "insert into keys (name, value, created_ms) values ('reader', $1, $2) \
         on conflict (name) do update set value = excluded.value",
    )
    .bind(password.as_bytes()).bind(Clock::real().wall_ms())
    .execute(&mut *conn).await.map(|_| ()))?;
    tx.commit().await
}

/// How to connect as the role; an error says how to make it.
pub(in crate::db) async fn options(db: &PostgresDb) -> Result<PgConnectOptions, ReadError> {
    let name = name(db);
    let password: Option<Vec<u8>> =
        sqlx::query_scalar("select value from keys where name = 'reader'")
            .fetch_optional(&db.pool)
            .await
            .map_err(|error| ReadError::Unavailable(error.to_string()))?;
    let Some(password) = password else {
        return Err(ReadError::NoRole(name));
    };
    let options = PgConnectOptions::clone(&db.options).username(&name);
    Ok(options.password(&String::from_utf8_lossy(&password)))
}

/// One role per database, since roles belong to the whole server.
fn name(db: &PostgresDb) -> String {
    let database = db.options.get_database().unwrap_or("default");
    let safe: String = database
        .chars()
        .filter(|letter| letter.is_alphanumeric() || *letter == '_')
        .take(45)
        .collect();
    format!("thetaq_reader_{safe}")
}

async fn may_create(db: &PostgresDb) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select rolsuper or rolcreaterole from pg_roles where rolname = current_user",
    )
    .fetch_one(&db.pool)
    .await
}

/// True when the role, its password and its grant on every view are there.
async fn ready(db: &PostgresDb, name: &str) -> sqlx::Result<bool> {
    let keyed: bool = sqlx::query_scalar(
        "select exists (select 1 from keys where name = 'reader') \
         and exists (select 1 from pg_roles where rolname = $1)",
    )
    .bind(name)
    .fetch_one(&db.pool)
    .await?;
    if !keyed {
        return Ok(false);
    }
    for view in views::all() {
        let granted: bool = sqlx::query_scalar("select has_table_privilege($1, $2, 'select')")
            .bind(name)
            .bind(view.name)
            .fetch_one(&db.pool)
            .await?;
        if !granted {
            return Ok(false);
        }
    }
    Ok(true)
}
