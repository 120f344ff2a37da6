//! The request log in numbers: which methods were called, and how often by a caller who showed a key or token.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Counts of one method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub calls: u64,
    /// Of these, with an `Authorization` header of any kind.
    pub authorized: u64,
}

/// Calls since the start, by method; clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<Mutex<BTreeMap<&'static str, Count>>>);

impl Calls {
    /// Every method that was called.
    pub fn all(&self) -> BTreeMap<&'static str, Count> {
        super::held(&self.0).clone()
    }

    pub(super) fn note(&self, method: &'static str, authorized: bool) {
        let mut counts = super::held(&self.0);
        let count = counts.entry(method).or_default();
        count.calls += 1;
        count.authorized += u64::from(authorized);
    }
}
