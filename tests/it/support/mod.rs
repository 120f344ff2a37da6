//! What every journey needs: fresh databases of both engines, the shared market data, the binary.

pub(crate) mod aimock;
pub(crate) mod completions;
pub(crate) mod dataset;
pub(crate) mod deribit;
pub(crate) mod deribit_words;
pub(crate) mod document;
pub(crate) mod openapi;
mod postgres;
pub(crate) mod process;
pub(crate) mod queue;
pub(crate) mod served;
pub(crate) mod served_process;
pub(crate) mod terminal;
pub(crate) mod venue;

use std::path::PathBuf;
use thetaq::db::Db;

/// A fresh migrated database and the address under which another process reaches it.
pub(crate) struct TestDb {
    pub(crate) db: Db,
    pub(crate) url: String,
    _folder: Option<tempfile::TempDir>,
}

/// Runs `check` on a fresh SQLite file and on a fresh Postgres database.
pub(crate) async fn each_db(check: impl AsyncFn(TestDb)) {
    check(sqlite().await).await;
    check(postgres().await).await;
}

pub(crate) async fn sqlite() -> TestDb {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("thetaq.db").display());
    let db = Db::open(&url).await.unwrap();
    db.migrate().await.unwrap();
    TestDb {
        db,
        url,
        _folder: Some(folder),
    }
}

pub(crate) async fn postgres() -> TestDb {
    let url = postgres::fresh_database().await;
    let db = Db::open(&url).await.unwrap();
    db.migrate().await.unwrap();
    TestDb {
        db,
        url,
        _folder: None,
    }
}

/// A file or folder of the shared market data; prints why and gives `None` where it is absent.
pub(crate) fn shared_data(path: &str) -> Option<PathBuf> {
    let full = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(path);
    if !full.exists() {
        eprintln!("skipped: {} is not there", full.display());
        return None;
    }
    Some(full)
}

/// The binary under test.
pub(crate) fn thetaq() -> std::process::Command {
    std::process::Command::new(env!("CARGO_BIN_EXE_thetaq"))
}

/// A client of a test's own. reqwest wants a cryptography provider in every process, even for plain HTTP.
pub(crate) fn http() -> reqwest::ClientBuilder {
    cryptography();
    reqwest::Client::builder()
}

/// Installs what [`http`] and the browser's driver need; a second time is no error.
pub(crate) fn cryptography() {
    let _installed = rustls::crypto::ring::default_provider().install_default();
}
