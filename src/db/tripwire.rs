//! Death of a process between two statements, for simulations: after the Nth statement every further one
//! of this handle fails, as if the process had been killed there. Never armed outside of simulations.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Shared by a database handle and its transactions; unarmed it only counts.
#[derive(Clone, Debug, Default)]
pub struct Tripwire {
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    passed: AtomicI64,
    /// The statement at which the process dies; 0 is never.
    dies_at: AtomicI64,
}

impl Tripwire {
    /// The process dies at the `statements`-th statement from here, counted from 1.
    pub fn arm(&self, statements: i64) {
        let at = self.state.passed.load(Ordering::Relaxed) + statements.max(1);
        self.state.dies_at.store(at, Ordering::Relaxed);
    }

    /// A new process takes over the handle.
    pub fn disarm(&self) {
        self.state.dies_at.store(0, Ordering::Relaxed);
    }

    pub fn is_dead(&self) -> bool {
        let dies_at = self.state.dies_at.load(Ordering::Relaxed);
        dies_at > 0 && self.passed() >= dies_at
    }

    /// Statements so far: begins and commits count, a commit twice (before it and after it).
    pub fn passed(&self) -> i64 {
        self.state.passed.load(Ordering::Relaxed)
    }

    /// One more statement; fails from the deadly one on.
    pub(in crate::db) fn pass(&self) -> sqlx::Result<()> {
        self.state.passed.fetch_add(1, Ordering::Relaxed);
        if self.is_dead() {
            let killed = std::io::Error::other("the process was killed here");
            return Err(sqlx::Error::Io(killed));
        }
        Ok(())
    }
}
