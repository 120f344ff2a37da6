//! What another policy would have earned, from what was logged with its probabilities.
//!
//! The unit is an episode: from a book without calls to a book without calls. At each of its draws the
//! logged policy chose one of several calls with a known probability; the other policy would have chosen
//! with its own. What happened between draws (holding, buying back by the exit style) both do alike.
//!
//! - IPS: the mean of episode returns, each weighted by the product of the ratios of the probabilities.
//! - SNIPS: the same, divided by the mean weight.
//! - DR: doubly robust, step by step (Jiang and Li, ICML 2016), on a ridge model of what follows a draw,
//!   fitted to the other half of the episodes.

mod episode;
mod estimate;
mod target;

pub use episode::{Choice, Draw, Episode, Step, Steps};
pub use estimate::{Estimate, Estimates, estimates};
pub use target::Target;
