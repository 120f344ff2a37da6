//! The ear of a process: a desk on a simulated exchange in another process lives in that one's time.

use crate::ctx::Ctx;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_millis(250);
/// An exchange that takes longer to say its time is not heard this time.
const PATIENCE: Duration = Duration::from_secs(2);

/// Follows until `stop`; says once that the exchange fell silent, and once that it is back.
pub(crate) async fn follow(ctx: Ctx, stop: CancellationToken) {
    let mut heard = true;
    while !stop.is_cancelled() {
        let failed = match tokio::time::timeout(PATIENCE, ctx.follow()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("{error:#}")),
            Err(_) => Some("no answer in time".to_owned()),
        };
        match (&failed, heard) {
            (Some(error), true) if stands(&ctx) => {
                tracing::warn!(
                    error,
                    "the exchange is silent: desk time stands until it is heard"
                );
                heard = false;
            }
            (None, false) => {
                tracing::info!("the exchange is heard again: desk time goes on");
                heard = true;
            }
            _ => {}
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => {}
        }
    }
}

fn stands(ctx: &Ctx) -> bool {
    let silent_ms = ctx.clock.silent_ms();
    silent_ms.is_some_and(|silent_ms| silent_ms > crate::clock::SILENCE_MAX_MS)
}
