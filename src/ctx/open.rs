//! The row of a desk and its first money, written once; the configuration it runs with, at every start.

use super::{LIVE, Purpose};
use crate::clock::Clock;
use crate::config::{Config, Database, ExchangeKind, MarketKind, Reconcile};
use crate::db::desks::{self, DeskRow, DeskState};
use crate::db::{Db, books, configs};
use crate::domain::coin::Coin;
use crate::exchange::Exchange;
use anyhow::Context as _;
use rust_decimal::Decimal;

/// The live desk's row, made on the first start at the configured instant and updated by later workers.
///
/// On a real exchange desk time is the wall's, without an anchor, and on one that the clock follows it has
/// that one's; a desk that sends orders starts with the balances it finds there.
pub(super) async fn live(
    db: &Db,
    config: &Config,
    exchange: &Exchange,
    clock: &Clock,
    known: Option<DeskRow>,
    purpose: Purpose,
) -> anyhow::Result<DeskRow> {
    let wall_ms = clock.wall_ms();
    let mut row = row(LIVE, config, wall_ms);
    row.speed = Some(config.exchange.speed);
    if let Some(known) = &known {
        same_exchange(known, &row)?;
        // Whoever only looks leaves the settings to those who work by them.
        if purpose == Purpose::Watch {
            return Ok(known.clone());
        }
        // What a person chose on the page stands until the settings are others.
        if known.config_hash == row.config_hash {
            row.dry_run = known.dry_run;
        }
        same_book(known, &row, config)?;
    }
    if config.exchange.kind == ExchangeKind::Sim {
        let start_ms = config.exchange.start_ms().expect("Config::check parsed it");
        row.desk_anchor_ms = Some(start_ms);
        row.wall_anchor_ms = Some(wall_ms);
        return write(db, &row, &configured(config), start_ms).await;
    }
    if let Some(anchor) = clock.anchor() {
        row.desk_anchor_ms = Some(anchor.desk_ms);
        row.wall_anchor_ms = Some(anchor.wall_ms);
    }
    let now_ms = clock.now_ms();
    let deposits = match known {
        None if !config.desk.dry_run && config.exchange.kind == ExchangeKind::Deribit => {
            found(exchange, config, now_ms).await?
        }
        _ => configured(config),
    };
    write(db, &row, &deposits, now_ms).await
}

/// The book of one exchange is not that of another.
fn same_exchange(known: &DeskRow, row: &DeskRow) -> anyhow::Result<()> {
    anyhow::ensure!(
        known.exchange == row.exchange,
        "this database holds the book of a desk on `{}`, workers.toml [exchange] kind is now `{}`; \
         give the new desk its own database with --database-url or [database] url",
        known.exchange,
        row.exchange
    );
    Ok(())
}

/// A dry run's fills and deposits are its own: an account that orders are sent to has others.
fn same_book(known: &DeskRow, row: &DeskRow, config: &Config) -> anyhow::Result<()> {
    let begins = known.dry_run && !row.dry_run;
    let differs = begins && config.exchange.kind == ExchangeKind::Deribit;
    anyhow::ensure!(
        !differs || config.desk.reconcile == Reconcile::Adopt,
        "this database holds the book of a dry run, and [desk] dry_run is now false: give the desk that \
         sends orders its own database with --database-url, or set [desk] reconcile = \"adopt\" to take \
         the account's book over; `Send orders` on the page does that too"
    );
    Ok(())
}

/// Balances of the account as it stands.
async fn found(exchange: &Exchange, config: &Config, at_ms: i64) -> anyhow::Result<Money> {
    let mut deposits = Money::new();
    for coin in &config.desk.underlyings {
        let account = exchange.account(*coin, at_ms).await;
        let account = account.with_context(|| format!("cannot read the {coin} account"))?;
        deposits.push((*coin, account.balance));
    }
    Ok(deposits)
}

fn configured(config: &Config) -> Money {
    let deposit = |coin| (coin, config.exchange.deposit(coin));
    Coin::ALL.into_iter().map(deposit).collect()
}

/// First money of a desk.
type Money = Vec<(Coin, Decimal)>;

/// The row of a desk whose clock somebody else moves.
pub(super) async fn desk(
    db: &Db,
    id: &str,
    config: &Config,
    clock: &Clock,
) -> anyhow::Result<DeskRow> {
    write(
        db,
        &row(id, config, clock.wall_ms()),
        &configured(config),
        clock.now_ms(),
    )
    .await
}

async fn write(
    db: &Db,
    row: &DeskRow,
    deposits: &[(Coin, Decimal)],
    at_ms: i64,
) -> anyhow::Result<DeskRow> {
    let mut tx = db.begin().await?;
    if desks::insert(&mut tx, row).await? {
        for (coin, amount) in deposits {
            books::deposit(&mut tx, &row.id, coin.as_str(), *amount, at_ms).await?;
        }
    } else {
        desks::set_config(&mut tx, row).await?;
    }
    tx.commit().await?;
    super::row(db, &row.id).await
}

fn row(id: &str, config: &Config, at_ms: i64) -> DeskRow {
    let market = match (config.exchange.kind, config.exchange.market) {
        (ExchangeKind::Deribit | ExchangeKind::Paper, _) => "live",
        (ExchangeKind::Sim, MarketKind::Synthetic) => "synthetic",
        (ExchangeKind::Sim, MarketKind::Replay) => "replay",
    };
    // The database's address is no setting of the desk, and may hold a password.
    let config = Config {
        database: Database::default(),
        ..config.clone()
    };
    let text = crate::db::json::canonical(&config).expect("a configuration is plain data");
    DeskRow {
        id: id.to_owned(),
        mode: config.desk.mode.as_str().to_owned(),
        exchange: config.exchange.kind.as_str().to_owned(),
        market: market.to_owned(),
        seed: config.exchange.seed.clone(),
        dry_run: config.desk.dry_run,
        config_hash: configs::digest(&text),
        config: serde_json::from_str(&text).expect("canonical text is JSON"),
        code_version: super::CODE_VERSION.to_owned(),
        state: DeskState::Running.as_str().to_owned(),
        kill_switch: false,
        close_only: false,
        desk_anchor_ms: None,
        wall_anchor_ms: None,
        speed: None,
        created_ms: at_ms,
        updated_ms: at_ms,
    }
}
