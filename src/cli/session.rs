//! What a command starts from: settings, the database address, where to print.

use super::output::Output;
use super::{Global, Usage};
use crate::config::{Config, JobConfig};
use crate::db::{Db, DbError};
use crate::jobs::registry::{self, Registry};
use crate::jobs::schedule::next_slot_ms;
use anyhow::Context;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::OnceCell;

const DEFAULT_FILE: &str = "workers.toml";

#[derive(Clone)]
pub(super) struct Session {
    pub(super) config: Config,
    pub(super) url: String,
    pub(super) output: Output,
    /// Opened once, when the command first needs it.
    db: Arc<OnceCell<Db>>,
}

impl Session {
    pub(super) fn new(global: &Global, output: Output) -> anyhow::Result<Self> {
        let mut config = settings(global.config.as_deref())?;
        if let Some(url) = &global.exchange_url {
            config.set_exchange_url(url)?;
        }
        let url = global
            .database_url
            .clone()
            .unwrap_or_else(|| config.database.url.clone());
        Ok(Self {
            config,
            url,
            output,
            db: Arc::default(),
        })
    }

    /// Opens the database and brings its schema up to this binary's version.
    pub(super) async fn db(&self) -> anyhow::Result<Db> {
        self.db.get_or_try_init(|| self.open()).await.cloned()
    }

    async fn open(&self) -> anyhow::Result<Db> {
        let shown = without_password(&self.url);
        let db = match Db::open(&self.url).await {
            Ok(db) => db,
            Err(DbError::Scheme(_)) => {
                return Err(Usage(format!(
                    "--database-url: `{shown}` is neither sqlite://PATH nor postgres://USER@HOST/NAME"
                ))
                .into());
            }
            Err(error) => {
                return Err(anyhow::Error::from(error).context(format!(
                    "cannot open the database {shown}; check --database-url, or start its server"
                )));
            }
        };
        db.migrate()
            .await
            .with_context(|| format!("cannot prepare the database {shown}"))?;
        Ok(db)
    }
}

/// Reads the settings: a named file must exist, the default one may be absent.
fn settings(named: Option<&Path>) -> anyhow::Result<Config> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    let file = path.display().to_string();
    match (path.exists(), named) {
        (true, _) => {}
        (false, None) => return Ok(Config::default()),
        (false, Some(_)) => {
            return Err(Usage(format!(
                "--config: there is no file {file}; `thetaq config > {file}` writes one"
            ))
            .into());
        }
    }
    let config = Config::read(path)?;
    let kinds = registry::all();
    for (kind, job) in &config.jobs {
        check_job(&kinds, kind, job)
            .map_err(|problem| Usage(format!("{file} [jobs.{kind}]{problem}")))?;
    }
    Ok(config)
}

/// What the file alone cannot tell: whether the kind exists, and whether its schedule is one.
fn check_job(kinds: &Registry, kind: &str, job: &JobConfig) -> Result<(), String> {
    if kinds.get(kind).is_none() {
        let names: Vec<_> = kinds.kinds().map(|kind| kind.name).collect();
        let names = names.join(", ");
        return Err(format!(": no kind of job has that name; there are {names}"));
    }
    match job.schedule.as_deref() {
        None | Some("auto" | "off") => Ok(()),
        Some(cron) => next_slot_ms(cron, 0).map(drop).map_err(|error| {
            format!(
                " schedule: {error}; write for example \"0 */5 * * * *\" (every five minutes), auto or off"
            )
        }),
    }
}

/// The address without what stands between `:` and `@` of its user part, and without options that
/// hold a password.
pub(super) fn without_password(url: &str) -> String {
    let url = match url.split_once('?') {
        Some((address, options)) if options.contains("password") => address,
        _ => url,
    };
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let Some((user, host)) = rest.rsplit_once('@') else {
        return url.to_owned();
    };
    let name = user.split(':').next().unwrap_or_default();
    format!("{scheme}://{name}@{host}")
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(
            without_password("postgres://me:secret@db/x"),
            "postgres://me@db/x"
        );
        assert_eq!(
            without_password("postgres://db/x?password=secret"),
            "postgres://db/x"
        );
        assert_eq!(without_password("sqlite://a.db"), "sqlite://a.db");
    }
}
