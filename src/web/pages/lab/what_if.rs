//! What selling one call at one instant would have come to: the question as a form, each answer as a page.

use super::checks;
use super::drawer::Drawer;
use super::form;
use super::lookahead;
use crate::backtest::{Gap, Setup, gaps_between};
use crate::clock::iso;
use crate::db::backtests;
use crate::db::jobs::JobRow;
use crate::web::Site;
use crate::web::chart::{Line, Plot, Span};
use crate::web::error::PageError;
use crate::web::pages::{Query, job};
use crate::web::table::{self, Table};
use crate::web::view::View;
use serde_json::{Value, json};

/// The form, and what was asked before.
pub(super) async fn list(site: &Site, query: &Query) -> Result<View, PageError> {
    let rows = checks::latest(site, "what_if").await?;
    let mut asked: Vec<Value> = rows.iter().map(asked).collect();
    table::sort(&mut asked, query.sort());
    Ok(View {
        title: "What if".to_owned(),
        name: "lab_what_if",
        fragments: &["earlier"],
        values: json!({"form": question(site, query, None).await?, "asked": asked, "work": null}),
        tables: vec![Table::of("asked", ASKED, &asked)],
    })
}

/// One answer.
pub(super) async fn view(site: &Site, id: &str, query: &Query) -> Result<View, PageError> {
    let row = checks::named(site, "what_if", id).await?;
    let found = row
        .result
        .clone()
        .filter(|result| result["chain"].is_object());
    let path = format!("/lab/what-if/{id}");
    let mut tables = Vec::new();
    let gaps = found.as_ref().map_or_else(Vec::new, gaps);
    let mut drawer = Drawer::new(query, &path, &mut tables).with_gaps(&gaps);
    let answer = found.map(|found| answer(&found, &mut drawer));
    Ok(View {
        title: "What if".to_owned(),
        name: "lab_what_if",
        fragments: &["work", "answer"],
        values: json!({
            "form": question(site, query, Some(&row)).await?, "work": job::shown(&row), "asked_for": lookahead::asked(&row),
            "at_ms": row.args["at_ms"], "answer": answer,
        }),
        tables,
    })
}

const ASKED: &[&str] = &[
    "id",
    "state",
    "at_ms",
    "source",
    "call",
    "exit",
    "pnl",
    "pnl_usd",
    "ended_by",
    "created_ms",
];

/// A question in a line, with its answer once there is one.
pub(super) fn asked(row: &JobRow) -> Value {
    let result = row.result.as_ref().unwrap_or(&Value::Null);
    let (chain, args) = (&result["chain"], &row.args);
    let leg = &chain["legs"][0];
    let call = match (leg["instrument"].as_str(), args["instrument"].as_str()) {
        (Some(call), _) | (None, Some(call)) => call.to_owned(),
        _ => {
            let days = args["settings"]["dte_target"].as_f64();
            let days = days.unwrap_or_else(|| Setup::default().dte_target);
            format!("nearest to {days} days")
        }
    };
    json!({
        "id": row.id, "state": row.state, "at_ms": args["at_ms"], "source": args["source"], "call": call,
        "exit": args["settings"]["exit"], "pnl": number(&chain["pnl"]), "pnl_usd": number(&chain["pnl_usd"]),
        "ended_by": leg["trigger"], "created_ms": row.created_ms, "error": row.error,
    })
}

/// What the form holds: the address, then the question that is shown, then a run's settings.
async fn question(site: &Site, query: &Query, row: Option<&JobRow>) -> Result<Value, PageError> {
    let args = row.map_or(Value::Null, |row| row.args.clone());
    let mut base = args["settings"].clone();
    let mut source = args["source"].as_str().map(str::to_owned);
    let mut seed = args["market_seed"].as_str().map(str::to_owned);
    if let Some(id) = query.get("run") {
        let run = backtests::get(&site.ctx.db, id).await?;
        let run = run.ok_or_else(|| PageError::not_found("That run"))?;
        base = json!(backtests::setup(&site.ctx.db, id).await?);
        (source, seed) = form::market(run.source);
    }
    let text = |name: &str, known: &Value| {
        let known = known
            .as_str()
            .map(str::to_owned)
            .or_else(|| known.as_f64().map(|n| n.to_string()));
        query.owned(name).or(known)
    };
    let at = args["at_ms"].as_i64().map(iso);
    Ok(json!({
        "sources": form::sources(site).await?, "source": query.owned("source").or(source), "market_seed": seed,
        "at": query.owned("at").or(at), "instrument": text("instrument", &args["instrument"]),
        "dte_target": text("dte_target", &base["dte_target"]), "delta_target": text("delta_target", &base["delta_target"]),
        "exit": text("exit", &base["exit"]), "underlying": text("underlying", &base["underlying"]),
        "base": (!base.is_null()).then(|| base.to_string()), "run": query.get("run"),
    }))
}

/// Amounts are numbers or, where they are exact, texts.
fn number(value: &Value) -> Option<f64> {
    value
        .as_f64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

/// Stretches between the points of an answer that had no data.
fn gaps(found: &Value) -> Vec<Gap> {
    let points = found["points"].as_array().map_or(&[][..], Vec::as_slice);
    let instants = points.iter().filter_map(|point| point["at_ms"].as_i64());
    gaps_between(&instants.collect::<Vec<_>>())
}

/// Cards, legs and charts.
fn answer(found: &Value, drawer: &mut Drawer<'_>) -> Value {
    let legs = found["chain"]["legs"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let path = Path::of(found);
    let coin = found["settings"]["underlying"].as_str().unwrap_or_default();
    drawer.rows("legs", LEG, legs);
    drawer.rows(
        "path",
        &["at_ms", "index_price", "value", "result"],
        &path.rows(),
    );
    let lines: Vec<Value> = legs.iter().map(shown).collect();
    let leg = lines.first().cloned().unwrap_or_default();
    json!({
        "coin": coin, "chain": found["chain"], "leg": leg, "legs": lines, "settings": found["settings"],
        "pnl": number(&found["chain"]["pnl"]), "pnl_usd": number(&found["chain"]["pnl_usd"]),
        "fees": number(&found["chain"]["fees"]), "causes": found["attribution"]["coin"], "data": found["data"],
        "charts": [path.result(coin, drawer), path.value(&leg, coin, drawer), path.index(&leg, coin, drawer)],
    })
}

/// A leg with plain numbers and what its price was worth in all.
fn shown(leg: &Value) -> Value {
    let mut leg = leg.clone();
    for name in ["size", "open_price", "close_price", "fees", "pnl"] {
        leg[name] = json!(number(&leg[name]));
    }
    let all = |price: &Value| Some(leg["size"].as_f64()? * price.as_f64()?);
    let (premium, paid) = (all(&leg["open_price"]), all(&leg["close_price"]));
    let days = (leg["closed_ms"].as_i64().zip(leg["opened_ms"].as_i64()))
        .map(|(to, from)| (to - from) as f64 / 86_400_000.0);
    leg["premium"] = json!(premium);
    leg["paid"] = json!(paid);
    leg["days"] = json!(days);
    leg
}

const LEG: &[&str] = &[
    "index",
    "instrument",
    "size",
    "opened_ms",
    "closed_ms",
    "strike_usd",
    "dte_open",
    "delta_open",
    "iv_open",
    "open_price",
    "open_price_usd",
    "close_price",
    "close_price_usd",
    "fees",
    "fees_usd",
    "pnl",
    "pnl_usd",
    "trigger",
    "assigned",
];

/// The call from its sale to its end.
struct Path {
    index: Vec<(f64, f64)>,
    /// What buying all of it back would cost, coin.
    value: Vec<(f64, f64)>,
    /// Premium less that and less fees, coin.
    result: Vec<(f64, f64)>,
}

impl Path {
    fn of(found: &Value) -> Self {
        let points = found["points"].as_array().map_or(&[][..], Vec::as_slice);
        let line = |value: &dyn Fn(&Value) -> Option<f64>| -> Vec<(f64, f64)> {
            let point = |point: &Value| Some((point["at_ms"].as_f64()?, value(point)?));
            points.iter().filter_map(point).collect()
        };
        let ended_ms = found["chain"]["closed_ms"].as_f64().unwrap_or(f64::MAX);
        let equity = until(ended_ms, line(&|point| number(&point["equity"])));
        // The last equity is what was held before the sale, and what came of it.
        let pnl = number(&found["chain"]["pnl"]).unwrap_or_default();
        let before = equity.last().map_or(0.0, |last| last.1 - pnl);
        Self {
            index: line(&|point| number(&point["index_price"])),
            value: until(
                ended_ms,
                line(&|point| number(&point["option_value"]).map(|value| 0.0 - value)),
            ),
            result: equity
                .into_iter()
                .map(|(at, value)| (at, value - before))
                .collect(),
        }
    }

    fn rows(&self) -> Vec<Value> {
        let all = self.index.iter().zip(&self.value).zip(&self.result);
        all.map(|((index, value), result)| {
            json!({"at_ms": index.0, "index_price": index.1, "value": value.1, "result": result.1})
        })
        .collect()
    }

    fn result(&self, coin: &str, drawer: &mut Drawer<'_>) -> Option<Value> {
        let lines = [Line {
            name: "result".into(),
            class: "equity",
            points: self.result.clone(),
        }];
        drawer.lines(
            "chart_result",
            &Plot {
                title: "Result if it were bought back at its mark",
                unit: coin,
                digits: 5,
                lines: &lines,
                zero: true,
                ..Plot::default()
            },
        )
    }

    /// The mark of the call beside the premium that was taken for it.
    fn value(&self, leg: &Value, coin: &str, drawer: &mut Drawer<'_>) -> Option<Value> {
        let lines = [Line {
            name: "value of the call".into(),
            class: "usd",
            points: self.value.clone(),
        }];
        let spans = self.level(leg["premium"].as_f64(), "premium received");
        drawer.lines(
            "chart_value",
            &Plot {
                title: "Value of the call, and the premium received as a level",
                unit: coin,
                digits: 5,
                lines: &lines,
                spans: &spans,
                ..Plot::default()
            },
        )
    }

    fn index(&self, leg: &Value, coin: &str, drawer: &mut Drawer<'_>) -> Option<Value> {
        let lines = [Line {
            name: "index".into(),
            class: "index",
            points: self.index.clone(),
        }];
        let spans = self.level(leg["strike_usd"].as_f64(), "strike");
        drawer.lines(
            "chart_index",
            &Plot {
                title: &format!("{coin} index, and the strike while the call was open"),
                unit: "USD",
                lines: &lines,
                spans: &spans,
                ..Plot::default()
            },
        )
    }

    fn level(&self, at: Option<f64>, label: &str) -> Vec<Span> {
        let ends = self.value.first().zip(self.value.last());
        let span = at.zip(ends).map(|(at, (first, last))| Span {
            from: first.0,
            to: last.0,
            at,
            after: None,
            class: "",
            label: label.to_owned(),
        });
        span.into_iter().collect()
    }
}

/// The points up to the first one at which the call has ended.
fn until(ended_ms: f64, mut points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let before = points.partition_point(|(at, _)| *at < ended_ms);
    points.truncate(before + 1);
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_ends_at_the_result_and_begins_at_the_cost_of_selling() {
        let point = |at_ms: i64, balance: &str, option_value: f64, equity: f64| json!({"at_ms": at_ms, "index_price": 90_000.0, "balance": balance, "option_value": option_value, "equity": equity});
        // 1 coin, 0.010 received and 0.0003 paid in fees; it ends worthless.
        let found = json!({
            "chain": {"pnl": "0.0097", "closed_ms": 2, "legs": []},
            "points": [
                point(1, "1.0097", -0.0101, 0.9996),
                point(2, "1.0097", 0.0, 1.0097),
                point(3, "1.0097", 0.0, 1.0097),
            ],
        });
        let path = Path::of(&found);
        assert!(
            (path.result[0].1 + 0.0004).abs() < 1e-12 && (path.result[1].1 - 0.0097).abs() < 1e-12
        );
        assert_eq!(path.value, [(1.0, 0.0101), (2.0, 0.0)]);
        assert!(
            path.value[1].1.is_sign_positive(),
            "no minus in front of nothing"
        );
    }
}
