//! Market history from files: every row accounted for, nothing stored twice, every bit kept.

use crate::support::{TestDb, each_db, shared_data};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use futures::future::BoxFuture;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::path::{Path, PathBuf};
use thetaq::db::chains::{self, COLUMNS, Entry, QuoteTable, RECORDED};
use thetaq::db::{coverage, history};
use thetaq::domain::chain::Source;
use thetaq::domain::coin::Coin;
use thetaq::domain::pricing::black76;
use thetaq::import::{ImportError, Progress, Report, Silent, Stopped, import};

const DAY_MS: i64 = 86_400_000;

async fn run(test: &TestDb, path: &Path) -> Report {
    let report = import(&test.db, &[path.to_owned()], &mut Silent)
        .await
        .unwrap();
    for file in &report.files {
        let rejected: u64 = file.rejected.values().sum();
        assert_eq!(
            file.rows,
            file.inserted + file.existing + rejected,
            "{file:?}"
        );
    }
    report
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Unpacking gives back every column of every shared chain file to the last bit.
#[test]
fn packing_loses_nothing_of_any_shared_chain() {
    let Some(folder) = shared_data("chains") else {
        return;
    };
    let mut rows = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // Debug builds are slow: one file of each kind and coin here, all of them in release.
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if cfg!(debug_assertions) && !(name.contains("12-30") || name.contains("2022-01")) {
            continue;
        }
        let file = std::fs::File::open(path).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let mut tables = Vec::new();
        for batch in reader.build().unwrap() {
            tabulate(&batch.unwrap(), &mut tables);
        }
        for table in tables {
            let read = chains::unpack(&chains::pack(&table)).unwrap();
            assert_eq!(
                (read.coin, read.at_ms, read.percent),
                (table.coin, table.at_ms, true)
            );
            assert_eq!(read.len(), table.len());
            assert!(read.entries().zip(table.entries()).all(|(a, b)| a.same(&b)));
            rows += read.len();
        }
    }
    let expect = if cfg!(debug_assertions) {
        17_682
    } else {
        1_034_734
    };
    assert_eq!(rows, expect);
}

/// Reads a batch with code of its own, so that the importer's reader is not its own judge.
fn tabulate(batch: &RecordBatch, tables: &mut Vec<QuoteTable>) {
    let text = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>();
    let times = batch
        .column_by_name("ts")
        .unwrap()
        .as_primitive::<TimestampMillisecondType>();
    let numbers = COLUMNS.map(|name| {
        batch
            .column_by_name(name)
            .unwrap()
            .as_primitive::<Float64Type>()
    });
    for row in 0..batch.num_rows() {
        let (coin, at_ms) = (
            text("currency").value(row).parse().unwrap(),
            times.value(row),
        );
        if tables.last().is_none_or(|table| table.at_ms != at_ms) {
            tables.push(QuoteTable::new(coin, at_ms, true));
        }
        let optional = |name: &str| {
            let column = text(name);
            column.is_valid(row).then(|| column.value(row))
        };
        tables.last_mut().unwrap().push(&Entry {
            instrument: text("instrument_name").value(row).parse().unwrap(),
            numbers: numbers.map(|column| {
                if column.is_valid(row) {
                    column.value(row)
                } else {
                    f64::NAN
                }
            }),
            underlying_index: optional("underlying_index"),
            flag: optional("flag"),
        });
    }
}

#[tokio::test]
async fn chains_import_once_and_read_back_whole() {
    let Some(path) = shared_data("chains/deribit_chain_6h_btc_2025-12-30_31.parquet") else {
        return;
    };
    each_db(async |test| {
        let first = run(&test, &path).await;
        assert_eq!(
            (first.files[0].kind.as_str(), first.rejected),
            ("chains", 0)
        );
        assert!(first.inserted == 2_500 && first.existing == 0, "{first:?}");
        let second = run(&test, &path).await;
        assert_eq!(
            (second.inserted, second.existing, second.rejected),
            (0, first.inserted, 0)
        );

        let times = chains::times(&test.db, RECORDED, Coin::Btc, 0, i64::MAX)
            .await
            .unwrap();
        let mut scan = chains::scan(&test.db, RECORDED, Coin::Btc, 0, i64::MAX);
        let mut quotes = 0;
        for at_ms in &times {
            let chain = scan.next().await.unwrap().unwrap();
            let loaded = chains::load(&test.db, RECORDED, Coin::Btc, *at_ms)
                .await
                .unwrap()
                .unwrap();
            assert_eq!(chain, loaded);
            assert!(chain.at_ms == *at_ms && chain.source == Source::Recorded);
            assert!(chain.quotes.is_sorted_by_key(|quote| quote.instrument));
            let ivs = chain.quotes.iter().filter_map(|quote| quote.mark_iv);
            assert!(
                ivs.into_iter().all(|iv| iv > 0.05 && iv < 5.0),
                "volatilities are fractions"
            );
            quotes += chain.quotes.len() as u64;
        }
        assert!(scan.next().await.is_none());
        assert_eq!(quotes, first.inserted);

        let between = chains::load(&test.db, RECORDED, Coin::Btc, times[1] - 1)
            .await
            .unwrap();
        assert_eq!(
            between.unwrap().at_ms,
            times[0],
            "the newest at or before, never later"
        );
        assert!(
            chains::load(&test.db, RECORDED, Coin::Btc, times[0] - 1)
                .await
                .unwrap()
                .is_none()
        );
        let rows = chains::quotes(&test.db, RECORDED, Coin::Btc, times[0])
            .await
            .unwrap()
            .unwrap();
        assert_eq!(rows.index_source, "recorded");
        assert!(
            rows.quotes
                .iter()
                .all(|row| row.vega.is_some() && row.gamma.is_none())
        );
    })
    .await;
}

/// End-of-day files carry no index: the forward of the nearest expiry stands in, marked as model.
#[tokio::test]
async fn an_index_that_is_not_there_is_marked_as_model() {
    let Some(path) = shared_data("chains/deribit_chain_eod_btc_2022-01.parquet") else {
        return;
    };
    each_db(async |test| {
        assert_eq!(run(&test, &path).await.inserted, 12_502);
        let rows = chains::quotes(&test.db, RECORDED, Coin::Btc, 1_641_200_000_000)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (rows.index_source.as_str(), rows.collection.as_str()),
            ("model", "optionsdx")
        );
        let nearest = rows.quotes[0].underlying_price.unwrap();
        assert!((rows.index_price / nearest - 1.0).abs() < 1e-3);
        assert!(
            rows.quotes
                .iter()
                .all(|row| row.index_price.is_none() && row.mark.is_none())
        );
    })
    .await;
}

/// The whole folder: market data is recognised by its columns, the rest is skipped with a reason.
#[tokio::test]
async fn kinds_are_told_by_columns_and_others_are_skipped() {
    let (Some(_), Some(root)) = (shared_data("settlement"), shared_data("")) else {
        return;
    };
    each_db(async |test| {
        let paths = [
            "settlement",
            "dvol",
            "underlying",
            "orderbooks",
            "api_fixtures",
            "README.md",
            "acceptance.sealed",
        ];
        let paths: Vec<PathBuf> = paths.iter().map(|part| root.join(part)).collect();
        let report = import(&test.db, &paths, &mut Silent).await.unwrap();
        assert!(!report.has_errors(), "{report:?}");
        let kinds = |kind: &str| report.files.iter().filter(|file| file.kind == kind).count();
        assert_eq!(
            (
                kinds("delivery_prices"),
                kinds("volatility_index"),
                kinds("candles")
            ),
            (1, 2, 5)
        );
        assert_eq!(
            (
                kinds("funding_rates"),
                kinds("future_marks"),
                kinds("failed")
            ),
            (1, 1, 0)
        );
        for file in report.files.iter().filter(|file| file.kind == "skipped") {
            assert!(file.rows == 0 && file.skipped.is_some(), "{file:?}");
        }
        let again = import(&test.db, &paths, &mut Silent).await.unwrap();
        assert_eq!(
            (again.inserted, again.existing, again.rejected),
            (0, report.inserted, report.rejected)
        );
        check_history(&test).await;
        let rows = coverage::coverage(&test.db).await.unwrap();
        let extents = coverage::extents(&rows);
        let find = |kind: &str, name: &str| {
            let found = extents
                .iter()
                .find(|one| one.kind == kind && one.underlying == name);
            found.unwrap().clone()
        };
        let dvol = find("volatility_index", "BTC");
        assert_eq!((dvol.days, dvol.missing_days), (1_768, 86));
        assert_eq!(find("volatility_index", "ETH").missing_days, 0);
        assert!(
            find("delivery_prices", "btc_usd").missing_days > 0,
            "weekly at first"
        );
    })
    .await;
}

async fn check_history(test: &TestDb) {
    // 2026-02-05 15:00 UTC.
    let as_of_ms = 1_770_303_600_000;
    let found = history::history(&test.db, Coin::Btc, as_of_ms)
        .await
        .unwrap();
    assert_eq!(found.closes_source, Source::DeliveryPrice);
    assert!(found.closes.len() > 2_000 && found.dvol.len() > 1_000);
    assert!(
        found
            .closes
            .windows(2)
            .all(|pair| pair[1].0 - pair[0].0 == DAY_MS)
    );
    assert_eq!(
        found.closes.last().unwrap().0,
        1_770_278_400_000,
        "08:00 of the day"
    );
    let all = found.closes.iter().chain(&found.dvol);
    assert!(all.into_iter().all(|(at_ms, _)| *at_ms <= as_of_ms));
    let price = history::delivery_price(&test.db, Coin::Btc, 1_770_278_400_000)
        .await
        .unwrap();
    assert_eq!(price, Some(found.closes.last().unwrap().1));
    let early = history::history(&test.db, Coin::Btc, 1_500_000_000_000)
        .await
        .unwrap();
    assert_eq!(early.closes.len(), 1, "weekly prices make no daily returns");
}

/// Mistake 5 of the earlier system: today's live chain was used as history.
#[tokio::test]
async fn mistake_5_history_does_not_read_chains() {
    let Some(path) = shared_data("chains/deribit_chain_6h_btc_2025-12-30_31.parquet") else {
        return;
    };
    each_db(async |test| {
        run(&test, &path).await;
        let found = history::history(&test.db, Coin::Btc, i64::MAX)
            .await
            .unwrap();
        assert!(found.closes.is_empty() && found.dvol.is_empty());
        assert_eq!(
            (found.closes_source, found.dvol_source),
            (Source::Missing, Source::Missing)
        );
    })
    .await;
}

/// Mistake 6: a day's close of the volatility index is known only when the day is over.
#[tokio::test]
async fn mistake_6_a_daily_close_is_known_after_its_day() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(
        folder.path(),
        "dvol_btc.csv",
        "date,dvol_close\n2026-01-01,45.5\n2026-01-02,46.5\n",
    );
    each_db(async |test| {
        assert_eq!(run(&test, &path).await.inserted, 2);
        let end_of_first = 1_767_312_000_000;
        for (as_of_ms, known) in [
            (end_of_first - 1, 0),
            (end_of_first, 1),
            (end_of_first + DAY_MS, 2),
        ] {
            let found = history::history(&test.db, Coin::Btc, as_of_ms)
                .await
                .unwrap();
            assert_eq!(found.dvol.len(), known);
        }
        let found = history::history(&test.db, Coin::Btc, i64::MAX)
            .await
            .unwrap();
        assert_eq!(found.dvol[0], (end_of_first, 0.455));
    })
    .await;
}

const HEADER: &str = "ts,source,currency,instrument_name,expiry,strike,option_type,underlying_price,index_price,bid_price,ask_price,mark_iv,delta,flag\n";

fn line(
    name: &str,
    strike: u32,
    bid: &str,
    ask: &str,
    iv: &str,
    delta: &str,
    flag: &str,
) -> String {
    format!(
        "2026-01-02T04:00:00Z,hand,BTC,{name},2026-01-09 08:00:00,{strike},call,88100,88000,{bid},{ask},{iv},{delta},{flag}\n"
    )
}

/// One row of each rejection class that a whole line can fall into, between two good ones.
fn bad_rows() -> String {
    let name = "BTC-9JAN26-92000-C";
    let lines = [
        HEADER.to_owned(),
        line(name, 92_000, "0.012", "0.013", "45", "0.3", ""),
        line(name, 92_000, "0.012", "0.013", "45", "0.3", ""),
        line(name, 92_000, "0.011", "0.013", "45", "0.3", ""),
        line(
            "BTC-9JAN26-93000-C",
            92_000,
            "0.012",
            "0.013",
            "45",
            "0.3",
            "",
        ),
        line(
            "BTC-9JAN26-94000-C",
            94_000,
            "0.014",
            "0.013",
            "45",
            "0.3",
            "",
        ),
        line("BTC-9JAN26-95000-C", 95_000, "-1", "0.013", "45", "0.3", ""),
        line(
            "BTC-9JAN26-96000-C",
            96_000,
            "0.01",
            "0.013",
            "0.0",
            "0.3",
            "",
        ),
        line(
            "BTC-9JAN26-97000-C",
            97_000,
            "ten",
            "0.013",
            "45",
            "0.3",
            "",
        ),
        line("BTC_9JAN26", 97_000, "0.01", "0.013", "45", "0.3", ""),
        line(
            "BTC-9JAN26-98000-C",
            98_000,
            "",
            "0.013",
            "45",
            "0.9",
            "ticker_desync",
        ),
        "too,short\n".to_owned(),
    ];
    lines.concat()
}

#[tokio::test]
async fn bad_rows_are_rejected_by_name_and_good_ones_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "anything.txt", &bad_rows());
    each_db(async |test| {
        let report = run(&test, &path).await;
        let file = &report.files[0];
        assert_eq!(
            (file.kind.as_str(), file.rows, file.inserted),
            ("chains", 11, 2)
        );
        let classes = [
            "bad_instrument_name",
            "bad_line",
            "bad_number",
            "conflicting_row",
            "crossed_quote",
            "duplicate_row",
            "negative_price",
            "strike_mismatch",
            "volatility_out_of_range",
        ];
        assert!(file.rejected.keys().eq(classes), "{:?}", file.rejected);
        assert!(file.rejected.values().all(|count| *count == 1));

        let chain = chains::load(&test.db, RECORDED, Coin::Btc, i64::MAX)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(chain.index_price, 88_000.0);
        let desync = &chain.quotes[1];
        let years = desync.instrument.years(chain.at_ms);
        let delta = black76(true, 88_100.0, 98_000.0, 0.45, years).delta;
        assert_eq!(
            (desync.bid, desync.delta),
            (None, Some(delta)),
            "recomputed, not as recorded"
        );
        let rows = chains::quotes(&test.db, RECORDED, Coin::Btc, i64::MAX)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            rows.quotes[1].delta,
            Some(0.9),
            "the row keeps what the file said"
        );
        assert_eq!(rows.quotes[1].flag.as_deref(), Some("ticker_desync"));
    })
    .await;
}

/// One bad file never takes the others with it, and what was whole before its damage stays.
#[tokio::test]
async fn a_damaged_file_does_not_lose_the_others() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.parquet", "PAR1 but nothing behind it");
    write(
        folder.path(),
        "b.csv",
        "index_name,date,delivery_price\nbtc_usd,2026-01-01,87000.5\nbtc_usd,2026-01-02,nonsense\n",
    );
    write(folder.path(), "notes.md", "# Not data\n");
    each_db(async |test| {
        let report = run(&test, folder.path()).await;
        let kinds: Vec<&str> = report.files.iter().map(|file| file.kind.as_str()).collect();
        assert_eq!(kinds, ["failed", "delivery_prices", "skipped"]);
        assert!(report.has_errors() && report.files[0].error.is_some());
        assert_eq!((report.inserted, report.rejected), (1, 1));
        let missing = run(&test, &folder.path().join("nowhere")).await;
        assert!(missing.has_errors(), "a path that is not there is said");
    })
    .await;
}

#[tokio::test]
async fn later_rows_of_a_snapshot_join_it_and_other_figures_do_not_replace_it() {
    let folder = tempfile::tempdir().unwrap();
    let one = line(
        "BTC-9JAN26-92000-C",
        92_000,
        "0.012",
        "0.013",
        "45",
        "0.3",
        "",
    );
    let other = line(
        "BTC-9JAN26-94000-C",
        94_000,
        "0.010",
        "0.011",
        "45",
        "0.2",
        "",
    );
    let changed = line(
        "BTC-9JAN26-92000-C",
        92_000,
        "0.0125",
        "0.013",
        "45",
        "0.3",
        "",
    );
    let first = write(folder.path(), "1.csv", &[HEADER, &one].concat());
    let second = write(folder.path(), "2.csv", &[HEADER, &one, &other].concat());
    let third = write(folder.path(), "3.csv", &[HEADER, &changed].concat());
    each_db(async |test| {
        assert_eq!(run(&test, &first).await.inserted, 1);
        let joined = run(&test, &second).await;
        assert_eq!((joined.inserted, joined.existing), (1, 1));
        let refused = run(&test, &third).await;
        assert_eq!(refused.files[0].rejected["differs_from_stored"], 1);
        let chain = chains::load(&test.db, RECORDED, Coin::Btc, i64::MAX)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((chain.quotes.len(), chain.quotes[0].bid), (2, Some(0.012)));
    })
    .await;
}

/// Stops an import after a number of reports.
struct StopAfter(usize);

impl Progress for StopAfter {
    fn report<'a>(&'a mut self, _: f64, _: &'a str) -> BoxFuture<'a, Result<(), Stopped>> {
        let left = self.0.checked_sub(1);
        self.0 = left.unwrap_or(0);
        Box::pin(std::future::ready(left.map(|_| ()).ok_or(Stopped)))
    }
}

/// Cut off between two batches, an import is repeated and ends with the same rows.
#[tokio::test]
async fn an_import_cut_off_is_finished_by_the_next() {
    let Some(path) = shared_data("underlying/btcusdt_binance_1h_2021-01-01_2025-02-09.csv.gz")
    else {
        return;
    };
    each_db(async |test| {
        let cut = import(&test.db, std::slice::from_ref(&path), &mut StopAfter(1)).await;
        assert!(matches!(cut, Err(ImportError::Stopped(_))), "{cut:?}");
        let rest = run(&test, &path).await;
        assert!(rest.existing > 0 && rest.inserted > 0, "{rest:?}");
        assert_eq!(rest.existing + rest.inserted + rest.rejected, 36_000);
        assert_eq!(run(&test, &path).await.existing, 36_000);
    })
    .await;
}
