//! For machines that watch: alive, ready, and figures in Prometheus text.

use super::Site;
use super::error::PageError;
use crate::db::llm_calls;
use crate::db::pages::{equity, status};
use crate::domain::coin::Coin;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::fmt::Write as _;

/// The process answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers and has its schema.
pub(super) async fn readyz(State(site): State<Site>) -> Response {
    match status::desk(&site.ctx.db, &site.ctx.desk).await {
        Ok(_) => "ready\n".into_response(),
        Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the database does not answer\n",
        )
            .into_response(),
    }
}

/// Gauges of the queue and the desk.
pub(super) async fn metrics(State(site): State<Site>) -> Result<Response, PageError> {
    let (db, clock, desk) = (&site.ctx.db, &site.ctx.clock, &site.ctx.desk);
    let pulse = status::pulse(db, desk, clock.wall_ms() - 15_000, i64::MIN).await?;
    let mut text = String::new();
    gauge(
        &mut text,
        "thetaq_workers",
        "Workers with a fresh heartbeat.",
        pulse.workers as f64,
    );
    gauge(
        &mut text,
        "thetaq_jobs_queued",
        "Jobs ready to run.",
        pulse.queued as f64,
    );
    gauge(
        &mut text,
        "thetaq_jobs_running",
        "Jobs that run now.",
        pulse.running as f64,
    );
    gauge(
        &mut text,
        "thetaq_jobs_retrying",
        "Failed jobs that will run again.",
        pulse.retrying as f64,
    );
    gauge(
        &mut text,
        "thetaq_ticks_failed",
        "Failed ticks of the desk.",
        pulse.errors as f64,
    );
    if let Some(at_ms) = pulse.last_tick_ms {
        let age_s = (clock.now_ms() - at_ms) as f64 / 1_000.0;
        gauge(
            &mut text,
            "thetaq_last_tick_age_seconds",
            "Desk seconds since the last decision.",
            age_s,
        );
    }
    let calls = llm_calls::health(db, i64::MIN, i64::MAX).await?;
    let figures = [
        (
            "thetaq_llm_calls",
            "Calls of the language model.",
            calls.calls as f64,
        ),
        (
            "thetaq_llm_calls_failed",
            "Calls without a usable answer.",
            calls.failed as f64,
        ),
        (
            "thetaq_llm_calls_unpriced",
            "Calls whose cost is unknown.",
            calls.unpriced as f64,
        ),
        (
            "thetaq_llm_cost_usd",
            "Known cost of the calls.",
            calls.cost_usd.unwrap_or(0.0),
        ),
    ];
    for (name, help, value) in figures {
        gauge(&mut text, name, help, value);
    }
    for coin in Coin::ALL {
        if let Some(row) = equity::latest(db, desk, coin.as_str(), clock.now_ms()).await? {
            let _ = writeln!(
                text,
                "thetaq_equity_usd{{underlying=\"{coin}\"}} {}",
                row.equity_usd
            );
            let _ = writeln!(
                text,
                "thetaq_index_usd{{underlying=\"{coin}\"}} {}",
                row.index_price
            );
        }
    }
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    Ok((kind, text).into_response())
}

fn gauge(text: &mut String, name: &str, help: &str, value: f64) {
    let _ = writeln!(
        text,
        "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}"
    );
}
