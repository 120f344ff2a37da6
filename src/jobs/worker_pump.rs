//! The pump of one kind: a turn acknowledges what finished and claims into free slots, in one transaction.
//!
//! It keeps what it could not acknowledge, tries again on every database error, and never dies.

use super::outcome::{End, settle};
use super::queue::{Ended, Lane, Work};
use crate::db::jobs_turn::{self, Ack, Claim, Claimed};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

/// Pause after a database error.
const PAUSE: Duration = Duration::from_millis(200);

struct Pump {
    lane: Arc<Lane>,
    ended: UnboundedReceiver<Ended>,
    /// Claimed and not yet ended.
    in_flight: usize,
    /// Acknowledgements to write.
    acks: Vec<Ack>,
    /// Ids whose claim ends with the next turn.
    closing: Vec<String>,
    /// False when the last claim found less than it asked for and nobody has called since.
    more: bool,
    stopping: bool,
}

/// Pumps until `stop`, then until everything claimed is acknowledged; closes the lane at the end.
pub(crate) async fn pump(
    lane: Arc<Lane>,
    ended: UnboundedReceiver<Ended>,
    stop: CancellationToken,
) {
    let mut pump = Pump {
        lane,
        ended,
        in_flight: 0,
        acks: Vec::new(),
        closing: Vec::new(),
        more: true,
        stopping: false,
    };
    while pump.wait(&stop).await {
        pump.collect();
        pump.turn().await;
    }
    pump.lane.close();
}

impl Pump {
    /// Waits until a turn has something to do; false when everything is done.
    async fn wait(&mut self, stop: &CancellationToken) -> bool {
        while !self.has_work() {
            if self.stopping && self.in_flight == 0 {
                return false;
            }
            tokio::select! {
                Some(ended) = self.ended.recv() => self.take(ended),
                () = self.lane.wake.notified(), if !self.stopping => self.more = true,
                () = stop.cancelled(), if !self.stopping => self.stop(),
            }
        }
        if !self.stopping && stop.is_cancelled() {
            self.stop();
        }
        true
    }

    fn has_work(&self) -> bool {
        !self.acks.is_empty() || !self.closing.is_empty() || self.free() > 0
    }

    /// Jobs to claim in the next turn.
    fn free(&self) -> usize {
        if self.stopping || !self.more {
            return 0;
        }
        let slots = self.lane.settings.concurrency + self.lane.settings.prefetch;
        slots.saturating_sub(self.in_flight)
    }

    /// Gives back what no worker has started.
    fn stop(&mut self) {
        self.stopping = true;
        let now_ms = self.lane.ctx.clock.wall_ms();
        for work in self.lane.recall() {
            let running = self.lane.running(&work);
            self.take(Ended {
                id: running.id.clone(),
                ack: Some(Ack::released(running.fence(), now_ms)),
            });
        }
    }

    fn collect(&mut self) {
        while let Ok(ended) = self.ended.try_recv() {
            self.take(ended);
        }
    }

    fn take(&mut self, ended: Ended) {
        self.in_flight -= 1;
        self.closing.push(ended.id);
        self.acks.extend(ended.ack);
    }

    async fn turn(&mut self) {
        let acks = Arc::new(std::mem::take(&mut self.acks));
        let claim = self.claim();
        let limit = claim.as_ref().map_or(0, |claim| claim.limit as usize);
        if acks.is_empty() && limit == 0 {
            self.let_go();
            return;
        }
        match jobs_turn::turn(&self.lane.ctx.db, &acks, claim).await {
            Ok(claimed) => {
                self.let_go();
                if limit > 0 {
                    self.more = claimed.len() == limit;
                }
                self.deliver(claimed);
            }
            Err(error) => {
                tracing::warn!(job.kind = self.lane.kind.name, %error, "a turn of the queue failed; trying again");
                self.acks = Arc::unwrap_or_clone(acks);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    fn let_go(&mut self) {
        self.lane
            .flights
            .release(self.closing.iter().map(String::as_str));
        self.closing.clear();
    }

    fn claim(&self) -> Option<Claim> {
        let limit = self.free();
        let now_ms = self.lane.ctx.clock.wall_ms();
        (limit > 0).then(|| Claim {
            desk: self.lane.ctx.desk.clone(),
            kind: self.lane.kind.name,
            owner: self.lane.flights.owner.to_string(),
            now_ms,
            lease_until_ms: now_ms + self.lane.ctx.config.queue.lease_ms,
            limit: limit as i64,
            serial: self.lane.settings.serial,
        })
    }

    /// Hands claimed jobs on; stale ones end here.
    fn deliver(&mut self, claimed: Vec<Claimed>) {
        let now_ms = self.lane.ctx.clock.wall_ms();
        let mut fresh = Vec::with_capacity(claimed.len());
        for claimed in claimed {
            let stale = claimed.expires_at_ms.is_some_and(|at_ms| at_ms < now_ms);
            let work = Work::new(claimed);
            if stale {
                let running = self.lane.running(&work);
                self.acks
                    .extend(settle(&running, End::Stale, &self.lane.settings, now_ms));
            } else {
                fresh.push(work);
            }
        }
        self.in_flight += fresh.len();
        self.lane.flights.hold(&fresh);
        self.lane.deliver(fresh);
    }
}
