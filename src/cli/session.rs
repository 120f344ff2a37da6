//! What a command starts from: settings, the database address, where to print.

use super::output::Output;
use super::{Global, Usage};
use crate::config::Config;
use crate::db::Db;
use anyhow::Context;
use std::path::Path;

const DEFAULT_FILE: &str = "workers.toml";

#[derive(Clone)]
pub(super) struct Session {
    pub(super) config: Config,
    pub(super) url: String,
    pub(super) output: Output,
}

impl Session {
    /// Reads the settings: a named file must exist, the default one may be absent.
    pub(super) fn new(global: &Global, output: Output) -> anyhow::Result<Self> {
        let mut config = match &global.config {
            Some(path) if !path.exists() => {
                let shown = path.display();
                return Err(Usage(format!(
                    "--config: there is no file {shown}; `thetaq config > {shown}` writes one"
                ))
                .into());
            }
            Some(path) => Config::read(path)?,
            None if Path::new(DEFAULT_FILE).exists() => Config::read(Path::new(DEFAULT_FILE))?,
            None => Config::default(),
        };
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
        })
    }

    /// Opens the database and brings its schema up to this binary's version.
    pub(super) async fn db(&self) -> anyhow::Result<Db> {
        let shown = without_password(&self.url);
        let db = Db::open(&self.url)
            .await
            .with_context(|| format!("cannot open the database {shown}; check --database-url"))?;
        db.migrate()
            .await
            .with_context(|| format!("cannot prepare the database {shown}"))?;
        Ok(db)
    }
}

/// The address without what stands between `:` and `@` of its user part.
pub(super) fn without_password(url: &str) -> String {
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
        assert_eq!(without_password("sqlite://a.db"), "sqlite://a.db");
    }
}
