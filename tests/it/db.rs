//! Both engines carry the same schema.

use crate::support::each_db;

#[tokio::test]
async fn migrating_twice_changes_nothing() {
    each_db(async |test| test.db.migrate().await.unwrap()).await;
}
