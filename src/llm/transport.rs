//! One request, once: async-openai makes it, the response is taken before the library reads it, because that
//! loses the status of errors whose code is a number and fails on answers it does not know.

use crate::config::{LLM_KEY, LlmConfig};
use anyhow::Context as _;
use async_openai::Client;
use async_openai::config::Config;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use futures::future::BoxFuture;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// Bytes of a response; an answer of a million tokens is about 5 MB.
const BODY_MAX: usize = 32 << 20;

/// The connection pool, the address and the key.
#[derive(Debug)]
pub(super) struct Transport {
    http: reqwest::Client,
    server: Server,
}

/// A response whose head came.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    inner: reqwest::Response,
}

/// Why no response, or no more of it, came.
#[derive(Debug)]
pub(super) struct Lost(pub(super) String);

impl Transport {
    pub(super) fn new(config: &LlmConfig, key: Option<SecretString>) -> anyhow::Result<Self> {
        Ok(Self {
            http: build(config).context("cannot set up HTTP for the language model")?,
            server: Server::new(&config.base_url, key)?,
        })
    }

    /// Sends the bytes as they are and gives what the server began to answer.
    pub(super) async fn send(&self, bytes: &[u8]) -> Result<Response, Lost> {
        let text = std::str::from_utf8(bytes).map_err(|error| Lost(error.to_string()))?;
        let body: &RawValue =
            serde_json::from_str(text).map_err(|error| Lost(error.to_string()))?;
        let taker = Taker {
            http: self.http.clone(),
            slot: Arc::default(),
        };
        let client = Client::build(self.http.clone(), self.server.clone());
        let client = client.with_http_service(taker.clone());
        let sent = client.chat().create_byot::<_, IgnoredAny>(body).await;
        let taken = taker
            .slot
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match taken {
            Some(Ok(inner)) => Ok(Response {
                status: inner.status().as_u16(),
                retry_after: retry_after(inner.headers()),
                inner,
            }),
            Some(Err(error)) => Err(Lost(chain(&error.without_url()))),
            None => Err(Lost(
                sent.err()
                    .map_or_else(String::new, |error| error.to_string()),
            )),
        }
    }

    /// The status and the body of a list of the server.
    pub(super) async fn get(&self, path: &str) -> Result<(u16, Vec<u8>), Lost> {
        let lost = |error: reqwest::Error| Lost(chain(&error.without_url()));
        let request = self.http.get(self.server.url(path));
        let request = request.headers(self.server.headers.clone());
        let inner = request.send().await.map_err(lost)?;
        let mut response = Response {
            status: inner.status().as_u16(),
            retry_after: None,
            inner,
        };
        let mut body = Vec::new();
        while let Some(piece) = response.chunk(body.len()).await? {
            body.extend(piece);
        }
        Ok((response.status, body))
    }

    /// What no row, page or log may have: servers quote the key they refuse.
    pub(super) fn key(&self) -> &str {
        self.server.key.expose_secret()
    }
}

impl Response {
    /// The next bytes of the body; `None` at its end.
    pub(super) async fn chunk(&mut self, so_far: usize) -> Result<Option<Vec<u8>>, Lost> {
        let chunk = self.inner.chunk().await;
        let chunk =
            chunk.map_err(|error| Lost(format!("cut off: {}", chain(&error.without_url()))))?;
        match chunk {
            Some(bytes) if so_far + bytes.len() > BODY_MAX => {
                Err(Lost(format!("the answer is longer than {BODY_MAX} bytes")))
            }
            chunk => Ok(chunk.map(Into::into)),
        }
    }
}

/// Sends what the library made, keeps the response, and shows the library an empty one.
#[derive(Clone)]
struct Taker {
    http: reqwest::Client,
    slot: Arc<Mutex<Option<reqwest::Result<reqwest::Response>>>>,
}

impl tower::Service<HttpRequestFactory> for Taker {
    type Response = reqwest::Response;
    type Error = OpenAIError;
    type Future = BoxFuture<'static, Result<reqwest::Response, OpenAIError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, factory: HttpRequestFactory) -> Self::Future {
        let taker = self.clone();
        Box::pin(async move {
            let response = taker.http.execute(factory.build().await?).await;
            *taker.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(response);
            Ok(http::Response::new("null").into())
        })
    }
}

/// Address and key; nothing of it comes from the environment, where the library would look on its own.
#[derive(Clone, Debug)]
struct Server {
    base_url: String,
    key: SecretString,
    headers: HeaderMap,
}

impl Server {
    fn new(base_url: &str, key: Option<SecretString>) -> anyhow::Result<Self> {
        let mut headers = HeaderMap::new();
        if let Some(key) = &key {
            let value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()));
            // The error is not passed on: it may quote the key.
            let mut value = value.ok().with_context(|| {
                format!("{LLM_KEY} holds a line break or another character that no key has; set it again")
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            key: key.unwrap_or_default(),
            headers,
        })
    }
}

impl Config for Server {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.base_url
    }

    fn api_key(&self) -> &SecretString {
        &self.key
    }
}

fn build(config: &LlmConfig) -> reqwest::Result<reqwest::Client> {
    // The first provider installed in the process stays; a second try is no error.
    let _already = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("thetaq/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_millis(config.connect_timeout_ms))
        .redirect(reqwest::redirect::Policy::none());
    if config.base_url.starts_with("http://") {
        // Plain HTTP is for a server near by: it needs neither certificates nor a proxy.
        builder = builder.tls_certs_only([]).no_proxy();
    } else {
        builder = builder.https_only(true);
    }
    builder.build()
}

/// `Retry-After` in seconds; dates are not used by these servers.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(reqwest::header::RETRY_AFTER)?.to_str().ok()?;
    let seconds: f64 = text.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// The error with its causes, in one line; reqwest keeps the interesting part in the causes.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
