//! One target on the timetable, and one pass over it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::board::{Slot, TargetInfo, TargetState};
use crate::clock::Clock;
use crate::control::ProbeNow;
use crate::domain::outcome::Outcome;
use crate::domain::{Failure, Grant, Operation, Reason, Target};
use crate::metrics::ExporterMetrics;
use crate::platform;
use crate::probe::{NoOutcome, Probe};

/// One target.
pub(super) struct Entry {
    pub probe: Arc<Probe>,
    pub slot: Arc<Slot>,
    pub due: Instant,
    pub running: bool,
    pub cancel: CancellationToken,
    /// When a person last asked for a probe.
    pub manual: Option<Instant>,
    /// Who waits for the next pass.
    pub asked: Vec<oneshot::Sender<ProbeNow>>,
    /// Who waits for the pass under way.
    pub serving: Vec<oneshot::Sender<ProbeNow>>,
}

impl Entry {
    pub fn new(probe: Probe, due: Instant, cancel: CancellationToken) -> Self {
        let slot = Arc::new(Slot::new(info(probe.target())));
        let (asked, serving) = (Vec::new(), Vec::new());
        Self { probe: Arc::new(probe), slot, due, running: false, cancel, manual: None, asked, serving }
    }

    /// Puts up what is left to say of a pass that panicked.
    pub fn record_panic(&self, clock: Clock) {
        let text = "pbx_exporter itself failed while it probed this target (a panic, counted in \
                    pbx_exporter_panics_total; its log names the place). Please report it. The PBX is not to blame.";
        let state = self.slot.state();
        let outcome = Outcome {
            attempts: Vec::new(),
            token: None,
            extensions: Some(Err(Failure::new(Reason::ExporterError, text))),
            version: None,
            rejections: 0,
            facts: state.token,
            renewal_due: None,
            wait: self.probe.target().failure_interval,
        };
        publish(&self.slot, outcome, clock);
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
        platform: target.platform.as_str(),
        grant: target.auth.grant,
        origin: target.origin.origin().ascii_serialization().into(),
        plaintext: target.is_plaintext(),
        operations,
        grants: target.grants(),
        reasons: Operation::ALL
            .map(|operation| platform::possible_reasons(target, operation).into_iter().collect()),
    }
}

/// A stable number in 0.0..1.0 for a name (FNV-1a), so that each target keeps its place in the
/// interval over restarts.
pub(super) fn jitter(name: &str) -> f64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    f64::from((hash >> 32) as u32) / f64::from(u32::MAX)
}

/// One pass, with all it needs.
pub(super) struct PassTask {
    pub due: Instant,
    pub manual: bool,
    pub probe: Arc<Probe>,
    pub slot: Arc<Slot>,
    pub cancel: CancellationToken,
    /// The host's gate first: who waits for a hanging host holds no place of the others.
    pub gates: [Arc<Semaphore>; 2],
    pub metrics: Arc<ExporterMetrics>,
    pub clock: Clock,
}

/// How a pass ended.
pub(super) struct Finished {
    pub next: Instant,
    pub has_outcome: bool,
    pub reply: ProbeNow,
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
        // A closed semaphore does not occur: nobody closes one.
        let places = async { (self.gates[0].acquire().await, self.gates[1].acquire().await) };
        let Some(_places) = self.cancel.run_until_cancelled(places).await else {
            return self.conclude(Err(NoOutcome::Cancelled));
        };
        self.metrics.probe_started(self.due.elapsed());
        let _in_flight = InFlight(self.metrics.clone());
        if self.manual {
            self.probe.forgive().await;
        }
        // Boxed: who waits at a gate should not already hold the memory of a whole pass.
        let result = Box::pin(self.probe.pass(&self.cancel)).await;
        self.conclude(result)
    }

    fn conclude(&self, result: Result<Outcome, NoOutcome>) -> Finished {
        let now = Instant::now();
        let later = |wait| now + self.probe.wake_after(wait);
        match result {
            Ok(outcome) => {
                let (wait, success) = (outcome.wait, outcome.is_success());
                let interval = self.probe.target().interval;
                if self.due.elapsed() > interval {
                    self.metrics.overrun();
                }
                publish(&self.slot, outcome, self.clock);
                let kept = Some(self.due + wait).filter(|next| success && *next > now);
                Finished {
                    next: kept.unwrap_or_else(|| later(wait)),
                    has_outcome: true,
                    reply: ProbeNow::Done,
                }
            }
            Err(NoOutcome::Quiet(wait)) => {
                Finished { next: later(wait), has_outcome: false, reply: ProbeNow::Done }
            }
            Err(NoOutcome::Budget(wait)) => self.over_budget(now, wait),
            Err(NoOutcome::Cancelled) => Finished {
                next: now + self.probe.target().interval,
                has_outcome: false,
                reply: ProbeNow::Stopping,
            },
        }
    }

    fn over_budget(&self, now: Instant, wait: Duration) -> Finished {
        let target = &self.slot.info.name;
        tracing::warn!(
            %target,
            wait_seconds = wait.as_secs(),
            "probe put off: the budget of refusing answers of this origin is spent, one more could bring a ban"
        );
        let mut state = TargetState::clone(&self.slot.state());
        state.wait = wait;
        self.slot.publish(state);
        Finished { next: now + wait, has_outcome: true, reply: ProbeNow::RefusalBudget { retry_after: wait } }
    }
}

fn publish(slot: &Slot, outcome: Outcome, clock: Clock) {
    let old = slot.state();
    let mut state = TargetState::clone(&old);
    state.record(outcome, clock.unix());
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
                diagnosis = &*condition.diagnosis,
                "endpoint failing"
            ),
            (Some(reason), None) if new.endpoint(operation).up == Some(true) => {
                tracing::info!(target, %operation, %reason, "endpoint recovered");
            }
            _ => {}
        }
    }
    tracing::debug!(target, up = new.up, wait = ?new.wait, "pass ended");
}
