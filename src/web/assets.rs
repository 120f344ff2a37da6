//! Our own scripts and styles, embedded in the binary.

use super::error::PageError;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};

const ASSETS: &[(&str, &str, &str)] = &[
    (
        "desk.css",
        "text/css; charset=utf-8",
        include_str!("../../templates/assets/desk.css"),
    ),
    (
        "theme.js",
        "text/javascript; charset=utf-8",
        include_str!("../../templates/assets/theme.js"),
    ),
    (
        "desk.js",
        "text/javascript; charset=utf-8",
        include_str!("../../templates/assets/desk.js"),
    ),
    (
        "live.js",
        "text/javascript; charset=utf-8",
        include_str!("../../templates/assets/live.js"),
    ),
    (
        "chart.js",
        "text/javascript; charset=utf-8",
        include_str!("../../templates/assets/chart.js"),
    ),
    (
        "chat.js",
        "text/javascript; charset=utf-8",
        include_str!("../../templates/assets/chat.js"),
    ),
    (
        "icon.svg",
        "image/svg+xml",
        include_str!("../../templates/assets/icon.svg"),
    ),
];

/// One file of templates/assets; addresses carry the version, so a browser may keep it.
pub(super) async fn asset(Path(file): Path<String>) -> Result<Response, PageError> {
    let (_, kind, body) = ASSETS
        .iter()
        .find(|(name, ..)| *name == file)
        .ok_or_else(|| PageError::not_found("That file"))?;
    let headers = [
        (header::CONTENT_TYPE, *kind),
        (header::CACHE_CONTROL, "private, max-age=3600"),
    ];
    Ok((headers, *body).into_response())
}

/// Changes with every asset, so that a new binary is never dressed in old styles.
pub(super) fn version() -> String {
    let all: String = ASSETS.iter().map(|(.., body)| *body).collect();
    format!(
        "{:08x}",
        all.bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte))
                .wrapping_mul(0x0100_0193))
    )
}
