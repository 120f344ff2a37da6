//! Views and guarded reads on both engines: the same rows, and no way out of the guard.

use crate::support::{TestDb, each_db, sqlite};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use thetaq::clock::Stopwatch;
use thetaq::db::reader::{Limits, ReadError, Reader, Rows};
use thetaq::db::{named, views};

async fn ask(test: &TestDb, sql: &str) -> Result<Rows, ReadError> {
    ask_within(test, sql, 2).await
}

async fn ask_within(test: &TestDb, sql: &str, seconds: u64) -> Result<Rows, ReadError> {
    let limits = Limits {
        rows: 100,
        bytes: 1 << 20,
        time: Duration::from_secs(seconds),
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

/// What must neither show nor change anything, on either engine, from wherever it comes.
pub(crate) const ATTACKS: &[&str] = &[
    "select hash from tokens",
    "select value from keys",
    "with v_decisions as (select * from keys) select * from v_decisions",
    "with keys as (select 1 as value) select * from keys, main.keys",
    "with recursive v_jobs as (select value as id from keys union all select id from v_jobs) select * from v_jobs",
    "select (select max(name) from keys) as name from v_desks",
    "select count(*) from keys",
    "select count(*) from KEYS",
    "select count(*) from main.keys",
    "select count(*) from public.keys",
    "select 1 from keys as v_jobs",
    "select 1 from (select 1 from keys) as t",
    "with t as (select 1 from keys) select count(*) from t",
    "with t(x) as (values ((select count(*) from keys))) select x from t",
    "with t as (select 1 as x) select x, (select value from keys) from t",
    "with keys as (select value from main.keys) select count(*) from keys",
    "select count(*) from sqlite_master",
    "select count(*) from sqlite_schema",
    "select count(*) from pragma_table_list",
    "select count(*) from pragma_module_list",
    "select count(*) from dbstat",
    "select count(*) from json_each('[1]'), keys",
    "select count(*) from pg_authid",
    "select 1 from v_desks where exists (select 1 from keys)",
    "select * from v_jobs union all select * from jobs",
    "explain select value from keys",
    "explain analyze delete from jobs",
    "insert into keys values ('x', 'y', 1)",
    "delete from decisions",
    "with gone as (delete from jobs returning id) select * from gone",
    "update desks set kill_switch = false",
    "drop view v_jobs",
    "create table mine (x bigint)",
    "create temp table mine as select 1 as x",
    "select 1 as x into mine",
    "select 1; select 2",
    "select 1; delete from jobs",
    "select 1 /* ; */; delete from jobs -- and no more",
    "select 1 --\n; delete from jobs",
    "select 1) as asked (c0); delete from jobs; --",
    "/* select 1 */ delete from jobs",
    "commit; create table mine (x bigint)",
    "begin",
    "rollback",
    "pragma query_only = 0",
    "pragma table_list",
    "select * from pragma_table_list",
    "select * from sqlite_master",
    "attach database '/tmp/x.db' as other",
    "vacuum into '/tmp/thetaq-stolen.db'",
    "select load_extension('x')",
    "select readfile('/etc/passwd')",
    "select writefile('/tmp/thetaq-stolen', 'x')",
    "select edit('x')",
    "select * from fsdir('/')",
    "set statement_timeout = 0",
    "set role postgres",
    "reset role",
    "select pg_read_file('/etc/passwd')",
    "select pg_ls_dir('/')",
    "select lo_import('/etc/passwd')",
    "select query_to_xml('select * from keys', true, true, '')::text",
    "select * from pg_authid",
    "select passwd from pg_shadow",
    "select pg_terminate_backend(pid) from pg_stat_activity where usename <> current_user",
    "select dblink('host=127.0.0.1', 'select 1')",
    "copy decisions to '/tmp/x'",
    "copy (select 1) to program 'true'",
    "do $$ begin delete from jobs; end $$",
    "listen jobs",
];

#[tokio::test]
async fn attacks_are_refused() {
    each_db(async |test| {
        for sql in ATTACKS {
            let answer = ask(&test, sql).await;
            let harmless = answer.as_ref().is_ok_and(|rows| rows.rows.is_empty());
            assert!(answer.is_err() || harmless, "{sql}: {answer:?}");
        }
        assert!(ask(&test, "select id from v_jobs").await.is_ok());
        assert!(ask(&test, "select * from mine").await.is_err());
        let files = ["/tmp/thetaq-stolen.db", "/tmp/thetaq-stolen"];
        assert!(
            files
                .iter()
                .all(|file| !std::path::Path::new(file).exists())
        );
    })
    .await;
}

#[tokio::test]
async fn constants_under_a_name_of_the_statement_are_no_table() {
    each_db(async |test| {
        for (sql, wanted) in [
            ("with t(x) as (values (1)) select x from t", json!([[1]])),
            ("with t as (select 1 as x) select * from t", json!([[1]])),
            ("with t as (select 1 as x) select count(*) from t", json!([[1]])),
            ("with T(x) as (values (1), (2)) select count(*) from t", json!([[2]])),
            ("with a as (select 1 as x), b as (select x from a) select 5 as y from b", json!([[5]])),
            ("with recursive n(i) as (select 1 union all select i + 1 from n where i < 3) select count(*) from n", json!([[3]])),
            ("with v_jobs as (select 7 as n) select n from v_jobs", json!([[7]])),
            ("select count(*) from V_JOBS", json!([[0]])),
        ] {
            let rows = ask(&test, sql).await;
            let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
            assert_eq!(json!(rows.rows), wanted, "{sql}");
        }
    })
    .await;
    let test = sqlite().await;
    let refused = ask(&test, "with keys as (select 1) select 2 as n from keys").await;
    let said = refused.unwrap_err().to_string();
    assert!(
        said.contains("over the views v_*") && said.contains("`with`"),
        "{said}"
    );
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
        let hundred_kilobytes = "replace(replace(replace(replace('xxxxxxxxxx', 'x', 'xxxxxxxxxx'), 'x', 'xxxxxxxxxx'), \
             'x', 'xxxxxxxxxx'), 'x', 'xxxxxxxxxx')";
        let wide = format!(
            "with recursive n as (select 1 as i union all select i + 1 from n where i < 90) \
             select {hundred_kilobytes} as words, i from n"
        );
        let cut = ask(&test, &wide).await.unwrap();
        assert!(cut.truncated && cut.rows.len() == 10, "a megabyte is the limit: {}", cut.rows.len());
    })
    .await;
}

/// One value of 10 MB: refused where it is made, or before it is read.
#[tokio::test]
async fn a_giant_value_does_not_reach_the_program() {
    let doubled = |times: usize| {
        let double = "replace(x, 'x', 'xxxxxxxxxx')";
        let nested = (0..times).fold("x".to_owned(), |inner, _| {
            double.replace("(x,", &format!("({inner},"))
        });
        format!("select {nested} as words from (select 'x' as x) s")
    };
    each_db(async |test| {
        let fine = ask(&test, &doubled(5)).await.unwrap();
        assert_eq!(fine.rows[0][0].as_str().map(str::len), Some(100_000));
        let giant = ask_within(&test, &doubled(7), 60).await;
        let words = giant.unwrap_err().to_string();
        assert!(
            words.contains("4194304 characters") || words.contains("too big"),
            "{words}"
        );
    })
    .await;
    let server = crate::support::postgres().await;
    let document = "select json_build_object('a', repeat('x', 10000000)) as a";
    assert!(ask(&server, document).await.is_err());
    let array = ask(
        &server,
        "select array_agg(i) as a from generate_series(1, 3) i",
    )
    .await;
    assert!(array.unwrap_err().to_string().contains("cast it to text"));
}

#[tokio::test]
async fn columns_of_one_name_are_both_there() {
    each_db(async |test| {
        let rows = ask(&test, "select 1 as a, 'x' as a, 2 as b, 3 as a;")
            .await
            .unwrap();
        assert_eq!(rows.columns, ["a", "a_2", "b", "a_3"]);
        let object = json!({"a": 1, "a_2": "x", "b": 2, "a_3": 3});
        assert_eq!(rows.objects(), [object]);
    })
    .await;
}

#[tokio::test]
async fn parameters_are_bound_by_number_and_not_by_where_they_stand() {
    each_db(async |test| {
        let sql = "select cast($2 as text) as b, cast($1 as text) as a, cast($2 as text) as again";
        let values = [json!("one"), json!("two")];
        let rows = Reader::new(&test.db)
            .query(sql, &values, Limits::default())
            .await;
        let expect = json!({"b": "two", "a": "one", "again": "two"});
        assert_eq!(rows.unwrap().objects(), [expect]);
    })
    .await;
}

/// Who asks may leave: the statement ends with him, long before its time is over.
#[test]
fn a_question_that_nobody_waits_for_ends() {
    let endless = "with recursive n as (select 1 as i union all select i + 1 from n) \
         select count(*) as i from n where i < 0";
    let limits = Limits {
        time: Duration::from_secs(50),
        ..Limits::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (file, server) = (
            crate::support::sqlite().await,
            crate::support::postgres().await,
        );
        for test in [&file, &server] {
            let reader = Reader::new(&test.db);
            let asked = reader.query(endless, &[], limits);
            let left = tokio::time::timeout(Duration::from_millis(500), asked).await;
            assert!(left.is_err(), "{left:?}");
        }
        nobody_asks(&server).await;
    });
    let since = Stopwatch::start();
    // Waits for the thread that holds SQLite's statement.
    drop(runtime);
    assert!(
        since.elapsed() < Duration::from_secs(20),
        "{:?}",
        since.elapsed()
    );
}

async fn nobody_asks(server: &TestDb) {
    let count = "select count(*) as n from pg_stat_activity \
         where usename = current_user and state = 'active' and pid <> pg_backend_pid()";
    for _ in 0..150 {
        if ask(server, count).await.unwrap().rows == [[json!(0)]] {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the server still works on a statement whose client left");
}

/// The README's units against the types that Postgres has for the columns.
#[tokio::test]
async fn units_fit_the_types_of_the_columns() {
    let test = crate::support::postgres().await;
    let sql = "select table_name::text as view, column_name::text as name, data_type::text as kind \
         from information_schema.columns where table_schema = current_schema()";
    let limits = Limits::default();
    let found = Reader::new(&test.db).query(sql, &[], limits).await.unwrap();
    let mut checked = 0;
    for row in &found.rows {
        let [view, name, kind] = [0, 1, 2].map(|at| row[at].as_str().unwrap());
        let views = views::all();
        let Some(view) = views.iter().find(|known| known.name == view) else {
            continue;
        };
        let column = view
            .columns
            .iter()
            .find(|column| column.name == name)
            .unwrap();
        let fits = match kind {
            "text" => ["text", "UTC time", "UTC day", "JSON"].contains(&column.unit),
            "boolean" => column.unit == "true or false",
            "jsonb" => column.unit == "JSON",
            _ => !["text", "UTC time", "UTC day", "true or false", "JSON"].contains(&column.unit),
        };
        assert!(
            fits,
            "{}.{name} is {kind}, but its unit is {}",
            view.name, column.unit
        );
        checked += 1;
    }
    assert_eq!(
        checked,
        views::all()
            .iter()
            .map(|view| view.columns.len())
            .sum::<usize>()
    );
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
