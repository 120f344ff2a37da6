//! A hole in the data, on the page of a run.

use super::{Dashboard, each_db, place, start};
use crate::backtest::record_with_hole;
use serde_json::Value;
use thetaq::db::backtests;

/// Forty days, a hundred without a chain, forty days: no line crosses them, and no day of the market lies in them.
#[tokio::test(flavor = "multi_thread")]
async fn a_hole_in_the_data_is_a_hole_in_the_charts_and_in_no_return() {
    each_db(async |db| {
        record_with_hole(&db, 180, 40..140).await;
        let desk = Dashboard::start(&db).await;
        let client = desk.browser().await;
        let job = place(
            &start(
                &desk,
                &client,
                "backtest",
                "source=recorded&score_min=0&ivrv_min=0",
            )
            .await,
        );
        desk.drain().await;
        let row = backtests::of_job(&desk.ctx.db, job.trim_start_matches("/lab/"))
            .await
            .unwrap()
            .unwrap();
        let address = format!("/lab/{}?in=usd", row.id);
        let page = desk.page(&client, &address).await;
        assert!(
            page.contains("the data have gaps: 2026-02-13 to 2026-05-25"),
            "{page}"
        );
        assert!(
            page.contains("delivery price of recorded ("),
            "whose the prices are"
        );
        let figure = |title: &str| {
            let from = page.split(&format!("aria-label=\"{title}")).nth(1).unwrap();
            from.split("</svg>").next().unwrap().to_owned()
        };
        for (title, lines) in [
            ("Equity against", 4),
            ("BTC index and", 1),
            ("Fall below", 1),
            ("Volatility of", 1),
        ] {
            let drawn = figure(title);
            let paths = drawn.split("<path class=\"line").skip(1);
            let parts: Vec<usize> = paths
                .map(|path| path.split("/>").next().unwrap().matches('M').count())
                .collect();
            assert_eq!(parts, vec![2; lines], "{title}");
            assert_eq!(drawn.matches("<rect class=\"gap\"").count(), 1, "{title}");
            assert!(
                drawn.contains("No data from 13 Feb 2026 to 25 May 2026"),
                "{title}"
            );
        }
        let table = async |name: &str| -> Vec<Value> {
            let file = format!("{address}&table={name}&format=json");
            serde_json::from_str(&desk.page(&client, &file).await).unwrap()
        };
        let equity = table("equity").await;
        assert_eq!(equity.len(), 3 * 80, "the file has every step");
        let days: i64 = table("histogram")
            .await
            .iter()
            .map(|class| class["days"].as_i64().unwrap())
            .sum();
        assert_eq!(days, 80, "a return for each day with a snapshot");
        // Eleven windows of thirty days in each half, none across the hole.
        assert_eq!(table("chart_volatility").await.len(), 2 * 11);
        // What the months come to is what the days come to, without the hundred days.
        let grown = |values: &[f64]| values.iter().product::<f64>();
        let months: Vec<f64> = table("months")
            .await
            .iter()
            .map(|month| 1.0 + month["return"].as_f64().unwrap())
            .collect();
        let value = |n: usize| equity[n]["equity_usd"].as_f64().unwrap();
        let document = backtests::document(&desk.ctx.db, &row.id)
            .await
            .unwrap()
            .unwrap();
        let start = document["metrics"]["usd"]["start"].as_f64().unwrap();
        let halves = value(119) / start * (value(239) / value(120));
        assert!(
            (grown(&months) / halves - 1.0).abs() < 1e-6,
            "{months:?} {halves}"
        );
        let crossed = value(120) / value(119) - 1.0;
        assert!(
            crossed.abs() > 0.01,
            "something happened in the hole: {crossed}"
        );
    })
    .await;
}
