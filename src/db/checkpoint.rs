//! Copying SQLite's write-ahead log into the file beside the writer, so that a bulk insert does not wait for it.

use rusqlite::Connection;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The write-ahead log of one database.
#[derive(Clone, Debug, Default)]
pub(in crate::db) struct Log {
    /// Pages in it when it was copied last.
    pages: Arc<AtomicI64>,
    /// Held by whoever copies it.
    turn: Arc<Mutex<()>>,
}

/// A log of more pages than this, 256 MB of them, is copied before more is written to it: one that is written
/// while it is copied never begins anew.
const MOST_PAGES: i64 = 65_536;
/// Pages after which SQLite copies the log by itself, in the commit that fills it: its own default.
const BY_ITSELF: i64 = 1_000;

impl Log {
    /// Does work that fills many pages, while no commit of `connection` copies the log by itself.
    pub(in crate::db) fn fill<T>(
        &self,
        path: &Path,
        connection: &mut Connection,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        if self.pages.load(Ordering::Relaxed) > MOST_PAGES {
            let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            self.copy_now(path)?;
            // Unless a reader holds an older state, the next page is the log's first; the next copy will tell.
            self.pages.store(0, Ordering::Relaxed);
        }
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        let done = work(connection)?;
        connection.pragma_update(None, "wal_autocheckpoint", BY_ITSELF)?;
        Ok(done)
    }

    /// Copies it into the file unless somebody does. What fails here is done by a later commit.
    pub(in crate::db) fn copy(&self, path: &Path) {
        let Ok(_turn) = self.turn.try_lock() else {
            return;
        };
        if let Err(error) = self.copy_now(path) {
            tracing::debug!(%error, "the write-ahead log is copied later");
        }
    }

    fn copy_now(&self, path: &Path) -> rusqlite::Result<()> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "synchronous", "normal")?;
        let pages = connection.query_row("pragma wal_checkpoint(passive)", [], |row| row.get(1))?;
        self.pages.store(pages, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(log: &Log, path: &Path, connection: &mut Connection, rows: i64) {
        let insert = |connection: &mut Connection| {
            let made = "with recursive n (i) as (select 1 union all select i + 1 from n where i < ?1) \
                insert into t select randomblob(3000) from n";
            connection.execute(made, [rows])
        };
        assert_eq!(
            log.fill(path, connection, insert).expect("a file") as i64,
            rows
        );
    }

    #[test]
    fn a_filled_log_waits_to_be_copied_and_one_that_is_too_long_begins_anew() {
        let home = tempfile::tempdir().expect("a file");
        let path = home.path().join("log.db");
        let mut connection = Connection::open(&path).expect("a file");
        let mode = "pragma journal_mode = wal; create table t (x)";
        connection.execute_batch(mode).expect("a file");
        let size = || std::fs::metadata(&path).expect("a file").len();

        let log = Log::default();
        fill(&log, &path, &mut connection, 3_000);
        assert!(size() < 1_000_000, "the commit copied the log");
        log.copy(&path);
        assert!(size() > 9_000_000, "the log was not copied");
        assert!(log.pages.load(Ordering::Relaxed) > 3_000);

        log.pages.store(MOST_PAGES + 1, Ordering::Relaxed);
        fill(&log, &path, &mut connection, 10);
        log.copy(&path);
        assert!(
            log.pages.load(Ordering::Relaxed) < 100,
            "it did not begin anew"
        );
    }
}
