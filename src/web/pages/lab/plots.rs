//! The plots of one run.

pub(super) use super::drawer::Drawer;
use super::series::{self, Drawdown, Equity, Points, WINDOW};
use crate::backtest::{Gap, gaps_between};
use crate::db::backtests::{EquityRow, LegRow};
use crate::web::chart::{self, Bar, Heat, Line, Plot, Span, places};
use crate::web::format;
use serde_json::{Value, json};

/// (name, class, points) of a line.
pub(super) type Named = (&'static str, &'static str, Points);

/// How a person wants to see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub usd: bool,
    pub log: bool,
}

/// What the metrics of the run counted from.
#[derive(Clone, Debug, Default)]
pub(super) struct Market {
    /// What was held before the first step; the first equity of a run without metrics.
    pub start: Option<f64>,
    pub gaps: Vec<Gap>,
}

/// Every plot, by the name under which the template shows it.
pub(super) fn plots(
    rows: &[EquityRow],
    legs: &[LegRow],
    coin: &str,
    look: Look,
    market: &Market,
    drawer: &mut Drawer<'_>,
) -> Value {
    let equity = Equity::of(rows, look.usd);
    let (unit, digits) = if look.usd { ("USD", 0) } else { (coin, 4) };
    let first = equity.own.first().map_or(0.0, |first| first.1);
    let days = series::days(&equity.own, market.start.unwrap_or(first), &market.gaps);
    let (sharpe, volatility) = series::rolling(&days, &places(&market.gaps));
    json!({
        "price": price(rows, legs, coin, look, drawer),
        "equity": lines(drawer, "chart_equity", "Equity against its alternatives", unit, digits, look.log, &[
            ("this run", "equity", equity.own.clone()),
            ("coin held", "hold", equity.hold_coin),
            ("sold for USD", "usd", equity.hold_usd),
            ("weekly 25 delta", "weekly", equity.weekly),
        ]),
        "underwater": lines(drawer, "chart_underwater", "Fall below the highest equity so far", "%", 2, false,
            &[("drawdown", "loss", percent(series::underwater(&equity.own)))]),
        "months": months(drawer, &days),
        "histogram": histogram(drawer, &days),
        "sharpe": lines(drawer, "chart_sharpe", &format!("Sharpe ratio of the last {WINDOW} days"), "a year", 2, false, &[("Sharpe", "equity", sharpe)]),
        "volatility": lines(drawer, "chart_volatility", &format!("Volatility of the last {WINDOW} days"), "% a year", 1, false,
            &[("volatility", "index", percent(volatility))]),
        "drawdowns": drawdowns(drawer, &equity.own, &market.gaps),
    })
}

/// Deepest falls that are listed.
const FALLS: usize = 5;

fn drawdowns(drawer: &mut Drawer<'_>, points: &[(f64, f64)], gaps: &[Gap]) -> Vec<Drawdown> {
    let found = series::drawdowns(points, gaps, FALLS);
    let rows: Vec<Value> = found.iter().map(|fall| json!(fall)).collect();
    let columns = ["depth", "from_ms", "low_ms", "to_ms", "days"];
    drawer.rows("drawdowns", &columns, &rows);
    found
}

/// What a run that still works has come to so far.
pub(super) fn partial(points: &[(f64, f64)], coin: &str) -> Option<Value> {
    let lines = [Line {
        name: "so far".into(),
        class: "equity",
        points: points.to_vec(),
    }];
    let instants: Vec<i64> = points.iter().map(|(at, _)| *at as i64).collect();
    let plot = Plot {
        title: "Equity so far",
        unit: coin,
        digits: 4,
        lines: &lines,
        gaps: &places(&gaps_between(&instants)),
        ..Plot::default()
    };
    (points.len() > 1).then(|| chart::figure(&plot))
}

/// Equity of several runs, each as a share of its start.
pub(super) fn overlay(runs: &[Named], usd: bool, drawer: &mut Drawer<'_>) -> Option<Value> {
    let shares = |points: &[(f64, f64)]| {
        let start = points.first().map_or(1.0, |first| first.1);
        points
            .iter()
            .map(|(at, value)| (*at, value / start * 100.0))
            .collect()
    };
    let runs: Vec<_> = runs
        .iter()
        .map(|(name, class, points)| (*name, *class, shares(points)))
        .collect();
    let title = if usd {
        "Equity in USD, start = 100"
    } else {
        "Equity in coin, start = 100"
    };
    lines(drawer, "chart_overlay", title, "", 2, false, &runs)
}

/// The index with a strike line for every leg, joined where one was rolled into the next.
fn price(
    rows: &[EquityRow],
    legs: &[LegRow],
    coin: &str,
    look: Look,
    drawer: &mut Drawer<'_>,
) -> Option<Value> {
    let index = rows
        .iter()
        .map(|row| (row.at_ms as f64, row.index_price))
        .collect();
    let mut before: Option<&LegRow> = None;
    let mut spans = Vec::new();
    for leg in legs {
        let rolled = before.filter(|before| before.chain == leg.chain);
        spans.push(Span {
            from: leg.opened_ms as f64,
            to: leg.closed_ms as f64,
            at: leg.strike_usd as f64,
            after: rolled.map(|before| before.strike_usd as f64),
            class: if leg.pnl_e8 < 0 { "lost" } else { "" },
            label: format!(
                "{}, {} {coin}, {}",
                leg.instrument,
                format::e8(leg.pnl_e8),
                leg.ended_by.replace('_', " ")
            ),
        });
        before = Some(leg);
    }
    let lines = [Line {
        name: "index".into(),
        class: "index",
        points: index,
    }];
    let plot = Plot {
        title: &format!("{coin} index and the strikes that were sold"),
        unit: "USD",
        lines: &lines,
        spans: &spans,
        log: look.log,
        ..Plot::default()
    };
    let mut figure = drawer.lines("chart_price", &plot)?;
    if let Some(legend) = figure["legend"].as_array_mut() {
        legend.push(json!({"name": "strike, a gain", "class": "won"}));
        legend.push(json!({"name": "strike, a loss", "class": "lost"}));
    }
    Some(figure)
}

pub(super) fn lines(
    drawer: &mut Drawer<'_>,
    name: &'static str,
    title: &str,
    unit: &str,
    digits: usize,
    log: bool,
    series: &[Named],
) -> Option<Value> {
    let lines: Vec<Line> = series
        .iter()
        .filter(|(.., points)| points.len() > 1)
        .map(|(name, class, points)| Line {
            name: (*name).into(),
            class,
            points: points.clone(),
        })
        .collect();
    let plot = Plot {
        title,
        unit,
        digits,
        lines: &lines,
        log,
        ..Plot::default()
    };
    drawer.lines(name, &plot)
}

fn percent(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    points
        .into_iter()
        .map(|(at, value)| (at, value * 100.0))
        .collect()
}

fn months(drawer: &mut Drawer<'_>, days: &[(f64, f64)]) -> Value {
    let found = series::months(days);
    let row = |((year, month), value): (&(i32, u32), &f64)| json!({"month": format!("{year}-{month:02}"), "return": value});
    let kept: Vec<Value> = found.iter().map(row).collect();
    let mut years: Vec<i32> = found.keys().map(|(year, _)| *year).collect();
    years.dedup();
    let rows = years.into_iter().map(|year| {
        let months: Vec<Option<f64>> = (1..=12)
            .map(|month| found.get(&(year, month)).copied())
            .collect();
        let whole = months
            .iter()
            .flatten()
            .fold(1.0, |whole, part| whole * (1.0 + part))
            - 1.0;
        (
            year.to_string(),
            months.into_iter().chain([Some(whole)]).collect(),
        )
    });
    let names = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Year",
    ];
    let heat = chart::heat(&Heat {
        title: "Return by month",
        axes: ["Year", "month"],
        columns: names.map(str::to_owned).into(),
        rows: rows.collect(),
        decimals: 1,
        percent: true,
        signed: true,
        low_is_good: false,
    });
    drawer.table("months", heat, &["month", "return"], kept)
}

/// Classes of the histogram.
const CLASSES: usize = 24;

fn histogram(drawer: &mut Drawer<'_>, days: &[(f64, f64)]) -> Value {
    let classes = series::histogram(days, CLASSES);
    let row =
        |(low, high, count): &(f64, f64, usize)| json!({"from": low, "to": high, "days": count});
    let rows: Vec<Value> = classes.iter().map(row).collect();
    let bars: Vec<Bar> = classes
        .into_iter()
        .map(|(low, high, count)| Bar {
            label: format!("{:.2} %", low * 100.0),
            value: count as f64,
            note: format!("days from {:.2} % to {:.2} %", low * 100.0, high * 100.0),
        })
        .collect();
    let figure = chart::bars("Returns of a day", "days", 0, &bars);
    drawer.table("histogram", figure, &["from", "to", "days"], rows)
}

/// Signed causes as bars, in the order in which they are named.
pub(super) fn causes(drawer: &mut Drawer<'_>, causes: &Value, unit: &str, digits: usize) -> Value {
    let named = [
        ("premium", "time value that decayed"),
        ("delta", "moves of the coin"),
        ("vega", "changes of volatility"),
        ("spread", "distance of trades from the mark"),
        ("roll_cost", "the same of rolls"),
        ("fees", "trades and deliveries"),
        ("residual", "marks beyond the model"),
    ];
    let bars: Vec<Bar> = named
        .iter()
        .filter_map(|(name, note)| {
            let value = causes[*name].as_f64()?;
            Some(Bar {
                label: name.replace('_', " "),
                value,
                note: (*note).to_owned(),
            })
        })
        .collect();
    let row = |bar: &Bar| json!({"cause": bar.label, "value": bar.value, "note": bar.note});
    let rows: Vec<Value> = bars.iter().map(row).collect();
    let figure = chart::bars("Where the result came from", unit, digits, &bars);
    drawer.table("causes", figure, &["cause", "value", "note"], rows)
}
