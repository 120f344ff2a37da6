//! The program as a person runs it: a process in a folder of its own, what it printed, how it ended.

use super::thetaq;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A folder and a database; the program's default file in that folder unless an address is given.
pub(crate) struct Terminal {
    folder: tempfile::TempDir,
    url: Option<String>,
    environment: Vec<(&'static str, String)>,
}

/// What one run printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            url: None,
            environment: Vec::new(),
        }
    }

    pub(crate) fn on(url: &str) -> Self {
        Self {
            url: Some(url.to_owned()),
            ..Self::new()
        }
    }

    /// The same with the exchange's address and, unless it is empty, a key in the environment.
    pub(crate) fn at_exchange(mut self, url: &str, client_id: &str, client_secret: &str) -> Self {
        self.environment = vec![
            ("THETAQ_EXCHANGE_URL", url.to_owned()),
            ("THETAQ_DERIBIT_CLIENT_ID", client_id.to_owned()),
            ("THETAQ_DERIBIT_CLIENT_SECRET", client_secret.to_owned()),
        ];
        self
    }

    /// The same with more of an environment.
    pub(crate) fn with_environment(mut self, more: &[(&'static str, &str)]) -> Self {
        let more = more
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        self.environment.extend(more);
        self
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder().join(name), text).unwrap();
    }

    /// Runs a command line to its end; nobody is shown a panic or a back-trace.
    pub(crate) fn run(&self, line: &[&str]) -> Ran {
        let done = self.command(line).output().unwrap();
        let ran = Ran {
            code: done.status.code().unwrap(),
            out: String::from_utf8(done.stdout).unwrap(),
            err: String::from_utf8(done.stderr).unwrap(),
        };
        let upset = ["panicked", "backtrace", "RUST_BACKTRACE"];
        assert!(
            !upset.iter().any(|word| ran.err.contains(word)),
            "{line:?}: {ran:?}"
        );
        ran
    }

    /// Runs with `--json`, which must succeed and print exactly one document.
    pub(crate) fn json(&self, line: &[&str]) -> Value {
        let ran = self.run(&[line, &["--json"]].concat());
        assert_eq!(ran.code, 0, "{line:?}: {ran:?}");
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{line:?}: {error}: {ran:?}"))
    }

    /// What a person reads: standard output of a run that must succeed.
    pub(crate) fn text(&self, line: &[&str]) -> String {
        let ran = self.run(line);
        assert_eq!(ran.code, 0, "{line:?}: {ran:?}");
        ran.out
    }

    /// The one line of an error that ends with this code; nothing stands on standard output.
    pub(crate) fn error(&self, code: i32, line: &[&str]) -> String {
        let ran = self.run(line);
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (code, ""),
            "{line:?}: {ran:?}"
        );
        ran.err
    }

    fn command(&self, line: &[&str]) -> Command {
        let mut command = thetaq();
        command
            .args(line)
            .current_dir(self.folder())
            .env_remove("COLUMNS")
            .env_remove("THETAQ_LOG")
            .env_remove("THETAQ_DATABASE_URL")
            .env_remove("THETAQ_EXCHANGE_URL")
            .env_remove("THETAQ_DERIBIT_CLIENT_ID")
            .env_remove("THETAQ_DERIBIT_CLIENT_SECRET")
            .env_remove("THETAQ_LLM_API_KEY")
            .envs(self.environment.iter().cloned())
            // Even then a user's mistake shows none.
            .env("RUST_BACKTRACE", "1");
        if let Some(url) = &self.url {
            command.env("THETAQ_DATABASE_URL", url);
        }
        command
    }

    /// Starts `up` or `web` with `--json` and waits until it has said its login address.
    pub(crate) fn open(&self, line: &[&str]) -> Open {
        let mut child = self
            .command(&[line, &["--json"]].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut text = String::new();
        for line in lines {
            text += &line.unwrap();
            if serde_json::from_str::<Value>(&text).is_ok() {
                break;
            }
        }
        let said: Value = serde_json::from_str(&text).unwrap();
        Open {
            child,
            login: said["login"].as_str().unwrap().to_owned(),
        }
    }
}

/// A running dashboard; killed when dropped.
pub(crate) struct Open {
    child: Child,
    pub(crate) login: String,
}

impl Open {
    /// `HOST:PORT` of the login address.
    pub(crate) fn address(&self) -> &str {
        let rest = self.login.strip_prefix("http://").unwrap();
        rest.split('/').next().unwrap()
    }

    /// Asks it to stop, as a service manager does; the exit code.
    pub(crate) fn stop(mut self) -> i32 {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // It may have stopped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
