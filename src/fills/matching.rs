//! One order against one quote, by the fill model of dry runs and backtests.

use crate::domain::chain::Quote;
use crate::domain::fees::trade_fee;
use crate::domain::money;
use crate::domain::order::{Fill, Side};
use crate::domain::settings::FillModel;
use crate::domain::ticks::round_size;
use rust_decimal::Decimal;

/// The fill of an order of `size` coin taken at once: sales at the bid, purchases at the ask, both at the
/// midpoint under `mid`. `None` when the side needed is not quoted; `bid_ask_size` fills no more than
/// the size shown, cut to the contract's step, and nothing where no size is known.
///
/// `index` is USD. The price keeps the quote's own unit: coin when inverse, USDC when linear.
pub fn fill(
    side: Side,
    size: Decimal,
    quote: &Quote,
    model: FillModel,
    index: f64,
    at_ms: i64,
    trade_id: String,
) -> Option<Fill> {
    let (price, shown) = match (model, side) {
        (FillModel::Mid, _) => (quote.mid()?, None),
        (_, Side::Sell) => (quote.bid?, quote.bid_size),
        (_, Side::Buy) => (quote.ask?, quote.ask_size),
    };
    let price = money::decimal(price).filter(|price| *price > Decimal::ZERO)?;
    let size = match model {
        FillModel::Mid | FillModel::BidAsk => size,
        FillModel::BidAskSize => round_size(&quote.instrument, size.min(money::decimal(shown?)?)),
    };
    (size > Decimal::ZERO).then(|| Fill {
        instrument: quote.instrument,
        side,
        size,
        price,
        fee: trade_fee(&quote.instrument, size, price, index),
        index_price: money::decimal(index).unwrap_or_default(),
        at_ms,
        trade_id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(name: &str, bid: Option<f64>, ask: Option<f64>) -> Quote {
        Quote {
            instrument: name.parse().expect(name),
            underlying_price: 90_000.0,
            bid,
            ask,
            bid_size: Some(0.25),
            ask_size: None,
            mark: None,
            mark_iv: None,
            delta: None,
            open_interest: None,
            volume: None,
        }
    }

    fn check(side: Side, model: FillModel, quote: &Quote, expect: Option<(&str, &str, &str)>) {
        let size = Decimal::ONE;
        let fill = fill(side, size, quote, model, 90_000.0, 1, "t".to_owned());
        let shown = fill.map(|fill| (fill.price, fill.size, fill.fee));
        let decimal = |text: &str| text.parse::<Decimal>().expect(text);
        let expect = expect.map(|(price, size, fee)| (decimal(price), decimal(size), decimal(fee)));
        assert_eq!(shown, expect, "{side:?} {model:?}");
    }

    /// Mistake 8 of the earlier system: no fees and no spread; a roll closed and opened on one mark.
    #[test]
    fn mistake_8_sales_get_the_bid_purchases_pay_the_ask_both_pay_fees() {
        let both = quote("BTC-25DEC26-100000-C", Some(0.01), Some(0.011));
        check(
            Side::Sell,
            FillModel::BidAsk,
            &both,
            Some(("0.01", "1", "0.0003")),
        );
        check(
            Side::Buy,
            FillModel::BidAsk,
            &both,
            Some(("0.011", "1", "0.0003")),
        );
        check(
            Side::Buy,
            FillModel::Mid,
            &both,
            Some(("0.0105", "1", "0.0003")),
        );
    }

    #[test]
    fn an_empty_side_fills_nothing() {
        let no_bid = quote("BTC-25DEC26-100000-C", None, Some(0.011));
        check(Side::Sell, FillModel::BidAsk, &no_bid, None);
        check(Side::Sell, FillModel::Mid, &no_bid, None);
        check(
            Side::Buy,
            FillModel::BidAsk,
            &no_bid,
            Some(("0.011", "1", "0.0003")),
        );
    }

    #[test]
    fn the_size_shown_limits_the_fill() {
        let both = quote("BTC-25DEC26-100000-C", Some(0.01), Some(0.011));
        check(
            Side::Sell,
            FillModel::BidAskSize,
            &both,
            Some(("0.01", "0.2", "0.00006")),
        );
        check(Side::Buy, FillModel::BidAskSize, &both, None);
    }

    /// Mistake 7 of the earlier system: coin marks were combined with USD amounts.
    #[test]
    fn mistake_7_linear_fills_are_usdc() {
        let linear = quote("BTC_USDC-25DEC26-100000-C", Some(900.0), Some(950.0));
        check(
            Side::Sell,
            FillModel::BidAsk,
            &linear,
            Some(("900", "1", "27")),
        );
    }
}
