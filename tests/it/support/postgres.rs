//! A Postgres cluster of this test run: made on first use, ended with the test process whatever ends it.
//!
//! `TEST_DATABASE_URL` names a running server instead. Postgres refuses to run as root, so root hands
//! it to the user `postgres` of the Debian package.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::OnceCell;

/// The address of a fresh empty database.
pub(super) async fn fresh_database() -> String {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = SERVER.get_or_init(async || Server::start()).await;
    let name = format!(
        "t{}_{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    );
    server.psql(&format!("create database {name}"));
    format!("{}/{name}", server.base)
}

struct Server {
    base: String,
    /// The shell that runs the server ends it when this pipe closes, that is when this process ends.
    _keeper: Option<(Child, ChildStdin)>,
}

const SCRIPT: &str = r#"
set -e
dir=$(mktemp -d /tmp/thetaq-pg.XXXXXX)
as() { "$@"; }
if [ "$(id -u)" = 0 ]; then chown postgres "$dir"; as() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }; fi
as "$BIN/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C >"$dir/initdb.log" 2>&1
as "$BIN/postgres" -D "$dir/data" -k "$dir" -h 127.0.0.1 -p "$PORT" -c max_connections=400 -c shared_buffers=128MB >"$dir/log" 2>&1 &
for i in $(seq 300); do "$BIN/pg_isready" -q -h 127.0.0.1 -p "$PORT" && break; sleep 0.1; done
echo ready
cat >/dev/null || true
kill -QUIT "$(head -n 1 "$dir/data/postmaster.pid")"
wait
rm -rf "$dir"
"#;

impl Server {
    fn start() -> Self {
        if let Ok(base) = std::env::var("TEST_DATABASE_URL") {
            return Self {
                base: base.trim_end_matches('/').to_owned(),
                _keeper: None,
            };
        }
        let port = free_port();
        let mut child = Command::new("setsid")
            .args(["bash", "-c", SCRIPT])
            .env("BIN", binaries())
            .env("PORT", port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(
            line.trim(),
            "ready",
            "Postgres did not start; is the package postgresql installed?"
        );
        Self {
            base: format!("postgres://postgres@127.0.0.1:{port}"),
            _keeper: Some((child, stdin)),
        }
    }

    fn psql(&self, sql: &str) {
        let url = format!("{}/postgres", self.base);
        let done = Command::new(binaries().join("psql"))
            .args(["-q", "-c", sql, &url])
            .status()
            .unwrap();
        assert!(done.success(), "{sql}");
    }
}

/// The newest installed server binaries.
fn binaries() -> PathBuf {
    let found = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let newest = found.map(|entry| entry.path().join("bin")).max();
    newest.expect("no Postgres under /usr/lib/postgresql: install the package postgresql")
}

/// A port for a server of another process: below those that the system hands out by itself, so that nothing takes
/// it between this look and the server's start.
pub(super) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(61);
    let ports = std::iter::repeat_with(|| NEXT.fetch_add(1, Ordering::Relaxed));
    let mut ports = ports.map(|n| 10_000 + (first.wrapping_add(n) % 20_000) as u16);
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.find(is_free).expect("no port is free")
}
