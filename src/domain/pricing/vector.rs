//! Runs a loop with the widest vectors this machine has; its results are the same without them.
//!
//! The kernel has one arithmetic, plain IEEE operations in one order, and the compiler neither contracts
//! nor reorders them. So the feature chosen here changes the time a batch takes and not one bit of it.
#![expect(
    clippy::inline_always,
    reason = "the loop must be compiled inside the function that has the feature"
)]

/// A loop over a batch; its `run` is inlined into code for each kind of machine.
pub(super) trait Batch {
    fn run(self);
}

#[inline(always)]
pub(super) fn run(batch: impl Batch) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        #[expect(
            unsafe_code,
            reason = "no safe call crosses into code for a CPU feature"
        )]
        // SAFETY: the function needs AVX2 and nothing else, and the line above has seen it.
        return unsafe { with_avx2(batch) };
    }
    portable(batch);
}

/// Code for any machine of the target: two lanes on x86-64.
#[inline(always)]
pub(super) fn portable(batch: impl Batch) {
    batch.run();
}

/// Four lanes. FMA stays off: it would round once where the portable code rounds twice.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2(batch: impl Batch) {
    batch.run();
}
