//! Keeps the book of the built-in exchange, so that several processes share one and a restart loses nothing.

use futures::future::BoxFuture;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A book as it was saved: JSON and the number of times it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// 1 after the first write.
    pub version: i64,
    pub state: String,
}

/// Loads a book and replaces it if nobody else did in between; a caller that lost the race loads again.
///
/// A trait although we own its implementations: the exchange may not import the database.
pub trait Keeper: fmt::Debug + Send + Sync {
    /// The book as last saved; `None` when it never was.
    fn load(&self) -> BoxFuture<'_, anyhow::Result<Option<Kept>>>;

    /// Saves `state` as version `expected + 1` if the saved version still is `expected` (0: nothing is
    /// saved yet); `false` when it is not. `at_ms` is the desk time of the change.
    fn store(
        &self,
        expected: i64,
        state: String,
        at_ms: i64,
    ) -> BoxFuture<'_, anyhow::Result<bool>>;
}

/// Keeps the book in memory: tests and runs that end with their process.
#[derive(Clone, Debug, Default)]
pub struct MemoryKeeper {
    kept: Arc<Mutex<Option<Kept>>>,
}

impl MemoryKeeper {
    /// A keeper that already holds a book, for restarts in tests.
    pub fn holding(kept: Kept) -> Self {
        Self {
            kept: Arc::new(Mutex::new(Some(kept))),
        }
    }
}

impl Keeper for MemoryKeeper {
    fn load(&self) -> BoxFuture<'_, anyhow::Result<Option<Kept>>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.clone();
        Box::pin(async move { Ok(kept) })
    }

    fn store(
        &self,
        expected: i64,
        state: String,
        _at_ms: i64,
    ) -> BoxFuture<'_, anyhow::Result<bool>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let current = kept.as_ref().map_or(0, |kept| kept.version);
        let free = current == expected;
        if free {
            *kept = Some(Kept {
                version: expected + 1,
                state,
            });
        }
        Box::pin(async move { Ok(free) })
    }
}
