//! The row of a desk and its first money, written once; the configuration it runs with, at every start.

use super::LIVE;
use crate::clock::Clock;
use crate::config::{Config, Database, MarketKind};
use crate::db::desks::{self, DeskRow, DeskState};
use crate::db::{Db, books, configs};
use crate::domain::coin::Coin;

/// The live desk's row, made on the first start at the configured instant and updated at later ones.
pub(super) async fn live(db: &Db, config: &Config) -> anyhow::Result<DeskRow> {
    let wall = Clock::real();
    let start_ms = config.exchange.start_ms().expect("Config::check parsed it");
    let mut row = row(LIVE, config, wall.wall_ms());
    row.desk_anchor_ms = Some(start_ms);
    row.wall_anchor_ms = Some(wall.wall_ms());
    row.speed = Some(config.exchange.speed);
    write(db, &row, config, start_ms).await
}

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
        config,
        clock.now_ms(),
    )
    .await
}

async fn write(db: &Db, row: &DeskRow, config: &Config, at_ms: i64) -> anyhow::Result<DeskRow> {
    let mut tx = db.begin().await?;
    if desks::insert(&mut tx, row).await? {
        for coin in Coin::ALL {
            let amount = config.exchange.deposit(coin);
            books::deposit(&mut tx, &row.id, coin.as_str(), amount, at_ms).await?;
        }
    } else {
        desks::set_config(&mut tx, row).await?;
    }
    tx.commit().await?;
    super::row(db, &row.id).await
}

fn row(id: &str, config: &Config, at_ms: i64) -> DeskRow {
    let market = match config.exchange.market {
        MarketKind::Synthetic => "synthetic",
        MarketKind::Replay => "replay",
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
        exchange: "sim".to_owned(),
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
