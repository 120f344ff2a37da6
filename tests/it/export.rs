//! Exports: the same bytes on both engines and after any interruption, inside their folder, past the linter.

mod downloads;
mod formats;
mod guard;
mod killed;
mod linter;
mod loaders;
mod table;

use crate::support::TestDb;
use crate::support::dataset::DATASET;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use thetaq::clock::Clock;
use thetaq::config::Config;
use thetaq::ctx::Ctx;
use thetaq::db::jobs::JobRow;
use thetaq::jobs::export::Export;
use thetaq::jobs::{Options, enqueue, registry, run_inline};

/// A desk with an export folder of its own.
struct Desk {
    ctx: Ctx,
    folder: TempDir,
}

impl Desk {
    fn over(test: &TestDb) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("exports");
        let text = format!("[export]\ndir = \"{}\"", dir.display());
        let config = Arc::new(Config::parse(&text, "test").unwrap());
        let ctx = Ctx::with_clock(test.db.clone(), "live", Clock::real(), config);
        Self { ctx, folder }
    }

    /// Runs an export to its end, however that is.
    async fn run(&self, args: Value) -> JobRow {
        let job: Export = serde_json::from_value(args).unwrap();
        self.ctx.open().await.unwrap();
        let mut tx = self.ctx.db.begin().await.unwrap();
        let made = enqueue(&mut tx, &self.ctx, &job, Options::default()).await;
        tx.commit().await.unwrap();
        let ran = run_inline(&self.ctx, &registry::all(), &made.unwrap().id).await;
        ran.unwrap().unwrap()
    }

    /// The report of an export that must succeed.
    async fn export(&self, args: Value) -> Value {
        let row = self.run(args).await;
        assert_eq!(row.state, "succeeded", "{:?}", row.error);
        row.result.unwrap()
    }

    /// Why an export ended.
    async fn refused(&self, args: Value) -> String {
        let row = self.run(args).await;
        assert_eq!(row.state, "discarded", "{:?}", row.result);
        row.error.unwrap()
    }
}

/// An export of the made-up dataset.
fn of_dataset(kind: &str, format: &str, more: Value) -> Value {
    let mut args = json!({"source": {"dataset": DATASET}, "kind": kind, "format": format});
    if let Value::Object(more) = more {
        for (key, value) in more {
            args[&key] = value;
        }
    }
    args
}

fn of_sql(sql: &str, format: &str) -> Value {
    json!({"source": {"sql": sql}, "kind": "rows", "format": format})
}

/// Name, rows and digest of every file, in order.
fn files(report: &Value) -> Vec<(String, i64, String)> {
    let files = report["files"].as_array().unwrap().iter();
    let one = |file: &Value| {
        let path = Path::new(file["path"].as_str().unwrap());
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let sha256 = file["sha256"].as_str().unwrap().to_owned();
        (name, file["rows"].as_i64().unwrap(), sha256)
    };
    files.map(one).collect()
}

fn paths(report: &Value) -> Vec<PathBuf> {
    let files = report["files"].as_array().unwrap().iter();
    files
        .map(|file| PathBuf::from(file["path"].as_str().unwrap()))
        .collect()
}
