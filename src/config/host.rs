//! [database], [web], [queue], [export] and [jobs.KIND]: what the program runs on.

use serde::{Deserialize, Serialize};

section! {
    /// [database]
    Database {
        /// sqlite://PATH or postgres://USER@HOST/NAME; THETAQ_DATABASE_URL and --database-url win over it.
        url: String = "sqlite://data/thetaq.db".to_owned(),
    }
}

section! {
    /// [web]
    Web {
        /// Address of the dashboard; anything but loopback needs `expose` and a token.
        bind: String = "127.0.0.1:8787".to_owned(),
        /// Allow an address that other machines reach.
        expose: bool = false,
        /// Host names the dashboard answers to besides the bound address.
        hosts: Vec<String> = Vec::new(),
    }
}

section! {
    /// [queue]
    Queue {
        /// A running job whose worker is silent for so long runs again, milliseconds.
        lease_ms: i64 = 20_000,
        /// Other processes' jobs are looked for this often, milliseconds.
        probe_ms: i64 = 50,
        /// Running jobs may finish for so long after SIGTERM, milliseconds.
        shutdown_ms: i64 = 10_000,
        /// Finished jobs are kept for so many days.
        keep_days: i64 = 30,
        /// Decisions of the live desk whose rejected candidates are kept as rows.
        keep_candidates: i64 = 2_000,
    }
}

section! {
    /// [export]
    ExportConfig {
        /// The folder of all exports; nothing is written outside of it.
        dir: String = "data/exports".to_owned(),
    }
}

section! {
    /// [jobs.KIND]. `None` follows the kind's own default.
    JobConfig {
        /// Queue the kind is counted and paused under; the kind's own when unset.
        queue: Option<String> = None,
        /// Jobs of this kind at once in one process; 0 is one for each core.
        concurrency: Option<usize> = None,
        /// One attempt may take so long, milliseconds.
        timeout_ms: Option<i64> = None,
        /// Attempts before a job is discarded.
        max_attempts: Option<u32> = None,
        /// First wait before a retry, milliseconds; it doubles with jitter.
        backoff_ms: Option<i64> = None,
        /// Cron with seconds, UTC desk time; `auto` paces ticks to the speed; `off` never.
        schedule: Option<String> = None,
        /// Slots that passed while nothing ran: run_once or skip.
        missed: Option<Missed> = None,
    }
}

/// What becomes of a schedule's slots that passed while no process was alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    RunOnce,
    Skip,
}
