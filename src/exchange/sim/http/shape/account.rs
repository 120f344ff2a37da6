//! The account: its summary per currency, and a position.

use super::trade::merge;
use super::{number, rounded};
use crate::domain::instrument::Style;
use crate::domain::money;
use crate::exchange::facts::{Holding, Summary};
use crate::exchange::sim::http::credits::limits;
use crate::exchange::sim::quotes::Quotes;
use crate::exchange::sim::venue::{SelfTrade, Venue};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// The one user of the simulated exchange.
pub(in super::super) const USER_ID: i64 = 1;
pub(in super::super) const USER_NAME: &str = "simulated";

/// One currency's summary. Only options are held, so what belongs to futures is zero; their premium is
/// in the balance from the trade on, so nothing of a session waits to be settled.
pub(in super::super) fn summary(summary: &Summary, holdings: &[Holding]) -> Value {
    let floating: Decimal = holdings.iter().map(|held| held.floating_profit_loss).sum();
    let total = |of: fn(&Holding) -> f64| holdings.iter().map(of).sum::<f64>();
    let withdrawable = summary.balance.min(summary.margin_balance) - summary.initial_margin;
    json!({
        "currency": summary.currency,
        "balance": number(summary.balance),
        "equity": number(summary.equity),
        "margin_balance": number(summary.margin_balance),
        "available_funds": number(summary.available_funds),
        "available_withdrawal_funds": number(withdrawable.max(Decimal::ZERO)),
        "initial_margin": number(summary.initial_margin),
        "maintenance_margin": number(summary.maintenance_margin),
        "projected_initial_margin": number(summary.initial_margin),
        "projected_maintenance_margin": number(summary.maintenance_margin),
        "session_rpl": 0.0,
        "session_upl": number(floating),
        "total_pl": number(floating),
        "futures_pl": 0.0,
        "futures_session_rpl": 0.0,
        "futures_session_upl": 0.0,
        "options_pl": number(floating),
        "options_session_rpl": 0.0,
        "options_session_upl": number(floating),
        "options_value": number(summary.options_value),
        "options_delta": number(summary.options_delta),
        "options_gamma": rounded(total(|held| held.gamma), 5),
        "options_vega": rounded(total(|held| held.vega), 4),
        "options_theta": rounded(total(|held| held.theta), 4),
        "options_gamma_map": by_index(holdings, |held| held.gamma),
        "options_vega_map": by_index(holdings, |held| held.vega),
        "options_theta_map": by_index(holdings, |held| held.theta),
        "delta_total": number(summary.delta_total),
        "projected_delta_total": number(summary.delta_total),
        "fee_balance": 0.0,
        "spot_reserve": 0.0,
        "additional_reserve": 0.0,
        "margin_model": "segregated_sm",
        "portfolio_margining_enabled": false,
        "cross_collateral_enabled": false,
        "estimated_liquidation_ratio": liquidation_ratio(summary),
        "limits": limits(),
    })
}

/// Maintenance margin over margin balance; at 1 positions are liquidated.
fn liquidation_ratio(summary: &Summary) -> Value {
    let ratio = summary
        .maintenance_margin
        .checked_div(summary.margin_balance);
    number(ratio.unwrap_or_default().round_dp(8))
}

fn by_index(holdings: &[Holding], of: fn(&Holding) -> f64) -> Value {
    let mut map = serde_json::Map::new();
    for held in holdings {
        let index = held.instrument.coin.index_name();
        let known = map.get(index).and_then(Value::as_f64).unwrap_or(0.0);
        map.insert(index.to_owned(), json!(rounded(known + of(held), 5)));
    }
    Value::Object(map)
}

/// What `get_account_summary` has besides: fees by index and kind, and with `extended` the user.
pub(in super::super) fn fees_by_index() -> Value {
    json!({
        "btc_usd": {"option": fee()},
        "eth_usd": {"option": fee()},
        "btc_usdc": {"option": fee()},
        "eth_usdc": {"option": fee()},
    })
}

/// The same as a list, the form of `get_account_summaries`.
pub(in super::super) fn fees_as_list() -> Value {
    let names = ["btc_usd", "eth_usd", "btc_usdc", "eth_usdc"];
    let row = |name: &&str| json!({"index_name": name, "kind": "option", "value": fee()});
    names.iter().map(row).collect()
}

/// The Standard tier: no discount on the instrument's own commissions.
fn fee() -> Value {
    json!({"default": {"type": "relative", "maker": 1.0, "taker": 1.0}, "block_trade": 1.0})
}

/// Who the account belongs to.
pub(in super::super) fn user(venue: &Venue) -> Value {
    let mode = match venue.self_trade() {
        SelfTrade::RejectTaker => "reject_taker",
        SelfTrade::CancelMaker => "cancel_maker",
    };
    json!({
        "id": USER_ID,
        "username": USER_NAME,
        "system_name": USER_NAME,
        "email": "simulated@localhost",
        "type": "main",
        "login_enabled": false,
        "security_keys_enabled": false,
        "mmp_enabled": false,
        "interuser_transfers_enabled": false,
        "receive_notifications": false,
        "self_trading_reject_mode": mode,
        "self_trading_extended_to_subaccounts": "false",
    })
}

/// A position valued at its mark.
pub(in super::super) fn position(
    venue: &Venue,
    held: &Holding,
    quotes: &Quotes,
    settlement_price: Option<f64>,
) -> Value {
    let direction = match held.size.cmp(&Decimal::ZERO) {
        std::cmp::Ordering::Greater => "buy",
        std::cmp::Ordering::Less => "sell",
        std::cmp::Ordering::Equal => "zero",
    };
    let usd = match held.instrument.style {
        Style::Inverse => held.index_price,
        Style::Linear => 1.0,
    };
    let mark_price = money::float(held.mark_price);
    let mut position = json!({
        "instrument_name": held.instrument.name(),
        "kind": "option",
        "direction": direction,
        "size": number(held.size),
        "average_price": number(held.average_price),
        "average_price_usd": rounded(money::float(held.average_price) * usd, 6),
        "mark_price": mark_price,
        "index_price": held.index_price,
        "settlement_price": settlement_price.unwrap_or(mark_price),
        "delta": rounded(held.delta, 5),
        "gamma": rounded(held.gamma, 5),
        "vega": rounded(held.vega, 5),
        "theta": rounded(held.theta, 5),
    });
    let floating = money::float(held.floating_profit_loss);
    let open_orders = venue.open_orders_margin(&held.instrument, quotes);
    merge(
        &mut position,
        json!({
            "floating_profit_loss": floating,
            "floating_profit_loss_usd": rounded(floating * usd, 6),
            "realized_profit_loss": 0.0,
            "total_profit_loss": floating,
            "initial_margin": number(held.initial_margin),
            "maintenance_margin": number(held.maintenance_margin),
            "open_orders_margin": number(open_orders),
            "estimated_liquidation_price": null,
        }),
    );
    position
}
