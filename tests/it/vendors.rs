//! Chain files of Tardis and OptionsDX, written by the tests themselves from the synthetic market.

use crate::support::{TestDb, each_db, sqlite, thetaq};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use thetaq::db::{chains, coverage};
use thetaq::domain::chain::{Chain, Quote};
use thetaq::domain::coin::Coin;
use thetaq::import::{FileReport, Silent, import};
use thetaq::market::synthetic::Synthetic;

/// 2026-01-05 09:00 UTC.
const START_MS: i64 = 1_767_603_600_000;
const HOUR_MS: i64 = 3_600_000;

const TARDIS: &str = "exchange,symbol,timestamp,local_timestamp,type,strike_price,expiration,open_interest,last_price,\
bid_price,bid_amount,bid_iv,ask_price,ask_amount,ask_iv,mark_price,mark_iv,underlying_index,underlying_price,delta,\
gamma,vega,theta,rho\n";
const OPTIONSDX: &str = "[QUOTE_UNIXTIME], [QUOTE_READTIME], [QUOTE_DATE], [QUOTE_TIME_HOURS], [INSTRUMENT_NAME], \
[BASE_CURRENCY], [CONTRACT_SIZE], [UNDERLYING_INDEX], [UNDERLYING_PRICE], [EXPIRY_DATE], [EXPIRY_UNIX], [EXPIRY_TIME], \
[DTE], [OPTION_RIGHT], [STRIKE], [BID_SIZE], [BID_PRICE], [ASK_PRICE], [ASK_SIZE], [OPEN_INTEREST], [VOLUME], [DELTA], \
[GAMMA], [VEGA], [THETA], [RHO], [MARK_IV], [STRIKE_DISTANCE_PCT]\n";

async fn run(test: &TestDb, path: &Path) -> FileReport {
    let paths = [path.to_owned()];
    let report = import(&test.db, &paths, &mut Silent).await.unwrap();
    let file = report.files.into_iter().next().unwrap();
    let rejected: u64 = file.rejected.values().sum();
    assert_eq!(
        file.rows,
        file.inserted + file.existing + rejected,
        "{file:?}"
    );
    file
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    if Path::new(name).extension().is_some_and(|end| end == "gz") {
        let file = std::fs::File::create(&path).unwrap();
        let mut packer = GzEncoder::new(file, Compression::fast());
        packer.write_all(text.as_bytes()).unwrap();
        packer.finish().unwrap();
    } else {
        std::fs::write(&path, text).unwrap();
    }
    path
}

/// Empty for no quote, as Tardis writes it.
fn some(value: Option<f64>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

fn tardis_row(quote: &Quote, at_us: i64) -> String {
    let one = quote.instrument;
    let side = if one.is_call() { "call" } else { "put" };
    let iv = quote.mark_iv.unwrap() * 100.0;
    let (bid_iv, ask_iv) = (quote.bid.map_or(0.0, |_| iv - 1.0), iv + 1.0);
    format!(
        "deribit,{one},{at_us},{},{side},{},{},{},0.01,{},{},{bid_iv},{},{},{ask_iv},{},{iv:.2},SYN.{one},{},{},0.0001,5.5,-3.25,1.125\n",
        at_us + 777,
        one.strike_usd,
        one.expiry_ms * 1_000,
        some(quote.open_interest),
        some(quote.bid),
        some(quote.bid_size),
        some(quote.ask),
        some(quote.ask_size),
        some(quote.mark),
        quote.underlying_price,
        some(quote.delta),
    )
}

/// Updates of every contract every ten minutes from the hour on, a microsecond apart.
fn tardis_updates(market: &Synthetic, coin: Coin, from_ms: i64, rounds: i64) -> String {
    let mut text = String::new();
    for round in 0..rounds {
        let at_ms = from_ms + round * HOUR_MS / 6;
        for (n, quote) in market.chain(coin, at_ms).quotes.iter().enumerate() {
            text += &tardis_row(quote, at_ms * 1_000 + n as i64);
        }
    }
    text
}

async fn stored(test: &TestDb, source: &str, coin: Coin, at_ms: i64) -> Chain {
    let found = chains::load(&test.db, source, coin, at_ms).await.unwrap();
    found.unwrap()
}

/// Prices, sizes, interest, delta to the last bit; volatility to what the file's two decimals of percent tell.
fn assert_same(stored: &Chain, market: &Chain) {
    assert_eq!(stored.quotes.len(), market.quotes.len());
    for (stored, quote) in stored.quotes.iter().zip(&market.quotes) {
        let figures = |quote: &Quote| {
            let iv = quote.mark_iv.map(|iv| (iv * 1e4).round());
            (
                quote.instrument,
                quote.underlying_price,
                quote.bid,
                quote.ask,
                iv,
                quote.delta,
                quote.open_interest,
            )
        };
        assert_eq!(figures(stored), figures(quote));
        let sizes = |quote: &Quote| (quote.bid_size, quote.ask_size);
        assert_eq!(sizes(stored), sizes(quote));
    }
}

#[tokio::test]
async fn tardis_updates_become_one_chain_an_hour() {
    let folder = tempfile::tempdir().unwrap();
    let market = Synthetic::new("tardis");
    let (btc, eth) = (
        tardis_updates(&market, Coin::Btc, START_MS, 9),
        tardis_updates(&market, Coin::Eth, START_MS, 6),
    );
    // Both coins of the first hour, then the half hour of BTC that follows; the first line is the first update.
    let text = [TARDIS, &eth, &btc].concat();
    let path = write(folder.path(), "2026-01-05_OPTIONS.csv.gz", &text);
    each_db(async |test| {
        let file = run(&test, &path).await;
        assert_eq!(file.kind, "chains");
        assert_eq!(file.rejected.keys().collect::<Vec<_>>(), ["superseded"]);
        let last_ms = START_MS + HOUR_MS / 6 * 5;
        for coin in Coin::ALL {
            let held = stored(&test, "tardis", coin, START_MS + HOUR_MS - 1).await;
            assert_eq!(held.at_ms, last_ms, "the newest update of the hour");
            assert_same(&held, &market.chain(coin, last_ms));
        }
        let half = stored(&test, "tardis", Coin::Btc, i64::MAX).await;
        assert_eq!(half.at_ms, START_MS + HOUR_MS / 6 * 8);
        assert_same(&half, &market.chain(Coin::Btc, half.at_ms));
        assert!(half.quotes.iter().any(|quote| quote.bid.is_none()));
        let marks = |chain: &Chain| {
            chain
                .quotes
                .iter()
                .map(|quote| quote.mark)
                .collect::<Vec<_>>()
        };
        assert_eq!(marks(&half), marks(&market.chain(Coin::Btc, half.at_ms)));

        let again = run(&test, &path).await;
        assert_eq!((again.inserted, again.existing), (0, file.inserted));
        let rows = coverage::coverage(&test.db).await.unwrap();
        assert!(rows.iter().all(|row| row.source == "tardis/tardis"));
        assert_eq!(rows.iter().map(|row| row.snapshots).sum::<i64>(), 3);
    })
    .await;
}

#[tokio::test]
async fn tardis_rows_that_are_no_quotes_of_the_desk_are_rejected_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let chain = Synthetic::new("tardis").chain(Coin::Btc, START_MS);
    let quote = chain
        .quotes
        .iter()
        .find(|quote| quote.bid.is_some())
        .unwrap();
    let good = tardis_row(quote, START_MS * 1_000);
    let name = quote.instrument.name();
    let late = tardis_row(quote, (START_MS - HOUR_MS) * 1_000);
    let expired = tardis_row(quote, quote.instrument.expiry_ms * 1_000);
    let lines = [
        TARDIS.to_owned(),
        good.clone(),
        late,
        good.replace("deribit,", "okex,"),
        good.replace(&name, "AVAX_USDC-29MAY26-8D6-P"),
        good.replace(&name, "BTC-PERPETUAL"),
        good.replace(",0.0001,", ",much,"),
        good.replace(&quote.underlying_price.to_string(), ""),
        "deribit,cut off\n".to_owned(),
        expired,
    ];
    let path = write(folder.path(), "updates.csv", &lines.concat());
    let test = sqlite().await;
    let file = run(&test, &path).await;
    let expect = [
        "bad_instrument_name",
        "bad_line",
        "bad_number",
        "expired",
        "late_row",
        "no_underlying_price",
        "other_exchange",
        "unknown_underlying",
    ];
    let expect = expect.map(|class| (class.to_owned(), 1));
    assert_eq!(file.rejected, BTreeMap::from(expect));
    assert_eq!((file.rows, file.inserted), (9, 1));
}

fn optionsdx_row(quote: &Quote, at_ms: i64, iv: f64) -> String {
    let one = quote.instrument;
    let day = chrono::DateTime::from_timestamp_millis(one.expiry_ms).unwrap();
    let zero = |value: Option<f64>| value.unwrap_or(0.0);
    let mut row = String::new();
    writeln!(
        row,
        "{}, 2026-01-04 23:00, 2026-01-04, 23.0, {one}, BTC, 1.0, SYN.{one}, {}, {}, {}, 4.0, 1.5, {}, {}, {}, {}, {}, {}, {}, {}, {}, 0.0001, 5.5, -3.25, 1.125, {iv}, 0.1",
        at_ms / 1_000, quote.underlying_price, day.format("%Y-%m-%d"), one.expiry_ms / 1_000,
        if one.is_call() { "call" } else { "put" }, one.strike_usd, zero(quote.bid_size), zero(quote.bid),
        zero(quote.ask), zero(quote.ask_size), zero(quote.open_interest), zero(quote.volume), zero(quote.delta),
    )
    .unwrap();
    row
}

#[tokio::test]
async fn optionsdx_snapshots_come_back_with_zero_as_no_quote() {
    let folder = tempfile::tempdir().unwrap();
    let market = Synthetic::new("optionsdx");
    let chains = [0, 1].map(|day| market.chain(Coin::Btc, START_MS + day * 24 * HOUR_MS));
    // One month in percent, the other as fractions: both are seen in the wild.
    for (name, scale) in [
        ("btc_eod_202601.txt", 100.0),
        ("btc_eod_202601.txt.gz", 1.0),
    ] {
        let mut text = OPTIONSDX.to_owned();
        for chain in &chains {
            for quote in &chain.quotes {
                let iv = (quote.mark_iv.unwrap() * 1e4).round() / 1e4 * scale;
                text += &optionsdx_row(quote, chain.at_ms, iv);
            }
        }
        let path = write(folder.path(), name, &text);
        each_db(async |test| {
            let file = run(&test, &path).await;
            let quotes: usize = chains.iter().map(|chain| chain.quotes.len()).sum();
            assert_eq!(
                (file.inserted, file.rejected.len()),
                (quotes as u64, 0),
                "{file:?}"
            );
            for chain in &chains {
                let held = stored(&test, "optionsdx", Coin::Btc, chain.at_ms).await;
                assert_eq!(held.at_ms, chain.at_ms);
                assert_same(&held, chain);
            }
            let again = run(&test, &path).await;
            assert_eq!((again.inserted, again.existing), (0, quotes as u64));
        })
        .await;
    }
}

#[tokio::test]
async fn files_are_known_by_their_columns_in_any_order_and_with_more_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let test = sqlite().await;
    let chain = Synthetic::new("columns").chain(Coin::Btc, START_MS);
    let rows: String = chain.quotes[..40]
        .iter()
        .map(|quote| tardis_row(quote, START_MS * 1_000))
        .collect();
    let mut reversed = String::new();
    for line in [TARDIS, &rows].concat().lines() {
        let mut cells: Vec<&str> = line.split(',').collect();
        cells.reverse();
        writeln!(reversed, "new_column,{}", cells.join(",")).unwrap();
    }
    let path = write(folder.path(), "reversed.csv", &reversed);
    assert_eq!(run(&test, &path).await.inserted, 40);
    let without = TARDIS.replace("underlying_price,", "");
    let file = run(&test, &write(folder.path(), "without.csv", &without)).await;
    assert_eq!(file.kind, "skipped");

    let stocks = "[QUOTE_UNIXTIME], [QUOTE_READTIME], [UNDERLYING_LAST], [EXPIRE_DATE], [C_BID], [C_ASK], [STRIKE], [P_BID], [P_ASK]\n";
    let file = run(&test, &write(folder.path(), "spy_eod_202301.txt", stocks)).await;
    assert_eq!(file.kind, "skipped");
    assert!(file.skipped.unwrap().contains("[INSTRUMENT_NAME]"));
}

/// Peak memory of the real program over a file, kilobytes, looked at while it runs.
async fn peak_kb(folder: &Path, name: &str) -> u64 {
    let mut command = thetaq();
    command
        .current_dir(folder)
        .args(["import", name, "--database-url"]);
    command.arg(format!("sqlite://{name}.db"));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        if let Some(done) = child.try_wait().unwrap() {
            assert!(done.success());
            return peak;
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kb = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
        peak = peak.max(kb.unwrap_or(0));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Seventy times as many updates of the same hours take no more memory.
#[tokio::test]
async fn memory_does_not_grow_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let chain = Synthetic::new("huge").chain(Coin::Btc, START_MS);
    let file = |updates: i64| {
        let mut text = TARDIS.to_owned();
        for update in 0..updates {
            let at_us = START_MS * 1_000 + update * (4 * HOUR_MS * 1_000 / updates);
            for quote in chain.quotes.iter().step_by(2) {
                text += &tardis_row(quote, at_us);
            }
        }
        text
    };
    let small = file(4);
    write(folder.path(), "small.csv", &small);
    let large = file(300);
    assert!(large.len() > 20_000_000, "{}", large.len());
    write(folder.path(), "large.csv.gz", &large);
    let small = peak_kb(folder.path(), "small.csv").await;
    let large = peak_kb(folder.path(), "large.csv.gz").await;
    assert!(
        small > 1_000 && large < small + 16_000,
        "{small} kB, {large} kB"
    );
}
