//! What the calendar lacks, and what fills it: a stretch of the exchange's past, or a file.

use super::{Place, Source};
use crate::domain::coin::Coin;
use crate::domain::instrument::DAY_MS;
use crate::fetch::What;
use chrono::{Days, NaiveDate};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;

/// A run of days without anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    #[serde(flatten)]
    pub place: Place,
    pub from: NaiveDate,
    /// Its last day.
    pub to: NaiveDate,
    pub days: i64,
    /// What fills it; absent when the exchange was asked and has nothing.
    pub fill: Option<Fill>,
}

/// What fills days; shown as the command that does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Only files have them.
    Import,
    Fetch(Stretch),
}

/// Days of one coin's past as the exchange has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub coin: Coin,
    pub from: NaiveDate,
    /// Its last day.
    pub to: NaiveDate,
    pub what: Vec<What>,
    /// Another address than the real exchange's.
    pub url: Option<String>,
    /// Chains are made of the trades.
    pub rebuild: bool,
}

/// So far apart are chains that are made of trades.
const REBUILD_MS: i64 = 3_600_000;

impl Stretch {
    /// The payload of the `fetch_history` job that fetches it.
    pub fn payload(&self) -> Value {
        let mut payload = json!({
            "underlying": self.coin, "from_ms": midnight(self.from), "to_ms": midnight(self.to) + DAY_MS, "what": self.what,
        });
        if let Some(url) = &self.url {
            payload["url"] = url.as_str().into();
        }
        if self.rebuild {
            payload["rebuild_ms"] = REBUILD_MS.into();
        }
        payload
    }
}

impl fmt::Display for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Fetch(stretch) = self else {
            return f.write_str("thetaq import PATH");
        };
        let Stretch { coin, from, to, .. } = stretch;
        let what: Vec<&str> = stretch.what.iter().map(|what| what.as_str()).collect();
        let what = what.join(",");
        write!(
            f,
            "thetaq fetch-history --underlying {coin} --from {from} --to {to} --what {what}"
        )?;
        if let Some(url) = &stretch.url {
            write!(f, " --url {url}")?;
        }
        f.write_str(if stretch.rebuild { " --rebuild 1h" } else { "" })
    }
}

impl Serialize for Fill {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// Stretches that were fetched whole, `[from_ms, to_ms)`, by the kind of history and the coin.
pub type Fetched = BTreeMap<(String, Coin), Vec<(i64, i64)>>;

/// Gaps of every source between its first and last day, and the days for which chains are stored but not what
/// features of a decision are made from.
pub fn gaps(sources: &BTreeMap<Place, Source>, fetched: &Fetched) -> Vec<Gap> {
    let mut found: Vec<Gap> = Vec::new();
    for (place, source) in sources {
        if place.is_shared() {
            continue;
        }
        let runs = source.gaps().into_iter();
        found.extend(runs.map(|(from, days)| gap(place, from, days, fetched)));
    }
    found.extend(within_shared(sources, fetched));
    found.extend(beside_chains(sources, fetched));
    found
}

/// Days that no source of a shared series has; they are told beside the one that has the day before.
fn within_shared(sources: &BTreeMap<Place, Source>, fetched: &Fetched) -> Vec<Gap> {
    let mut all: BTreeMap<(&str, &str), Held<'_>> = BTreeMap::new();
    for (place, source) in sources.iter().filter(|(place, _)| place.is_shared()) {
        let days = source.days.keys().map(|day| (*day, place));
        let held = all.entry((&place.kind, &place.underlying)).or_default();
        held.extend(days);
    }
    let mut found = Vec::new();
    for held in all.values() {
        let days: Vec<(&NaiveDate, &&Place)> = held.iter().collect();
        for pair in days.windows(2) {
            let missing = (*pair[1].0 - *pair[0].0).num_days() - 1;
            if missing > 0 {
                let from = *pair[0].0 + Days::new(1);
                found.push(gap(pair[0].1, from, missing, fetched));
            }
        }
    }
    found
}

/// Days of a series, each with a source that has it.
type Held<'a> = BTreeMap<NaiveDate, &'a Place>;

fn gap(place: &Place, from: NaiveDate, days: i64, fetched: &Fetched) -> Gap {
    let to = from + Days::new(days.unsigned_abs() - 1);
    let has_none = place.coin().is_some_and(|coin| {
        let known = fetched.get(&(place.kind.clone(), coin));
        known.is_some_and(|known| covered(known, from, to))
    });
    Gap {
        place: place.clone(),
        from,
        to,
        days,
        fill: (!has_none).then(|| place.fill(from, to)),
    }
}

/// True when one stretch holds all of the days.
fn covered(known: &[(i64, i64)], from: NaiveDate, to: NaiveDate) -> bool {
    let (from_ms, to_ms) = (midnight(from), midnight(to) + DAY_MS);
    known
        .iter()
        .any(|(start_ms, end_ms)| *start_ms <= from_ms && to_ms <= *end_ms)
}

fn midnight(day: NaiveDate) -> i64 {
    day.and_time(chrono::NaiveTime::MIN)
        .and_utc()
        .timestamp_millis()
}

/// Days from the first to the last chain of a coin that stand before or after all delivery prices or closes of the
/// volatility index, or all of them where there are none at all.
fn beside_chains(sources: &BTreeMap<Place, Source>, fetched: &Fetched) -> Vec<Gap> {
    let mut found = Vec::new();
    for coin in Coin::ALL {
        let chains = sources
            .iter()
            .filter(|(place, _)| place.kind == "chains" && place.coin() == Some(coin));
        let ends: Vec<(NaiveDate, NaiveDate)> = chains.map(|(_, source)| source.ends()).collect();
        let first = ends.iter().map(|(first, _)| *first).min();
        let last = ends.iter().map(|(_, last)| *last).max();
        let (Some(first), Some(last)) = (first, last) else {
            continue;
        };
        for place in [
            Place::of("delivery_prices", coin.index_name()),
            Place::of("volatility_index", coin.as_str()),
        ] {
            let alike = sources.iter().filter(|(other, _)| other.is_of(&place));
            let ends: Vec<_> = alike
                .map(|(place, source)| (source.ends(), place))
                .collect();
            let (begins, stops) = (
                ends.iter().min_by_key(|(ends, _)| ends.0),
                ends.iter().max_by_key(|(ends, _)| ends.1),
            );
            let held = begins.zip(stops);
            let held_ends = held.map(|(begins, stops)| (begins.0.0, stops.0.1));
            for (from, to) in outside((first, last), held_ends) {
                // Told beside the source that it is next to.
                let place = held.map_or(
                    &place,
                    |(begins, stops)| {
                        if to < begins.0.0 { begins.1 } else { stops.1 }
                    },
                );
                found.push(gap(place, from, (to - from).num_days() + 1, fetched));
            }
        }
    }
    found
}

/// The days of `wanted` before and after those `held`.
fn outside(
    (first, last): (NaiveDate, NaiveDate),
    held: Option<(NaiveDate, NaiveDate)>,
) -> Vec<(NaiveDate, NaiveDate)> {
    let Some((held_first, held_last)) = held else {
        return vec![(first, last)];
    };
    let one = Days::new(1);
    [
        (first, last.min(held_first - one)),
        (first.max(held_last + one), last),
    ]
    .into_iter()
    .filter(|(from, to)| from <= to)
    .collect()
}

impl Place {
    fn of(kind: &str, underlying: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            source: "deribit".to_owned(),
            underlying: underlying.to_owned(),
            resolution: None,
        }
    }

    /// The points of all its sources are one series: an instant has one of them.
    fn is_shared(&self) -> bool {
        ["delivery_prices", "volatility_index", "future_marks"].contains(&self.kind.as_str())
    }

    /// One series of one source, or of all of them where they are one.
    pub fn is_same_series(&self, other: &Self) -> bool {
        self == other || (self.is_shared() && self.is_of(other))
    }

    /// The same kind of the same underlying, whatever the source.
    fn is_of(&self, other: &Self) -> bool {
        self.kind == other.kind && self.underlying == other.underlying
    }

    /// The coin behind `BTC`, `btc_usd` and `BTC-PERPETUAL`.
    pub fn coin(&self) -> Option<Coin> {
        let head = self.underlying.split(['-', '_']).next()?;
        head.to_uppercase().parse().ok()
    }

    /// What fills days of this source: the exchange's public past where it has them, else a file.
    pub fn fill(&self, from: NaiveDate, to: NaiveDate) -> Fill {
        let (Some(coin), Some(what)) = (self.coin(), self.fetched_as()) else {
            return Fill::Import;
        };
        let host = self.source.split_once(':').map(|(_, host)| host);
        let url = host.map(|host| match host {
            "test" => "test".to_owned(),
            host => format!("http://{host}"),
        });
        Fill::Fetch(Stretch {
            coin,
            from,
            to,
            what: what.to_vec(),
            url,
            rebuild: self.kind == "chains",
        })
    }

    /// What of the exchange's past fills it; `None` for what only files have.
    fn fetched_as(&self) -> Option<&'static [What]> {
        let is_ours = self.source == "deribit" || self.source.starts_with("deribit:");
        match self.kind.as_str() {
            "delivery_prices" => Some(&[What::Deliveries]),
            "volatility_index" => Some(&[What::Dvol]),
            "trades" => Some(&[What::Trades]),
            // The exchange keeps no quotes, but its trades make chains.
            "chains" if self.source.starts_with("rebuilt") => {
                Some(&[What::Trades, What::Deliveries, What::Dvol])
            }
            "candles" if is_ours && self.resolution.as_deref() == Some("1h") => {
                Some(&[What::Candles])
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn fill(kind: &str, source: &str, underlying: &str, resolution: Option<&str>) -> String {
        let place = Place {
            kind: kind.to_owned(),
            source: source.to_owned(),
            underlying: underlying.to_owned(),
            resolution: resolution.map(str::to_owned),
        };
        place.fill(day("2026-01-03"), day("2026-01-04")).to_string()
    }

    #[test]
    fn every_kind_has_the_command_that_fills_it() {
        let fetch = "thetaq fetch-history --underlying";
        let days = "--from 2026-01-03 --to 2026-01-04 --what";
        for (kind, source, underlying, resolution, expect) in [
            (
                "delivery_prices",
                "deribit",
                "btc_usd",
                None,
                format!("{fetch} BTC {days} deliveries"),
            ),
            (
                "volatility_index",
                "deribit",
                "ETH",
                None,
                format!("{fetch} ETH {days} dvol"),
            ),
            (
                "trades",
                "deribit",
                "BTC",
                None,
                format!("{fetch} BTC {days} trades"),
            ),
            (
                "trades",
                "deribit:test",
                "BTC",
                None,
                format!("{fetch} BTC {days} trades --url test"),
            ),
            (
                "candles",
                "deribit:127.0.0.1:9901/api/v2",
                "ETH-PERPETUAL",
                Some("1h"),
                format!("{fetch} ETH {days} candles --url http://127.0.0.1:9901/api/v2"),
            ),
            (
                "candles",
                "binance",
                "BTCUSDT",
                Some("1h"),
                "thetaq import PATH".to_owned(),
            ),
            (
                "candles",
                "deribit",
                "BTC-PERPETUAL",
                Some("1m"),
                "thetaq import PATH".to_owned(),
            ),
            (
                "chains",
                "rebuilt",
                "BTC",
                None,
                format!("{fetch} BTC {days} trades,deliveries,dvol --rebuild 1h"),
            ),
            (
                "chains",
                "tardis",
                "BTC",
                None,
                "thetaq import PATH".to_owned(),
            ),
        ] {
            assert_eq!(fill(kind, source, underlying, resolution), expect);
        }
    }

    #[test]
    fn what_the_exchange_does_not_have_is_not_offered() {
        let place = Place::of("delivery_prices", "btc_usd");
        let held = |text: &str| (day(text), 1);
        let source = Source {
            days: [held("2026-01-02"), held("2026-01-05"), held("2026-01-07")].into(),
            quotes: 0,
        };
        let sources = BTreeMap::from([(place, source)]);
        // 2026-01-03 to 2026-01-04 were fetched whole; 2026-01-06 only in part.
        let third_ms = 1_767_398_400_000;
        let known = vec![
            (third_ms, third_ms + 2 * DAY_MS),
            (third_ms + 3 * DAY_MS, third_ms + 4 * DAY_MS - 1),
        ];
        let fetched = BTreeMap::from([(("delivery_prices".to_owned(), Coin::Btc), known)]);
        let found = gaps(&sources, &fetched);
        let shown: Vec<_> = found
            .iter()
            .map(|gap| (gap.days, gap.fill.is_some()))
            .collect();
        assert_eq!(shown, [(2, false), (1, true)]);
    }

    #[test]
    fn chains_without_the_history_beside_them_are_missing_it() {
        let chains = Source {
            days: [(day("2026-01-02"), 4), (day("2026-01-09"), 4)].into(),
            quotes: 9,
        };
        let prices = Source {
            days: [(day("2026-01-05"), 1), (day("2026-01-06"), 1)].into(),
            quotes: 0,
        };
        let chain = Place {
            source: "recorded".to_owned(),
            ..Place::of("chains", "BTC")
        };
        let sources = BTreeMap::from([
            (chain, chains),
            (Place::of("delivery_prices", "btc_usd"), prices),
        ]);
        let found = gaps(&sources, &Fetched::new());
        let shown: Vec<String> = found
            .iter()
            .map(|gap| format!("{} {} {}", gap.place.kind, gap.from, gap.to))
            .collect();
        assert_eq!(
            shown,
            [
                "chains 2026-01-03 2026-01-08",
                "delivery_prices 2026-01-02 2026-01-04",
                "delivery_prices 2026-01-07 2026-01-09",
                "volatility_index 2026-01-02 2026-01-09",
            ]
        );
    }
    #[test]
    fn what_one_source_of_a_series_lacks_another_may_have() {
        let held = |days: &[&str]| Source {
            days: days.iter().map(|text| (day(text), 1)).collect(),
            quotes: 0,
        };
        let of = |kind: &str, source: &str| Place {
            source: source.to_owned(),
            ..Place::of(kind, "BTC")
        };
        let files = held(&["2026-01-02", "2026-01-05", "2026-01-09"]);
        let asked = held(&["2026-01-03", "2026-01-04", "2026-01-06"]);
        let sources = BTreeMap::from([
            (of("volatility_index", "recorded"), files),
            (of("volatility_index", "deribit"), asked),
            (
                of("chains", "recorded"),
                held(&["2026-01-01", "2026-01-10"]),
            ),
        ]);
        let told: Vec<String> = gaps(&sources, &Fetched::new())
            .iter()
            .filter(|gap| gap.place.kind == "volatility_index")
            .map(|gap| format!("{} {} {}", gap.place.source, gap.from, gap.to))
            .collect();
        assert_eq!(
            told,
            [
                "deribit 2026-01-07 2026-01-08",
                "recorded 2026-01-01 2026-01-01",
                "recorded 2026-01-10 2026-01-10",
            ]
        );
    }
}
