//! What every job is handed. Backtest, dry run and live differ in the `Ctx` that is built and in nothing else.

use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use std::sync::Arc;

/// Cheap to clone: handles only.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// `live`, or the name of a replay.
    pub desk: String,
    pub db: Db,
    pub clock: Clock,
    pub config: Arc<Config>,
}
