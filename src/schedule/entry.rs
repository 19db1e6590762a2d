//! One target on the timetable, and one pass over it.

use std::sync::Arc;
use std::time::Duration;

use ring::digest::{SHA256, digest};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::drift;
use crate::board::{Slot, TargetInfo, TargetState};
use crate::causes;
use crate::clock::Clock;
use crate::control::ProbeNow;
use crate::domain::cause::Local;
use crate::domain::outcome::{Attempt, Outcome};
use crate::domain::{Failure, Grant, Operation, Target};
use crate::metrics::ExporterMetrics;
use crate::platform;
use crate::probe::{NoOutcome, Probe};

pub(super) struct Entry {
    pub probe: Arc<Probe>,
    pub slot: Arc<Slot>,
    pub due: Instant,
    /// A moment that is its place in the interval.
    pub place: Instant,
    pub running: bool,
    pub cancel: CancellationToken,
    /// When a pass last came to an outcome: who waited longest goes first.
    pub attempted: Option<Instant>,
    /// When a person last asked for a probe.
    pub manual: Option<Instant>,
    /// Who waits for the next pass.
    pub asked: Vec<oneshot::Sender<ProbeNow>>,
    /// Who waits for the pass under way.
    pub serving: Vec<oneshot::Sender<ProbeNow>>,
    /// Exchanges by others than passes, not counted yet.
    pub noted: Vec<Attempt>,
}

impl Entry {
    pub fn new(probe: Probe, due: Instant, place: Instant, cancel: CancellationToken) -> Self {
        let slot = Arc::new(Slot::new(info(probe.target())));
        Self {
            probe: Arc::new(probe),
            slot,
            due,
            place,
            running: false,
            cancel,
            attempted: None,
            manual: None,
            asked: Vec::new(),
            serving: Vec::new(),
            noted: Vec::new(),
        }
    }

    /// Tells everybody who waits for a probe. Who asked may have gone.
    pub fn reply(&mut self, reply: ProbeNow) {
        for waiter in self.serving.drain(..).chain(self.asked.drain(..)) {
            waiter.send(reply).ok();
        }
    }

    /// Takes in how a pass ended; who waited for it is told, and may ask again soon if it measured nothing.
    pub fn finish(&mut self, end: End) {
        let reply = match end {
            End::Outcome | End::Quiet => ProbeNow::Done,
            End::PutOff(retry_after) => ProbeNow::RefusalBudget { retry_after },
            End::Cancelled => ProbeNow::Stopping,
        };
        if end == End::Outcome {
            self.attempted = Some(Instant::now());
        } else if !self.serving.is_empty() {
            self.manual = None;
        }
        for waiter in self.serving.drain(..) {
            waiter.send(reply).ok();
        }
    }

    /// Puts up what is left to say of a pass that panicked.
    pub fn record_panic(&self, clock: Clock) {
        let state = self.slot.state();
        let outcome = Outcome {
            attempts: Vec::new(),
            token: None,
            extensions: Some(Err(Failure::new(Local::Panic))),
            version: None,
            rejections: 0,
            facts: state.token,
            renewal_due: state.renewal_due,
            // What was asked may have been refused.
            wait: self.probe.target().backoff.denied,
            drift: None,
            listed: None,
        };
        publish(&self.slot, self.probe.target(), outcome, clock);
    }
}

fn info(target: &Target) -> TargetInfo {
    let operations = Operation::ALL.map(|operation| match operation {
        Operation::Token => target.auth.grant != Grant::Static,
        Operation::Extensions => true,
        Operation::Version => target.version,
    });
    TargetInfo {
        name: target.name.clone(),
        platform: target.platform.name.clone(),
        grant: target.auth.grant,
        origin: target.place().into(),
        plaintext: target.is_plaintext(),
        https: [&target.origin, target.token_origin()].into_iter().any(|origin| origin.scheme() == "https"),
        token_elsewhere: target.has_token_elsewhere(),
        operations,
        grants: target.grants(),
        reasons: Operation::ALL
            .map(|operation| platform::possible_reasons(target, operation).into_iter().collect()),
        log: target.log.clone(),
    }
}

/// A stable number in 0.0..=1.0 for a name (the beginning of its SHA-256), so that each target keeps its place in the
/// interval over restarts, and names that differ in a digit do not come together.
pub(super) fn jitter(name: &str) -> f64 {
    let hash = digest(&SHA256, name.as_bytes());
    let first = hash.as_ref().first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    f64::from(first) / f64::from(u32::MAX)
}

pub(super) struct PassTask {
    pub due: Instant,
    pub place: Instant,
    pub manual: bool,
    pub probe: Arc<Probe>,
    pub slot: Arc<Slot>,
    /// Exchanges to be counted whatever comes of the pass, which alone may write to the slot.
    pub noted: Vec<Attempt>,
    pub cancel: CancellationToken,
    /// The host's gate first: who waits for a hanging host holds no place of the others.
    pub gates: [Arc<Semaphore>; 2],
    pub metrics: Arc<ExporterMetrics>,
    pub clock: Clock,
}

pub(super) struct Finished {
    pub next: Instant,
    pub end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Outcome,
    Quiet,
    /// The budget of the origin put it off for so long.
    PutOff(Duration),
    Cancelled,
}

/// Counts a probe in flight for as long as it lives, also through a panic.
struct InFlight(Arc<ExporterMetrics>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.probe_finished();
    }
}

impl PassTask {
    pub async fn run(self) -> Finished {
        if !self.noted.is_empty() {
            let mut state = TargetState::clone(&self.slot.state());
            state.count_all(&self.slot.info, &self.noted, self.clock.unix());
            self.slot.publish(state);
        }
        if !self.manual
            && let Some(wait) = self.probe.quiet().await
        {
            return Finished { next: Instant::now() + self.probe.wake_after(wait), end: End::Quiet };
        }
        // A closed semaphore does not occur: nobody closes one.
        let places = async { (self.gates[0].acquire().await, self.gates[1].acquire().await) };
        let Some(_places) = self.cancel.run_until_cancelled(places).await else {
            return self.conclude(Err(NoOutcome::Cancelled));
        };
        self.metrics.probe_started(self.due.elapsed());
        let _in_flight = InFlight(self.metrics.clone());
        if self.manual
            && let Err(wait) = self.probe.forgive().await
        {
            return self.conclude(Err(NoOutcome::Budget(wait)));
        }
        // Boxed: who waits at a gate should not already hold the memory of a whole pass.
        let result = Box::pin(self.probe.pass(&self.cancel)).await;
        self.conclude(result)
    }

    fn conclude(&self, result: Result<Outcome, NoOutcome>) -> Finished {
        let now = Instant::now();
        match result {
            Ok(outcome) => {
                let (wait, success) = (outcome.wait, outcome.is_success());
                if self.due.elapsed() > self.probe.target().interval {
                    self.metrics.overrun();
                }
                publish(&self.slot, self.probe.target(), outcome, self.clock);
                let next = self.keeps_pace(now, wait).filter(|_| success);
                let next = next.unwrap_or_else(|| now + self.probe.wake_after(wait));
                Finished { next, end: End::Outcome }
            }
            Err(NoOutcome::Budget(wait)) => {
                self.put_off(wait);
                Finished { next: now + wait, end: End::PutOff(wait) }
            }
            Err(NoOutcome::Cancelled) => {
                Finished { next: now + self.probe.target().interval, end: End::Cancelled }
            }
        }
    }

    /// When the next pass of one that is well is due: at its place in the interval, or after a longer wait; `None` where that is over.
    fn keeps_pace(&self, now: Instant, wait: Duration) -> Option<Instant> {
        let interval = self.probe.target().interval;
        if wait != interval {
            return Some(self.due + wait).filter(|next| *next > now);
        }
        let since = now.saturating_duration_since(self.place).as_secs_f64();
        let intervals = (since / interval.as_secs_f64()).floor() + 1.0;
        Some(if now < self.place { self.place } else { self.place + interval.mul_f64(intervals) })
    }

    /// What cannot be measured for so long is not shown as well.
    fn put_off(&self, wait: Duration) {
        tracing::warn!(
            target = &*self.slot.info.name,
            wait_seconds = wait.as_secs(),
            "probe put off: this origin rejected many requests lately, one more could bring a ban \
             (limits.refusals_per_origin)"
        );
        let mut state = TargetState::clone(&self.slot.state());
        state.put_off(wait, self.clock.unix());
        self.slot.publish(state);
    }
}

fn publish(slot: &Slot, target: &Target, outcome: Outcome, clock: Clock) {
    let old = slot.state();
    let mut state = TargetState::clone(&old);
    state.record(&slot.info, target, outcome, clock.unix());
    tell_change(&slot.info.name, &old, &state);
    slot.publish(state);
}

/// Logs each change of what is wrong, once.
fn tell_change(target: &str, old: &TargetState, new: &TargetState) {
    for operation in Operation::ALL {
        let (was, is) = (&old.endpoint(operation).condition, &new.endpoint(operation).condition);
        match (was.as_ref().map(|c| c.reason), is) {
            (before, Some(condition)) if before != Some(condition.reason) => tracing::warn!(
                target,
                %operation,
                reason = %condition.reason,
                cause = &*condition.cause,
                diagnosis = &*condition.diagnosis,
                "endpoint failing"
            ),
            (Some(reason), None) if new.endpoint(operation).up == Some(true) => {
                tracing::info!(target, %operation, %reason, "endpoint recovered");
            }
            _ => {}
        }
    }
    for (operation, warning) in new.warnings().filter(|now| !old.warnings().any(|was| was == *now)) {
        tracing::warn!(target, %operation, cause = %warning, advice = causes::of_warning(warning), "answer is odd");
    }
    drift::tell(target, old, new);
    tracing::debug!(target, up = new.up, wait = ?new.wait, "pass ended");
}
