//! A dataset of made-up decision steps, the same on both engines.

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use std::fmt::Write;

pub(crate) const DATASET: &str = "made-up";

/// Writes a dataset of `rows` steps in episodes of ten, each step with two calls to choose from.
pub(crate) async fn seed(url: &str, rows: i64) {
    run(url, &header()).await;
    for from in (0..rows).step_by(5_000) {
        run(url, &steps(from, rows.min(from + 5_000), rows)).await;
    }
}

/// Runs statements as they are.
pub(crate) async fn run(url: &str, sql: &str) {
    if let Some(path) = url.strip_prefix("sqlite://") {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
        let mut connection = options.connect().await.unwrap();
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    } else {
        let mut connection = PgConnection::connect(url).await.unwrap();
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    }
}

fn header() -> String {
    let features = r#"[{"name":"index_usd","unit":"USD","about":"index"},{"name":"iv","unit":"fraction","about":"at the money"},{"name":"dvol","unit":"fraction","about":"volatility index"}]"#;
    let actions = r#"[{"id":0,"action":"DO_NOTHING","bit":1},{"id":1,"action":"OPEN_COVERED_CALL","bit":2},{"id":2,"action":"ROLL_COVERED_CALL","bit":4},{"id":3,"action":"CLOSE_COVERED_CALL","bit":8}]"#;
    format!(
        "insert into training_datasets values ('{DATASET}', 'job', 'done', null, 'synthetic:x', 0, 1, 'BTC', \
         'moderate', 'rules_v2', '2', 'research', 'hold', 'bid_ask', 'deribit', 1, 0.25, 3, 'x', '{{}}', 'c0ffee', \
         '1', '{{}}', 'f1', '{features}', '{actions}', 'r1', '{{\"reward_coin\": \"change of equity\"}}', 0.999, \
         '[]', 0, 0, 0, '{{}}', '{{}}', '{{}}', 0, 0, null, 0, 0, 0, 0, 0, 0, null, null)"
    )
}

/// Steps `[from, to)` of `rows`: the last tenth is the test split, the tenth before it validation.
pub(crate) fn steps(from: i64, to: i64, rows: i64) -> String {
    let (mut steps, mut calls) = (Vec::new(), Vec::new());
    for n in from..to {
        steps.push(step(n, rows));
        for place in 0..2 {
            calls.push(call(n, place));
        }
    }
    format!(
        "begin; insert into training_rows values {}; insert into training_candidates values {}; commit",
        steps.join(", "),
        calls.join(", ")
    )
}

fn step(n: i64, rows: i64) -> String {
    let split = match (n / 10) * 100 / rows.max(1) {
        0..8 => "train",
        8 => "validation",
        _ => "test",
    };
    let x = n as f64;
    let (index, iv) = (90_000.0 + x / 3.0, 0.5 + (x / 7.0).sin() / 10.0);
    let observation = |x: f64| {
        format!(
            "[{},{},null]",
            90_000.0 + x / 3.0,
            0.5 + (x / 7.0).sin() / 10.0
        )
    };
    let at_ms = 1_767_603_600_000 + n * 3_600_000;
    let mut row = format!(
        "('{DATASET}', {n}, 'BTC', 'moderate', 'episode {}', {}, 'decision {n}', null, {at_ms}, '{split}', \
         'synthetic', 'calm', {index:?}, '{}', ",
        n / 10,
        n % 10,
        observation(x)
    );
    if n % 97 == 5 {
        row += "1, null, null, null, null, null, null, false, null, 0, 0, null, null, null, null, null, \
             false, false, null, 'the quotes were, \"stale\"')";
        return row;
    }
    let open = n % 10 == 0;
    let (action, instrument, size) = if open {
        ("OPEN_COVERED_CALL", "'BTC-30JAN26-100000-C'", "10000000")
    } else {
        ("DO_NOTHING", "null", "null")
    };
    write!(
        row,
        "3, '{action}', '{action}', {instrument}, null, {size}, {iv:?}, false, null, {}, {}, {:?}, {:?}, {:?}, {}, \
         '{}', {}, false, 0.999, null)",
        i64::from(open),
        n % 3 * 1_250,
        (x / 11.0).sin() / 1_000.0,
        (x / 11.0).sin() * 90.123,
        (x / 13.0).cos() * 1e-7,
        at_ms + 3_600_000,
        observation(x + 1.0),
        n % 10 == 9
    )
    .unwrap();
    row
}

fn call(n: i64, place: i64) -> String {
    let x = n as f64 / 9.0 + place as f64;
    let name = ["BTC-30JAN26-100000-C", "BTC-30JAN26-110000-C"][place as usize];
    let chosen = n % 10 == 0 && place == 0;
    format!(
        "('{DATASET}', {n}, {place}, '{name}', {:?}, {:?}, 0.0125, 0.013, {:?}, 1.1, 120.5, 1100.25, {:?}, {}, {}, \
         true, 0.5, {chosen}, '{{\"yield\":{}}}')",
        x % 21.0,
        0.2 + (x.sin() / 20.0),
        0.5 + x.cos() / 50.0,
        0.1 + x.cos() / 30.0,
        0.9 - 0.3 * place as f64,
        place + 1,
        x % 3.0
    )
}
