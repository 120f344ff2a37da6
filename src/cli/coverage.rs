//! `thetaq coverage`: a calendar of the market history that is stored, one character per day, gaps named.

use super::rows::query;
use super::session::Session;
use chrono::{Datelike, Days, Months, NaiveDate};
use clap::Args;
use serde_json::Value;
use std::collections::BTreeMap;

/// Show which market history is stored: a calendar per source and underlying, with its gaps
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq coverage\n  thetaq coverage --kind chains --underlying BTC\n  thetaq coverage --json          the days as rows of the view v_coverage"
)]
pub(super) struct Coverage {
    /// Only this kind of history
    #[arg(long, value_parser = ["chains", "delivery_prices", "candles", "volatility_index", "trades", "future_marks", "funding_rates"])]
    kind: Option<String>,
    /// Only this underlying or symbol, as the calendar names it
    #[arg(long)]
    underlying: Option<String>,
}

const SQL: &str = "select * from v_coverage \
    where (cast($1 as text) is null or kind = cast($1 as text)) \
    and (cast($2 as text) is null or underlying = cast($2 as text)) \
    order by kind, source, underlying, resolution, day";

impl Coverage {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let given = [Value::from(self.kind), Value::from(self.underlying)];
        let rows = query(session, SQL, &given).await?.objects();
        session.output.result(&rows, || text(&rows))
    }
}

fn text(rows: &[Value]) -> String {
    let sources = sources(rows);
    if sources.is_empty() {
        return "No such market history is stored: `thetaq import PATH` loads some.".to_owned();
    }
    let calendars = sources.iter().map(|(name, source)| source.text(name));
    let calendars: Vec<String> = calendars.collect();
    format!("{LEGEND}\n{}", calendars.join("\n"))
}

const LEGEND: &str = "A line is a month, a character a day: how many rows there are (+ is more than 9), . for none.\n";

/// Everything stored of one source, by day.
#[derive(Debug, Default)]
struct Source {
    days: BTreeMap<NaiveDate, i64>,
    quotes: i64,
}

fn sources(rows: &[Value]) -> BTreeMap<String, Source> {
    let mut sources: BTreeMap<String, Source> = BTreeMap::new();
    for row in rows {
        let words = ["kind", "source", "underlying", "resolution"].map(|name| row[name].as_str());
        let words: Vec<&str> = words.into_iter().flatten().collect();
        let Some(day) = row["day"].as_str().and_then(|day| day.parse().ok()) else {
            continue;
        };
        let source = sources.entry(words.join(" ")).or_default();
        *source.days.entry(day).or_default() += row["snapshots"].as_i64().unwrap_or_default();
        source.quotes += row["quotes"].as_i64().unwrap_or_default();
    }
    sources
}

impl Source {
    fn text(&self, name: &str) -> String {
        let months = self.months();
        let alike = |one: &Month, next: &Month| one.fill == next.fill && one.fill != Fill::Mixed;
        let lines: Vec<String> = months.chunk_by(alike).map(lines).collect();
        let (summary, gaps) = (self.summary(), self.gaps_text());
        format!("{name}: {summary}\n{}{gaps}", lines.concat())
    }

    fn summary(&self) -> String {
        let (first, last) = self.ends();
        let rows: i64 = self.days.values().sum();
        let quotes = match self.quotes {
            0 => String::new(),
            quotes => format!(" with {quotes} quotes"),
        };
        format!(
            "{first} to {last}, {}, {}{quotes}",
            count(self.days.len() as i64, "day"),
            count(rows, "row")
        )
    }

    /// First and last day.
    fn ends(&self) -> (NaiveDate, NaiveDate) {
        let first = self.days.keys().next().copied().unwrap_or_default();
        let last = self.days.keys().next_back().copied().unwrap_or_default();
        (first, last)
    }

    fn months(&self) -> Vec<Month> {
        let (first, last) = self.ends();
        let start = first.with_day(1).unwrap_or(first);
        let months = std::iter::successors(Some(start), |month| {
            month.checked_add_months(Months::new(1))
        });
        months
            .take_while(|month| *month <= last)
            .map(|month| self.month(month))
            .collect()
    }

    fn month(&self, start: NaiveDate) -> Month {
        let (first, last) = self.ends();
        let days: String = start
            .iter_days()
            .take_while(|day| day.month() == start.month())
            .map(|day| match self.days.get(&day) {
                Some(rows @ 1..=9) => char::from(b'0' + *rows as u8),
                Some(_) => '+',
                None if day < first || day > last => ' ',
                None => '.',
            })
            .collect();
        let fill = match days.replace(|day: char| day.is_ascii_digit() || day == '+', "") {
            rest if rest.is_empty() => Fill::EveryDay,
            rest if rest == days && !days.contains(' ') => Fill::NoDay,
            _ => Fill::Mixed,
        };
        Month {
            name: start.format("%Y-%m").to_string(),
            days: days.trim_end().to_owned(),
            fill,
        }
    }

    /// Runs of days without anything: the first of them, and how many.
    fn gaps(&self) -> Vec<(NaiveDate, i64)> {
        let days: Vec<NaiveDate> = self.days.keys().copied().collect();
        let missing =
            |pair: &[NaiveDate]| (pair[0] + Days::new(1), (pair[1] - pair[0]).num_days() - 1);
        let gaps = days.windows(2).map(missing);
        gaps.filter(|(_, missing)| *missing > 0).collect()
    }

    fn gaps_text(&self) -> String {
        let mut gaps = self.gaps();
        let missing: i64 = gaps.iter().map(|(_, days)| days).sum();
        if missing == 0 {
            return String::new();
        }
        let more = gaps.len().saturating_sub(GAPS_SHOWN);
        gaps.sort_by_key(|(_, days)| -days);
        gaps.truncate(GAPS_SHOWN);
        gaps.sort();
        let named: Vec<String> = gaps.into_iter().map(gap).collect();
        let rest = match more {
            0 => String::new(),
            more => format!(", and {more} shorter ones"),
        };
        format!(
            "  {} missing: {}{rest}\n",
            count(missing, "day"),
            named.join(", ")
        )
    }
}

/// One line of the calendar.
#[derive(Debug)]
struct Month {
    name: String,
    days: String,
    fill: Fill,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fill {
    EveryDay,
    NoDay,
    Mixed,
}

impl Fill {
    /// A longer run of such months is one line.
    fn shown_up_to(self) -> usize {
        match self {
            Self::EveryDay => 6,
            Self::NoDay => 1,
            Self::Mixed => usize::MAX,
        }
    }
}

/// A run of months that are alike: one line each, or one for all.
fn lines(run: &[Month]) -> String {
    let (first, last) = (&run[0], &run[run.len() - 1]);
    if run.len() <= first.fill.shown_up_to() {
        let line = |month: &Month| format!("  {}  {}\n", month.name, month.days);
        return run.iter().map(line).collect::<Vec<_>>().concat();
    }
    let what = if first.fill == Fill::EveryDay {
        "every day"
    } else {
        "nothing"
    };
    format!(
        "  {} to {}: {} months, {what}\n",
        first.name,
        last.name,
        run.len()
    )
}

/// So many gaps are named, the longest.
const GAPS_SHOWN: usize = 5;

fn count(number: i64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn gap((first, days): (NaiveDate, i64)) -> String {
    match days {
        1 => first.to_string(),
        days => format!("{first} to {}", first + Days::new(days.unsigned_abs() - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rows(underlying: &str, days: &[(&str, i64)]) -> Vec<Value> {
        let row = |(day, snapshots): &(&str, i64)| {
            json!({"kind": "chains", "source": "recorded", "underlying": underlying, "resolution": null,
                "day": day, "snapshots": snapshots, "quotes": snapshots * 800})
        };
        days.iter().map(row).collect()
    }

    #[test]
    fn a_character_is_a_day_and_gaps_are_named() {
        let mut stored = rows(
            "BTC",
            &[
                ("2026-01-30", 4),
                ("2026-01-31", 12),
                ("2026-02-03", 3),
                ("2026-02-05", 1),
            ],
        );
        stored.extend(rows("ETH", &[("2026-02-28", 4)]));
        insta::assert_snapshot!(text(&stored), @r"
        A line is a month, a character a day: how many rows there are (+ is more than 9), . for none.

        chains recorded BTC: 2026-01-30 to 2026-02-05, 4 days, 20 rows with 16000 quotes
          2026-01                               4+
          2026-02  ..3.1
          3 days missing: 2026-02-01 to 2026-02-02, 2026-02-04

        chains recorded ETH: 2026-02-28 to 2026-02-28, 1 day, 4 rows with 3200 quotes
          2026-02                             4
        ");
    }

    #[test]
    fn many_months_with_nothing_are_one_line() {
        let stored = rows("BTC", &[("2022-03-31", 1), ("2025-12-01", 4)]);
        insta::assert_snapshot!(sources(&stored)["chains recorded BTC"].text("chains"), @r"
        chains: 2022-03-31 to 2025-12-01, 2 days, 5 rows with 4000 quotes
          2022-03                                1
          2022-04 to 2025-11: 44 months, nothing
          2025-12  4
          1340 days missing: 2022-04-01 to 2025-11-30
        ");
    }

    #[test]
    fn many_months_without_a_gap_are_one_line() {
        let first: NaiveDate = "2024-01-31".parse().expect("a date");
        let days = first
            .iter_days()
            .take(366)
            .filter(|day| day.to_string() != "2024-12-25");
        let source = Source {
            days: days.map(|day| (day, 1)).collect(),
            quotes: 0,
        };
        insta::assert_snapshot!(source.text("delivery_prices deribit btc_usd"), @r"
        delivery_prices deribit btc_usd: 2024-01-31 to 2025-01-30, 365 days, 365 rows
          2024-01                                1
          2024-02 to 2024-11: 10 months, every day
          2024-12  111111111111111111111111.111111
          2025-01  111111111111111111111111111111
          1 day missing: 2024-12-25
        ");
    }
}
