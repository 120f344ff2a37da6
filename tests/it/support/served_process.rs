//! `thetaq exchange` as a process, and a client of the test's own that asks it what is true there.

use super::thetaq;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running `thetaq exchange` and the line it said; killed when dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) said: Value,
}

impl Running {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = thetaq();
        command
            .args(["exchange", "--port", "0", "--json", "--log-json"])
            .args(arguments)
            .env_remove("THETAQ_LOG")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let said = serde_json::from_str(&line).unwrap();
        Self { child, said }
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.said[name].as_str().unwrap().to_owned()
    }

    pub(crate) async fn call(&self, method: &str, params: Value) -> Value {
        let reply = self.ask(method, params).await;
        reply.unwrap_or_else(|| panic!("{method} was not answered"))
    }

    /// The same from an exchange with faults: asked again until it answers.
    pub(crate) async fn patiently(&self, method: &str, params: Value) -> Value {
        for _ in 0..200 {
            if let Some(result) = self.ask(method, params.clone()).await {
                return result;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{method} was never answered");
    }

    async fn ask(&self, method: &str, params: Value) -> Option<Value> {
        let auth = json!({
            "grant_type": "client_credentials", "client_id": self.text("client_id"),
            "client_secret": self.text("client_secret"),
        });
        let token = self.once(None, "public/auth", auth).await?;
        self.once(token["access_token"].as_str(), method, params)
            .await
    }

    async fn once(&self, token: Option<&str>, method: &str, params: Value) -> Option<Value> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let http = super::http().build().unwrap();
        let mut request = http.post(self.text("url")).json(&body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let reply: Value = request.send().await.ok()?.json().await.ok()?;
        reply.get("result").cloned()
    }

    /// SIGTERM, which must end it well; the faults it says it injected.
    pub(crate) fn stop(mut self) -> String {
        let id = self.child.id().to_string();
        Command::new("kill").arg(&id).status().unwrap();
        assert!(self.child.wait().unwrap().success());
        let mut log = String::new();
        let mut lines = self.child.stderr.take().unwrap();
        lines.read_to_string(&mut log).unwrap();
        let last: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        last["fields"]["faults"].as_str().unwrap().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have stopped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
