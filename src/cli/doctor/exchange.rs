//! `thetaq doctor --exchange`: could this desk trade on that exchange, with this key, now?
//!
//! Reads only: the smallest order is priced and its margin asked for, never sent. A secret is in no check.

use super::{Check, order};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::ctx;
use crate::domain::coin::Coin;
use crate::exchange::deribit::DeribitClient;
use crate::exchange::error::ExchangeError;
use crate::exchange::wire::account::{AccountSummary, Limit, Limits};
use serde_json::{Value, json};

/// How far the clocks may be apart, milliseconds of the wall: deadlines of orders are a few seconds long.
const SKEW_MAX_MS: f64 = 2_000.0;
/// What trading needs; the session lets the token be used on any connection.
const SCOPES: [&str; 2] = ["account:read", "trade:read_write"];
/// Requests per second of a new account: what the desk is made for (other calls, orders).
const RATES: (f64, f64) = (20.0, 5.0);

/// Every check in the order in which one builds on another; ends where nothing further can be known.
pub(super) async fn checks(config: &Config) -> Vec<Check> {
    let mut checks = vec![orders(config), keys()];
    let clock = Clock::real();
    let client = match ctx::client(config, &clock) {
        Ok(client) => client,
        Err(error) => {
            checks.push(failed(
                "exchange",
                &error.to_string(),
                "check [exchange] url",
            ));
            return checks;
        }
    };
    let (reached, there) = reach(config, &client, &clock).await;
    checks.extend(reached);
    if there && config::credentials().is_ok_and(|key| key.is_some()) {
        checks.extend(account(config, &client, &clock).await);
    }
    checks
}

/// Not right or wrong: what the settings mean for orders, so that nobody is surprised.
fn orders(config: &Config) -> Check {
    let missing = config.missing_for_main_orders();
    let value = json!({
        "dry_run": config.desk.dry_run,
        "mode": config.desk.mode.as_str(),
        "sent": !config.desk.dry_run,
        "missing_for_main": missing,
    });
    Check::new("orders", true, value, Value::Null)
}

fn keys() -> Check {
    let both = "THETAQ_DERIBIT_CLIENT_ID and THETAQ_DERIBIT_CLIENT_SECRET";
    let (ok, value) = match config::credentials() {
        Ok(Some(_)) => (true, "set".to_owned()),
        Ok(None) => (false, "not set".to_owned()),
        Err(error) => (false, error.to_string()),
    };
    Check::new("keys", ok, json!(value), json!("set")).or(format!(
        "make an API key on the exchange's own page and set {both} in the environment"
    ))
}

/// Whether it answers, and by how much the clocks differ. A followed clock is compared as one that follows.
async fn reach(config: &Config, client: &DeribitClient, clock: &Clock) -> (Vec<Check>, bool) {
    // The first call makes the connection, hears how time runs there, and is not measured.
    if let Err(error) = client.public_time().await {
        let advice =
            "check [exchange] url or THETAQ_EXCHANGE_URL, and that this machine reaches it";
        let value = format!("{}: {error}", config.exchange.url);
        return (vec![failed("exchange", &value, advice)], false);
    }
    let before_ms = clock.now_ms();
    let theirs = client.public_time().await;
    let after_ms = clock.now_ms();
    let apart = theirs.map(|theirs_ms| theirs_ms - (before_ms + (after_ms - before_ms) / 2));
    let allowed_ms = SKEW_MAX_MS * clock.speed() + (after_ms - before_ms) as f64 / 2.0;
    let ok = apart
        .as_ref()
        .is_ok_and(|apart_ms| apart_ms.unsigned_abs() as f64 <= allowed_ms);
    let reached = json!({ "url": config.exchange.url, "speed": clock.speed() });
    let skew = match apart {
        Ok(apart_ms) => json!({ "ahead_ms": apart_ms }),
        Err(error) => json!(error.to_string()),
    };
    let checks = vec![
        Check::new("exchange", true, reached, Value::Null),
        Check::new(
            "clock",
            ok,
            skew,
            json!({ "apart_max_ms": allowed_ms as i64 }),
        )
        .or("set this machine's clock, for example by NTP; orders with deadlines fail otherwise"),
    ];
    (checks, true)
}

async fn account(config: &Config, client: &DeribitClient, clock: &Clock) -> Vec<Check> {
    let granted = client.scope().await;
    let mut checks = access(granted.as_ref());
    if granted.is_err() {
        return checks;
    }
    let mut limits = None;
    for coin in &config.desk.underlyings {
        match client.get_account_summary(coin.as_str()).await {
            Ok(summary) => {
                checks.push(balance(config, *coin, &summary));
                checks.push(order::smallest(client, clock, *coin, &summary).await);
                limits = limits.or(summary.limits);
            }
            Err(error) => {
                let name = format!("balance_{}", coin.as_str().to_lowercase());
                checks.push(failed(
                    name,
                    &error.to_string(),
                    "see the exchange's own page",
                ));
            }
        }
    }
    checks.push(credits(limits.as_ref()));
    checks
}

/// Authentication and scopes; a key whose scope is too small for anything is refused by the client itself.
fn access(granted: Result<&String, &ExchangeError>) -> Vec<Check> {
    let needed = json!(SCOPES);
    let scopes = "give the key account:read and trade:read_write on the exchange's API page";
    match granted {
        Ok(granted) => {
            let words: Vec<&str> = granted.split_whitespace().collect();
            let has = |scope: &&str| {
                let more = scope.replace(":read", ":read_write");
                words.contains(scope) || words.contains(&more.as_str())
            };
            let ok = SCOPES.iter().all(has);
            vec![
                Check::new("authentication", true, json!("granted"), Value::Null),
                Check::new("scopes", ok, json!(granted), needed).or(scopes),
            ]
        }
        Err(error) if error.code() == 13_403 => vec![
            Check::new("authentication", true, json!("granted"), Value::Null),
            Check::new("scopes", false, json!(error.to_string()), needed).or(scopes),
        ],
        Err(error) => vec![failed(
            "authentication",
            &error.to_string(),
            "check both halves of the key; testnet and production have keys of their own",
        )],
    }
}

/// What a second allows: the client adopts these limits, and lower ones make every tick slower.
fn credits(limits: Option<&Limits>) -> Check {
    let matching = limits.and_then(|limits| limits.matching_engine.clone());
    let trading = matching.and_then(|matching| matching.trading?.total);
    let other = limits.and_then(|limits| limits.non_matching_engine);
    let enough = |limit: Option<Limit>, rate: f64| limit.is_none_or(|limit| limit.rate >= rate);
    let ok = limits.is_some() && enough(other, RATES.0) && enough(trading, RATES.1);
    let value = json!({ "other_calls": other, "orders": trading });
    let least = json!({ "other_calls_per_s": RATES.0, "orders_per_s": RATES.1 });
    Check::new("credits", ok, value, least).or(
        "give the desk an account or subaccount of its own, and ask the exchange for its limits",
    )
}

/// The coin that one call is covered with has to be there.
fn balance(config: &Config, coin: Coin, summary: &AccountSummary) -> Check {
    let settings = config.settings();
    let size = match coin {
        Coin::Btc => settings.order_size_btc,
        Coin::Eth => settings.order_size_eth,
    };
    let value = json!({ "balance": summary.balance, "equity": summary.equity,
        "available_funds": summary.available_funds });
    let name = format!("balance_{}", coin.as_str().to_lowercase());
    Check::new(name, summary.equity >= size, value, json!({ "equity": size })).or(format!(
        "a call of {size} {coin} is covered by {size} {coin}: deposit it (the testnet gives coins away on \
         its deposit page), lower [desk] order_size_{}, or leave {coin} out of [desk] underlyings",
        coin.as_str().to_lowercase()
    ))
}

pub(super) fn failed(name: impl Into<String>, error: &str, advice: &str) -> Check {
    Check::new(name, false, json!(error), Value::Null).or(advice)
}
