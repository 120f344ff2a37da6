//! Training: what was seen, done and earned at every decision of a profile, and what another policy would have.
//!
//! ```text
//!  Data ─► Walk: one book per profile, in step ─► Row (+ its candidates) ─► a dataset of the database
//!                                                                             │
//!          estimates of another policy ◄─ off_policy ◄─ Episodes ◄────────────┘
//! ```
//!
//! A row is one decision step: an observation, the actions there were, the one taken and how likely it
//! was, and what followed. A step with nothing to do is a row; a step that failed is a row with its error
//! and without a reward. No IO and no clock: the same plan over the same data gives the same rows.

mod actions;
mod features;
pub mod off_policy;
mod plan;
mod rewards;
mod row;
mod split;
mod walk;

pub use actions::{ACTIONS, Legal};
pub use features::{FEATURE_VERSION, FEATURES, Feature, observe};
pub(crate) use plan::EXPLORE_PROB;
pub use plan::{Plan, PlanError};
pub use rewards::{REWARD_DEFINITION, REWARDS, Rewards, Worth};
pub use row::{Followed, Offer, Row, Taken};
pub use split::{Span, Split, Splits};
pub use walk::{Missed, Walk, WalkState};

#[cfg(test)]
mod tests;
