//! Backtests and everything below them, written and read on both engines.

use super::{Pair, START_MS};
use thetaq::backtest::{Run, Setup, Strategy, baselines, run, synthetic};
use thetaq::db::backtests::{self, BacktestRow, End, NewBacktest};
use thetaq::domain::coin::Coin;

const DAY_MS: i64 = 86_400_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_the_desk_reads_the_same() {
    let pair = Pair::traded().await;
    let rows = pair
        .same(async |db| Ok(backtests::list(db, None, 10).await?))
        .await;
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(
        (row.state.as_str(), row.steps, row.steps_done),
        ("done", 17, 17)
    );
    let of_job = pair
        .same(async |db| Ok(backtests::of_job(db, &row.job).await?))
        .await;
    assert_eq!(of_job.as_ref(), Some(row));
    let equity = pair
        .same(async |db| Ok(backtests::equity(db, &row.id).await?))
        .await;
    assert_eq!(equity.len(), 17);
    let chains = pair
        .same(async |db| Ok(backtests::chains(db, &row.id).await?))
        .await;
    let legs = pair
        .same(async |db| Ok(backtests::legs(db, &row.id).await?))
        .await;
    let counted = chains.iter().map(|chain| chain.legs).sum::<i64>();
    assert!(counted > 0 && counted as usize == legs.len());
    let decisions = pair
        .same(async |db| Ok(backtests::decisions(db, &row.id).await?))
        .await;
    assert!(!decisions.is_empty());
    let document = pair
        .same(async |db| Ok(backtests::document(db, &row.id).await?.unwrap().to_string()))
        .await;
    assert!(document.contains("weekly_25_delta"));
    let setup = pair
        .same(async |db| Ok(backtests::setup(db, &row.id).await?))
        .await;
    let setup = setup.unwrap();
    assert_eq!(backtests::settings_hash(&setup), row.settings_hash);
    let setups = pair
        .same(async |db| Ok(backtests::setups(db, 10).await?))
        .await;
    let own = setups.iter().find(|(id, _)| *id == row.id).unwrap();
    assert_eq!(own.1, serde_json::to_value(&setup).unwrap());
    let other = pair
        .same(async |db| Ok(backtests::list(db, Some("sweep"), 10).await?))
        .await;
    assert_eq!(other, []);
    assert!(
        pair.change(async |tx| Ok(backtests::delete(tx, &row.id).await?))
            .await
    );
    let left = pair
        .same(async |db| Ok(backtests::legs(db, &row.id).await?))
        .await;
    assert_eq!(left, [], "the rows below go with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_comes_back_to_the_last_bit() {
    let pair = Pair::empty().await;
    let data = synthetic(
        "kept",
        Coin::Btc,
        START_MS,
        START_MS + 5 * DAY_MS,
        DAY_MS / 4,
    );
    let setup = Setup {
        score_min: 0.0,
        ivrv_min: 0.0,
        ..Setup::default()
    };
    let mut half = Run::new(&data, &setup, Strategy::Policy).unwrap();
    half.advance(9).unwrap();
    let new = NewBacktest {
        id: "run",
        job: "job",
        parent: Some("sweep"),
        setup: &setup,
        data: &data.stamp,
        model: Some(("some-model", "2026-01-31")),
        range: (START_MS, START_MS + 5 * DAY_MS),
        steps: half.steps() as u64,
        code_version: "test",
        at_ms: 1,
    };
    pair.change(async |tx| Ok(backtests::begin(tx, &new).await?))
        .await;
    let text = serde_json::to_string(half.state()).unwrap();
    pair.change(async |tx| Ok(backtests::checkpoint(tx, "run", 9, &text, 2).await?))
        .await;
    let kept = pair
        .same(async |db| Ok(backtests::checkpoint_of(db, "run").await?))
        .await
        .unwrap();
    assert_eq!(&kept, half.state());
    let mut rest = Run::resume(&data, &setup, Strategy::Policy, kept).unwrap();
    assert!(rest.advance(usize::MAX).unwrap());
    let whole = run(&data, &setup).unwrap();
    assert_eq!(rest.finish(), whole);
    let (found, weekly) = baselines(&data, &whole).unwrap();
    let so_far = pair
        .same(async |db| Ok(backtests::equity_so_far(db, "run").await?))
        .await;
    assert!(!so_far.is_empty() && so_far.is_sorted_by_key(|point| point.at_ms));
    let nothing = pair
        .same(async |db| Ok(backtests::equity_so_far(db, "nothing").await?))
        .await;
    assert!(nothing.is_empty());
    let end = End::Stopped { checkpoint: &text };
    pair.change(async |tx| Ok(backtests::end(tx, "run", &whole, &found, &weekly, end, 3).await?))
        .await;
    let row = pair
        .same(async |db| Ok(backtests::get(db, "run").await?))
        .await
        .unwrap();
    assert_eq!((row.state.as_str(), row.finished_ms), ("stopped", Some(3)));
    assert_eq!(row.model.as_deref(), Some("some-model"));
    assert_eq!(row.before_cutoff(), Some(true), "begins on 2026-01-05");
    let document = pair
        .same(async |db| Ok(backtests::document(db, "run").await?))
        .await
        .unwrap();
    assert_eq!(document["model"]["training_cutoff"], "2026-01-31");
    assert_eq!(document["model"]["before_training_cutoff"], true);
    let later = BacktestRow {
        from_ms: 1_769_904_000_000,
        ..row.clone()
    };
    assert_eq!(later.before_cutoff(), Some(false), "begins on 2026-02-01");
    let unsaid = BacktestRow {
        training_cutoff: None,
        ..row.clone()
    };
    assert_eq!(unsaid.before_cutoff(), None);
    pair.change(async |tx| Ok(backtests::fail(tx, "run", "no price", 4).await?))
        .await;
    let row = pair
        .same(async |db| Ok(backtests::get(db, "run").await?))
        .await
        .unwrap();
    assert_eq!(row.error.as_deref(), Some("no price"));
    pair.change(async |tx| Ok(backtests::delete_of_job(tx, "job").await?))
        .await;
    assert_eq!(
        pair.same(async |db| Ok(backtests::get(db, "run").await?))
            .await,
        None
    );
}
