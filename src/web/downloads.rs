//! Files of exports, whole or in ranges: `GET /exports/{job}/{file}`. A download that was cut off goes on.

use super::Site;
use super::error::PageError;
use crate::db::exports;
use crate::export::card::{CARD, MANIFEST};
use crate::export::writer::digest;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::path::PathBuf;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};

/// A file as its export left it. Its ETag is the SHA-256 of its bytes, so a range fits what came before it.
pub(super) async fn file(
    State(site): State<Site>,
    Path((job, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let (path, sha256) = found(&site, &job, &name).await?;
    let mut open = File::open(&path)
        .await
        .map_err(|_| PageError::not_found("That file"))?;
    let length = open.metadata().await?.len();
    let tag = format!("\"{sha256}\"");
    let common = [
        (header::ETAG, tag.clone()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        // A type that is never compressed on the way: ranges count the bytes of the file.
        (header::CONTENT_TYPE, KIND.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    if asked(&headers, &header::IF_NONE_MATCH).is_some_and(|tags| matches(tags, &tag)) {
        return Ok((StatusCode::NOT_MODIFIED, common).into_response());
    }
    match range(&headers, &tag, length) {
        Wanted::Whole => {
            let size = [(header::CONTENT_LENGTH, length.to_string())];
            Ok((StatusCode::OK, common, size, body(open, length)).into_response())
        }
        Wanted::Part(from, to) => {
            open.seek(SeekFrom::Start(from)).await?;
            let size = [
                (header::CONTENT_LENGTH, (to - from + 1).to_string()),
                (header::CONTENT_RANGE, format!("bytes {from}-{to}/{length}")),
            ];
            let body = body(open, to - from + 1);
            Ok((StatusCode::PARTIAL_CONTENT, common, size, body).into_response())
        }
        Wanted::Outside => {
            let size = [(header::CONTENT_RANGE, format!("bytes */{length}"))];
            Ok((StatusCode::RANGE_NOT_SATISFIABLE, common, size).into_response())
        }
    }
}

pub(super) const KIND: &str = "application/octet-stream";

/// Only names that the export lists lead to a file.
async fn found(site: &Site, job: &str, name: &str) -> Result<(PathBuf, String), PageError> {
    let db = &site.ctx.db;
    let missing = || PageError::not_found("That file");
    let row = exports::of_job(db, job).await?.ok_or_else(missing)?;
    let folder = PathBuf::from(&row.folder);
    if [MANIFEST, CARD].contains(&name) {
        let path = folder.join(name);
        let hashed = path.clone();
        let digest = tokio::task::spawn_blocking(move || digest(&hashed)).await?;
        return Ok((path, digest.map_err(|_| missing())?.0));
    }
    let files = exports::files(db, job).await?;
    let file = files.into_iter().find(|file| file.path == name);
    let file = file.ok_or_else(missing)?;
    Ok((folder.join(&file.path), file.sha256))
}

#[derive(Debug, PartialEq)]
enum Wanted {
    Whole,
    /// First and last byte.
    Part(u64, u64),
    Outside,
}

/// One range is answered; several, or one of another version, get the whole file, as RFC 9110 allows.
fn range(headers: &HeaderMap, tag: &str, length: u64) -> Wanted {
    let same = asked(headers, &header::IF_RANGE).is_none_or(|wanted| wanted == tag);
    let text = asked(headers, &header::RANGE).and_then(|text| text.strip_prefix("bytes="));
    match text.filter(|text| same && !text.contains(',')) {
        None => Wanted::Whole,
        Some(text) => parsed(text.trim(), length),
    }
}

fn parsed(text: &str, length: u64) -> Wanted {
    let Some((from, to)) = text.split_once('-') else {
        return Wanted::Whole;
    };
    let (from, to) = (from.trim(), to.trim());
    let ends = (from.parse::<u64>(), to.parse::<u64>());
    let (from, to) = match ends {
        (Ok(from), Ok(to)) if from <= to => (from, to),
        (Ok(from), Err(_)) if to.is_empty() => (from, u64::MAX),
        (Err(_), Ok(0)) if from.is_empty() => return Wanted::Outside,
        (Err(_), Ok(last)) if from.is_empty() => (length.saturating_sub(last), u64::MAX),
        _ => return Wanted::Whole,
    };
    if from >= length {
        return Wanted::Outside;
    }
    Wanted::Part(from, to.min(length - 1))
}

fn asked<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn matches(tags: &str, tag: &str) -> bool {
    let one = |known: &str| known == "*" || known.trim_start_matches("W/") == tag;
    tags.split(',').map(str::trim).any(one)
}

const BLOCK_BYTES: u64 = 64 << 10;

/// The next `length` bytes, block by block.
fn body(open: File, length: u64) -> Body {
    let blocks = futures::stream::try_unfold((open, length), async |(mut open, left)| {
        if left == 0 {
            return Ok::<_, std::io::Error>(None);
        }
        let mut block = vec![0; left.min(BLOCK_BYTES) as usize];
        let count = open.read(&mut block).await?;
        if count == 0 {
            return Err(std::io::Error::other("the file got shorter"));
        }
        block.truncate(count);
        Ok(Some((Bytes::from(block), (open, left - count as u64))))
    });
    Body::from_stream(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        for (text, expect) in [
            ("0-0", Wanted::Part(0, 0)),
            ("5-", Wanted::Part(5, 9)),
            ("-3", Wanted::Part(7, 9)),
            ("-30", Wanted::Part(0, 9)),
            ("2-99", Wanted::Part(2, 9)),
            ("10-", Wanted::Outside),
            ("-0", Wanted::Outside),
            ("5-2", Wanted::Whole),
            ("x", Wanted::Whole),
            ("a-b", Wanted::Whole),
        ] {
            assert_eq!(parsed(text, 10), expect, "{text}");
        }
    }
}
