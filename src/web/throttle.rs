//! Five bad tokens from one address close the door to it for a minute.

use super::error::PageError;
use crate::clock::Clock;
use axum::http::StatusCode;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

const BAD_MAX: u32 = 5;
const WINDOW_MS: i64 = 60_000;
/// Addresses remembered at once; the oldest windows go first.
const PEERS_MAX: usize = 1_000;

/// Bad tokens per address since the window began, with its beginning in wall time.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<BTreeMap<IpAddr, (u32, i64)>>);

impl Throttle {
    /// Refuses while the address has used its guesses up.
    pub(super) fn check(&self, peer: IpAddr, clock: &Clock) -> Result<(), PageError> {
        let now_ms = clock.wall_ms();
        let peers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match peers.get(&peer) {
            Some((bad, since_ms)) if *bad >= BAD_MAX && since_ms + WINDOW_MS > now_ms => {
                Err(PageError::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "Too many bad tokens",
                    "Wait a minute, then use the login link printed at start.",
                ))
            }
            _ => Ok(()),
        }
    }

    /// Counts one bad token.
    pub(super) fn bad(&self, peer: IpAddr, clock: &Clock) {
        let now_ms = clock.wall_ms();
        let mut peers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if peers.len() >= PEERS_MAX {
            peers.retain(|_, (_, since_ms)| *since_ms + WINDOW_MS > now_ms);
        }
        let entry = peers.entry(peer).or_insert((0, now_ms));
        if entry.1 + WINDOW_MS <= now_ms {
            *entry = (0, now_ms);
        }
        entry.0 += 1;
    }
}
