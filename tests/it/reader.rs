//! Views and guarded reads on both engines: the same rows, and no way out of the guard.

use crate::support::{TestDb, each_db};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use thetaq::db::reader::{Limits, ReadError, Reader, Rows};
use thetaq::db::{named, views};

async fn ask(test: &TestDb, sql: &str) -> Result<Rows, ReadError> {
    let limits = Limits {
        rows: 100,
        bytes: 1 << 20,
        time: Duration::from_secs(2),
    };
    Reader::new(&test.db).query(sql, &[], limits).await
}

#[tokio::test]
async fn every_view_has_the_columns_its_definition_describes() {
    each_db(async |test| {
        for view in views::all() {
            let rows = ask(&test, &format!("select * from {}", view.name)).await;
            let rows = rows.unwrap_or_else(|error| panic!("{}: {error}", view.name));
            let described: Vec<&str> = view.columns.iter().map(|column| column.name).collect();
            assert_eq!(rows.columns, described, "{}", view.name);
        }
    })
    .await;
}

#[tokio::test]
async fn every_named_question_runs() {
    each_db(async |test| {
        for question in named::all() {
            let ran = question
                .run(&Reader::new(&test.db), &BTreeMap::new(), Limits::default())
                .await;
            ran.unwrap_or_else(|error| panic!("{}: {error}", question.name));
            assert!(!question.read_it.is_empty(), "{}", question.name);
        }
    })
    .await;
}

#[tokio::test]
async fn values_are_the_same_on_both_engines() {
    each_db(async |test| {
        let sql = "select 1 as whole, 0.5 as half, 'x' as text, null as empty, sum(2) as total";
        let rows = ask(&test, sql).await.unwrap();
        assert_eq!(
            rows.rows,
            [vec![
                json!(1),
                json!(0.5),
                json!("x"),
                Value::Null,
                json!(2)
            ]]
        );
    })
    .await;
}

#[tokio::test]
async fn attacks_are_refused() {
    each_db(async |test| {
        let attacks = [
            "select hash from tokens",
            "select value from keys",
            "with v_decisions as (select * from keys) select * from v_decisions",
            "with keys as (select 1 as value) select * from keys, main.keys",
            "select count(*) from keys",
            "insert into keys values ('x', 'y', 1)",
            "delete from decisions",
            "update desks set kill_switch = false",
            "drop view v_jobs",
            "create table mine (x bigint)",
            "select 1; select 2",
            "select 1; delete from jobs",
            "commit; create table mine (x bigint)",
            "pragma query_only = 0",
            "attach database '/tmp/x.db' as other",
            "vacuum into '/tmp/thetaq-stolen.db'",
            "select load_extension('x')",
            "set statement_timeout = 0",
            "set role postgres",
            "select pg_read_file('/etc/passwd')",
            "copy decisions to '/tmp/x'",
        ];
        for sql in attacks {
            let answer = ask(&test, sql).await;
            let harmless = answer.as_ref().is_ok_and(|rows| rows.rows.is_empty());
            assert!(answer.is_err() || harmless, "{sql}: {answer:?}");
        }
        assert!(ask(&test, "select id from v_jobs").await.is_ok());
        assert!(ask(&test, "select * from mine").await.is_err());
    })
    .await;
}

#[tokio::test]
async fn endless_and_giant_queries_stop() {
    each_db(async |test| {
        let endless = "with recursive n as (select 1 as i union all select i + 1 from n) \
             select count(*) from n where i < 0";
        let stopped = ask(&test, endless).await;
        assert!(matches!(stopped, Err(ReadError::TimedOut(_))), "{stopped:?}");
        let giant = "with recursive n as (select 1 as i union all select i + 1 from n where i < 100000) \
             select i from n";
        let cut = ask(&test, giant).await.unwrap();
        assert!(cut.truncated && cut.rows.len() == 100);
    })
    .await;
}

#[tokio::test]
async fn settings_of_the_session_do_not_open_the_guard() {
    let test = crate::support::postgres().await;
    let raised = ask(&test, "select set_config('statement_timeout', '0', false)").await;
    assert!(
        raised.is_ok() || raised.is_err(),
        "whatever it says, it changes nothing"
    );
    let endless = "select set_config('statement_timeout', '0', false), pg_sleep(30)";
    assert!(ask(&test, endless).await.is_err());
    let role = "select set_config('role', 'postgres', true), query_to_xml('select * from keys', true, true, '')::text";
    assert!(ask(&test, role).await.is_err());
    let writable = "select set_config('transaction_read_only', 'off', true)";
    assert!(ask(&test, writable).await.is_err());
}
