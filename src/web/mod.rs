//! The dashboard: pages, their live fragments, actions, and the same data as JSON.
//!
//! Nothing here calls an exchange or a policy: pages read rows, actions set a control of the desk or
//! enqueue one job. Start reading at [`serve`], then `pages`, then `view`.

mod access;
mod actions;
mod api;
mod ask;
mod assets;
mod chart;
mod chat;
mod downloads;
mod error;
mod events;
mod format;
mod health;
mod pages;
mod receipts;
mod status;
mod table;
mod throttle;
mod view;

pub use access::{bind, create_token, login_url};

use crate::ctx::Ctx;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, header};
use axum::routing::{get, post};
use axum_extra::extract::cookie::Key;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use tower_http::csrf::CsrfLayer;
use tower_http::set_header::SetResponseHeaderLayer;

/// Everything a request needs; cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::web) struct Site(Arc<Shared>);

#[derive(Debug)]
pub(in crate::web) struct Shared {
    ctx: Ctx,
    templates: minijinja::Environment<'static>,
    key: KeyHandle,
    /// Name of the login cookie.
    cookie: String,
    /// Host names this listener answers to.
    hosts: Vec<String>,
    throttle: throttle::Throttle,
    /// Ends event streams, which would otherwise hold up a graceful stop.
    shutdown: CancellationToken,
}

/// The cookie key, which must not be printed.
#[derive(Clone)]
struct KeyHandle(Key);

impl std::fmt::Debug for KeyHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Deref for Site {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// Actions carry a few ids; nothing larger is ever posted.
const BODY_MAX_BYTES: usize = 256 * 1024;

/// Answers requests on `listener` until `shutdown` is cancelled.
///
/// Refuses a listener that other machines reach unless `[web] expose` is set and a token exists.
pub async fn serve(
    ctx: Ctx,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    access::check_address(&ctx, address).await?;
    let key = access::cookie_key(&ctx).await?;
    let site = Site(Arc::new(Shared {
        templates: view::environment()?,
        cookie: access::cookie_name(&key),
        hosts: access::hosts(&ctx, address),
        throttle: throttle::Throttle::default(),
        key: KeyHandle(key),
        shutdown: shutdown.clone(),
        ctx,
    }));
    tracing::info!(web.address = %address, "the dashboard is up");
    let service = router(site).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await?;
    Ok(())
}

/// Layers run from the bottom up: headers, errors, the guard, then cross-site requests.
fn router(site: Site) -> Router {
    let guarded = Router::new()
        .route("/login", get(access::login))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .route("/assets/{file}", get(assets::asset))
        .route("/events", get(events::stream))
        .route("/actions/{action}", post(actions::act))
        .route("/lab/start/{kind}", post(pages::start_in_lab))
        .route("/sql", get(pages::sql))
        .route("/sql/export", post(pages::start_export))
        .route("/sql/{question}", get(pages::sql))
        .route("/training/start/{kind}", post(pages::start_training))
        .route("/exports/{job}/{file}", get(downloads::file))
        .route("/chat", get(pages::page).post(chat::post))
        .route("/chat/{thread}/events", get(chat::stream))
        .nest("/api/v1", api::router())
        .fallback(pages::page)
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .layer(CsrfLayer::new())
        .layer(axum::middleware::from_fn_with_state(
            site.clone(),
            access::guard,
        ));
    let dressed = guarded
        .layer(CatchPanicLayer::new())
        .layer(axum::middleware::from_fn_with_state(
            site.clone(),
            error::dress,
        ))
        .layer(CompressionLayer::new().compress_when(
            DefaultPredicate::new().and(NotForContentType::const_new(downloads::KIND)),
        ));
    headers(dressed).with_state(site)
}

/// What every answer carries; the policy is exact because the pages need nothing more.
const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Actions find their way back by the referrer; other sites learn nothing.
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=()",
    ),
];

fn headers(router: Router<Site>) -> Router<Site> {
    let cached = SetResponseHeaderLayer::if_not_present(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store"),
    );
    HEADERS
        .into_iter()
        .fold(router.layer(cached), |router, (name, value)| {
            router.layer(SetResponseHeaderLayer::overriding(
                name,
                HeaderValue::from_static(value),
            ))
        })
}
