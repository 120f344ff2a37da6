//! `thetaq migrate`: schema and views, without running anything.

use super::session::{Session, without_password};
use clap::Args;

/// Bring the database's tables and views up to this version; every other command does so too
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq migrate\n  thetaq migrate --database-url postgres://me@localhost/desk"
)]
pub(super) struct Migrate {}

impl Migrate {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let db = session.db().await?;
        let database = without_password(&session.url);
        let document = serde_json::json!({"database": database, "engine": db.engine(), "ok": true});
        session
            .output
            .result(&document, || format!("{database} is up to date"))
    }
}
