//! Public methods: what is listed, quoted and settled.

pub(super) mod chart;
pub(super) mod instruments;
pub(super) mod quotes;
pub(super) mod settlements;
pub(super) mod status;
pub(super) mod trades;
pub(super) mod volatility;

use super::params::{Params, needed};
use super::reply::RpcError;
use crate::domain::coin::Coin;

/// Coins whose contracts may be paid in a currency.
pub(super) fn coins(currency: &str) -> Vec<Coin> {
    match currency {
        "BTC" => vec![Coin::Btc],
        "ETH" => vec![Coin::Eth],
        "USDC" | "any" | "grouped" => Coin::ALL.to_vec(),
        _ => Vec::new(),
    }
}

/// The coin of an index such as `btc_usd`; the USDC indices are pegged to the USD ones.
fn indexed(params: &Params) -> Result<Coin, RpcError> {
    let name = needed("index_name", params.text("index_name")?)?;
    let coin = Coin::ALL
        .into_iter()
        .find(|coin| INDICES[*coin as usize].contains(&name));
    coin.ok_or_else(|| RpcError::param("index_name", "invalid index name"))
}

/// The coin whose volatility a currency names.
fn volatile(params: &Params) -> Result<Coin, RpcError> {
    let currency = params.needed_currency(&[])?;
    let coin = currency.parse();
    coin.map_err(|_| RpcError::param("currency", "no volatility index of this currency"))
}

/// Index names in the order of [`Coin::ALL`].
const INDICES: [[&str; 2]; 2] = [["btc_usd", "btc_usdc"], ["eth_usd", "eth_usdc"]];
