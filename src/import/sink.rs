//! Stores what a reader hands on, a batch per transaction.

use super::{ImportError, Item, Span};
use crate::db::chains::{self, Stored};
use crate::db::series::Origin;
use crate::db::{self, Db, Tx, series};
use tokio::sync::mpsc::Receiver;

/// Bytes per transaction: large enough to be quick, small enough not to keep other writers waiting.
const BATCH_BYTES: usize = 2 * 1024 * 1024;
/// About what one point weighs.
const POINT_BYTES: usize = 64;

/// Takes items until the reader ends; gives what became of their rows.
pub(super) async fn drain(
    db: &Db,
    file: &str,
    mut items: Receiver<(f64, Item)>,
    span: &mut Span<'_>,
) -> Result<Stored, ImportError> {
    let mut stored = Stored::default();
    let mut batch = Vec::new();
    let mut bytes = 0;
    while let Some((fraction, item)) = items.recv().await {
        bytes += item.bytes();
        batch.push(item);
        if bytes >= BATCH_BYTES {
            stored += store(db, file, &std::mem::take(&mut batch)).await?;
            bytes = 0;
            let note = format!("{file}: {} new, {} known", stored.inserted, stored.existing);
            span.report(fraction, &note).await?;
        }
    }
    stored += store(db, file, &batch).await?;
    Ok(stored)
}

async fn store(db: &Db, file: &str, batch: &[Item]) -> db::Result<Stored> {
    let mut stored = Stored::default();
    if batch.is_empty() {
        return Ok(stored);
    }
    let mut tx = db.begin().await?;
    for item in batch {
        stored += item.store(&mut tx, file).await?;
    }
    tx.commit().await?;
    Ok(stored)
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Self::Snapshot(row) => row.bytes(),
            Self::Points(_, points) => points.len() * POINT_BYTES,
        }
    }

    async fn store(&self, tx: &mut Tx, file: &str) -> db::Result<Stored> {
        match self {
            Self::Snapshot(row) => chains::insert(tx, row).await,
            Self::Points(series, points) => {
                series::insert(tx, series, Origin::of_file(file), points).await
            }
        }
    }
}
