//! Options of commands that make jobs: what is wrong is named as a person wrote it.

use super::errors::check;
use crate::support::terminal::Terminal;
use std::io::{Read, Write};

/// What is wrong is named by the option that says it, not by a field of the payload.
#[test]
fn wrong_options_of_jobs_end_with_2() {
    let here = Terminal::new();
    let export = |more: &[&'static str]| [&["export", "--dataset", "d"], more].concat();
    let sweep = |more: &[&'static str]| [&["sweep"], more].concat();
    let (compressed, empty) = (
        export(&["--format", "parquet", "--compress", "gzip"]),
        export(&["--rows-per-file", "0"]),
    );
    let (drawn, large) = (
        sweep(&["--vary", "delta_target=0.1..0.4", "--random", "10000000"]),
        sweep(&[
            "--vary",
            "delta_target=0.1..0.4/0.001",
            "--vary",
            "dte_target=3..14/0.01",
        ]),
    );
    let (unknown, base) = (
        sweep(&["--vary", "colour=1,2"]),
        sweep(&[
            "--vary",
            "delta_target=0.1,0.2",
            "--set",
            "take_profit=many",
        ]),
    );
    let cases: &[(&[&str], &[&str])] = &[
        (&compressed, &["--compress: Parquet is compressed inside"]),
        (&empty, &["--rows-per-file: must be above zero"]),
        (
            &["export"],
            &["--dataset ID, --query NAME or --sql SELECT", "--help"],
        ),
        (&drawn, &["--random: 10000000 is not from 1 to"]),
        (
            &large,
            &["--vary: the grid has more than", "take fewer values"],
        ),
        (&unknown, &["--vary colour"]),
        (&base, &["--set take_profit"]),
        (
            &[
                "whatif",
                "--at",
                "2026-01-15T09:00:00Z",
                "--instrument",
                "BTC-30JAN26-100000-P",
            ],
            &["--instrument: BTC-30JAN26-100000-P is a put", "-C"],
        ),
    ];
    check(&here, 2, cases);
    let unlisted = [
        "whatif",
        "--source",
        "synthetic",
        "--at",
        "2026-01-15T09:00:00Z",
        "--instrument",
        "BTC-30JAN26-1000-C",
    ];
    check(
        &here,
        1,
        &[(
            &unlisted,
            &[
                "--instrument",
                "BTC-30JAN26-1000-C is not listed at 2026-01-15",
                "near it are BTC-",
            ],
        )],
    );
}

/// An address that is no exchange's, and one where nobody listens.
#[test]
fn an_exchange_that_is_not_there_is_named_by_the_option() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", server.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in server.incoming() {
            let mut stream = stream.unwrap();
            let read = stream.read(&mut [0; 4096]).unwrap();
            assert!(read > 0, "it asks something");
            let nothing =
                "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(nothing.as_bytes()).unwrap();
        }
    });
    let here = Terminal::new();
    here.write("workers.toml", "[jobs.fetch_history]\nmax_attempts = 1\n");
    let line = |url| {
        [
            "fetch-history",
            "--underlying",
            "BTC",
            "--from",
            "2026-01-03",
            "--to",
            "2026-01-04",
            "--what",
            "deliveries",
            "--url",
            url,
        ]
    };
    let cases: &[(&[&str], &[&str])] = &[
        (
            &line(&address),
            &["--url http://127.0.0.1:", "404", "/api/v2"],
        ),
        (
            &line("http://127.0.0.1:1"),
            &[
                "--url http://127.0.0.1:1",
                "was not reached",
                "cannot connect",
            ],
        ),
    ];
    check(&here, 1, cases);
}
