//! What is proposed when, scores by hand, and probabilities that add up.

use super::*;
use crate::domain::coin::Coin;
use crate::domain::fixture::{self, decimal, named, short, working};
use crate::domain::settings::Mode;
use proptest::prelude::*;
use std::sync::Arc;

fn production() -> Settings {
    Settings {
        ivrv_min: 1.0,
        ..Settings::of(Mode::Production)
    }
}

fn random(part: &str) -> Random {
    Random::from_parts(&["test", part])
}

fn decide_btc(context: &Context) -> Decision {
    decide(context, &production(), || random("1"))
}

#[test]
fn an_empty_book_opens_the_best_candidate() {
    let decision = decide_btc(&fixture::context(Coin::Btc));
    let Action::OpenCoveredCall { instrument, size } = decision.proposed else {
        panic!("{}", decision.reason);
    };
    assert_eq!(size, decimal("0.1"));
    let chosen: Vec<_> = decision
        .candidates
        .iter()
        .filter(|call| call.chosen)
        .collect();
    assert_eq!(chosen.len(), 1);
    assert_eq!(
        (chosen[0].instrument, chosen[0].rank),
        (instrument, Some(1))
    );
    assert_eq!((decision.propensity, decision.explored), (1.0, false));
    let best = decision
        .candidates
        .iter()
        .filter_map(|call| call.score)
        .fold(f64::MIN, f64::max);
    assert_eq!(chosen[0].score, Some(best));
    let sum: f64 = ["yield", "delta", "dte", "ivrv"]
        .iter()
        .map(|term| chosen[0].terms[*term])
        .sum();
    assert_eq!(chosen[0].score, Some(sum), "the stored terms are the score");
}

#[test]
fn a_call_that_is_not_due_is_held() {
    let mut context = fixture::context(Coin::Btc);
    context.positions = vec![short("BTC-30JAN26-97200-C", "0.1")];
    let decision = decide_btc(&context);
    assert_eq!(decision.proposed, Action::DoNothing);
    assert_eq!(decision.propensity, 1.0);
    assert!(
        decision
            .candidates
            .iter()
            .all(|call| !call.chosen && call.propensity == 0.0)
    );
    assert!(
        decision.candidates.iter().any(|call| call.rank == Some(1)),
        "still ranked"
    );
}

#[test]
fn a_due_call_is_rolled_or_closed() {
    let mut context = fixture::context(Coin::Btc);
    context.positions = vec![short("BTC-21JAN26-89000-C", "0.3")];
    let from = named("BTC-21JAN26-89000-C");
    let decision = decide_btc(&context);
    let Action::RollCoveredCall {
        from: old,
        to,
        size,
    } = decision.proposed
    else {
        panic!("{}", decision.reason);
    };
    assert_eq!((old, size), (from, decimal("0.3")));
    assert!(
        to != from && decision.reason.contains("in the money"),
        "{}",
        decision.reason
    );
    Arc::make_mut(&mut context.chain).quotes.clear();
    let decision = decide_btc(&context);
    let size = decimal("0.3");
    assert_eq!(
        decision.proposed,
        Action::CloseCoveredCall {
            instrument: from,
            size
        }
    );
}

#[test]
fn a_working_order_is_neither_doubled_nor_rolled_over() {
    let mut context = fixture::context(Coin::Btc);
    context.working = vec![working("BTC-30JAN26-97200-C", Side::Sell, "0.1")];
    assert_eq!(decide_btc(&context).proposed, Action::DoNothing);
    context.positions = vec![short("BTC-21JAN26-89000-C", "0.1")];
    context.working = vec![working("BTC-21JAN26-89000-C", Side::Buy, "0.1")];
    assert_eq!(decide_btc(&context).proposed, Action::DoNothing);
}

#[test]
fn a_paused_desk_manages_and_opens_nothing() {
    let settings = Settings {
        paused: true,
        ..production()
    };
    let mut context = fixture::context(Coin::Btc);
    let idle = decide(&context, &settings, || random("1"));
    assert_eq!(idle.proposed, Action::DoNothing);
    assert!(idle.reason.contains("paused"), "{}", idle.reason);
    context.positions = vec![short("BTC-21JAN26-89000-C", "0.1")];
    let managed = decide(&context, &settings, || random("1"));
    assert_eq!(managed.proposed.name(), "ROLL_COVERED_CALL");
}

#[test]
fn several_calls_are_never_two_of_one_contract() {
    let settings = Settings {
        max_calls_per_underlying: 3,
        explore_prob: 0.0,
        ..Settings::of(Mode::Research)
    };
    let mut context = fixture::context(Coin::Btc);
    let first = decide(&context, &settings, || random("1"));
    let held = first.proposed.instrument().expect("opens");
    context.positions = vec![short(&held.name(), "0.1")];
    let second = decide(&context, &settings, || random("1"));
    assert_ne!(second.proposed.instrument().expect("opens another"), held);
}

/// Mistake 16 of the earlier system: steps without candidates gave no row.
#[test]
fn mistake_16_a_step_without_candidates_is_a_decision() {
    let mut context = fixture::context(Coin::Eth);
    for quote in &mut Arc::make_mut(&mut context.chain).quotes {
        quote.open_interest = Some(1.0);
    }
    let decision = decide_btc(&context);
    assert_eq!(decision.proposed, Action::DoNothing);
    assert_eq!(decision.candidates.len(), 93);
    assert!(
        decision.reason.contains("none of 93 calls"),
        "{}",
        decision.reason
    );
    Arc::make_mut(&mut context.chain).quotes.clear();
    let decision = decide_btc(&context);
    assert!(decision.reason.contains("no calls"), "{}", decision.reason);
}

#[test]
fn an_unknown_policy_does_nothing_and_says_so() {
    let settings = Settings {
        policy: "rules_v9".to_owned(),
        ..production()
    };
    let decision = decide(&fixture::context(Coin::Btc), &settings, || random("1"));
    assert_eq!(decision.proposed, Action::DoNothing);
    assert!(decision.reason.contains("rules_v9") && decision.reason.contains("use rules_v1"));
}

fn scored(delta: f64, dte: f64, premium_usd: f64, yield_net: f64, ivrv: f64) -> Candidate {
    let mut all = candidates(&fixture::context(Coin::Btc), &production());
    Candidate {
        dte,
        delta: Some(delta),
        premium_usd: Some(premium_usd),
        yield_net: Some(yield_net),
        ivrv: Some(ivrv),
        ..all.remove(0)
    }
}

#[test]
fn rules_v1_is_the_formula_as_it_was() {
    let settings = Settings::of(Mode::Research);
    let call = scored(0.35, 5.5, 400.0, 0.3, 1.2);
    let total: f64 = rules_v1::terms(&call, &settings)
        .iter()
        .map(|(_, value)| value)
        .sum();
    // ln 401 - 5 x 0.01 - 2 x 0.25 + 0.2
    assert!(
        (total - (5.993_961_427_306_57 - 0.05 - 0.5 + 0.2)).abs() < 1e-9,
        "{total}"
    );
}

/// The weakness that `rules_v1` shows and `rules_v2` does not have.
#[test]
fn v1_drifts_to_the_top_of_the_delta_band_and_v2_stays_near_its_middle() {
    let chosen_delta = |policy: &str| {
        let settings = Settings {
            policy: policy.to_owned(),
            explore_prob: 0.0,
            ..Settings::of(Mode::Research)
        };
        let decision = decide(&fixture::context(Coin::Btc), &settings, || random("1"));
        let chosen = decision.candidates.into_iter().find(|call| call.chosen);
        chosen.and_then(|call| call.delta).expect("one is chosen")
    };
    assert!(
        chosen_delta("rules_v1") > 0.31,
        "{}",
        chosen_delta("rules_v1")
    );
    let v2 = chosen_delta("rules_v2");
    assert!((0.20..0.32).contains(&v2), "{v2}");
}

#[test]
fn the_terms_of_v2_have_one_size() {
    let settings = Settings {
        weight_dte: 1.0,
        ..Settings::of(Mode::Research)
    };
    let check = |call: &Candidate, expect: [f64; 4]| {
        for ((name, value), expect) in rules_v2::terms(call, &settings).into_iter().zip(expect) {
            assert!(
                (value - expect).abs() < 1e-9,
                "{name} {value} is not {expect}"
            );
        }
    };
    check(&scored(0.25, 11.0, 1.0, 0.5, 1.25), [0.5, 0.0, 0.0, 0.5]);
    check(&scored(0.40, 21.0, 1.0, 1e9, 9.0), [1.0, -1.0, -1.0, 1.0]);
    check(&scored(0.10, 1.0, 1.0, 0.0, 1.0), [0.0, -1.0, -1.0, 0.0]);
}

#[test]
fn production_never_explores() {
    let settings = Settings {
        explore_prob: 1.0,
        ..production()
    };
    for seed in 0..50 {
        let context = fixture::context(Coin::Btc);
        let decision = decide(&context, &settings, || random(&seed.to_string()));
        assert!(!decision.explored && decision.propensity == 1.0);
    }
}

#[test]
fn exploration_draws_with_the_probabilities_it_stores() {
    let settings = Settings {
        explore_prob: 0.3,
        ..Settings::of(Mode::Research)
    };
    let mut counts = [0_usize; 4];
    for seed in 0..4_000 {
        let mut all = vec![scored(0.25, 11.0, 1.0, 0.5, 1.2); 5];
        let ranked = [4, 2, 0, 1, 3];
        let draw = explore::draw(&mut all, &ranked, &settings, || random(&seed.to_string()));
        let draw = draw.expect("there are candidates");
        let place = ranked
            .iter()
            .position(|at| *at == draw.index)
            .expect("ranked");
        assert!((draw.propensity - [0.8, 0.1, 0.1, 0.0][place]).abs() < 1e-12);
        assert_eq!(draw.explored, place > 0);
        counts[place] += 1;
    }
    assert!(
        counts[0].abs_diff(3_200) < 120 && counts[1].abs_diff(400) < 80,
        "{counts:?}"
    );
    assert!(counts[2].abs_diff(400) < 80 && counts[3] == 0, "{counts:?}");
}

proptest! {
    #[test]
    fn propensities_sum_to_1(
        epsilon in 0.0..=1.0_f64,
        top_k in 0_usize..12,
        count in 1_usize..10,
        seed in any::<u32>(),
    ) {
        let settings = Settings {
            explore_prob: epsilon,
            explore_top_k: top_k,
            ..Settings::of(Mode::Research)
        };
        let mut all = vec![scored(0.25, 11.0, 1.0, 0.5, 1.2); count];
        let ranked: Vec<usize> = (0..count).rev().collect();
        let draw = explore::draw(&mut all, &ranked, &settings, || random(&seed.to_string()));
        let draw = draw.expect("there are candidates");
        let sum: f64 = all.iter().map(|call| call.propensity).sum();
        prop_assert!((sum - 1.0).abs() < 1e-12);
        prop_assert!(draw.propensity > 0.0);
        prop_assert_eq!(all[draw.index].propensity, draw.propensity);
        prop_assert_eq!(all.iter().filter(|call| call.chosen).count(), 1);
    }
}
