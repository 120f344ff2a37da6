//! Plans by themselves: a function of the seed, each kind where it can strike, counted.

use super::*;

const NOON_MS: i64 = 12 * 3_600_000;

fn struck(plan: &FaultPlan, call: CallKind, at_ms: i64) -> Vec<FaultKind> {
    let faults = (0..20_000).filter_map(|number| plan.decide(number, call, at_ms));
    let mut kinds: Vec<FaultKind> = faults.map(|fault| fault.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

#[test]
fn a_plan_is_a_function_of_its_seed() {
    let decisions = |seed: &str| {
        let plan = FaultPlan::from_seed(seed);
        let all = (0..500).map(|number| plan.decide(number, CallKind::Place, NOON_MS));
        all.collect::<Vec<_>>()
    };
    assert_eq!(decisions("7"), decisions("7"));
    assert_ne!(decisions("7"), decisions("8"));
}

#[test]
fn each_kind_strikes_the_calls_it_can_strike_and_no_others() {
    for kind in FaultKind::ALL {
        let plan = FaultPlan::calm().with(kind, 0.2).seeded("each");
        for call in [
            CallKind::Read,
            CallKind::Quotes,
            CallKind::Place,
            CallKind::Change,
        ] {
            let at_ms = if kind == FaultKind::Settlement {
                EXPIRY_HOUR_MS
            } else {
                NOON_MS
            };
            let expect = if kind.strikes(call) {
                vec![kind]
            } else {
                vec![]
            };
            assert_eq!(struck(&plan, call, at_ms), expect, "{kind:?} {call:?}");
        }
    }
}

#[test]
fn the_settlement_lasts_its_seconds() {
    let plan = FaultPlan::calm().with(FaultKind::Settlement, 1.0);
    let code = |at_ms| {
        plan.decide(1, CallKind::Change, at_ms)
            .map(|fault| fault.kind)
    };
    assert_eq!(code(EXPIRY_HOUR_MS - 1), None);
    assert_eq!(code(EXPIRY_HOUR_MS), Some(FaultKind::Settlement));
    assert_eq!(
        code(EXPIRY_HOUR_MS + SETTLEMENT_MS - 1),
        Some(FaultKind::Settlement)
    );
    assert_eq!(code(EXPIRY_HOUR_MS + SETTLEMENT_MS), None);
    assert_eq!(plan.decide(1, CallKind::Read, EXPIRY_HOUR_MS), None);
}

#[test]
fn seeds_differ_in_their_mix_and_leave_room_to_work() {
    let plans: Vec<FaultPlan> = (0..200)
        .map(|seed| FaultPlan::from_seed(&seed.to_string()))
        .collect();
    for kind in FaultKind::ALL {
        let on = plans.iter().filter(|plan| plan.weight(kind) > 0.0).count();
        assert!((60..140).contains(&on), "{kind:?} is on in {on} of 200");
    }
    for plan in &plans {
        let faults = (0..2_000).filter_map(|number| plan.decide(number, CallKind::Place, NOON_MS));
        assert!(faults.count() < 700);
    }
}

#[test]
fn particulars_stay_in_their_ranges() {
    let mut plan = FaultPlan::calm();
    for kind in FaultKind::ALL {
        plan = plan.with(kind, 0.05);
    }
    for number in 0..5_000 {
        let Some(fault) = plan.decide(number, CallKind::Quotes, NOON_MS) else {
            continue;
        };
        assert!(fault.share > 0.0 && fault.share < 1.0);
        match fault.kind {
            FaultKind::AnswerLate => assert!((1..=LATE_MAX_MS).contains(&fault.by_ms)),
            FaultKind::StaleQuotes => assert!((1..=STALE_MAX_MS).contains(&fault.by_ms)),
            FaultKind::ClockSkew => assert!(fault.by_ms.abs() <= SKEW_MAX_MS),
            _ => assert_eq!(fault.by_ms, 0),
        }
    }
}

#[test]
fn what_was_injected_is_counted() {
    let faults = Faults::new(FaultPlan::calm().with(FaultKind::Retry, 1.0));
    for _ in 0..3 {
        assert!(faults.next(CallKind::Read, NOON_MS).is_some());
    }
    faults.stop();
    assert_eq!(faults.next(CallKind::Read, NOON_MS), None);
    assert_eq!(faults.calls(), 4);
    let retries = faults
        .injected()
        .into_iter()
        .find(|(kind, _)| *kind == FaultKind::Retry);
    assert_eq!(retries, Some((FaultKind::Retry, 3)));
}
