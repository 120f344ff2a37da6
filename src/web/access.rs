//! Who may enter: loopback only, a one-time login link, an encrypted cookie, bearer tokens.

use super::Site;
use super::error::PageError;
use crate::clock::Clock;
use crate::ctx::Ctx;
use crate::db::access::{self, TokenRow};
use crate::domain::hex::hex;
use anyhow::{Context as _, bail};
use axum::extract::{ConnectInfo, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::{Cookie, Key, PrivateCookieJar, SameSite};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;

/// A login link works once and for so long, milliseconds.
const LOGIN_MS: i64 = 3_600_000;
/// A cookie is believed for so long, milliseconds.
const COOKIE_MS: i64 = 90 * 86_400_000;

/// Who does something, as the audit trail names it.
#[derive(Clone, Debug)]
pub(super) struct Actor(pub String);

/// A one-time address that logs a browser in; any process on this database may make it.
pub async fn login_url(ctx: &Ctx, address: SocketAddr) -> anyhow::Result<String> {
    let token = fresh_token(&ctx.clock);
    let now_ms = ctx.clock.wall_ms();
    let mut tx = ctx.db.begin().await?;
    access::insert_login(&mut tx, &hash(&token), now_ms, now_ms + LOGIN_MS).await?;
    tx.commit().await?;
    Ok(format!("http://{}/login?token={token}", reachable(address)))
}

/// Makes a token for programs (`Authorization: Bearer ..`); only its hash is stored.
pub async fn create_token(ctx: &Ctx, name: &str) -> anyhow::Result<String> {
    let token = fresh_token(&ctx.clock);
    let row = TokenRow {
        hash: hash(&token),
        name: name.to_owned(),
    };
    let mut tx = ctx.db.begin().await?;
    access::insert_token(&mut tx, &row, ctx.clock.wall_ms()).await?;
    let detail = serde_json::json!({});
    access::audit(
        &mut tx,
        &ctx.clock,
        "cli",
        "token_created",
        Some(name),
        detail,
    )
    .await?;
    tx.commit().await?;
    Ok(token)
}

/// Binds the configured address; anything but loopback needs `web.expose` and a token.
pub async fn bind(ctx: &Ctx) -> anyhow::Result<TcpListener> {
    let shown = &ctx.config.web.bind;
    let mut addresses = tokio::net::lookup_host(shown).await.with_context(|| {
        format!("workers.toml [web] bind: `{shown}` is no address such as 127.0.0.1:8787")
    })?;
    let address = addresses
        .next()
        .with_context(|| format!("workers.toml [web] bind: `{shown}` names no address"))?;
    check_address(ctx, address).await?;
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; if a desk is open there, `thetaq login` leads to it; --bind HOST:PORT picks another port"))
}

/// Refuses to be reachable from other machines unless that was asked for twice.
pub(super) async fn check_address(ctx: &Ctx, address: SocketAddr) -> anyhow::Result<()> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    if !ctx.config.web.expose {
        bail!(
            "refusing to listen on {address}: other machines reach it; set [web] expose = true in workers.toml if that is meant"
        );
    }
    if access::tokens(&ctx.db).await?.is_empty() {
        bail!(
            "refusing to listen on {address}: no token exists; make one with `thetaq token NAME` first"
        );
    }
    Ok(())
}

/// The key that encrypts cookies, made at the first start and kept in the database.
pub(super) async fn cookie_key(ctx: &Ctx) -> anyhow::Result<Key> {
    let fresh = [ctx.clock.secret(), ctx.clock.secret()].concat();
    let stored = access::key(&ctx.db, "cookie", &fresh, ctx.clock.wall_ms()).await?;
    Key::try_from(stored.as_slice())
        .context("table keys: the cookie key is damaged; delete its row and log in again")
}

/// Every request passes here: the right host, then a cookie or a token.
pub(super) async fn guard(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Result<Response, PageError> {
    check_host(&site, &request)?;
    let path = request.uri().path();
    if path.starts_with("/assets/") || ["/healthz", "/readyz", "/login"].contains(&path) {
        return Ok(next.run(request).await);
    }
    let actor = identify(&site, peer, request.headers()).await?;
    request.extensions_mut().insert(actor);
    Ok(next.run(request).await)
}

/// Another name than ours means that somebody points a name at this machine to read it.
fn check_host(site: &Site, request: &Request) -> Result<(), PageError> {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| {
            request
                .uri()
                .authority()
                .map(axum::http::uri::Authority::as_str)
        })
        .unwrap_or("");
    if site
        .hosts
        .iter()
        .any(|known| known.eq_ignore_ascii_case(host))
    {
        return Ok(());
    }
    Err(PageError::new(
        StatusCode::MISDIRECTED_REQUEST,
        "This dashboard does not answer to that host name",
        "Use the address printed at start, or add the name to [web] hosts in workers.toml.",
    ))
}

async fn identify(site: &Site, peer: SocketAddr, headers: &HeaderMap) -> Result<Actor, PageError> {
    if let Some(bearer) = bearer(headers) {
        site.throttle.check(peer.ip(), &site.ctx.clock)?;
        if let Some(name) = token_name(site, bearer).await? {
            return Ok(Actor(format!("token:{name}")));
        }
        site.throttle.bad(peer.ip(), &site.ctx.clock);
        return Err(unauthorised("The token is not known"));
    }
    let jar = PrivateCookieJar::from_headers(headers, site.key.0.clone());
    let issued_ms: Option<i64> = jar
        .get(&site.cookie)
        .and_then(|cookie| cookie.value().parse().ok());
    match issued_ms {
        Some(at_ms) if at_ms + COOKIE_MS > site.ctx.clock.wall_ms() => Ok(Actor("browser".into())),
        _ => Err(unauthorised("You are not logged in")),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
}

/// The name of the token, compared with every stored hash in constant time.
async fn token_name(site: &Site, token: &str) -> Result<Option<String>, PageError> {
    let given = hash(token);
    let known = access::tokens(&site.ctx.db).await?;
    let found = known
        .into_iter()
        .filter(|row| bool::from(row.hash.as_bytes().ct_eq(given.as_bytes())));
    // Every row is compared, also behind a match, so that time tells nothing.
    let Some(row) = found.fold(None, |_, row| Some(row)) else {
        return Ok(None);
    };
    access::token_used(&site.ctx.db, &row.hash, site.ctx.clock.wall_ms()).await?;
    Ok(Some(row.name))
}

fn unauthorised(title: &str) -> PageError {
    PageError::new(
        StatusCode::UNAUTHORIZED,
        title,
        "Open the login link printed when thetaq started, or print a new one with `thetaq login`. Programs send `Authorization: Bearer TOKEN`.",
    )
}

#[derive(serde::Deserialize)]
pub(super) struct Login {
    #[serde(default)]
    token: String,
}

/// Exchanges the link's token for the cookie; the redirect takes the token out of the address.
pub(super) async fn login(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Query(login): Query<Login>,
) -> Result<Response, PageError> {
    let clock = &site.ctx.clock;
    site.throttle.check(peer.ip(), clock)?;
    let mut tx = site.ctx.db.begin().await?;
    if !access::use_login(&mut tx, &hash(&login.token), clock.wall_ms()).await? {
        site.throttle.bad(peer.ip(), clock);
        return Err(unauthorised(
            "This login link is used up, too old, or not ours",
        ));
    }
    access::audit(
        &mut tx,
        clock,
        "browser",
        "login",
        None,
        serde_json::json!({"peer": peer.ip().to_string()}),
    )
    .await?;
    tx.commit().await?;
    let mut cookie = Cookie::new(site.cookie.clone(), clock.wall_ms().to_string());
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Strict);
    cookie.set_path("/");
    cookie.make_permanent();
    let jar = PrivateCookieJar::from_headers(&headers, site.key.0.clone()).add(cookie);
    Ok((jar, Redirect::to("/")).into_response())
}

/// Host names this listener answers to.
pub(super) fn hosts(ctx: &Ctx, address: SocketAddr) -> Vec<String> {
    let port = address.port();
    let mut names = vec![
        address.to_string(),
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        format!("[::1]:{port}"),
    ];
    for host in &ctx.config.web.hosts {
        names.push(host.clone());
        names.push(format!("{host}:{port}"));
    }
    names
}

/// The cookie is named after its key, so that two desks on one machine do not log each other out.
pub(super) fn cookie_name(key: &Key) -> String {
    format!("thetaq_{}", &hex(&Sha256::digest(key.master()))[..8])
}

fn reachable(address: SocketAddr) -> SocketAddr {
    let mut shown = address;
    if address.ip().is_unspecified() {
        shown.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    shown
}

fn fresh_token(clock: &Clock) -> String {
    hex(&clock.secret())
}

fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}
