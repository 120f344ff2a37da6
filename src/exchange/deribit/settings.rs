//! Which host the client talks to, as whom, how patiently, and whether orders may be sent there.

use secrecy::SecretString;
use std::fmt;
use std::time::Duration;

/// One of Deribit's hosts, or any address that speaks its API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    Test,
    /// Production: real money.
    Main,
    /// Public trades and instruments of the past; has no accounts.
    History,
    /// A base URL such as `http://127.0.0.1:9901/api/v2`, without a slash at the end.
    Url(String),
}

/// Why a text is not a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not test, main, history or an http(s) URL without user, query and fragment")]
pub struct NotAHost(String);

impl Host {
    /// `test`, `main`, `history` or a URL. A URL of Deribit's own main host is that host.
    pub fn parse(text: &str) -> Result<Self, NotAHost> {
        match text.trim().trim_end_matches('/') {
            "test" => Ok(Self::Test),
            "main" => Ok(Self::Main),
            "history" => Ok(Self::History),
            url => Self::parse_url(url).ok_or_else(|| NotAHost(shown(text))),
        }
    }

    fn parse_url(url: &str) -> Option<Self> {
        let parsed = reqwest::Url::parse(url).ok()?;
        let plain = ["http", "https"].contains(&parsed.scheme())
            && parsed.username().is_empty()
            && parsed.password().is_none()
            && parsed.query().is_none()
            && parsed.fragment().is_none();
        let host = parsed.host_str().filter(|_| plain)?;
        match host.strip_suffix("deribit.com") {
            Some("test.") => Some(Self::Test),
            Some("history.") => Some(Self::History),
            Some(before) if before.is_empty() || before.ends_with('.') => Some(Self::Main),
            _ => Some(Self::Url(url.to_owned())),
        }
    }

    /// Without a slash at the end.
    pub fn base_url(&self) -> &str {
        match self {
            Self::Test => "https://test.deribit.com/api/v2",
            Self::Main => "https://www.deribit.com/api/v2",
            Self::History => "https://history.deribit.com/api/v2",
            Self::Url(url) => url,
        }
    }
}

impl Host {
    /// What market data of this host is stored under, so that the testnet's is not mixed with the main host's:
    /// `deribit`, `deribit:test`, `deribit:127.0.0.1:9901/api/v2`.
    pub fn source(&self) -> String {
        match self {
            Self::Main | Self::History => "deribit".to_owned(),
            Self::Test => "deribit:test".to_owned(),
            Self::Url(url) => {
                let host = url.trim_start_matches("https://");
                format!("deribit:{}", host.trim_start_matches("http://"))
            }
        }
    }
}

/// The text without what may be a password in it.
fn shown(text: &str) -> String {
    text.rsplit_once('@')
        .map_or(text, |(_, rest)| rest)
        .to_owned()
}

/// An API key. Its Debug shows neither half.
#[derive(Clone)]
pub struct Credentials {
    pub client_id: SecretString,
    pub client_secret: SecretString,
}

impl Credentials {
    pub fn new(client_id: &str, client_secret: &str) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret: client_secret.into(),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(***)")
    }
}

/// Limits of one call on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Duration,
    /// Between two pieces of an answer.
    pub read: Duration,
    /// From sending to the last byte; also how long a call may wait for its turn.
    pub overall: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(10),
            overall: Duration::from_secs(20),
        }
    }
}

/// Everything a client is made from.
#[derive(Clone, Debug)]
pub struct Settings {
    pub host: Host,
    /// `None`: public data only.
    pub credentials: Option<Credentials>,
    pub timeouts: Timeouts,
    /// Orders may go to production: mode, dry_run and the explicit key all say so.
    pub main_orders: bool,
}

impl Settings {
    /// Standard timeouts, no orders on production.
    pub fn new(host: Host, credentials: Option<Credentials>) -> Self {
        Self {
            host,
            credentials,
            timeouts: Timeouts::default(),
            main_orders: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_names_and_addresses() {
        let check = |text: &str, host: Host| assert_eq!(Host::parse(text), Ok(host), "{text}");
        check("test", Host::Test);
        check("main", Host::Main);
        check("https://history.deribit.com/api/v2/", Host::History);
        check("https://WWW.deribit.com/api/v2", Host::Main);
        check("https://deribit.com/api/v2", Host::Main);
        check("https://drb.deribit.com/api/v2", Host::Main);
        let local = "http://127.0.0.1:9901/api/v2";
        check("http://127.0.0.1:9901/api/v2/", Host::Url(local.to_owned()));
        let other = "https://notderibit.com/api/v2";
        check(other, Host::Url(other.to_owned()));
    }

    #[test]
    fn what_is_no_host_is_refused_without_showing_a_password() {
        for text in ["", "prod", "ftp://x/api", "http://", "https://x/api?a=1"] {
            assert!(Host::parse(text).is_err(), "{text}");
        }
        let error = Host::parse("https://me:hush@x/api").expect_err("has a user");
        assert!(!error.to_string().contains("hush"), "{error}");
    }

    #[test]
    fn credentials_do_not_print() {
        let settings = Settings::new(Host::Test, Some(Credentials::new("my-id", "my-secret")));
        let shown = format!("{settings:?}");
        assert!(
            !shown.contains("my-id") && !shown.contains("my-secret"),
            "{shown}"
        );
    }
}
