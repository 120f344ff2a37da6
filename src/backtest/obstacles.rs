//! Why a run sold nothing, and why risk refused what it wanted: the most frequent reasons with their settings.

use super::data::{Data, Snapshot};
use super::outcome::{Outcome, Taken};
use super::setup::{Policy, Setup};
use crate::domain::action::Action;
use crate::domain::context::Context;
use crate::domain::decision::{Candidate, Filter};
use crate::domain::portfolio::Portfolio;
use crate::domain::settings::{FillModel, Settings};
use crate::fills;
use crate::market::candidates::candidates;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What stopped some of the decisions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obstacle {
    /// The filter, `score_min`, `fill`, or the check of risk.
    pub what: String,
    pub decisions: u64,
    /// A sentence for people, with the setting that would admit.
    pub text: String,
}

/// Reasons that are kept.
const MOST: usize = 5;

impl Outcome {
    /// The outcome with what stood in its way, the most frequent reason first. Sweeps go without: a run that
    /// sold nothing looks at every call again.
    #[must_use]
    pub fn with_obstacles(mut self, data: &Data) -> Self {
        let mut found = refusals(&self.taken);
        if self.chains.is_empty() && self.setup.policy != Policy::Never {
            found.extend(unfilled(&self));
            found.extend(filters(&self, data));
        }
        found.sort_by_key(|obstacle| std::cmp::Reverse(obstacle.decisions));
        found.truncate(MOST);
        self.metrics.obstacles = found;
        self
    }
}

/// By the first check that refused; the reason of the first such decision stands for all.
fn refusals(taken: &[Taken]) -> Vec<Obstacle> {
    let mut counts: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
    for refusal in taken.iter().filter_map(|one| one.refusal.as_deref()) {
        let first = refusal.split("; ").next().unwrap_or(refusal);
        let check = first.split(':').next().unwrap_or(first);
        counts.entry(check).or_insert((0, first)).0 += 1;
    }
    let obstacle = |(check, (decisions, example)): (&str, (u64, &str))| {
        let name = check.rsplit(' ').next().unwrap_or(check);
        let next = check_setting(name).map_or_else(String::new, |key| {
            format!("; `--set {key}=...` moves that limit")
        });
        Obstacle {
            what: name.to_owned(),
            decisions,
            text: format!(
                "{decisions} decisions were refused by risk, the first by {example}{next}"
            ),
        }
    };
    counts.into_iter().map(obstacle).collect()
}

/// The setting that a check compares with.
fn check_setting(check: &str) -> Option<&'static str> {
    Some(match check {
        "cover" => "initial_coin",
        "complete" => "order_size",
        "expiry_exposure" => "max_expiry_exposure",
        "margin_used" => "max_margin_used_pct",
        "net_delta" => "max_net_delta_abs",
        "daily_drawdown" => "daily_drawdown_limit",
        "spread" => "spread_max",
        "open_interest" => "open_interest_min",
        _ => return None,
    })
}

fn unfilled(run: &Outcome) -> Option<Obstacle> {
    let decisions = run.metrics.unfilled;
    let why = match run.setup.fill_model {
        FillModel::BidAskSize => {
            "fill_model=bid_ask_size fills no more than the size shown, and nothing where none is known; \
             `--set fill_model=bid_ask` takes any size"
        }
        _ => "nothing was quoted on the side they needed",
    };
    (decisions > 0).then(|| Obstacle {
        what: "fill".to_owned(),
        decisions,
        text: format!("{decisions} approved orders found no fill: {why}"),
    })
}

/// How often a filter was the one that the nearest call of a decision failed, and the value that admits at
/// least one of them.
#[derive(Debug, Default)]
struct Stopped {
    decisions: u64,
    /// (distance, value) of the one that missed by least.
    least: Option<(f64, f64)>,
}

/// By the filter that the call which came furthest failed at each decision that proposed nothing.
fn filters(run: &Outcome, data: &Data) -> Vec<Obstacle> {
    let settings = run.setup.settings();
    let (mut stopped, mut passed) = (BTreeMap::<Filter, Stopped>::new(), 0);
    let idle = run
        .taken
        .iter()
        .filter(|one| one.proposed == Action::DoNothing);
    for one in idle {
        let [snapshot] = data.between(one.at_ms, one.at_ms) else {
            continue;
        };
        match nearest(snapshot, &run.setup, &settings) {
            Some(call) if passes(&call, run.setup.policy) => passed += 1,
            Some(call) => count(&mut stopped, &call),
            None => {}
        }
    }
    let of = run.taken.len();
    let texts = stopped.into_iter().map(|(filter, stopped)| Obstacle {
        what: filter.as_str().to_owned(),
        decisions: stopped.decisions,
        text: text(filter, &stopped, of),
    });
    texts.chain(unscored(run, passed)).collect()
}

fn count(stopped: &mut BTreeMap<Filter, Stopped>, call: &Candidate) {
    let Some(failed) = &call.failed else {
        return;
    };
    let own = stopped.entry(failed.filter).or_default();
    own.decisions += 1;
    if let Some((by, at)) = failed.by.zip(failed.admit_at)
        && own.least.is_none_or(|(least, _)| by < least)
    {
        own.least = Some((by, at));
    }
}

/// The call that got through most filters, and of those the one that missed by least.
fn nearest(snapshot: &Snapshot, setup: &Setup, settings: &Settings) -> Option<Candidate> {
    let chain = &snapshot.chain;
    let mut portfolio = Portfolio::default();
    portfolio.deposit(chain.coin.as_str(), setup.coin());
    let account = fills::account(&portfolio, chain.coin, chain);
    let context = Context {
        coin: chain.coin,
        as_of_ms: chain.at_ms,
        index_price: chain.index_price,
        account,
        positions: Vec::new(),
        working: Vec::new(),
        features: snapshot.features.clone(),
        day_peak_equity: None,
        orders_last_minute: 0,
        chain: Arc::clone(chain),
    };
    let place = |call: &Candidate| {
        let failed = call.failed.as_ref();
        let by = failed.and_then(|failed| failed.by).unwrap_or(f64::MAX);
        (failed.is_none(), failed.map(|failed| failed.filter), by)
    };
    candidates(&context, settings).into_iter().max_by(|a, b| {
        let (a, b) = (place(a), place(b));
        (a.0, a.1).cmp(&(b.0, b.1)).then(b.2.total_cmp(&a.2))
    })
}

/// A fixed overwrite asks neither for volatility nor for a premium.
fn passes(call: &Candidate, policy: Policy) -> bool {
    let failed = call.failed.as_ref();
    failed.is_none_or(|failed| policy == Policy::Always && failed.filter >= Filter::MarkIv)
}

fn text(filter: Filter, stopped: &Stopped, of: usize) -> String {
    let (count, name) = (stopped.decisions, filter.as_str());
    let next = match (filter_setting(filter), stopped.least) {
        (Some((key, _)), None) => {
            let unknown = "it is not known for any call";
            let off = if key == "open_interest_min" {
                ", as in rebuilt chains; `--set open_interest_min=0` admits them"
            } else {
                ""
            };
            format!("{unknown}{off}")
        }
        (Some((key, least)), Some((_, at))) => {
            format!(
                "`--set {key}={}` would have admitted one",
                admitting(at, least)
            )
        }
        (None, _) => "no setting admits such calls".to_owned(),
    };
    format!("{count} of {of} decisions found no call to sell; the nearest failed {name}: {next}")
}

/// (key, whether it is the least that is admitted)
fn filter_setting(filter: Filter) -> Option<(&'static str, bool)> {
    Some(match filter {
        Filter::DteMin => ("dte_min", true),
        Filter::DteMax => ("dte_max", false),
        Filter::DeltaMin => ("delta_min", true),
        Filter::DeltaMax => ("delta_max", false),
        Filter::Spread => ("spread_max", false),
        Filter::OpenInterest => ("open_interest_min", true),
        Filter::Ivrv => ("ivrv_min", true),
        Filter::PremiumMin => ("premium_min_usd", true),
        Filter::YieldMin => ("yield_min", true),
        _ => return None,
    })
}

/// Four digits, rounded to the side that admits.
fn admitting(value: f64, least: bool) -> f64 {
    let digits = value * 1e4;
    (if least { digits.floor() } else { digits.ceil() }) / 1e4
}

/// Calls passed every filter and the policy still wanted none.
fn unscored(run: &Outcome, passed: u64) -> Option<Obstacle> {
    let (setup, of) = (&run.setup, run.taken.len());
    let (what, why) = match setup.policy {
        Policy::Simulator => (
            "score_min",
            format!(
                "scored below score_min = {}; a lower `--set score_min=...` admits them",
                setup.score_min
            ),
        ),
        Policy::Llm => {
            let tally = run.metrics.answers.clone().unwrap_or_default();
            ("policy", tally.why_nothing())
        }
        other => ("policy", format!("{} wanted none of them", other.as_str())),
    };
    (passed > 0).then(|| Obstacle {
        what: what.to_owned(),
        decisions: passed,
        text: format!("{passed} of {of} decisions had calls that passed every filter, and {why}"),
    })
}

#[cfg(test)]
mod tests {
    use crate::backtest::{Data, Obstacle, Setup, run, synthetic};
    use crate::domain::coin::Coin;
    use crate::domain::instrument::DAY_MS;
    use rust_decimal::Decimal;

    fn market() -> Data {
        let from_ms = 1_767_603_600_000;
        let to_ms = from_ms + 29 * DAY_MS;
        synthetic("obstacles", Coin::Btc, from_ms, to_ms, DAY_MS)
    }

    fn obstacles(setup: &Setup) -> Vec<Obstacle> {
        let data = market();
        let outcome = run(&data, setup).expect("a run").with_obstacles(&data);
        outcome.metrics.obstacles
    }

    /// Everything in reach: each test below puts one thing out of it.
    fn open() -> Setup {
        Setup {
            ivrv_min: 0.0,
            score_min: 0.0,
            ..Setup::default()
        }
    }

    #[test]
    fn a_run_that_sells_has_nothing_to_explain() {
        assert_eq!(obstacles(&open()), []);
    }

    #[test]
    fn the_filter_that_stopped_all_is_named_with_the_value_that_admits_one() {
        let setup = Setup {
            ivrv_min: 50.0,
            ..open()
        };
        let found = obstacles(&setup);
        assert_eq!((found[0].what.as_str(), found[0].decisions), ("ivrv", 30));
        let named = found[0].text.split("`--set ivrv_min=").nth(1);
        let value = named.and_then(|rest| rest.split('`').next());
        let ivrv_min = value.and_then(|value| value.parse().ok()).expect("a value");
        let data = market();
        let admitted = Setup { ivrv_min, ..setup };
        let sold = run(&data, &admitted).expect("a run").metrics.chains;
        assert!(sold > 0, "{}", found[0].text);
    }

    #[test]
    fn the_check_that_refused_is_named_with_its_setting() {
        let found = obstacles(&Setup {
            initial_coin: Decimal::new(5, 2),
            ..open()
        });
        assert_eq!(found[0].what, "cover", "{found:?}");
        assert!(found[0].text.contains("--set initial_coin"), "{found:?}");
    }

    #[test]
    fn a_score_out_of_reach_is_named() {
        let found = obstacles(&Setup {
            score_min: 10.0,
            ..open()
        });
        assert!(found.iter().any(|one| one.what == "score_min"), "{found:?}");
    }
}
