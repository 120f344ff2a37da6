//! Tokens: who may call what, until when.

use super::params::{Params, needed};
use super::reply::RpcError;
use crate::clock::{Clock, Random};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use subtle::ConstantTimeEq as _;

/// An API key of the simulated account; good for tests alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    pub client_id: String,
    pub client_secret: String,
    /// The most its tokens may do, in the exchange's words.
    pub scope: String,
}

impl Key {
    /// The key of a simulated account, a function of its seed so that restarts keep it; it may do all.
    pub fn from_seed(seed: &str) -> Self {
        let mut random = Random::from_parts(&["exchange key", seed]);
        Self {
            client_id: format!("sim-{:08x}", random.next_u64() >> 32),
            client_secret: format!("{:016x}{:016x}", random.next_u64(), random.next_u64()),
            scope: "account:read_write trade:read_write wallet:read_write".to_owned(),
        }
    }

    fn opens(&self, client_id: &str, client_secret: &str) -> bool {
        let secret = client_secret.as_bytes();
        let same = self.client_secret.as_bytes().ct_eq(secret);
        self.client_id == client_id && bool::from(same)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, ***, {})", self.client_id, self.scope)
    }
}

/// What a method asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Public,
    /// Any token.
    Token,
    AccountRead,
    AccountWrite,
    TradeRead,
    TradeWrite,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    #[default]
    None,
    Read,
    ReadWrite,
}

/// What a token may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Grant {
    account: Level,
    trade: Level,
    wallet: Level,
    /// `session:NAME`; one connection's token without.
    session: Option<String>,
    life_s: i64,
}

/// Seconds an access token lives unless `expires:` says otherwise.
const LIFE_S: i64 = 900;
/// A refresh token lives so much longer than its access token.
const REFRESH_LIVES: i64 = 100;

impl Grant {
    /// What is asked for, cut to what the key may do; all of it when nothing is named.
    fn of(asked: &str, key: &Key) -> Result<Self, RpcError> {
        let most = Self::parse(&key.scope)?;
        let mut grant = Self::parse(asked)?;
        let named = ["account:", "trade:", "wallet:"];
        if !named.iter().any(|area| asked.contains(area)) {
            (grant.account, grant.trade, grant.wallet) = (most.account, most.trade, most.wallet);
        }
        grant.account = grant.account.min(most.account);
        grant.trade = grant.trade.min(most.trade);
        grant.wallet = grant.wallet.min(most.wallet);
        Ok(grant)
    }

    fn parse(text: &str) -> Result<Self, RpcError> {
        let mut grant = Self {
            life_s: LIFE_S,
            ..Self::default()
        };
        for word in text.split_whitespace() {
            let (area, value) = word.split_once(':').unwrap_or((word, ""));
            match area {
                "account" => grant.account = level(value)?,
                "trade" => grant.trade = level(value)?,
                "wallet" => grant.wallet = level(value)?,
                "session" if !value.is_empty() => grant.session = Some(value.to_owned()),
                "expires" => {
                    let life_s = value.parse().ok().filter(|life_s| *life_s > 0);
                    grant.life_s = life_s.ok_or_else(bad_scope)?;
                }
                "connection" | "mainaccount" | "ip" | "block_trade" | "block_rfq" => {}
                _ => return Err(bad_scope()),
            }
        }
        Ok(grant)
    }

    fn allows(&self, scope: Scope) -> bool {
        match scope {
            Scope::Public | Scope::Token => true,
            Scope::AccountRead => self.account >= Level::Read,
            Scope::AccountWrite => self.account == Level::ReadWrite,
            Scope::TradeRead => self.trade >= Level::Read,
            Scope::TradeWrite => self.trade == Level::ReadWrite,
        }
    }

    fn text(&self) -> String {
        let session = self.session.as_deref();
        let bound = session.map_or("connection".to_owned(), |name| format!("session:{name}"));
        let areas = [
            ("account", self.account),
            ("trade", self.trade),
            ("wallet", self.wallet),
        ];
        areas.iter().fold(bound, |mut text, (area, level)| {
            let level = match level {
                Level::None => "none",
                Level::Read => "read",
                Level::ReadWrite => "read_write",
            };
            write!(text, " {area}:{level}").expect("a string takes every write");
            text
        }) + " mainaccount"
    }
}

fn level(word: &str) -> Result<Level, RpcError> {
    match word {
        "none" => Ok(Level::None),
        "read" => Ok(Level::Read),
        "read_write" => Ok(Level::ReadWrite),
        _ => Err(bad_scope()),
    }
}

fn bad_scope() -> RpcError {
    RpcError::param("scope", "invalid scope")
}

/// Tokens that were handed out.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    access: BTreeMap<String, Held>,
    refresh: BTreeMap<String, Held>,
}

#[derive(Clone, Debug)]
struct Held {
    grant: Grant,
    /// Machine time.
    until_ms: i64,
}

impl Sessions {
    /// `public/auth`: a pair of tokens for credentials or for a refresh token, which is used up by it.
    pub(super) fn auth(
        &mut self,
        params: &Params,
        key: &Key,
        clock: &Clock,
    ) -> Result<Value, RpcError> {
        let kinds = ["client_credentials", "client_signature", "refresh_token"];
        let kind = needed("grant_type", params.choice("grant_type", &kinds)?)?;
        let scope = params.text("scope")?;
        let grant = match kind {
            "client_credentials" => {
                let client_id = needed("client_id", params.text("client_id")?)?;
                let secret = needed("client_secret", params.text("client_secret")?)?;
                if !key.opens(client_id, secret) {
                    return Err(RpcError::new(13_004, "invalid_credentials"));
                }
                Grant::of(scope.unwrap_or_default(), key)?
            }
            "refresh_token" => {
                let token = needed("refresh_token", params.text("refresh_token")?)?;
                self.refreshed(token, clock.wall_ms())?
            }
            _ => {
                return Err(RpcError::param(
                    "grant_type",
                    "signatures are not simulated",
                ));
            }
        };
        let mut pair = self.hand_out(&grant, clock);
        if let Some(state) = params.text("state")? {
            pair["state"] = json!(state);
        }
        Ok(pair)
    }

    fn refreshed(&mut self, token: &str, wall_ms: i64) -> Result<Grant, RpcError> {
        let held = self.refresh.remove(token);
        let held = held.filter(|held| held.until_ms > wall_ms);
        held.map(|held| held.grant)
            .ok_or_else(RpcError::unauthorized)
    }

    fn hand_out(&mut self, grant: &Grant, clock: &Clock) -> Value {
        let wall_ms = clock.wall_ms();
        self.access.retain(|_, held| held.until_ms > wall_ms);
        self.refresh.retain(|_, held| held.until_ms > wall_ms);
        let (access, refresh) = (token(clock), token(clock));
        let life_ms = grant.life_s.saturating_mul(1_000);
        let held = |lives: i64| Held {
            grant: grant.clone(),
            until_ms: wall_ms.saturating_add(life_ms.saturating_mul(lives)),
        };
        self.access.insert(access.clone(), held(1));
        self.refresh.insert(refresh.clone(), held(REFRESH_LIVES));
        let mut pair = json!({
            "access_token": access,
            "token_type": "bearer",
            "expires_in": grant.life_s,
            "refresh_token": refresh,
            "scope": grant.text(),
            "enabled_features": [],
        });
        if let Some(name) = &grant.session {
            pair["sid"] = json!(name);
        }
        pair
    }

    /// Ends the token of a header.
    pub(super) fn forget(&mut self, header: &str) {
        let token = header.split_once(' ').map(|(_, token)| token.trim());
        self.access.remove(token.unwrap_or_default());
    }

    /// What the caller may do by its `Authorization` header; `None` without one that counts.
    pub(super) fn caller(&self, header: Option<&str>, key: &Key, wall_ms: i64) -> Option<Grant> {
        let (kind, value) = header?.split_once(' ')?;
        if kind.eq_ignore_ascii_case("bearer") {
            let held = self.access.get(value.trim())?;
            return (held.until_ms > wall_ms).then(|| held.grant.clone());
        }
        let text = String::from_utf8(from_base64(value.trim())?).ok()?;
        let (client_id, secret) = text.split_once(':')?;
        let known = kind.eq_ignore_ascii_case("basic") && key.opens(client_id, secret);
        known.then(|| Grant::of("", key).ok())?
    }
}

/// Refuses a caller whose token does not reach for a method.
pub(super) fn check(caller: Option<&Grant>, scope: Scope) -> Result<(), RpcError> {
    match caller {
        None if scope == Scope::Public => Ok(()),
        None => Err(RpcError::unauthorized()),
        Some(grant) if grant.allows(scope) => Ok(()),
        Some(_) => Err(RpcError::because(
            13_403,
            "scope_exceeded",
            "the token's scope is smaller",
        )),
    }
}

fn token(clock: &Clock) -> String {
    let bytes = clock.secret();
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes every write");
        text
    })
}

/// Standard base64 with or without padding, for Basic credentials alone.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for letter in text.trim_end_matches('=').bytes() {
        let six = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_what_was_asked_for_and_the_key_allows() {
        let mut key = Key::from_seed("s");
        let text = |key: &Key, asked: &str| Grant::of(asked, key).expect(asked).text();
        let all = "account:read_write trade:read_write wallet:read_write mainaccount";
        assert_eq!(text(&key, ""), format!("connection {all}"));
        assert_eq!(
            text(
                &key,
                "session:desk account:read trade:read_write wallet:none"
            ),
            "session:desk account:read trade:read_write wallet:none mainaccount"
        );
        key.scope = "account:read trade:read".to_owned();
        assert_eq!(
            text(&key, "trade:read_write"),
            "connection account:none trade:read wallet:none mainaccount"
        );
        assert!(Grant::of("trade:everything", &key).is_err());
    }

    #[test]
    fn base64_is_read() {
        assert_eq!(
            from_base64("aWQ6c2VjcmV0").as_deref(),
            Some(&b"id:secret"[..])
        );
        assert_eq!(from_base64("aQ==").as_deref(), Some(&b"i"[..]));
        assert_eq!(from_base64("a*"), None);
    }

    #[test]
    fn secrets_are_not_printed() {
        let key = Key::from_seed("s");
        assert!(!format!("{key:?}").contains(&key.client_secret));
    }
}
