//! `thetaq token`: secrets that let programs use the dashboard's API; only their hashes are stored.

use super::Usage;
use super::follow::live;
use super::output::table;
use super::session::Session;
use crate::clock::iso;
use crate::ctx::{Ctx, Purpose};
use crate::db::access;
use crate::web;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

/// Make a token for programs that read the dashboard's API, list tokens, revoke one
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:\n  thetaq token laptop              prints the token, this once\n  thetaq token list\n  thetaq token revoke laptop\n\nA program sends it with every request:\n  curl -H \"Authorization: Bearer TOKEN\" http://127.0.0.1:8787/metrics"
)]
pub(super) struct Token {
    #[command(subcommand)]
    action: Option<Action>,
    /// A name for it, to tell tokens apart in the audit trail and to revoke it
    #[arg(required = true)]
    name: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the tokens that work, by name
    #[command(after_help = "Examples:\n  thetaq token list\n  thetaq token list --json")]
    List,
    /// Make a token worthless
    #[command(after_help = "Examples:\n  thetaq token revoke laptop")]
    Revoke {
        /// Its name
        name: String,
    },
}

impl Token {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let ctx = live(session, Purpose::Watch).await?;
        match (self.action, self.name) {
            (Some(Action::List), _) => list(session, &ctx).await,
            (Some(Action::Revoke { name }), _) => revoke(session, &ctx, &name).await,
            (None, name) => create(session, &ctx, &name.unwrap_or_default()).await,
        }
    }
}

const NAME_CHARS: usize = 64;

async fn create(session: &Session, ctx: &Ctx, name: &str) -> anyhow::Result<()> {
    let odd = |c: char| c.is_control() || c.is_whitespace();
    if name.is_empty() || name.len() > NAME_CHARS || name.contains(odd) {
        let problem = format!("NAME: 1 to {NAME_CHARS} characters without spaces, please");
        return Err(Usage(problem).into());
    }
    let names = access::token_names(&ctx.db).await?;
    anyhow::ensure!(
        names.iter().all(|token| token.name != name),
        "a token named {name} exists; pick another name, or `thetaq token revoke {name}` first"
    );
    let token = web::create_token(ctx, name).await?;
    let document = json!({"name": name, "token": token});
    session.output.result(&document, || token.clone())
}

async fn list(session: &Session, ctx: &Ctx) -> anyhow::Result<()> {
    let rows: Vec<Value> = access::token_names(&ctx.db)
        .await?
        .into_iter()
        .map(|token| {
            let last_used_at = token.last_used_ms.map(iso);
            json!({"name": token.name, "created_at": iso(token.created_ms), "last_used_at": last_used_at})
        })
        .collect();
    session.output.result(&rows, || {
        if rows.is_empty() {
            return "No tokens: `thetaq token NAME` makes one.".to_owned();
        }
        let cells: Vec<Vec<Value>> = rows
            .iter()
            .map(|row| {
                ["name", "created_at", "last_used_at"]
                    .map(|column| row[column].clone())
                    .to_vec()
            })
            .collect();
        table(&["name", "created_at", "last_used_at"], &cells)
    })
}

async fn revoke(session: &Session, ctx: &Ctx, name: &str) -> anyhow::Result<()> {
    let mut tx = ctx.db.begin().await?;
    let revoked = access::revoke_tokens(&mut tx, name, ctx.clock.wall_ms()).await?;
    let detail = json!({});
    access::audit(
        &mut tx,
        &ctx.clock,
        "cli",
        "token_revoked",
        Some(name),
        detail,
    )
    .await?;
    anyhow::ensure!(
        revoked > 0,
        "there is no token named {name}; `thetaq token list` shows them"
    );
    tx.commit().await?;
    let document = json!({"name": name, "revoked": true});
    session
        .output
        .result(&document, || format!("the token {name} is revoked"))
}
