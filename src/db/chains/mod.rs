//! Recorded chains: one packed row per source, underlying and instant; read whole or by range.
//!
//! `at_ms` is the instant a collection began. A file's greeks and index were read up to some minutes
//! later (README of the data); they are kept as given and flagged where they disagree.

mod bytes;
mod codec;
mod column;
mod scan;
mod table;

pub use bytes::Corrupt;
pub use codec::{ROWS_MAX, STRIKE_MAX, pack, unpack};
pub use scan::{Scan, scan};
pub use table::{COLUMNS, Column, Entry, QuoteRow, QuoteTable};

use super::{Db, Tx};
use crate::domain::chain::{Chain, Source};
use crate::domain::coin::Coin;
use crate::domain::hex::hex;
use crate::market::rebuilt::Rebuilt;
use sha2::{Digest, Sha256};

/// Source of imported files; what a replay reads unless told otherwise.
pub const RECORDED: &str = "recorded";
/// Source of chains this desk read from the exchange.
pub const DERIBIT: &str = "deribit";
/// Source of chains made from the exchange's trades; of another host's, `rebuilt:HOST`.
pub const REBUILT: &str = "rebuilt";

/// A snapshot ready to be stored.
#[derive(Clone, Debug)]
pub struct SnapshotRow {
    pub source: String,
    pub collection: String,
    pub coin: Coin,
    pub at_ms: i64,
    /// USD.
    pub index_price: f64,
    pub index_source: Source,
    pub quotes: usize,
    pub file: Option<String>,
    /// SHA-256 of `packed`, hexadecimal.
    pub digest: String,
    packed: Vec<u8>,
}

/// What became of the quotes of one snapshot; the three add up to its quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    pub inserted: u64,
    /// Already there, equal to the last bit.
    pub existing: u64,
    /// The database holds other figures for these contracts; they were left as they are.
    pub differing: u64,
}

impl std::ops::AddAssign for Stored {
    fn add_assign(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.existing += other.existing;
        self.differing += other.differing;
    }
}

impl SnapshotRow {
    /// Size of the packed quotes.
    pub fn bytes(&self) -> usize {
        self.packed.len()
    }

    /// A snapshot of a file under the source of its kind of file, in chain order; `None` when neither index nor
    /// forward is known.
    pub fn imported(
        source: &str,
        collection: &str,
        file: Option<&str>,
        quotes: &QuoteTable,
    ) -> Option<Self> {
        let index = quotes.index()?;
        Some(Self::of_table(source, collection, file, quotes, index))
    }

    /// A chain this desk saw; [`load`] gives it back equal, save for the name of its source.
    pub fn of_chain(source: &str, chain: &Chain) -> Self {
        let quotes = QuoteTable::of_chain(chain);
        let index = (chain.index_price, chain.source);
        Self::of_table(source, source, None, &quotes, index)
    }

    /// A chain made from trades; what stands behind each quote is its flag, `print` or `model`.
    pub fn of_rebuilt(source: &str, rebuilt: &Rebuilt) -> Self {
        let flags = rebuilt.provenance.iter().map(|one| one.as_str());
        let quotes = QuoteTable::of_flagged(&rebuilt.chain, flags);
        let index = (rebuilt.chain.index_price, rebuilt.chain.source);
        Self::of_table(source, source, None, &quotes, index)
    }

    fn of_table(
        source: &str,
        collection: &str,
        file: Option<&str>,
        quotes: &QuoteTable,
        (index_price, index_source): (f64, Source),
    ) -> Self {
        let packed = pack(quotes);
        Self {
            source: source.to_owned(),
            collection: collection.to_owned(),
            coin: quotes.coin,
            at_ms: quotes.at_ms,
            index_price,
            index_source,
            quotes: quotes.len(),
            file: file.map(str::to_owned),
            digest: hex(&Sha256::digest(&packed)),
            packed,
        }
    }
}

/// Stores a chain that a decision is about to see, unless one of its instant is there already: what was
/// decided on must never change afterwards. True when it was stored.
pub async fn keep(tx: &mut Tx, row: &SnapshotRow) -> sqlx::Result<bool> {
    Ok(write(tx, row, INSERT).await? == 1)
}

/// Stores a snapshot. One that is there already is kept; contracts it lacks are added to it.
pub async fn insert(tx: &mut Tx, row: &SnapshotRow) -> sqlx::Result<Stored> {
    let quotes = row.quotes as u64;
    if write(tx, row, INSERT).await? == 1 {
        return Ok(Stored {
            inserted: quotes,
            ..Stored::default()
        });
    }
    let sql = "select digest, collection, packed from chain_snapshots where source = $1 and underlying = $2 and at_ms = $3";
    let held: (String, String, Vec<u8>) = on!(tx, conn => sqlx::query_as(sql)
        .bind(&row.source).bind(row.coin.as_str()).bind(row.at_ms).fetch_one(&mut *conn).await)?;
    if held.0 == row.digest && held.1 == row.collection {
        return Ok(Stored {
            existing: quotes,
            ..Stored::default()
        });
    }
    merge(tx, row, &held.1, &held.2).await
}

const INSERT: &str = "insert into chain_snapshots (source, underlying, at_ms, collection, index_price, index_source, quotes, digest, file, packed) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (source, underlying, at_ms) do nothing";
const UPDATE: &str = "update chain_snapshots set collection = $4, index_price = $5, index_source = $6, quotes = $7, digest = $8, file = $9, packed = $10 \
    where source = $1 and underlying = $2 and at_ms = $3";

async fn write(tx: &mut Tx, row: &SnapshotRow, sql: &'static str) -> sqlx::Result<u64> {
    on!(tx, conn => sqlx::query(sql)
        .bind(&row.source).bind(row.coin.as_str()).bind(row.at_ms).bind(&row.collection)
        .bind(row.index_price).bind(source_name(row.index_source)).bind(row.quotes as i64)
        .bind(&row.digest).bind(&row.file).bind(&row.packed)
        .execute(&mut *conn).await.map(|done| done.rows_affected()))
}

/// Adds the contracts the stored snapshot lacks; another collection's figures are never mixed in.
async fn merge(
    tx: &mut Tx,
    row: &SnapshotRow,
    collection: &str,
    packed: &[u8],
) -> sqlx::Result<Stored> {
    let quotes = row.quotes as u64;
    let (mut held, given) = (decode(packed)?, decode(&row.packed)?);
    if collection != row.collection || held.percent != given.percent {
        return Ok(Stored {
            differing: quotes,
            ..Stored::default()
        });
    }
    let before = held.len();
    given.entries().for_each(|entry| held.push(&entry));
    let (existing, differing) = held.settle_order();
    let inserted = (held.len() - before) as u64;
    if inserted > 0 && held.len() <= ROWS_MAX {
        let merged = SnapshotRow::imported(&row.source, collection, row.file.as_deref(), &held);
        let merged = merged.ok_or(sqlx::Error::RowNotFound)?;
        write(tx, &merged, UPDATE).await?;
    }
    Ok(Stored {
        inserted,
        existing,
        differing,
    })
}

/// The newest chain of a source at or before `at_ms`; its own `at_ms` says how old it is.
pub async fn load(db: &Db, source: &str, coin: Coin, at_ms: i64) -> sqlx::Result<Option<Chain>> {
    let held = newest(db, source, coin, at_ms).await?;
    held.map(|(index_price, _, packed)| chain(source, index_price, &packed))
        .transpose()
}

/// A stored snapshot as rows with every stored column, for people and programs.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Quotes {
    pub source: String,
    pub collection: String,
    pub underlying: Coin,
    pub at_ms: i64,
    pub index_price: f64,
    /// `recorded`, or `model` when the forward of the nearest expiry stands in for the index.
    pub index_source: String,
    pub file: Option<String>,
    pub quotes: Vec<QuoteRow>,
}

/// The newest snapshot of a source at or before `at_ms` as rows.
pub async fn quotes(db: &Db, source: &str, coin: Coin, at_ms: i64) -> sqlx::Result<Option<Quotes>> {
    let Some((_, held_ms, packed)) = newest(db, source, coin, at_ms).await? else {
        return Ok(None);
    };
    let sql = "select collection, index_price, index_source, file from chain_snapshots where source = $1 and underlying = $2 and at_ms = $3";
    let (collection, index_price, index_source, file) = read!(db, pool => sqlx::query_as(sql)
        .bind(source).bind(coin.as_str()).bind(held_ms).fetch_one(pool).await)?;
    Ok(Some(Quotes {
        source: source.to_owned(),
        collection,
        underlying: coin,
        at_ms: held_ms,
        index_price,
        index_source,
        file,
        quotes: decode(&packed)?.rows(),
    }))
}

async fn newest(
    db: &Db,
    source: &str,
    coin: Coin,
    at_ms: i64,
) -> sqlx::Result<Option<(f64, i64, Vec<u8>)>> {
    let sql = "select index_price, at_ms, packed from chain_snapshots where source = $1 and underlying = $2 and at_ms <= $3 order by at_ms desc limit 1";
    read!(db, pool => sqlx::query_as(sql)
        .bind(source).bind(coin.as_str()).bind(at_ms).fetch_optional(pool).await)
}

/// The newest instant of a source at or before `at_ms`, from the index alone.
pub async fn newest_time(
    db: &Db,
    source: &str,
    coin: Coin,
    at_ms: i64,
) -> sqlx::Result<Option<i64>> {
    let sql = "select at_ms from chain_snapshots where source = $1 and underlying = $2 and at_ms <= $3 order by at_ms desc limit 1";
    read!(db, pool => sqlx::query_scalar(sql)
        .bind(source).bind(coin.as_str()).bind(at_ms).fetch_optional(pool).await)
}

/// Instants of snapshots in `[from_ms, to_ms]`, oldest first.
pub async fn times(
    db: &Db,
    source: &str,
    coin: Coin,
    from_ms: i64,
    to_ms: i64,
) -> sqlx::Result<Vec<i64>> {
    let sql = "select at_ms from chain_snapshots where source = $1 and underlying = $2 and at_ms between $3 and $4 order by at_ms";
    read!(db, pool => sqlx::query_scalar(sql)
        .bind(source).bind(coin.as_str()).bind(from_ms).bind(to_ms).fetch_all(pool).await)
}

/// Sources that have snapshots of a coin, in alphabetical order.
pub async fn sources(db: &Db, coin: Coin) -> sqlx::Result<Vec<String>> {
    let sql = "select distinct source from chain_snapshots where underlying = $1 order by source";
    read!(db, pool => sqlx::query_scalar(sql).bind(coin.as_str()).fetch_all(pool).await)
}

fn chain(source: &str, index_price: f64, packed: &[u8]) -> sqlx::Result<Chain> {
    Ok(decode(packed)?.chain(kind(source), index_price))
}

fn decode(packed: &[u8]) -> sqlx::Result<QuoteTable> {
    unpack(packed).map_err(|corrupt| sqlx::Error::Decode(Box::new(corrupt)))
}

/// What a chain of a stored source is to a context: the synthetic market stays synthetic, a model a model.
fn kind(source: &str) -> Source {
    if source.starts_with("synthetic") {
        Source::Synthetic
    } else if source.starts_with(REBUILT) {
        Source::Model
    } else {
        Source::Recorded
    }
}

fn source_name(source: Source) -> &'static str {
    match source {
        Source::Live => "live",
        Source::Recorded => "recorded",
        Source::DeliveryPrice => "delivery_price",
        Source::Candle => "candle",
        Source::VolatilityIndex => "volatility_index",
        Source::Synthetic => "synthetic",
        Source::Model => "model",
        Source::Missing => "missing",
    }
}
