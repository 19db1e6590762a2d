//! What the writers of families see of one target.

use std::sync::Arc;

use tokio::time::Instant;

use crate::board::{Endpoint, Histogram, HostCount, LogState, Slot, TargetInfo, TargetState};
use crate::domain::{Grant, Operation, Phases};
use crate::exposition::Label;

/// One target at its visit, for the families with at most one sample.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    pub info: &'a TargetInfo,
    pub state: &'a TargetState,
}

/// One target as the writer of a family with any number of samples sees it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub info: &'a TargetInfo,
    /// `target="name"`, escaped.
    pub label: Label<'a>,
    /// Reasons that stand at 0 from the start, for each operation; bits by `Reason::index`.
    pub zero: [u32; Operation::COUNT],
    pub calls: &'a [Call],
    /// Requests for a token by each grant that is ever sent.
    pub grants: &'a [(Grant, u64)],
    pub issued: Option<Instant>,
    pub now: Instant,
    /// What few targets have; `None` without any of it.
    pub rest: Option<&'a Rest>,
}

#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub operation: Operation,
    /// Whether the newest exchange gave what it should.
    pub up: Option<bool>,
    pub ok: u64,
    pub durations: Histogram,
    pub phases: Phases,
}

/// Failures, other answers than 200, a version, logs, a second count.
#[derive(Debug)]
pub struct Rest {
    pub state: Arc<TargetState>,
    /// What the PBX's own logs showed; `None` if none is followed.
    pub log: Option<Arc<LogState>>,
    pub host_count: Option<Arc<HostCount>>,
}

impl Rest {
    pub fn new(slot: &Slot, state: &Arc<TargetState>) -> Option<Self> {
        let (log, host_count) = (slot.log(), slot.host_count());
        let any = log.is_some() || host_count.is_some() || state.version.is_some();
        let any = any || state.endpoints.iter().any(more_than_a_call);
        any.then(|| Self { state: Arc::clone(state), log, host_count })
    }
}

/// Whether it has what no [`Call`] holds.
fn more_than_a_call(endpoint: &Endpoint) -> bool {
    endpoint.condition.is_some() || endpoint.failures.any() || !endpoint.others.is_empty()
}

impl Call {
    pub fn new(operation: Operation, endpoint: &Endpoint) -> Self {
        let Endpoint { up, ok, durations, phases, .. } = *endpoint;
        Self { operation, up, ok, durations, phases }
    }
}
