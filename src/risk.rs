//! The gate: what risk has approved, and the only type execution accepts.

/// Proof that risk approved the value; its only constructor is private to this module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    pub fn get(&self) -> &T {
        &self.0
    }

    pub fn into_inner(self) -> T {
        self.0
    }

    /// Stands in for a verdict where the order is what is tested.
    #[cfg(test)]
    pub(crate) fn for_test(value: T) -> Self {
        Self(value)
    }
}
