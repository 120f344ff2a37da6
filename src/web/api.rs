//! The same data for programs under /api/v1.

use super::Site;
use axum::Router;

pub(super) fn router() -> Router<Site> {
    Router::new()
}
