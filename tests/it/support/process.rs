//! Processes of their own: this test binary run again as a worker, and the real `thetaq`.

use super::queue::{Desk, Probe};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use thetaq::clock::Stopwatch;
use thetaq::db::Db;
use thetaq::jobs::{Options, enqueue};

const URL: &str = "THETAQ_TEST_URL";
const CONFIG: &str = "THETAQ_TEST_CONFIG";
const ROLE: &str = "THETAQ_TEST_ROLE";

/// Keys that a process of [`Process::enqueuer`] enqueues, each of them several times.
pub(crate) const KEYS: usize = 50;

/// Killed when dropped, as by `kill -9`.
pub(crate) struct Process(Child);

impl Process {
    /// A worker with the desk's kinds and configuration; it ends when this process does.
    pub(crate) fn worker(desk: &Desk) -> Self {
        Self::play("work", desk)
    }

    /// Enqueues [`KEYS`] keys, each twice in one transaction, and ends.
    pub(crate) fn enqueuer(desk: &Desk) -> Self {
        Self::play("enqueue", desk)
    }

    fn play(role: &str, desk: &Desk) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "support::process::another_process"])
            .env(ROLE, role)
            .env(URL, &desk.url)
            .env(CONFIG, serde_json::to_string(&*desk.ctx.config).unwrap());
        Self::spawn(command)
    }

    /// `thetaq work` of the named kinds over the desk's database, started in `folder`.
    pub(crate) fn thetaq_work(desk: &Desk, folder: &Path, kinds: &str) -> Self {
        let mut command = super::thetaq();
        command
            .current_dir(folder)
            .args(["work", "--kinds", kinds, "--database-url", &desk.url]);
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::piped());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// Sends a signal by its name: `STOP`, `CONT`, `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success(), "no process to send {name} to");
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// How it ended, within 30 s.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let watch = Stopwatch::start();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(watch.elapsed() < Duration::from_secs(30), "it goes on");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Not a test of its own: the process that other tests start. Does nothing without its variables.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process() {
    let (Ok(role), Ok(url)) = (std::env::var(ROLE), std::env::var(URL)) else {
        return;
    };
    let config = serde_json::from_str(&std::env::var(CONFIG).unwrap()).unwrap();
    let desk = Desk::over(Db::open(&url).await.unwrap(), &url, config);
    match role.as_str() {
        "work" => {
            let worker = desk.start();
            let parent = || std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            tokio::task::spawn_blocking(parent).await.unwrap().unwrap();
            worker.stop().await;
        }
        "enqueue" => enqueue_keys(&desk).await,
        other => panic!("no role is named {other}"),
    }
}

/// Every key twice in one transaction of ten keys.
pub(crate) async fn enqueue_keys(desk: &Desk) {
    let keys: Vec<usize> = (0..KEYS).collect();
    for batch in keys.chunks(10) {
        let mut tx = desk.ctx.db.begin().await.unwrap();
        for key in batch.iter().flat_map(|key| [key, key]) {
            let options = Options {
                unique_key: Some(format!("key {key}")),
                ..Options::default()
            };
            enqueue(&mut tx, &desk.ctx, &Probe::new("keyed"), options)
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
    }
}
