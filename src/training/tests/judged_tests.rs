//! Estimates against what the policy earned when it was run.

use super::{market, plan, walk};
use crate::backtest::Data;
use crate::clock::Random;
use crate::domain::coin::Coin;
use crate::domain::settings::{ExitStyle, Mode, Settings};
use crate::policy::profiles::Profile;
use crate::statistics::bootstrap::Bootstrap;
use crate::training::off_policy::{Episode, Step, Steps, Target, estimates};
use crate::training::{Plan, Row};
use std::collections::BTreeMap;

/// One profile that rolls early, so that episodes hold several draws.
fn exploring() -> Plan {
    let mut plan = plan(ExitStyle::TpAndRoll, 1);
    let profile = Profile {
        target_delta: 0.30,
        delta_min: 0.15,
        delta_max: 0.45,
        dte_min: 2.0,
        dte_max: 6.0,
    };
    plan.profiles = vec![("wide".to_owned(), profile)];
    (plan.train_share, plan.validation_share) = (1.0, 0.0);
    (plan.setup.explore_prob, plan.setup.explore_top_k) = (0.6, 3);
    (plan.setup.take_profit, plan.setup.rolls_max) = (0.5, 1);
    plan.setup.roll_dte_min = 0.5;
    plan
}

/// The steps of the first episode of a walk: every policy begins it in the same state.
fn first(data: &Data, plan: &Plan) -> Vec<Step> {
    let rows = walk(data, plan);
    let own = rows.iter().take_while(|row| row.episode == rows[0].episode);
    own.map(step).collect()
}

fn step(row: &Row) -> Step {
    let followed = row.followed.as_ref().unwrap();
    Step {
        episode: row.episode.clone(),
        observation: serde_json::from_str(&row.observation).unwrap(),
        index_price: row.index_price,
        reward: followed.rewards.coin,
        discount: followed.discount,
        ends: row.terminated || row.truncated,
        offers: row.offers.clone(),
    }
}

fn episode(steps: &[Step], target: &Target) -> Episode {
    let mut folded = Steps::new(target);
    for step in steps {
        folded.push(step);
    }
    folded.finish().remove(0)
}

const PLAN: Bootstrap = Bootstrap {
    mean_block: 1.0,
    resamples: 400,
    level: 0.95,
};

#[test]
fn the_truth_lies_in_the_intervals_over_200_seeds() {
    let markets: Vec<Data> = (0..4)
        .map(|n| market(&format!("judged-{n}"), Coin::Btc, 11))
        .collect();
    let mut plan = exploring();
    let mut logged: Vec<Vec<Step>> = Vec::new();
    for seed in 0..200 {
        plan.setup.seed = seed.to_string();
        logged.extend(markets.iter().map(|data| first(data, &plan)));
    }
    let mut greedy = plan.clone();
    greedy.setup.explore_prob = 0.0;
    let mut uniform = plan.clone();
    (uniform.setup.explore_prob, uniform.setup.explore_top_k) = (1.0, 100);
    let best = markets.iter().map(|data| {
        let steps = first(data, &greedy);
        episode(&steps, &Target::Logged).earned()
    });
    let truth = best.sum::<f64>() / markets.len() as f64;
    let of = |target: &Target| {
        let episodes: Vec<Episode> = logged.iter().map(|steps| episode(steps, target)).collect();
        estimates(&episodes, &PLAN, &mut Random::from_parts(&["judged"])).unwrap()
    };
    let found = of(&Target::Greedy);
    let draws = found.draws as f64 / found.episodes as f64;
    assert!(draws > 1.1, "several draws an episode: {draws}");
    for (name, estimate) in [("ips", found.ips), ("snips", found.snips), ("dr", found.dr)] {
        let one = estimate.unwrap();
        let inside = one.low <= truth && truth <= one.high;
        assert!(inside, "{name}: {truth} is not in {one:?}");
    }
    // What was earned by exploring is another number: the weights are what brings the estimates to the truth.
    let logged = found.logged.unwrap();
    let snips = found.snips.unwrap();
    assert!(
        logged < snips.low || logged > snips.high,
        "{logged} {found:?}"
    );
    assert_eq!(found.overlap_warning, None);
    let same = of(&Target::Logged);
    assert_eq!(same.ips.unwrap().value, same.logged.unwrap());
    assert_eq!(same.effective_sample_size, same.episodes as f64);
    let outside = of(&Target::Uniform);
    assert!(outside.uncovered > 0.1, "{}", outside.uncovered);
    let warning = outside.overlap_warning.unwrap();
    assert!(warning.contains("were never logged"), "{warning}");
}

#[test]
fn a_policy_that_cannot_be_judged_is_refused_with_those_that_can() {
    let settings = Settings::of(Mode::Research);
    let of = |name| Target::named(name, &settings, &BTreeMap::new());
    for name in [
        "logged", "greedy", "uniform", "rules_v1", "rules_v2", "moderate",
    ] {
        assert!(of(name).is_ok(), "{name}");
    }
    let error = of("llm").unwrap_err().to_string();
    assert!(
        error.contains("`llm`") && error.contains("conservative"),
        "{error}"
    );
}
