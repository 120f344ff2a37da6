//! Every change of a balance, and the expiries of positions.

use crate::domain::instrument::Instrument;
use crate::exchange::facts::Delivery;
use crate::exchange::sim::http::call::Call;
use crate::exchange::sim::http::params::{needed, paid_in};
use crate::exchange::sim::http::reply::{Answer, RpcError};
use crate::exchange::sim::http::shape::account::{USER_ID, USER_NAME};
use crate::exchange::sim::http::shape::number;
use crate::exchange::sim::http::shape::trade::merge;
use crate::exchange::sim::venue::Entry;
use crate::fills::payoff_per_coin;
use serde_json::{Value, json};

/// `private/get_transaction_log`: newest first; `continuation` is the id to go on below.
pub(in super::super) async fn get_transaction_log(call: &Call<'_>) -> Answer {
    let params = call.params;
    let currency = params.needed_currency(&[])?;
    let from_ms = needed("start_timestamp", params.whole("start_timestamp")?)?;
    let to_ms = needed("end_timestamp", params.whole("end_timestamp")?)?;
    let count = params.count(100, 250)?;
    let below = params.whole("continuation")?.unwrap_or(i64::MAX);
    let query = params.text("query")?;
    let wanted = |entry: &&Entry| {
        let row = &entry.row;
        row.currency == currency
            && (from_ms..=to_ms).contains(&row.at_ms)
            && (row.id as i64) < below
            && query.is_none_or(|query| row.kind == query || row.instrument.contains(query))
    };
    let rows = call.ask(&[], |venue, _| {
        let newest = venue.entries().rev().filter(wanted);
        let rows = newest
            .take(count + 1)
            .map(|entry| (entry.row.id, log(entry)));
        Ok(rows.collect::<Vec<(u64, Value)>>())
    });
    let mut rows = rows.await?;
    let more = rows.len() > count;
    rows.truncate(count);
    let last = rows.last().map(|(id, _)| *id).filter(|_| more);
    let logs: Vec<Value> = rows.into_iter().map(|(_, row)| row).collect();
    Ok(json!({"logs": logs, "continuation": last}))
}

fn log(entry: &Entry) -> Value {
    let (row, detail) = (&entry.row, &entry.detail);
    let side = if detail.side.is_empty() {
        "-"
    } else {
        &detail.side
    };
    let mut log = json!({
        "id": row.id,
        "user_seq": row.id,
        "user_id": USER_ID,
        "username": USER_NAME,
        "currency": row.currency,
        "timestamp": row.at_ms,
        "type": row.kind,
        "side": side,
        "commission": number(row.commission),
        "cashflow": number(row.cashflow),
        "change": number(row.change),
        "balance": number(row.balance),
        "info": {},
    });
    if !row.instrument.is_empty() {
        merge(&mut log, contract_part(entry));
    }
    if let Some(maker) = detail.maker {
        let role = if maker { "maker" } else { "taker" };
        merge(&mut log, json!({"user_role": role, "fee_role": role}));
        log["mark_price"] = number(detail.mark_price);
    }
    log
}

fn contract_part(entry: &Entry) -> Value {
    let (row, detail) = (&entry.row, &entry.detail);
    let mut part = json!({
        "instrument_name": row.instrument,
        "amount": number(row.size.abs()),
        "contracts": number(row.size.abs()),
        "position": number(detail.position),
        "price": number(row.price),
        "price_currency": row.currency,
        "index_price": number(detail.index_price),
    });
    if let (Some(order), Some(trade)) = (&row.order_id, &row.trade_id) {
        merge(&mut part, json!({"order_id": order, "trade_id": trade}));
    }
    part
}

/// `private/get_settlement_history_by_currency`.
pub(in super::super) async fn settlements_by_currency(call: &Call<'_>) -> Answer {
    let currency = call.params.needed_currency(&[])?;
    settlements(call, |contract| paid_in(contract, currency)).await
}

/// `private/get_settlement_history_by_instrument`.
pub(in super::super) async fn settlements_by_instrument(call: &Call<'_>) -> Answer {
    let asked = call.params.contract()?;
    settlements(call, |contract| *contract == asked).await
}

/// Expiries of positions, newest first.
async fn settlements(call: &Call<'_>, of: impl Fn(&Instrument) -> bool) -> Answer {
    let page = Page::of(call)?;
    let rows = call.ask(&[], |venue, _| {
        let delivered = venue.delivered().rev();
        let delivered = delivered
            .filter(|one| of(&one.settlement.instrument) && one.settlement.at_ms <= page.until_ms);
        Ok(delivered.map(delivery).collect::<Vec<Value>>())
    });
    Ok(page.cut(rows.await?))
}

fn delivery(delivery: &Delivery) -> Value {
    let settlement = &delivery.settlement;
    let worth = payoff_per_coin(&settlement.instrument, settlement.delivery_price);
    json!({
        "type": "delivery",
        "timestamp": settlement.at_ms,
        "instrument_name": settlement.instrument.name(),
        "position": number(settlement.size),
        "index_price": number(settlement.delivery_price),
        "mark_price": number(worth.round_dp(8)),
        "profit_loss": number(settlement.payoff),
        "session_profit_loss": number(settlement.payoff),
        "funding": 0.0,
    })
}

/// Paging of settlements: the continuation is how many were shown already.
pub(in super::super) struct Page {
    count: usize,
    offset: usize,
    /// Nothing later is shown.
    pub(in super::super) until_ms: i64,
    deliveries: bool,
}

impl Page {
    pub(in super::super) fn of(call: &Call<'_>) -> Result<Self, RpcError> {
        let params = call.params;
        let kinds = ["settlement", "delivery", "bankruptcy"];
        let kind = params.choice("type", &kinds)?;
        let offset = params.text("continuation")?.unwrap_or("0").parse();
        Ok(Self {
            count: params.count(20, 1_000)?,
            offset: offset.map_err(|_| RpcError::param("continuation", "invalid value"))?,
            until_ms: params
                .whole("search_start_timestamp")?
                .unwrap_or(call.at_ms),
            deliveries: kind.is_none_or(|kind| kind == "delivery"),
        })
    }

    /// How many rows are enough to fill the page and to know whether more follow.
    pub(in super::super) fn enough(&self) -> usize {
        self.offset + self.count + 1
    }

    /// The page out of all rows, newest first. Options know deliveries alone.
    pub(in super::super) fn cut(&self, rows: Vec<Value>) -> Value {
        let rows = if self.deliveries { rows } else { Vec::new() };
        let next = self.offset + self.count;
        let continuation = if rows.len() > next {
            next.to_string()
        } else {
            "none".to_owned()
        };
        let shown: Vec<Value> = rows
            .into_iter()
            .skip(self.offset)
            .take(self.count)
            .collect();
        json!({"settlements": shown, "continuation": continuation})
    }
}
