//! thetaq: a desk that writes covered calls on BTC and ETH, built as one spine of job rows.
//!
//! ```text
//!  Deribit ─────────────┐
//!  simulated exchange ──┤
//!  recorded chains ─────┴─► market rows ─► context ─► policy ─► risk ─► execution ─► orders, fills ─► positions, equity
//!                                           └──────── pure, no IO ───────┘           (folded from fills, stored once)
//!
//!        jobs move every arrow: one typed job, one step, one transaction; every arrow is a row you can query
//!        web and the command line read rows; to change something they enqueue a job or set a control of the desk
//! ```
//!
//! # Reading order
//! - [`clock`]: time, ids and randomness. Nobody else asks the machine for them.
//! - [`domain`]: the words of the business: instruments, chains, pricing, orders, portfolio, decisions.
//! - `market`: what is computed from quotes: features, candidates, the surface, the synthetic market.
//! - [`statistics`]: what a backtest's figures are worth: performance, significance, overfitting.
//! - [`policy`], [`risk`], [`fills`]: a context becomes a proposal, an approved intent, a fill.
//! - [`step`]: those three in a row. The tick job, dry runs and replays all call this one function.
//! - [`backtest`]: that step over a market in memory, thousands of times a second, and what it came to.
//! - [`training`]: what profiles saw, did and earned, step by step, and what other policies would have.
//! - `exchange`, `execution`: Deribit over HTTP or the built-in exchange, behind one enum; where approved
//!   orders go, and how they are followed until final.
//! - [`llm`]: the language model: what is asked, what came back, byte for byte.
//! - [`config`], [`db`]: workers.toml, and the only folder that speaks SQL, to SQLite and Postgres alike.
//! - `import`, `fetch`: market history from files, and from the exchange's public past.
//! - [`export`]: rows into files that other programs load, and a manifest that proves them.
//! - [`ctx`], [`chat`], [`jobs`]: what a job is handed; what questions may look up; the queue; one file per kind of work.
//! - [`replay`], [`simulate`]: recorded months again, and made-up ones under faults, on one thread.
//! - [`web`], [`cli`]: two ways for a person to look at rows.
//!
//! A module imports only from those above it; tests/tidy.rs holds the exact table.
//!
//! # What never happens
//! 1. domain, market, policy, risk, fills, backtest and training wait for nothing: no IO, no async. A policy sees a
//!    Context and answers with a Decision; it has no database to read and no way to send an order.
//! 2. No order reaches an exchange unless it is wrapped in `Approved`, which only risk can make.
//! 3. Nothing later than a context's `as_of_ms` is inside it.
//! 4. A job does not call another job: it commits its rows and enqueues the next in the same transaction.
//! 5. The dashboard calls no exchange and no policy.
//! 6. Nothing reads the machine's time or randomness around the clock; SQL says neither now() nor random().
//! 7. Replay, dry run and live run the same code on another [`ctx::Ctx`]; no `if simulated` anywhere else.
//! 8. A balance, a fee or a price of an order is never a float; floats live in pricing and features.

pub mod backtest;
pub mod chat;
pub mod cli;
pub mod clock;
pub mod config;
pub mod ctx;
pub mod db;
pub mod domain;
pub mod exchange;
pub mod execution;
pub mod export;
pub mod fetch;
pub mod fills;
pub mod import;
pub mod jobs;
pub mod llm;
pub mod market;
pub mod policy;
pub mod replay;
pub mod risk;
pub mod simulate;
pub mod statistics;
pub mod step;
pub mod training;
pub mod web;
