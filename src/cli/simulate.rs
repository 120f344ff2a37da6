//! `thetaq simulate`: the desk under faults, seed by seed, each on a database of its own.

use super::output::table;
use super::progress::Bar;
use super::session::Session;
use crate::clock::Stopwatch;
use crate::db::Db;
use crate::simulate::{Scenario, SimulationReport, simulate};
use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Run the desk under faults and check what must hold; exits 1 when something does not
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq simulate --seeds 200\n  thetaq simulate --seed 17 --keep run.db   one seed again; its rows stay in run.db\n  thetaq simulate --fail-calls --days 14    fail each outside call in turn"
)]
pub(super) struct Simulate {
    /// Seeds 1 to N, or from --seed on
    #[arg(long, value_name = "N", default_value_t = 1)]
    seeds: u64,
    /// First seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Days of desk time with faults; two quiet days follow
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(i64).range(1..=365))]
    days: i64,
    /// Only this call to the exchange fails, counted from 1
    #[arg(long, value_name = "N", conflicts_with_all = ["seeds", "fail_calls"])]
    fail_call: Option<u64>,
    /// Every call to the exchange fails once: one run for each
    #[arg(long, conflicts_with = "seeds")]
    fail_calls: bool,
    /// Keep the database of the last run in this file, to look at with `thetaq sql`
    #[arg(long, value_name = "PATH")]
    keep: Option<PathBuf>,
}

impl Simulate {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let watch = Stopwatch::start();
        let folder = std::env::temp_dir().join(format!("thetaq-simulate-{}", std::process::id()));
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let ran = self.runs(&folder).await;
        if let (Ok(_), Some(path)) = (&ran, &self.keep) {
            std::fs::copy(folder.join("run.db"), path)
                .with_context(|| format!("--keep: cannot write {}", path.display()))?;
        }
        let removed = std::fs::remove_dir_all(&folder);
        let mut report = ran?;
        removed.with_context(|| format!("cannot remove {}", folder.display()))?;
        report.seconds = watch.elapsed().as_secs_f64();
        session.output.result(&report, || text(&report))?;
        anyhow::ensure!(
            report.violations == 0,
            "{} violations; each names the command that shows it again",
            report.violations
        );
        Ok(())
    }

    async fn runs(&self, folder: &std::path::Path) -> anyhow::Result<SimulationReport> {
        let template = folder.join("template.db");
        let db = Db::open(&format!("sqlite://{}", template.display())).await?;
        db.migrate().await?;
        db.close().await;
        let (mut report, bar) = (SimulationReport::default(), Bar::start());
        let (mut done, mut wanted) = (0, if self.fail_calls { 1 } else { self.seeds });
        while done < wanted {
            let scenario = Scenario {
                seed: if self.fail_calls {
                    self.seed
                } else {
                    self.seed + done
                },
                days: self.days,
                fail_call: self.fail_call.or(self.fail_calls.then_some(done + 1)),
            };
            let path = folder.join("run.db");
            std::fs::copy(&template, &path)?;
            let db = Db::open(&format!("sqlite://{}", path.display())).await?;
            let seed = simulate(&db, &scenario).await?;
            db.close().await;
            if self.fail_calls {
                wanted = wanted.max(seed.calls);
            }
            done += 1;
            report.add(seed);
            let note = format!("run {done} of {wanted}, {} violations", report.violations);
            bar.show(done as f64 / wanted as f64, &note);
        }
        bar.end();
        Ok(report)
    }
}

fn text(report: &SimulationReport) -> String {
    let faults: Vec<Vec<Value>> = report
        .faults
        .iter()
        .map(|(kind, count)| vec![json!(kind), json!(count)])
        .collect();
    let failing: Vec<Vec<Value>> = report
        .failing
        .iter()
        .map(|found| {
            vec![
                json!(found.checker),
                json!(found.message),
                json!(found.command),
            ]
        })
        .collect();
    let runs = format!(
        "{} runs, {} decisions, {} orders, {} fills, {} settlements, {:.1} s",
        report.seeds,
        report.decisions,
        report.orders,
        report.fills,
        report.settlements,
        report.seconds
    );
    let violations = if failing.is_empty() {
        "Nothing that must hold was violated.".to_owned()
    } else {
        table(&["checker", "message", "shown again by"], &failing)
    };
    format!(
        "{runs}\n\n{}\n{violations}",
        table(&["fault", "injected"], &faults)
    )
}
