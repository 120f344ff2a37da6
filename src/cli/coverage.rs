//! `thetaq coverage`: a calendar of the market history that is stored, one character per day, gaps named.

use super::session::Session;
use crate::db::coverage::days;
use crate::fetch::coverage::{Gap, Place, Source, fetched, gaps, sources};
use chrono::{Datelike, Days, Months, NaiveDate};
use clap::Args;
use serde_json::json;
use std::collections::BTreeMap;

/// Show which market history is stored: a calendar per source and underlying, its gaps, and what fills them
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq coverage\n  thetaq coverage --kind chains --underlying BTC\n  thetaq coverage --json          the days as rows of the view v_coverage, and the gaps"
)]
pub(super) struct Coverage {
    /// Only this kind of history
    #[arg(long, value_parser = ["chains", "delivery_prices", "candles", "volatility_index", "trades", "future_marks", "funding_rates"])]
    kind: Option<String>,
    /// Only this underlying or symbol, as the calendar names it
    #[arg(long)]
    underlying: Option<String>,
}

impl Coverage {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let db = session.db().await?;
        let rows = days(&db, self.kind.as_deref(), self.underlying.as_deref()).await?;
        let sources = sources(&rows);
        let mut gaps = gaps(&sources, &fetched(&db).await?);
        gaps.retain(|gap| self.is_wanted(gap));
        let document = json!({ "days": rows, "gaps": gaps });
        session.output.result(&document, || text(&sources, &gaps))
    }

    /// Gaps beside the chains may be of another kind than the one asked for.
    fn is_wanted(&self, gap: &Gap) -> bool {
        let wanted =
            |asked: &Option<String>, is: &str| asked.as_ref().is_none_or(|asked| asked == is);
        wanted(&self.kind, &gap.place.kind) && wanted(&self.underlying, &gap.place.underlying)
    }
}

fn text(sources: &BTreeMap<Place, Source>, gaps: &[Gap]) -> String {
    if sources.is_empty() {
        return "No such market history is stored: `thetaq import PATH` loads some, `thetaq fetch-history` \
            fetches it from Deribit."
            .to_owned();
    }
    let calendars = sources
        .iter()
        .map(|(place, source)| calendar(place, source, gaps));
    let calendars: Vec<String> = calendars.collect();
    let beside = beside(sources, gaps);
    format!("{LEGEND}\n{}{beside}", calendars.join("\n"))
}

/// Kinds that are not there at all although chains are.
fn beside(sources: &BTreeMap<Place, Source>, gaps: &[Gap]) -> String {
    let absent = gaps.iter().filter(|gap| !sources.contains_key(&gap.place));
    let lines = absent.map(|gap| {
        let fill = gap
            .fill
            .as_ref()
            .map_or(String::new(), |fill| format!("  fill: {fill}\n"));
        let run = run((gap.from, gap.days));
        format!(
            "\n{}: nothing, though chains are stored: {run}\n{fill}",
            gap.place.name()
        )
    });
    lines.collect::<Vec<_>>().concat()
}

const LEGEND: &str = "A line is a month, a character a day: how many rows there are (+ is more than 9), . for none.\n";

/// One calendar.
fn calendar(place: &Place, source: &Source, gaps: &[Gap]) -> String {
    let months = months(source);
    let alike =
        |one: &Month, next: &Month| one.density == next.density && one.density != Density::Mixed;
    let lines: Vec<String> = months.chunk_by(alike).map(lines).collect();
    let own: Vec<&Gap> = gaps.iter().filter(|gap| gap.place == *place).collect();
    let (name, summary) = (place.name(), summary(source));
    format!(
        "{name}: {summary}\n{}{}",
        lines.concat(),
        gaps_text(place, &own)
    )
}

fn summary(source: &Source) -> String {
    let (first, last) = source.ends();
    let rows: i64 = source.days.values().sum();
    let quotes = match source.quotes {
        0 => String::new(),
        quotes => format!(" with {quotes} quotes"),
    };
    format!(
        "{first} to {last}, {}, {}{quotes}",
        count(source.days.len() as i64, "day"),
        count(rows, "row")
    )
}

fn months(source: &Source) -> Vec<Month> {
    let (first, last) = source.ends();
    let start = first.with_day(1).unwrap_or(first);
    let months = std::iter::successors(Some(start), |month| {
        month.checked_add_months(Months::new(1))
    });
    months
        .take_while(|month| *month <= last)
        .map(|month| month_of(source, month))
        .collect()
}

fn month_of(source: &Source, start: NaiveDate) -> Month {
    let (first, last) = source.ends();
    let days: String = start
        .iter_days()
        .take_while(|day| day.month() == start.month())
        .map(|day| match source.days.get(&day) {
            Some(rows @ 1..=9) => char::from(b'0' + *rows as u8),
            Some(_) => '+',
            None if day < first || day > last => ' ',
            None => '.',
        })
        .collect();
    let density = match days.replace(|day: char| day.is_ascii_digit() || day == '+', "") {
        rest if rest.is_empty() => Density::EveryDay,
        rest if rest == days && !days.contains(' ') => Density::NoDay,
        _ => Density::Mixed,
    };
    Month {
        name: start.format("%Y-%m").to_string(),
        days: days.trim_end().to_owned(),
        density,
    }
}

/// The longest gaps of a source and the one command that fills them all.
fn gaps_text(place: &Place, gaps: &[&Gap]) -> String {
    let missing: i64 = gaps.iter().map(|gap| gap.days).sum();
    if missing == 0 {
        return String::new();
    }
    let more = gaps.len().saturating_sub(GAPS_SHOWN);
    let mut longest = gaps.to_vec();
    longest.sort_by_key(|gap| -gap.days);
    longest.truncate(GAPS_SHOWN);
    longest.sort_by_key(|gap| gap.from);
    let named: Vec<String> = longest
        .iter()
        .map(|gap| run((gap.from, gap.days)))
        .collect();
    let rest = match more {
        0 => String::new(),
        more => format!(", and {more} shorter ones"),
    };
    let days = count(missing, "day");
    format!(
        "  {days} missing: {}{rest}\n{}",
        named.join(", "),
        fill_text(place, gaps)
    )
}

/// `thetaq fetch-history` asks for nothing it has fetched before, so one command may span all gaps.
fn fill_text(place: &Place, gaps: &[&Gap]) -> String {
    let open = || gaps.iter().filter(|gap| gap.fill.is_some());
    let (from, to) = (
        open().map(|gap| gap.from).min(),
        open().map(|gap| gap.to).max(),
    );
    match from.zip(to) {
        Some((from, to)) => format!("  fill: {}\n", place.fill(from, to)),
        None => "  the exchange was asked and has nothing of those days\n".to_owned(),
    }
}

/// One line of the calendar.
#[derive(Debug)]
struct Month {
    name: String,
    days: String,
    density: Density,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Density {
    EveryDay,
    NoDay,
    Mixed,
}

impl Density {
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
    if run.len() <= first.density.shown_up_to() {
        let line = |month: &Month| format!("  {}  {}\n", month.name, month.days);
        return run.iter().map(line).collect::<Vec<_>>().concat();
    }
    let what = if first.density == Density::EveryDay {
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

fn run((first, days): (NaiveDate, i64)) -> String {
    match days {
        1 => first.to_string(),
        days => format!("{first} to {}", first + Days::new(days.unsigned_abs() - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::coverage::Fetched;
    use serde_json::Value;

    fn rows(underlying: &str, days: &[(&str, i64)]) -> Vec<Value> {
        let row = |(day, snapshots): &(&str, i64)| {
            json!({"kind": "chains", "source": "recorded", "underlying": underlying, "resolution": null,
                "day": day, "snapshots": snapshots, "quotes": snapshots * 800})
        };
        days.iter().map(row).collect()
    }

    /// The first calendar, without what is missing beside it.
    fn alone(sources: &BTreeMap<Place, Source>) -> String {
        let (place, source) = sources.first_key_value().expect("one source");
        calendar(place, source, &gaps(sources, &Fetched::new()))
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
        let sources = sources(&stored);
        let gaps = gaps(&sources, &Fetched::new());
        insta::assert_snapshot!(text(&sources, &gaps), @r"
        A line is a month, a character a day: how many rows there are (+ is more than 9), . for none.

        chains recorded BTC: 2026-01-30 to 2026-02-05, 4 days, 20 rows with 16000 quotes
          2026-01                               4+
          2026-02  ..3.1
          3 days missing: 2026-02-01 to 2026-02-02, 2026-02-04
          fill: thetaq import PATH

        chains recorded ETH: 2026-02-28 to 2026-02-28, 1 day, 4 rows with 3200 quotes
          2026-02                             4

        delivery_prices deribit btc_usd: nothing, though chains are stored: 2026-01-30 to 2026-02-05
          fill: thetaq fetch-history --underlying BTC --from 2026-01-30 --to 2026-02-05 --what deliveries

        volatility_index deribit BTC: nothing, though chains are stored: 2026-01-30 to 2026-02-05
          fill: thetaq fetch-history --underlying BTC --from 2026-01-30 --to 2026-02-05 --what dvol

        delivery_prices deribit eth_usd: nothing, though chains are stored: 2026-02-28
          fill: thetaq fetch-history --underlying ETH --from 2026-02-28 --to 2026-02-28 --what deliveries

        volatility_index deribit ETH: nothing, though chains are stored: 2026-02-28
          fill: thetaq fetch-history --underlying ETH --from 2026-02-28 --to 2026-02-28 --what dvol
        ");
    }

    #[test]
    fn many_months_with_nothing_are_one_line() {
        let stored = rows("BTC", &[("2022-03-31", 1), ("2025-12-01", 4)]);
        insta::assert_snapshot!(alone(&sources(&stored)), @r"
        chains recorded BTC: 2022-03-31 to 2025-12-01, 2 days, 5 rows with 4000 quotes
          2022-03                                1
          2022-04 to 2025-11: 44 months, nothing
          2025-12  4
          1340 days missing: 2022-04-01 to 2025-11-30
          fill: thetaq import PATH
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
        let prices = Place {
            kind: "delivery_prices".to_owned(),
            source: "deribit".to_owned(),
            underlying: "btc_usd".to_owned(),
            resolution: None,
        };
        insta::assert_snapshot!(alone(&BTreeMap::from([(prices, source)])), @r"
        delivery_prices deribit btc_usd: 2024-01-31 to 2025-01-30, 365 days, 365 rows
          2024-01                                1
          2024-02 to 2024-11: 10 months, every day
          2024-12  111111111111111111111111.111111
          2025-01  111111111111111111111111111111
          1 day missing: 2024-12-25
          fill: thetaq fetch-history --underlying BTC --from 2024-12-25 --to 2024-12-25 --what deliveries
        ");
    }
}
