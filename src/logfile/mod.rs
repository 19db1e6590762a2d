//! The PBX's own logs, where the exporter runs on the PBX host: followed, and their API-related records
//! counted by kind.
//!
//! Belongs here: finding new bytes (`tail`), putting lines and records together (`record`), working out what they mean (`classify`), and the one way to show them to people (`redact`, [`recent_redacted`]). Does not
//! belong here: what is shown where. No text of a log leaves this module except through `redact`.
//!
//! One task polls all files once a second: one `stat` a file while nothing happens, and no dependency on
//! inotify, which sees neither network file systems nor a folder that is not there yet.

mod classify;
mod open;
mod recent;
mod record;
mod redact;
mod tail;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use self::tail::Tail;
use crate::board::{Board, FileProblem, LogState, Slot};
use crate::clock::Clock;
use crate::domain::LogEvent;

pub use self::open::refused;
pub use self::recent::{Recent, RedactedRecord, problem, recent_redacted};

const INTERVAL: Duration = Duration::from_secs(1);

/// Follows the logs of the targets on `board` until cancelled; `panicked` is called after a panic on the way.
pub async fn follow(board: Arc<Board>, clock: Clock, cancel: CancellationToken, panicked: impl Fn()) {
    let mut follower = Follower::default();
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while cancel.run_until_cancelled(ticks.tick()).await.is_some() {
        follower.adopt(&board);
        if follower.is_idle() {
            continue;
        }
        // File systems block; and one that hangs must not keep the service from stopping.
        let polled = tokio::task::spawn_blocking(move || {
            follower.poll(clock.unix());
            follower
        });
        follower = match cancel.run_until_cancelled(polled).await {
            Some(Ok(follower)) => follower,
            // The panic hook has logged it: start again, at the ends of the files.
            Some(Err(_)) => {
                panicked();
                Follower::default()
            }
            None => return,
        };
    }
}

#[derive(Default)]
pub struct Follower {
    /// What `followed` was made from.
    slots: Arc<Vec<Arc<Slot>>>,
    followed: Vec<Followed>,
}

struct Followed {
    slot: Arc<Slot>,
    tails: Vec<Tail>,
}

impl Follower {
    /// Takes in a reload: a target whose slot is still there keeps its place in its files.
    pub fn adopt(&mut self, board: &Board) {
        let slots = board.slots();
        if Arc::ptr_eq(&slots, &self.slots) {
            return;
        }
        let mut old = std::mem::take(&mut self.followed);
        for slot in slots.iter().filter(|slot| !slot.info.log.is_empty()) {
            let kept = old.iter().position(|followed| Arc::ptr_eq(&followed.slot, slot));
            self.followed.push(kept.map_or_else(|| Followed::new(slot), |at| old.swap_remove(at)));
        }
        self.slots = slots;
    }

    pub fn is_idle(&self) -> bool {
        self.followed.is_empty()
    }

    /// Looks at every file once, and reads a bounded part of what is new. Blocks on the file system.
    /// `now` in Unix seconds.
    pub fn poll(&mut self, now: f64) {
        for followed in &mut self.followed {
            followed.poll(now);
        }
    }
}

impl Followed {
    fn new(slot: &Arc<Slot>) -> Self {
        Self { slot: slot.clone(), tails: slot.info.log.iter().map(Tail::new).collect() }
    }

    fn poll(&mut self, now: f64) {
        let Some(old) = self.slot.log() else { return };
        let (mut new, mut seen) = (LogState::clone(&old), [0; LogEvent::COUNT]);
        for (tail, problem) in self.tails.iter_mut().zip(&mut new.problems) {
            let result = tail.poll(&mut |event| seen[event.index()] += 1);
            if result.as_ref().err() != problem.as_ref().map(|problem| &problem.text) {
                log_change(&self.slot.info.name, tail, &result);
                *problem = result.err().map(|text| FileProblem { text, since: now });
            }
        }
        new.add(seen, now);
        if new != *old {
            self.slot.publish_log(new);
        }
    }
}

/// Logs each change of what keeps a file from being followed, once.
fn log_change(target: &str, tail: &Tail, result: &Result<(), String>) {
    let path = tail.path().display();
    if let Err(problem) = result {
        tracing::warn!(target, %path, problem, "log of the PBX cannot be followed");
    } else {
        tracing::info!(target, %path, "log of the PBX is followed again");
    }
}
