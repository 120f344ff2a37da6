//! What a mistake says: where it is, what is wrong, what to do; 2 for wrong usage, 1 for the rest.

use crate::support::terminal::Terminal;

/// Each run ends with the code and says all of the words.
pub(super) fn check(here: &Terminal, code: i32, cases: &[(&[&str], &[&str])]) {
    for (line, words) in cases {
        let said = here.error(code, line);
        for word in *words {
            assert!(
                said.contains(word),
                "{line:?} does not say `{word}`:\n{said}"
            );
        }
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    let here = Terminal::new();
    let cases: &[(&[&str], &[&str])] = &[
        (&["--nonsense"], &["--nonsense", "--help"]),
        (&["jobs"], &["Usage: thetaq jobs"]),
        (
            &["jobs", "list", "--state", "odd"],
            &["odd", "available", "discarded"],
        ),
        (&["jobs", "show"], &["<ID>"]),
        (&["import"], &["<PATHS>"]),
        (&["import", "missing.csv"], &["cannot read missing.csv"]),
        (
            &["enqueue", "dance"],
            &["no kind of job is named `dance`", "record_market"],
        ),
        (&["enqueue", "tick", "--args", "{"], &["--args is not JSON"]),
        (
            &["enqueue", "tick", "--args", "{}"],
            &["--args", "`tick`", "missing field `underlying`"],
        ),
        (
            &["enqueue", "tick", "--args", r#"{"underlying": "DOGE"}"#],
            &["--args", "DOGE", "`BTC` or `ETH`"],
        ),
        (
            &["tick", "--underlying", "DOGE"],
            &["DOGE", "use BTC or ETH"],
        ),
        (
            &["quotes", "--underlying", "BTC", "--at", "yesterday"],
            &["--at", "yesterday", "2026-01-02T09:00:00Z"],
        ),
        (
            &["replay-market", "--from", "2026-01-02", "--to", "soon"],
            &["--to", "soon", "2026-01-02"],
        ),
        (
            &[
                "replay-market",
                "--from",
                "2026-01-05",
                "--to",
                "2026-01-02",
            ],
            &["--from must not be later than --to"],
        ),
        (
            &[
                "replay-market",
                "--from",
                "2026-01-02",
                "--to",
                "2026-01-03",
                "--desk",
                "live",
            ],
            &["--desk live", "book of its own"],
        ),
        (
            &["sql", "no_such"],
            &["no question named `no_such`", "failed_filters"],
        ),
        (
            &["sql", "v_nothing"],
            &["no view named `v_nothing`", "`thetaq sql` lists"],
        ),
        (
            &["sql", "--query", "select 1", "--param", "a=b"],
            &["--param", "a named question"],
        ),
        (
            &["sql", "--query", "select 1", "--format", "xml"],
            &["xml", "jsonl"],
        ),
        (
            &["sql", "failed_filters", "--param", "underlying"],
            &["KEY=VALUE"],
        ),
        (
            &["sql", "failed_filters", "--param", "colour=red"],
            &["colour", "underlying"],
        ),
        (
            &["work", "--kinds", "dance"],
            &["--kinds", "`dance`", "settle"],
        ),
    ];
    check(&here, 2, cases);
}

/// What cannot be run is refused before a job is made of it.
#[test]
fn runs_that_cannot_be_end_with_2_and_leave_no_job() {
    let here = Terminal::new();
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["backtest", "--from", "2026-05-01", "--to", "2026-01-01"],
            &[
                "--from, --to",
                "2026-05-01T00:00:00Z",
                "2026-01-01T23:59:59",
                "name an earlier",
            ],
        ),
        (
            &["train", "--from", "2026-05-01", "--to", "2026-01-01"],
            &["--from, --to", "2026-05-01T00:00:00Z"],
        ),
        (
            &["backtest", "--source", "foo"],
            &["--source foo", "synthetic", "thetaq import"],
        ),
        (
            &["whatif", "--at", "2026-01-02", "--source", "live"],
            &["--source live", "thetaq train"],
        ),
        (
            &["lookahead", "--source", "rebuilt:host"],
            &["--source rebuilt:host", "fetch-history --rebuild"],
        ),
        (
            &["train", "--source", "foo"],
            &["--source foo", "BTC", "thetaq import"],
        ),
        (
            &["enqueue", "backtest", "--args", r#"{"source": "nowhere"}"#],
            &[
                "--args: source nowhere",
                "none but synthetic",
                "thetaq import",
            ],
        ),
        (
            &[
                "enqueue",
                "sweep",
                "--args",
                r#"{"source": "live", "plan": {"axes": []}, "settings": {"underlying": "ETH"}}"#,
            ],
            &["--args: source live", "ETH", "thetaq train"],
        ),
        (
            &[
                "sweep",
                "--vary",
                "delta_target=0.1,0.2",
                "--set",
                "delta_target=0.3",
            ],
            &["--set delta_target=0.3", "--vary delta_target"],
        ),
    ];
    check(&here, 2, cases);
    assert_eq!(here.json(&["jobs", "list"]), serde_json::json!([]));
}

#[test]
fn wrong_names_and_addresses_end_with_2() {
    let here = Terminal::new();
    let cases: &[(&[&str], &[&str])] = &[
        (&["token"], &["<NAME>"]),
        (&["token", "two words"], &["NAME", "without spaces"]),
        (
            &["--config", "none.toml", "config"],
            &["no file none.toml", "thetaq config > none.toml"],
        ),
        (
            &["--database-url", "mysql://me@db/x", "migrate"],
            &[
                "--database-url",
                "mysql://me@db/x",
                "sqlite://PATH",
                "postgres://",
            ],
        ),
        (&["web", "--bind", "8787"], &["--bind", "8787", "HOST:PORT"]),
    ];
    check(&here, 2, cases);
}

#[test]
fn what_cannot_be_done_ends_with_1() {
    let here = Terminal::new();
    here.write(
        "data.db",
        "this is no database, however long it may be, and however often one asks it",
    );
    let id = "01KE6Z0V1W3T5Q8R2M4N6P8S0A";
    let missing = &[
        "there is no job 01KE6Z0V1W3T5Q8R2M4N6P8S0A",
        "thetaq jobs list",
    ][..];
    let cases: &[(&[&str], &[&str])] = &[
        (&["jobs", "show", id], missing),
        (&["jobs", "retry", id], missing),
        (&["jobs", "cancel", id], missing),
        (&["jobs", "wait", id], missing),
        (
            &["replay", id],
            &["no decision 01KE6Z0V1W3T5Q8R2M4N6P8S0A", "thetaq decisions"],
        ),
        (
            &["quotes", "--underlying", "BTC", "--at", "2026-01-02"],
            &["no BTC chain", "recorded", "thetaq coverage"],
        ),
        (
            &[
                "replay-market",
                "--from",
                "2026-01-02",
                "--to",
                "2026-01-03",
            ],
            &["no recorded chain", "thetaq import PATH"],
        ),
        (
            &["sql", "--query", "delete from jobs"],
            &["only one `select` over the views v_*"],
        ),
        (
            &["sql", "--query", "select * from jobs"],
            &["only one `select` over the views v_*"],
        ),
        (
            &["sql", "--query", "select no_such from v_jobs"],
            &["no_such", "`thetaq sql VIEW` its columns"],
        ),
        (
            &["sql", "--query", "select * from v_nothing"],
            &["v_nothing", "`thetaq sql` lists the views"],
        ),
        (
            &["sql", "sweep_ranking", "--param", "places=many"],
            &["places: `many` is not a number"],
        ),
        (
            &["sql", "--seconds", "1", "--query", ENDLESS],
            &["stopped after 1s", "`limit`"],
        ),
        (&["login"], &["no dashboard runs", "`thetaq` opens one"]),
        (
            &["token", "revoke", "laptop"],
            &["no token named laptop", "thetaq token list"],
        ),
        (
            &["--database-url", "sqlite://data.db", "migrate"],
            &["sqlite://data.db", "not a database", "--database-url"],
        ),
        (
            &[
                "--database-url",
                "postgres://me:secret@127.0.0.1:1/desk",
                "migrate",
            ],
            &[
                "postgres://me@127.0.0.1:1/desk",
                "refused",
                "start its server",
            ],
        ),
        (
            &["web", "--bind", "0.0.0.0:0"],
            &["refusing to listen", "expose = true"],
        ),
    ];
    check(&here, 1, cases);
    let said = here.run(&[
        "--database-url",
        "postgres://me:secret@127.0.0.1:1/desk",
        "doctor",
    ]);
    assert_eq!(said.code, 1);
    assert!(!format!("{said:?}").contains("secret"), "{said:?}");
}

#[test]
fn wrong_settings_are_refused_by_file_section_and_key() {
    let here = Terminal::new();
    for (text, words) in [
        (
            "[desk]\ncolour = 1\n",
            &[
                "workers.toml",
                "line 2",
                "unknown field `colour`",
                "delta_min",
            ][..],
        ),
        (
            "[dsk]\n",
            &["workers.toml", "unknown field `dsk`", "`desk`"],
        ),
        (
            "[desk]\ndelta_min = \"low\"\n",
            &["line 2", "invalid type", "expected f64"],
        ),
        (
            "[desk]\nmode = \"fast\"\n",
            &["line 2", "`fast`", "`research` or `production`"],
        ),
        ("[desk\n", &["workers.toml", "line 1"]),
        (
            "[desk]\ndelta_min = 0.9\n",
            &["workers.toml [desk] delta_min: is 0.9 and must be below delta_max"],
        ),
        (
            "[jobs.dance]\n",
            &[
                "workers.toml [jobs.dance]: no kind of job has that name",
                "tick",
            ],
        ),
        (
            "[jobs.tick]\nschedule = \"hourly\"\n",
            &[
                "workers.toml [jobs.tick] schedule: `hourly`",
                "0 */5 * * * *",
            ],
        ),
        (
            "[jobs.tick]\nattempts = 3\n",
            &["unknown field `attempts`", "max_attempts"],
        ),
    ] {
        here.write("workers.toml", text);
        let said = here.error(2, &["config"]);
        for word in words {
            assert!(
                said.contains(word),
                "{text:?} does not say `{word}`:\n{said}"
            );
        }
        let advised = said.contains("`thetaq config` prints")
            || said.contains("there are")
            || said.contains("write for example");
        assert!(advised, "{text:?} says no next step:\n{said}");
    }
    assert!(
        !here.folder().join("data").exists(),
        "nothing is opened with wrong settings"
    );
}

#[test]
fn a_damaged_file_is_named_and_the_others_are_stored() {
    let here = Terminal::new();
    here.write("a.parquet", "PAR1 but nothing behind it");
    here.write(
        "b.csv",
        "index_name,date,delivery_price\nbtc_usd,2026-01-01,87000.5\n",
    );
    let ran = here.run(&["import", ".", "--json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.err.contains("a.parquet") && ran.err.contains("not read to the end"),
        "{ran:?}"
    );
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&report["inserted"], &report["files"][0]["kind"]),
        (&1.into(), &"failed".into())
    );
}

const ENDLESS: &str = "with recursive n as (select 1 as i union all select i + 1 from n) \
     select count(*) from n where i < 0";

/// What the guard refuses stays refused on the command line, with exit code 1 and nothing on standard output.
#[test]
fn attacks_end_in_an_error_that_names_the_rule() {
    let here = Terminal::new();
    here.text(&["migrate"]);
    let refused = [
        "select hash from tokens",
        "with v_decisions as (select * from keys) select * from v_decisions",
        "select 1; delete from jobs",
        "commit; create table mine (x bigint)",
        "pragma query_only = 0",
        "attach database '/tmp/x.db' as other",
        "vacuum into 'stolen.db'",
        "explain select value from keys",
    ];
    for sql in refused {
        let said = here.run(&["sql", "--query", sql]);
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{sql}: {said:?}");
    }
}
