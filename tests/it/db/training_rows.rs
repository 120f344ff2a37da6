//! Training datasets and everything below them, written and read on both engines.

use super::{Pair, START_MS};
use std::collections::BTreeMap;
use thetaq::backtest::{Data, Setup, synthetic};
use thetaq::db::training::{self, ActionCell, CallCell, Counts, DatasetRow, NewDataset, Progress};
use thetaq::domain::coin::Coin;
use thetaq::policy::profiles::standard;
use thetaq::training::{Plan, Row, Splits, Walk, WalkState};

const DAY_MS: i64 = 86_400_000;

#[tokio::test(flavor = "multi_thread")]
async fn datasets_and_estimates_read_the_same() {
    let pair = Pair::traded().await;
    let datasets = pair
        .same(async |db| Ok(training::list(db, 10).await?))
        .await;
    let [dataset] = &datasets[..] else {
        panic!("{datasets:?}")
    };
    assert_eq!((dataset.state.as_str(), dataset.rows), ("done", 102));
    let of_job = pair
        .same(async |db| Ok(training::of_job(db, &dataset.job).await?))
        .await;
    assert_eq!(of_job.as_ref(), Some(dataset));
    let plan = pair
        .same(async |db| Ok(training::plan(db, &dataset.id).await?))
        .await
        .unwrap();
    assert_eq!(plan.names(), ["conservative", "moderate", "aggressive"]);
    let prints = pair
        .same(async |db| Ok(training::fingerprints(db, &dataset.id).await?))
        .await
        .unwrap();
    assert_eq!(prints.len(), 2);
    let rows = pair
        .same(async |db| Ok(training::page(db, &dataset.id, 100, 10).await?))
        .await;
    assert_eq!(rows.len(), 2);
    let calls = pair
        .same(async |db| Ok(training::candidates(db, &dataset.id, 0, 1_000).await?))
        .await;
    assert!(calls.len() as i64 == dataset.candidates && !calls.is_empty());
    let counts = pair
        .same(async |db| Ok(training::counts(db, &dataset.id).await?))
        .await
        .unwrap();
    assert_eq!(counts.profile.values().sum::<i64>(), 102);
    where_it_is_thin(&pair, dataset, &counts.action).await;
    let judged = pair
        .same(async |db| Ok(training::evaluations(db, None, 10).await?))
        .await;
    assert_eq!((judged.len(), judged[0].policy.as_str()), (1, "greedy"));
    let again = judged[0].clone();
    pair.change(async |tx| Ok(training::insert_evaluation(tx, &again).await?))
        .await;
    let kept = pair
        .same(async |db| Ok(training::evaluations(db, Some(&dataset.id), 10).await?))
        .await;
    assert_eq!(kept, judged, "a job has one estimate");
    assert!(
        pair.change(async |tx| Ok(training::delete(tx, &dataset.id).await?))
            .await
    );
    let left = pair
        .same(async |db| Ok(training::page(db, &dataset.id, 0, 10).await?))
        .await;
    assert_eq!(left, [], "the rows below go with it");
}

/// Groups of rows add up to the dataset's own counts; sums of floats depend on their order in the last digits.
async fn where_it_is_thin(pair: &Pair, dataset: &DatasetRow, by_action: &Counts) {
    let round = |sum: Option<f64>| sum.map(|sum| format!("{sum:.9e}"));
    let actions = pair
        .same(async |db| {
            let cells = training::by_action(db, &dataset.id).await?.into_iter();
            let cell = |cell: ActionCell| {
                let sums = [
                    cell.reward_coin,
                    cell.reward_usd,
                    cell.reward_versus_holding,
                ];
                (
                    cell.action,
                    cell.regime,
                    cell.rows,
                    cell.rewarded,
                    sums.map(round),
                )
            };
            Ok(cells.map(cell).collect::<Vec<_>>())
        })
        .await;
    for (action, rows) in by_action {
        let own = actions.iter().filter(|cell| cell.0 == *action);
        assert_eq!(own.map(|cell| cell.2).sum::<i64>(), *rows, "{action}");
    }
    let kept = pair
        .same(async |db| Ok(training::cells(db, &dataset.id).await?))
        .await;
    let shown: Vec<_> = kept
        .actions
        .iter()
        .map(|cell| {
            (
                cell.action.clone(),
                cell.regime.clone(),
                cell.rows,
                cell.rewarded,
            )
        })
        .collect();
    for cell in &actions {
        let own = (cell.0.clone(), cell.1.clone(), cell.2, cell.3);
        assert!(shown.contains(&own), "{own:?} of {shown:?}");
    }
    assert_eq!(
        (kept.actions.len(), kept.rows()),
        (actions.len(), dataset.rows)
    );
    let calls = pair
        .same(async |db| {
            let counted = training::by_call(db, &dataset.id).await?;
            let rows = |cells: &[CallCell]| {
                let mut rows: Vec<_> = cells
                    .iter()
                    .map(|cell| {
                        let key = (
                            cell.underlying.clone(),
                            cell.profile.clone(),
                            cell.delta_bucket,
                            cell.dte_bucket,
                        );
                        (
                            key,
                            cell.rows,
                            cell.rewarded,
                            cell.reward_usd.map(|sum| format!("{sum:.6e}")),
                        )
                    })
                    .collect();
                rows.sort();
                rows
            };
            Ok([rows(&counted), rows(&kept.calls)])
        })
        .await;
    assert!(calls[0] == calls[1] && !calls[0].is_empty(), "{calls:?}");
    let rewarded: i64 = actions.iter().map(|cell| cell.3).sum();
    assert_eq!(dataset.rewarded, Some(rewarded));
    let sold = pair
        .same(async |db| {
            let cells = training::by_call(db, &dataset.id).await?.into_iter();
            let cell = |cell: CallCell| {
                let places = (cell.delta_bucket, cell.dte_bucket);
                (cell.underlying, places, cell.rows, round(cell.reward_usd))
            };
            Ok(cells.map(cell).collect::<Vec<_>>())
        })
        .await;
    let opened = by_action["OPEN_COVERED_CALL"] + by_action.get("ROLL_COVERED_CALL").unwrap_or(&0);
    assert_eq!(sold.iter().map(|cell| cell.2).sum::<i64>(), opened);
    let in_bands = |(delta, days): (i64, i64)| (1..=4).contains(&delta) && (2..=4).contains(&days);
    assert!(sold.iter().all(|cell| in_bands(cell.1)), "{sold:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_appended_once_and_come_back_to_the_last_bit() {
    let pair = Pair::empty().await;
    let (data, plan) = made();
    let splits = plan.splits(START_MS, START_MS + 5 * DAY_MS);
    let new = NewDataset {
        id: "dataset",
        job: "job",
        desk: None,
        source: "synthetic:kept",
        range: (START_MS, START_MS + 5 * DAY_MS),
        plan: &plan,
        splits: &splits,
        config_hash: "hash",
        fingerprints: &BTreeMap::from([("BTC".to_owned(), "print".to_owned())]),
        steps: 11,
        policy: ("profiles", "1.0"),
        code_version: "test",
        checkpoint: None,
        at_ms: 1,
    };
    pair.change(async |tx| Ok(training::begin(tx, &new).await?))
        .await;
    let (rows, state) = walked(&data, &plan, splits);
    let progress = |rows: usize| Progress {
        rows: rows as i64,
        checkpoint: serde_json::to_string(&state).unwrap(),
        at_ms: 2,
        ..Progress::default()
    };
    let append = async |from: i64, rows: &[Row], progress: Progress| {
        pair.same(async |db| {
            let rows = rows.to_vec();
            Ok(training::append(db, "dataset", from, rows, progress.clone()).await?)
        })
        .await
    };
    assert!(append(0, &rows[..9], progress(9)).await);
    assert!(!append(0, &rows[..9], progress(9)).await, "a second time");
    assert!(append(9, &rows[9..], progress(rows.len())).await);
    let kept = pair
        .same(async |db| Ok(training::page(db, "dataset", 0, 1_000).await?))
        .await;
    assert_eq!(kept.len(), rows.len());
    for (kept, row) in kept.iter().zip(&rows) {
        let rewards = row.followed.as_ref().map(|followed| followed.rewards);
        assert_eq!(kept.reward_coin, rewards.map(|rewards| rewards.coin + 0.0));
        assert_eq!(kept.observation, row.observation);
    }
    let at: WalkState = pair
        .same(async |db| Ok(training::checkpoint(db, "dataset").await?))
        .await
        .unwrap();
    assert_eq!(at, state);
    pair.change(async |tx| Ok(training::end(tx, "dataset", "failed", Some("no price"), 3).await?))
        .await;
    let row = pair
        .same(async |db| Ok(training::get(db, "dataset").await?))
        .await
        .unwrap();
    assert_eq!(
        (row.state.as_str(), row.error.as_deref()),
        ("failed", Some("no price"))
    );
    pair.change(async |tx| Ok(training::end(tx, "dataset", "done", None, 3).await?))
        .await;
    let gone: Option<WalkState> = pair
        .same(async |db| Ok(training::checkpoint(db, "dataset").await?))
        .await;
    assert_eq!(gone, None);
}

fn made() -> (Data, Plan) {
    let data = synthetic(
        "kept",
        Coin::Btc,
        START_MS,
        START_MS + 5 * DAY_MS,
        DAY_MS / 2,
    );
    let profiles = standard().map(|(name, profile)| (name.to_owned(), profile));
    let plan = Plan {
        underlyings: vec![Coin::Btc],
        profiles: profiles.to_vec(),
        ladder: 1,
        train_share: 1.0,
        validation_share: 0.0,
        discount_per_day: 0.9,
        setup: Setup {
            open_interest_min: 0.0,
            ..Setup::default()
        },
    };
    (data, plan)
}

fn walked(data: &Data, plan: &Plan, splits: Splits) -> (Vec<Row>, WalkState) {
    let (mut rows, mut state) = (Vec::new(), WalkState::default());
    let walk = Walk::new(data, plan, splits);
    walk.advance(&mut state, 8, &mut rows).unwrap();
    let kept = state.clone();
    walk.advance(&mut state, usize::MAX, &mut rows).unwrap();
    (rows, kept)
}
