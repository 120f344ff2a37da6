//! The source of a job's quotes, asked before the job is made.

use super::Usage;
use crate::ctx::Ctx;
use crate::jobs::source::unknown;
use serde_json::Value;

/// Refuses a store without chains of the underlying; `option` is what a person wrote it in.
pub(super) async fn stored(
    ctx: &Ctx,
    option: &str,
    kind: &str,
    payload: &Value,
) -> anyhow::Result<()> {
    match unknown(&ctx.db, kind, payload).await? {
        None => Ok(()),
        Some(unknown) => Err(Usage(format!("{option}{unknown}")).into()),
    }
}
