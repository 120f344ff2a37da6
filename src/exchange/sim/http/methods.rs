//! What is served: one line per method, with what it spends, what it asks of the caller, who answers.

use super::call::Call;
use super::credits::Class;
use super::reply::{Answer, RpcError};
use super::session::Scope;
use super::{account, market};
use crate::exchange::sim::faults::CallKind;

/// A method and what is true of every call of it.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// `public/ticker`.
    pub name: &'static str,
    /// How faults see it.
    pub kind: CallKind,
    pub class: Class,
    pub scope: Scope,
}

macro_rules! methods {
    ($($name:literal $kind:ident $class:ident $scope:ident $answer:path;)*) => {
        /// Every method served.
        pub const METHODS: &[Method] = &[$(Method {
            name: $name,
            kind: CallKind::$kind,
            class: Class::$class,
            scope: Scope::$scope,
        }),*];

        /// Answers a call of a method of [`METHODS`].
        pub(super) async fn answer(method: &Method, call: &Call<'_>) -> Answer {
            match method.name {
                $($name => Box::pin($answer(call)).await,)*
                _ => Err(not_found()),
            }
        }
    };
}

methods! {
    "public/auth" Read Plain Public account::auth;
    "public/get_time" Read Plain Public market::status::get_time;
    "public/test" Read Plain Public market::status::test;
    "public/status" Read Plain Public market::status::status;
    "public/get_currencies" Read Plain Public market::status::get_currencies;
    "public/get_index_price_names" Read Plain Public market::status::get_index_price_names;
    "public/get_supported_index_names" Read Plain Public market::status::get_index_price_names;
    "public/get_index_price" Read Plain Public market::status::get_index_price;
    "public/get_instruments" Read Instruments Public market::instruments::get_instruments;
    "public/get_instrument" Read Plain Public market::instruments::get_instrument;
    "public/get_expirations" Read Plain Public market::instruments::get_expirations;
    "public/get_contract_size" Read Plain Public market::instruments::get_contract_size;
    "public/get_book_summary_by_currency" Quotes Plain Public market::quotes::summary_by_currency;
    "public/get_book_summary_by_instrument" Quotes Plain Public market::quotes::summary_by_instrument;
    "public/ticker" Quotes Plain Public market::quotes::ticker;
    "public/get_order_book" Quotes Plain Public market::quotes::order_book;
    "public/get_last_trades_by_currency" Read Plain Public market::trades::by_currency;
    "public/get_last_trades_by_currency_and_time" Read Plain Public market::trades::by_currency_and_time;
    "public/get_last_trades_by_instrument" Read Plain Public market::trades::by_instrument;
    "public/get_last_trades_by_instrument_and_time" Read Plain Public market::trades::by_instrument_and_time;
    "public/get_delivery_prices" Read Plain Public market::settlements::get_delivery_prices;
    "public/get_last_settlements_by_currency" Read Plain Public market::settlements::by_currency;
    "public/get_last_settlements_by_instrument" Read Plain Public market::settlements::by_instrument;
    "public/get_volatility_index_data" Read Plain Public market::volatility::get_volatility_index_data;
    "public/get_historical_volatility" Read Plain Public market::volatility::get_historical_volatility;
    "public/get_tradingview_chart_data" Read Plain Public market::chart::get_tradingview_chart_data;
    "private/logout" Read Plain Token account::logout;
    "private/get_account_summary" Read Plain AccountRead account::summary::get_account_summary;
    "private/get_account_summaries" Read Plain AccountRead account::summary::get_account_summaries;
    "private/set_self_trading_config" Read Plain AccountWrite account::summary::set_self_trading_config;
    "private/get_transaction_log" Read Log AccountRead account::log::get_transaction_log;
    "private/get_positions" Read Plain TradeRead account::positions::get_positions;
    "private/get_position" Read Plain TradeRead account::positions::get_position;
    "private/get_margins" Read Plain TradeRead account::positions::get_margins;
    "private/get_order_margin_by_ids" Read Plain TradeRead account::positions::get_order_margin_by_ids;
    "private/buy" Place Matching TradeWrite account::trading::buy;
    "private/sell" Place Matching TradeWrite account::trading::sell;
    "private/close_position" Place Matching TradeWrite account::trading::close_position;
    "private/edit" Change Matching TradeWrite account::trading::edit;
    "private/edit_by_label" Change Matching TradeWrite account::trading::edit_by_label;
    "private/cancel" Change Matching TradeWrite account::cancels::cancel;
    "private/cancel_all" Change CancelAll TradeWrite account::cancels::cancel_all;
    "private/cancel_all_by_currency" Change Matching TradeWrite account::cancels::by_currency;
    "private/cancel_all_by_instrument" Change Matching TradeWrite account::cancels::by_instrument;
    "private/cancel_all_by_kind_or_type" Change Matching TradeWrite account::cancels::by_kind_or_type;
    "private/cancel_by_label" Change Matching TradeWrite account::cancels::by_label;
    "private/get_open_orders" Read Plain TradeRead account::orders::open;
    "private/get_open_orders_by_currency" Read Plain TradeRead account::orders::open_by_currency;
    "private/get_open_orders_by_instrument" Read Plain TradeRead account::orders::open_by_instrument;
    "private/get_open_orders_by_label" Read Plain TradeRead account::orders::open_by_label;
    "private/get_order_state" Read Plain TradeRead account::orders::state;
    "private/get_order_state_by_label" Read Plain TradeRead account::orders::state_by_label;
    "private/get_order_history_by_currency" Read Plain TradeRead account::orders::history_by_currency;
    "private/get_order_history_by_instrument" Read Plain TradeRead account::orders::history_by_instrument;
    "private/get_user_trades_by_currency" Read Plain TradeRead account::trades::by_currency;
    "private/get_user_trades_by_currency_and_time" Read Plain TradeRead account::trades::by_currency_and_time;
    "private/get_user_trades_by_instrument" Read Plain TradeRead account::trades::by_instrument;
    "private/get_user_trades_by_instrument_and_time" Read Plain TradeRead account::trades::by_instrument_and_time;
    "private/get_user_trades_by_order" Read Plain TradeRead account::trades::by_order;
    "private/get_settlement_history_by_currency" Read Plain TradeRead account::log::settlements_by_currency;
    "private/get_settlement_history_by_instrument" Read Plain TradeRead account::log::settlements_by_instrument;
}

/// Methods of the WebSocket that make no sense over HTTP.
const SOCKET_ONLY: [&str; 12] = [
    "public/subscribe",
    "public/unsubscribe",
    "public/unsubscribe_all",
    "public/set_heartbeat",
    "public/disable_heartbeat",
    "public/hello",
    "private/subscribe",
    "private/unsubscribe",
    "private/unsubscribe_all",
    "private/enable_cancel_on_disconnect",
    "private/disable_cancel_on_disconnect",
    "private/get_cancel_on_disconnect",
];

/// The method of a name, or why there is none.
pub(super) fn find(name: &str) -> Result<&'static Method, RpcError> {
    if SOCKET_ONLY.contains(&name) {
        return Err(RpcError::new(10_030, "must_be_websocket_request"));
    }
    let found = METHODS.iter().find(|method| method.name == name);
    found.ok_or_else(not_found)
}

fn not_found() -> RpcError {
    RpcError::new(-32_601, "Method not found")
}
