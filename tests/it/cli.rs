//! The command line as people and programs use it: the real binary, real databases, every exit code.

mod documents;
mod errors;
mod options;
mod running;

use crate::docs::commands;
use crate::support::terminal::Terminal;

#[test]
fn every_command_explains_itself() {
    for (name, command) in commands() {
        assert!(
            command.get_about().is_some(),
            "{name} says nothing of itself"
        );
        for argument in command.get_arguments() {
            let id = argument.get_id();
            assert!(
                argument.get_help().is_some(),
                "{name}: {id} says nothing of itself"
            );
        }
    }
    let here = Terminal::new();
    for line in [
        &["--help"][..],
        &["jobs", "--help"],
        &["jobs", "wait", "--help"],
    ] {
        assert!(here.text(line).contains("Examples:"), "{line:?}");
    }
    assert!(
        std::fs::read_dir(here.folder()).unwrap().next().is_none(),
        "help touches nothing"
    );
}

#[test]
fn empty_tables_say_what_to_do_next() {
    let here = Terminal::new();
    for (line, expect) in [
        (
            &["decisions"][..],
            "No decisions yet: `thetaq tick` makes one, `thetaq` opens the desk.\n",
        ),
        (&["positions"], "Nothing is held.\n"),
        (&["jobs", "list"], "No such jobs.\n"),
        (
            &["coverage"],
            "No such market history is stored: `thetaq import PATH` loads some, `thetaq fetch-history` fetches it from Deribit.\n",
        ),
        (
            &["schedules"],
            "No schedules yet: they are written when workers start (`thetaq work`).\n",
        ),
        (
            &["token", "list"],
            "No tokens: `thetaq token NAME` makes one.\n",
        ),
    ] {
        assert_eq!(here.text(line), expect, "{line:?}");
    }
    assert!(
        here.folder().join("data/thetaq.db").exists(),
        "the default database is made"
    );
}

const PRICES: &str = "index_name,date,delivery_price\nbtc_usd,2026-01-01,87000.5\nbtc_usd,2026-01-02,88000\n\
    btc_usd,2026-01-04,nonsense\nbtc_usd,2026-01-05,90000\n";

#[test]
fn people_read_tables() {
    let here = Terminal::new();
    here.write("prices.csv", PRICES);
    here.write("notes.md", "# Not data\n");
    let imported = here.text(&["import", "prices.csv", "notes.md"]);
    let imported = imported.rsplit_once(", in ").unwrap().0;
    insta::assert_snapshot!(imported, @r#"
    path        kind             rows  inserted  existing  rejected
    prices.csv  delivery_prices     4         3         0  bad_number: 1

    notes.md was skipped: not market data: its first line is no known header

    3 inserted, 0 were there, 1 rejected
    "#);
    insta::assert_snapshot!(here.text(&["coverage"]), @r#"
    A line is a month, a character a day: how many rows there are (+ is more than 9), . for none.

    delivery_prices recorded btc_usd: 2026-01-01 to 2026-01-05, 3 days, 3 rows
      2026-01  11..1
      2 days missing: 2026-01-03 to 2026-01-04
      fill: thetaq fetch-history --underlying BTC --from 2026-01-03 --to 2026-01-04 --what deliveries
    "#);
    insta::assert_snapshot!(here.text(&["sql", "--query", "select index_name, price_usd from v_delivery_prices order by price_usd"]), @r#"
    index_name  price_usd
    btc_usd       87000.5
    btc_usd         88000
    btc_usd         90000
    "#);
    insta::assert_snapshot!(here.text(&["sql", "--format", "csv", "--query", "select 1 as a, 'x,y' as b"]), @r#"
    a,b
    1,"x,y"
    "#);
    insta::assert_snapshot!(here.text(&["sql", "--format", "jsonl", "--query", "select 1 as a union select 2"]), @r#"
    {"a":1}
    {"a":2}
    "#);
    let help = here.text(&["jobs", "--help"]);
    let help = help.split_once("\nOptions:").unwrap().0;
    insta::assert_snapshot!(help, @r"
    Look at the queue, retry, cancel, pause, wait

    Usage: thetaq jobs [OPTIONS] <COMMAND>

    Commands:
      list    List jobs, newest first
      show    Show one job with its attempts and log lines
      retry   Run a finished job again, or one whose process is dead; its history is kept
      cancel  Cancel a job; a running one stops at its next checkpoint
      pause   Hold a job back; a running one stores where it is first
      resume  Let a paused job go on from where it stopped
      wait    Wait until a job is finished; run it here when no worker is alive
      help    Print this message or the help of the given subcommand(s)
    ");
}
