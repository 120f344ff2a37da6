//! Takes the exchange's book over: every difference becomes rows, so that our fold is theirs again.
//!
//! A foreign position enters at the exchange's average price and one that is gone leaves at ours, without a
//! fee: no result is claimed that nobody saw. What the balances then still differ by is one deposit, which
//! may be negative.

use super::record::blank;
use super::{Recorded, decision_id};
use crate::ctx::Ctx;
use crate::db::decisions;
use crate::db::desks::DeskRow;
use crate::db::fills::{self, FillRow};
use crate::db::orders::{self, OrderRow};
use crate::db::{Tx, books, configs};
use crate::domain::action::Action;
use crate::domain::coin::Coin;
use crate::domain::decision::DecisionSource;
use crate::domain::instrument::Instrument;
use crate::domain::money;
use crate::domain::money::to_e8;
use crate::domain::order::{Fill, Leg, OrderState, Side};
use crate::domain::portfolio::Portfolio;
use crate::execution::reconcile::Difference;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// When and where a book is taken over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment<'a> {
    pub(crate) job: &'a str,
    /// The exchange's average prices.
    pub(crate) prices: &'a BTreeMap<Instrument, Decimal>,
    pub(crate) coin: Coin,
    pub(crate) at_ms: i64,
    /// USD.
    pub(crate) index_price: f64,
}

/// Writes one decision, made by hand of the setting, with an order and a fill per foreign contract.
pub(crate) async fn adopt(
    tx: &mut Tx,
    ctx: &Ctx,
    desk: &DeskRow,
    moment: Moment<'_>,
    ours: &Portfolio,
    differences: &[Difference],
) -> anyhow::Result<Recorded> {
    let Moment {
        job, coin, at_ms, ..
    } = moment;
    let id = decision_id(ctx, coin, at_ms, &format!("adopt {job}"));
    let named: Vec<&str> = differences
        .iter()
        .map(|found| found.what.as_str())
        .collect();
    let row = decisions::DecisionRow {
        source: DecisionSource::Manual.as_str().to_owned(),
        policy: "manual".to_owned(),
        policy_version: "1".to_owned(),
        propensity: 1.0,
        reason: format!("the exchange's book was taken over: {}", named.join(", ")),
        config_hash: configs::keep(tx, &ctx.settings(desk), at_ms).await?,
        risk_verdict: "nothing".to_owned(),
        index_price: Some(moment.index_price),
        context: serde_json::from_str("{}")?,
        ..blank(ctx, job, &id, coin, at_ms)
    };
    decisions::insert(tx, &row).await?;
    let mut recorded = Recorded {
        decision: id,
        action: Action::DoNothing,
        verdict: "nothing",
        orders: 0,
        fills: 0,
        outdated: false,
    };
    let mut cash: BTreeMap<String, Decimal> = BTreeMap::new();
    for found in differences {
        let by = found.theirs - found.ours;
        match found.what.parse::<Instrument>() {
            Err(_) => *cash.entry(found.what.clone()).or_default() += by,
            Ok(contract) => {
                let id = &recorded.decision;
                let row = take_over(tx, ctx, moment, id, ours, (contract, by)).await?;
                *cash.entry(row.currency).or_default() -= money::from_e8(row.cash_e8);
                recorded.orders += 1;
                recorded.fills += 1;
            }
        }
    }
    for (currency, amount) in cash.iter().filter(|(_, amount)| !amount.is_zero()) {
        books::deposit(tx, &ctx.desk, currency, *amount, at_ms).await?;
    }
    Ok(recorded)
}

/// One order that nobody sent, filled by as much as the books differ.
async fn take_over(
    tx: &mut Tx,
    ctx: &Ctx,
    moment: Moment<'_>,
    decision: &str,
    ours: &Portfolio,
    (contract, by): (Instrument, Decimal),
) -> anyhow::Result<FillRow> {
    let price = price(ours, moment.prices, contract, by);
    let leg = if by < Decimal::ZERO {
        Leg::Open
    } else {
        Leg::Close
    };
    let chain = ours.position(&contract).map(|held| held.chain.clone());
    let at_ms = moment.at_ms;
    let order = OrderRow {
        id: crate::clock::derived_id(at_ms, &["adopted", decision, &contract.name()]),
        desk: ctx.desk.clone(),
        decision: decision.to_owned(),
        job: Some(moment.job.to_owned()),
        label: format!("adopted-{decision}-{contract}"),
        chain: chain.unwrap_or_else(|| decision.to_owned()),
        leg: leg.as_str().to_owned(),
        underlying: contract.coin.as_str().to_owned(),
        instrument: contract.name(),
        side: leg.side().as_str().to_owned(),
        size_e8: to_e8(by.abs()),
        filled_e8: to_e8(by.abs()),
        average_price_e8: Some(to_e8(price)),
        reduce_only: leg.side() == Side::Buy,
        state: OrderState::Filled.as_str().to_owned(),
        created_ms: at_ms,
        updated_ms: at_ms,
        ..OrderRow::default()
    };
    orders::insert(tx, &order).await?;
    let fill = Fill {
        instrument: contract,
        side: leg.side(),
        size: by.abs(),
        price,
        fee: Decimal::ZERO,
        index_price: money::decimal(moment.index_price).unwrap_or_default(),
        at_ms,
        trade_id: format!("adopted-{}", order.id),
    };
    let row = FillRow::new(&order, &fill, "adopted");
    fills::insert(tx, &row).await?;
    Ok(row)
}

/// The price at which `by` brings our average to the exchange's; what only shrinks leaves at our own.
fn price(
    ours: &Portfolio,
    theirs: &BTreeMap<Instrument, Decimal>,
    contract: Instrument,
    by: Decimal,
) -> Decimal {
    let held = ours.position(&contract);
    let (size, average) = held.map_or((Decimal::ZERO, Decimal::ZERO), |held| {
        (held.size, held.average_price)
    });
    let after = size + by;
    let target = theirs.get(&contract).copied().unwrap_or(average);
    let grows = size * by >= Decimal::ZERO;
    match (grows, after.is_zero() || size * after > Decimal::ZERO) {
        (true, _) => ((after * target - size * average) / by).max(Decimal::ZERO),
        (false, true) => average,
        // It crossed zero and starts afresh.
        (false, false) => target,
    }
}
