//! A real OpenAI-compatible server in a process of its own: aimock, with answers that the test writes down.

use serde_json::{Value, json};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use thetaq::clock::Stopwatch;
use thetaq::config::{Config, LlmConfig};
use thetaq::ctx::Ctx;
use thetaq::llm::Llm;

/// The server; it ends when this is dropped.
pub(crate) struct Aimock {
    process: Child,
    root: String,
    folder: tempfile::TempDir,
}

impl Aimock {
    /// Starts it with a list of fixtures, and arguments of its own if there are any; `None`, with the reason
    /// printed, on a machine that cannot. CI sets THETAQ_REQUIRE_AIMOCK: there it must.
    pub(crate) async fn start(fixtures: Value, arguments: &[&str]) -> Option<Self> {
        let program = program()?;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("fixtures.json");
        std::fs::write(&file, json!({ "fixtures": fixtures }).to_string()).unwrap();
        let port = super::postgres::free_port().to_string();
        let process = Command::new("node")
            .arg(program)
            .args([
                "-p",
                &port,
                "--strict",
                "--validate-on-load",
                "--log-level",
                "warn",
                "-f",
            ])
            .arg(&file)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let server = Self {
            process,
            root: format!("http://127.0.0.1:{port}"),
            folder,
        };
        server.wait().await;
        Some(server)
    }

    /// The address for `[llm] base_url`.
    pub(crate) fn base_url(&self) -> String {
        format!("{}/v1", self.root)
    }

    /// The address under which it behaves as OpenRouter does.
    pub(crate) fn open_router_url(&self) -> String {
        format!("{}/api/v1", self.root)
    }

    /// Settings that ask this server, at 1 USD for a million tokens in and 2 for a million out.
    pub(crate) fn settings(&self) -> LlmConfig {
        LlmConfig {
            base_url: self.base_url(),
            model: "tester".to_owned(),
            price_input_usd: Some(1.0),
            price_output_usd: Some(2.0),
            price_version: "test".to_owned(),
            timeout_ms: 10_000,
            ..LlmConfig::default()
        }
    }

    /// Every request that it received, the oldest first.
    pub(crate) async fn journal(&self) -> Vec<Value> {
        let url = format!("{}/__aimock/journal", self.root);
        let text = super::http()
            .build()
            .unwrap()
            .get(url)
            .send()
            .await
            .unwrap();
        let found: Value = serde_json::from_str(&text.text().await.unwrap()).unwrap();
        let entries = found.as_array().or_else(|| found["entries"].as_array());
        let entries = entries.unwrap_or_else(|| panic!("no journal: {found}"));
        let asked = |entry: &&Value| entry["path"].as_str().unwrap().ends_with("/completions");
        entries.iter().filter(asked).cloned().collect()
    }

    async fn wait(&self) {
        let (http, watch) = (super::http().build().unwrap(), Stopwatch::start());
        let url = format!("{}/__aimock/health", self.root);
        while http.get(&url).send().await.is_err() {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
            assert!(
                watch.elapsed() < Duration::from_secs(20),
                "aimock did not start: {log}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Aimock {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A context whose model is that of these settings.
pub(crate) fn with_model(ctx: &Ctx, settings: LlmConfig) -> Ctx {
    let llm = Llm::new(&settings, None).unwrap().map(Arc::new);
    let config = Config {
        llm: settings,
        ..(*ctx.config).clone()
    };
    Ctx {
        llm,
        config: Arc::new(config),
        ..ctx.clone()
    }
}

fn program() -> Option<String> {
    static PROGRAM: OnceLock<Result<String, String>> = OnceLock::new();
    let found = PROGRAM.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/llm/aimock");
        let made = Command::new(script).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if made.status.success() {
            Ok(text(&made.stdout))
        } else {
            Err(text(&made.stderr))
        }
    });
    match found {
        Ok(program) => Some(program.clone()),
        Err(why) => {
            let required = std::env::var_os("THETAQ_REQUIRE_AIMOCK").is_some();
            assert!(!required, "aimock is required here: {why}");
            eprintln!("skipped: aimock cannot be installed: {why}");
            None
        }
    }
}
