//! The access token: fetched once, refreshed at 80 % of its life, forgotten when it is refused.

use super::credits::{Class, Credits};
use super::settings::Credentials;
use super::transport::{Outcome, Transport};
use crate::clock::Stopwatch;
use crate::exchange::error::{ExchangeError, Reply};
use crate::exchange::wire::envelope::Grant;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;
use tokio::sync::Mutex;

/// What the desk needs; the session lets the token be used on any connection.
pub(super) const SCOPE: &str = "session:thetaq account:read trade:read_write wallet:none";
/// Granted scopes without one of each of these are of no use: (what it is for, scopes that do).
const NEEDED: [(&str, [&str; 2]); 2] = [
    (
        "reading the account",
        ["account:read", "account:read_write"],
    ),
    (
        "reading orders and positions",
        ["trade:read", "trade:read_write"],
    ),
];
/// Share of its life after which a token is refreshed.
const REFRESH_AT: f64 = 0.8;
/// After a refresh that failed, the living token is used for so long before the next try.
const REFRESH_PAUSE: Duration = Duration::from_secs(10);
/// How long a call for a token may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(20);

/// What goes into the Authorization header. Its Debug does not show it.
#[derive(Clone)]
pub(super) struct Bearer {
    header: HeaderValue,
    serial: u64,
}

impl Bearer {
    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bearer({})", self.serial)
    }
}

/// The token of one account, shared by every call; only one call at a time fetches the next.
#[derive(Debug)]
pub(super) struct Tokens {
    credentials: Option<Credentials>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    token: Option<Token>,
    /// Tokens held so far.
    count: u64,
}

#[derive(Debug)]
struct Token {
    bearer: Bearer,
    refresh: SecretString,
    scope: String,
    age: Stopwatch,
    life: Duration,
    /// Since the last refresh that failed.
    failed: Option<Stopwatch>,
}

impl Token {
    /// Good for a call without asking for another first.
    fn is_fresh(&self) -> bool {
        let waits = self
            .failed
            .is_some_and(|since| since.elapsed() < REFRESH_PAUSE);
        self.age.elapsed() < self.life.mul_f64(REFRESH_AT) || waits && self.is_alive()
    }

    fn is_alive(&self) -> bool {
        self.age.elapsed() < self.life
    }
}

impl Tokens {
    /// Without credentials there is never a token, and calls are made without one.
    pub(super) fn new(credentials: Option<Credentials>) -> Self {
        Self {
            credentials,
            held: Mutex::default(),
        }
    }

    /// A token that is good for the next call; fails as a call would that was not sent, or as a broken one.
    pub(super) async fn bearer<T>(
        &self,
        transport: &Transport,
        credits: &Credits,
    ) -> Result<Option<Bearer>, Outcome<T>> {
        let Some(credentials) = &self.credentials else {
            return Ok(None);
        };
        let mut held = self.held.lock().await;
        if let Some(token) = held.token.as_ref().filter(|token| token.is_fresh()) {
            return Ok(Some(token.bearer.clone()));
        }
        let granted = fetch(credentials, held.token.as_ref(), transport, credits).await;
        let kept = held.token.as_mut().filter(|token| token.is_alive());
        match (granted, kept) {
            (Ok(grant), _) => {
                held.count += 1;
                let token = hold(&grant, held.count).map_err(Outcome::Broken)?;
                let bearer = token.bearer.clone();
                held.token = Some(token);
                Ok(Some(bearer))
            }
            // The refresh can wait for a better moment while the token lives.
            (Err(_), Some(token)) => {
                token.failed = Some(Stopwatch::start());
                Ok(Some(token.bearer.clone()))
            }
            (Err(failed), None) => {
                held.token = None;
                Err(before_call(failed))
            }
        }
    }

    /// Drops a token that the exchange refused, unless another call has replaced it already.
    pub(super) async fn forget(&self, refused: Option<&Bearer>) {
        let mut held = self.held.lock().await;
        let serial = held.token.as_ref().map(|token| token.bearer.serial);
        if serial == refused.map(|bearer| bearer.serial) {
            held.token = None;
        }
    }

    /// The scopes of the token held now.
    pub(super) async fn scope(&self) -> Option<String> {
        let held = self.held.lock().await;
        held.token.as_ref().map(|token| token.scope.clone())
    }
}

/// By refresh token while it may still be good, else by the key.
async fn fetch(
    credentials: &Credentials,
    old: Option<&Token>,
    transport: &Transport,
    credits: &Credits,
) -> Result<Grant, Outcome<Grant>> {
    if let Some(old) = old.filter(|old| old.is_alive()) {
        let secret = old.refresh.expose_secret();
        let params = json!({ "grant_type": "refresh_token", "refresh_token": secret });
        match ask(&params, &[secret], transport, credits).await.failed() {
            Err(Outcome::Refused(_)) => {}
            answer => return answer,
        }
    }
    let (id, secret) = (&credentials.client_id, &credentials.client_secret);
    let params = json!({
        "grant_type": "client_credentials",
        "client_id": id.expose_secret(),
        "client_secret": secret.expose_secret(),
        "scope": SCOPE,
    });
    let secrets = [id.expose_secret(), secret.expose_secret()];
    ask(&params, &secrets, transport, credits).await.failed()
}

async fn ask(
    params: &Value,
    secrets: &[&str],
    transport: &Transport,
    credits: &Credits,
) -> Outcome<Grant> {
    if !credits.turn(Class::NonMatching, PATIENCE).await {
        return Outcome::not_sent("too many calls wait for their turn");
    }
    let answer = transport.send("public/auth", params, None).await;
    if answer.is_over_limit() {
        credits.drain(Class::NonMatching);
    }
    match answer {
        Outcome::Refused(mut reply) => {
            // An exchange that repeats what it was sent must not get it into a log.
            for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
                reply.message = reply.message.replace(secret, "***");
            }
            Outcome::Refused(reply)
        }
        outcome => outcome,
    }
}

fn hold(grant: &Grant, serial: u64) -> Result<Token, Reply> {
    let granted: Vec<&str> = grant.scope.split_whitespace().collect();
    let missing = NEEDED
        .iter()
        .find(|(_, any)| !any.iter().any(|one| granted.contains(one)));
    if let Some((purpose, [scope, _])) = missing {
        let message = format!(
            "public/auth: the API key does not allow {purpose}: it grants `{}`, which lacks {scope}; \
             give the key account:read and trade:read_write",
            grant.scope
        );
        return Err(Reply {
            code: 13_403,
            message,
        });
    }
    let mut header =
        HeaderValue::from_str(&format!("Bearer {}", grant.access_token)).map_err(|_| {
            let message =
                "public/auth: the token has characters that no header may hold".to_owned();
            Reply { code: -1, message }
        })?;
    header.set_sensitive(true);
    Ok(Token {
        bearer: Bearer { header, serial },
        refresh: grant.refresh_token.as_str().into(),
        scope: grant.scope.clone(),
        age: Stopwatch::start(),
        life: Duration::from_secs(grant.expires_in.max(1).unsigned_abs()),
        failed: None,
    })
}

/// A failed authentication as the failure of the call that needed it, which was never sent.
fn before_call<T>(failed: Outcome<Grant>) -> Outcome<T> {
    let named = |reply: Reply| Reply {
        message: format!("authentication: {}", reply.message),
        ..reply
    };
    match failed {
        Outcome::NotSent(reply) | Outcome::TurnedAway(reply) | Outcome::Lost(reply) => {
            Outcome::NotSent(named(reply))
        }
        Outcome::Refused(reply) => match ExchangeError::from_code(reply.code, "") {
            ExchangeError::Retry(_) | ExchangeError::UnknownOutcome(_) => {
                Outcome::NotSent(named(reply))
            }
            _ => Outcome::Broken(named(reply)),
        },
        Outcome::Broken(reply) => Outcome::Broken(named(reply)),
        Outcome::Answered(_) => Outcome::not_sent("authentication: answered and failed at once"),
    }
}
